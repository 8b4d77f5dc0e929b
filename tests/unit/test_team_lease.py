"""One recorder for a team: the lease is a slot of its store, whatever the store's faults."""

from __future__ import annotations

import random

import pytest
from tests.support.shared_store import Faulty, MemoryStore

from oncall_tui.errors import JournalError
from oncall_tui.journal.lease import LOST_S, RENEWED_S
from oncall_tui.journal.team_lease import READ_AGAIN_S, TeamLease
from oncall_tui.runtime.clock import FakeClock


def test_one_machine_has_it_and_the_next_when_it_is_given_back() -> None:
    store, clock = MemoryStore(), FakeClock()
    first, second, board = (TeamLease(lambda: store, clock) for _ in range(3))
    assert board.holder() is None
    assert first.take()
    assert not second.take()
    clock.advance(READ_AGAIN_S)
    holder = board.holder()
    assert holder is not None
    assert holder.since == clock.now() - READ_AGAIN_S
    assert first.take()
    first.release()
    assert second.take()
    assert not first.take()


def test_a_machine_that_is_gone_loses_it_within_a_minute_whatever_its_wall_clock_says() -> None:
    store, here, there = MemoryStore(), FakeClock(), FakeClock(2_000_000_000.0)
    gone, next_one = TeamLease(lambda: store, there), TeamLease(lambda: store, here)
    assert gone.take()
    waited = 0.0
    while not next_one.take():
        waited += RENEWED_S
        here.advance(RENEWED_S)
    assert LOST_S <= waited < 60.0
    assert not gone.take()  # it is back: it stands by


def test_without_the_store_who_records_goes_on_and_who_stands_by_does_not_begin() -> None:
    store, clock = MemoryStore(), FakeClock()
    ways = [Faulty(store, random.Random(n)) for n in range(2)]
    first, second = (TeamLease(lambda way=way: way, clock) for way in ways)  # type: ignore[misc]
    assert first.take()
    ways[0].cut = ways[1].cut = True
    for _ in range(30):
        clock.advance(RENEWED_S)
        with pytest.raises(JournalError):
            first.take()
        assert not second.take()
        with pytest.raises(JournalError):
            second.holder()
    ways[0].cut = ways[1].cut = False
    assert first.take()
    assert not second.take()


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.everything)])
def test_of_several_at_most_one_is_told_that_it_has_it(seed: int) -> None:
    """Lost answers, late writes and throttling: while none is cut off, no two hold it."""
    chance, store, clock = random.Random(seed), MemoryStore(), FakeClock()
    ways = [Faulty(store, chance, 0.2) for _ in range(4)]
    leases = [TeamLease(lambda way=way: way, clock) for way in ways]  # type: ignore[misc]
    taken = 0
    for step in range(400):
        clock.advance(RENEWED_S)
        held = 0
        for lease in leases:
            try:
                held += lease.take()
            except JournalError:
                continue
        assert held <= 1, (seed, step)
        taken += held
        if step % 50 == 49:
            chance.choice(leases).release()
    assert taken > 200, seed
