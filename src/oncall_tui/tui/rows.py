"""Rows and columns of the table, and where its cursor is. Pure: nothing of Textual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

Cell = str | tuple[str, str]
"""A cell's text, or its text and the name of its style. Text is never markup."""

GUTTER = 2  # the cursor's sign and the mark
GAP = 1  # between columns


class Column(msgspec.Struct, frozen=True):
    """A column of a fixed *width*, so that it keeps its place from refresh to refresh.

    A *flex* column takes a share of what is left, in proportion to *width*, and at least *min_width*. Where the pane is
    too narrow, the columns with the highest *drop* go first; those with 0 stay. *align* ``middle``: to the left, and
    what is too long is cut in its middle.
    """

    key: str
    title: str
    width: int
    flex: bool = False
    min_width: int = 0
    align: Literal["left", "right", "middle"] = "left"
    drop: int = 0

    @property
    def least(self) -> int:
        """The cells that it cannot do without."""
        return max(self.min_width, 1) if self.flex else self.width


class Row(msgspec.Struct, frozen=True):
    """One row, known by *id*. *style* is that of cells without their own.

    *extra* are lines of cells that are drawn under the row while the cursor is on it.
    """

    id: str
    cells: tuple[Cell, ...]
    style: str = ""
    extra: tuple[tuple[Cell, ...], ...] = ()


def as_cell(cell: Cell) -> tuple[str, str]:
    """Text and style name."""
    return (cell, "") if isinstance(cell, str) else cell


def column_widths(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """The cells that each column gets in a line of *width*, without its gap; 0: dropped.

    Depends on nothing but the columns and the width: what a row holds never moves a column.
    """
    room = width - GUTTER
    kept = list(range(len(columns)))
    while sum(columns[i].least + GAP for i in kept) > room:
        droppable = [i for i in kept if columns[i].drop > 0]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: (columns[i].drop, i)))
    widths = [0] * len(columns)
    for i in kept:
        widths[i] = max(0, min(columns[i].least, room - GAP))
        room -= widths[i] + GAP if widths[i] else 0
    _share(columns, [i for i in kept if columns[i].flex and widths[i]], widths, room)
    return tuple(widths)


def _share(columns: Sequence[Column], flexible: Sequence[int], widths: list[int], room: int) -> None:
    """Give *room* to the flexible columns, in proportion to their width, the remainder to the last."""
    total = sum(max(1, columns[i].width) for i in flexible)
    left = max(0, room)
    for i in flexible:
        more = left if i == flexible[-1] else max(0, room) * max(1, columns[i].width) // total
        widths[i] += more
        left -= more


def distinct(rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, int]]:
    """The rows and their index by id; of rows with one id, the first."""
    index = {row.id: i for i, row in enumerate(rows)}
    if len(index) == len(rows):
        return rows, index
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return tuple(first.values()), {id: i for i, id in enumerate(first)}


class Place(msgspec.Struct, frozen=True):
    """Where the cursor is: on *row*, or on what is left of *ghost*, above the row that now has its *index*.

    Neither, once it *was* somewhere: every row had vanished, and what came since has not been chosen by anybody.
    """

    index: int = 0
    row: Row | None = None
    ghost: Row | None = None
    was: bool = False

    @property
    def id(self) -> str | None:
        return self.row.id if self.row else None

    def step(self, by: int) -> int:
        """The index that a move by *by* rows leads to."""
        if self.row is None and (self.ghost is None or by > 0):
            return self.index + by - 1
        return self.index + by

    def after(self, old: Sequence[Row], new: Sequence[Row], index: Mapping[str, int]) -> Place:
        """Where the cursor is once *new* rows stand where *old* ones stood: never on another row than before."""
        if not new:
            return Place(ghost=self.row or self.ghost, was=self.was)
        if not self.was:
            return Place(0, new[0], was=True)
        known = self.row or self.ghost
        if known is None:
            return self
        if known.id in index:
            return Place(index[known.id], new[index[known.id]], was=True)
        return Place(self._between(old, index, len(new)), ghost=known, was=True)

    def _between(self, old: Sequence[Row], index: Mapping[str, int], count: int) -> int:
        """Where the vanished row would be: above the nearest row that stood below it and still stands."""
        below: Iterable[Row] = old[self.index :]
        for row in below:
            if row.id in index:
                return index[row.id]
        for row in reversed(old[: self.index]):
            if row.id in index:
                return index[row.id] + 1
        return min(self.index, count)
