"""How many lines each row of a table takes, and where they are. Pure: nothing of Textual.

A row has lines under it (the rest of its title, its suspect) where there is room for them. The row under the cursor has
all of its lines, always. Rows that claim room have theirs before any further row is shown at all; the others only in
lines that would stay empty, so that nothing which is on screen goes out of sight for them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from oncall_tui.tui.widgets.table.rows import Row


class RowHeights:
    """Rows on top of each other: *under* says how many lines the row with an index has below its first."""

    def __init__(self, count: int = 0, under: Mapping[int, int] | None = None) -> None:
        self.count = count
        self._under = dict(under or {})
        self._tall = sorted(index for index, lines in self._under.items() if lines)
        self._before = [0, *accumulate(self._under[index] for index in self._tall)]
        self._firsts = [index + more for index, more in zip(self._tall, self._before, strict=False)]

    @property
    def lines(self) -> int:
        """All of them."""
        return self.count + self._before[-1]

    def under(self, index: int) -> int:
        """The lines below the first one of the row *index*."""
        return self._under.get(index, 0)

    def top(self, index: int) -> int:
        """The first line of the row *index*."""
        return index + self._before[bisect_right(self._tall, index - 1)]

    def at(self, line: int) -> tuple[int, int]:
        """(index of the row, which of its lines) at *line*; past the end the index is *count* or more."""
        place = bisect_right(self._firsts, line) - 1
        if place < 0:
            return line, 0
        index = self._tall[place]
        sub = line - self._firsts[place]
        if sub <= self._under[index]:
            return index, sub
        return line - self._before[place + 1], 0


def share(
    rows: Sequence[Row], wanted: Callable[[Row], int], height: int, spare: Callable[[Row], int]
) -> dict[int, int]:
    """How many lines the rows get under them in a pane of *height* lines, by index.

    *wanted* says how many one would like, *spare* how many more it has while the cursor is on it: that room is left
    free, so that the cursor's way through the list moves as little as can be.
    """
    given: dict[int, int] = {}
    claiming = [i for i, row in enumerate(rows) if row.claims]
    left = height - len(claiming)
    for i in claiming:
        if left <= 0:
            break
        given[i] = min(wanted(rows[i]), left)
        left -= given[i]
    left -= len(rows) - len(claiming)
    if left <= 0:
        return given
    left -= max((spare(row) for row in rows), default=0)
    for i, row in enumerate(rows):
        lines = 0 if row.claims else wanted(row)
        if 0 < lines <= left:
            given[i] = lines
            left -= lines
    return given
