"""Journals of a team: what one has on disk the others get, once, whatever the network does in between."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.shared_store import Faulty, MemoryStore

from oncall_tui import errors
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.journal import Journal
from oncall_tui.journal import peers as peers_module
from oncall_tui.journal.lease import FileLease
from oncall_tui.journal.replicator import EVERY_S, PAUSE_MOST_S, Replicator
from oncall_tui.runtime.clock import FakeClock

NOW = FakeClock().now()


def entry(subject: str, **fields: Any) -> Entry:
    return Entry(**{"at": NOW, "kind": EntryKind.NOTE, "subject": subject, **fields})


class Team:
    """Engineers, each with a journal of their own, on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.clock = folder, MemoryStore(), FakeClock()
        self.journals: dict[str, Journal] = {}
        self.replicators: dict[str, Replicator] = {}
        self.merged: Counter[str] = Counter()

    def join(self, name: str, store: Any = None) -> Replicator:
        journal = Journal(self.folder / name / "journal.db", self.clock.now)
        way = store if store is not None else self.store
        self.journals[name] = journal
        self.replicators[name] = Replicator(journal, lambda: way, self.clock, lambda n: self.merged.update({name: n}))
        return self.replicators[name]

    def leave(self, name: str) -> None:
        self.journals.pop(name).close(5)
        del self.replicators[name]

    def write(self, name: str, *subjects: str) -> None:
        self.journals[name].must(*map(entry, subjects))

    def exchange(self, *names: str) -> None:
        for name in names or tuple(self.replicators):
            assert self.replicators[name].step(), self.replicators[name].now

    def has(self, name: str) -> list[str]:
        return [e.subject for e in self.journals[name].recent(100_000)]

    def ids(self, name: str) -> list[str]:
        return sorted(e.id for e in self.journals[name].recent(100_000))


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = Team(tmp_path)
    yield made
    for journal in made.journals.values():
        journal.close(5)


def test_what_one_writes_the_others_have_with_the_same_id(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1", "a2")
    team.write("bob", "b1")
    team.exchange()
    team.exchange()
    assert team.has("alice") == ["a1", "a2", "b1"]
    assert team.has("bob") == ["b1", "a1", "a2"]
    assert team.ids("alice") == team.ids("bob")
    assert team.merged == {"alice": 1, "bob": 2}
    assert [e.data for e in team.journals["bob"].of("a1")] == [{}]


def test_whoever_was_away_gets_what_was_missed_and_gives_what_was_kept(team: Team) -> None:
    """However long: no window of time within which an entry has to arrive."""
    team.join("alice")
    way = Faulty(team.store, random.Random(1))
    team.join("bob", way)
    team.write("bob", "b0")
    team.exchange()
    way.cut = True
    for day in range(30):
        team.write("alice", f"a{day}")
        team.write("bob", f"b{day + 1}")
        team.exchange("alice")
        assert not team.replicators["bob"].step()
        team.clock.advance(86_400.0)
    now = team.replicators["bob"].now
    assert (now.state, now.failure, now.waiting) == ("offline", "no way to the store", True)
    way.cut = False
    team.exchange("bob")
    team.exchange("alice")
    wanted = sorted([*(f"a{n}" for n in range(30)), *(f"b{n}" for n in range(31))])
    assert sorted(team.has("alice")) == sorted(team.has("bob")) == wanted
    assert team.replicators["bob"].now.waiting is False


def test_whoever_joins_later_gets_everything(team: Team) -> None:
    team.join("alice")
    for number in range(12):  # more batches than a page has
        team.write("alice", f"a{number}")
        team.exchange()
    team.join("carol")
    team.exchange("carol")
    assert team.has("carol") == [f"a{n}" for n in range(12)]


def test_where_nothing_is_new_one_call_tells_it(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1")
    team.exchange()
    team.exchange()
    team.store.calls.clear()
    team.exchange()
    assert team.store.calls == ["snapshot", "snapshot"]


def test_a_lost_answer_doubles_nothing(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    append = team.store.append

    def lost(batch: Any) -> bool:
        append(batch)
        raise errors.Offline("no answer came")

    team.store.append = lost  # type: ignore[method-assign]
    team.write("alice", "a1")
    assert not team.replicators["alice"].step()
    team.store.append = append  # type: ignore[method-assign]
    team.write("alice", "a2")  # the batch would be another one now
    team.exchange()
    team.exchange()
    assert team.has("bob") == ["a1", "a2"]


def test_an_entry_of_a_later_version_passes_through_an_earlier_one(team: Team) -> None:
    import sqlite3

    team.join("alice")
    team.join("bob")
    team.write("alice", "a1")
    with sqlite3.connect(team.journals["alice"].path) as db:
        values = (NOW, "premonition", "p", "Alice", "t", '{"of": "2030"}')
        db.execute("INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, ?, ?)", values)
        db.execute(
            "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, 'note', x'ff', '', '', '{}')", (NOW,)
        )
    db.close()
    team.write("alice", "a2")
    team.exchange()
    team.exchange()
    assert team.has("bob") == ["a1", "a2"]
    with sqlite3.connect(team.journals["bob"].path) as db:
        found = db.execute("SELECT kind, data FROM entry WHERE subject = 'p'").fetchall()
    db.close()
    assert found == [("premonition", '{"of": "2030"}')]


def test_a_batch_that_is_merged_twice_is_here_once(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1", "a2")
    team.exchange("alice")
    (batch,) = (batch for log in team.store.logs.values() for batch in log.values())
    journal = team.journals["bob"]
    assert [journal.exchange(lambda peers: peers.merge([batch])) for _ in range(2)] == [2, 0]
    assert journal.exchange(lambda peers: peers.known()) == {batch.origin: 2}
    assert team.journals["alice"].exchange(lambda peers: peers.merge([batch])) == 0, "nor is an own one"
    assert team.has("alice") == team.has("bob") == ["a1", "a2"]


def test_two_programs_on_one_file_share_its_entries_once(team: Team) -> None:
    first = team.join("alice")
    team.join("bob")
    second = Replicator(team.journals["alice"], lambda: team.store, team.clock)
    for number in range(6):
        team.write("alice", f"a{number}")
        assert (first, second)[number % 2].step()
    assert first.step()
    team.exchange()
    assert team.has("bob") == [f"a{n}" for n in range(6)]


def test_a_copy_of_a_file_goes_on_under_another_name_and_nothing_is_lost(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1")
    team.exchange()
    team.leave("alice")
    shutil.copytree(team.folder / "alice", team.folder / "copy")
    team.join("alice")
    team.join("copy")
    team.write("alice", "of alice")
    team.write("copy", "of the copy")
    for _ in range(3):
        team.exchange()
    for name in ("alice", "bob", "copy"):
        assert sorted(team.has(name)) == ["a1", "of alice", "of the copy"], name
    assert team.ids("alice") == team.ids("bob") == team.ids("copy")


def test_a_file_that_is_put_back_from_a_copy_gets_what_it_had_since(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1")
    team.exchange()
    team.leave("alice")
    shutil.copytree(team.folder / "alice", team.folder / "kept")
    team.join("alice")
    team.write("alice", "a2", "a3")
    team.exchange()
    team.leave("alice")
    shutil.rmtree(team.folder / "alice")
    shutil.copytree(team.folder / "kept", team.folder / "alice")
    team.join("alice")
    team.write("alice", "a4")
    for _ in range(3):
        team.exchange()
    assert sorted(team.has("alice")) == sorted(team.has("bob")) == ["a1", "a2", "a3", "a4"]
    assert team.ids("alice") == team.ids("bob")


def test_a_journal_that_was_damaged_gets_everything_back_under_a_new_name(team: Team) -> None:
    team.join("alice")
    team.join("bob")
    team.write("alice", "a1", "a2")
    team.write("bob", "b1")
    team.exchange()
    team.exchange()
    team.leave("alice")
    (team.folder / "alice" / "journal.db").write_bytes(b"not a database" * 100)
    team.join("alice")
    team.write("alice", "a3")
    team.exchange()
    team.exchange()
    assert sorted(team.has("alice")) == sorted(team.has("bob")) == ["a1", "a2", "a3", "b1"]


def test_batches_are_bounded_and_a_huge_entry_is_said_to_be_cut(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "MOST_ROWS", 7)
    monkeypatch.setattr(peers_module, "MOST_CHARACTERS", 3000)
    monkeypatch.setattr(peers_module, "LONGEST", 10_000)
    team.join("alice")
    team.join("bob")
    team.journals["alice"].must(*(entry(f"a{n}", text="t" * 900) for n in range(20)), entry("huge", text="h" * 20_000))
    team.exchange()
    team.exchange()
    assert team.has("bob") == [*(f"a{n}" for n in range(20)), "huge"]
    batches = [batch for log in team.store.logs.values() for batch in log.values()]
    assert max(len(batch.rows) for batch in batches) <= 4
    assert len(team.journals["alice"].of("huge")[0].text) == 20_000
    assert team.journals["bob"].of("huge")[0].text == "h" * 1000 + "… (too long to be shared whole)"


def test_it_waits_longer_after_each_failure_and_as_long_as_it_is_told_to(team: Team) -> None:
    way = Faulty(team.store, random.Random(1))
    replicator = team.join("alice", way)
    way.cut = True
    waits = []
    for _ in range(8):
        assert not replicator.step()
        waits.append(replicator._wait_s)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (EVERY_S, PAUSE_MOST_S)
    way.cut = False
    assert replicator.step()
    assert replicator._wait_s == EVERY_S

    def throttled() -> Any:
        raise errors.Throttled("too many calls", retry_after_s=90.0)

    team.store.snapshot = throttled  # type: ignore[method-assign]
    assert not replicator.step()
    assert (replicator.now.state, replicator._wait_s) == ("throttled", 90.0)


def test_a_full_disk_holds_it_up_and_loses_nothing(team: Team) -> None:
    team.join("alice")
    bob = team.join("bob")
    team.write("bob", "b1")
    team.exchange()
    team.journals["alice"].must(entry("large", text="x" * 150_000))
    team.exchange("alice")
    journal = team.journals["bob"]
    with journal._lock:
        assert journal._store is not None
        pages = journal._store._db.execute("PRAGMA page_count").fetchone()[0]
        journal._store._db.execute(f"PRAGMA max_page_count={pages}")
    assert not bob.step()
    assert "disk is full" in bob.now.failure
    with journal._lock:
        journal._store._db.execute("PRAGMA max_page_count=1000000")
    team.exchange()
    assert sorted(team.has("bob")) == ["b1", "large"]


def test_whoever_stands_by_exchanges_nothing(team: Team) -> None:
    replicator = team.join("alice")
    other = FileLease(team.journals["alice"].path, team.clock)
    assert other.take()
    replicator._lease = FileLease(team.journals["alice"].path, team.clock)
    team.write("alice", "a1")
    assert replicator.step()
    assert replicator.now.state == "standby"
    assert team.store.calls == []
    other.release()
    assert replicator.step()
    assert replicator.now.state == "ok"
    assert team.store.heads


def test_its_thread_takes_a_new_entry_at_once_and_ends_when_asked(team: Team) -> None:
    team.join("bob")
    replicator = Replicator(
        journal := Journal(team.folder / "alice" / "journal.db", team.clock.now), lambda: team.store, team.clock
    )
    replicator.start()
    journal.must(entry("a1"))
    until(lambda: team.store.heads)
    replicator.stop()
    replicator.worker.join(5)
    assert not replicator.worker.alive
    team.exchange()
    assert team.has("bob") == ["a1"]
    journal.close(5)


def test_whoever_ends_waits_until_it_is_shared_unless_nobody_can_be_reached(team: Team) -> None:
    journal = Journal(team.folder / "alice" / "journal.db", team.clock.now)
    way = Faulty(team.store, random.Random(1))
    replicator = Replicator(journal, lambda: way, team.clock)
    replicator.start()
    journal.must(*(entry(f"a{n}") for n in range(20)))
    assert replicator.settle(10.0)
    assert sum(len(batch.rows) for log in team.store.logs.values() for batch in log.values()) == 20
    way.cut = True
    journal.must(entry("last"))
    assert not replicator.settle(10.0)
    assert replicator.now.waiting
    assert not replicator.settle(10.0)
    replicator.stop()
    replicator.worker.join(5)
    journal.close(5)


def until(true: Callable[[], object]) -> None:
    import time

    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


# --- a random night ---------------------------------------------------------------------------------------------------


def night(folder: Path, seed: int, steps: int = 150) -> None:
    """Three engineers under throttling, lost and late writes, partitions and restarts: lost 0, doubled 0."""
    print(f"seed {seed}")  # noqa: T201 - to play it again
    chance = random.Random(seed)
    team = Team(folder)
    names = ("alice", "bob", "carol")
    ways = {name: Faulty(team.store, chance, rate=0.3) for name in names}
    for name in names:
        team.join(name, ways[name])
    written: list[str] = []
    for number in range(steps):
        name = chance.choice(names)
        what = chance.random()
        if what < 0.45:
            subjects = [f"{name} {number}.{n}" for n in range(chance.choice((1, 1, 5)))]
            team.write(name, *subjects)
            written += subjects
        elif what < 0.85:
            team.replicators[name].step()
        elif what < 0.93:
            ways[name].cut = not ways[name].cut
        else:  # the program ends and starts again
            team.leave(name)
            team.join(name, ways[name])
        team.clock.advance(chance.choice((0.0, 1.0, 600.0)))
    for way in ways.values():
        way.rate, way.cut = 0.0, False
        way.arrive()
    for _ in range(3):
        team.exchange()
    for name in names:
        assert sorted(team.has(name)) == sorted(written), f"{name}, seed {seed}"
        assert team.ids(name) == team.ids("alice")
        team.journals[name].close(5)


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.everything) for n in range(2, 30))])
def test_a_night_of_faults_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    night(tmp_path, seed)
