"""PagerDuty's rows and verbs, one at a time, against the drill's PagerDuty in this process; every body is checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from tests.providers.http.pagerduty.conftest import done, row
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as Account
from oncall_tui.text import time_format

# --- what a row tells -------------------------------------------------------------------------------------------------


def test_priority_is_a_label_and_tells_how_bad_it_is(account: Account, pager: PagerDutyProvider) -> None:
    account.trigger("k2", "other", "payments", "low", priority="P1")
    account.trigger("k3", "third", "payments", "low", priority="Vermilion")
    assert (row(pager, "other").severity, row(pager, "other").label("priority")) == (Severity.CRITICAL, "P1")
    assert (row(pager, "third").severity, row(pager, "third").label("priority")) == (Severity.WARNING, "Vermilion")


def test_an_acknowledgement_tells_when_it_lapses_and_a_snooze_is_told_apart(
    account: Account, pager: PagerDutyProvider, planned: Any, clock: FakeClock, asked: Asked
) -> None:
    account.acknowledge("k1", "Alice")
    held = row(pager)
    assert (held.state, held.until) == (AlertState.ACKNOWLEDGED, clock.now() + 1800)
    done(*planned(Verb.SNOOZE, for_s=5400.0))
    snoozed = row(pager)
    assert (snoozed.state, snoozed.until, snoozed.by) == (AlertState.SNOOZED, clock.now() + 5400, ("Alice",))
    reads = [r for r in asked.requests if r.url.path.startswith("/services/")]
    assert len(reads) == 1  # its time-out is known by now
    clock.advance(5401)
    assert row(pager).state is AlertState.FIRING


def test_on_a_service_without_a_time_out_an_end_is_a_snooze(
    account: Account, pager: PagerDutyProvider, planned: Any
) -> None:
    account.trigger("k2", "shop is down", "shop")
    account.acknowledge("k2", "Alice")
    assert (row(pager, "shop is down").state, row(pager, "shop is down").until) == (AlertState.ACKNOWLEDGED, None)
    done(*planned(Verb.SNOOZE, "shop is down", for_s=60.0))
    assert row(pager, "shop is down").state is AlertState.SNOOZED


def test_time_outs_that_cannot_be_read_leave_it_acknowledged(
    account: Account, pager: PagerDutyProvider, planned: Any, asked: Asked
) -> None:
    asked.spoil = lambda request: httpx.Response(403) if request.url.path.startswith("/services/") else None
    account.acknowledge("k1", "Alice")
    done(*planned(Verb.SNOOZE, for_s=5400.0))
    reading = pager.read(ReadRequest())
    assert (reading.alerts[0].state, reading.problems) == (AlertState.ACKNOWLEDGED, ())
    plan, handler = planned(Verb.SNOOZE, for_s=60.0)
    handler.check(plan)  # both words are one for a re-check


def test_only_mine(account: Account, make: Callable[..., PagerDutyProvider], monkeypatch: pytest.MonkeyPatch) -> None:
    account.trigger("k2", "shop is down", "shop")
    assert [a.title for a in make(mine=True).read(ReadRequest()).alerts] == ["API 障害"]  # by me.email
    monkeypatch.setenv("PLANTED_TOKEN", "drill-dave")
    assert [a.title for a in make(mine=True).read(ReadRequest()).alerts] == ["shop is down"]  # by the token


def test_mine_of_nobody_is_said(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    options = PagerDutyOptions(name="pager", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)), mine=True)
    nobody = build(options, msgspec.structs.replace(context, actor_email="nobody@example.com"), asked.transport)
    with pytest.raises(errors.NoCredentials, match=r"me\.email"):
        nobody.read(ReadRequest())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"teams": ("my team",)}, "teams: expected ids"),
        ({"urgencies": ("urgent",)}, "urgencies: expected of high, low"),
    ],
)
def test_options_are_checked(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PagerDutyOptions(name="p", provider="pagerduty", token=Secret("env", ("X",)), **more)


def test_the_timeline_has_the_log_and_related_changes(
    account: Account, pager: PagerDutyProvider, clock: FakeClock, asked: Asked
) -> None:
    account.change("payments", "payments-api: 42 deployed", "ci")
    clock.advance(10)
    account.acknowledge("k1", "Bob")
    told = pager.timeline(row(pager).id)
    assert [(one.by, one.text) for one in told] == [
        ("Bob", "Acknowledged by Bob"),
        ("ci", "change: payments-api: 42 deployed (related service)"),
        ("payments", "Assigned to Alice by payments"),
        ("payments", "Triggered by payments"),
    ]
    asked.spoil = lambda request: httpx.Response(402) if "change_events" in request.url.path else None
    assert len(pager.timeline("pager/" + row(pager).native_id)) == 3  # the plan of this account has no changes


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_resolve(pager: PagerDutyProvider, planned: Any) -> None:
    plan, handler = planned(Verb.RESOLVE)
    assert plan.confirm is Confirm.YES
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    assert done(plan, handler) == "resolved by Alice"
    assert handler.verify(plan, None).state is OutcomeState.DONE
    assert pager.read(ReadRequest()).alerts == ()
    with pytest.raises(errors.Refused, match="already resolved by Alice, just now, not reopened"):
        handler.check(plan)


def test_resolved_by_another_is_not_said_to_be_mine(account: Account, planned: Any, asked: Asked) -> None:
    plan, handler = planned(Verb.RESOLVE)
    account.resolve("k1", "Bob")
    check = handler.verify(plan, None)
    assert (check.state, check.message) == (OutcomeState.FAILED, "resolved by Bob, not by you")
    assert not asked.writes


def test_what_was_resolved_between_the_look_and_the_write_is_said_to_be_open_again(
    account: Account, planned: Any, clock: FakeClock, asked: Asked
) -> None:
    clock.advance(120)
    plan, handler = planned(Verb.ACKNOWLEDGE)
    handler.check(plan)
    account.resolve("k1", "Bob")
    check = handler.verify(plan, handler.send(plan))  # PagerDuty takes it: nothing can refuse that
    assert check.state is OutcomeState.DONE
    assert check.message.startswith("acknowledged by Alice")
    assert check.message.endswith("; Bob resolved it just before, and this opened it again")
    assert check.hint == "resolve it, unless it still goes on"


def test_an_acknowledgement_that_opens_nothing_again_reads_no_log(planned: Any, clock: FakeClock, asked: Asked) -> None:
    clock.advance(120)
    plan, handler = planned(Verb.ACKNOWLEDGE)
    assert "again" not in done(plan, handler)
    assert not [r for r in asked.requests if "log_entries" in r.url.path]


def test_snooze_shows_its_end_and_wants_somebody_to_have_it(account: Account, planned: Any, clock: FakeClock) -> None:
    with pytest.raises(errors.Refused, match="only what is acknowledged"):
        planned(Verb.SNOOZE, for_s=60.0)
    account.acknowledge("k1", "Alice")
    for seconds in (0.0, 604_801.0):
        with pytest.raises(errors.Refused, match="above 0 and at most 7d"):
            planned(Verb.SNOOZE, for_s=seconds)
    plan, handler = planned(Verb.SNOOZE, for_s=7200.0)
    assert plan.title == "snooze API 障害 until 10:00 UTC"
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    assert done(plan, handler) == "snoozed until 10:00 UTC"
    assert handler.verify(plan, None).message == "snoozed until 10:00 UTC"


@pytest.fixture
def tokyo_time() -> None:
    time_format.set_zone(ZoneInfo("Asia/Tokyo"))


@pytest.mark.usefixtures("tokyo_time")
def test_times_are_local(account: Account, asked: Asked, context: Context, alice: Actor, board_of: Any) -> None:
    options = PagerDutyOptions(name="pager", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)))
    tokyo = build(options, context, asked.transport)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANTED_TOKEN", "drill-account")
        account.acknowledge("k1", "Alice")
        board = board_of(tokyo)
        (alert,) = board.alerts.values()
        ask = ActionRequest(verb=Verb.SNOOZE, target=alert.id, version=alert.version, actor=alice, for_s=8 * 3600.0)
        assert tokyo.handlers()[Verb.SNOOZE].plan(ask, board).title.endswith("until 16 Jan 01:00 JST")


def test_reassign_to_a_person_and_to_a_policy(
    account: Account, pager: PagerDutyProvider, planned: Any, asked: Asked, board_of: Any
) -> None:
    account.acknowledge("k1", "Alice")
    handler = pager.handlers()[Verb.REASSIGN]
    board = board_of(pager)
    choices = handler.choices(row(pager).id, board)
    assert [(c.label, c.detail) for c in choices] == [
        ("Bob", "on call: level 2"),
        ("Carol", "on call: level 3"),
        ("Dave", "not on call for this policy"),
        ("policy Shop", "starts at its level 1"),
    ]
    plan, _ = planned(Verb.REASSIGN, choice=choices[2].id)
    assert any("PagerDuty will not escalate it any more" in warning for warning in plan.warnings)
    assert any("it is triggered again" in warning for warning in plan.warnings)
    assert done(plan, handler) == "given to Dave"
    assert set(json.loads(asked.writes[-1].content)["incident"]) == {"type", "assignments"}
    with pytest.raises(errors.Refused, match="Dave has it already"):
        planned(Verb.REASSIGN, choice=choices[2].id)
    plan, _ = planned(Verb.REASSIGN, choice=choices[3].id)
    assert dict(plan.lines)["to"] == "policy Shop, level 1: Dave"
    assert done(plan, handler) == "given to Dave"
    assert set(json.loads(asked.writes[-1].content)["incident"]) == {"type", "escalation_policy"}
    for wrong in ("", "user/", "user/NOBODY", "policy/NOWHERE", "sky/1"):
        with pytest.raises(errors.Refused):
            planned(Verb.REASSIGN, choice=wrong)


def test_escalate_refuses_the_level_that_has_it_and_says_who_was_first(
    account: Account, pager: PagerDutyProvider, planned: Any, clock: FakeClock, asked: Asked, board_of: Any
) -> None:
    with pytest.raises(errors.Refused, match="level 1 has it already: Alice, since 1m ago"):
        planned(Verb.ESCALATE, choice="level:1")
    older, handler = planned(Verb.ESCALATE, choice="level:2")
    other, _ = planned(Verb.ESCALATE, choice="level:2", actor=Actor("Bob", "bob@example.com"))
    handler.send(other)
    clock.advance(20)
    with pytest.raises(errors.Refused, match="already escalated by Bob to Bob 20s ago"):
        handler.check(older)
    with pytest.raises(errors.Refused, match="level 2 has it already: Bob, escalated by Bob 20s ago"):
        planned(Verb.ESCALATE, choice="level:2")
    assert len(asked.writes) == 1


def test_escalate_to_a_person_or_another_policy(pager: PagerDutyProvider, planned: Any, asked: Asked) -> None:
    handler = pager.handlers()[Verb.ESCALATE]
    board_id = row(pager).id
    reading = pager.read(ReadRequest())
    choices = {c.label: c.id for c in handler.choices(board_id, merge(1, 0.0, (), (reading,)))}
    plan, _ = planned(Verb.ESCALATE, choice=choices["Carol"], reason="knows it")
    assert plan.title == "escalate API 障害 to Carol, on call at level 3"
    assert dict(plan.lines)["reason"].startswith("knows it (kept in the journal")
    assert done(plan, handler) == "given to Carol"
    plan, _ = planned(Verb.ESCALATE, choice=choices["policy Shop"])
    assert done(plan, handler) == "given to Dave"
    for write in asked.writes:
        assert "escalation_level" not in json.loads(write.content)["incident"]


def test_merge_says_which_one_stays(account: Account, pager: PagerDutyProvider, planned: Any, clock: FakeClock) -> None:
    account.trigger("k2", "older", "payments", began=clock.now() - 600)
    account.trigger("k3", "newer", "payments", began=clock.now() - 30)
    account.trigger("k4", "elsewhere", "shop")
    handler = pager.handlers()[Verb.MERGE]
    reading = pager.read(ReadRequest())
    first = next(a for a in reading.alerts if a.title == "API 障害")
    choices = handler.choices(first.id, merge(1, 0.0, (), (reading,)))
    assert [(c.label, c.detail) for c in choices] == [
        ("#3 newer", "triggered 30s ago, payments"),
        ("#2 older", "triggered 10m ago, payments"),
    ]
    plan, _ = planned(Verb.MERGE, "API 障害", choice=choices[1].id)
    assert plan.lines == (
        ("stays", "#2 older"),
        ("goes", "#1 API 障害: its 1 alert moves over, and it is resolved"),
    )
    handler.check(plan)
    receipt = handler.send(plan)  # its answer is a reference: no reason to say that it was lost
    assert receipt.data == {"into": choices[1].id.removeprefix("incident/")}
    assert handler.verify(plan, receipt).message == "merged into #2 older"
    assert handler.verify(plan, None).state is OutcomeState.DONE
    assert sorted(a.title for a in pager.read(ReadRequest()).alerts) == ["elsewhere", "newer", "older"]
    assert row(pager, "older").count == 2
    with pytest.raises(errors.Refused, match="no other incident"):
        planned(Verb.MERGE, "older", choice="")


def test_a_user_s_token_acts_for_its_user_and_says_so(
    pager: PagerDutyProvider, planned: Any, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    nobody = Actor("oncall", "", guessed=True)
    with pytest.raises(errors.Refused, match="the acting user"):
        planned(Verb.ACKNOWLEDGE, actor=nobody)
    monkeypatch.setenv("PLANTED_TOKEN", "drill-bob")
    pager.renew()
    plan, handler = planned(Verb.ACKNOWLEDGE, actor=nobody)
    assert plan.warnings == ("me.email is not set: it is done as bob@example.com, whose token it is",)
    handler.check(plan)
    handler.send(plan)
    assert asked.writes[-1].headers["from"] == "bob@example.com"
