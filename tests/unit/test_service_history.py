"""What happened to a service is one history: what became of each deploy, and by whom."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.support.fakes import alert, deploy, revision

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import WENT_BACK, Deploy, DeployState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Actor
from oncall_tui.domain.revision import Revision
from oncall_tui.domain.service_history import DeployHistories, PastAction, deploy_history
from oncall_tui.text.history_words import deploy_status, deploy_summary, named

NOW = 1_800_000_000.0  # 17:00 in Tokyo
TOKYO = ZoneInfo("Asia/Tokyo")
OLD, NEW = revision(41), revision(42)
API = "prod/main/api"
BREAKER = "Service deployment rolled back because the circuit breaker threshold was exceeded."


def bad(**more: Any) -> Deploy:
    """:41→:42, begun at 16:40."""
    return deploy("prod/d1", API, **({"native_id": "d1", "started": NOW - 1200, "old": OLD, "new": NEW} | more))


def back(**more: Any) -> Deploy:
    """:42→:41, a new deploy begun at 16:50, as CI had registered :41 long before."""
    fields = {"native_id": "d2", "started": NOW - 600, "old": NEW, "new": OLD, "rollback": "going back to :41"}
    return deploy("prod/d2", API, **(fields | {"started_by": "ci/deploy", "state": DeployState.IN_PROGRESS} | more))


def past_action(**more: Any) -> PastAction:
    fields: dict[str, Any] = {"plan": "p1", "verb": Verb.ROLL_BACK, "service_id": API, "by": "Alice", "at": NOW - 610}
    return PastAction(**(fields | {"deploy": "d1", "after": NOW - 1200} | more))


STOP = past_action(within=True)
UPDATE = past_action(to=OLD.task_definition)
ROLLED = {"state": DeployState.ROLLED_BACK, "finished": NOW - 540}
DONE = {"state": DeployState.SUCCEEDED, "finished": NOW - 540}


def words(rows: tuple[Deploy, ...], *past_actions: PastAction) -> list[str]:
    return [deploy_summary(d, TOKYO, NOW) for d in deploy_history(rows, past_actions)]


@pytest.mark.parametrize(
    ("rows", "past_actions", "said"),
    [
        ((bad(**ROLLED),), (STOP,), [":41→:42, rolled back to :41 by Alice 16:51"]),
        ((bad(**ROLLED, reason=BREAKER),), (), [":41→:42, rolled back to :41 by the circuit breaker 16:51"]),
        ((bad(**ROLLED, reason="alarm p99"),), (), [":41→:42, rolled back to :41 by an alarm 16:51"]),
        ((bad(**ROLLED),), (), [":41→:42, rolled back to :41 by unknown 16:51"]),
        ((bad(**ROLLED, rollback_to=":40"),), (STOP,), [":41→:42, rolled back to :40 by Alice 16:51"]),
        ((bad(state=DeployState.ROLLING_BACK),), (STOP,), [":41→:42, rolling back to :41 by Alice since 16:49"]),
        (
            (bad(state=DeployState.ROLLBACK_FAILED, finished=NOW - 540),),
            (STOP,),
            [":41→:42, the rollback to :41 by Alice failed 16:51"],
        ),
        (
            (bad(**DONE), back(**DONE)),
            (UPDATE,),
            ["rollback :42→:41, succeeded", ":41→:42, succeeded, rolled back to :41 by Alice 16:51"],
        ),
        (
            (bad(**DONE), back()),
            (UPDATE,),
            ["rollback :42→:41, in progress", ":41→:42, succeeded, rolling back to :41 by Alice since 16:50"],
        ),
        (
            (bad(**DONE), back(**DONE)),
            (),
            ["rollback :42→:41, succeeded", ":41→:42, succeeded, rolled back to :41 by unknown 16:51"],
        ),
        (
            (bad(**DONE), back(**{**DONE, "state": DeployState.FAILED})),
            (UPDATE,),
            ["rollback :42→:41, failed", ":41→:42, succeeded, the rollback to :41 by Alice failed 16:51"],
        ),
    ],
)
def test_each_deploy_says_what_became_of_it(
    rows: tuple[Deploy, ...], past_actions: tuple[PastAction, ...], said: list[str]
) -> None:
    assert words(rows, *past_actions) == said


def test_whoever_registered_the_old_revision_did_not_roll_back() -> None:
    assert [d.started_by for d in deploy_history((back(),), ())] == [""]
    assert [d.started_by for d in deploy_history((back(),), (UPDATE,))] == ["Alice"]
    code = back(read_from="CodeDeploy", started_by="CloudFormation")
    assert [d.started_by for d in deploy_history((code,), ())] == ["CloudFormation"]
    assert [d.started_by for d in deploy_history((bad(started_by="ci/deploy"),), ())] == ["ci/deploy"]


@pytest.mark.parametrize("read_from", ["CodeDeploy", "deployments[]"])
def test_a_stop_that_makes_another_deploy_go_back_is_whoevers_stopped_it(read_from: str) -> None:
    bad_ = bad(**ROLLED, read_from=read_from)
    second = back(**DONE, read_from=read_from, started_by="codeDeployRollback")
    stop = msgspec.structs.replace(STOP, to=OLD.task_definition)
    rows = deploy_history((bad_, second), (stop,))
    assert [d.started_by for d in rows] == ["Alice", bad_.started_by]
    assert [deploy_summary(d, TOKYO, NOW) for d in rows] == [
        "rollback :42→:41, succeeded",
        ":41→:42, rolled back to :41 by Alice 16:51",
    ]
    assert [d.started_by for d in deploy_history((second,), (msgspec.structs.replace(stop, to="another"),))] == [""]


@pytest.mark.parametrize("old", [None, OLD])
def test_a_rollback_leaves_what_its_plan_said(old: Revision | None) -> None:
    """AWS names no task that ran, or only tasks of what is put back."""
    asked = msgspec.structs.replace(UPDATE, from_arn=NEW.task_definition)
    assert words((bad(state=DeployState.STOPPED), back(**DONE, old=old)), asked) == [
        "rollback :42→:41, succeeded",
        ":41→:42, stopped, rolled back to :41 by Alice 16:51",
    ]


def test_first_is_said_only_of_what_is_known_to_be_the_first() -> None:
    assert deploy(old=None).arrow == "not known→:42"
    assert deploy(old=None, first=True).arrow == "first→:42"


def test_a_user_whom_aws_does_not_name_is_told_as_such() -> None:
    reason = "Service deployment rolled back because of a user's request."
    assert words((bad(**ROLLED, reason=reason),)) == [":41→:42, rolled back to :41 by an unknown user 16:51"]
    assert words((bad(**ROLLED, reason=reason),), STOP) == [":41→:42, rolled back to :41 by Alice 16:51"]
    assert words((bad(**ROLLED, reason=BREAKER),)) == [":41→:42, rolled back to :41 by the circuit breaker 16:51"]


def test_a_newer_revision_that_was_picked_is_no_rollback() -> None:
    asked = msgspec.structs.replace(UPDATE, to=revision(43).task_definition, deploy="d1", after=0.0)
    later = deploy("prod/d5", API, native_id="d5", started=NOW - 600, old=NEW, new=revision(43), **DONE)
    assert words((later,), asked) == [":42→:43, succeeded"]


def test_an_undone_rollback_is_told_of_the_deploy_that_was_taken_back() -> None:
    again = deploy("prod/d3", API, native_id="d3", started=NOW - 60, old=OLD, new=NEW, state=DeployState.IN_PROGRESS)
    undo = past_action(plan="p2", verb=Verb.UNDO_ROLLBACK, at=NOW - 61, to=NEW.task_definition, by="Bob")
    rows = deploy_history((bad(**ROLLED), again), (STOP, undo))
    assert [deploy_summary(d, TOKYO, NOW) for d in rows] == [
        "redeploy :41→:42, in progress",
        ":41→:42, rolled back to :41 by Alice 16:51, deployed again by Bob 16:59",
    ]


def test_one_write_makes_one_deploy_and_a_stopped_deploy_is_nobody_elses() -> None:
    other = back(started_by="ci/deploy", **DONE)
    later = msgspec.structs.replace(other, id="prod/d9", native_id="d9", started=NOW - 60)
    assert [d.started_by for d in deploy_history((other, later), (UPDATE,))] == ["", "Alice"]
    assert words((bad(**ROLLED),), msgspec.structs.replace(STOP, deploy="another")) == [
        ":41→:42, rolled back to :41 by unknown 16:51"
    ]


def test_a_restart_between_hides_no_rollback() -> None:
    restart = deploy("prod/d1b", API, native_id="d1b", started=NOW - 900, old=NEW, new=NEW, **DONE)
    assert words((bad(**DONE), restart, back(**DONE)), UPDATE)[-1] == (
        ":41→:42, succeeded, rolled back to :41 by Alice 16:51"
    )


def test_a_rollback_that_a_newer_deploy_overtook_took_nothing_back() -> None:
    newer = deploy("prod/d3", API, native_id="d3", started=NOW - 60, old=NEW, new=revision(43), **DONE)
    rows = (bad(**DONE), back(state=DeployState.STOPPED, finished=NOW - 60), newer)
    assert words(rows)[-1] == ":41→:42, succeeded"


@pytest.mark.parametrize("state", list(DeployState))
def test_an_arrow_is_old_to_new_in_every_state(state: DeployState) -> None:
    assert bad(state=state).arrow == ":41→:42"
    assert named(bad(state=state)) == ":41→:42"
    assert ("to :41" in deploy_status(bad(state=state))) == (state in WENT_BACK)


def test_what_did_not_change_stays_the_same_object() -> None:
    histories, rows = DeployHistories(), {d.id: d for d in (bad(**DONE), back(**DONE))}
    first = histories.apply(rows, {API: (UPDATE,)})
    assert list(first) == list(rows)
    again = histories.apply(dict(rows), {API: (UPDATE,)})
    assert all(again[i] is first[i] for i in rows)
    moved = histories.apply({**rows, "prod/d2": back(**DONE, running=17)}, {API: (UPDATE,)})
    assert moved["prod/d1"] is first["prod/d1"]
    assert moved["prod/d2"] is not first["prod/d2"]


def intent(verb: Verb, operation: str, plan: str = "p1") -> Entry:
    request = {"operation": operation, "cluster": "main", "service": "api", "deploy": "d1", "to": OLD.task_definition}
    made = {"verb": verb, "source": "prod", "request": request}
    return Entry(at=NOW - 610, kind=EntryKind.INTENT, subject=plan, actor="Alice", data={"plan": made})


def outcome(state: str, receipt: dict[str, Any] | None, plan: str = "p1") -> Entry:
    return Entry(at=NOW - 600, kind=EntryKind.OUTCOME, subject=plan, data={"state": state, "receipt": receipt})


class Unread:
    def since(self, at: float, kinds: object) -> list[Entry]:
        raise AssertionError


@pytest.mark.parametrize(
    ("fields", "state", "by"),
    [
        ({"until": NOW + 3600}, "done", ("Alice",)),
        ({"until": NOW + 3640}, "unknown", ("Alice",)),  # the source's own minutes
        ({"until": None}, "done", ("Alice",)),  # until it gets worse: no time is told
        ({"until": NOW + 9000}, "done", ()),  # another silence
        ({"until": NOW + 3600}, "refused", ()),
        ({"until": NOW + 3600, "by": ("Bob",)}, "done", ("Bob",)),  # its source names who did
        ({"state": AlertState.FIRING}, "done", ()),
    ],
)
def test_a_silence_keeps_who_and_why_where_its_source_does_not(
    fields: dict[str, Any], state: str, by: tuple[str, ...]
) -> None:
    request = {"until": NOW + 3600}
    lines = (("reason", "known bug (in a comment, with your name)"),)
    made = {"verb": Verb.SILENCE, "source": "sentry", "target": "sentry/1", "request": request, "lines": lines}
    asked = Entry(at=NOW, kind=EntryKind.INTENT, subject="p9", actor="Alice", data={"plan": made})
    past = PastActions(Unread())  # type: ignore[arg-type]
    past.take([asked, outcome(state, None, "p9")])
    row = alert("sentry/1", **{"state": AlertState.SILENCED, **fields})
    found = past.silenced(row)
    assert ((found.by,) if found else row.by) == by
    assert found is None or found.reason == "known bug"


@pytest.mark.parametrize(
    ("entries", "counts"),
    [
        ([intent(Verb.ROLL_BACK, "StopServiceDeployment")], True),
        ([intent(Verb.ROLL_BACK, "StopServiceDeployment"), outcome("failed", None)], False),
        ([intent(Verb.ROLL_BACK, "StopServiceDeployment"), outcome("failed", {"deploy": "d1"})], True),
        ([intent(Verb.ROLL_BACK, "StopServiceDeployment"), outcome("unknown", None)], True),
        ([intent(Verb.CONTINUE, "ContinueServiceDeployment")], False),
    ],
)
def test_only_what_was_sent_and_not_refused_is_somebodys_deed(entries: list[Entry], counts: bool) -> None:
    past_actions = PastActions(Unread())  # type: ignore[arg-type]
    past_actions.take(entries)
    assert bool(past_actions.current) is counts


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("admin/alice@example.org", "Alice"),
        ("Alice@Example.org", "Alice"),
        ("admin/bob@example.org", "admin/bob@example.org"),
        ("ci/deploy", "ci/deploy"),
        ("", ""),
    ],
)
def test_an_iam_session_with_the_engineers_email_has_the_name_that_the_journal_has(told: str, name: str) -> None:
    """One history names one person once: what was deployed by an own session, and what was done from here."""
    me = Actor("Alice", "alice@example.org")
    rows = DeployHistories(me.known_as).apply({"prod/d1": bad(started_by=told)}, {API: [STOP]})
    assert rows["prod/d1"].started_by == name
    assert Actor("root").known_as("admin/") == "admin/"
