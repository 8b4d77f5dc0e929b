"""Many of PagerDuty's incidents at once, who is on call, and its limits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from tests.providers.contract import bodies
from tests.providers.http.pagerduty.conftest import SPEC, row
from tests.support.fakes import InlineQueue
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.actions.service import ActionService, SourceHandle
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.domain.product import Product
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as Account

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
    assert {type(no) for no in handler.check_many(plans)} == {errors.Refused}
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
