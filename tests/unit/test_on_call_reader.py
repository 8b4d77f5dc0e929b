"""Who is on call: asked seldom, on a queue, and never said where it is not known."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.fakes import InlineQueue

from oncall_tui.domain.on_call import OLD_S, OnCallShift, Roster, on_call
from oncall_tui.errors import Denied, Offline, SourceError
from oncall_tui.inspection.on_call import AGAIN_S, EVERY_S, OnCallReader
from oncall_tui.runtime.clock import FakeClock

PAYMENTS = OnCallShift(policy="Payments", level=1, person="Alice", email="alice@example.com")


class Pager:
    """Tells what it is given; an error is raised."""

    on_call_lacks = ""

    def __init__(self) -> None:
        self.shifts: Any = (PAYMENTS,)
        self.mine: Any = True
        self.calls: list[str] = []
        self.built = True

    def on_call(self) -> Any:
        return self._tell("on call", self.shifts)

    def on_call_now(self) -> Any:
        return self._tell("mine", self.mine)

    def ready(self, timeout_s: float) -> Any:
        if not self.built:
            raise SourceError("pager is not ready")
        return self

    def _tell(self, call: str, what: Any) -> Any:
        self.calls.append(call)
        if isinstance(what, Exception):
            raise what
        return what


class Rig:
    def __init__(self) -> None:
        self.clock, self.pager = FakeClock(), Pager()
        self.queue: Any = InlineQueue(self.clock)
        self.changed = 0
        self.on_call = OnCallReader({"pager": self.pager.ready}, self._run, self.clock, self._changed)

    def _run(self, source: str, job: Any) -> None:
        assert source == "pager"
        self.queue.run(job)

    def _changed(self) -> None:
        self.changed += 1

    @property
    def roster(self) -> Roster:
        return self.on_call.rosters[0]

    def tick(self, *current: str, after: float = 0.0) -> None:
        self.clock.advance(after)
        self.on_call.tick(current)
        self.queue.settle()


def test_asked_every_five_minutes_and_no_more() -> None:
    rig = Rig()
    rig.on_call.start()
    rig.tick("pager")
    assert rig.pager.calls == ["on call", "mine"]
    for _ in range(29):
        rig.tick("pager", after=10.0)
    assert len(rig.pager.calls) == 2
    rig.tick("pager", after=10.0)
    assert len(rig.pager.calls) == 4
    assert rig.roster == Roster(source="pager", shifts=(PAYMENTS,), mine=True, read_at=rig.clock.now())


def test_a_command_asks_nothing_by_itself() -> None:
    rig = Rig()
    rig.tick("pager")
    assert rig.pager.calls == []


def test_a_source_that_cannot_be_read_is_not_asked_by_itself() -> None:
    rig = Rig()
    rig.on_call.start()
    rig.tick("another")
    assert rig.pager.calls == []


def test_what_was_known_is_kept_with_its_age_where_the_source_fails() -> None:
    rig = Rig()
    rig.on_call.ask("pager")
    rig.queue.settle()
    read_at = rig.clock.now()
    rig.pager.shifts = Offline("no answer", "look at the network")
    rig.clock.advance(EVERY_S)
    (future,) = rig.on_call.refresh()
    assert rig.roster.asking
    rig.queue.settle()
    assert future.result(0) is rig.roster
    assert (rig.roster.shifts, rig.roster.read_at) == ((PAYMENTS,), read_at)
    assert (rig.roster.message, rig.roster.hint) == ("no answer", "look at the network")
    rig.pager.shifts = ()
    rig.clock.advance(AGAIN_S)
    assert rig.on_call.refresh()
    rig.queue.settle()
    assert (rig.roster.shifts, rig.roster.message) == ((), "")


def test_an_engineer_who_looks_twice_asks_once() -> None:
    rig = Rig()
    (first,) = rig.on_call.refresh()
    (again,) = rig.on_call.refresh()
    assert first is again
    rig.queue.settle()
    rig.clock.advance(EVERY_S - 1.0)
    assert rig.on_call.refresh() == []
    assert rig.pager.calls == ["on call", "mine"]


def test_one_that_waits_no_more_takes_nothing_from_the_rest() -> None:
    rig = Rig()
    (future,) = rig.on_call.refresh()
    assert not future.cancel()
    rig.queue.settle()
    assert future.result(0).mine is True


def test_a_source_that_is_not_there_yet_is_asked_as_soon_as_it_is() -> None:
    rig = Rig()
    rig.on_call.start()
    rig.pager.built = False
    rig.on_call.refresh()
    rig.queue.settle()
    assert rig.roster.message == "pager is not ready"
    rig.pager.built = True
    rig.tick("pager")
    assert rig.roster.mine is True
    assert rig.roster.message == ""


def test_what_failed_with_its_source_is_asked_once_when_that_is_back() -> None:
    rig = Rig()
    rig.on_call.start()
    rig.tick()
    rig.pager.shifts = Offline("no answer")
    rig.on_call.refresh()
    rig.tick(after=20.0)
    assert rig.pager.calls == ["on call"]
    rig.tick("pager")
    rig.tick("pager", after=20.0)
    assert rig.pager.calls == ["on call"] * 2
    rig.tick()
    rig.pager.shifts = ()
    rig.tick("pager", after=20.0)
    assert rig.roster.message == ""
    rig.tick()
    rig.tick("pager", after=20.0)  # it was away for a moment, and nothing failed: the five minutes hold
    assert rig.pager.calls == ["on call"] * 3 + ["mine"]


def test_a_bug_of_the_provider_is_told_and_asked_again_later() -> None:
    rig = Rig()
    rig.pager.shifts = KeyError("policy")
    rig.on_call.ask("pager")
    rig.queue.settle()
    assert rig.roster.message == "bug in this provider: KeyError: 'policy'"
    assert not rig.roster.asking


def test_where_only_i_am_not_known_the_duties_are() -> None:
    rig = Rig()
    rig.pager.mine = Denied("users may not be read")
    rig.on_call.ask("pager")
    rig.queue.settle()
    assert (rig.roster.shifts, rig.roster.mine, rig.roster.message) == ((PAYMENTS,), None, "")


def test_an_action_may_come_between_the_two_readings() -> None:
    rig = Rig()
    rig.on_call.ask("pager")
    rig.queue.run(lambda: rig.pager.calls.append("action"))
    rig.queue.settle()
    assert rig.pager.calls == ["on call", "action", "mine"]


def test_it_is_told_that_something_changed() -> None:
    rig = Rig()
    rig.on_call.ask("pager")
    assert rig.changed == 1
    rig.queue.settle()
    assert rig.changed == 2


NOW = 1_800_000_000.0


def roster(mine: bool | None, *on_call: OnCallShift, read_at: float | None = NOW, source: str = "pager") -> Roster:
    return Roster(source=source, shifts=on_call, mine=mine, read_at=read_at)


@pytest.mark.parametrize(
    ("rosters", "said"),
    [
        ([], (None, 0)),
        ([roster(None, PAYMENTS)], (None, 0)),
        ([Roster(source="pager")], (None, 0)),
        ([roster(True, PAYMENTS)], (True, 1)),
        ([roster(True, OnCallShift(policy="Payments", level=2, person="Bob", email="bob@example.com"))], (True, 0)),
        ([roster(False, PAYMENTS)], (False, 0)),
        ([roster(False), roster(None, source="other")], (None, 0)),
        ([roster(False), roster(True, PAYMENTS, source="other")], (True, 1)),
        ([roster(False, read_at=NOW - OLD_S - 1.0)], (None, 0)),
        ([roster(True, PAYMENTS, read_at=NOW - OLD_S - 1.0)], (None, 0)),
        ([roster(True, OnCallShift(policy="Payments", level=1, person="Alice", until=NOW))], (None, 0)),
        ([roster(False, OnCallShift(policy="Payments", level=1, next_person="Alice", next_at=NOW - 1.0))], (None, 0)),
        ([roster(True, OnCallShift(policy="P", level=3, email="ALICE@example.com"), PAYMENTS)], (True, 1)),
    ],
)
def test_on_call_is_said_only_where_it_is_known(rosters: list[Roster], said: tuple[bool | None, int]) -> None:
    assert on_call(rosters, "alice@example.com", NOW) == said


def test_without_an_address_no_level_is_told() -> None:
    assert on_call([roster(True, OnCallShift(policy="P", level=2))], "", NOW) == (True, 0)
