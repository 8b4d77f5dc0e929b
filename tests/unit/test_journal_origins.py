"""Ids that sort and never collide, and files of format 1: what they hold stays, and gets ids too."""

from __future__ import annotations

import itertools
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from oncall_tui.domain.entry import Entry, EntryKind, entry_id, named_by, origin_name
from oncall_tui.errors import JournalError
from oncall_tui.journal.schema import FORMAT
from oncall_tui.journal.store import Store

NOW = 1_800_000_000.0
FORMAT_1 = """
CREATE TABLE entry (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    actor TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX entry_subject ON entry (subject, seq);
CREATE INDEX entry_kind ON entry (kind, seq);
CREATE INDEX entry_at ON entry (at);
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
PRAGMA application_id=1869505377;
PRAGMA user_version=1;
"""


def entry(subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": NOW, "kind": EntryKind.NOTE, "subject": subject, **fields})


def of_format_1(path: Path, rows: int = 3) -> None:
    with sqlite3.connect(path) as db:
        db.executescript(FORMAT_1)
        db.executemany(
            "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, 'note', ?, 'Alice', '', '{}')",
            [(NOW + n, f"old{n}") for n in range(rows)],
        )
    db.close()


def test_ids_sort_by_time_and_name_their_entry() -> None:
    names = [origin_name(int.from_bytes(os.urandom(8))) for _ in range(3)]
    wanted = list(itertools.product((0.0, 1.5, NOW, NOW + 0.001, 253_402_300_799.0), names, (1, 31, 32, 9_999_999)))
    ids = [entry_id(*one) for one in wanted]
    assert len(set(ids)) == len(ids)
    assert {len(one) for one in ids} == {32}
    assert [one[:10] for one in sorted(ids)] == [entry_id(at, names[0], 1)[:10] for at, _, _ in sorted(wanted)]
    assert [named_by(one) for one in ids] == [(name, number) for _, name, number in wanted]
    assert named_by(f" {ids[0].lower()} ") == wanted[0][1:]


@pytest.mark.parametrize("text", ["", "p1", "01KB7Q2M3X-7ZK4M2Q9W1XAB", "01KB7Q2M3X-7ZK4M2Q9W1XAB-00000IL", "é" * 32])
def test_what_is_no_id_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="an entry's id"):
        named_by(text)


def test_entries_have_the_same_ids_whenever_they_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "journal.db")
    store.append([entry("a"), entry("b")])
    other = Store(tmp_path / "other.db")
    other.append([entry("a"), entry("b")])
    again = Store(tmp_path / "journal.db")
    ids = [e.id for e in store.read()]
    assert [e.id for e in again.read()] == ids
    assert len({*ids, *(e.id for e in other.read())}) == 4
    assert entry().id == ""


def test_a_file_of_format_1_keeps_its_entries_which_get_ids(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    of_format_1(path)
    running = sqlite3.connect(path, isolation_level=None)  # an older program that has it open
    store = Store(path)
    store.append([entry("new")])
    running.execute(
        "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, 'note', 'beside', '', '', '{}')", (NOW,)
    )
    running.close()
    found = store.read()
    assert [e.subject for e in found] == ["old0", "old1", "old2", "new", "beside"]
    assert len({e.id for e in found}) == 5
    assert {named_by(e.id) for e in found} == {(found[0].origin, n) for n in range(1, 6)}
    assert store._db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        store._db.execute("DELETE FROM entry")
    assert [e.id for e in Store(path).read()] == [e.id for e in found]


def test_a_file_of_format_1_that_can_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    of_format_1(path)

    class ReadOnly(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN IMMEDIATE"):
                super().execute("PRAGMA query_only=1")
                return super().execute("CREATE TABLE no (x)")
            return super().execute(sql, *more)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=ReadOnly))
    store = Store(path)
    assert "readonly" in store.unwritable
    assert [(e.subject, e.id) for e in store.read()] == [("old0", ""), ("old1", ""), ("old2", "")]


@pytest.mark.parametrize("step", range(1, 12))
def test_a_change_of_format_that_is_cut_off_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whichever statement fails, the file is of format 1 still, and the next program changes it."""
    path = tmp_path / "journal.db"
    of_format_1(path)
    counts = itertools.count(1)

    class Full(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            changes = self.in_transaction and sql.startswith(("CREATE", "ALTER", "INSERT", "PRAGMA user", "COMMIT"))
            if changes and next(counts) == step:
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *more)

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
        try:
            Store(path).append([entry("new")])
        except JournalError as error:
            assert "full" in str(error)  # noqa: PT017 - the last steps may succeed otherwise than by writing ahead
    store = Store(path)
    store.append([entry("last")])
    subjects = [e.subject for e in store.read()]
    assert [s for s in subjects if s != "new"] == ["old0", "old1", "old2", "last"]
    assert len({e.id for e in store.read()}) == len(subjects)
    assert list(tmp_path.glob("*.damaged*")) == []
