"""The journal's file: its tables, how it is opened, and what can be asked of it. Not thread-safe; Journal is."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.errors import JournalError
from oncall_tui.journal.decode import UndecodableRow, decode, named
from oncall_tui.journal.schema import (
    DAY_S,
    FORMAT,
    NO_DELETE,
    OURS,
    days_that_show,
    has_origins,
    make_schema,
    own_names,
    readable,
)
from oncall_tui.journal.set_aside import alone

log = logging.getLogger(__name__)
T = TypeVar("T")
OBSERVED = (EntryKind.ALERT, EntryKind.DEPLOY, EntryKind.CHANGE, EntryKind.WATCH)
_COLUMNS = "seq, at, kind, subject, actor, text, data"
_NO_ORIGINS = "'', 0"  # of a file of format 1 that can be read alone
_encode = msgspec.json.Encoder()
MALFORMED = "database disk image is malformed"
MOVED_TIMES = 5  # that other programs put the file aside just as it is opened
BUSY_S = 3.5  # for another program that has the file; whoever waits for an intent waits a little longer
# An entry of a follow-up or an incident whose newest entry says that it is neither done nor closed
IS_OPEN = f"""(kind IN ('{EntryKind.FOLLOW_UP}', '{EntryKind.INCIDENT}') AND subject IN (
    SELECT e.subject FROM entry e WHERE e.kind IN ('{EntryKind.FOLLOW_UP}', '{EntryKind.INCIDENT}')
    AND iif(json_valid(e.data), coalesce(json_extract(e.data, '$.state'), ''), '') NOT IN ('done', 'closed')
    AND NOT EXISTS (SELECT 1 FROM entry n WHERE n.subject = e.subject AND n.kind = e.kind
        AND (n.at, n.seq) > (e.at, e.seq))))"""
# An intent of a verb whose outcome says no more than that it was sent, or that is not there yet
IS_UNDER_WAY = f"""(kind = '{EntryKind.INTENT}'
    AND iif(json_valid(data), coalesce(json_extract(data, '$.plan.verb'), ''), '') = ?
    AND NOT EXISTS (SELECT 1 FROM entry o WHERE o.subject = entry.subject AND o.kind = '{EntryKind.OUTCOME}'
        AND iif(json_valid(o.data), coalesce(json_extract(o.data, '$.state'), ''), '') <> 'pending'))"""
LOGGED = 100  # of rows that could not be read: a journal of another version may have thousands


class Unwritable(JournalError):
    """An entry that no disk would take; the others of its call may be fine."""


class Damaged(JournalError):
    """The file is no journal any more: *file* (device, number) is to be put aside, because *why*."""

    def __init__(self, path: Path, why: str, file: tuple[int, int]) -> None:
        super().__init__(
            f"the journal {path} is damaged: {why}", "the next action, or the board, sets it aside and begins a new one"
        )
        self.file, self.why = file, why


class Store:
    """One open journal file. Every method raises JournalError with what to do, and Damaged where that is so.

    *skipped* names the rows that could not be read, by their number: they are left out of what is read. *unwritable*
    says why it can be read alone; empty: it can be written.
    """

    def __init__(self, path: Path, busy_s: float = BUSY_S) -> None:
        self.path = path
        self.skipped: dict[int, str] = {}
        self.unwritable = ""
        self._busy_s = busy_s
        self._met: tuple[int, int] | None = None  # the file that is opened
        try:
            self._db = self._opened()
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            if (file := self._damaged(error)) is not None:
                raise Damaged(path, _words(error), file) from None
            self._db = self._opened_to_read(error)
            self.unwritable = _words(error)
        except UnicodeEncodeError:
            raise JournalError("the journal's path has half a character", "set journal: in the configuration") from None
        try:
            self._file = self._met or _identity(self.path)
            self._names = own_names(self._db)
            self._columns = f"{_COLUMNS}, {'origin, number' if has_origins(self._db) else _NO_ORIGINS}"
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            failed = self._unopened(error) if isinstance(error, OSError) else self._failed("opened", error)
            self._db.close()
            raise failed from None

    def _unopened(self, error: Exception) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be opened: {_words(error)}", "check its folder and its disk"
        )

    def _damaged(self, error: Exception) -> tuple[int, int] | None:
        """The file, where *error* says that it is damaged; None: it says something else, or there is no file."""
        if isinstance(error, OSError):
            return None
        file = self._met  # not what stands there now: another program may have begun a new one meanwhile
        try:
            damaged = _says_damaged(error) or (_code(error) == sqlite3.SQLITE_READONLY and self._odd())
        except OSError:
            return None
        return file if damaged else None

    def _odd(self) -> bool:
        """Return whether the file itself says that it cannot be written (file format, offset 18): no version does."""
        with open(self.path, "rb") as stream:
            head = stream.read(20)
        return len(head) == 20 and not {head[18], head[19]} <= {1, 2}

    # --- opening ------------------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_what_is_no_file(self.path)
        for _ in range(MOVED_TIMES):
            with contextlib.suppress(FileNotFoundError):
                self._begin()
                try:
                    return self._connected_somehow()
                except sqlite3.OperationalError:
                    if _identity(self.path) == self._met:
                        raise  # else another program has just put it aside
        self._begin()
        return self._connected_somehow()

    def _begin(self) -> None:
        """Have a file to open. It has its mode before SQLite opens it: never readable by others, not for a moment. One
        that is there is not opened for that: closing it would end the locks that this process has on it.
        """
        if not self.path.exists():
            with alone(self.path.parent), contextlib.suppress(FileExistsError):  # not while a damaged one is moved away
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        status = os.stat(self.path)
        self._met = status.st_dev, status.st_ino
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.chmod(self.path, 0o600)

    def _connected_somehow(self) -> sqlite3.Connection:
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
        uri = f"file:{quote(os.fsencode(self.path.absolute()))}?mode=rw"  # a file that went is not begun here
        db = sqlite3.connect(uri, uri=True, timeout=self._busy_s, check_same_thread=False, isolation_level=None)
        try:
            db.text_factory = _text
            self._patiently(lambda: mode(db))
            self._patiently(lambda: self._refuse_what_is_newer(db))
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA cache_size=-500")  # kB: the system keeps the file's pages anyway
            self._patiently(lambda: make_schema(db))
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_what_is_newer(self, db: sqlite3.Connection) -> None:
        """Another version's file is not written: what it means by a row is not known."""
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if 0 <= found <= FORMAT:
            return
        if not FORMAT < found < 1000:
            raise sqlite3.DatabaseError(f"{MALFORMED}: its format is {found}")
        raise JournalError(
            f"the journal {self.path} is of a newer oncall-tui (its format is {found}, this one writes {FORMAT})",
            "update this one, or set another file for it: journal: in the configuration",
        )

    def _opened_to_read(self, error: Exception) -> sqlite3.Connection:
        """Open what cannot be written for reading alone. Raises JournalError where that cannot be had either."""
        if not self.path.is_file() or (isinstance(error, sqlite3.Error) and _busy(error)):
            raise self._unopened(error) from None
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        beside = Path(f"{self.path}-wal")
        whole = not beside.exists() or beside.stat().st_size == 0
        for how in ("", *(("&immutable=1",) if whole else ())):  # where not even SQLite's own files can be made beside
            try:
                db = sqlite3.connect(uri + how, uri=True, timeout=self._busy_s, check_same_thread=False)
            except (OSError, sqlite3.Error):
                continue
            with contextlib.ExitStack() as unread, contextlib.suppress(OSError, sqlite3.Error, UnicodeDecodeError):
                unread.callback(db.close)
                db.text_factory = _text
                self._refuse_what_is_newer(db)
                if readable(db):
                    log.warning("the journal %s can only be read: %s", self.path, _words(error))
                    unread.pop_all()
                    return db
        raise self._unopened(error) from None

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
        self._may_write()
        try:
            rows = [(e.at, e.kind, e.subject, e.actor, e.text, _encode.encode(e.data).decode()) for e in entries]
            self._patiently(lambda: self._insert(rows))
        except UnicodeDecodeError as error:
            raise self._failed("written", error) from None
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError, ValueError, TypeError) as error:
            raise Unwritable(f"an entry cannot be written: {error}", "please report it with the log") from None
        except sqlite3.Error as error:
            raise self._failed("written", error) from None

    def _failed(self, what: str, error: sqlite3.Error | UnicodeDecodeError) -> JournalError:
        """Return the error for a person. A file of ours that does not take our own statements is damaged too."""
        strange = _code(error) == sqlite3.SQLITE_ERROR and self._is_ours()
        if strange or _says_damaged(error):
            return Damaged(self.path, _words(error), self._file)
        return JournalError(f"the journal cannot be {what}: {_words(error)}", f"check the disk under {self.path}")

    def _is_ours(self) -> bool:
        try:
            return bool(self._db.execute("PRAGMA application_id").fetchone()[0] == OURS)
        except sqlite3.Error:
            return False

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        insert = "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (?, ?, ?, ?, ?, ?)"
        self._within(lambda db: db.executemany(insert, rows))

    def _roll_back(self) -> None:
        """Roll back; on a full disk SQLite has done so, and the first error is the one to report."""
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def prune(self, most: int, before: float = 0.0, now: float = 0.0) -> int:
        """Remove what is older than *before* (seconds since the epoch, UTC, like *now*), and the oldest observations
        beyond the newest *most*; return how many. Observations are alerts, deploys and that somebody watched, all up to
        the same entry, so that no report takes what was removed for a quiet time. Raises JournalError.
        """
        kinds = ",".join(f"'{kind}'" for kind in OBSERVED)
        try:
            query = f"SELECT seq FROM entry WHERE kind IN ({kinds}) ORDER BY seq DESC LIMIT 1 OFFSET ?"
            last = self._db.execute(query, (most,)).fetchone()
            removed = 0 if last is None else self._remove(f"kind IN ({kinds}) AND seq <= {int(last[0])}")
            return removed + self._prune_old(before, now)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._roll_back()
            raise self._failed("pruned", error) from None

    def _prune_old(self, before: float, now: float) -> int:
        """Remove the oldest day, where all of it was written before *before*.

        A clock may be wrong, and says then that everything is old. So the journal itself has to show that the time has
        passed: by entries of many days since *before*. And what was written behind an entry that is still to be kept is
        kept, whatever time it has: a machine may have begun in 1970. What is open stays, however old it is.
        """
        shown = days_that_show(now - before)
        days = f"SELECT DISTINCT CAST(at / {DAY_S} AS INTEGER) FROM entry WHERE at BETWEEN ? AND ? LIMIT ?"
        if len(self._db.execute(days, (before, now, shown)).fetchall()) < shown:
            return 0
        fresh = "SELECT seq FROM entry WHERE +at >= ? AND at <= ? ORDER BY seq LIMIT 1"
        found = self._db.execute(fresh, (before, now + DAY_S)).fetchone()
        if found is None:
            return 0
        old = f"seq < {int(found[0])} AND NOT {IS_OPEN}"
        (oldest,) = self._db.execute(f"SELECT min(at) FROM entry WHERE at < ? AND {old}", (before,)).fetchone()
        if not isinstance(oldest, float):
            return 0
        return self._remove(f"at < {min(before, oldest + DAY_S)!r} AND {old}")

    def _remove(self, where: str) -> int:
        """The one place that deletes: the trigger that forbids it is away for this transaction alone."""

        def step(db: sqlite3.Connection) -> int:
            db.execute("DROP TRIGGER entry_no_delete")
            removed = db.execute(f"DELETE FROM entry WHERE {where}").rowcount
            db.execute(NO_DELETE)
            return removed

        return self._within(step)

    # --- what a team shares -------------------------------------------------------------------------------------------

    def reading(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """*step*'s result, which reads tables of this format. Raises JournalError, also where the file is read only."""
        self._may_write()
        try:
            return self._patiently(lambda: step(self._db))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._failed("read", error) from None

    def transaction(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """*step*'s result; all of its writes are on disk, or none and JournalError. It may be called again."""
        self._may_write()
        try:
            return self._patiently(lambda: self._within(step))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._failed("written", error) from None

    def _within(self, step: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            found = step(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return found

    def learn_names(self) -> None:
        """Read the file's own names again. Raises JournalError."""
        self._names = self.reading(own_names)

    def probe(self) -> None:
        """Write to the disk, and no entry. Raises JournalError."""
        self._may_write()
        try:
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._roll_back()
            raise self._failed("written", error) from None

    def _may_write(self) -> None:
        if self.unwritable:
            raise JournalError(
                f"the journal can be read, and not written: {self.unwritable}", f"check the rights on {self.path}"
            )

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, where: str = "1", values: tuple[object, ...] = (), limit: int = -1) -> list[Entry]:
        """Entries in the order in which they were written; with *limit* the newest ones. The one door for readers:
        a row that cannot be read is left out and named in ``skipped``.
        """
        newest = f"SELECT {self._columns} FROM entry WHERE {where} ORDER BY seq DESC LIMIT ?"
        query = f"SELECT * FROM ({newest}) ORDER BY seq"
        try:
            rows = self._db.execute(query, (*values, limit)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._failed("read", error) from None
        return self._decoded(rows)

    def _decoded(self, rows: Iterable[tuple[Any, ...]]) -> list[Entry]:
        found = []
        for row in rows:
            try:
                found.append(decode(row, self.own_name))
            except UndecodableRow as why:
                self._skip(row, why)
        return found

    def after(self, seq: int, limit: int) -> tuple[list[Entry], int]:
        """The first *limit* entries behind the number *seq*, oldest first, and the number up to which that is. Raises
        JournalError.
        """
        query = f"SELECT {self._columns} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?"
        try:
            rows = self._db.execute(query, (seq, limit)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._failed("read", error) from None
        numbers = [row[0] for row in rows if isinstance(row[0], int)]
        return self._decoded(rows), max(numbers, default=seq)

    def own_name(self, seq: int) -> str:
        """Return the name that this file had when it gave *seq*; empty for a file of format 1 that is read alone."""
        return next((name for first, name in reversed(self._names) if first <= seq), "")

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


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise OSError for a folder, a pipe or a device: its rights are not to be changed, nor is it waited for."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is a folder" if stat.S_ISDIR(mode) else "it is a pipe or a device, not a file")


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return "its definitions are not text" if isinstance(error, UnicodeDecodeError) else str(error)


def _code(error: Exception) -> int:
    """SQLite's primary error code; 0: none was given."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _says_damaged(error: Exception) -> bool:
    """Return whether the file itself is damaged, or is no database: not the disk, its rights or another program.

    What SQLite repeats of a damaged file may be no text, which Python raises in the place of SQLite's own error.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    damaged = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
    return _code(error) in damaged or str(error).startswith((MALFORMED, "unsupported file format"))


def _busy(error: sqlite3.Error) -> bool:
    """Return whether another program locks the file. (The low byte; the others say in which way.)"""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _write_ahead(db: sqlite3.Connection) -> None:
    """A fresh file; one that is there stays as it was made, since other programs may have it open."""
    if not readable(db):
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
