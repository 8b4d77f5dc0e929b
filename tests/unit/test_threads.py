"""No thread of the program dies unseen: a bug in any of them is told in words, and its work goes on."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import ALICE, FakeProvider

from oncall_tui.actions.ack_renewer import AckRenewer
from oncall_tui.domain.board import merge
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.board_builder import BoardBuilder
from oncall_tui.engine.engine import Engine, SourceSpec, Update
from oncall_tui.errors import Offline
from oncall_tui.inspection.on_call import OnCallReader
from oncall_tui.journal import Journal
from oncall_tui.journal.schema import SCHEMA
from oncall_tui.notifications.destinations import DestinationSpec
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime import worker
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.tui import saved_view as kept
from oncall_tui.tui.presenters import status_lines as headline
from oncall_tui.tui.screens.detail.pane import source_lines


def until(true: Callable[[], object], within_s: float = 15.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Bug(BaseException):
    """What no `except Exception` catches, as a library that ends the program would raise it."""


class Once:
    """Stands before a method and raises, once each time it is armed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, error: type[BaseException]) -> None:
        self.armed, self.calls = threading.Event(), 0
        inner = getattr(of, name)

        def call(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self.armed.is_set():
                self.armed.clear()
                raise error("injected")
            return inner(*args, **more)

        monkeypatch.setattr(of, name, call)


def make(folder: Path, **more: Any) -> tuple[Engine, FakeProvider]:
    provider = FakeProvider("prom")
    provider.clock = SystemClock()  # type: ignore[assignment]
    provider.interval_s = 0.05
    provider.add("a")
    journal = Journal(folder / "journal.db", time.time)
    specs = (SourceSpec(provider.source, provider.provider, lambda: provider, 0.05),)
    engine = Engine(specs, Rules(pages=()), journal, SystemClock(), ALICE, **more)
    return engine, provider


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Engine, FakeProvider]]:
    engine, provider = make(tmp_path)
    engine.start()
    until(lambda: engine.update.board.alerts)
    yield engine, provider
    engine.stop()


@pytest.mark.parametrize("error", [RuntimeError, Bug])
def test_a_loop_that_breaks_is_told_and_begins_again(error: type[BaseException]) -> None:
    rounds, told = [], []

    def loop() -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise error("injected")

    made = Worker("x", loop, told.append)
    made.start()
    until(lambda: not made.alive)
    assert len(rounds) == 3
    assert [type(e) for e in told] == [error, error]
    assert made.trouble.summary == f"x: bug: {error.__name__}: injected, 2 times"


def test_a_loop_that_always_breaks_is_begun_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    made = Worker("x", lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) > 12

    monkeypatch.setattr(made._ends, "wait", wait)
    made.start()
    until(lambda: not made.alive)
    assert pauses == sorted(pauses)
    assert pauses[0] < 1.0
    assert pauses[-1] == worker.PAUSE_MOST_S


def test_a_word_about_a_bug_that_breaks_ends_nothing() -> None:
    rounds = []

    def loop() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise RuntimeError("injected")

    def failed(error: BaseException) -> None:
        raise ValueError("in telling it")

    made = Worker("x", loop, failed)
    made.start()
    until(lambda: not made.alive)
    assert len(rounds) == 2


@pytest.mark.parametrize("error", [RuntimeError, Bug])
@pytest.mark.parametrize(
    ("of", "name", "says"),
    [
        (Engine, "_build_board", "board"),
        (BoardBuilder, "build", "board"),
        (Engine, "_resume", "board"),
        (Engine, "_guarded", "board"),
        (AckRenewer, "tick", "board"),
        (OnCallReader, "tick", "board"),
    ],
)
def test_a_bug_on_the_boards_thread_is_told_and_the_board_goes_on(
    running: tuple[Engine, FakeProvider],
    monkeypatch: pytest.MonkeyPatch,
    of: type,
    name: str,
    says: str,
    error: type[BaseException],
) -> None:
    engine, provider = running
    targets = {Engine: engine, BoardBuilder: engine.builder, AckRenewer: engine.actions.ack_renewer}
    target = targets.get(of, engine.on_call)
    once = Once(monkeypatch, target, name, error)
    if (
        of is AckRenewer or name in ("_build_board", "_resume") or of is OnCallReader
    ):  # the steps are bound when a round begins
        monkeypatch.setattr(of, name, lambda self, *args: getattr(target, name)(*args), raising=True)
    once.armed.set()
    engine.rebuild()
    until(lambda: any(words.startswith(says) and "injected" in words for words in engine.update.troubles))
    provider.add("b")
    until(lambda: len(engine.update.board.alerts) == 2)
    calls = once.calls
    until(lambda: once.calls > calls)


def test_while_no_look_can_be_made_the_sources_are_told_as_they_are(
    running: tuple[Engine, FakeProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, provider = running

    def broken(*asked: Any) -> Any:
        raise RuntimeError("each time")

    monkeypatch.setattr(engine.builder, "build", broken)
    provider.read_raises = [Offline("gone") for _ in range(500)]
    until(lambda: engine.update.board.sources["prom"].state is SourceState.OFFLINE)
    assert any("board (the board's rows): bug: RuntimeError: each time" in words for words in engine.update.troubles)
    assert engine.update.board.alerts  # the last rows stay


@pytest.mark.parametrize("error", [RuntimeError, Bug])
def test_a_bug_in_a_poller_is_its_sources_state_and_it_reads_on(
    running: tuple[Engine, FakeProvider], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    engine, provider = running
    history: list[Update] = []
    engine._listeners.add(lambda: history.append(engine.update))
    poller = engine._pollers[provider.source]
    poll, broken = poller._poll, threading.Event()
    broken.set()

    def call(request: ReadRequest) -> float:
        if broken.is_set():
            raise error("injected")
        return poll(request)

    monkeypatch.setattr(poller, "_poll", call)
    poller.ask()
    until(lambda: any("bug in its poller" in u.board.sources["prom"].message for u in history))
    broken.clear()
    provider.add("b")
    until(lambda: len(engine.update.board.alerts) == 2)
    assert engine.update.board.sources["prom"].state is SourceState.OK
    assert any("poll prom: bug" in words for words in engine.update.troubles)


def test_what_a_provider_raises_to_end_the_program_is_its_state(running: tuple[Engine, FakeProvider]) -> None:
    engine, provider = running
    history: list[Update] = []
    engine._listeners.add(lambda: history.append(engine.update))
    provider.read_raises = [SystemExit(3)]  # type: ignore[list-item]
    until(lambda: any("bug in this provider: SystemExit" in u.board.sources["prom"].message for u in history))
    until(lambda: engine.update.board.sources["prom"].live)


def queues(engine: Engine) -> dict[str, Any]:
    engine.on_demand.run("prom", lambda: None).result(5)
    return {
        "act": engine._acting().queues["prom"],
        "to": engine._acting().destinations.find("slack").queue,
        "look": engine.on_demand._queues["prom"],
    }


@pytest.mark.parametrize("which", ["act", "to", "look"])
def test_a_bug_in_a_queue_is_told_and_its_jobs_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    spec = DestinationSpec("slack", "slack", lambda: None)  # type: ignore[arg-type, return-value]
    engine, _ = make(tmp_path, destinations=(spec,))
    engine.start()
    queue = queues(engine)[which]
    clock, fails = queue._clock, [Bug("injected")]

    class Broken:
        def now(self) -> float:
            return time.time()

        def monotonic(self) -> float:
            if fails and threading.current_thread() is queue.worker._thread:
                raise fails.pop()
            return clock.monotonic()  # type: ignore[no-any-return]

    queue._clock = Broken()
    first, second = queue.run(lambda: 1), queue.run(lambda: 2)
    assert (first.result(5), second.result(5)) == (1, 2)
    until(lambda: any(f"{which} " in words and "injected" in words for words in engine.update.troubles))
    with pytest.raises(ZeroDivisionError):  # and a bug in a job is told, whether its asker looks or not
        queue.run(lambda: 1 / 0).result(5)
    until(lambda: any("(a job): bug: ZeroDivisionError" in words for words in engine.update.troubles))
    assert queue.run(lambda: 3).result(5) == 3
    engine.stop()


def test_a_bug_in_the_journals_writer_is_on_the_board(
    running: tuple[Engine, FakeProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = running
    once = Once(monkeypatch, engine.journal, "_write", RuntimeError)
    once.armed.set()
    engine.journal.record([Entry(at=time.time(), kind=EntryKind.NOTE, subject="lost")])
    until(lambda: any("journal: bug" in words for words in engine.update.troubles))
    engine.journal.must(Entry(at=time.time(), kind=EntryKind.NOTE, subject="x"))
    assert [e.subject for e in engine.journal.recent(10, (EntryKind.NOTE,))][-1] == "x"


def test_a_bug_in_what_keeps_the_screen_is_told_and_it_keeps_on(
    running: tuple[Engine, FakeProvider], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = running
    path = tmp_path / "screen.json"
    keep = kept.Keep(path)
    engine.watched.append(keep.worker)
    once = Once(monkeypatch, kept, "write", RuntimeError)
    once.armed.set()
    keep.put(kept.SavedView(kept=1, filter="a"))
    until(lambda: any("kept: bug" in words for words in engine.update.troubles))
    keep.put(kept.SavedView(kept=1, filter="b"))
    until(lambda: kept.read(path)[0] is not None)
    keep.close(5)


# --- what earlier sessions left ---------------------------------------------------------------------------------------


def test_marks_and_episodes_are_read_once_a_locked_journal_is_free(tmp_path: Path) -> None:
    path, now = tmp_path / "journal.db", time.time()
    before = Journal(path, time.time)
    engine, provider = make(tmp_path)
    alert = next(iter(provider.alerts.values()))
    before.must(
        Entry(at=now - 60, kind=EntryKind.SEEN, subject=alert.id, actor="Alice", data={"began": alert.began}),
        Entry(at=now - 60, kind=EntryKind.ALERT, subject=alert.id, data={"new": "firing", "began": alert.began}),
    )
    before.close(5)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=TRUNCATE")
    db.close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    engine.start()
    until(lambda: engine.update.board.alerts)  # a board that waits for no disk
    assert not engine.actions.marks.current
    until(lambda: "locked" in engine.update.journal_failure)
    other.execute("COMMIT")
    until(lambda: alert.id in engine.actions.marks.current)
    until(lambda: engine.update.board.alerts[alert.id].by == ("Alice",))
    until(lambda: not engine.update.journal_failure)
    engine.journal.must(Entry(at=now, kind=EntryKind.NOTE, subject="x"))
    again = [e for e in engine.journal.recent(50, (EntryKind.ALERT,)) if e.data["new"] == "firing"]
    assert len(again) == 1  # what was known before is not told to have changed
    engine.stop()


def test_a_bug_in_reading_one_of_them_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = make(tmp_path)
    once = Once(monkeypatch, engine.journal, "open_intents", Bug)
    once.armed.set()
    engine.start()
    until(lambda: engine._earlier.whole)
    until(lambda: any("memory: bug" in words for words in engine.update.troubles))
    engine.stop()


def test_a_row_that_cannot_be_read_makes_no_board_blind(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        rows = [(time.time(), kind, "p", "", "t", "{'") for kind in ("intent", "outcome", "seen", "alert", "deploy")]
        db.executemany("INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.close()
    engine, _ = make(tmp_path)
    engine.start()
    until(lambda: engine.update.board.live == 1 and len(engine.update.skipped) == 5)
    assert all("could not be read" in words for words in engine.update.skipped)
    assert not engine.update.troubles
    engine.stop()


def test_every_thread_of_the_program_is_supervised() -> None:
    folder = Path(worker.__file__).parents[1]
    made = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if path.relative_to(folder).parts[0] not in ("simulator", "testing")
        and "threading.Thread(" in path.read_text(encoding="utf-8")
    ]
    assert made == ["runtime/worker.py"]


def test_bugs_and_skipped_entries_are_on_the_board_in_words() -> None:
    triaged = Triager(Rules(pages=())).triage(merge(0, 0.0, (), ()))
    update = Update(
        triaged=triaged, troubles=("poll prom: bug: KeyError: 'x', 3 times",), skipped=("journal entry 8 …", "b")
    )
    header = "".join(text for text, _ in headline.left(update, "Alice", False, False))
    assert "BUG: see i" in header
    assert "2 journal entries skipped: see i" in header
    told = "\n".join("".join(text for text, _ in line) for line in source_lines(update, 0.0))
    assert "poll prom: bug: KeyError: 'x', 3 times" in told
    assert "journal entry 8" in told
