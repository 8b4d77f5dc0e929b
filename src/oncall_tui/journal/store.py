"""The journal's file: its tables, how it is opened, and what can be asked of it. Not thread-safe; Journal is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.errors import JournalError

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor   TEXT NOT NULL,
    text    TEXT NOT NULL,
    data    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject, seq);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, seq);
CREATE INDEX IF NOT EXISTS entry_at ON entry (at);
CREATE TRIGGER IF NOT EXISTS entry_no_update BEFORE UPDATE ON entry BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER IF NOT EXISTS entry_no_delete BEFORE DELETE ON entry BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
"""
_COLUMNS = "seq, at, kind, subject, actor, text, data"
_KINDS = frozenset(EntryKind)
_decode = msgspec.json.Decoder(dict)
_encode = msgspec.json.Encoder()


class Store:
    """One open journal file. Every method raises JournalError with what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The file exists with its mode before SQLite opens it: never readable by others, not for a moment.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            os.chmod(path, 0o600)
            self._db = sqlite3.connect(path, timeout=2.0, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"the journal {path} cannot be opened: {error}", "check its folder and its disk"
            ) from None

    def append(self, entries: Iterable[Entry]) -> None:
        """All of them on disk, or none and JournalError."""
        rows = [(e.at, e.kind, e.subject, e.actor, e.text, _encode.encode(e.data).decode()) for e in entries]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(
                    "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, ?, ?)", rows
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be written: {error}", f"check the disk under {self.path}") from None

    def read(self, where: str = "1", values: tuple[object, ...] = (), limit: int = -1) -> list[Entry]:
        """Entries in the order in which they were written; with *limit* the newest ones."""
        query = f"SELECT * FROM (SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY seq DESC LIMIT ?) ORDER BY seq"
        try:
            rows = self._db.execute(query, (*values, limit)).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be read: {error}") from None
        return [
            Entry(seq=s, at=at, kind=EntryKind(k), subject=sub, actor=a, text=t, data=_decode.decode(d))
            for s, at, k, sub, a, t, d in rows
            if k in _KINDS  # a newer program may have written others
        ]

    def close(self) -> None:
        self._db.close()
