"""Tallies: what the problems of a few days add up to, by alert, product, hour: a year's numbers are sums of those.

The history keeps a tally of each block of days, made anew when a problem in it changes. A period is the blocks that lie
in it, and the single problems at its edges: so each number is exact, whatever second the period begins at. Times are
seconds since the epoch, UTC; durations are seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

BLOCK_S = 4 * 86_400
QUARTER_S = 900  # every zone's offset from UTC is of whole quarters of an hour
BIN_S = 64  # of durations: a power of two divides without rounding, so a bin's edge is where the index has it
# What problems are counted by -> the name of a problem there; None: it is not counted there
NAMES = {
    "alert": "alert",
    "product": "product",
    "service": "nullif(service, '')",
    "quarter": f"CAST(began / {QUARTER_S} AS INTEGER)",
    "paged": f"CAST(paged / {QUARTER_S} AS INTEGER)",  # when its page came
    "had": f"CAST(had / {BIN_S} AS INTEGER)",  # how long until it was acknowledged
    "took": f"CAST(took / {BIN_S} AS INTEGER)",  # how long until it was over, where that is known
}
# What is added up -> the value of one problem
VALUES = {
    "fired": "1",
    "pages": "pages",
    "acted": "(acted > 0 OR acknowledged_at IS NOT NULL)",
    "actionable": "(mark = 'actionable')",
    "noise": "(mark = 'noise')",
    "unmarked": "(mark = '')",
    "imported": "imported",
    "never": "(had IS NULL AND ended IS NOT NULL)",
    "had": "(had IS NOT NULL)",
    "had_s": "coalesce(had, 0.0)",
    "took": "(took IS NOT NULL)",
    "took_s": "coalesce(took, 0.0)",
}
SCHEMA = f"""
CREATE TABLE tally (kind TEXT NOT NULL, block INTEGER NOT NULL, name NOT NULL, {", ".join(VALUES)},
    PRIMARY KEY (kind, block, name)) WITHOUT ROWID;
"""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of some problems: one field for each of ``VALUES``. *had_s* and *took_s* are seconds."""

    fired: int
    pages: int
    acted: int
    actionable: int
    noise: int
    unmarked: int
    imported: int
    never: int
    had: int
    had_s: float
    took: int
    took_s: float


def block_of(began: float) -> int:
    """Return the number of the block that a problem belongs to."""
    return int(began // BLOCK_S)


def make(db: sqlite3.Connection, blocks: Iterable[int]) -> None:
    """Make the tallies of those *blocks* anew, within the caller's transaction."""
    sums = ", ".join(f"sum({value})" for value in VALUES.values())
    for block in blocks:
        for kind, name in NAMES.items():
            db.execute("DELETE FROM tally WHERE kind = ? AND block = ?", (kind, block))
            db.execute(
                f"INSERT INTO tally (kind, block, name, {', '.join(VALUES)}) SELECT ?, ?, {name} AS called, {sums}"
                " FROM problem WHERE began >= ? AND began < ? AND called IS NOT NULL GROUP BY called",
                (kind, block, block * BLOCK_S, (block + 1) * BLOCK_S),
            )


def tallied(
    rows: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]],
    kind: str,
    values: Sequence[str],
    since: float,
    until: float,
) -> list[tuple[Any, ...]]:
    """Return each name of that *kind* (of ``NAMES``) with the sums of those *values* (of ``VALUES``), in the names'
    order, over the problems that began from *since* on and before *until*. *rows* asks the history.
    """
    first, last = int(-(-since // BLOCK_S)), int(until // BLOCK_S)
    edges = [(since, first * BLOCK_S), (last * BLOCK_S, until)] if first < last else [(since, until)]
    single = f"SELECT {NAMES[kind]} AS name, {', '.join(f'{VALUES[v]} AS {v}' for v in values)} FROM problem"
    query = (
        f"SELECT name, {', '.join(f'sum({v})' for v in values)} FROM ("
        f"SELECT name, {', '.join(values)} FROM tally WHERE kind = ? AND block >= ? AND block < ?"
        + f" UNION ALL {single} WHERE began >= ? AND began < ?" * len(edges)
        + ") WHERE name IS NOT NULL GROUP BY name ORDER BY name"
    )
    return rows(query, (kind, first, last, *(at for edge in edges for at in edge)))
