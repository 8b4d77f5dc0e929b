"""What is open outlives a table's time to live: its entries are renewed there, and those of what is closed expire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.shared_store import MemoryStore

from oncall_tui.actions.follow_ups import FollowUps
from oncall_tui.actions.incidents import RecordedIncidents
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUpState
from oncall_tui.domain.incident import IncidentState
from oncall_tui.journal import Journal
from oncall_tui.journal.replicator import FIRST_RENEWAL_S, RENEWED_S, Replicator
from oncall_tui.runtime.clock import FakeClock

KEEP_DAYS = 400.0
DAY_S = 86_400.0


class Member:
    """One machine of the team."""

    def __init__(self, folder: Path, store: MemoryStore, clock: FakeClock) -> None:
        self.clock = clock
        self.journal = Journal(folder / "journal.db", clock.now, keep_days=KEEP_DAYS)
        self.replicator = Replicator(self.journal, lambda: store, clock)
        self.follow_ups = FollowUps(self.journal, clock)
        self.incidents = RecordedIncidents(self.journal, clock)

    def step(self) -> None:
        assert self.replicator.step(), self.replicator.now

    def note(self, subject: str) -> None:
        """An entry that is not open, as the batch's last one."""
        self.journal.must(Entry(at=self.clock.now(), kind=EntryKind.NOTE, subject=subject))

    @property
    def subjects(self) -> set[str]:
        return {entry.subject for entry in self.journal.recent(1_000)}


class Members:
    def __init__(self, folder: Path) -> None:
        self._folder, self.store, self.clock = folder, MemoryStore(), FakeClock()
        self.made: list[Member] = []

    def join(self) -> Member:
        self.made.append(Member(self._folder / str(len(self.made)), self.store, self.clock))
        return self.made[-1]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Members]:
    found = Members(tmp_path)
    yield found
    for one in found.made:
        one.journal.close(5)


def test_whoever_joins_late_gets_what_is_still_open_though_its_machine_is_gone(team: Members) -> None:
    alice, bob = team.join(), team.join()
    opened = alice.follow_ups.add("why 5xx at night", "Alice", [], "Alice")
    night = alice.incidents.open("night", "Alice", "Alice")
    alice.note("else")
    for one in (alice, bob):
        one.step()
    ((origin, log),) = team.store.logs.items()
    team.clock.advance(KEEP_DAYS / 2 * DAY_S + DAY_S)
    bob.step()  # alice's machine is gone
    assert team.store.renewed == [(origin, 0)] * 2
    team.store.expire(origin, *log)  # nobody came for too long
    team.clock.advance(RENEWED_S)
    bob.step()
    carol = team.join()
    carol.step()
    assert carol.subjects == {opened.id, night.id}
    carol.follow_ups.load()
    assert carol.follow_ups.find(opened.id) == opened


def test_what_was_closed_is_renewed_no_more(team: Members) -> None:
    alice = team.join()
    opened = alice.follow_ups.add("why 5xx at night", "Alice", [], "Alice")
    night = alice.incidents.open("night", "Alice", "Alice")
    alice.step()
    team.clock.advance(KEEP_DAYS / 2 * DAY_S + DAY_S)
    alice.follow_ups.change(opened, "Alice", state=FollowUpState.DONE)
    alice.incidents.change(night.id, "Alice", state=IncidentState.CLOSED)
    alice.step()
    assert team.store.renewed == []


def test_what_is_not_half_as_old_as_it_may_become_costs_no_call(team: Members) -> None:
    alice = team.join()
    alice.follow_ups.add("why 5xx at night", "Alice", [], "Alice")
    alice.step()
    team.clock.advance(KEEP_DAYS / 2 * DAY_S - DAY_S)
    alice.step()
    assert "renew" not in team.store.calls


def test_it_is_looked_for_once_a_day_and_not_by_a_command_that_ends_at_once(team: Members) -> None:
    alice = team.join()
    alice.follow_ups.add("why 5xx at night", "Alice", [], "Alice")
    alice.step()
    team.clock.advance(KEEP_DAYS * DAY_S)
    again = Member(alice.journal.path.parent, team.store, team.clock)
    team.made.append(again)
    again.step()
    assert team.store.renewed == []
    team.clock.advance(FIRST_RENEWAL_S)
    for _ in range(3):
        again.step()
        team.clock.advance(60.0)
    assert len(team.store.renewed) == 1
    team.clock.advance(RENEWED_S)
    again.step()
    assert len(team.store.renewed) == 2


def test_an_own_entry_that_others_do_not_have_yet_is_only_sent(team: Members) -> None:
    alice = team.join()
    team.clock.advance(-KEEP_DAYS * DAY_S)
    alice.follow_ups.add("why 5xx at night", "Alice", [], "Alice")
    team.clock.advance(KEEP_DAYS * DAY_S)
    assert alice.journal.exchange(lambda peers: peers.open_since_before(team.clock.now())) == ()
    alice.step()
    (found,) = alice.journal.exchange(lambda peers: peers.open_since_before(team.clock.now()))
    (sent,) = team.store.logs[found.origin].values()
    assert found == sent
