"""One contract for every engine of a journal: SQLite alone, SQLite with DynamoDB (moto's), and the tests' own store.

What is held: entries that were acknowledged are read by everybody, once, with one id; a claim has one holder.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import dynamodb
from tests.support.shared_store import Faulty, MemoryStore

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Actor, Plan
from oncall_tui.domain.shared import Held, SharedBatch, SharedRow
from oncall_tui.journal import Journal
from oncall_tui.journal.claims import LEASE_S, RENEWED_S, SWEPT_S, Claims
from oncall_tui.journal.replicator import Replicator
from oncall_tui.journal.shared import SharedStore, Slots
from oncall_tui.journal.slots import FileSlots
from oncall_tui.runtime.clock import FakeClock

NOW = FakeClock().now()
ORIGINS = itertools.count(1)
MOTO = (pytest.mark.moto, pytest.mark.xdist_group("journal contract"))
SHARED = ["memory", pytest.param("dynamodb", marks=MOTO)]
SLOTS = ["file", *SHARED]
ON_DYNAMODB = 6  # nights there: moto takes its time, and each faulty way is met in so many


def nights(last: int, *engines: str) -> list[Any]:
    """Return (engine, seed) of each night, the first one for each run; on DynamoDB with --everything, and fewer."""
    more = pytest.mark.everything
    found = [
        pytest.param(engine, seed, marks=more if seed > 1 else ()) for engine in engines for seed in range(1, last + 1)
    ]
    return found + [pytest.param("dynamodb", seed, marks=(*MOTO, more)) for seed in range(1, ON_DYNAMODB + 1)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("moto.server")
    with dynamodb.server() as found:
        yield found


Stores = Callable[[str], Callable[[], SharedStore]]


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Stores:
    """A maker of each engineer's way to one store, which is empty."""

    def make(engine: str) -> Callable[[], SharedStore]:
        if engine == "memory":
            one = MemoryStore()
            return lambda: one
        url = request.getfixturevalue("url")
        name = dynamodb.create(url)
        return lambda: dynamodb.table(url, name)

    return make


def row(number: int, **fields: Any) -> SharedRow:
    usual = {
        "number": number,
        "at": NOW + 0.1,
        "kind": "note",
        "subject": "s",
        "actor": "Alice",
        "text": "…",
        "data": "{}",
    }
    return SharedRow(**{**usual, **fields})


def batch(origin: str, after: int, last: int, **fields: Any) -> SharedBatch:
    return SharedBatch(origin, after, last, tuple(row(n, **fields) for n in range(after + 1, last + 1)))


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", SHARED)
def test_a_log_is_read_as_it_was_appended_from_any_number_on(stores: Stores, engine: str) -> None:
    open_store = stores(engine)
    mine, other = open_store(), open_store()
    wanted = [batch("A" * 13, 0, 2), batch("A" * 13, 2, 3, text="日本 [/x] \x1b"), batch("A" * 13, 3, 900)]
    for one in wanted:
        assert mine.append(one)
    assert mine.append(batch("B" * 13, 0, 1))
    assert other.read("A" * 13, 0) == wanted
    assert other.read("A" * 13, 3) == wanted[2:]
    assert other.read("A" * 13, 900) == []
    assert other.read("C" * 13, 0) == []


@pytest.mark.parametrize("engine", SHARED)
def test_of_two_that_append_at_one_place_one_does(stores: Stores, engine: str) -> None:
    open_store = stores(engine)
    mine, other = open_store(), open_store()
    assert mine.append(batch("A" * 13, 0, 2))
    assert not other.append(batch("A" * 13, 0, 3))
    assert not mine.append(batch("A" * 13, 0, 2))
    assert [one.last for one in other.read("A" * 13, 0)] == [2]


@pytest.mark.parametrize("engine", SHARED)
def test_a_head_never_goes_back(stores: Stores, engine: str) -> None:
    open_store = stores(engine)
    mine, other = open_store(), open_store()
    assert mine.snapshot().heads == {}
    mine.announce("A" * 13, 7)
    mine.announce("A" * 13, 5)
    mine.announce("A" * 13, 7)
    mine.announce("B" * 13, 1)
    assert other.snapshot().heads == {"A" * 13: 7, "B" * 13: 1}


@pytest.mark.parametrize("engine", SHARED)
def test_an_entry_that_is_renewed_stays_in_its_batch_and_one_that_expired_is_put_there_anew(
    stores: Stores, engine: str
) -> None:
    open_store = stores(engine)
    mine, other = open_store(), open_store()
    there, gone = batch("A" * 13, 2, 5), SharedBatch("B" * 13, 6, 7, (row(7, subject="open"),))
    assert mine.append(batch("A" * 13, 0, 2))
    assert mine.append(there)
    mine.announce("A" * 13, 5)
    for _ in range(2):  # whoever does it, and however often
        other.renew(SharedBatch("A" * 13, 3, 4, there.rows[1:2]))
        other.renew(gone)  # and how far its log goes with it
    assert mine.read("A" * 13, 0) == [batch("A" * 13, 0, 2), there]
    assert mine.read("B" * 13, 0) == [gone]
    assert other.snapshot().heads == {"A" * 13: 5, "B" * 13: 7}


# --- slots and claims -------------------------------------------------------------------------------------------------


class Engineers:
    """Sessions on one store of slots, each with a clock of its own; *faulty* ways where that is wanted."""

    def __init__(self, engine: str, stores: Stores, folder: Path, chance: random.Random | None = None) -> None:
        self._open = self._of_file(folder) if engine == "file" else self._of_store(stores(engine))
        self._chance = chance
        self.ways: list[Faulty] = []
        self.clocks: list[FakeClock] = []
        self.journals: list[Journal] = []

    def _of_file(self, folder: Path) -> Callable[[], Slots]:
        def make() -> Slots:
            journal = Journal(folder / "journal.db", FakeClock().now)
            self.journals.append(journal)
            return FileSlots(journal)

        return make

    def _of_store(self, make: Callable[[], SharedStore]) -> Callable[[], Slots]:
        return lambda: Looking(make())

    def slots(self) -> Slots:
        return self._open()

    def session(self, who: str, wrong_by_s: float = 0.0) -> Claims:
        clock = FakeClock(NOW + wrong_by_s)
        self.clocks.append(clock)
        slots = self._open()
        if self._chance is None:
            return Claims(lambda: slots, clock, who)
        way = Faulty(slots, self._chance)
        self.ways.append(way)
        return Claims(lambda: way, clock, who)

    def pass_s(self, seconds: float) -> None:
        for clock in self.clocks:
            clock.advance(seconds)


class Looking:
    """A shared store's slots."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self.take, self.free = store.take, store.free

    def held(self) -> tuple[Held, ...]:
        return self._store.snapshot().held


@pytest.fixture
def engineers(tmp_path: Path, stores: Stores) -> Iterator[Callable[..., Engineers]]:
    made: list[Engineers] = []

    def make(engine: str, chance: random.Random | None = None) -> Engineers:
        made.append(Engineers(engine, stores, tmp_path, chance))
        return made[-1]

    yield make
    for one in made:
        for journal in one.journals:
            journal.close(5)


@pytest.mark.parametrize("engine", SLOTS)
def test_a_slot_is_taken_when_free_or_over_the_version_that_was_seen(engineers: Any, engine: str) -> None:
    team = engineers(engine)
    mine, other = team.slots(), team.slots()
    held = Held("claim a", "a", "rolls back", "session 1", "Bob", NOW + 0.25, NOW + 0.5, "v1")
    assert mine.take(held)
    assert other.held() == (held,)
    assert not other.take(msgspec.structs.replace(held, holder="session 2", version="w1"))
    assert not other.take(msgspec.structs.replace(held, holder="session 2", version="w1"), "v0")
    assert mine.take(later := msgspec.structs.replace(held, version="v2"), "v1")
    assert not mine.free("claim a", "v1")
    assert other.held() == (later,)
    assert mine.free("claim a", "v2")
    assert not mine.free("claim a", "v2")
    assert not mine.take(later, "v2"), "a renewal never makes a slot anew"
    assert other.held() == ()


@pytest.mark.parametrize("engine", SLOTS)
def test_a_claim_has_one_holder_who_alone_releases_it(engineers: Any, engine: str) -> None:
    team = engineers(engine)
    alice, bob = team.session("Alice"), team.session("Bob")
    assert bob.take("prod/main/api", "is rolling this back") is None
    there = alice.take("prod/main/api", "is rolling this back")
    assert (there.who, there.what, there.holder) == ("Bob", "is rolling this back", bob.session)
    assert [bob.holds("prod/main/api"), alice.holds("prod/main/api")] == [True, False]
    assert not alice.release("prod/main/api")
    assert bob.take("prod/main/api", "again") is None, "the holder's own"
    assert bob.release("prod/main/api")
    assert alice.take("prod/main/api", "is rolling this back") is None


@pytest.mark.parametrize("engine", SLOTS)
def test_an_abandoned_claim_is_taken_after_a_lease_and_never_before(engineers: Any, engine: str) -> None:
    team = engineers(engine)
    bob, alice = team.session("Bob"), team.session("Alice", wrong_by_s=900_000.0)
    assert bob.take("a", "x") is None
    alice.tick()
    for _ in range(5):
        team.pass_s(LEASE_S - 1)
        bob.tick()
        assert alice.take("a", "x").who == "Bob", "it is renewed, whatever the clocks say"
    alice.tick()
    team.clocks[1].step(10 * 86_400.0)
    assert alice.take("a", "x").who == "Bob", "a clock that was set is no lease that ended"
    team.pass_s(LEASE_S - 0.1)
    assert alice.take("a", "x").who == "Bob"
    team.pass_s(0.2)
    assert not bob.holds("a")
    assert alice.take("a", "x") is None
    bob.tick()
    assert [bob.holds("a"), alice.holds("a")] == [False, True]
    assert not bob.release("a")
    assert alice.holds("a")


@pytest.mark.parametrize("engine", SLOTS)
def test_others_see_what_one_has_open_until_it_is_closed_or_its_program_is_gone(engineers: Any, engine: str) -> None:
    team = engineers(engine)
    alice, bob = team.session("Alice"), team.session("Bob")
    bob.open("prom/a")
    assert alice.others() == ()
    bob.tick()
    alice.tick()
    assert [(one.who, one.subject, one.what) for one in alice.others()] == [("Bob", "prom/a", "has this open")]
    assert bob.others() == ()
    bob.open("prom/b")
    bob.tick()
    alice.tick()
    assert [one.subject for one in alice.others()] == ["prom/b"]
    bob.open("")
    bob.tick()
    alice.tick()
    assert alice.others() == ()
    bob.open("prom/c")
    bob.tick()
    for _ in range(6):
        alice.tick()
        team.pass_s(LEASE_S / 5)
    assert alice.others() == (), "its program is gone"
    team.pass_s(SWEPT_S)
    alice.tick()
    assert team.slots().held() == ()


@pytest.mark.parametrize("engine", SLOTS)
def test_whoever_leaves_gives_up_everything(engineers: Any, engine: str) -> None:
    team = engineers(engine)
    bob = team.session("Bob")
    bob.open("prom/a")
    bob.tick()
    bob.take("a", "x")
    bob.take("b", "x")
    assert len(team.slots().held()) == 3
    bob.leave()
    assert team.slots().held() == ()


def claims_of_a_night(team: Engineers, chance: random.Random, steps: int) -> int:
    """Three sessions that take, renew, release and die under every fault: never two holders. How many had it."""
    sessions = [team.session(name) for name in ("Alice", "Bob", "Carol")]
    for way in team.ways:
        way.rate = 0.3
    had = 0
    for number in range(steps):
        who = chance.randrange(3)
        session, way, what = sessions[who], team.ways[who], chance.random()
        try:
            if what < 0.4:
                had += session.take("api", f"try {number}") is None
            elif what < 0.8:
                session.tick()
            elif what < 0.87:
                session.release("api")
            elif what < 0.94:
                way.cut = not way.cut
            else:
                team.clocks[who].step(chance.choice((-86_400.0, 86_400.0)))
        except errors.OncallError:
            pass
        assert sum(one.holds("api") for one in sessions) <= 1, f"step {number}"
        team.pass_s(chance.choice((0.0, 0.1, 1.0, RENEWED_S, LEASE_S / 2)))
        assert sum(one.holds("api") for one in sessions) <= 1, f"step {number}"
        if chance.random() < 0.2:
            way.arrive()
    return had


@pytest.mark.parametrize(("engine", "seed"), nights(39, "file", "memory"))
def test_a_night_of_faults_never_has_two_holders(engineers: Any, engine: str, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - to play it again
    chance = random.Random(seed)
    steps = 120 if engine == "dynamodb" else 400
    assert claims_of_a_night(engineers(engine, chance), chance, steps) >= 1


# --- journals ---------------------------------------------------------------------------------------------------------


class Two:
    """Alice's journal and Bob's, on one engine. ``exchange`` is what their threads do all the time."""

    def __init__(self, engine: str, stores: Stores, folder: Path) -> None:
        self.clock = FakeClock()
        paths = ("journal.db", "journal.db") if engine == "file" else ("alice/journal.db", "bob/journal.db")
        self.alice, self.bob = (Journal(folder / path, self.clock.now) for path in paths)
        self.ways: list[Faulty] = []
        self._replicators: list[Replicator] = []
        if engine != "file":
            open_store = stores(engine)
            for journal in (self.alice, self.bob):
                way = Faulty(open_store(), random.Random(1))
                self.ways.append(way)
                self._replicators.append(Replicator(journal, lambda way=way: way, self.clock))  # type: ignore[misc]

    def exchange(self) -> None:
        for replicator in self._replicators * 2:
            assert replicator.step(), replicator.now


@pytest.fixture
def two(tmp_path: Path, stores: Stores) -> Iterator[Callable[[str], Two]]:
    made: list[Two] = []

    def make(engine: str) -> Two:
        made.append(Two(engine, stores, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.alice.close(5)
        one.bob.close(5)


def entry(subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": NOW, "kind": EntryKind.NOTE, "subject": subject, **fields})


@pytest.mark.parametrize("engine", SLOTS)
def test_both_read_what_either_wrote_with_one_id(two: Any, engine: str) -> None:
    team = two(engine)
    team.alice.must(entry("a1", data={"n": [1, None, {"é": "\u2028"}]}), entry("a2", at=NOW + 0.123456))
    team.bob.must(entry("b1", text="[/b]", actor="Bob"))
    team.exchange()
    team.alice.must(entry("a3"))
    team.exchange()

    def told(journal: Journal) -> dict[str, tuple[Any, ...]]:
        return {e.id: (e.at, e.kind, e.subject, e.actor, e.text, e.data) for e in journal.recent()}

    assert told(team.alice) == told(team.bob)
    assert sorted(e.subject for e in team.bob.recent()) == ["a1", "a2", "a3", "b1"]
    assert [e.subject for e in team.bob.since(NOW + 0.1)] == ["a2"]
    assert [e.subject for e in team.bob.of("a3")] == ["a3"]


@pytest.mark.parametrize("engine", SLOTS)
def test_an_intent_that_one_left_open_is_found_by_the_other(two: Any, engine: str) -> None:
    team = two(engine)
    plan = Plan(
        id="p1", verb=Verb.ACKNOWLEDGE, source="prom", target="prom/a", version="v", actor=Actor("Alice"),
        made_at=NOW - 7200.0, title="acknowledge a",
    )  # fmt: skip
    team.alice._session = {**team.alice._session, "host": "elsewhere"}
    team.alice.intents([plan])
    team.exchange()
    assert [intent.plan for intent in team.bob.open_intents()] == [plan]
    done = Outcome(plan_id="p1", verb=Verb.ACKNOWLEDGE, target="prom/a", state=OutcomeState.DONE, message="m", at=NOW)
    team.bob.outcome(plan, done)
    team.bob.must()
    team.exchange()
    assert team.alice.open_intents() == []


@pytest.mark.parametrize("engine", SHARED)
def test_while_the_store_is_away_everything_is_written_and_read_here(two: Any, engine: str) -> None:
    team = two(engine)
    for way in team.ways:
        way.cut = True
    team.alice.must(entry("a1"))
    team.bob.must(entry("b1"))
    for replicator in team._replicators:
        assert not replicator.step()
        assert replicator.now.waiting
    assert [e.subject for e in team.alice.recent()] == ["a1"]
    for way in team.ways:
        way.cut = False
    team.exchange()
    assert (
        sorted(e.subject for e in team.alice.recent()) == sorted(e.subject for e in team.bob.recent()) == ["a1", "b1"]
    )


@pytest.mark.parametrize(("engine", "seed"), nights(14, "memory"))
def test_a_night_of_faults_loses_and_doubles_nothing(two: Any, engine: str, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - to play it again
    team, chance, written = two(engine), random.Random(seed), 0
    for way in team.ways:
        way.rate, way._chance = 0.3, chance
    for number in range(80):
        who = chance.randrange(2)
        if chance.random() < 0.5:
            (team.alice, team.bob)[who].must(entry(f"e{number}"))
            written += 1
        else:
            team._replicators[who].step()
        if chance.random() < 0.05:
            team.ways[who].cut = not team.ways[who].cut
    for way in team.ways:
        way.rate, way.cut = 0.0, False
        way.arrive()
    team.exchange()
    for journal in (team.alice, team.bob):
        ids = [e.id for e in journal.recent(1000)]
        assert len(ids) == len(set(ids)) == written
