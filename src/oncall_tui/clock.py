"""Time, as one value that can be replaced: everything that waits or stamps asks a Clock, so tests need no sleep."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the program asks of time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC: what is shown, journalled and compared with a server's stamps."""

    def monotonic(self) -> float:
        """Seconds that never run backwards: what waiting and back-off are measured with."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class FakeClock:
    """A clock that moves only when told to; both of its faces move together."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        """Move both faces on by *seconds*."""
        self.at += seconds
