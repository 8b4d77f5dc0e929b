"""Lines of text that are repainted one by one: the detail, and what came of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from oncall_tui.text.cells import width as width_of
from oncall_tui.text.cells import wrap
from oncall_tui.tui import palette
from oncall_tui.tui.bindings import moves
from oncall_tui.tui.widgets.footer import fit_parts

Line = tuple[tuple[str, str], ...]
PAGE_LINES = 10
LEAST_TEXT = 8  # cells beside a line's first parts: with fewer it is folded as a whole


class Lines(ScrollView, can_focus=True):
    """(text, style) lines; a line that is too long goes on, indented, where *wrapped*, else is cut with an ellipsis."""

    BINDINGS: ClassVar[list[BindingType]] = moves()
    DEFAULT_CSS = """
        Lines { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
        """

    def __init__(self, *, wrapped: bool = True, indent: int = 11, focus: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self.can_focus = focus
        self._wrapped, self._indent = wrapped, indent
        self._lines: tuple[Line, ...] = ()
        self._folded: list[Line] = []
        self.folded_for = 0  # the width that they are folded for
        self._paint = palette.Palette(self)
        self.on_scrolled: Callable[[], None] | None = None

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._paint.clear()

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; only those that differ are repainted."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        old = self._folded
        self._fold()
        first = self.scroll_offset.y
        for y in range(self.size.height):
            at = first + y
            was = old[at] if at < len(old) else None
            now = self._folded[at] if at < len(self._folded) else None
            if was != now:
                self.refresh(Region(0, y, self.size.width, 1))

    def action_by(self, lines: int) -> None:
        """Scroll so many lines down, or up."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll ten lines down (1) or up (-1)."""
        self.action_by(PAGE_LINES * by)

    def action_edge(self, to: int) -> None:
        """Scroll to the last line (1) or the first (-1)."""
        self.action_by(to * len(self._folded))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled: who counts what is out of sight is told."""
        super().watch_scroll_y(old_value, new_value)
        if self.on_scrolled is not None:
            self.on_scrolled()

    def on_resize(self) -> None:
        """Another size: what is drawn is folded for it before it is drawn."""
        self._fold_anew()

    def watch_show_vertical_scrollbar(self) -> None:
        """The scroll bar came or went, and took or gave a cell."""
        self._fold_anew()

    def hidden(self) -> tuple[int, int, int]:
        """(lines out of sight above, below, warnings among the latter)."""
        first = self.scroll_offset.y
        below = self._folded[first + self.size.height :]
        return first, len(below), sum(line[0][1] == "warning" and bool(line[0][0].strip()) for line in below)

    def needed(self, width: int) -> int:
        """How many lines of the screen it takes at this width."""
        return sum(len(self._fold_one(line, width)) for line in self._lines)

    def folded(self, count: int) -> int:
        """How many lines of the screen the first *count* lines take, at the width that they have now."""
        return sum(len(self._fold_one(line, self.folded_for)) for line in self._lines[:count])

    def _fold_anew(self) -> None:
        if self.scrollable_content_region.width != self.folded_for:
            self._fold()

    def _fold(self) -> None:
        width = self.scrollable_content_region.width
        self.folded_for = width
        self._folded = [part for line in self._lines for part in self._fold_one(line, width)]
        size = Size(0, len(self._folded))
        if size != self.virtual_size:
            self.virtual_size = size

    def _fold_one(self, line: Line, width: int) -> list[Line]:
        text, style = line[-1]
        before = sum(width_of(t) for t, _ in line[:-1])
        if not self._wrapped or width_of(text) + before <= width:
            return [line]
        if width <= before + LEAST_TEXT:
            return _fold_anyhow(line, width)
        indent = min(before if len(line) > 1 else self._indent, self._indent, width // 4)
        first, *rest = wrap(text, width - indent, width - before)
        more: list[Line] = [((" " * indent, ""), (part, style)) for part in rest if part]
        return [(*line[:-1], (first, style)), *more]

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        width = self.scrollable_content_region.width
        at = self.scroll_offset.y + y
        plain = self._paint("")
        if at >= len(self._folded):
            return Strip.blank(width, plain)
        segments = [Segment(text, self._paint(style)) for text, style in fit_parts(self._folded[at], width)]
        return Strip(segments).adjust_cell_length(width, plain)


def _fold_anyhow(line: Line, width: int) -> list[Line]:
    """*line* as one text in its first style, at any width: nothing of it is cut off."""
    text = "".join(part for part, _ in line)
    style = next((style for part, style in line if part.strip()), "")
    words = " ".join(text.split())
    first, *rest = wrap(words, max(1, width))
    return [((first, style),), *((("", ""), (part, style)) for part in rest if part)]
