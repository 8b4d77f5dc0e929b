"""Many rows in few calls: an outcome for each, and the words as strict as for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import ALICE, FakeHandler, FakeProvider, InlineQueue

from oncall_tui.actions.service import ActionService, SourceHandle
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.errors import ActionError, ActionFailed, Offline, OncallError, OutcomeUnknown, Refused
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt
from oncall_tui.runtime.clock import FakeClock

DONE, FAILED, REFUSED, UNKNOWN = OutcomeState.DONE, OutcomeState.FAILED, OutcomeState.REFUSED, OutcomeState.UNKNOWN


class Many(FakeHandler):
    """An acknowledge of at most 250 in a call; *forbidden* targets are left out by the other side."""

    at_once = 250

    def __init__(self, provider: FakeProvider) -> None:
        super().__init__(provider)
        self.calls: list[str] = []
        self.forbidden: set[str] = set()
        self.send_many_raises: list[Exception | None] = []
        self.verify_many_raises: list[Exception | None] = []

    def plan_many(self, asks: Sequence[ActionRequest], board: Board) -> list[Plan | ActionError]:
        self.calls.append(f"plan {len(asks)}")
        return [self._planned(ask, board) for ask in asks]

    def _planned(self, ask: ActionRequest, board: Board) -> Plan | ActionError:
        state = self.provider.alerts[ask.target].state
        return Refused("already resolved, not reopened") if state is AlertState.RESOLVED else self.plan(ask, board)

    def check_many(self, plans: Sequence[Plan]) -> list[ActionError | None]:
        self.calls.append(f"check {len(plans)}")
        found: list[ActionError | None] = []
        for plan in plans:
            try:
                self.check(plan)
                found.append(None)
            except Refused as error:
                found.append(error)
        return found

    def send_many(self, plans: Sequence[Plan]) -> list[Receipt | ActionError]:
        self.calls.append(f"send {len(plans)}")
        error = self.send_many_raises.pop(0) if self.send_many_raises else None
        if error is None or self.effect_anyway:
            results: list[Receipt | ActionError] = [
                ActionFailed("forbidden") if p.target in self.forbidden else self.send(p) for p in plans
            ]
        if error is not None:
            raise error
        return results

    def verify_many(self, plans: Sequence[Plan], receipts: Sequence[Receipt | None]) -> list[Check]:
        self.calls.append(f"verify {len(plans)}")
        if self.verify_many_raises and (error := self.verify_many_raises.pop(0)):
            raise error
        return [self.verify(p, r) for p, r in zip(plans, receipts, strict=True)]


class Bench:
    """An action service over one source whose acknowledge takes many at once."""

    def __init__(self, folder: Path, count: int) -> None:
        self.clock = FakeClock()
        self.provider = FakeProvider(clock=self.clock)
        self.handler = Many(self.provider)
        self.provider.acknowledge = self.handler
        self.alerts = [self.provider.add(f"a{n:03d}") for n in range(count)]
        self.queue = InlineQueue(self.clock)
        self.journal = Journal(folder / "journal.db", self.clock.now)
        source = SourceHandle("fake", self.queue, lambda timeout: self.provider, lambda: None)  # type: ignore[arg-type]
        nothing: Callable[[], None] = lambda: None  # noqa: E731
        self.actions = ActionService(
            {"fake": source},
            self.journal,
            self.clock,
            lambda verb, target: Board(version=1, at=0.0, alerts=self.provider.alerts),
            lambda plan: plan,
            nothing,
            False,
            0.0,
            lambda plan: "",
        )

    def plans(self) -> list[Plan | OncallError]:
        asks = [
            ActionRequest(verb=Verb.ACKNOWLEDGE, target=a.id, version=self.provider.alerts[a.id].version, actor=ALICE)
            for a in self.alerts
        ]
        futures = self.actions.plan_many(asks)
        self.queue.settle()
        found: list[Plan | OncallError] = []
        for future in futures:
            error = future.exception(0)
            assert error is None or isinstance(error, OncallError)
            found.append(error or future.result(0))
        return found

    def carry_out(self, seconds: float = 1.0) -> list[Outcome]:
        plans = [plan for plan in self.plans() if isinstance(plan, Plan)]
        futures = self.actions.execute_many(plans)
        self.queue.settle(seconds)
        return [future.result(0) for future in futures]


def test_300_are_two_calls_and_two_of_them_say_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second call's intents are written after 250 outcomes of the first, one by one: a bound for a busy machine.
    monkeypatch.setattr("oncall_tui.journal.journal.WRITE_TIMEOUT_S", 60.0)
    bench = Bench(tmp_path, 300)
    gone = bench.alerts[7]
    bench.provider.alerts[gone.id] = msgspec.structs.replace(gone, state=AlertState.RESOLVED)
    bench.handler.forbidden.add(bench.alerts[280].id)
    refused = [p for p in bench.plans() if isinstance(p, OncallError)]
    assert [str(error) for error in refused] == ["already resolved, not reopened"]
    outcomes = bench.carry_out()
    assert [o.state for o in outcomes].count(DONE) == 298, {o.message for o in outcomes}
    assert [(o.target, o.message) for o in outcomes if o.state is not DONE] == [(bench.alerts[280].id, "forbidden")]
    assert [c for c in bench.handler.calls if c.startswith("send")] == ["send 250", "send 49"]
    assert bench.handler.calls.count("verify 250") == 1
    assert len({o.plan_id for o in bench.actions.outcomes}) == 299


def test_one_whose_own_answer_was_lost_is_read_on_and_not_left_unknown(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    send = bench.handler.send_many

    def one_lost(plans: Sequence[Plan]) -> list[Receipt | ActionError]:
        first, *others = send(plans)
        assert isinstance(first, Receipt)  # it took effect
        return [OutcomeUnknown("lost"), *others]

    bench.handler.send_many = one_lost  # type: ignore[method-assign]
    assert [o.state for o in bench.carry_out()] == [DONE, DONE, DONE]


def test_every_intent_is_on_disk_before_anything_is_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    seen: list[int] = []
    send = bench.handler.send_many

    def look_first(plans: Sequence[Plan]) -> list[Receipt | ActionError]:
        seen.append(len(bench.journal.recent(100, (EntryKind.INTENT,))))
        return send(plans)

    bench.handler.send_many = look_first  # type: ignore[method-assign]
    bench.carry_out()
    assert seen == [3]


def test_one_that_moved_is_left_out_and_the_others_are_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    plans = [plan for plan in bench.plans() if isinstance(plan, Plan)]
    moved = bench.alerts[1]
    bench.provider.alerts[moved.id] = msgspec.structs.replace(moved, state=AlertState.ACKNOWLEDGED)
    futures = bench.actions.execute_many(plans)
    bench.queue.settle(1.0)
    assert [f.result(0).state for f in futures] == [DONE, REFUSED, DONE]
    assert "send 2" in bench.handler.calls


@pytest.mark.parametrize(("took_effect", "state"), [(True, DONE), (False, UNKNOWN)])
def test_a_lost_answer_is_resolved_by_reading(tmp_path: Path, took_effect: bool, state: OutcomeState) -> None:
    bench = Bench(tmp_path, 3)
    bench.handler.effect_anyway = took_effect
    bench.handler.send_many_raises = [OutcomeUnknown("no answer within 5 s")]
    outcomes = bench.carry_out(30.0)
    assert {o.state for o in outcomes} == {state}
    assert [c for c in bench.handler.calls if c.startswith("send")] == ["send 3"]


def test_what_cannot_be_verified_is_unknown_and_read_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.handler.verify_many_raises = [Offline("no answer")] * 12
    outcomes = bench.carry_out(40.0)
    assert {o.state for o in outcomes} == {UNKNOWN}
    bench.queue.settle(60.0)
    assert {o.state for o in bench.actions.outcomes} == {DONE}


def test_a_bug_of_the_handler_ends_every_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.handler.send_many_raises = [ValueError("oh")]
    outcomes = bench.carry_out()
    assert {(o.state, o.message) for o in outcomes} == {(UNKNOWN, "bug: ValueError: oh")}


def test_the_same_key_twice_is_one_action_each(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    plans = [plan for plan in bench.plans() if isinstance(plan, Plan)]
    first, second = bench.actions.execute_many(plans), bench.actions.execute_many(plans)
    bench.queue.settle(1.0)
    assert [c for c in bench.handler.calls if c.startswith("send")] == ["send 2"]
    assert [f.result(0) for f in first] == [f.result(0) for f in second]
