"""Which call a rollback is, to which revision, or why it is none: a table, which will grow."""

from __future__ import annotations

from typing import Any

import pytest
from aws_world import task_definition

from oncall_tui.domain.revision import Image, Revision
from oncall_tui.providers.aws import ecs_decode as w
from oncall_tui.providers.aws.rollback import Call, Facts, Past, decide, goes_back, source_of

STOP, UPDATE = Call.STOP, Call.UPDATE


def rev(number: int, digest: str = "", image: str = "", status: str = "ACTIVE") -> Revision:
    shown = Image("app", image or f"registry.example.com/api:v{number}", digest or f"sha256:{number}")
    return Revision(task_definition=task_definition("api", number), arn=f"r{number}", images=(shown,), status=status)


def past(*numbers: int) -> tuple[Past, ...]:
    return tuple(Past(deploy=f"d{n}", revision=rev(n), since=0.0, until=100.0) for n in numbers)


def facts(**more: Any) -> Facts:
    usual: dict[str, Any] = {"now": 1000.0, "deploy": "d", "status": "SUCCESSFUL", "source": rev(41), "target": rev(42)}
    return Facts(**usual | {"began": 988.0, "history": past(41, 40)} | more)


CASES = [
    # what is read, the call, to which revision, a word of the reason or of the warning
    ("in progress", facts(status="IN_PROGRESS"), STOP, ":41", ""),
    ("pending", facts(status="PENDING"), STOP, ":41", ""),
    ("baking", facts(status="IN_PROGRESS", stage="BAKE_TIME"), STOP, ":41", ""),
    ("forced redeploy in progress", facts(status="IN_PROGRESS", source=rev(42)), STOP, ":42", "only renews"),
    ("the one before failed", facts(status="IN_PROGRESS", history=past(40)), STOP, ":41", "may be :40"),
    ("the same choice", facts(status="IN_PROGRESS", choice=task_definition("api", 41)), STOP, ":41", ""),
    ("another choice", facts(status="IN_PROGRESS", choice=task_definition("api", 40)), None, "", "nowhere else"),
    ("first deploy", facts(status="IN_PROGRESS", source=None, history=()), None, "", "first deploy"),
    ("paused", facts(status="IN_PROGRESS", waiting_hook="h-1"), None, "", "ContinueServiceDeployment, action ROLLBACK"),
    ("cleaning up", facts(status="IN_PROGRESS", stage="CLEAN_UP"), None, "", "being removed"),
    ("a rollback in progress", facts(status="IN_PROGRESS", going_back="going back to :42", by="ci/bob"), None, "",
     "going back to :42, 12 s ago, by ci/bob; stopping it would bring :41 back"),
    ("breaker", facts(status="ROLLBACK_IN_PROGRESS", reason="circuit breaker", went_back_to=rev(41)), None, "",
     "a rollback to :41 is under way: circuit breaker"),
    ("rollback asked for", facts(status="ROLLBACK_REQUESTED"), None, "", "under way"),
    ("stopping", facts(status="STOP_REQUESTED"), None, "", "newer one"),
    ("finished", facts(), UPDATE, ":41", ""),
    ("stopped", facts(status="STOPPED"), UPDATE, ":41", ""),
    ("rollback failed", facts(status="ROLLBACK_FAILED"), UPDATE, ":41", ""),
    ("rolled back", facts(status="ROLLBACK_SUCCESSFUL", went_back_to=rev(41)), None, "", "rolled back to :41 already"),
    ("rolled back, further", facts(status="ROLLBACK_SUCCESSFUL", went_back_to=rev(41),
     choice=task_definition("api", 40)), UPDATE, ":40", ""),
    ("finished, a choice", facts(choice=task_definition("api", 40)), UPDATE, ":40", ""),
    ("finished, what runs", facts(choice=task_definition("api", 42), history=past(42, 41)), None, "", "what runs"),
    ("finished, never ran", facts(choice=task_definition("api", 7)), None, "", "never ran well"),
    ("finished rollback", facts(going_back="going back to :42"), None, "", "itself a rollback"),
    ("finished rollback, a choice", facts(going_back="going back to :42", choice=task_definition("api", 40)),
     UPDATE, ":40", ""),
    ("finished rollback, back to the bad", facts(going_back="x", choice=task_definition("api", 41)), UPDATE, ":41",
     "brings it again"),
    ("finished first deploy", facts(source=None, history=()), None, "", "first deploy"),
    ("finished, forced", facts(source=rev(42)), UPDATE, ":41", "only renewed :42"),
    ("finished, forced, nothing else", facts(source=rev(42), history=()), None, "", "no earlier deploy"),
    ("another digest", facts(source=rev(42, digest="sha256:old")), None, "", "another image under the same tag"),
    ("inactive", facts(source=rev(41, status="INACTIVE")), None, "", "INACTIVE"),
    ("a tag that moves", facts(source=rev(41, image="api:latest"), target=rev(42, image="api:latest")), UPDATE, ":41",
     "whatever that tag means now"),
    ("code deploy", facts(controller="CODE_DEPLOY"), None, "", "CodeDeploy"),
    ("external", facts(controller="EXTERNAL"), None, "", "EXTERNAL"),
    ("draining", facts(service_status="DRAINING"), None, "", "DRAINING"),
    ("unreadable", facts(deploy="", target=None), None, "", "not known"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "call", "to", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_decide(read: Facts, call: Call | None, to: str, words: str) -> None:
    found = decide(read)
    assert found.call is call, found.why
    assert (found.to.short if found.to else "") == to
    assert words in (found.why or " ".join(found.warnings))
    assert bool(found.why) is (call is None)


def made(target: int, source: int | None, at: float = 100.0, **more: Any) -> w.ServiceDeploymentW:
    sources = [] if source is None else [w.SummaryW(arn=f"r{source}")]
    return w.ServiceDeploymentW(
        service_deployment_arn="d",
        created_at=at,
        target_service_revision=w.SummaryW(arn=f"r{target}"),
        source_service_revisions=sources,
        **{"status": "IN_PROGRESS", **more},
    )


def ran(*numbers: int, status: str = "SUCCESSFUL") -> list[w.BriefW]:
    return [
        w.BriefW(
            service_deployment_arn=f"d{n}", created_at=float(i), target_service_revision_arn=f"r{n}", status=status
        )
        for i, n in enumerate(numbers)
    ]


@pytest.mark.parametrize(
    ("deploy", "briefs", "words"),
    [
        (made(42, 41), ran(40, 41), ""),
        (made(41, 42), ran(41, 42), "going back to :41"),
        (made(41, 42), ran(41, 42, status="STOPPED"), ""),  # it never ran well
        (made(42, 42), ran(41, 42), ""),  # a forced redeploy
        (made(42, 41), ran(41, 42), ""),  # forward again, to what was rolled back once
        (made(41, None), ran(41), ""),
        (made(42, 41, status="ROLLBACK_IN_PROGRESS", rollback=w.RollbackW(service_revision_arn="r41")), ran(41),
         "going back to :41"),
    ],
)  # fmt: skip
def test_a_rollback_is_known_when_seen(deploy: w.ServiceDeploymentW, briefs: list[w.BriefW], words: str) -> None:
    assert goes_back(deploy, briefs, lambda arn: task_definition("api", int(arn[1:])) if arn else "") == words


def test_of_several_sources_the_one_that_succeeded() -> None:
    deploy = made(43, 41)
    deploy.source_service_revisions = [w.SummaryW(arn="r42", running_task_count=2), w.SummaryW(arn="r41")]
    assert source_of(deploy, ran(41)) == "r41"
