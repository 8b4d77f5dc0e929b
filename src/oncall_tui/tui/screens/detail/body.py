"""The lines of every section of the Detail screen: scrolled by line, gone to by section."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from oncall_tui.tui.widgets.text_lines import Line, Lines


class DetailBody(Lines):
    """Lines that hold still: one that comes above leaves those being read in place. What stays is folded once."""

    def __init__(self) -> None:
        super().__init__(id="sections")
        self._starts: list[int] = []  # the line that each section begins with
        self._places: list[int] = []  # and where that is, folded
        self._known: dict[Line, list[Line]] = {}
        self._known_for = 0

    def tell(self, told: Sequence[Line], starts: Sequence[int]) -> None:
        """Replace the lines; the section that is at the top stays there."""
        if tuple(told) == self._lines:
            return
        at, beside = self._top()
        self._starts = list(starts)
        self.show(told)
        if at is not None and at < len(self._places):
            self.scroll_to(y=self._places[at] + beside, animate=False, force=True)

    def section_at(self) -> int:
        """The number (from 0) of the section at the top."""
        return self._top()[0] or 0

    def go_to(self, number: int) -> None:
        """Bring the heading of a section to the top, as far as there are lines below it."""
        if 0 <= number < len(self._places):
            self.scroll_to(y=self._places[number], animate=False, force=True)

    def _top(self) -> tuple[int | None, int]:
        """(the section at the top, how many lines it is scrolled by); at the very top no section is held."""
        y = round(self.scroll_offset.y)
        at = bisect_right(self._places, y) - 1
        return (at, y - self._places[at]) if y and at >= 0 else (None, 0)

    def _fold(self) -> None:
        super()._fold()
        if len(self._known) > 2 * len(self._lines) + 200:
            self._known = {line: self._known[line] for line in self._lines}
        self._places, place, begins = [], 0, set(self._starts)
        for number, line in enumerate(self._lines):
            if number in begins:
                self._places.append(place)
            place += len(self._known[line])

    def _fold_one(self, line: Line, width: int) -> list[Line]:
        if width != self._known_for:
            self._known, self._known_for = {}, width
        found = self._known.get(line)
        if found is None:
            found = self._known[line] = super()._fold_one(line, width)
        return found
