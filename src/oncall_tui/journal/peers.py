"""The part of the journal's file that a team shares: which own entries others have, and which of others' are here."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import Any

from oncall_tui.domain.shared import SharedBatch, SharedRow
from oncall_tui.journal.schema import new_name
from oncall_tui.journal.store import IS_OPEN, MALFORMED, Store

MOST_ROWS = 500  # of one batch
MOST_CHARACTERS = 200_000  # of one batch's texts; compressed it is far below what a store takes for one item
LONGEST = 400_000  # characters of one entry that others get whole
_ROW = "seq, at, kind, subject, actor, text, data"


class Peers:
    """One open file, for one exchange. Every method raises JournalError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reading, self.transaction = store.reading, store.transaction

    def unshared(self, behind: int = 0) -> tuple[SharedBatch | None, int]:
        """The next own entries that others do not have, or None; and up to which seq that is known.

        *behind* is such a seq of an earlier call: where others' entries fill the file, they are looked through once.
        """

        def step(db: sqlite3.Connection) -> tuple[SharedBatch | None, int]:
            name, shared = _own(db)
            first = max(shared, behind)
            (newest,) = db.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()  # before: more may come
            query = f"SELECT {_ROW} FROM entry WHERE seq > ? AND origin = '' ORDER BY seq LIMIT ?"
            found = _fitting(db.execute(query, (first, MOST_ROWS)).fetchall())
            if not found:
                return None, max(first, newest)
            last = int(found[-1][0])
            rows = tuple(row for raw in found if (row := _row(raw)) is not None)
            return SharedBatch(name, shared, last, rows), first

        return self._store.reading(step)

    def shared(self, origin: str, last: int) -> None:
        """Note that others have this file's own entries up to *last*."""
        self._store.transaction(
            lambda db: db.execute("UPDATE replica SET shared = max(shared, ?) WHERE name = ?", (last, origin))
        )

    def head(self) -> tuple[str, int]:
        """This file's name, and up to which number its own entries are shared."""
        return self._store.reading(_own)

    def wrote(self, batch: SharedBatch) -> bool:
        """Return whether every row of *batch* is an own one of this file, as it stands here."""

        def step(db: sqlite3.Connection) -> bool:
            query = f"SELECT {_ROW} FROM entry WHERE seq = ? AND origin = ''"
            return all(_row_or_none(db.execute(query, (row.number,)).fetchone()) == row for row in batch.rows)

        return self._store.reading(step)

    def rename(self, origin: str) -> str:
        """Give the file a new name from its first entry on that is not shared: another file goes on under *origin*.

        That is so for a copy, and for one that was put back from a copy; what the other wrote comes as a peer's.
        """

        def step(db: sqlite3.Connection) -> str:
            name, shared = _own(db)
            if name != origin:  # another program did it
                return name
            new = new_name()
            db.execute("INSERT INTO replica VALUES (?, ?, ?)", (new, shared + 1, shared))
            db.execute("INSERT OR REPLACE INTO peer VALUES (?, ?)", (name, shared))
            return new

        found = self._store.transaction(step)
        self._store.learn_names()
        return found

    def open_since_before(self, at: float) -> tuple[SharedBatch, ...]:
        """The entries of follow-ups and incidents that are open which others have and which were written before *at*
        (seconds since the epoch, UTC), each as a batch of its own.
        """

        def step(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            _, shared = _own(db)
            query = (
                f"SELECT {_ROW}, origin, number FROM entry WHERE at < ? AND (origin <> '' OR seq <= ?) AND {IS_OPEN}"
            )
            return db.execute(f"{query} ORDER BY seq", (at, shared)).fetchall()

        found = []
        for seq, *cells, origin, number in self._store.reading(step):
            own = self._store.own_name(seq) if not origin else ""
            row = _row((number if origin else seq, *cells))
            if row is not None and (origin or own):
                found.append(SharedBatch(origin or own, row.number - 1, row.number, (row,)))
        return tuple(found)

    def known(self) -> dict[str, int]:
        """Up to which number each other file's entries are here."""
        return self._store.reading(lambda db: dict(db.execute("SELECT name, last FROM peer")))

    def merge(self, batches: Sequence[SharedBatch]) -> int:
        """Write what is not here yet, all or nothing; return how many entries that were."""

        def step(db: sqlite3.Connection) -> int:
            own, _ = _own(db)
            count = 0
            for batch in batches:
                if batch.origin == own:
                    continue
                count += sum(_insert(db, batch.origin, row) for row in batch.rows)
                db.execute(
                    "INSERT INTO peer VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = max(last, excluded.last)",
                    (batch.origin, batch.last),
                )
            return count

        return self._store.transaction(step)


def _own(db: sqlite3.Connection) -> tuple[str, int]:
    found = db.execute("SELECT name, shared FROM replica ORDER BY first DESC LIMIT 1").fetchone()
    if found is None:
        raise sqlite3.DatabaseError(f"{MALFORMED}: it has no name")
    return str(found[0]), int(found[1])


def _insert(db: sqlite3.Connection, origin: str, row: SharedRow) -> int:
    """Insert one of another file's entries, where it is not here: an own one, perhaps, of a file that was put back."""
    mine = (
        "SELECT 1 FROM replica AS r WHERE r.name = ?1 AND EXISTS (SELECT 1 FROM entry WHERE seq = ?2 AND origin = '')"
    )
    later = " AND ?2 >= r.first AND NOT EXISTS (SELECT 1 FROM replica AS n WHERE n.first > r.first AND n.first <= ?2)"
    query = f"""INSERT OR IGNORE INTO entry (origin, number, at, kind, subject, actor, text, data)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS ({mine}{later})"""
    values = (origin, row.number, row.at, row.kind, row.subject, row.actor, row.text, row.data)
    return db.execute(query, values).rowcount


def _fitting(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the first rows that fit into one batch, at least one."""
    room = MOST_CHARACTERS
    for count, raw in enumerate(found):
        room -= sum(len(cell) for cell in raw if isinstance(cell, (str, bytes)))
        if room < 0:
            return found[: max(1, count)]
    return found


def _row_or_none(raw: tuple[Any, ...] | None) -> SharedRow | None:
    return None if raw is None else _row(raw)


def _row(raw: tuple[Any, ...]) -> SharedRow | None:
    """A row as others get it; None for one that no reader here could read either (another program's)."""
    seq, at, *texts = raw
    if not isinstance(at, (int, float)) or not math.isfinite(at) or not all(isinstance(one, str) for one in texts):
        return None
    kind, subject, actor, text, data = texts
    if len(text) + len(data) > LONGEST:
        text, data = f"{text[:1000]}… (too long to be shared whole)", "{}"
    return SharedRow(int(seq), float(at), kind, subject, actor, text, data)
