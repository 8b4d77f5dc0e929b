"""The journal's file, damaged in every way: put aside and said, or read but for what cannot be; never in the way."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.cli.journal import as_object
from oncall_tui.domain.board import merge
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.errors import JournalError
from oncall_tui.inspection import row_timeline
from oncall_tui.journal import Journal
from oncall_tui.journal import journal as module
from oncall_tui.journal.decode import _SHAPES
from oncall_tui.journal.schema import FORMAT, SCHEMA
from oncall_tui.journal.service_history import read_service_history
from oncall_tui.journal.store import Damaged, Store
from oncall_tui.reports import handover_text
from oncall_tui.reports.handover import handover
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.triager import Rules, Triager

NOW = FakeClock().now()


def entry(subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": NOW, "kind": EntryKind.NOTE, "subject": subject, **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Journal]]:
    made: list[Journal] = []
    monkeypatch.setattr(module, "AGAIN_S", 0.02)

    def make() -> Journal:
        made.append(Journal(path, FakeClock().now))
        return made[-1]

    yield make
    for journal in made:
        journal.close(5)


def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def filled(path: Path, rows: int = 60) -> bytes:
    """A journal of some pages, as bytes; nothing of it is left in SQLite's other files."""
    store = Store(path)
    store.append([entry(f"s{n}", text="t" * 200, data={"began": NOW, "n": n}) for n in range(rows)])
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path.read_bytes()


def fresh(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


# --- put aside --------------------------------------------------------------------------------------------------------


def works(journal: Journal) -> None:
    """It takes an intent, and gives it back: from a file that is found to be damaged only then, from the new one."""
    known = len(journal.notices)
    journal.must(entry("after"))
    found = journal.recent(1)
    if not found and len(journal.notices) > known:
        works(journal)
        return
    assert found[0].subject == "after"
    assert journal.open_intents() == []
    assert journal.failure == ""


@pytest.mark.parametrize(
    "content", [b"this is not a database: " * 60, b"\0" * 5000, b"SQLite format 3\0" + b"x" * 4080]
)
def test_a_file_that_is_no_journal_any_more_is_kept_beside_and_said(
    path: Path, opened: Callable[[], Journal], content: bytes
) -> None:
    path.write_bytes(content)
    journal = opened()
    works(journal)
    (kept,) = path.parent.glob("journal.db.damaged-*")
    assert kept.read_bytes() == content
    (words,) = journal.notices
    assert str(kept) in words
    assert "a new one was begun" in words
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened().notices == ()  # said once


def test_a_command_that_only_reads_says_it_and_moves_nothing(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Damaged, match=r"is damaged: file is not a database"):
        Store(path)
    assert [p.name for p in path.parent.iterdir()] == ["journal.db"]


def test_damage_that_is_met_later_is_put_aside_too_and_no_entry_is_lost(
    path: Path, opened: Callable[[], Journal]
) -> None:
    filled(path)
    journal = opened()
    journal.must(entry("before"))
    with journal._lock:
        assert journal._store is not None
        journal._store.close()
        data = bytearray(path.read_bytes())
        for page in range(1, len(data) // 4096):
            if page == 1 or b"t" * 200 in data[page * 4096 : page * 4096 + 4096]:  # the entries: opening reads others
                data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
        path.write_bytes(data)
        journal._store = Store(path)
    journal.must(entry("intent"))
    assert [e.subject for e in journal.recent()] == ["intent"]
    assert len(journal.notices) == 1
    assert len(list(path.parent.glob("*.damaged-*"))) >= 1


def test_of_programs_that_find_it_at_once_one_moves_it_and_none_the_new_one(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    journals = [Journal(path, FakeClock().now) for _ in range(6)]
    threads = [threading.Thread(target=journal.must, args=(entry(f"e{n}"),)) for n, journal in enumerate(journals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(e.subject for e in journals[0].recent()) == [f"e{n}" for n in range(6)]
    assert len(list(path.parent.glob("*.damaged-*Z"))) == 1
    assert sum(len(journal.notices) for journal in journals) == 1
    for journal in journals:
        journal.close(5)


def test_one_that_cannot_be_moved_is_a_clear_failure(
    path: Path, opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"not a database" * 100)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    journal = opened()
    with pytest.raises(JournalError, match=r"is damaged .*cannot be moved: Permission denied .*move it away by hand"):
        journal.must(entry())
    assert "damaged" in journal.failure
    monkeypatch.undo()
    until(lambda: not journal.failure)
    works(journal)


# --- generated damage -------------------------------------------------------------------------------------------------


def survives(path: Path, opened: Callable[[], Journal]) -> bool:
    """Whatever stands there: it is read, or put aside; then an intent can be written. True: it was put aside."""
    journal = opened()
    journal.recent(1000)
    journal.since(0.0)
    journal.of("s1")
    works(journal)
    aside = bool(journal.notices)
    journal.close(5)
    assert not journal.worker.trouble.summary
    fresh(path)
    return aside


LENGTHS = [0, 1, 15, 16, 17, 99, 100, 512, 4095, 4096, 4097, 8192, 12_288, 20_000, 32_768]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_file_that_was_cut_off(path: Path, opened: Callable[[], Journal], length: int) -> None:
    whole = filled(path)
    assert len(whole) > LENGTHS[-1]
    fresh(path)
    path.write_bytes(whole[:length])
    assert survives(path, opened) is (length > 1)  # of a single byte SQLite makes a database anew


VERSION = slice(60, 64)  # of SQLite's header: the user_version


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.everything) for n in range(2, 9))])
def test_a_file_with_bytes_flipped(path: Path, opened: Callable[[], Journal], seed: int) -> None:
    whole = filled(path)
    fresh(path)
    random_ = random.Random(seed)
    for number in range(25):
        data = bytearray(whole)
        where = (100, 4096, len(data))[number % 3]  # the header, the tables' definitions, anywhere
        for _ in range(random_.choice((1, 5, 50))):
            data[random_.randrange(where)] = random_.randrange(256)
        data[VERSION] = whole[VERSION]  # another number there is another version's file, and said as that
        path.write_bytes(data)
        survives(path, opened)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_garbage_in_sqlite_s_own_files(path: Path, opened: Callable[[], Journal], end: str) -> None:
    filled(path)
    Path(f"{path}{end}").write_bytes(b"\x55\xaa" * 3000)
    survives(path, opened)


# --- other files ------------------------------------------------------------------------------------------------------


def test_a_newer_version_s_journal_is_said_and_not_written(path: Path, opened: Callable[[], Journal]) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={FORMAT + 1}")
    db.close()
    before = path.read_bytes()
    journal = opened()
    with pytest.raises(JournalError, match=r"is of a newer oncall-tui .*update this one"):
        journal.must(entry())
    with pytest.raises(JournalError, match="newer"):
        journal.recent()
    assert "newer" in journal.failure
    journal.close(5)
    assert path.read_bytes() == before
    assert list(path.parent.glob("*.damaged-*")) == []


def test_an_older_version_s_journal_is_written(path: Path, opened: Callable[[], Journal]) -> None:
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)  # without a format and an id
    db.close()
    works(opened())


def test_another_program_s_database_is_left_alone(path: Path, opened: Callable[[], Journal]) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, what TEXT)")
    db.close()
    journal = opened()
    with pytest.raises(JournalError):
        journal.must(entry())
    assert list(path.parent.glob("*.damaged-*")) == []


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_link_to_itself])
def test_what_is_no_file_is_said_and_not_touched(
    path: Path, opened: Callable[[], Journal], make: Callable[[Path], None]
) -> None:
    make(path)
    mode = path.lstat().st_mode
    journal = opened()
    for _ in range(2):
        with pytest.raises(JournalError, match="cannot be opened: "):
            journal.must(entry())
    with pytest.raises(JournalError):
        journal.recent()
    assert path.lstat().st_mode == mode  # a folder of mode 0600 could not be entered any more
    (path / "inside").unlink(missing_ok=True) if path.is_dir() else None
    path.rmdir() if path.is_dir() else path.unlink()
    until(lambda: not journal.failure)
    works(journal)


# --- rights -----------------------------------------------------------------------------------------------------------


class ReadOnly(sqlite3.Connection):
    """As on a file system that was mounted read-only."""

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if sql.startswith(("BEGIN IMMEDIATE", "PRAGMA user_version=", "PRAGMA journal_mode=TRUNCATE")):
            super().execute("PRAGMA query_only=1")
            return super().execute("CREATE TABLE no (x)")
        return super().execute(sql, *more)


def test_what_can_only_be_read_is_read_and_written_once_that_is_possible(
    path: Path, opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path, 3)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=ReadOnly))
    journal = opened()
    with pytest.raises(JournalError, match=r"can be read, and not written: .*readonly database"):
        journal.must(entry("intent"))
    assert [e.subject for e in journal.recent()] == ["s0", "s1", "s2"]  # marks and open intents are known
    assert "not written" in journal.failure
    journal.record([entry("waits")])
    monkeypatch.undo()
    until(lambda: not journal.failure)
    assert [e.subject for e in journal.recent()] == ["s0", "s1", "s2", "waits"]


@pytest.mark.parametrize("denied", ["mkdir", "open", "chmod", "connect"])
def test_without_the_rights_it_is_a_clear_failure_that_ends(
    path: Path, opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        if denied == "connect":
            raise sqlite3.OperationalError("unable to open database file")
        raise PermissionError(13, "Permission denied")

    if denied == "chmod":
        path.touch(0o644)
    owner: Any = {"mkdir": Path, "open": os, "chmod": os, "connect": sqlite3}[denied]
    monkeypatch.setattr(owner, denied, refuse)
    journal = opened()
    with pytest.raises(JournalError, match=r"cannot be opened: (permission denied|unable to open)"):
        journal.must(entry("asked"))
    journal.record([entry("waits")])
    monkeypatch.undo()
    monkeypatch.setattr(module, "AGAIN_S", 0.02)
    until(lambda: not journal.failure)
    assert [e.subject for e in journal.recent()] == ["waits"]


# --- rows -------------------------------------------------------------------------------------------------------------

COLUMNS = ("at", "kind", "subject", "actor", "text", "data")
IN_A_COLUMN: tuple[Any, ...] = (b"\xff\x00", b"", "word", "", -1, 0, 2**63 - 1, 1e300, float("inf"), -1e-300)
IN_A_COLUMN += ("[]", "null", "{", '"x"', "5", '{"a":' * 50, "\x1b[31m", "a\nb", "\ud7ff", "x" * 100_000)
IN_A_FIELD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    2**53,
    "word",
    "",
    [],
    [1, None],
    {},
    {"a": [1]},
    "\x1b]52;c;x\x07",
)
FURTHER = (
    "arrow",
    "kind",
    "row",
    "pager",
    "did",
    "rolled_back",
    "by",
    "started",
    "shell",
    "seconds",
    "request",
    "verb",
)


def good(kind: EntryKind) -> dict[str, Any]:
    plan = {"id": "p1", "verb": "acknowledge", "source": "prom", "target": "prom/a", "version": "v", "title": "t"}
    plan |= {"actor": {"name": "Alice"}, "made_at": NOW, "request": {}}
    return {
        EntryKind.INTENT: {"plan": plan, "host": "elsewhere", "pid": 1},
        EntryKind.OUTCOME: {"state": "done", "verb": "acknowledge", "target": "prom/a"},
        EntryKind.WATCH: {"state": "watching", "unread": []},
    }.get(kind, {"began": NOW, "new": "firing", "old": "", "service": "prod/main/api", "plan": "p1"})


def odd_rows(kind: EntryKind) -> Iterator[tuple[Any, ...]]:
    usual = (NOW, kind.value, "prom/a", "Alice", "t", json.dumps(good(kind)))
    for at in range(len(COLUMNS)):
        for value in IN_A_COLUMN:
            yield (*usual[:at], value, *usual[at + 1 :])
    fields = (*_SHAPES[kind].__struct_fields__, *FURTHER)
    plan = good(kind).get("plan")
    for value in IN_A_FIELD:
        for field in fields:
            yield (*usual[:5], json.dumps(good(kind) | {field: value}))
        for field in plan if isinstance(plan, dict) else ():
            yield (*usual[:5], json.dumps(good(kind) | {"plan": plan | {field: value}}))


@pytest.mark.parametrize("kind", EntryKind)
def test_no_odd_row_stops_a_reader(path: Path, opened: Callable[[], Journal], kind: EntryKind) -> None:
    """Every kind with every column and field as another program may write it: read, or left out and named."""
    journal = opened()
    journal.must(entry("first"))
    rows = list(odd_rows(kind))
    with sqlite3.connect(path) as db:
        db.executemany(f"INSERT INTO entry ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.close()
    journal.must(entry("last"))
    entries = journal.recent(10_000)
    assert [entries[0].subject, entries[-1].subject] == ["first", "last"]
    unknown = sum(row[1] != kind.value for row in rows)  # which no reader asks for
    assert len(entries) + len(journal.skipped) + unknown == len(rows) + 2
    for words in journal.skipped:
        assert "could not be read" in words
    # Each reader of the program, over all that could be read.
    journal.open_intents()
    SeenMarks(journal).load()
    read_service_history(journal, "prod/main/api", ())
    Episodes().load(entries)
    PastActions(journal).read(NOW)
    triaged = Triager(Rules(pages=())).triage(merge(0, NOW, (), ()))
    report = handover(entries, triaged, 0.0, NOW)
    handover_text.markdown(report, UTC)
    recorder = ChangeRecorder(journal, Episodes())
    recorder.remember()
    assert recorder.recall()
    recorder.record(triaged, triaged.board, NOW)
    for one in entries:
        as_object(one)
    row_timeline.read(lambda: None, journal, "prom/a", NOW)  # type: ignore[arg-type, return-value]
    assert journal.failure == ""
