"""The tables of the journal's file, and how a file of an earlier format gets them.

Format 2 tells where an entry was written first. A row that was written to this file has no origin of its own: the name
of the file (``replica``) and its seq are its id, so that no row is rewritten where a file of format 1 becomes one of
format 2.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3

from oncall_tui.domain.entry import origin_name

DAY_S = 86_400.0
DAYS_SHOWN = 0.05  # of the days that are kept so many have entries, before what is older is taken to be old
DAYS_LEAST = 3
FORMAT = 2  # of the file, in its user_version; 0 is format 1 from before it was written down
OURS = 0x6F6E6361  # its application_id
NO_DELETE = """CREATE TRIGGER IF NOT EXISTS entry_no_delete BEFORE DELETE ON entry BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END"""
_ENTRY = """CREATE TABLE IF NOT EXISTS entry (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor   TEXT NOT NULL,
    text    TEXT NOT NULL,
    data    TEXT NOT NULL,
    origin  TEXT NOT NULL DEFAULT '',
    number  INTEGER NOT NULL DEFAULT 0
)"""
_SINCE_FORMAT_2 = {"origin": "TEXT NOT NULL DEFAULT ''", "number": "INTEGER NOT NULL DEFAULT 0"}
_FURTHER = (
    "CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject, seq)",
    "CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, seq)",
    "CREATE INDEX IF NOT EXISTS entry_at ON entry (at)",
    """CREATE TRIGGER IF NOT EXISTS entry_no_update BEFORE UPDATE ON entry BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END""",
    NO_DELETE,
    # An entry of another file is here once, however often it arrives.
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_origin ON entry (origin, number) WHERE origin <> ''",
    # This file's own names: from which seq on it has each, and up to which number its entries were shared.
    "CREATE TABLE IF NOT EXISTS replica (name TEXT PRIMARY KEY, first INTEGER NOT NULL, shared INTEGER NOT NULL)",
    # Other files whose entries came here, each up to which number.
    "CREATE TABLE IF NOT EXISTS peer (name TEXT PRIMARY KEY, last INTEGER NOT NULL)",
    # Who is where, of all who share this file: see journal/slots.py.
    """CREATE TABLE IF NOT EXISTS held (slot TEXT PRIMARY KEY, subject TEXT NOT NULL, what TEXT NOT NULL,
    holder TEXT NOT NULL, who TEXT NOT NULL, since REAL NOT NULL, renewed REAL NOT NULL, version TEXT NOT NULL)""",
)
SCHEMA = ";\n".join((_ENTRY, *_FURTHER)) + ";"
_FORMAT_1 = frozenset(("entry", "entry_subject", "entry_kind", "entry_at", "entry_no_update", "entry_no_delete"))
_NAMES = _FORMAT_1 | {"entry_origin", "replica", "peer", "held"}


def days_that_show(keep_s: float) -> int:
    """Return how many days have to have something recorded, before a time of *keep_s* seconds is taken to have passed:
    a clock that is wrong says that everything is old.
    """
    return max(DAYS_LEAST, int(keep_s / DAY_S * DAYS_SHOWN))


def complete(db: sqlite3.Connection) -> bool:
    """Return whether nothing has to be made. SQLite's own errors pass through everything here."""
    return _there(db) >= _NAMES


def readable(db: sqlite3.Connection) -> bool:
    """Return whether its entries can be read, in this format or an earlier one."""
    return _there(db) >= _FORMAT_1


def has_origins(db: sqlite3.Connection) -> bool:
    """Return whether its entries tell where they come from: not so in a file of format 1 that is read alone."""
    return "origin" in _columns(db)


def own_names(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """The file's names, oldest first, each with the first seq that it holds for."""
    if "replica" not in _there(db):
        return []
    return [(int(first), str(name)) for first, name in db.execute("SELECT first, name FROM replica ORDER BY first")]


def make_schema(db: sqlite3.Connection) -> None:
    """Make what is missing in one transaction, so that another program never meets half of it."""
    if complete(db) and own_names(db):
        return
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_ENTRY)
        for name, kind in _SINCE_FORMAT_2.items():
            if name not in _columns(db):
                db.execute(f"ALTER TABLE entry ADD COLUMN {name} {kind}")
        for statement in _FURTHER:
            db.execute(statement)
        if not own_names(db):
            db.execute("INSERT INTO replica VALUES (?, 0, 0)", (new_name(),))
        db.execute(f"PRAGMA application_id={OURS}")
        db.execute(f"PRAGMA user_version={FORMAT}")
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        raise


def new_name() -> str:
    """A name that no other file has."""
    return origin_name(int.from_bytes(os.urandom(8)))


def _there(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _columns(db: sqlite3.Connection) -> set[str]:
    return {row[1] for row in db.execute("PRAGMA table_info(entry)")}
