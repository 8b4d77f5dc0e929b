"""World time: the wall clock (or one that is moved by hand), and what is due on it."""

import heapq
import itertools
import time
from collections.abc import Callable


class SimulatedTimeline:
    """Things to happen, in order. Times are epoch seconds; `now` stands at an event's own time while it happens.

    Nothing runs by itself: whoever asks the world calls `advance` first, so a thousand idle services cost nothing.
    """

    def __init__(self, speed: float = 1.0, manual: bool = False) -> None:
        self.speed = speed
        self._manual = manual
        self._now = time.time()
        self._moved = self._now
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> float:
        """The world's time, in epoch seconds."""
        return self._now

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Schedule `do` for `seconds` (of unscaled scenario time) from now."""
        heapq.heappush(self._due, (self._now + seconds / self.speed, next(self._order), do))

    def rewind(self, seconds: float) -> None:
        """Begin earlier, in unscaled seconds, so that what was laid has moved on by the time it is first looked at."""
        self._now -= seconds / self.speed

    def forward(self, seconds: float) -> None:
        """Move a manual clock. The wall clock cannot be moved: ValueError."""
        if not self._manual:
            raise ValueError("the clock is the wall clock: start with --clock manual to move it")
        self._moved += seconds

    def advance(self) -> None:
        """Let everything that is due happen, each at its own time."""
        end = self._moved if self._manual else max(time.time(), self._now)
        while self._due and self._due[0][0] <= end:
            due, _, do = heapq.heappop(self._due)
            self._now = max(due, self._now)
            do()
        self._now = end
