"""Rows and columns of the table, and where its cursor is. Pure: nothing of Textual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from oncall_tui.text.cells import width

Cell = str | tuple[str, ...]
"""A cell's text, or its text, the name of its style, and shorter texts that say the same in less room. Never markup."""

GUTTER = 2  # the cursor's sign and the mark
GAP = 1  # between columns
MEASURED = 1_000  # rows: nobody reads further, and each refresh looks at them
SLACK = 4  # a column gives back what it held and holds no more, where that is at least so much


class Column(msgspec.Struct, frozen=True):
    """A column that keeps its place from refresh to refresh.

    It has *width* cells. One with *most* is as wide as what its rows hold, up to that (it is not there where they hold
    nothing), and gives way down to *width* where the pane is narrow. A *flex* column takes a share of what is left, in
    proportion to *width*, and at least *min_width*; it gets *width* before the columns whose *turn* is later grow, and
    the room for its words, up to *easy*, before any column gets the room for its longest words. One that is *whole*
    gets that at its turn.

    Where the text of a column that *spills* is too long for it, it takes the cells that its row leaves blank in the
    columns from the first one that spills on.

    Where the pane is too narrow, the columns with the highest *drop* go first; those with 0 stay. One with *wide* is
    there only where the pane has so many cells. What *wraps* goes on under the row where there is room. *align*
    ``middle``: to the left, and what is too long is cut in its middle.
    """

    key: str
    title: str
    width: int
    most: int = 0
    flex: bool = False
    min_width: int = 0
    align: Literal["left", "right", "middle"] = "left"
    drop: int = 0
    turn: int = 0
    wraps: bool = False
    easy: int = 70
    wide: int = 0
    whole: bool = False
    spills: bool = False

    @property
    def least(self) -> int:
        """The cells that it cannot do without."""
        return max(self.min_width, 1) if self.flex else self.width


class Need(NamedTuple):
    """The cells that the rows want in a column: for the shortest words, and for the longest."""

    short: int = 0
    long: int = 0

    def __or__(self, other: Need) -> Need:
        return Need(max(self.short, other.short), max(self.long, other.long))


class RowWords(msgspec.Struct, frozen=True, gc=False):
    """The words of a row. *style* is that of cells without their own.

    *under* are lines of cells that are drawn under the row where there is room, and *extra* those that are drawn under
    it while the cursor is on it.
    """

    cells: tuple[Cell, ...]
    style: str = ""
    extra: tuple[tuple[Cell, ...], ...] = ()
    under: tuple[tuple[Cell, ...], ...] = ()


class Row:
    """One row, known by *id*, with its words; a row that *claims* has its lines before others have a line at all.

    The words of a row that is made ``later`` are put together once somebody asks for them: of thousands of rows few are
    ever seen. Equal are rows that say the same.
    """

    __slots__ = ("_make", "_words", "claims", "id")

    def __init__(
        self,
        id: str,
        cells: tuple[Cell, ...] = (),
        style: str = "",
        extra: tuple[tuple[Cell, ...], ...] = (),
        under: tuple[tuple[Cell, ...], ...] = (),
        claims: bool = False,
    ) -> None:
        self.id, self.claims = id, claims
        self._words: RowWords | None = RowWords(cells, style, extra, under)
        self._make: tuple[Callable[..., RowWords], tuple[Any, ...]] | None = None

    @classmethod
    def later(cls, id: str, claims: bool, make: Callable[..., RowWords], *of: Any) -> Row:
        """Return a row whose words *make* puts together, of *of*."""
        row = cls.__new__(cls)
        row.id, row.claims = id, claims
        row._words, row._make = None, (make, of)
        return row

    @property
    def made(self) -> bool:
        """Tell whether somebody has asked for its words."""
        return self._words is not None

    @property
    def words(self) -> RowWords:
        """Return its words."""
        if self._words is None:
            assert self._make is not None
            make, of = self._make
            self._words, self._make = make(*of), None
        return self._words

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.words.cells

    @property
    def style(self) -> str:
        return self.words.style

    @property
    def extra(self) -> tuple[tuple[Cell, ...], ...]:
        return self.words.extra

    @property
    def under(self) -> tuple[tuple[Cell, ...], ...]:
        return self.words.under

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self is other or (self.id, self.claims, self.words) == (other.id, other.claims, other.words)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Row({self.id!r}, {self.words})"


def as_cell(cell: Cell) -> tuple[str, str]:
    """Text and style name."""
    return (cell, "") if isinstance(cell, str) else (cell[0], cell[1])


def fitting(cell: Cell, cells: int) -> tuple[str, str]:
    """The longest of the cell's texts that goes into *cells* cells (the shortest, where none does), and its style."""
    text, style = as_cell(cell)
    if len(cell) > 2 and not isinstance(cell, str):
        texts = (text, *cell[2:])
        text = next((t for t in texts if width(t) <= cells), texts[-1])
    return text, style


def needs_of(cell: Cell) -> Need:
    """Return one cell's need."""
    text, _ = as_cell(cell)
    short = cell[-1] if len(cell) > 2 and not isinstance(cell, str) else text
    return Need(width(short), width(text))


def column_widths(columns: Sequence[Column], cells: int, needs: Sequence[Need] = ()) -> tuple[int, ...]:
    """The cells that each column gets in a line of *cells*, without its gap; 0: dropped.

    *needs* are what the rows want of each column; nothing else that a row holds moves a column.
    """
    room = cells - GUTTER
    needs = needs or [Need(c.most or c.easy, c.most or c.easy) for c in columns]
    least = [_least(c, n) for c, n in zip(columns, needs, strict=True)]
    kept = [i for i, c in enumerate(columns) if least[i] and cells >= c.wide]
    while sum(least[i] + GAP for i in kept) > room:
        droppable = [i for i in kept if columns[i].drop > 0]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: (columns[i].drop, i)))
    widths = [0] * len(columns)
    for i in kept:
        widths[i] = max(0, min(least[i], room - GAP))
        room -= widths[i] + GAP if widths[i] else 0
    kept = [i for i in kept if widths[i]]
    for i in sorted(kept, key=lambda i: columns[i].turn):
        room -= _grow(widths, i, _wanted(columns[i], needs[i].short), room)
    flexible = [i for i in kept if columns[i].flex]
    for i in [*flexible, *(i for i in kept if columns[i].most)]:
        room -= _grow(widths, i, min(columns[i].easy, needs[i].long) if columns[i].flex else needs[i].long, room)
    _share(columns, flexible, widths, room)
    return tuple(widths)


def _least(column: Column, need: Need) -> int:
    """A column that is as wide as its rows are is not there where they have nothing to say in it."""
    if not column.most:
        return column.least
    return min(column.width, _wanted(column, need.short)) if need.long else 0


def _wanted(column: Column, need: int) -> int:
    if column.flex and column.whole:
        return min(need, column.easy)
    if column.flex:
        return min(column.width, max(need, column.min_width)) if column.turn else 0
    return min(max(need, width(column.title)), column.most) if column.most else column.width


def _grow(widths: list[int], i: int, to: int, room: int) -> int:
    """Widen a column, and say by how much."""
    more = max(0, min(to - widths[i], room))
    widths[i] += more
    return more


def _share(columns: Sequence[Column], flexible: Sequence[int], widths: list[int], room: int) -> None:
    """Give *room* to the flexible columns, in proportion to their width, the remainder to the last."""
    total = sum(max(1, columns[i].width) for i in flexible)
    left = max(0, room)
    for i in flexible:
        more = left if i == flexible[-1] else max(0, room) * max(1, columns[i].width) // total
        widths[i] += more
        left -= more


def spread(columns: Sequence[Column], widths: tuple[int, ...], cells: Sequence[Cell]) -> tuple[int, ...]:
    """The cells of each column in one row: what it leaves blank goes to columns that spill. The nearest gives first,
    so that most columns stay where they are; a column of names gives nothing, so that what follows begins in line.
    """
    first = next((i for i, column in enumerate(columns) if column.spills and widths[i]), None)
    if first is None:
        return widths
    group = [i for i in range(first, min(len(columns), len(cells))) if widths[i]]
    wanted = {
        i: needs_of(cells[i]).long if columns[i].spills else width(fitting(cells[i], widths[i])[0]) for i in group
    }
    # A name comes first: cut, it names nothing. What goes on under the row where there is room comes last.
    lacking = sorted(
        (i for i in group if columns[i].spills and wanted[i] > widths[i]),
        key=lambda i: (columns[i].align != "middle", columns[i].wraps),
    )
    given = list(widths)
    while lacking:
        i = lacking[0]
        for j in sorted(group, key=lambda j: abs(j - i)):
            if j not in lacking and columns[j].align != "middle" and given[i] < wanted[i]:
                _hand_over(given, j, i, wanted[j], wanted[i] - given[i])
        lacking.pop(0)
        if given[i] < wanted[i]:  # it says less, and the next one may have the rest
            wanted[i] = min(given[i], width(fitting(cells[i], given[i])[0]))
    return tuple(given)


def _hand_over(given: list[int], giver: int, taker: int, wanted: int, missing: int) -> None:
    """Give *taker* up to *missing* cells of those that *giver* does not need; all of them with its gap."""
    spare = min(given[giver] - wanted, missing)
    if spare > 0:
        given[giver] -= spare
        given[taker] += spare + (GAP if not given[giver] else 0)


class Measure:
    """The rows' need of each column. It grows at once, since a word that is cut cannot be read; it gives
    back only where rows came or went, which moves what is on screen anyway, and not for less than ``SLACK`` cells.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._measured = [i for i, c in enumerate(columns) if c.most or c.flex]
        self._kept: tuple[Need, ...] = (Need(),) * len(columns)
        self._known: dict[str, tuple[Row, tuple[int, ...]]] = {}  # a thousand rows: the cells of each, side by side

    def of(self, rows: Sequence[Row]) -> tuple[Need, ...]:
        """The needs once *rows* are shown."""
        if not self._measured or not rows:
            return self._kept
        known = {row.id: self._row(row) for row in rows[:MEASURED]}
        same = known.keys() == self._known.keys()
        self._known = known
        kept = list(self._kept)
        for at, column in enumerate(self._measured):
            now = Need(*(max(needs[i] for _, needs in known.values()) for i in (2 * at, 2 * at + 1)))
            was = kept[column]
            kept[column] = was | now if same else Need(_settled(was.short, now.short), _settled(was.long, now.long))
        self._kept = tuple(kept)
        return self._kept

    def _row(self, row: Row) -> tuple[Row, tuple[int, ...]]:
        """The row, and what it needs in each column that is measured: the shortest and the longest, in turn."""
        known = self._known.get(row.id)
        if known is not None and known[0] is row:
            return known
        cells = row.cells
        return row, tuple(n for i in self._measured for n in (needs_of(cells[i]) if i < len(cells) else Need()))


def _settled(was: int, now: int) -> int:
    return now if now >= was or was - now >= SLACK else was


def distinct(rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, int]]:
    """The rows and their index by id; of rows with one id, the first."""
    index = {row.id: i for i, row in enumerate(rows)}
    if len(index) == len(rows):
        return rows, index
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return tuple(first.values()), {id: i for i, id in enumerate(first)}


class Cursor(msgspec.Struct, frozen=True):
    """The cursor's place: on *row*, or on what is left of *ghost*, above the row that now has its *index*.

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

    def after(self, old: Sequence[Row], new: Sequence[Row], index: Mapping[str, int]) -> Cursor:
        """Return the cursor's place after *new* rows replace *old* ones: never on another row than before."""
        if not new:
            return Cursor(ghost=self.row or self.ghost, was=self.was)
        if not self.was:
            return Cursor(0, new[0], was=True)
        known = self.row or self.ghost
        if known is None:
            return self
        if known.id in index:
            return Cursor(index[known.id], new[index[known.id]], was=True)
        return Cursor(self._between(old, index, len(new)), ghost=known, was=True)

    def _between(self, old: Sequence[Row], index: Mapping[str, int], count: int) -> int:
        """Return the vanished row's place: above the nearest row that stood below it and still stands."""
        below: Iterable[Row] = old[self.index :]
        for row in below:
            if row.id in index:
                return index[row.id]
        for row in reversed(old[: self.index]):
            if row.id in index:
                return index[row.id] + 1
        return min(self.index, count)
