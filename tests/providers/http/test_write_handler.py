"""The one base of HTTP providers' verbs: it refuses, looks again, sends once and reads back, whatever the verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.providers.contract.plugs import PLUGS
from tests.support.fakes import alert

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.base import Context, Receipt
from oncall_tui.providers.http import HandlerContext, Http, WriteHandler
from oncall_tui.providers.write_grace import SETTLE_S
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.testing.suite import Plug

ROW = alert("door/1")
BOARD = Board(version=1, at=0.0, alerts={ROW.id: ROW})


class DoorContext(HandlerContext[str]):
    """A source whose targets are words: ``open`` or ``shut``."""

    gone = "the door is gone"

    def __init__(self, clock: FakeClock, read_only: bool = False) -> None:
        super().__init__("door", Http(source="door", url="http://127.0.0.1:9", clock=clock), clock, read_only)
        self.now: str | errors.SourceError | None = "open"
        self.reads = 0

    def pin(self, alert: Alert) -> dict[str, Any]:
        return {"door": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> str | None:
        assert pin["door"] == "1"
        self.reads += 1
        if isinstance(self.now, errors.SourceError):
            raise self.now
        return self.now

    def unmoved(self, version: str, seen: str) -> Alert:
        if seen != "open":
            raise errors.Refused(f"it is {seen} now")
        return ROW


class Shut(WriteHandler[DoorContext, str]):
    """The verb under test: it writes once, and ``shut`` shows it."""

    writes = 0

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        return self.context.plan(ask, self.context.target(ask, board), title="shut the door", request={"how": "softly"})

    def _write(self, plan: Plan) -> Receipt:
        self.writes += 1
        return Receipt({"door": plan.request["door"]})

    def _shows(self, plan: Plan, receipt: Receipt | None, seen: str) -> Check:
        if seen == "shut":
            return Check(OutcomeState.DONE, "shut")
        return self._sent.absent(plan, "sent, still open", "not shut")


def request(**more: Any) -> ActionRequest:
    values = {"verb": Verb.RESOLVE, "target": ROW.id, "version": ROW.version, "actor": Actor("Alice")}
    return ActionRequest(**{**values, **more})


@pytest.fixture
def context(clock: FakeClock) -> DoorContext:
    return DoorContext(clock)


def test_a_plan_says_who_what_and_when_and_pins_the_target(context: DoorContext, clock: FakeClock) -> None:
    plan = Shut(context).plan(request(), BOARD)
    assert (plan.verb, plan.source, plan.target, plan.version) == (Verb.RESOLVE, "door", ROW.id, ROW.version)
    assert (plan.actor, plan.made_at) == (Actor("Alice"), clock.now())
    assert plan.request == {"door": "1", "how": "softly"}
    assert plan.id != Shut(context).plan(request(), BOARD).id
    assert Shut(context).plan(request(version=""), BOARD).version == ROW.version


def test_nothing_to_pick_from_is_the_rule(context: DoorContext) -> None:
    assert Shut(context).choices(ROW.id, BOARD) == ()
    assert context.reads == 0


@pytest.mark.parametrize(
    "row",
    [None, alert("door/1", state=AlertState.RESOLVED), alert("door/1", source="other")],
    ids=["off the board", "resolved", "of another source"],
)
def test_what_is_not_there_is_refused(context: DoorContext, row: Alert | None) -> None:
    board = Board(version=1, at=0.0, alerts={ROW.id: row} if row else {})
    with pytest.raises(errors.Refused, match="door/1 is resolved, or not there any more"):
        Shut(context).plan(request(), board)


def test_read_only_refuses_before_anything_is_read(clock: FakeClock) -> None:
    context = DoorContext(clock, read_only=True)
    with pytest.raises(errors.Refused, match="read only"):
        Shut(context).plan(request(), BOARD)
    assert context.reads == 0


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        ("shut", errors.Refused("it is shut now")),
        (None, errors.Refused("the door is gone")),
        (errors.Offline("no route"), errors.Refused("not sent, since its state could not be read first: no route")),
    ],
    ids=["moved", "gone", "unreadable"],
)
def test_check_looks_again(
    context: DoorContext, now: str | errors.SourceError | None, refusal: errors.ActionError
) -> None:
    handler = Shut(context)
    plan = handler.plan(request(), BOARD)
    handler.check(plan)
    context.now = now
    with pytest.raises(type(refusal)) as raised:
        handler.check(plan)
    assert raised.value.message == refusal.message
    assert handler.writes == 0


def test_send_makes_one_attempt(context: DoorContext) -> None:
    handler = Shut(context)
    assert handler.send(handler.plan(request(), BOARD)) == Receipt({"door": "1"})
    assert handler.writes == 1


@pytest.mark.parametrize("now", ["open", None], ids=["without the effect", "gone"])
def test_done_only_where_it_shows_and_failed_only_after_the_grace(
    context: DoorContext, clock: FakeClock, now: str | None
) -> None:
    handler = Shut(context)
    plan = handler.plan(request(), BOARD)
    clock.advance(60.0)  # a person took a minute to confirm: the grace counts from the write
    receipt = handler.send(plan)
    context.now = now
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING
    clock.advance(SETTLE_S - 1.0)
    clock.step(3600.0)  # a wall clock that is set ends no grace
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING
    clock.advance(1.0)
    assert handler.verify(plan, receipt).state is OutcomeState.FAILED
    context.now = "shut"
    assert handler.verify(plan, receipt).state is OutcomeState.DONE


def test_an_earlier_sessions_write_has_the_grace_of_its_plan(context: DoorContext, clock: FakeClock) -> None:
    plan = Shut(context).plan(request(), BOARD)
    later = Shut(context)
    assert later.verify(plan, None).state is OutcomeState.PENDING
    clock.advance(SETTLE_S)
    assert later.verify(plan, None).state is OutcomeState.FAILED


@pytest.mark.parametrize("by", [-3 * 3600.0, 0.0])
def test_a_clock_that_was_set_back_ends_an_earlier_sessions_grace_too(
    context: DoorContext, clock: FakeClock, by: float
) -> None:
    plan = Shut(context).plan(request(), BOARD)
    later = Shut(context)
    clock.step(by)
    assert later.verify(plan, None).state is OutcomeState.PENDING
    clock.advance(SETTLE_S)
    assert later.verify(plan, None).state is OutcomeState.FAILED


def test_what_cannot_be_read_back_is_neither_done_nor_failed(context: DoorContext, clock: FakeClock) -> None:
    handler = Shut(context)
    plan = handler.plan(request(), BOARD)
    receipt = handler.send(plan)
    clock.advance(10 * SETTLE_S)
    context.now = errors.Throttled("too many", retry_after_s=17.0)
    check = handler.verify(plan, receipt)
    assert (check.state, check.again_in_s) == (OutcomeState.PENDING, 17.0)
    context.now = errors.Offline("no route")
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING


@pytest.mark.parametrize("plug", PLUGS, ids=lambda plug: plug.name)
def test_no_verb_of_any_provider_goes_past_the_base(plug: Plug, clock: FakeClock) -> None:
    """A verb says what it writes and what shows it; sending once and reading back are the base's alone."""
    context = Context(source="it", actor_email="alice@example.com", clock=clock)
    provider = plug.build("http://127.0.0.1:9", context)
    try:
        handlers = provider.handlers()
        assert handlers
        for verb, handler in handlers.items():
            assert isinstance(handler, WriteHandler), verb
            assert type(handler).send is WriteHandler.send, verb
            assert type(handler).verify is WriteHandler.verify, verb
    finally:
        provider.close()
