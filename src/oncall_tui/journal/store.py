"""The journal's file: its tables, how it is opened, and what can be asked of it. Not thread-safe; Journal is."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from oncall_tui.domain.entry import Entry
from oncall_tui.errors import JournalError
from oncall_tui.journal.decode import UndecodableRow, decode, named

log = logging.getLogger(__name__)
T = TypeVar("T")
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
_NAMES = ("entry", "entry_subject", "entry_kind", "entry_at", "entry_no_update", "entry_no_delete")
_COLUMNS = "seq, at, kind, subject, actor, text, data"
_encode = msgspec.json.Encoder()
BUSY_S = 3.5  # for another program that has the file; who waits for an intent waits a little longer
LOGGED = 100  # of rows that could not be read: a journal of another version may have thousands


class Unwritable(JournalError):
    """An entry that no disk would take; the others of its call may be fine."""


class Store:
    """One open journal file. Every method raises JournalError with what to do.

    *skipped* names the rows that could not be read, by their number: they are left out of what is read.
    """

    def __init__(self, path: Path, busy_s: float = BUSY_S) -> None:
        self.path = path
        self.skipped: dict[int, str] = {}
        self._busy_s = busy_s
        try:
            self._db = self._opened()
            self._file = _identity(self.path)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"the journal {path} cannot be opened: {error}", "check its folder and its disk"
            ) from None

    # --- opening ------------------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The file has its mode before SQLite opens it: never readable by others, not for a moment. One that is there is
        # not opened for that: closing it would end the locks that this process has on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        os.chmod(self.path, 0o600)
        try:
            return self._connected(_write_ahead)
        except sqlite3.OperationalError as error:
            if _busy(error):
                raise
            first = error
        # Writing ahead lets readers and writers go on beside each other, and wants memory that programs share: a file
        # on a network file system has none ("locking protocol", or an error of input and output).
        try:
            db = self._connected(_not_write_ahead)
        except sqlite3.Error:
            raise first from None
        log.warning("the journal %s cannot be written ahead (%s): readers and writers wait", self.path, first)
        return db

    def _connected(self, mode: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=self._busy_s, check_same_thread=False, isolation_level=None)
        try:
            db.text_factory = _text
            self._patiently(lambda: mode(db))
            db.execute("PRAGMA synchronous=FULL")
            self._patiently(lambda: _make_schema(db))
        except BaseException:
            db.close()
            raise
        return db

    def _patiently(self, step: Callable[[], T]) -> T:
        """*step*, again while another program has the file: SQLite itself does not wait in each of these cases."""
        until = time.monotonic() + self._busy_s
        while True:
            try:
                return step()
            except sqlite3.OperationalError as error:
                if not _busy(error) or time.monotonic() >= until:
                    raise
            time.sleep(random.uniform(0.002, 0.02))

    # --- writing ------------------------------------------------------------------------------------------------------

    def append(self, entries: Iterable[Entry]) -> None:
        """All of them on disk, or none and JournalError; Unwritable where it is one of them that cannot be stored."""
        try:
            rows = [(e.at, e.kind, e.subject, e.actor, e.text, _encode.encode(e.data).decode()) for e in entries]
            self._patiently(lambda: self._insert(rows))
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError, ValueError, TypeError) as error:
            raise Unwritable(f"an entry cannot be written: {error}", "please report it with the log") from None
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be written: {error}", f"check the disk under {self.path}") from None

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Roll back; on a full disk SQLite has done so, and the first error is the one to report."""
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def probe(self) -> None:
        """Write to the disk, and no entry. Raises JournalError."""
        try:
            self._db.execute("PRAGMA user_version=1")
        except sqlite3.Error as error:
            self._roll_back()
            raise JournalError(f"the journal cannot be written: {error}", f"check the disk under {self.path}") from None

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, where: str = "1", values: tuple[object, ...] = (), limit: int = -1) -> list[Entry]:
        """Entries in the order in which they were written; with *limit* the newest ones. The one door for readers:
        a row that cannot be read is left out and named in ``skipped``.
        """
        query = f"SELECT * FROM (SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY seq DESC LIMIT ?) ORDER BY seq"
        try:
            rows = self._db.execute(query, (*values, limit)).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be read: {error}") from None
        found = []
        for row in rows:
            try:
                found.append(decode(row))
            except UndecodableRow as why:
                self._skip(row, why)
        return found

    def _skip(self, row: tuple[Any, ...], why: UndecodableRow) -> None:
        number = row[0] if isinstance(row[0], int) else -1 - len(self.skipped)  # a table of another program
        if number in self.skipped:
            return
        if len(self.skipped) < LOGGED:
            log.warning("%s", named(row, why))
        self.skipped[number] = named(row, why)

    @property
    def there(self) -> bool:
        """Return whether the open file is still the one at its path. Entries written to a removed file are lost."""
        try:
            return _identity(self.path) == self._file
        except OSError:
            return False

    def close(self) -> None:
        self._db.close()


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _text(raw: bytes) -> str:
    """A byte that is no UTF-8 costs that byte, not the reading of every row."""
    return raw.decode("utf-8", "replace")


def _busy(error: sqlite3.Error) -> bool:
    """Return whether another program locks the file. (The low byte; the others say in which way.)"""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _complete(db: sqlite3.Connection) -> bool:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}.issuperset(_NAMES)


def _make_schema(db: sqlite3.Connection) -> None:
    """Make the tables in one transaction, so that another program never meets half of them."""
    if _complete(db):
        return
    try:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        raise


def _write_ahead(db: sqlite3.Connection) -> None:
    """A fresh file; one that is there stays as it was made, since other programs may have it open."""
    if not _complete(db):
        db.execute("PRAGMA journal_mode=WAL").fetchone()
    (patience,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute("PRAGMA busy_timeout=0")
    try:
        db.execute("BEGIN IMMEDIATE")  # it can be written so: known now, not at the first entry
        db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if not _busy(error):  # else another program writes it so just now
            raise
    finally:
        db.execute(f"PRAGMA busy_timeout={patience}")


def _not_write_ahead(db: sqlite3.Connection) -> None:
    """Leave that mode, where the file was made elsewhere: SQLite needs no shared memory then."""
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    try:
        db.execute("PRAGMA journal_mode=TRUNCATE").fetchone()
    finally:
        db.execute("PRAGMA locking_mode=NORMAL")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only then are the locks given back
