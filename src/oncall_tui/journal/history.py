"""The past, derived from the journal's entries: an alert's episodes, problems, a service's deploys, who watched when.

Statistics, an alert's memory, write-ups and the search read this, never entries by hand. The tables are in a file of
their own beside the journal (``history_file``): filled piece by piece, and anew at will. What the journal has pruned
since stays here until it is as old as what is kept. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from oncall_tui.domain.entry import WATCH_GAP_S, Entry
from oncall_tui.domain.history import EpisodeMark, PastDeploy, PastEpisode
from oncall_tui.journal.derivation import Derivation
from oncall_tui.journal.history_file import failed, opened, remove
from oncall_tui.journal.history_pruning import prune
from oncall_tui.journal.schema import DAY_S

T = TypeVar("T")
BATCH = 250  # entries of one transaction: few, because what they are made of is in memory meanwhile
_EPISODE, _DEPLOY = PastEpisode.__struct_fields__, PastDeploy.__struct_fields__


class EntrySource(Protocol):
    """A journal, as far as its history needs it."""

    def after(self, seq: int, limit: int) -> tuple[list[Entry], int]:
        """The first *limit* entries behind the number *seq*, and the number up to which that is. Raises
        JournalError.
        """
        ...


def history_path(journal: Path) -> Path:
    """``journal.history.db`` of ``journal.db``."""
    return journal.with_name(f"{journal.name.removesuffix('.db')}.history.db")


class History:
    """Thread-safe. Every method raises JournalError; ``catch_up`` first, then ask.

    *path* None: the tables are in memory. What was over for *keep_s* seconds is removed, once a day; *now* in seconds
    since the epoch.
    """

    def __init__(
        self,
        journal: EntrySource,
        path: Path | None,
        keep_s: float = math.inf,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._path = journal, path
        self._keep_s, self._now = keep_s, now
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.RLock()

    def close(self, within_s: float = -1) -> None:
        """Close the file; it is opened again where it is asked. *within_s*: what is being read just now is waited for
        no longer than that, and the file stays open then; negative: until it is read.
        """
        if self._lock.acquire(timeout=within_s):
            try:
                if self._db is not None:
                    self._db.close()
                    self._db = None
            finally:
                self._lock.release()

    # --- filling ------------------------------------------------------------------------------------------------------

    def catch_up(self) -> int:
        """Take up the entries that are new since the last time, by whichever program; how many those were."""
        with self._lock:
            try:
                return self._catch_up()
            except sqlite3.OperationalError as error:
                raise failed(error, self._path) from None
            except sqlite3.DatabaseError:  # it is damaged: everything that the journal still has is derived anew
                self._begin_anew()
                return self._asked(lambda _db: self._catch_up())

    def rebuild(self) -> int:
        """Throw the tables away, and derive them anew from what the journal still has; how many entries that were."""
        with self._lock:
            self._begin_anew()
            return self.catch_up()

    def _begin_anew(self) -> None:
        self.close()
        if self._path is not None:
            remove(self._path)

    def _catch_up(self) -> int:
        taken = 0
        while True:
            db = self._opened()
            known = _get(db, "last"), _get(db, "mark")
            entries, mark = self._new(*known)  # read before the lock: whoever writes the journal may wait for it
            if not mark:
                if taken:
                    self._prune(db)
                return taken
            with _transaction(db):
                if (_get(db, "last"), _get(db, "mark")) == known:  # else another program took them just now
                    derivation = Derivation(db)
                    derivation.apply(entries)
                    derivation.settle()
                    _put(db, "last", str(entries[-1].seq))
                    _put(db, "mark", mark)
                    taken += len(entries)

    def _prune(self, db: sqlite3.Connection) -> None:
        now = self._now()
        today = str(int(now // DAY_S))
        if self._keep_s < now and _get(db, "pruned") != today:
            with _transaction(db):
                prune(db, self._keep_s, now)
                _put(db, "pruned", today)

    def _new(self, known: str, mark: str) -> tuple[list[Entry], str]:
        """The next entries, and what tells the last of them from another journal's; empty: there are none."""
        last = int(known or 0)
        if last:
            found, _ = self._journal.after(last - 1, 1)
            if not found or found[0].seq != last or _marked(found[0]) != mark:
                last = 0  # another journal stands there, or its newest entries went: what is known stays known
        entries, read = self._journal.after(last, BATCH)
        while read > last and not entries:  # rows that cannot be read
            last = read
            entries, read = self._journal.after(last, BATCH)
        return entries, _marked(entries[-1]) if entries else ""

    # --- asking -------------------------------------------------------------------------------------------------------

    def episodes(
        self,
        since: float,
        until: float,
        *,
        alert: str = "",
        service: str = "",
        product: str = "",
        problem: str = "",
        newest: int = -1,
    ) -> list[PastEpisode]:
        """The episodes that began from *since* on and before *until*, oldest first; with *newest* only so many.

        *alert* is an alert's key, *service* a service's id, *product* a name, *problem* a problem's id.
        """
        where, values = "began >= ? AND began < ?", [since, until]
        return self._episodes(where, values, newest, alert=alert, service=service, product=product, problem=problem)

    def episode(self, episode_id: str) -> PastEpisode | None:
        """One episode by its id; None: there is none, or no more."""
        found = self._episodes("1", [], 1, id=episode_id)
        return found[0] if found else None

    def firing(self, alert: str = "", service: str = "") -> list[PastEpisode]:
        """The episodes that are not known to be over, oldest first."""
        return self._episodes("ended IS NULL", [], -1, alert=alert, service=service)

    def began(self) -> float | None:
        """When the oldest thing of the record was; None: it is empty."""
        query = "SELECT min(began) FROM episode UNION ALL SELECT min(started) FROM past_deploy"
        times = [float(at) for (at,) in self.rows(query) if at is not None]
        entries, _ = self._journal.after(0, 1)
        return min([*times, *(e.at for e in entries)], default=None)

    def deploys(
        self, since: float, until: float, *, service: str = "", product: str = "", newest: int = -1
    ) -> list[PastDeploy]:
        """The deploys that started from *since* on and before *until*, oldest first; with *newest* only so many."""
        where, values = _and("started >= ? AND started < ?", [since, until], service=service, product=product)
        names = ", ".join(f'"{name}"' for name in _DEPLOY)
        query = f"SELECT * FROM (SELECT {names} FROM past_deploy WHERE {where} ORDER BY started DESC, id DESC LIMIT ?)"
        return [_deploy(row) for row in self.rows(f"{query} ORDER BY started, id", (*values, newest))]

    def deploy(self, deploy_id: str) -> PastDeploy | None:
        """One deploy by its id; None: there is none, or no more."""
        names = ", ".join(f'"{name}"' for name in _DEPLOY)
        found = self.rows(f"SELECT {names} FROM past_deploy WHERE id = ?", (deploy_id,))
        return _deploy(found[0]) if found else None

    def watched(self, since: float, until: float, now: float) -> list[tuple[float, float]]:
        """Return from when to when somebody watched, oldest first, within that time."""
        query = "SELECT began, ended, goes_on FROM watch WHERE began < ? AND ended >= ? ORDER BY began"
        found = []
        for began, ended, goes_on in self.rows(query, (until, since - WATCH_GAP_S)):
            end = now if goes_on and 0 <= now - ended <= WATCH_GAP_S else ended
            begin, end = max(began, since), min(end, until)
            if end > begin:
                found.append((begin, end))
        return found

    def watched_since(self) -> float | None:
        """When somebody watched first, as far as the journal goes back; None: nobody did."""
        (began,) = self.rows("SELECT min(began) FROM watch")[0]
        return None if began is None else float(began)

    def coverage(self, since: float, until: float, now: float) -> float:
        """The part of that time in which somebody watched, 0 to 1; what is still to come does not count."""
        until = min(until, now)
        if until <= since:
            return 0.0
        return min(1.0, sum(end - began for began, end in self.watched(since, until, now)) / (until - since))

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query over the tables of ``history_file``."""
        wanted = tuple(values)
        return self._asked(lambda db: db.execute(query, wanted).fetchall())

    # --- inside -------------------------------------------------------------------------------------------------------

    def _episodes(self, where: str, values: list[float], newest: int, **same: str) -> list[PastEpisode]:
        where, wanted = _and(where, values, **same)
        names = ", ".join(_EPISODE)
        query = f"SELECT * FROM (SELECT {names} FROM episode WHERE {where} ORDER BY began DESC, id DESC LIMIT ?)"
        return [_episode(row) for row in self.rows(f"{query} ORDER BY began, id", (*wanted, newest))]

    def _asked(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return ask(self._opened())
            except sqlite3.Error as error:
                raise failed(error, self._path) from None

    def _opened(self) -> sqlite3.Connection:
        if self._db is not None and self._path is not None and self._file != _identity(self._path):
            self.close()  # another program began it anew
        if self._db is None:
            self._db = opened(self._path)
            self._file = _identity(self._path) if self._path is not None else None
        return self._db


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _marked(entry: Entry) -> str:
    return f"{entry.at!r} {entry.kind} {entry.subject}"


def _get(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM progress WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _put(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (name, value))


def _and(where: str, values: list[float], **same: str) -> tuple[str, list[Any]]:
    """*where* and its values, with each of *same* that is not empty."""
    asked = {name: value for name, value in same.items() if value}
    return " AND ".join((where, *(f"{name} = ?" for name in asked))), [*values, *asked.values()]


_BOOLS = frozenset({"end_known", "pages", "imported", "failed"})


def _episode(row: tuple[Any, ...]) -> PastEpisode:
    fields = _named(_EPISODE, row)
    return PastEpisode(**{**fields, "mark": EpisodeMark(fields["mark"])})


def _deploy(row: tuple[Any, ...]) -> PastDeploy:
    return PastDeploy(**_named(_DEPLOY, row))


def _named(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: bool(value) if name in _BOOLS else value for name, value in zip(names, row, strict=True)}
