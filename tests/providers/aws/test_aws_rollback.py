"""Which call a rollback is, to which revision, or why it is none: every line of the table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aws_world import task_definition

from oncall_tui.domain.remembered import AlertStart
from oncall_tui.domain.revision import Image, Revision
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.codedeploy import definition_in
from oncall_tui.providers.aws.ecs.rollback.decide import decide
from oncall_tui.providers.aws.ecs.rollback.decision_table import TABLE, Call, RollbackInputs, Rule
from oncall_tui.providers.aws.ecs.rollback.history import (
    Candidate,
    RunPeriod,
    goes_back,
    put_there,
    replaced,
    source_of,
    succeeded_last,
)

STOP, HOOK, UPDATE, CD_STOP, CD_CREATE = Call.STOP, Call.HOOK, Call.UPDATE, Call.CD_STOP, Call.CD_CREATE
DAY = 86_400.0


def definition(number: int) -> str:
    return task_definition("api", number)


def rev(number: int, digest: str = "", image: str = "", status: str = "ACTIVE") -> Revision:
    shown = Image("app", image or f"registry.example.com/api:v{number}", digest or f"sha256:{number}")
    return Revision(task_definition=definition(number), arn=f"r{number}", images=(shown,), status=status)


def candidate(number: int, length_s: float = DAY, blamed: str = "", **more: Any) -> Candidate:
    """One that ran; *blamed*: an alert that began just after its deploy."""
    spell = RunPeriod(deploy=f"d{number}", revision=rev(number, **more), started=0.0, since=0.0, until=length_s)
    alerts = (AlertStart(1.0, blamed),) if blamed else ()
    return Candidate(revision=rev(number, **more), run_periods=(spell,), alerts=alerts, blamed=alerts)


def facts(**more: Any) -> RollbackInputs:
    usual: dict[str, Any] = {"now": 1000.0, "deploy": "d", "status": "SUCCESSFUL", "source": rev(41), "target": rev(42)}
    return RollbackInputs(**usual | {"began": 988.0, "candidates": (candidate(41), candidate(40))} | more)


def going(**more: Any) -> RollbackInputs:
    return facts(status="IN_PROGRESS", **more)


def code_deploy(status: str, **more: Any) -> RollbackInputs:
    return facts(controller="CODE_DEPLOY", strategy="CODE_DEPLOY", status=status, **more)


L = Rule
CASES = [
    # the line, what is read, the call, to which revision, a word of the reason, the hint or a warning
    (L.PROGRESS, "rolling", going(), STOP, ":41", ""),
    (L.PROGRESS, "pending", facts(status="PENDING"), STOP, ":41", ""),
    (L.PROGRESS, "blue/green", going(strategy="BLUE_GREEN", stage="SCALE_UP"), STOP, ":41", ""),
    (L.PROGRESS, "linear", going(strategy="LINEAR", stage="PRODUCTION_TRAFFIC_SHIFT"), STOP, ":41", ""),
    (L.PROGRESS, "canary", going(strategy="CANARY", stage="PRODUCTION_TRAFFIC_SHIFT"), STOP, ":41", ""),
    (L.PROGRESS, "the choice is what ran before", going(choice=definition(41)), STOP, ":41", ""),
    (L.PROGRESS, "chosen though doubted", going(candidates=(candidate(41, 60.0), candidate(40)),
     choice=definition(41)), STOP, ":41", "ran 1m only"),
    (L.PROGRESS, "renews another image", going(source=rev(42, digest="sha256:old"), candidates=(
     Candidate(revision=rev(42, digest="sha256:old"), source=True),)), STOP, ":42", "goes back to that image"),
    (L.PROGRESS, "nothing better than a doubted one", going(candidates=(candidate(41, 60.0),)), STOP, ":41", "1m only"),
    (L.BAKING, "blue/green", going(strategy="BLUE_GREEN", stage="BAKE_TIME"), STOP, ":41", ""),
    (L.PAUSED, "a hook waits", going(strategy="CANARY", hook="h-1"), HOOK, ":41", ""),
    (L.CLEAN_UP, "blue goes", going(strategy="BLUE_GREEN", stage="CLEAN_UP"), None, "", "being removed"),
    (L.ELSEWHERE, "a choice", going(choice=definition(40)), UPDATE, ":40", "stopping it restores :41"),
    (L.ELSEWHERE, "a hot-fix over a bad one", going(candidates=(candidate(41, blamed="5xx"), candidate(40))), UPDATE,
     ":40", "stopping it restores :41"),
    (L.ELSEWHERE, "overtook another", going(unsure=True), UPDATE, ":41", "is not known"),
    (L.PROGRESS, "overtook another", going(unsure=True, strategy="BLUE_GREEN"), STOP, ":41", ""),
    (L.ELSEWHERE, "only renews", going(source=rev(42)), UPDATE, ":41", "only renews :42"),
    (L.ELSEWHERE, "linear", going(strategy="LINEAR", choice=definition(40)), None, "", "nowhere else"),
    (L.ELSEWHERE, "paused", going(hook="h-1", choice=definition(40)), None, "", "nowhere else"),
    (L.GOING_BACK, "breaker", facts(status="ROLLBACK_IN_PROGRESS", reason="circuit breaker", went_back_to=rev(41)),
     None, "", "a rollback to :41 is under way: circuit breaker"),
    (L.GOING_BACK, "asked for", facts(status="ROLLBACK_REQUESTED"), None, "", "under way"),
    (L.STOPPING, "", facts(status="STOP_REQUESTED"), None, "", "newer one"),
    (L.IS_ROLLBACK, "under way", going(going_back="going back to :42", by="ci/bob"), None, "",
     "going back to :42, 10s ago, by ci/bob; stopping it restores :41"),
    (L.IS_ROLLBACK, "finished", facts(going_back="going back to :42"), None, "", "itself a rollback"),
    (L.IS_ROLLBACK, "to the bad one", facts(going_back="x", choice=definition(41)), None, "", "would undo that"),
    (L.IS_ROLLBACK, "ECS's own", facts(status="ROLLBACK_SUCCESSFUL", went_back_to=rev(41)), None, "",
     "rolled back to :41 already"),
    (L.IS_ROLLBACK, "ECS's own, to the bad one", facts(status="ROLLBACK_SUCCESSFUL", went_back_to=rev(41),
     choice=definition(42)), None, "", "would undo that"),
    (L.FINISHED, "successful", facts(), UPDATE, ":41", ""),
    (L.FINISHED, "stopped", facts(status="STOPPED"), UPDATE, ":41", ""),
    (L.FINISHED, "rollback failed", facts(status="ROLLBACK_FAILED"), UPDATE, ":41", ""),
    (L.FINISHED, "a choice", facts(choice=definition(40)), UPDATE, ":40", ""),
    (L.FINISHED, "further back", facts(status="ROLLBACK_SUCCESSFUL", went_back_to=rev(41), choice=definition(40)),
     UPDATE, ":40", ""),
    (L.FINISHED, "further back than a rollback", facts(going_back="x", choice=definition(40)), UPDATE, ":40", ""),
    (L.FINISHED, "the one before ran a moment", facts(candidates=(candidate(41, 600.0), candidate(40))), UPDATE, ":40",
     ""),
    (L.FINISHED, "the one before had alerts", facts(candidates=(candidate(41, blamed="5xx"), candidate(40))), UPDATE,
     ":40", ""),
    (L.FINISHED, "a forced redeploy", facts(source=rev(42)), UPDATE, ":41", ""),
    (L.FINISHED, "a tag that moves", facts(target=rev(42, image="api:latest"),
     candidates=(candidate(41, image="api:latest"),)), UPDATE, ":41", "had another digest then"),
    (L.FINISHED, "deregistered, an older one is not", facts(candidates=(candidate(41, status="INACTIVE"),
     candidate(40))), UPDATE, ":40", ""),
    (L.FINISHED, "never seen running", facts(choice=definition(39), candidates=(Candidate(revision=rev(39)),)), UPDATE,
     ":39", "never seen running"),
    (L.FIRST, "under way", going(source=None, candidates=()), None, "", "first deploy"),
    (L.FIRST, "finished", facts(source=None, candidates=()), None, "", "first deploy"),
    (L.NOWHERE, "what runs", facts(choice=definition(42)), None, "", "already running"),
    (L.NOWHERE, "not of its history", facts(choice=definition(7)), None, "", "neither of this service's history"),
    (L.NOWHERE, "only renewed", facts(source=rev(42), candidates=()), None, "", "no earlier deploy"),
    (L.NOWHERE, "another digest", facts(source=rev(42, digest="sha256:old")), None, "", "image under the same tag"),
    (L.NOWHERE, "all deregistered", facts(candidates=(candidate(41, status="INACTIVE"),)), None, "", "INACTIVE"),
    (L.NOWHERE, "a deregistered choice", facts(choice=definition(41), candidates=(candidate(41, status="INACTIVE"),)),
     None, "", "ECS will not start it"),
    (L.NOWHERE, "never seen running is no default", facts(candidates=(Candidate(revision=rev(39)),)), None, "",
     "never seen running"),
    (L.UNREADABLE, "denied", facts(unreadable="ListServiceDeployments is denied"), None, "", "is denied"),
    (L.NOWHERE, "no deploy in 90 days", facts(deploy="", status="", source=None, candidates=()), None, "", "90 days"),
    (L.FINISHED, "no deploy in 90 days, a choice", facts(deploy="", status="", source=None, choice=definition(39),
     candidates=(Candidate(revision=rev(39)),)), UPDATE, ":39", "never seen running"),
    (L.UNREADABLE, "no deploy", facts(deploy="", target=None), None, "", "not known"),
    (L.UNREADABLE, "a new word of ECS", facts(status="FLYING"), None, "", "FLYING"),
    (L.UNREADABLE, "a new word of CodeDeploy", code_deploy("Flying"), None, "", "Flying"),
    (L.UNREADABLE, "a new controller", facts(controller="MAGIC"), None, "", "MAGIC"),
    (L.INACTIVE, "draining", facts(service_status="DRAINING"), None, "", "DRAINING"),
    *((L.CD_PROGRESS, s, code_deploy(s), CD_STOP, ":41", "") for s in ("Created", "Queued", "InProgress", "Baking",
     "Ready")),
    (L.CD_PROGRESS, "elsewhere", code_deploy("InProgress", choice=definition(40)), None, "", "nowhere else"),
    *((L.CD_FINISHED, s, code_deploy(s, source=None), CD_CREATE, ":41", "") for s in ("Succeeded", "Failed",
     "Stopped")),
    (L.CD_FINISHED, "a choice", code_deploy("Succeeded", source=None, choice=definition(40)), CD_CREATE, ":40", ""),
    (L.CD_ROLLBACK, "finished, to the bad one", code_deploy("Succeeded", going_back="x", undone=definition(42),
     target=rev(41), candidates=(candidate(42), candidate(40)), choice=definition(42)), None, "",
     "from :42 to :41 by unknown: this would undo that"),
    (L.CD_FINISHED, "further back than a rollback", code_deploy("Succeeded", going_back="x", undone=definition(42),
     target=rev(41), candidates=(candidate(42), candidate(40)), choice=definition(40)), CD_CREATE, ":40", ""),
    (L.FINISHED, "an older suspect, the tag moved since", facts(picked="older", source=rev(42, digest="sha256:old")),
     UPDATE, ":41", ""),
    (L.CD_ROLLBACK, "under way", code_deploy("InProgress", going_back="going back to :41"), None, "", "rolling back"),
    (L.EXTERNAL, "", facts(controller="EXTERNAL"), None, "", "update-service-primary-task-set"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "read", "call", "to", "words"), [(c[0], *c[2:]) for c in CASES], ids=[f"{c[0]}: {c[1]}" for c in CASES]
)
def test_decide(line: Rule, read: RollbackInputs, call: Call | None, to: str, words: str) -> None:
    found = decide(read)
    assert found.call is call, found.why
    assert found.line is line
    assert (found.to.revision.short if found.to else "") == to
    assert words in " ".join((found.why, found.hint, *found.warnings))
    assert bool(found.why) is (call is None)


def test_every_line_of_the_table_has_a_case_and_words() -> None:
    assert {c[0] for c in CASES} == set(Rule) == set(TABLE)


def test_what_is_passed_over_is_said() -> None:
    found = decide(
        facts(candidates=(candidate(43, 60.0, blamed="5xx"), candidate(42, status="INACTIVE"), candidate(41)))
    )
    assert found.to is not None
    assert found.to.revision.short == ":41"
    assert found.passed_over == (
        ":43 ran 1m only and 1 alert began within an hour of its deploy: 5xx",
        ":42 is INACTIVE (deregistered)",
    )


# --- knowing a rollback when one is seen ------------------------------------------------------------------------------


def made(target: int, source: int | None, at: float = 100.0, **more: Any) -> w.EcsServiceDeployment:
    sources = [] if source is None else [w.EcsSummary(arn=f"r{source}")]
    return w.EcsServiceDeployment(
        service_deployment_arn="d",
        created_at=at,
        target_service_revision=w.EcsSummary(arn=f"r{target}"),
        source_service_revisions=sources,
        **{"status": "IN_PROGRESS", **more},
    )


def ran(*numbers: int, status: str = "SUCCESSFUL") -> list[w.EcsBrief]:
    return [
        w.EcsBrief(
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
        (made(41, 41), ran(41, 42, 41), "going back to :41"),  # of a rollback
        (made(42, 41), ran(41, 42), ""),  # forward again, to what was rolled back once
        (made(41, None), ran(41), ""),
        (made(42, 41, status="ROLLBACK_IN_PROGRESS", rollback=w.EcsRollback(service_revision_arn="r41")), ran(41),
         "going back to :41"),
        (made(42, 41, status="ROLLBACK_FAILED", rollback=w.EcsRollback(service_revision_arn="r41")), ran(41), ""),
    ],
)  # fmt: skip
def test_a_rollback_is_known_when_seen(deploy: w.EcsServiceDeployment, briefs: list[w.EcsBrief], words: str) -> None:
    assert goes_back(deploy, briefs, lambda arn: definition(int(arn[1:])) if arn else "") == words


def test_of_several_sources_the_one_that_succeeded() -> None:
    deploy = made(43, 41)
    deploy.source_service_revisions = [w.EcsSummary(arn="r42", running_task_count=2), w.EcsSummary(arn="r41")]
    assert source_of(deploy, ran(41)) == "r41"


@pytest.mark.parametrize(
    ("sources", "briefs", "left"),
    [
        (["r41"], [*ran(41), *ran(42, status="STOPPED")], "r42"),  # tasks of :41 ran all the time
        ([], [*ran(41), *ran(42, status="STOPPED")], "r42"),  # no task ran
        ([], [*ran(41), *ran(42, status="ROLLBACK_FAILED")], "r42"),
        (["r41"], ran(40, 41), "r41"),  # a forced redeploy
        (["r42"], ran(41, 42), "r42"),
        ([], [], ""),
    ],
)
def test_a_rollback_names_what_it_replaces(sources: list[str], briefs: list[w.EcsBrief], left: str) -> None:
    deploy = made(41, None)
    deploy.target_service_revision = w.EcsSummary(arn="r41b")
    deploy.source_service_revisions = [w.EcsSummary(arn=arn) for arn in sources]
    briefs = [msgspec.structs.replace(b, created_at=float(at)) for at, b in enumerate(briefs)]
    assert replaced(deploy, briefs, lambda arn: definition(int(arn[1:3])) if arn else "") == left


@pytest.mark.parametrize(
    ("briefs", "since"),
    [
        ([*ran(41), *ran(42, status="STOPPED"), *ran(41)], 2.0),
        ([*ran(41), *ran(42, status="ROLLBACK_SUCCESSFUL"), *ran(41)], 1.0),  # … and a forced redeploy
        (ran(40, 41, 41), 1.0),
        ([*ran(41), *ran(42, status="ROLLBACK_SUCCESSFUL")], 1.0),
        (ran(41, 42), 0.0),
        ([], 0.0),
    ],
)
def test_current_is_since_the_last_other_deploy(briefs: list[w.EcsBrief], since: float) -> None:
    timed = [msgspec.structs.replace(b, created_at=float(at), finished_at=float(at)) for at, b in enumerate(briefs)]
    assert put_there(timed, definition(41), lambda arn: definition(int(arn[1:]))) == since


def test_the_guard_tells_who_went_back_wherever_it_did() -> None:
    back = {"by": "Alice", "went_back_at": 940.0, "choice": definition(42)}
    within = facts(status="ROLLBACK_SUCCESSFUL", source=rev(41), target=rev(42), went_back_to=rev(41), **back)
    later = facts(status="SUCCESSFUL", source=rev(42), target=rev(41), going_back="going back to :41", **back)
    stopped = facts(source=rev(41), target=rev(41), going_back="going back to :41", left=definition(42), **back)
    words = "it was rolled back from :42 to :41, 1m ago by Alice: this would undo that"
    assert [decide(within).why, decide(later).why, decide(stopped).why] == [words] * 3


def test_what_succeeded_last() -> None:
    briefs = [*ran(40, 41), *ran(42, status="STOPPED")]
    assert succeeded_last(made(43, 42, at=9.0), briefs) == "r41"
    assert succeeded_last(made(43, 42, at=9.0), ran(42, status="STOPPED")) == ""


@pytest.mark.parametrize("content", ["", "version: 2024-13-45", "a: 0x_", "[" * 3000, "{", "Resources: 3", "- 1"])
def test_an_appspec_that_is_none_names_nothing(content: str) -> None:
    assert definition_in(content) == ""
