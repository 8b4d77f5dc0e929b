"""Sentry's verbs against the drill's Sentry, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
from tests.providers.http.sentry.conftest import ISSUE, TOKEN, body, options
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm
from oncall_tui.providers.base import Context, ReadRequest, Receipt
from oncall_tui.providers.sentry.provider import SentryProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.services.sentry.api import SimulatedSentry as Organization

# --- acting -----------------------------------------------------------------------------------------------------------


def test_acknowledging_assigns_and_says_so(planned: Any, asked: Asked, sentry: SentryProvider) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    assert (plan.title, plan.confirm) == ("assign KeyError: 'amount' [/red] to Alice", Confirm.NONE)
    assert ("assigned", "nobody → Alice (alice@example.com)") in plan.lines
    assert TOKEN not in repr(plan)
    assert "$PLANTED_TOKEN" in plan.commands[0]
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (OutcomeState.DONE, "assigned to Alice")
    (write,) = asked.writes
    assert (write.method, write.url.path, body(write)) == ("PUT", ISSUE, {"assignedTo": "alice@example.com"})
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.by) == (AlertState.ACKNOWLEDGED, ("Alice",))


def test_who_acts_has_to_be_known(planned: Any) -> None:
    with pytest.raises(errors.Refused) as caught:
        planned(Verb.ACKNOWLEDGE, actor=Actor("alice", guessed=True))
    assert "me.email" in caught.value.hint


def test_a_user_that_sentry_does_not_know(planned: Any) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE, actor=Actor("Mallory", "mallory@example.com"))
    handler.check(plan)
    with pytest.raises(errors.ActionFailed, match=r"Unknown actor input: me\.email is not the primary"):
        handler.send(plan)


def test_another_was_first(planned: Any, organization: Organization, asked: Asked) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="already assigned to Bob"):
        handler.check(plan)
    with pytest.raises(errors.Refused, match="already assigned to Bob"):
        planned(Verb.ACKNOWLEDGE)
    assert not asked.writes


def test_an_issue_that_is_resolved_meanwhile_is_left_alone(planned: Any, organization: Organization) -> None:
    plans = [planned(Verb.ACKNOWLEDGE), planned(Verb.SILENCE, reason="x"), planned(Verb.RESOLVE)]
    organization.resolve("key")
    for plan, handler in plans:
        with pytest.raises(errors.Refused, match="the issue changed: resolved"):
            handler.check(plan)


def test_more_events_are_no_move(planned: Any, organization: Organization) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    organization.report("key", "", "checkout", count=900)
    handler.check(plan)


def test_unacknowledging_gives_back_ones_own_alone(planned: Any, organization: Organization, asked: Asked) -> None:
    with pytest.raises(errors.Refused, match="nobody"):
        planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="assigned to Bob: only they"):
        planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Alice")
    plan, handler = planned(Verb.UNACKNOWLEDGE)
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (
        OutcomeState.DONE,
        "no longer assigned to Alice; assigned to nobody",
    )
    assert body(asked.writes[0]) == {"assignedTo": ""}
    organization.assign("key", "Alice")
    plan, handler = planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="assigned to Bob now"):
        handler.check(plan)


def test_resolving(planned: Any, asked: Asked, organization: Organization) -> None:
    plan, handler = planned(Verb.RESOLVE)
    assert plan.confirm is Confirm.YES
    handler.check(plan)
    receipt = handler.send(plan)
    assert handler.verify(plan, receipt).message == "resolved"
    assert [body(write) for write in asked.writes] == [{"status": "resolved"}]
    organization.report("key", "", "checkout")
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "resolved, and regressed since")


def test_ignoring_has_an_end_and_tells_who_and_why(
    planned: Any, asked: Asked, organization: Organization, clock: FakeClock, sentry: SentryProvider
) -> None:
    with pytest.raises(errors.Refused, match="needs a reason"):
        planned(Verb.SILENCE, for_s=600.0)
    with pytest.raises(errors.Refused, match="above 0 and at most 7d"):
        planned(Verb.SILENCE, for_s=8 * 86400.0, reason="x")
    plan, handler = planned(Verb.SILENCE, for_s=601.0, reason="deploy at nine")
    assert ("ends", "08:11 UTC, after 11 min; it ends on its own") in plan.lines
    assert plan.writes == 2
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (
        OutcomeState.DONE,
        "ignored until 08:11 UTC; who and why are in a comment",
    )
    change, comment = asked.writes
    assert body(change) == {"status": "ignored", "statusDetails": {"ignoreDuration": 11}}
    assert comment.url.path == ISSUE + "comments/"
    assert body(comment) == {"text": "Ignored until 08:11 UTC by Alice with oncall-tui: deploy at nine"}
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.until, alert.verbs) == (AlertState.SILENCED, clock.at + 660, {Verb.RESOLVE})
    clock.advance(661)
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.until) == (AlertState.FIRING, None)


def test_the_same_comment_within_an_hour_is_there_already(
    planned: Any, organization: Organization, clock: FakeClock
) -> None:
    for waited, words in ((0.0, ""), (60.0, ", which was there already"), (3700.0, "")):
        clock.advance(waited)
        organization.report("key", "KeyError: 'amount' [/red]", "checkout", "error")
        plan, handler = planned(Verb.RESOLVE, reason="fixed by hand")
        check = handler.verify(plan, handler.send(plan))
        assert (check.state, check.message) == (OutcomeState.DONE, f"resolved; who and why are in a comment{words}")
        organization.reopen("key")
    assert len(organization.state()["issues"][0]["comments"]) == 2


def test_a_comment_that_is_not_taken_is_said(planned: Any, asked: Asked) -> None:
    plan, handler = planned(Verb.SILENCE, for_s=600.0, reason="why")
    asked.spoil = lambda request: httpx.Response(403, json={"detail": "no"}) if "comments" in request.url.path else None
    check = handler.verify(plan, handler.send(plan))
    assert check.state is OutcomeState.DONE
    assert "who and why are not in Sentry" in check.message
    assert len(asked.writes) == 2


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(
    ("verb", "more"), [(Verb.ACKNOWLEDGE, {}), (Verb.RESOLVE, {}), (Verb.SILENCE, {"for_s": 600.0, "reason": "x"})]
)
def test_a_lost_answer_is_told_by_reading(
    planned: Any, asked: Asked, clock: FakeClock, verb: Verb, more: dict[str, Any], effect: bool
) -> None:
    plan, handler = planned(verb, **more)

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET":
            return None
        if effect:
            asked.truly(request)
        raise httpx.ReadTimeout("x")

    asked.spoil = lost
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert len(asked.writes) == 1  # and no comment on what may not be so
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.PENDING)
    clock.advance(15)
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.FAILED)


def test_anothers_ignoring_is_not_taken_for_ours(planned: Any, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned(Verb.SILENCE, for_s=600.0, reason="x")
    other = httpx.Request(
        "PUT",
        f"https://sentry.io{ISSUE}",
        json={"status": "ignored", "statusDetails": {"ignoreDuration": 300}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert asked.truly(other).is_success
    clock.advance(15)
    check = handler.verify(plan, None)
    assert check.state is OutcomeState.FAILED
    assert "ignored until 13:00 UTC" in check.message


def test_an_issue_that_is_gone(planned: Any, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    asked.spoil = lambda request: httpx.Response(404, json={"detail": "The requested resource does not exist"})
    with pytest.raises(errors.Refused, match="does not have this issue any more"):
        handler.check(plan)
    clock.advance(15)
    assert handler.verify(plan, Receipt({"assignee": "100"})).state is OutcomeState.FAILED


def test_denied_writing_names_the_scope(planned: Any, asked: Asked) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    asked.spoil = lambda request: httpx.Response(403, json={"detail": "no"})
    with pytest.raises(errors.ActionFailed) as caught:
        handler.send(plan)
    assert "the scope event:write" in caught.value.hint


def test_read_only_writes_nothing(
    asked: Asked, clock: FakeClock, board_of: Callable[[Any], Board], monkeypatch: pytest.MonkeyPatch, alice: Actor
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    quiet = Context(source="errors", actor_email="", clock=clock, read_only=True)
    sentry = build(options(), quiet, asked.transport)
    board = board_of(sentry)
    (alert,) = board.alerts.values()
    assert alert.verbs == frozenset()
    for verb, handler in sentry.handlers().items():
        with pytest.raises(errors.Refused, match="read only"):
            handler.plan(
                ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=alice, reason="x"), board
            )


# The body of "Update an Issue", and of its statusDetails, as the published schema has them: nothing else may be sent.
class Details(msgspec.Struct, forbid_unknown_fields=True):
    ignoreDuration: Annotated[int, msgspec.Meta(ge=1)]


class Update(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal["resolved", "resolvedInNextRelease", "unresolved", "ignored"] | msgspec.UnsetType = msgspec.UNSET
    statusDetails: Details | msgspec.UnsetType = msgspec.UNSET
    assignedTo: str | msgspec.UnsetType = msgspec.UNSET


def test_what_is_sent_is_what_the_schema_has(planned: Any, asked: Asked, organization: Organization) -> None:
    for verb, more in (
        (Verb.ACKNOWLEDGE, {}),
        (Verb.UNACKNOWLEDGE, {}),
        (Verb.SILENCE, {"reason": "x"}),
        (Verb.RESOLVE, {"reason": "fixed"}),
    ):
        plan, handler = planned(verb, **more)
        handler.check(plan)
        handler.send(plan)
        organization.report("key", "", "checkout")
        organization.reopen("key")
    sent = [write for write in asked.writes if write.url.path == ISSUE]
    assert len(sent) == 4
    for write in sent:
        assert write.method == "PUT"
        assert write.headers["content-type"] == "application/json"
        msgspec.json.decode(write.content, type=Update)


def test_single_issues_are_asked_for_four_times_a_second(
    planned: Any, clock: FakeClock, waited: list[float], asked: Asked
) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    began = clock.at
    for _ in range(9):
        handler.check(plan)
    assert clock.at - began == pytest.approx(2.0)
    assert len(waited) == 2
    assert dict(asked.requests[-1].url.params.multi_items())["collapse"]
