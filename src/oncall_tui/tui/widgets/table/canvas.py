"""The table's canvas: it keeps lines as drawn, so that only the spans that differ are sent."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from oncall_tui.tui import palette
from oncall_tui.tui.widgets.table.painter import PaintedLine, Painter
from oncall_tui.tui.widgets.table.rows import Column


class Canvas(ScrollView):
    """Draws ``_line`` for each line of the pane, and repaints by span."""

    def __init__(
        self, columns: Sequence[Column], *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._paint = palette.Palette(self)
        self._painter = Painter(self._paint, columns)
        self._drawn: dict[int, PaintedLine] = {}

    def _line(self, y: int) -> PaintedLine:
        """The line *y* of the pane as it has to be now."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        self._measure()
        line = self._drawn.get(y)
        if line is None:
            line = self._drawn[y] = self._line(y)
        return line.strip

    def _measure(self) -> None:
        if self._painter.measure(self.scrollable_content_region.width):
            self._drawn.clear()

    def _repaint(self) -> None:
        """Work out every drawn line again, and repaint the spans that differ."""
        self._measure()
        for y, old in list(self._drawn.items()):
            new = self._line(y)
            if new is old:
                continue
            self._drawn[y] = new
            if span := new.differs(old):
                self.refresh(Region(span[0], y, span[1], 1))

    def _draw_anew(self) -> None:
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme, or what it says of this widget, changed."""
        super().notify_style_update()
        self._paint.clear()
        self._painter.forget()
        self._drawn.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled: repaint the spans that differ, where the base class would repaint the pane."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value):
            self._repaint()
