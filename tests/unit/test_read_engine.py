"""The engine of a program that only reads: it knows what was marked and seen here, offers no verb, writes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.world import until
from tests.support.fakes import ALICE, FakeProvider

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.read_engine import ReadEngine
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import Offline
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.triage.triager import Rules, Triager

BEGAN = 1_799_999_000.0


@pytest.fixture
def provider() -> FakeProvider:
    made = FakeProvider("prom")
    made.clock = SystemClock()  # type: ignore[assignment]
    made.add("a", began=BEGAN)
    return made


@pytest.fixture
def engine(tmp_path: Path, provider: FakeProvider) -> Iterator[ReadEngine]:
    before = Journal(tmp_path / "journal.db", time.time)
    seen = {"new": "firing", "began": BEGAN, "key": "prom/a"}
    before.must(
        Entry(at=BEGAN, kind=EntryKind.ALERT, subject="prom/a", text="a", data=seen),
        Entry(at=BEGAN + 5.0, kind=EntryKind.SEEN, subject="prom/a", actor="Bob", data={"began": BEGAN}),
    )
    before.close(5.0)
    journal = Journal(tmp_path / "journal.db", time.time)
    specs = (SourceSpec("prom", "fake", lambda: provider, 0.05),)
    made = ReadEngine(specs, Rules(pages=()), journal, SystemClock(), ALICE)
    made.start()
    yield made
    made.stop()


def test_a_row_says_what_was_marked_here_and_offers_no_verb(engine: ReadEngine) -> None:
    until(lambda: any(row.alert.state is AlertState.SEEN for row in engine.view.triaged.alerts), "the mark")
    (row,) = engine.view.triaged.alerts
    assert (row.alert.by, row.alert.verbs) == (("Bob",), frozenset())
    assert engine.view.recalled
    assert not engine.view.journal_failure


def test_what_changes_is_journalled_by_others(engine: ReadEngine, provider: FakeProvider) -> None:
    until(lambda: engine.view.recalled and engine.view.triaged.alerts, "the first board")
    provider.add("b")
    until(lambda: len(engine.view.triaged.alerts) == 2, "the second alert")
    provider.alerts.clear()
    until(lambda: not engine.view.triaged.alerts, "that both are over")
    assert [e.kind for e in engine.journal.recent()] == [EntryKind.ALERT, EntryKind.SEEN]


def test_a_source_that_fails_keeps_its_rows_and_is_told(engine: ReadEngine, provider: FakeProvider) -> None:
    assert engine.wait_for_answers(10.0)
    provider.read_raises = [Offline("no route", "check the network")] * 1000
    until(lambda: engine.view.triaged.board.sources["prom"].state is SourceState.OFFLINE, "the failure")
    assert len(engine.view.triaged.alerts) == 1


def test_a_bug_in_triage_is_told_and_the_sources_go_on(engine: ReadEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: engine.view.triaged.alerts, "the first board")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(Triager, "still", broken)
    monkeypatch.setattr(Triager, "triage", broken)
    until(lambda: any("injected" in words for words in engine.view.troubles), "the bug")
    assert len(engine.view.triaged.alerts) == 1
