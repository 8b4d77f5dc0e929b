"""When what is read on demand is read again: once when it is opened, then where the thing itself changed, or a key
asks for it. Never by the clock. Pure: it is told the time.
"""

from __future__ import annotations

from collections.abc import Hashable

LEAST_S = 3.0  # between two readings of the same, however often the thing changes


class RefreshPolicy:
    """The readings of one part of a screen. Times are seconds of a clock that only goes forward.

    ``saw`` what the thing is on the board, or ``ask`` by a key; when ``due``, ``begin`` a reading, and ``ended`` says
    whether its result is still wanted. After ``close`` nothing is due, and what comes is dropped.
    """

    def __init__(self, least_s: float = LEAST_S) -> None:
        self._least_s = least_s
        self._mark: Hashable = None
        self._wanted = False
        self._begun_at: float | None = None
        self._number = 0
        self._under_way = False
        self._closed = False

    @property
    def under_way(self) -> bool:
        """Return whether a reading is under way whose result is wanted."""
        return self._under_way and not self._closed

    def saw(self, mark: Hashable) -> None:
        """Take the thing's current key; the first key, and each different one, makes a reading due."""
        if self._number == 0 or mark != self._mark:
            self._wanted = True
        self._mark = mark

    def ask(self) -> None:
        """A key asks for it. While one is under way that one is the answer."""
        self._wanted = self._wanted or not self._under_way

    def due(self, now: float) -> bool:
        """Return whether to read now. One reading at a time, and never more often than every *least_s* seconds."""
        return self.wait(now) == 0.0

    def wait(self, now: float) -> float | None:
        """Seconds until a reading is due; None: none is, or one is under way and says when it has ended."""
        if self._closed or not self._wanted or self._under_way:
            return None
        if self._begun_at is None:
            return 0.0
        return max(0.0, self._begun_at + self._least_s - now)

    def begin(self, now: float) -> int:
        """Begin a reading; returns its number."""
        self._number += 1
        self._begun_at, self._wanted, self._under_way = now, False, True
        return self._number

    def ended(self, number: int) -> bool:
        """End that reading, and return whether its result is wanted."""
        if self._closed or number != self._number:
            return False
        self._under_way = False
        return True

    def close(self) -> None:
        """Stop: the part is not on screen any more."""
        self._closed = True
