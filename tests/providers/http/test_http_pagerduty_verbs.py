"""PagerDuty's verbs, one by one and in bulk, against the drill's PagerDuty in this process; every body is checked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import jsonschema
import msgspec
import pytest
from tests.providers.contract import bodies
from tests.support.fakes import InlineQueue
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.actions.service import ActionService, SourceHandle
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as Account
from oncall_tui.text import time_format

SPEC: dict[str, Any] = {
    "people": [{"name": name} for name in ("Alice", "Bob", "Carol", "Dave")],
    "policies": [
        {
            "name": "Payments",
            "levels": [{"people": ["Alice"], "schedule": "First", "then": ["Bob"]}, ["Bob"], ["Carol"]],
        },
        {"name": "Shop", "levels": [["Dave"], {"people": []}]},
    ],
    "services": [
        {"name": "payments", "policy": "Payments"},
        {"name": "shop", "policy": "Shop", "acknowledge_timeout": None},
        {"name": "vault", "policy": "Shop", "only": ["Bob"]},
    ],
}


@pytest.fixture
def account(clock: FakeClock) -> Account:
    made = Account(clock.now, spec=SPEC)
    made.trigger("k1", "API 障害", "payments", began=clock.now() - 60)
    return made


@pytest.fixture
def asked(account: Account) -> Iterator[Asked]:
    """Whatever was written has the published shape, whoever wrote it."""
    asked = Asked(account)
    yield asked
    for write in asked.writes:
        assert write.headers["from"]
        bodies.check(bodies.PAGERDUTY, write.method, write.url.path, write.content)


@pytest.fixture
def make(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PagerDutyProvider]:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")

    def built(**more: Any) -> PagerDutyProvider:
        token = Secret("env", ("PLANTED_TOKEN",))
        return build(
            PagerDutyOptions(name="pager", provider="pagerduty", token=token, **more), context, asked.transport
        )

    return built


@pytest.fixture
def pager(make: Callable[..., PagerDutyProvider]) -> PagerDutyProvider:
    return make()


@pytest.fixture
def planned(
    pager: PagerDutyProvider, board_of: Callable[[Any], Board], alice: Actor
) -> Callable[..., tuple[Plan, Any]]:
    """A plan for the first incident, or the one of that title, and the handler."""

    def plan(verb: Verb, title: str = "", actor: Actor = alice, **more: Any) -> tuple[Plan, Any]:
        board = board_of(pager)
        alert = next(a for a in board.alerts.values() if not title or a.title == title)
        handler = pager.handlers()[verb]
        ask = ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=actor, **more)
        return handler.plan(ask, board), handler

    return plan


def done(plan: Plan, handler: Any) -> str:
    """Carry it out; what the verify says."""
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert check.state is OutcomeState.DONE, check.message
    return str(check.message)


def row(pager: PagerDutyProvider, title: str = "API 障害") -> Any:
    return next(a for a in pager.read(ReadRequest()).alerts if a.title == title)


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


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def many(
    account: Account, pager: PagerDutyProvider, alice: Actor, clock: FakeClock
) -> Callable[..., tuple[list[ActionRequest], Board]]:
    def asks(verb: Verb, count: int) -> tuple[list[ActionRequest], Board]:
        for n in range(count):
            account.trigger(f"m{n}", f"m{n}", "payments", "low", began=clock.now() - 60)
        account.trigger("vault", "vault", "vault", "low", began=clock.now() - 60)
        reading = pager.read(ReadRequest())
        board = merge(1, reading.at, (), (reading,))
        rows = [a for a in reading.alerts if a.title != "API 障害"]
        return [ActionRequest(verb=verb, target=a.id, version=a.version, actor=alice) for a in rows], board

    return asks


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.RESOLVE])
def test_many_in_two_calls_with_a_reason_for_each_that_was_not(
    account: Account, pager: PagerDutyProvider, many: Any, asked: Asked, verb: Verb
) -> None:
    asks, board = many(verb, 299)
    handler: Any = pager.handlers()[verb]
    plans = handler.plan_many(asks, board)
    assert all(isinstance(plan, Plan) for plan in plans)
    account.resolve("m7", "Bob")
    before = len(asked.requests)
    refused = handler.check_many(plans)
    assert len(asked.requests) - before <= 5  # listed, and one read alone
    assert [(plan.title, str(no)) for plan, no in zip(plans, refused, strict=True) if no] == [
        (f"{verb} m7", "already resolved by Bob, just now, not reopened (nothing is left to do)")
    ]
    going = [plan for plan, no in zip(plans, refused, strict=True) if no is None]
    came = [it for at in range(0, len(going), handler.at_once) for it in handler.send_many(going[at : at + 250])]
    bulk = [write for write in asked.writes if write.url.path == "/incidents"]
    assert [len(json.loads(write.content)["incidents"]) for write in bulk] == [250, 49]
    failed = [(plan.title, it) for plan, it in zip(going, came, strict=True) if isinstance(it, Exception)]
    assert [(title, type(it)) for title, it in failed] == [(f"{verb} vault", errors.ActionFailed)]
    assert "Access Denied" in str(failed[0][1])
    sent = [(plan, it) for plan, it in zip(going, came, strict=True) if not isinstance(it, Exception)]
    before = len(asked.requests)
    checks = handler.verify_many([plan for plan, _ in sent], [it for _, it in sent])
    assert len(asked.requests) - before <= 12
    assert len(checks) == 298
    assert {check.state for check in checks} == {OutcomeState.DONE}
    assert not any(one["title"] == "m7" and one["status"] != "resolved" for one in account.state()["incidents"])  # type: ignore[index]


def test_a_lost_answer_to_many_is_unknown_for_all_and_told_by_reading(
    pager: PagerDutyProvider, many: Any, asked: Asked, clock: FakeClock
) -> None:
    asks, board = many(Verb.ACKNOWLEDGE, 10)
    handler: Any = pager.handlers()[Verb.ACKNOWLEDGE]
    plans = handler.plan_many(asks, board)[:10]

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET":
            return None
        asked.truly(request)
        raise httpx.ReadTimeout("lost")

    asked.spoil = lost
    with pytest.raises(errors.OutcomeUnknown):
        handler.send_many(plans)
    assert {check.state for check in handler.verify_many(plans, [None] * 10)} == {OutcomeState.DONE}
    assert len(asked.writes) == 1


def test_many_that_cannot_be_listed_are_not_sent(pager: PagerDutyProvider, many: Any, asked: Asked) -> None:
    asks, board = many(Verb.ACKNOWLEDGE, 10)
    handler: Any = pager.handlers()[Verb.ACKNOWLEDGE]
    plans = handler.plan_many(asks, board)
    asked.spoil = lambda request: httpx.Response(503)
    assert {type(no) for no in handler.check_many(plans)} == {errors.ActionFailed}
    assert {check.state for check in handler.verify_many(plans, [None] * len(plans))} == {OutcomeState.PENDING}


class Busy:
    """An account that notices two requests at a time."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._inside = threading.Lock()
        self.together = 0

    def handle(self, request: Request) -> SimulatedAnswer:
        if not self._inside.acquire(blocking=False):
            self.together += 1
            return json_answer({}, 500)
        try:
            time.sleep(0.002)  # long enough to be met by another thread
            return self._account.handle(request)
        finally:
            self._inside.release()


def test_two_sources_with_one_token_ask_one_after_the_other(
    account: Account, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    busy = Busy(account)
    both = [
        build(
            PagerDutyOptions(name=name, provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",))),
            context,
            Asked(busy).transport,
        )
        for name in ("one", "two")
    ]
    with ThreadPoolExecutor(4) as pool:
        readings = [pool.submit(pager.read, ReadRequest()) for pager in both * 8]
        assert all(len(reading.result(20).alerts) == 1 for reading in readings)
    assert busy.together == 0


def test_298_of_300_through_the_action_service(
    account: Account, pager: PagerDutyProvider, many: Any, asked: Asked, clock: FakeClock, tmp_path: Path
) -> None:
    asks, board = many(Verb.ACKNOWLEDGE, 299)
    queue = InlineQueue(clock)
    journal = Journal(tmp_path / "journal.db", clock.now)
    source = SourceHandle("pager", queue, lambda timeout: pager, lambda: None)  # type: ignore[arg-type]
    actions = ActionService(
        {"pager": source},
        journal,
        clock,
        lambda verb, target: board,
        lambda plan: plan,
        lambda: None,
        False,
        0.0,
        lambda plan: "",
    )
    planning = actions.plan_many(asks)
    queue.settle()
    plans = [future.result(0) for future in planning]
    account.resolve("m7", "Bob")
    futures = actions.execute_many(plans)
    queue.settle(30.0)
    outcomes = {plan.title: future.result(0) for plan, future in zip(plans, futures, strict=True)}
    assert len([o for o in outcomes.values() if o.state is OutcomeState.DONE]) == 298
    not_done = {title: (o.state, o.message) for title, o in outcomes.items() if o.state is not OutcomeState.DONE}
    assert not_done["acknowledge m7"][0] is OutcomeState.REFUSED
    assert not_done["acknowledge m7"][1].endswith("not reopened")
    assert not_done["acknowledge vault"][0] is OutcomeState.FAILED
    assert "Access Denied" in not_done["acknowledge vault"][1]
    assert [write.url.path for write in asked.writes].count("/incidents") == 2


# --- who is on call ---------------------------------------------------------------------------------------------------


def test_who_is_on_call_now_and_next(pager: PagerDutyProvider, clock: FakeClock) -> None:
    told = [(d.policy, d.level, d.person, d.next_person, d.services) for d in pager.on_call()]
    assert told == [
        ("Payments", 1, "Alice", "Bob", ("payments",)),
        ("Payments", 2, "Bob", "", ("payments",)),
        ("Payments", 3, "Carol", "", ("payments",)),
        ("Shop", 1, "Dave", "", ("shop", "vault")),
        ("Shop", 2, "", "", ("shop", "vault")),
    ]
    first = pager.on_call()[0]
    assert first.email == "alice@example.com"
    assert first.since is not None
    assert first.until is not None
    assert first.since < clock.now() < first.until
    assert first.next_at == first.until


def test_a_duty_is_for_a_product_by_its_service_or_its_name(pager: PagerDutyProvider) -> None:
    shift = pager.on_call()[0]
    by_label = Product(name="Cards", alerts={"pagerduty_service": "pay*"})
    other = Product(name="payments", alerts={"pagerduty_service": "shop"})
    assert [shift.is_for(it) for it in (by_label, Product(name="PAYMENTS"), other, Product(name="Shop"))] == [
        True,
        True,
        False,
        False,
    ]
    assert by_label.owns_alert(row(pager))  # and so are its incidents


def test_am_i_on_call(
    make: Callable[..., PagerDutyProvider], asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make().on_call_now() is True  # alice, by me.email
    options = PagerDutyOptions(name="p", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)))
    nobody = build(options, msgspec.structs.replace(context, actor_email=""), asked.transport)
    assert nobody.on_call_now() is None
    monkeypatch.setenv("PLANTED_TOKEN", "drill-dave")
    nobody.renew()
    assert nobody.on_call_now() is True


# --- limits -----------------------------------------------------------------------------------------------------------


def _limited(asked: Asked, remaining: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        told = asked.truly(request)
        told.headers.update({"ratelimit-limit": "960", "ratelimit-remaining": str(remaining), "ratelimit-reset": "42"})
        return told

    asked.spoil = answer


def test_with_few_calls_left_the_list_alone_is_read_and_later(pager: PagerDutyProvider, asked: Asked) -> None:
    _limited(asked, 50)
    reading = pager.read(ReadRequest())
    again = pager.read(ReadRequest())
    assert (len(again.alerts), again.calls, again.next_in_s) == (1, 1, 42.0)
    _limited(asked, 900)
    assert pager.read(ReadRequest()).next_in_s == 42.0 or reading.calls == 1
    assert pager.read(ReadRequest()).next_in_s is None


def test_with_no_call_left_a_list_of_pages_stops_before_the_429(
    account: Account, pager: PagerDutyProvider, asked: Asked
) -> None:
    for n in range(150):
        account.trigger(f"m{n}", f"m{n}", "payments", "low")
    _limited(asked, 0)
    with pytest.raises(errors.Throttled) as caught:
        pager.read(ReadRequest())
    assert caught.value.retry_after_s == 42.0
    assert len(asked.requests) == 1


def test_the_drill_counts_calls_where_it_is_told_to(clock: FakeClock, context: Context, monkeypatch: Any) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    asked = Asked(Account(clock.now, spec={**SPEC, "calls_a_minute": 2}))
    options = PagerDutyOptions(name="p", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)))
    pager = build(options, context, asked.transport)
    pager.read(ReadRequest())
    pager.read(ReadRequest())
    with pytest.raises(errors.Throttled) as caught:
        pager.read(ReadRequest())
    assert caught.value.retry_after_s == pytest.approx(60 - clock.now() % 60)
    clock.advance(61)
    pager.read(ReadRequest())


def test_a_body_of_another_shape_is_found_out() -> None:
    both = {
        "incident": {
            "type": "incident_reference",
            "escalation_level": 2,
            "escalation_policy": {"id": "P", "type": "escalation_policy_reference"},
        }
    }
    for wrong in (both, {"incident": {"type": "incident_reference", "status": "triggered"}}, {"incident": {}}):
        with pytest.raises(jsonschema.ValidationError):
            bodies.check(bodies.PAGERDUTY, "PUT", "/incidents/P1", json.dumps(wrong).encode())
