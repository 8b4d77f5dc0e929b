"""The table's lines: a row, its extra lines, the heading and the placeholder, each exactly as wide as the pane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from oncall_tui.text.cells import clean, fit, fit_middle, take, wrap
from oncall_tui.tui.palette import Palette
from oncall_tui.tui.widgets.table.rows import (
    GAP,
    GUTTER,
    Cell,
    Column,
    Measure,
    Row,
    as_cell,
    column_widths,
    fitting,
    spread,
)

_CACHED_LINES = 500
_INDENT = 2  # of an extra line, after the gutter
_LEAST_ROOM = 8
_MOST_LINES = 5  # of one text that is wrapped: nothing that comes from outside fills the screen
_MOST_CHARACTERS = 2_000  # of one text that are looked at for that


class PaintedLine(NamedTuple):
    """A drawn line, and the parts it was made of, one a column, to find what differs from another line."""

    parts: tuple[Segment, ...]
    strip: Strip

    def differs(self, old: PaintedLine) -> tuple[int, int] | None:
        """(x, cells) of the span that is not as in *old*; None: nothing. Lines cut otherwise differ as a whole."""
        ends = [cell_len(part.text) for part in self.parts]
        if ends != [cell_len(part.text) for part in old.parts]:
            return 0, sum(ends)
        changed = [i for i, (now, was) in enumerate(zip(self.parts, old.parts, strict=True)) if now != was]
        if not changed:
            return None
        return sum(ends[: changed[0]]), sum(ends[changed[0] : changed[-1] + 1])


Folded = tuple[int, tuple[tuple[str, str], ...]]
"""A line under a row: its indentation, and its texts with their styles."""


class RowStyle(NamedTuple):
    """How a row stands: under the cursor, marked, in the focused table, vanished, new since the last look."""

    cursor: bool = False
    marked: bool = False
    focused: bool = False
    gone: bool = False
    new: bool = False
    under: int = 0  # how many lines it has under its first

    @property
    def sign(self) -> str:
        """The gutter, which says all of this without colour."""
        cursor = "×" if self.gone else " " if not self.cursor else "▸" if self.focused else "▹"
        return cursor + ("●" if self.marked else "+" if self.new else " ")

    @property
    def ground(self) -> str:
        """The name of the style whose background the row has; empty: the table's own."""
        if not self.cursor or self.gone:
            return ""
        return "cursor" if self.focused else "cursor-blurred"


class Painter:
    """Draws lines of one width and remembers them."""

    def __init__(self, paint: Palette, columns: Sequence[Column]) -> None:
        self._paint = paint
        self._columns = tuple(columns)
        self._width = 0
        self._widths: tuple[int, ...] = ()
        self._measures = Measure(self._columns)
        self._needs = self._measures.of(())
        self._cache: dict[tuple[str, int, RowStyle], tuple[Row, PaintedLine]] = {}
        self._folded: dict[tuple[str, bool], tuple[Row, list[Folded]]] = {}

    def learn(self, rows: Sequence[Row]) -> bool:
        """Give the columns the room that *rows* want of them; False: as before."""
        self._needs = self._measures.of(rows)
        return self._share()

    def measure(self, width: int) -> bool:
        """Draw lines of *width* cells from now on; False: as before."""
        if width == self._width:
            return False
        self._width = width
        self._share()
        self.forget()
        return True

    def _share(self) -> bool:
        widths = column_widths(self._columns, self._width, self._needs)
        if widths == self._widths:
            return False
        self._widths = widths
        self.forget()
        return True

    def forget(self) -> None:
        """The styles changed, or the columns."""
        self._cache.clear()
        self._folded.clear()

    def row(self, row: Row, sub: int, row_style: RowStyle) -> PaintedLine:
        """The line *sub* of *row*: 0 is the row itself, the others are those under it."""
        key = (row.id, sub, row_style)
        found = self._cache.get(key)
        if found is not None and (found[0] is row or found[0] == row):
            return found[1]
        if len(self._cache) > _CACHED_LINES:
            self._cache.clear()
        line = self._under(row, sub, row_style) if sub else self._cells(row, row_style)
        self._cache[key] = (row, line)
        return line

    def heading(self) -> PaintedLine:
        """The columns' titles."""
        return self._cells(Row("", tuple(c.title for c in self._columns), "heading"), RowStyle())

    def blank(self) -> PaintedLine:
        """An empty line."""
        return self._finish([])

    def placeholder(self, cells: Sequence[Cell]) -> list[PaintedLine]:
        """Lines of text, wrapped."""
        room = max(_LEAST_ROOM, self._width - GUTTER - 1)
        texts = [(line, style) for text, style in map(as_cell, cells) for line in wrap(text, room)]
        return [self._finish([Segment(" " * GUTTER + text, self._paint(style))]) for text, style in texts]

    def _cells(self, row: Row, row_style: RowStyle) -> PaintedLine:
        ground = row_style.ground
        sign = row_style.sign[: self._width]
        parts = [
            Segment(
                sign, self._paint(("dim" if row_style.gone else row.style or "mark") if sign.strip() else "", ground)
            )
        ]
        room = self._room(row)
        for i, (column, width) in enumerate(zip(self._columns, room, strict=True)):
            if width:
                text, style = fitting(row.cells[i] if i < len(row.cells) else "", width)
                if row_style.under and column.wraps:
                    text = self._pieces(i, text, room)[0]
                paint = self._paint("gone" if row_style.gone and text.strip() else style or row.style, ground)
                fitted = fit_middle(text, width) if column.align == "middle" else fit(text, width, column.align)
                parts.append(Segment(fitted + " " * GAP, paint))
        return self._finish(parts, ground)

    def under(self, row: Row, extra: bool) -> int:
        """How many lines there are under *row*: with those that only the cursor brings, or without."""
        return len(self._folds(row, extra))

    def _under(self, row: Row, sub: int, row_style: RowStyle) -> PaintedLine:
        lines = self._folds(row, row_style.cursor)
        indent, cells = lines[sub - 1] if sub <= len(lines) else (0, ())
        parts = [Segment(" " * indent, self._paint(""))]
        parts += [Segment(clean(text), self._paint(style)) for text, style in cells]
        if sub == row_style.under < len(lines):  # it goes on where there is no room
            parts.append(Segment(" …", self._paint("dim")))
        return self._finish(parts)

    def _folds(self, row: Row, extra: bool) -> list[Folded]:
        """All lines under *row*, each in the width of the pane."""
        found = self._folded.get((row.id, extra))
        if found is not None and found[0] is row:
            return found[1]
        if len(self._folded) > _CACHED_LINES:
            self._folded.clear()
        lines = self._rests(row)
        for cells in (*row.under, *(row.extra if extra else ())):
            lines += self._fold(cells)
        self._folded[row.id, extra] = (row, lines)
        return lines

    def _fold(self, cells: Sequence[Cell]) -> list[Folded]:
        """A line of cells, the last of which goes on below itself where it is too long."""
        *before, (text, style) = map(as_cell, cells)
        indent = GUTTER + _INDENT
        at = indent + sum(cell_len(clean(label)) for label, _ in before)
        first, *rest = _wrapped(text, max(_LEAST_ROOM, self._width - at))
        return [(indent, (*before, (first, style))), *((at, ((more, style),)) for more in rest)]

    def _rests(self, row: Row) -> list[Folded]:
        """Return the rest of the wrapped columns, side by side under the row."""
        room = self._room(row)
        wrapping = [i for i, c in enumerate(self._columns[: len(row.cells)]) if room[i] and c.wraps]
        rests = {i: self._pieces(i, as_cell(row.cells[i])[0], room)[1:] for i in wrapping}
        lines: list[Folded] = []
        for at in range(max(map(len, rests.values()), default=0)):
            x, cells = 0, []
            for i, rest in rests.items():
                text = rest[at] if at < len(rest) else ""
                pad = " " * (_x(room, i) - x)
                cells.append((pad + text, as_cell(row.cells[i])[1] or row.style))
                x += len(pad) + cell_len(text)
            lines.append((0, tuple(cells)))
        return lines

    def _room(self, row: Row) -> tuple[int, ...]:
        """The cells of each column in this row; the heading's are the columns' own."""
        return spread(self._columns, self._widths, row.cells) if row.id else self._widths

    def _pieces(self, i: int, text: str, room: Sequence[int]) -> list[str]:
        """The text of a column that wraps: what fits into its cells of *room*, and what goes on below."""
        if self._columns[i].align == "middle":
            return _pieces_of_name(text, room[i])
        return _wrapped(text, max(room[i], self._width - _x(room, i)), room[i])

    def _finish(self, parts: Sequence[Segment], ground: str = "") -> PaintedLine:
        """Exactly as wide as the pane: cut with an ellipsis, or filled up."""
        left = self._width
        kept: list[Segment] = []
        for part in parts:
            cells = cell_len(part.text)
            if cells > left:
                kept.append(Segment(fit(part.text, left), part.style))
                left = 0
                break
            kept.append(part)
            left -= cells
        kept.append(Segment(" " * left, self._paint("", ground)))
        kept = [part for part in kept if part.text]
        return PaintedLine(tuple(kept), Strip(_merged(kept), self._width))


def _x(widths: Sequence[int], column: int) -> int:
    """Return a column's start."""
    return GUTTER + sum(width + GAP for width in widths[:column] if width)


def _wrapped(text: str, cells: int, first: int | None = None) -> list[str]:
    """*text* in a few lines at the most."""
    lines = wrap(text[:_MOST_CHARACTERS], cells, first)
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[: _MOST_LINES - 1], fit(f"{lines[_MOST_LINES - 1]} …", cells).rstrip()]


def _pieces_of_name(text: str, cells: int) -> list[str]:
    """A name in lines, broken behind a dash or a slash where there is one."""
    lines: list[str] = []
    left = clean(text[:_MOST_CHARACTERS])
    while cell_len(left) > cells > 1 and len(lines) < _MOST_LINES - 1:
        head = take(left, cells)
        at = max(head.rfind("-"), head.rfind("/")) + 1
        head = head[:at] if at > len(head) // 2 else head
        lines.append(head)
        left = left[len(head) :]
    return [*lines, left]


def _merged(parts: Sequence[Segment]) -> Iterator[Segment]:
    """Neighbours of one style as one: a change is sent with all to its left, and each style costs 40 bytes."""
    text, style = "", Style.null()
    for part in parts:
        if part.style != style and text:
            yield Segment(text, style)
            text = ""
        text, style = text + part.text, part.style or Style.null()
    if text:
        yield Segment(text, style)
