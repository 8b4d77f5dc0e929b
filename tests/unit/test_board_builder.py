"""The board from readings, marks and the journal, without a thread: what is built anew, and what stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import ALICE, FakeProvider, alert, deploy, service

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import LOCAL, SeenMark
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.engine.board_builder import BoardBuilder, same_rows
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.journal import Journal
from oncall_tui.polling.status import PollState
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager


class Source:
    """A poller's face: what it saw."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handles = frozenset(FakeProvider(name).handlers())
        self.seen = PollState(name=name, provider="fake", stale_after_s=60.0)

    def reads(self, at: float, monotonic: float, **rows: Any) -> None:
        """A poll ended well."""
        reading = Reading(source=self.name, at=at, **rows)
        self.seen = msgspec.structs.replace(
            self.seen, reading=reading, read_since=monotonic, error_state=None, handles=self.handles
        )


class Marks:
    def __init__(self) -> None:
        self.current: dict[str, SeenMark] = {}


class Actions:
    """The action service's face."""

    def __init__(self) -> None:
        self.marks: Any = Marks()
        self.read_only = False
        self.local_verbs = frozenset({Verb.NOTE, Verb.ESCALATE})


class Bench:
    def __init__(self, folder: Path, *products: Product) -> None:
        self.clock, self.actions = FakeClock(), Actions()
        self.journal = Journal(folder / "journal.db", self.clock.now)
        triager = Triager(Rules(products=products))
        self.recorder = ChangeRecorder(self.journal, triager.episodes)
        self.past = PastActions(self.journal)
        self.builder = BoardBuilder(triager, self.journal, self.recorder, lambda: self.actions, self.past, ALICE)
        self.prom, self.prod = Source("prom"), Source("prod")
        self.sources = (self.prom, self.prod)
        self.board = self.builder.first(self.sources, self.clock.now(), self.clock.monotonic())

    def reads(self, source: Source, **rows: Any) -> None:
        source.reads(self.clock.now(), self.clock.monotonic(), **rows)

    def build(self, show_hidden: bool = False) -> TriagedBoard:
        now, monotonic = self.clock.now(), self.clock.monotonic()
        self.board = self.builder.build(self.board, self.sources, now, monotonic, show_hidden)
        return self.board

    def remember(self) -> None:
        """What earlier sessions saw was read."""
        self.recorder.remember()

    def entries(self) -> list[Entry]:
        self.journal.must(Entry(at=0.0, kind=EntryKind.NOTE, subject="x", text="after what was queued"))
        return self.journal.recent(100, (EntryKind.ALERT, EntryKind.DEPLOY))


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.journal.close(1.0)


A = alert("prom/a", began=FakeClock().now() - 60)
B = alert("prom/b", began=FakeClock().now() - 30)


def test_the_first_board_waits_for_every_source(bench: Bench) -> None:
    assert {s.state for s in bench.board.board.sources.values()} == {SourceState.WAITING}
    assert bench.board.alerts == ()


def test_each_board_has_the_next_version_and_every_source(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    first, second = bench.build(), bench.build()
    assert second.board.version == first.board.version + 1
    assert second.board.sources["prom"].state is SourceState.OK
    assert second.board.sources["prod"].state is SourceState.WAITING


def test_a_deploy_is_recorded_with_its_services_product(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Product(name="shop", owner="#shop", services=("prod/main/*",)))
    one = deploy()
    bench.reads(bench.prod, services=(service("prod/main/api"),), deploys=(one,))
    bench.build()
    bench.remember()
    bench.build()
    (entry,) = bench.entries()
    assert (entry.subject, entry.data["product"]) == (one.id, "shop")
    bench.journal.close(1.0)


def test_where_no_row_changed_the_rows_are_the_very_same_and_the_sources_are_new(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A, B))
    first = bench.build()
    bench.clock.advance(120)  # the same objects, and by now too old
    second = bench.build()
    bench.clock.advance(1)
    third = bench.build()
    assert third.board.sources["prom"].state is SourceState.STALE
    assert same_rows(second, third)
    assert [row.id for row in first.alerts] == [row.id for row in third.alerts]


def test_services_that_were_only_read_again_are_the_newest_and_nothing_is_triaged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = service("prod/main/api", read_at=1.0), service("prod/main/web", read_at=1.0)
    bench.reads(bench.prom, alerts=(A, B))
    bench.reads(bench.prod, services=(other, first))
    before = bench.build()
    monkeypatch.setattr(bench.builder.triager, "triage", lambda *_: pytest.fail("it was triaged"))
    again = msgspec.structs.replace(first, read_at=2.0)
    bench.reads(bench.prod, services=(other, again))
    for _ in range(2):
        after = bench.build()
        assert [s.read_at for s in after.services] == [2.0, 1.0], "in their order"
        assert after.board.services[first.id] is again
        assert after.alerts is before.alerts
    monkeypatch.undo()
    bench.reads(bench.prod, services=(other, msgspec.structs.replace(again, read_at=3.0, running=0, desired=2)))
    assert bench.build().board.services[first.id].running == 0
    assert {s.id: s.running for s in bench.board.services}[first.id] == 0


def test_what_a_source_lacks_from_now_on_is_told_though_its_services_were_only_read_again(bench: Bench) -> None:
    """What is not read may have the deploy that did it: "no suspect" would be a lie."""
    one = alert("prom/a", began=FakeClock().now() - 60, hint=ServiceHint(cluster="main", service="api"))
    bench.reads(bench.prom, alerts=(one,))
    for scope, said in (("cluster jobs", ""), ("cluster main", "prod cannot be read now"), ("cluster jobs", "")):
        lacks = PartialFailure(scope=scope, state=SourceState.DENIED, message="denied")
        bench.reads(bench.prod, services=(service("prod/main/api", read_at=bench.clock.now()),), problems=(lacks,))
        (row,) = bench.build().alerts
        assert row.suspicion.unread == said
        bench.clock.advance(1)


def test_what_another_session_wrote_down_is_on_the_row_though_services_were_only_read_again(bench: Bench) -> None:
    bench.reads(bench.prod, services=(service(read_at=1.0),))
    bench.reads(bench.prom, alerts=(msgspec.structs.replace(A, state=AlertState.SILENCED),))
    bench.remember()
    assert bench.build().board.alerts[A.id].by == ()
    now = bench.clock.now()
    plan: dict[str, Any] = {"id": "plan-1", "verb": str(Verb.SILENCE), "source": "prom", "target": A.id}
    plan |= {"version": "v", "title": "t"}
    plan |= {"lines": [["reason", "known"]], "request": {}, "actor": {"name": "Bob"}, "made_at": now}
    bench.journal.must(Entry(at=now, kind=EntryKind.INTENT, subject="plan-1", actor="Bob", data={"plan": plan}))
    bench.reads(bench.prod, services=(service(read_at=2.0),))
    found = bench.build().board.alerts[A.id]
    assert (found.by, found.comment) == (("Bob",), "known")


def test_only_the_row_that_changed_is_another_object(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A, B))
    first = {row.id: row for row in bench.build().alerts}
    bench.reads(bench.prom, alerts=(A, msgspec.structs.replace(B, title="other")))
    second = {row.id: row for row in bench.build().alerts}
    assert second["prom/a"] is first["prom/a"]
    assert second["prom/b"] is not first["prom/b"]


def test_a_seen_mark_is_on_the_row_and_goes_with_it(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    bench.build()
    bench.actions.marks.current = {A.id: SeenMark("Alice", 5.0, A.began)}
    seen = bench.build().board.alerts[A.id]
    assert (seen.state, seen.by, seen.by_at) == (AlertState.SEEN, ("Alice",), 5.0)
    assert Verb.UNACKNOWLEDGE not in seen.verbs  # the fake's source acknowledges by itself
    bench.actions.marks.current = {}
    assert bench.build().board.alerts[A.id].state is AlertState.FIRING


def test_a_mark_of_an_earlier_firing_is_not_on_the_row(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    bench.actions.marks.current = {A.id: SeenMark("Alice", 5.0, A.began - 3600)}
    assert bench.build().board.alerts[A.id].state is AlertState.FIRING


def test_no_data_that_was_seen_stays_no_data(bench: Bench) -> None:
    lost = msgspec.structs.replace(A, state=AlertState.NO_DATA)
    bench.reads(bench.prom, alerts=(lost,))
    bench.actions.marks.current = {A.id: SeenMark("Alice", 5.0, A.began)}
    found = bench.build().board.alerts[A.id]
    assert (found.state, found.by) == (AlertState.NO_DATA, ("Alice",))


@pytest.mark.parametrize("seen", [False, True])
def test_what_the_source_cannot_do_is_done_here(bench: Bench, seen: bool) -> None:
    """A source without an acknowledge: its rows are marked as seen in the journal, and say so."""
    bench.prom.handles = frozenset()
    bench.reads(bench.prom, alerts=(msgspec.structs.replace(A, verbs=frozenset({Verb.SILENCE})),))
    if seen:
        bench.actions.marks.current = {A.id: SeenMark("Alice", 5.0, A.began)}
    found = bench.build().board.alerts[A.id]
    own = Verb.UNACKNOWLEDGE if seen else Verb.ACKNOWLEDGE
    assert found.verbs == {Verb.SILENCE, Verb.NOTE, Verb.ESCALATE, own}
    assert found.here == {Verb.NOTE, own} <= LOCAL


def test_what_the_source_can_do_is_not_done_here(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    found = bench.build().board.alerts[A.id]
    assert Verb.ACKNOWLEDGE in bench.prom.handles
    assert not found.here & {Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE}
    assert found.verbs == A.verbs | {Verb.NOTE, Verb.ESCALATE}


def test_read_only_offers_nothing(bench: Bench) -> None:
    bench.actions.read_only = True
    bench.reads(bench.prom, alerts=(A,))
    found = bench.build().board.alerts[A.id]
    assert (found.verbs, found.here) == (frozenset(), frozenset())


def test_changes_are_journalled_once_it_is_known_what_there_was(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    bench.build()
    assert bench.entries() == []
    bench.remember()
    bench.build()  # the same rows: all the same it is built again, since it is known now
    assert [(e.subject, e.data["new"]) for e in bench.entries()] == [(A.id, "firing")]
    bench.reads(bench.prom, alerts=(msgspec.structs.replace(A, state=AlertState.RESOLVED),))
    bench.build()
    assert sorted(e.data["new"] for e in bench.entries()) == ["firing", "resolved"]


def test_a_step_that_fails_is_done_again_with_the_same_rows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in one look must not leave these rows unseen until another poll brings others."""
    bench.remember()
    bench.build()
    bench.reads(bench.prom, alerts=(A,))
    whole = bench.builder.triager.triage
    with monkeypatch.context() as patch:
        patch.setattr(bench.builder.triager, "triage", lambda *asked: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bench.build()
    assert bench.builder.triager.triage == whole
    assert [row.id for row in bench.build().alerts] == [A.id]
    assert [e.subject for e in bench.entries()] == [A.id]


def test_without_triage_old_rows_stand_under_the_sources_as_they_are(bench: Bench) -> None:
    bench.reads(bench.prom, alerts=(A,))
    last = bench.build()
    bench.prom.seen = msgspec.structs.replace(bench.prom.seen, error_state=SourceState.OFFLINE, message="gone")
    bench.clock.advance(5)
    now = bench.clock.now()
    found = bench.builder.without_triage(last, bench.sources, now, bench.clock.monotonic())
    assert found.alerts is last.alerts
    assert (found.board.at, found.board.version) == (now, last.board.version + 1)
    assert found.board.sources["prom"].state is SourceState.OFFLINE


def test_a_poll_that_ends_while_a_board_is_built_does_not_mix_two_readings(bench: Bench) -> None:
    """Each poller's state is taken once: its status and its rows are of one reading."""
    bench.reads(bench.prom, alerts=(A,))
    taken = []

    class Moving(Source):
        @property
        def seen(self) -> PollState:  # type: ignore[override]
            taken.append(1)
            return bench.prom.seen

        @seen.setter
        def seen(self, value: PollState) -> None: ...

    moving = Moving("prom")
    bench.builder.build(bench.board, (moving,), bench.clock.now(), bench.clock.monotonic(), False)
    assert len(taken) == 1


def test_an_action_on_a_deploy_is_read_from_the_journal(bench: Bench) -> None:
    bench.remember()
    bench.reads(bench.prod, services=(service(),), deploys=(deploy(),))
    first = bench.build()
    assert [d.id for d in first.deploys] == ["prod/d1"]
    read = []
    bench.past.read = read.append  # type: ignore[method-assign]
    bench.build()
    assert read == []  # nothing moved: no disk is read
    bench.past.version += 1
    bench.build()
    assert read == [bench.clock.now()]
