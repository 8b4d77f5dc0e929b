"""How long entries are kept, under clocks that are right and clocks that are not; and programs that are killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import killed_journal

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.journal.store import Store

DAY_S = 86_400.0
NOW = 1_800_000_000.0
MOST = 1_000_000
YEAR_S = 365 * DAY_S


def entry(at: float, subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": at, "kind": EntryKind.NOTE, "subject": subject, **fields})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "journal.db")


def prune(store: Store, now: float, keep_days: float = 400.0, times: int = 1) -> int:
    return sum(store.prune(MOST, now - keep_days * DAY_S, now) for _ in range(times))


def test_what_is_older_than_it_is_kept_goes_whatever_it_is_the_oldest_day_first(store: Store) -> None:
    store.append(
        entry(NOW - day * DAY_S, f"{day}", kind=kind)
        for day in range(50, 0, -1)
        for kind in (EntryKind.NOTE, EntryKind.ALERT)
    )
    assert prune(store, NOW, keep_days=40) == 2
    assert store.read()[0].subject == "49"
    assert prune(store, NOW, keep_days=40, times=20) == 2 * 9
    assert [store.read()[0].subject, len(store.read())] == ["40", 80]
    assert prune(store, NOW, keep_days=7, times=50) == 2 * 33


def test_what_is_open_stays_however_old_it_is(store: Store) -> None:
    """A follow-up or an incident is what nobody may forget: it goes with the others once it is done or closed."""

    def word(day: float, kind: EntryKind, subject: str, state: str) -> Entry:
        return entry(NOW - day * DAY_S, subject, kind=kind, data={"title": "why", "state": state})

    store.append([word(60, EntryKind.FOLLOW_UP, "open", "open"), word(59, EntryKind.FOLLOW_UP, "open", "looking")])
    store.append([word(60, EntryKind.FOLLOW_UP, "done", "open"), word(59, EntryKind.FOLLOW_UP, "done", "done")])
    store.append([word(58, EntryKind.FOLLOW_UP, "again", "done"), word(57, EntryKind.FOLLOW_UP, "again", "open")])
    store.append([word(60, EntryKind.INCIDENT, "night", "open"), word(60, EntryKind.INCIDENT, "over", "closed")])
    store.append(entry(NOW - day * DAY_S, f"{day}") for day in range(50, 0, -1))
    assert prune(store, NOW, keep_days=7, times=60) == 3 + 43
    assert [e.subject for e in store.read()][:5] == ["open", "open", "again", "again", "night"]


def test_a_clock_in_the_future_makes_nothing_old(store: Store) -> None:
    """A board that is open while the clock is ten years ahead, with entries of that time."""
    store.append(entry(NOW + n, f"{n}") for n in range(50))
    later = NOW + 10 * YEAR_S
    for hour in range(30):
        store.append([entry(later + hour * 3600.0, f"later {hour}")])
        assert prune(store, later + hour * 3600.0) == 0
    assert len(store.read()) == 80
    assert prune(store, NOW + DAY_S) == 0


def test_a_clock_that_began_in_1970_loses_nothing_that_was_written_behind_what_is_kept(store: Store) -> None:
    store.append(entry(NOW - day * DAY_S, f"{day}") for day in range(100, 0, -1))
    store.append([entry(5.0, "began in 1970", kind=EntryKind.OUTCOME, data={"state": "done"})])
    store.append([entry(NOW)])
    assert prune(store, NOW, times=50) == 0
    assert "began in 1970" in [e.subject for e in store.read()]


def test_a_journal_that_is_seldom_used_shows_no_time_that_passed(store: Store) -> None:
    store.append([entry(NOW - 800 * DAY_S), entry(NOW - 790 * DAY_S), *(entry(NOW - n) for n in (3, 2, 1))])
    assert prune(store, NOW, times=5) == 0
    store.append(entry(NOW + day * DAY_S) for day in range(25))
    assert prune(store, NOW + 25 * DAY_S, times=30) == 2


@pytest.mark.parametrize("count", [6, pytest.param(40, marks=pytest.mark.everything)])
def test_programs_that_are_killed_lose_double_and_damage_nothing(tmp_path: Path, count: int) -> None:
    found = killed_journal.kills(tmp_path, count, seed=count)
    assert found.acknowledged >= count // 2
    assert found[2:] == (0, 0, 0, 0), found
