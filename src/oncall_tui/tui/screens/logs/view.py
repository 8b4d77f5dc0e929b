"""The lines on screen: drawn line by line, so that a buffer of many thousands costs what is seen of it.

A line is known by itself, never by its place: lines that come late or go do not move the cursor to another one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from operator import attrgetter
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from oncall_tui.domain.logs import LogLine
from oncall_tui.text.cells import width, wrap
from oncall_tui.tui import palette
from oncall_tui.tui.bindings import moves
from oncall_tui.tui.screens.logs.words import fold, harmless, matches, readable, spans
from oncall_tui.tui.widgets.footer import Part

Row = tuple[Part, ...]
Mark = tuple[float, str]
WIDE = 100  # cells from which milliseconds are shown
TASK = 8  # characters of a task's id
FOLDED_KEPT = 600  # lines whose rows are kept
LONGEST_ROWS = 60  # of one line where it is wrapped
_at = attrgetter("at")
SIGNS = {"error": ("✗", "critical"), "warning": ("!", "warning")}


class LogView(Widget, can_focus=True):
    """Lines with a cursor. *follow*: the newest stays in sight. *goal*: a time at which it begins (None: the newest).

    *marks* are times, with words, that are drawn between the lines.
    """

    DEFAULT_CSS = "LogView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = moves()

    def __init__(self, tz: tzinfo, goal: float | None, marks: Sequence[Mark] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz, self.goal, self._marks = tz, goal, sorted(marks)
        self.lines: Sequence[LogLine] = ()
        self.cursor = 0
        self.follow = goal is None
        self.wrapped = False
        self.query_text = ""
        self.columns = (True, False)  # the task's, the container's
        self.on_moved: Callable[[], None] | None = None
        self._touched = False  # by a key: else it goes to the goal
        self._top, self._skip = 0, 0
        self._head: Row = ()
        self._foot: Row = ()
        self._empty: Sequence[Row] = ()
        self._rows: list[Row] = []
        self._folded: dict[str, list[Row]] = {}
        self._folded_for: object = None
        self._paint = palette.Palette(self)

    # --- what it shows ------------------------------------------------------------------------------------------------

    def show(self, lines: Sequence[LogLine], head: Row = (), foot: Row = (), empty: Sequence[Row] = ()) -> None:
        """Replace the lines (the same object: nothing new); *head* and *foot* stand before and after them."""
        if lines is not self.lines:
            under, top = self.line, self._at(self._top)
            self.lines = lines
            self.cursor = self._place_of(under) if under else 0
            self._top = self._place_of(top) if top and self._top >= 0 else min(self._top, 0)
            self._go_to_goal()
        self._head, self._foot, self._empty = head, foot, empty
        self.draw()

    @property
    def line(self) -> LogLine | None:
        """The line under the cursor."""
        return self._at(self.cursor)

    @property
    def on_screen(self) -> Sequence[LogLine]:
        """The lines that can be seen, whole or in part."""
        seen, index, used = [], max(0, self._top), -self._skip
        while index < len(self.lines) and used < self.size.height:
            seen.append(self.lines[index])
            used += len(self._rows_of(index))
            index += 1
        return seen

    def reset(self, goal: float | None) -> None:
        """Another look: from its goal on, or following."""
        self.goal, self.follow, self._touched = goal, goal is None, False
        self.lines, self.cursor, self._top, self._skip = (), 0, 0, 0
        self._folded.clear()

    def on_unmount(self) -> None:
        self.reset(None)
        self._rows = []

    def _at(self, index: int) -> LogLine | None:
        return self.lines[index] if 0 <= index < len(self.lines) else None

    def _place_of(self, line: LogLine) -> int:
        """Return the line's index now; for a dropped line, the one that it would have."""
        index = bisect_left(self.lines, line.at, key=_at)
        for at in range(index, len(self.lines)):
            if self.lines[at] is line or self.lines[at].id == line.id:
                return at
            if self.lines[at].at != line.at:
                break
        return max(0, min(index, len(self.lines) - 1))

    def _go_to_goal(self) -> None:
        if self.goal is None or self._touched or not self.lines:
            return
        self.cursor = min(bisect_left(self.lines, self.goal, key=_at), len(self.lines) - 1)
        self._lift(self.size.height // 3)

    # --- moving -------------------------------------------------------------------------------------------------------

    def action_by(self, by: int) -> None:
        """So many lines on."""
        self._move(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen on."""
        self._move(self.cursor + by * max(1, len(self.on_screen) - 1))

    def action_edge(self, way: int) -> None:
        """The first or the newest line; from there on it follows."""
        self._move(len(self.lines) - 1 if way > 0 else 0)

    def _move(self, index: int) -> None:
        self._touched = True
        last = len(self.lines) - 1
        self.cursor = max(0, min(index, last))
        self.follow = self.goal is None and self.cursor == last
        self.draw()
        if self.on_moved:
            self.on_moved()

    def jump(self, by: int, wanted: Callable[[LogLine], bool]) -> bool:
        """To the next (1) or the last (-1) line that is wanted; False: there is none that way."""
        index = self.cursor + by
        while 0 <= index < len(self.lines):
            if wanted(self.lines[index]):
                self._touched = True
                self.cursor, self.follow = index, False
                if not self._in_sight(index):
                    self._lift(self.size.height // 3)
                self.draw()
                if self.on_moved:
                    self.on_moved()
                return True
            index += by
        return False

    def find(self, by: int) -> bool:
        """To the next or the last line with the text that is searched."""
        return self.jump(by, lambda line: matches(line.text, self.query_text))

    def toggle_wrap(self) -> None:
        """Fold long lines, or cut them."""
        self.wrapped = not self.wrapped
        self._skip = 0
        self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Work out what is to be seen, and repaint the rows that differ."""
        if not self.size.height or not self.is_mounted:
            return
        look = (self.size.width, self.wrapped, self.query_text, self.columns)
        if look != self._folded_for or len(self._folded) > FOLDED_KEPT:
            self._folded.clear()
            self._folded_for = look
        if self.follow:
            self.cursor = max(0, len(self.lines) - 1)
        self._scroll()
        rows = (
            self._visible() if self.lines else [part for row in self._empty for part in _wrapped(row, self.size.width)]
        )
        rows += [()] * (self.size.height - len(rows))
        old, self._rows = self._rows, rows[: self.size.height]
        changed = [y for y, row in enumerate(self._rows) if y >= len(old) or old[y] != row]
        if 2 * len(changed) > len(self._rows):
            self.refresh()  # it scrolled: one region costs less than many
            return
        for y in changed:
            self.refresh(Region(0, y, self.size.width, 1))

    def _in_sight(self, index: int) -> bool:
        used, at = -self._skip, self._top
        while at < index:
            used += len(self._rows_of(at))
            at += 1
            if used > self.size.height:
                return False
        return at == index and used >= 0 and used + len(self._rows_of(index)) <= self.size.height

    def _scroll(self) -> None:
        """Bring the line under the cursor into sight; the first and the last with what stands beyond them."""
        last = len(self.lines) - 1
        first = -1 if self.cursor == 0 else self.cursor
        if self._top > first or (self._top == first and self._skip):
            self._top, self._skip = first, 0
        target = last + 1 if self.cursor == last else self.cursor
        if not self._in_sight(target):
            if self._top < self.cursor or self._skip:
                self._lift(self.size.height - len(self._rows_of(target)), target)
            if not self._in_sight(self.cursor) and len(self._rows_of(self.cursor)) >= self.size.height:
                self._top, self._skip = self.cursor, 0

    def _lift(self, rows: int, index: int | None = None) -> None:
        """Scroll so that this many rows stand above a line (the cursor's)."""
        top, rows = self.cursor if index is None else index, max(0, rows)
        while rows > 0 and top > -1:
            top -= 1
            rows -= len(self._rows_of(top))
        self._top, self._skip = top, max(0, -rows)

    def _visible(self) -> list[Row]:
        rows: list[Row] = []
        index, need = self._top, self.size.height + self._skip
        while index <= len(self.lines) and len(rows) < need:
            own = self._rows_of(index)
            if index == self.cursor and own:
                own = [self._under_cursor(row, n == self._first_row(index)) for n, row in enumerate(own)]
            rows += own
            index += 1
        return rows[self._skip :]

    def _under_cursor(self, row: Row, first: bool) -> Row:
        if not first or len(row) < 3:
            return row
        return (("▸", "mark"), *row[1:2], (row[2][0], "cursor"), *row[3:])

    def _first_row(self, index: int) -> int:
        return len(self._marked(index))

    def _marked(self, index: int) -> Sequence[Mark]:
        """The marks that stand right before this line."""
        if not self._marks or not 0 <= index < len(self.lines):
            return ()
        after = self.lines[index - 1].at if index else float("-inf")
        return [mark for mark in self._marks if after < mark[0] <= self.lines[index].at]

    def _rows_of(self, index: int) -> list[Row]:
        if index < 0:
            return [self._head] if self._head else []
        if index >= len(self.lines):
            return [self._foot] if self._foot else []
        line = self.lines[index]
        rows = self._folded.get(line.id)
        if rows is None:
            rows = self._folded[line.id] = self._fold(line)
        marks = self._marked(index)
        return [*(self._rule(*mark) for mark in marks), *rows] if marks else rows

    def _rule(self, at: float, words: str) -> Row:
        text = f"──── {datetime.fromtimestamp(at, self._tz):%H:%M:%S} {words} "
        return ((text + "─" * max(0, self.size.width - cell_len(text)), "mark"),)

    def _fold(self, line: LogLine) -> list[Row]:
        """The rows of one line: sign, time, task, container, and its text, what is searched marked."""
        when = datetime.fromtimestamp(line.at, self._tz)
        stamp = when.strftime("%H:%M:%S") + (f".{when.microsecond // 1000:03}" if self.size.width >= WIDE else "")
        task, container = self.columns
        own = line.stream.task or line.stream.name.rpartition("/")[2]
        before = f" {own[:TASK]:<{TASK}}" if task else ""
        before += f" {line.stream.container[:10]:<10}" if container else ""
        begin: Row = ((" ", ""), SIGNS.get(line.level, (" ", "")), (stamp, "dim"), (harmless(before) + " ", "key"))
        used = sum(cell_len(text) for text, _ in begin)
        style = SIGNS.get(line.level, ("", ""))[1]
        shown = readable(line.text)
        marks = spans(shown, self.query_text)
        room = max(10, self.size.width - used)
        if not self.wrapped:
            return [(*begin, *_cut(shown, room, marks, style))]
        pieces = fold(shown, room, room)[:LONGEST_ROWS]
        return [
            (*(begin if not n else ((" " * used, ""),)), *_styled(shown, p, marks, style)) for n, p in enumerate(pieces)
        ]

    def render_line(self, y: int) -> Strip:
        """One row."""
        plain, width = self._paint(""), self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, plain)
        segments = [Segment(text, self._paint(style)) for text, style in self._rows[y]]  # harmless already
        return Strip(segments).adjust_cell_length(width, plain)

    def on_resize(self, event: events.Resize) -> None:
        """Another width folds otherwise."""
        self._go_to_goal()
        self._rows = []
        self.draw()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._paint.clear()


def _wrapped(row: Row, cells: int) -> list[Row]:
    """A row of words in as many as it needs; what stands before its last part stays in the first."""
    if not row:
        return [row]
    before = sum(width(text) for text, _ in row[:-1])
    text, style = row[-1]
    first, *rest = wrap(text, max(10, cells - 2), max(10, cells - before))
    return [(*row[:-1], (first, style)), *((("  ", ""), (part, style)) for part in rest)]


def _cut(text: str, cells: int, marks: Sequence[tuple[int, int]], style: str) -> Row:
    """Return the part of *text* that fits, with ``…`` where that is not all."""
    first = fold(text, cells, cells)[0]
    if first[1] == len(text):
        return _styled(text, first, marks, style)
    return (*_styled(text, fold(text, cells - 1, cells)[0], marks, style), ("…", style))


def _styled(text: str, piece: tuple[int, int], marks: Sequence[tuple[int, int]], style: str) -> Row:
    """A piece of *text*, in parts: what is searched stands out."""
    begin, end = piece
    parts: list[Part] = []
    for first, last in marks:
        if last <= begin or first >= end:
            continue
        if first > begin:
            parts.append((text[begin:first], style))
        parts.append((text[max(first, begin) : min(last, end)], "cursor"))
        begin = min(last, end)
    if begin < end:
        parts.append((text[begin:end], style))
    return tuple(parts)
