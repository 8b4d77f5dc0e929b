"""The one table: rows known by id, drawn line by line, repainted only where something changed.

Once the engineer has chosen a row, a refresh never points the cursor at another: it stays on its row's id wherever that
goes, and when the row vanishes the cursor stays on what is left of it, an empty place, until it is moved. Before, and
again after the list was empty, it follows the first row; ``strayed_at`` says when it went there by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from oncall_tui.tui.bindings import moves
from oncall_tui.tui.widgets.table.canvas import Canvas
from oncall_tui.tui.widgets.table.heights import RowHeights, share
from oncall_tui.tui.widgets.table.painter import PaintedLine, RowStyle
from oncall_tui.tui.widgets.table.rows import Cell, Column, Cursor, Row, distinct

HEADED_LINES = 5  # a pane of fewer lines has no heading
__all__ = ["Cell", "Column", "Row", "Table"]


class Table(Canvas, can_focus=True):
    """Rows under fixed columns, with a cursor that is known by its row's id, and marks."""

    DEFAULT_CSS = """
        Table {
            height: 1fr;
            overflow-x: hidden;
            overflow-y: auto;
            scrollbar-gutter: stable;
            scrollbar-size-vertical: 1;
        }
        """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moves("move"),
        Binding("enter", "open", "Open", show=False, id="table.open", priority=True),
        Binding("space", "toggle_mark", "Mark", show=False, id="table.mark", priority=True),
        Binding("asterisk", "mark_all", "Mark all", show=False, id="table.mark_all", priority=True),
    ]

    class Moved(Message):
        """The cursor is on another row. *id* is None where it is on none: its row is gone, or there is no row."""

        def __init__(self, table: Table, id: str | None) -> None:
            super().__init__()
            self.table = table
            self.id = id

        @property
        def control(self) -> Table:
            return self.table

    class Opened(Message):
        """Enter was pressed on the row *id*."""

        def __init__(self, table: Table, id: str) -> None:
            super().__init__()
            self.table = table
            self.id = id

        @property
        def control(self) -> Table:
            return self.table

    class Marked(Message):
        """The marks changed: by the engineer, or because marked rows vanished. *dropped* are the latter."""

        def __init__(self, table: Table, marked: frozenset[str], dropped: frozenset[str] = frozenset()) -> None:
            super().__init__()
            self.table = table
            self.marked = marked
            self.dropped = dropped

        @property
        def control(self) -> Table:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        show_header: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, name=name, id=id, classes=classes)
        self._show_header = show_header
        self._rows: Sequence[Row] = ()
        self._place = Cursor()
        self._shared: dict[int, int] = {}  # lines under rows, by index, wherever the cursor is
        self._stack = RowHeights()
        self._wanted = 0  # the line that the pane would begin with, had no resize pushed it
        self._sized_for = Size(0, 0)  # the terminal's
        self._marked: set[str] = set()
        self.new: frozenset[str] = frozenset()
        self._placeholder: tuple[Cell, ...] = ()

    @property
    def _head(self) -> int:
        """Lines of the columns' titles: none over nothing, and none where the pane has room for a few rows only."""
        return 1 if self._show_header and self._rows and self.size.height >= HEADED_LINES else 0

    # -- what it shows ---------------------------------------------------------------------------------------------

    @property
    def instead(self) -> tuple[Cell, ...]:
        """The words on screen where there is no row."""
        return () if self._rows else self._placeholder

    @property
    def rows(self) -> Sequence[Row]:
        """The rows on screen."""
        return self._rows

    @property
    def cursor_id(self) -> str | None:
        """The id of the row under the cursor; None: its row is gone, or there is none. An action takes this."""
        return self._place.id

    @property
    def gone(self) -> Row | None:
        """The row that was under the cursor when it vanished, until the cursor is moved."""
        return self._place.ghost

    @property
    def marked(self) -> frozenset[str]:
        """The ids of the marked rows, all of them on screen or a scroll away."""
        return frozenset(self._marked)

    def show(self, rows: Sequence[Row], stays: bool = False, instead: str | None = None) -> None:
        """Replace the rows. The cursor stays on its row's id; only what changed is repainted.

        *stays*: the cursor keeps its row though nobody chose it. *instead*: the row that its row has become part of.
        The same rows again, as one object, are nothing to do.
        """
        if rows is self._rows and self._holds(stays):
            return
        offset = self._top() - self.scroll_offset.y
        was_at_top = self.scroll_offset.y == 0
        was = self._place.id
        new, index = distinct(rows)
        if not new:
            self.anchored = False
        if (self.anchored or stays) and instead in index and self._place.id not in index:
            self._place = Cursor(index[instead], new[index[instead]], was=True)
        elif self.anchored or stays:
            self._place = self._place.after(self._rows, new, index)
        else:  # nobody chose a row: the first is the one to look at
            self._place = Cursor(0, new[0], was=True) if new else Cursor()
        self._rows = new
        self._drop_marks(index)
        if self._painter.learn(new):
            self._draw_anew()
        self._share_lines()
        self._keep_in_place(offset, was_at_top)
        self._repaint()
        if self._place.id != was:
            self.strayed_at = self.now()
            self.post_message(self.Moved(self, self._place.id))

    def _holds(self, stays: bool) -> bool:
        """Tell whether the cursor is where it would be if the same rows were shown again."""
        row, index = self._place.row, self._place.index
        chosen = self.anchored or stays or index == 0
        return row is not None and chosen and index < len(self._rows) and self._rows[index] is row

    def show_new(self, ids: frozenset[str]) -> None:
        """Give these rows the sign of what is new, and no others."""
        if ids != self.new:
            self.new = ids
            self._repaint()

    def placeholder(self, lines: Iterable[Cell]) -> None:
        """Return the words shown when there is no row; a long line is wrapped."""
        self._placeholder = tuple(lines)
        if not self._rows:
            self._resize_content()
            self._repaint()

    def needed(self, most: int) -> int:
        """Count the lines that it would fill, wherever the cursor is; *most* where it has at least so many rows."""
        if not self._rows:
            return len(self._painter.placeholder(self._placeholder))
        if len(self._rows) >= most:
            return most
        lines = sum(1 + self._painter.under(row, False) for row in self._rows)
        least = HEADED_LINES if self._show_header else 1
        return max(least, self._show_header + lines + max(map(self._spare, self._rows)))

    # -- the cursor and the marks ----------------------------------------------------------------------------------

    def move_to(self, id: str) -> bool:
        """Put the cursor on the row *id*; False: there is no such row."""
        index = next((i for i, row in enumerate(self._rows) if row.id == id), None)
        if index is not None:
            self._move(index)
        return index is not None

    def follow_first(self) -> None:
        """Nobody's choice is left among the rows: go to the first of them, and follow it."""
        self.anchored = False
        self.show(self._rows)

    def action_move(self, by: int) -> None:
        """One row down (1) or up (-1); from where a row vanished, to its neighbours."""
        self._move(self._place.step(by))

    def action_page(self, by: int) -> None:
        """A pane's height down (1) or up (-1)."""
        height = max(1, self.scrollable_content_region.height - self._head - 1)
        self._move(self._stack.at(max(0, self._top() + by * height))[0])

    def action_edge(self, to: int) -> None:
        """The last row (1) or the first (-1)."""
        if to < 0 and self.on_first is not None and self.on_first():
            return
        self._move(len(self._rows) - 1 if to > 0 else 0)

    def action_open(self) -> None:
        """Say that the row under the cursor is opened."""
        if self._place.id is not None:
            self.post_message(self.Opened(self, self._place.id))

    def action_toggle_mark(self) -> None:
        self.toggle_mark()

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        if self._place.id is None:
            return
        self._marked = self._marked ^ {self._place.id}
        self._repaint()
        self.post_message(self.Marked(self, self.marked))

    def action_mark_all(self) -> None:
        """Mark every row that is shown; take all marks away where every one has it already."""
        everything = {row.id for row in self.rows}
        self._marked = set() if everything <= self._marked else everything
        self._repaint()
        self.post_message(self.Marked(self, self.marked))

    def clear_marks(self) -> None:
        """Take every mark away."""
        if self._marked:
            self._marked.clear()
            self._repaint()
            self.post_message(self.Marked(self, frozenset()))

    def _drop_marks(self, known: Mapping[str, int]) -> None:
        dropped = frozenset(id for id in self._marked if id not in known)
        if dropped:
            self._marked -= dropped
            self.post_message(self.Marked(self, self.marked, dropped))

    anchored = False
    """Whether the engineer chose the row, by a move or an action. Until then it follows the first row."""
    strayed_at = float("-inf")  # when the cursor moved by itself last, by ``now``
    now: Callable[[], float] = staticmethod(time.monotonic)
    on_first: Callable[[], bool] | None = None
    """Asked when a key goes to the first row: True where it was taken elsewhere."""
    on_moved: Callable[[Table, str | None], None] | None = None
    """Called when a key moved the cursor, with the id of the row that it left, and before the frame is painted: what
    follows the cursor is in the same frame."""

    def _move(self, index: int) -> None:
        if not self._rows:
            return
        index = min(max(index, 0), len(self._rows) - 1)
        was = self._place.id
        self.anchored = True
        self.strayed_at = float("-inf")
        self._place = Cursor(index, self._rows[index], was=True)
        self._resize_content()
        self._reveal()
        self._repaint()
        if self._place.id != was:
            self.post_message(self.Moved(self, self._place.id))
            if self.on_moved is not None:
                self.on_moved(self, was)

    # -- where things are: rows, and the lines under them ----------------------------------------------------------

    def _share_lines(self) -> None:
        """Other rows, or room for more or less of them: share it anew."""
        spare = self._spare
        self._shared = share(self._rows, lambda row: self._painter.under(row, False), self._view_height(), spare)
        self._resize_content()

    def _spare(self, row: Row) -> int:
        return self._painter.under(row, True) - self._painter.under(row, False)

    def _top(self) -> int:
        """The line of the cursor, or of what is left of its row."""
        return self._stack.top(self._place.index)

    def _block(self) -> int:
        """How many lines the cursor covers."""
        if self._place.row is None:
            return 1 if self._place.ghost is not None else 0
        return 1 + self._stack.under(self._place.index)

    def _at(self, y: int) -> tuple[int | None, int]:
        """(index of the row, which of its lines) on the line *y* of the pane; None: what is left of a vanished row."""
        return self._row_at(y - self._head + self.scroll_offset.y)

    def _row_at(self, line: int) -> tuple[int | None, int]:
        """Return the same for a line of the whole list."""
        if self._place.ghost is not None and self._place.row is None:
            if line == self._top():
                return None, 0
            line -= line > self._top()
        return self._stack.at(line)

    def _resize_content(self) -> None:
        """Tell the scroll bar how many lines there are.

        A layout repaints the whole pane, so there is one only where the scroll bar comes or goes.
        """
        if self._rows:
            lines = dict(self._shared)
            if self._place.row is not None:
                lines[self._place.index] = self._painter.under(self._place.row, True)
            self._stack = RowHeights(len(self._rows), lines)
            height = self._stack.lines + (self._place.row is None and self._place.ghost is not None)
            if (last := height - self._view_height()) > 0:  # it ends with blank lines rather than begin within a row
                height += self._row_from(last) - last
        else:
            height = len(self._painter.placeholder(self._placeholder))
        size = Size(0, height + self._head)
        if size == self.virtual_size:
            return
        scrolls = size.height > self.container_size.height
        if scrolls != self.show_vertical_scrollbar or not self.container_size:
            self.virtual_size = size
            return
        self.set_reactive(Widget.virtual_size, size)
        if scrolls:
            self.vertical_scrollbar.window_virtual_size = size.height

    def _view_height(self) -> int:
        return max(1, self.scrollable_content_region.height - self._head)

    def _keep_in_place(self, offset: int, was_at_top: bool) -> None:
        """After a refresh, leave the cursor's row on its line of the screen.

        At the top the view stays at the top as long as the cursor is still in it: what is new and worse comes in
        there, and must not come in out of sight.
        """
        height, was = self._view_height(), self.scroll_offset.y
        if was_at_top and (self._top() < height or not self.anchored):
            return
        if 0 <= offset < height:
            self._scroll_lines(self._top() - offset)
        else:  # scrolled away from the cursor: the view stays, as far as there are rows
            self._scroll_lines(min(was, self.virtual_size.height - self._head - height))
        if self._wanted:
            self._wanted = max(0, self._wanted + self.scroll_offset.y - was)

    def _reveal(self) -> None:
        """Scroll so that the cursor is seen; by half a pane, since each scroll repaints all of it over SSH."""
        height, top = self._view_height(), self._top()
        first, last = self.scroll_offset.y, self.scroll_offset.y + height
        if top < first:
            first = min(top, first - height // 2)
        elif top + max(1, self._block()) > last:
            first = max(self._least(), min(top, first + height // 2))
        self._scroll_lines(first)
        self._wanted = self.scroll_offset.y

    def _fit_anew(self) -> None:
        """After a resize, show the cursor and as much above it as fits: the worst rows stand there.

        Where the terminal is as it was, a line above or below came or went: the view is pushed by it as little as can
        be, and comes back.
        """
        if self.app.size != self._sized_for:
            self._sized_for, self._wanted = self.app.size, 0
        self._scroll_lines(max(self._least(), min(self._wanted, self._top())))

    def _least(self) -> int:
        """Return the least line that the pane can begin with so that the cursor, with its lines, is on screen."""
        return max(0, min(self._top(), self._top() + max(1, self._block()) - self._view_height()))

    def _row_from(self, line: int) -> int:
        """Return the first line from *line* on that is a row's first: what stands under a row says nothing alone."""
        index, sub = self._row_at(line)
        return line - sub + 1 + self._stack.under(index) if index is not None and sub else line

    def _scroll_lines(self, to: int) -> None:
        to = self._row_from(max(0, to))
        # Forced: right after the rows came the scroll bar is not laid out yet, and without it nothing may scroll.
        if to != self.scroll_offset.y:
            self.scroll_to(y=to, animate=False, force=True)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _line(self, y: int) -> PaintedLine:
        if y < self._head:
            return self._painter.heading()
        if not self._rows:
            line = y + self.scroll_offset.y
            lines = self._painter.placeholder(self._placeholder)
            return lines[line] if line < len(lines) else self._painter.blank()
        index, sub = self._at(y)
        if index is None:
            return self._row_line(self._place.ghost or self._rows[0], 0, cursor=True)
        if index >= len(self._rows):
            return self._painter.blank()
        cursor = self._place.row is not None and index == self._place.index
        return self._row_line(self._rows[index], sub, cursor, self._stack.under(index))

    def _row_line(self, row: Row, sub: int, cursor: bool = False, under: int = 0) -> PaintedLine:
        gone = cursor and self._place.row is None
        return self._painter.row(
            row, sub, RowStyle(cursor, row.id in self._marked, self.has_focus, gone, row.id in self.new, under)
        )

    # -- what makes it draw anew -----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Another size: the columns share it anew, and the cursor stays in view."""
        self._measure()
        self._share_lines()
        self._draw_anew()
        if self._rows:
            self._fit_anew()

    def on_focus(self) -> None:
        self._repaint()

    def on_blur(self) -> None:
        self._repaint()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked."""
        index, _ = self._at(event.y)
        if event.y < self._head or index is None or index >= len(self._rows):
            return
        if self._place.row is None or index != self._place.index:
            self._move(index)
