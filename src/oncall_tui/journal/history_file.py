"""The history's file: its tables, and how it is opened. It stands beside the journal, and can be thrown away.

A file of its own, because the journal's is append-only, is read by older versions and is put aside when it is damaged:
none of that may depend on tables that are changed all the time. What is damaged here, or of another version, is begun
anew from the journal's entries. Where the folder cannot be written, the tables are in memory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from oncall_tui.errors import JournalError
from oncall_tui.journal import tallies

log = logging.getLogger(__name__)
FORMAT = 13  # of these tables; a file of another one is begun anew
OURS = 0x6F6E6368  # its application_id
BUSY_S = 5.0  # for another program that catches up just now
BESIDE = ("", "-journal", "-wal", "-shm")
SCHEMA = """
CREATE TABLE progress (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE firing (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, alert TEXT NOT NULL, began REAL NOT NULL, told INTEGER NOT NULL,
    source TEXT NOT NULL, provider TEXT NOT NULL, title TEXT NOT NULL, service TEXT NOT NULL, product TEXT NOT NULL,
    pages INTEGER NOT NULL, first REAL NOT NULL, seen REAL NOT NULL, ended REAL, over_at REAL,
    end_known INTEGER NOT NULL,
    acknowledged_at REAL, acknowledged_by TEXT NOT NULL, firings INTEGER NOT NULL, problems TEXT NOT NULL
);
CREATE INDEX firing_subject ON firing (subject, began);
CREATE INDEX firing_alert ON firing (alert, began);
CREATE INDEX firing_open ON firing (alert, began) WHERE ended IS NULL;
CREATE INDEX firing_service ON firing (service, began);

CREATE TABLE ending (
    subject TEXT NOT NULL, at REAL NOT NULL, ended REAL, watched REAL, PRIMARY KEY (subject, at)
) WITHOUT ROWID;

CREATE TABLE action (
    plan TEXT PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, target TEXT NOT NULL,
    service TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX action_target ON action (target, at);
CREATE INDEX action_service ON action (service, at);
CREATE INDEX action_at ON action (at);

CREATE TABLE mark (
    alert TEXT NOT NULL, began INTEGER NOT NULL, mark TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    entry TEXT NOT NULL, PRIMARY KEY (alert, began)
) WITHOUT ROWID;

CREATE TABLE watch (id INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL NOT NULL, goes_on INTEGER NOT NULL);
CREATE INDEX watch_began ON watch (began);

CREATE TABLE episode (
    id TEXT PRIMARY KEY, alert TEXT NOT NULL, source TEXT NOT NULL, provider TEXT NOT NULL, title TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, end_known INTEGER NOT NULL, service TEXT NOT NULL, product TEXT NOT NULL,
    pages INTEGER NOT NULL, firings INTEGER NOT NULL, acknowledged_at REAL, acknowledged_by TEXT NOT NULL,
    acted INTEGER NOT NULL, mark TEXT NOT NULL, marked_by TEXT NOT NULL, problem TEXT NOT NULL,
    imported INTEGER NOT NULL, last REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX episode_alert ON episode (alert, began);
CREATE INDEX episode_began ON episode (began);
CREATE INDEX episode_service ON episode (service, began);
CREATE INDEX episode_problem ON episode (problem);

CREATE TABLE link (name TEXT NOT NULL, episode TEXT NOT NULL, PRIMARY KEY (name, episode)) WITHOUT ROWID;
CREATE INDEX link_episode ON link (episode);
CREATE TABLE named (name TEXT NOT NULL, alert TEXT NOT NULL, PRIMARY KEY (name, alert)) WITHOUT ROWID;

CREATE TABLE problem (
    id TEXT NOT NULL UNIQUE, alert TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, end_known INTEGER NOT NULL, service TEXT NOT NULL, product TEXT NOT NULL,
    pages INTEGER NOT NULL, acknowledged_at REAL, acknowledged_by TEXT NOT NULL, acted INTEGER NOT NULL,
    mark TEXT NOT NULL, imported INTEGER NOT NULL, paged REAL,
    had REAL AS (max(0.0, acknowledged_at - began)) STORED,
    took REAL AS (CASE WHEN end_known THEN ended - began END) STORED,
    PRIMARY KEY (began, id)
) WITHOUT ROWID;
CREATE INDEX problem_alert ON problem (alert, began);
CREATE INDEX problem_had ON problem (had, began) WHERE had IS NOT NULL;
CREATE INDEX problem_took ON problem (took, began) WHERE took IS NOT NULL;

CREATE TABLE past_deploy (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, arrow TEXT NOT NULL, started REAL NOT NULL, state TEXT NOT NULL,
    ended REAL, kind TEXT NOT NULL, product TEXT NOT NULL, "by" TEXT NOT NULL, rolls_back TEXT NOT NULL,
    failed INTEGER NOT NULL, remedied REAL, imported INTEGER NOT NULL, rollback INTEGER NOT NULL,
    back_by TEXT NOT NULL, back_ended REAL, went_back INTEGER NOT NULL, seen REAL NOT NULL, told INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX past_deploy_service ON past_deploy (service, started);
CREATE INDEX past_deploy_started ON past_deploy (started);
CREATE INDEX past_deploy_rolls_back ON past_deploy (rolls_back, service) WHERE rolls_back <> '';
"""


def opened(path: Path | None) -> sqlite3.Connection:
    """The tables of *path*, made where they are not there; None: in memory. Raises JournalError."""
    if path is not None:
        try:
            return _of_file(path)
        except (sqlite3.DatabaseError, OSError, UnicodeError) as error:
            if _busy(error):
                raise failed(error, path) from None
            log.warning("the history %s cannot be used (%s): it is derived in memory", path, error)
    db = _connected(":memory:")
    db.executescript(SCHEMA + tallies.SCHEMA)
    return db


def failed(error: Exception, path: Path | None) -> JournalError:
    """Return the error for a person."""
    return JournalError(
        f"the history of the journal cannot be read: {error}",
        f"try again; {path} may be deleted: it is made anew" if path else "try again",
    )


def remove(path: Path) -> None:
    """Delete the file, and SQLite's own beside it; what is not there is none."""
    for end in BESIDE:
        with contextlib.suppress(OSError):
            os.unlink(f"{path}{end}")


def _of_file(path: Path) -> sqlite3.Connection:
    _begin(path)
    try:
        return _checked(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # the disk, its rights, or another program: not the file
            raise
        log.warning("the history %s is begun anew: %s", path, error)
    remove(path)
    _begin(path)
    return _checked(path)


def _begin(path: Path) -> None:
    """Have a file that others cannot read, before SQLite opens it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _checked(path: Path) -> sqlite3.Connection:
    db = _connected(f"file:{quote(os.fsencode(path.absolute()))}?mode=rw")
    try:
        found, version = _format(db)
        if (found, version) != (OURS, FORMAT) and not _made(db):
            raise sqlite3.DatabaseError(f"its format is {version}, this version writes {FORMAT}")
    except BaseException:
        db.close()
        raise
    return db


def _format(db: sqlite3.Connection) -> tuple[int, int]:
    (found,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return found, version


def _made(db: sqlite3.Connection) -> bool:
    """Make the tables of an empty file, all in one transaction; False: it is not empty, and not of this format."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):  # or another program made them just now
            return _format(db) == (OURS, FORMAT)
        db.execute(f"PRAGMA application_id={OURS}")
        db.execute(f"PRAGMA user_version={FORMAT}")
        for statement in (SCHEMA + tallies.SCHEMA).split(";"):
            db.execute(statement)
        return True
    finally:
        db.execute("COMMIT")


def _connected(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        uri, uri=uri.startswith("file:"), timeout=BUSY_S, check_same_thread=False, isolation_level=None
    )
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA cache_size=-500")  # kB: the system keeps the file's pages anyway
    return db


def _busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
