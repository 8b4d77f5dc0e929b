"""The journal among other programs, other versions and broken disks: nothing is refused, lost or guessed by that."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import fresh_journal
from tests.support.fakes import ALICE

from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError
from oncall_tui.inspection import row_timeline as timeline
from oncall_tui.journal import Journal
from oncall_tui.journal import journal as module
from oncall_tui.journal.schema import SCHEMA
from oncall_tui.journal.service_history import read_service_history
from oncall_tui.journal.store import Store
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.episodes import Episodes

NOW = FakeClock().now()
PLAN = msgspec.to_builtins(
    Plan(
        id="p1",
        verb=Verb.ACKNOWLEDGE,
        source="prom",
        target="prom/a",
        version="v",
        actor=ALICE,
        made_at=NOW,
        title="acknowledge a",
    )
)


def entry(subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": NOW, "kind": EntryKind.NOTE, "subject": subject, **fields})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


# --- other programs ---------------------------------------------------------------------------------------------------


def test_programs_that_start_at_once_on_a_fresh_journal_are_not_refused(tmp_path: Path) -> None:
    assert fresh_journal.rounds([tmp_path / str(number) / "journal.db" for number in range(12)]) == []


@pytest.mark.parametrize("made", [False, True])
def test_a_journal_that_is_locked_for_a_while_is_waited_for(path: Path, made: bool) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if made:
        other.executescript(SCHEMA)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.6, lambda: other.execute("COMMIT")).start()
    journal = Journal(path, FakeClock().now)
    journal.must(entry())
    assert [e.subject for e in journal.recent()] == ["x"]
    journal.close(5)


def test_a_journal_that_stays_locked_is_a_clear_failure_in_bounded_time(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(JournalError, match="locked"):
        Store(path, busy_s=0.2)
    assert time.monotonic() - began < 3.0


def test_who_gave_up_waiting_is_not_written_behind_his_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An intent that was refused must not be found as an open one by the next start."""
    monkeypatch.setattr(module, "WRITE_TIMEOUT_S", 0.2)
    journal = Journal(path, FakeClock().now)
    journal.must(entry("first"))
    with journal._lock:  # the disk hangs while another entry is written
        journal.record([entry("second")])
        time.sleep(0.05)
        with pytest.raises(JournalError, match="in time"):
            journal.must(entry("intent"))
    monkeypatch.setattr(module, "WRITE_TIMEOUT_S", 5.0)
    journal.must(entry("third"))
    assert [e.subject for e in journal.recent()] == ["first", "second", "third"]
    journal.close(5)


@pytest.mark.parametrize("was_written_ahead", [False, True])
def test_where_the_file_cannot_be_written_ahead_it_is_written_all_the_same(path: Path, was_written_ahead: bool) -> None:
    if was_written_ahead:
        store = Store(path)
        store.append([entry("before")])
        store.close()
    path.with_name("journal.db-shm").mkdir()  # as on a network file system: the shared memory is not to be had
    store = Store(path)
    store.append([entry("after")])
    assert [e.subject for e in store.read()] == [*(["before"] if was_written_ahead else []), "after"]
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    second = Store(path, busy_s=0.5)  # and no lock is kept
    second.append([entry("another program's")])
    assert len(store.read()) == len(second.read())


def test_a_file_system_that_refuses_the_locks_is_written_without_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nfs(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            if "journal_mode=WAL" in sql:
                raise sqlite3.OperationalError("locking protocol")
            return super().execute(sql, *more)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Nfs))
    journal = Journal(path, FakeClock().now)
    journal.must(entry())
    assert journal.failure == ""
    journal.close(5)


def test_a_second_journal_in_one_process_leaves_the_locks_of_the_first(path: Path) -> None:
    """Closing any descriptor of a file ends a process's POSIX locks on it: the file is not opened to be made twice."""
    first = Store(path)
    first._db.execute("BEGIN IMMEDIATE")
    Store(path, busy_s=0.1).close()
    child = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=0.1, isolation_level=None)\n"
        "try: db.execute('BEGIN IMMEDIATE'); print('taken')\n"
        "except sqlite3.OperationalError as error: print(error)"
    )
    import subprocess
    import sys

    told = subprocess.run([sys.executable, "-c", child, str(path)], capture_output=True, text=True, check=True)
    assert told.stdout == "database is locked\n"


# --- disks ------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_as_such_and_what_waits_is_written_once_there_is_space(path: Path, quick: None) -> None:
    journal = Journal(path, FakeClock().now)
    journal.must(entry("first"))
    with journal._lock:
        assert journal._store is not None
        pages = journal._store._db.execute("PRAGMA page_count").fetchone()[0]
        journal._store._db.execute(f"PRAGMA max_page_count={pages}")
    large = "x" * 100_000
    journal.record([entry("waits", text=large)])
    until(lambda: journal.failure)
    assert "disk is full" in journal.failure
    with pytest.raises(JournalError, match="disk is full"):
        journal.must(entry("asked", text=large))
    with journal._lock:
        journal._store._db.execute("PRAGMA max_page_count=1000000")
    until(lambda: not journal.failure)  # by itself: nothing new has to be journalled for that
    assert [e.subject for e in journal.recent()] == ["first", "waits"]
    journal.close(5)


def test_a_failure_of_an_action_alone_ends_by_itself_too(tmp_path: Path, quick: None) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    journal = Journal(blocked / "journal.db", FakeClock().now)
    with pytest.raises(JournalError):
        journal.must(entry())
    with pytest.raises(JournalError):
        journal.recent()
    assert journal.failure
    blocked.unlink()
    until(lambda: not journal.failure)
    assert journal.recent() == []
    journal.close(5)


def test_an_entry_that_no_disk_takes_holds_up_no_other_and_is_named(tmp_path: Path, quick: None) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    journal = Journal(blocked / "journal.db", FakeClock().now)
    journal.record([entry("one"), entry("two", at=float("nan")), entry("three")])
    until(lambda: journal.failure)
    blocked.unlink()
    until(lambda: not journal.failure)
    assert [e.subject for e in journal.recent()] == ["one", "three"]
    (words,) = journal.skipped
    assert "an entry about two could not be written" in words
    with pytest.raises(JournalError, match="cannot be written"):
        journal.must(entry("asked", at=float("nan")))
    journal.close(5)


def test_half_a_character_from_outside_is_written_as_what_it_is_not(path: Path) -> None:
    journal = Journal(path, FakeClock().now)
    journal.must(entry("a\udce1", text="b\udce1", actor="c\udce1", data={"d\udce1": ["e\udce1"]}))
    (found,) = journal.recent()
    assert (found.subject, found.text, found.actor, found.data) == ("a?", "b?", "c?", {"d?": ["e?"]})
    journal.close(5)


# --- rows of others ---------------------------------------------------------------------------------------------------

DATA = {
    EntryKind.INTENT: {"plan": PLAN, "host": "elsewhere", "pid": 1},
    EntryKind.OUTCOME: {"state": "done", "verb": "acknowledge", "target": "prom/a"},
    EntryKind.SEEN: {"began": NOW, "plan": "p1"},
    EntryKind.ALERT: {"old": "", "new": "firing", "began": NOW, "service": "prod/main/api"},
    EntryKind.WATCH: {"state": "watching", "unread": []},
}


def _without(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


BAD: list[tuple[str, EntryKind | str, dict[str, Any]]] = [
    ("a plan of another version", "intent", {"data": {"plan": PLAN | {"verb": "defenestrate"}}}),
    ("a plan without its time", "intent", {"data": {"plan": _without(PLAN, "made_at")}}),
    ("a plan whose time is a word", "intent", {"data": {"plan": PLAN | {"made_at": "soon"}}}),
    ("no plan", "intent", {"data": {}}),
    ("a plan that is a list", "intent", {"data": {"plan": []}}),
    ("a process that is a word", "intent", {"data": {"plan": PLAN, "pid": "abc"}}),
    ("a state of another version", "outcome", {"data": {"state": "half done"}}),
    ("no state", "outcome", {"data": {}}),
    ("a receipt that is a list", "outcome", {"data": {"state": "unknown", "receipt": [1]}}),
    ("a beginning that is a word", "seen", {"data": {"began": "yesterday"}}),
    ("a beginning that no calendar has", "alert", {"data": {"new": "firing", "began": 1e300}}),
    ("sources that are a number", "watch", {"data": {"unread": 7}}),
    ("data that is no JSON", "alert", {"data": "{'old': 1}"}),
    ("data that is a list", "alert", {"data": "[]"}),
    ("data that is cut off", "outcome", {"data": '{"state": "do'}),
    ("data that is deep", "alert", {"data": '{"a":' * 100_000}),
    ("data that is bytes", "alert", {"data": b"\x00\xff"}),
    ("a time that is a word", "alert", {"at": "yesterday"}),
    ("a time that is infinite", "alert", {"at": float("inf")}),
    ("a time before all others", "seen", {"at": -1e300}),
    ("a subject that is bytes", "intent", {"subject": b"\xff"}),
    ("a kind of another version", "premonition", {"data": {}}),
]


def plant(path: Path, kind: str, **columns: Any) -> int:
    """Write a row as another program would; its number."""
    data = columns.pop("data", DATA.get(EntryKind(kind), {}) if kind in set(EntryKind) else {})
    text = json.dumps(data) if isinstance(data, dict) else data
    row = {"at": NOW, "kind": kind, "subject": "p1", "actor": "Alice", "text": "t", "data": text} | columns
    with sqlite3.connect(path) as db:
        names = ", ".join(row)
        cursor = db.execute(f"INSERT INTO entry ({names}) VALUES ({','.join('?' * len(row))})", tuple(row.values()))
    db.close()
    assert cursor.lastrowid
    return cursor.lastrowid


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path, FakeClock().now)
    made.must(entry("good"))
    yield made
    made.close(5)


@pytest.mark.parametrize(("what", "kind", "columns"), BAD, ids=[what for what, _, _ in BAD])
def test_a_row_that_cannot_be_read_is_left_out_and_named_by_every_reader(
    journal: Journal, what: str, kind: str, columns: dict[str, Any]
) -> None:
    number = plant(journal.path, kind, **columns)
    plant(journal.path, "seen", subject="prom/b", data=DATA[EntryKind.SEEN])
    store = Store(journal.path)
    assert [e.subject for e in store.read()] == ["good", "prom/b"]
    (words,) = store.skipped.values()
    assert f"journal entry {number} (" in words
    assert "could not be read: " in words
    assert "skipped" in words
    store.close()
    # Each reader of the program, over the same file.
    assert journal.open_intents() == []
    marks = SeenMarks(journal)
    marks.load()
    assert list(marks.current) == ["prom/b"]
    read_service_history(journal, "prod/main/api", ())
    Episodes().load(journal.recent())
    timeline.read(lambda: None, journal, "p1", NOW)  # type: ignore[arg-type, return-value]
    assert journal.of("p1") == []
    assert [e.subject for e in journal.since(0.0)] == ["good", "prom/b"]
    named = [one for one in journal.skipped if f"entry {number} " in one]
    assert len(named) == (0 if kind == "premonition" or columns.get("subject") else 1) or named
    assert journal.failure == ""


def test_an_open_intent_is_found_beside_one_that_cannot_be_read(journal: Journal) -> None:
    plant(journal.path, "intent", data={"plan": PLAN | {"verb": "defenestrate"}})
    plant(journal.path, "intent", subject="p2", data={"plan": PLAN | {"id": "p2", "made_at": NOW - 7200}})
    plant(journal.path, "outcome", subject="p2", data={"state": "half done"})
    assert [i.plan.id for i in journal.open_intents()] == ["p2"]
    assert len(journal.skipped) == 2


def test_a_byte_that_is_no_character_costs_that_byte(journal: Journal) -> None:
    with sqlite3.connect(journal.path) as db:
        values = (NOW, "note", "a", "Alice", b"caf\xe9", "{}")
        db.execute(
            "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?)", values
        )
    db.close()
    assert journal.recent()[-1].text == "caf\ufffd"


def test_a_table_of_another_program_is_a_clear_failure(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, what TEXT)")
    db.close()
    journal = Journal(path, FakeClock().now)
    with pytest.raises(JournalError):
        journal.recent()
    with pytest.raises(JournalError):
        journal.must(entry())
    assert journal.failure
    journal.close(5)


# --- its thread -------------------------------------------------------------------------------------------------------


def test_a_bug_in_the_writer_is_told_loses_nothing_and_ends_nothing(
    path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, FakeClock().now)
    append, fails = Store.append, [RuntimeError("a bug"), RuntimeError("a bug")]

    def broken(self: Store, entries: Any) -> None:
        if fails:
            raise fails.pop()
        append(self, entries)

    monkeypatch.setattr(Store, "append", broken)
    journal.record([entry("one")])
    until(lambda: not fails)
    until(lambda: not journal.failure)
    assert [e.subject for e in journal.recent()] == ["one"]
    assert "journal (writing): bug: RuntimeError: a bug" in journal.worker.trouble.summary
    journal.close(5)


def test_a_bug_in_the_writers_loop_is_told_and_it_begins_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_TIMEOUT_S", 0.5)
    journal = Journal(path, FakeClock().now)
    write, fails = Journal._write, [SystemExit("a bug")]

    def broken(self: Journal, *asked: Any, **more: Any) -> JournalError | None:
        if fails:
            raise fails.pop()
        return write(self, *asked, **more)

    monkeypatch.setattr(Journal, "_write", broken)
    with pytest.raises(JournalError):
        journal.must(entry("one"))
    monkeypatch.setattr(module, "WRITE_TIMEOUT_S", 10.0)
    journal.must(entry("two"))
    assert "journal: bug: SystemExit: a bug" in journal.worker.trouble.summary
    journal.close(5)


@pytest.mark.parametrize("folder_too", [False, True])
def test_a_journal_that_was_removed_under_the_program_is_made_anew(tmp_path: Path, folder_too: bool) -> None:
    path = tmp_path / "folder" / "journal.db"
    journal = Journal(path, FakeClock().now)
    journal.must(entry("before"))
    for file in path.parent.iterdir():
        file.unlink()
    if folder_too:
        path.parent.rmdir()
    journal.must(entry("after"))
    assert [e.subject for e in journal.recent()] == ["after"]
    again = Store(path)
    assert [e.subject for e in again.read()] == ["after"]  # it is on disk, not in a file that nobody can open
    again.close()
    journal.close(5)


def test_an_intent_in_an_older_version_s_words_is_found(journal: Journal) -> None:
    old = PLAN | {"id": "p3", "verb": "go on", "made_at": NOW - 7200}
    plant(journal.path, "intent", subject="p3", data={"plan": old})
    assert [(i.plan.id, i.plan.verb) for i in journal.open_intents()] == [("p3", Verb.CONTINUE)]
    assert journal.skipped == ()
