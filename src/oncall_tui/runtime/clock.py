"""Time, as one value that can be replaced: everything that waits or stamps asks a Clock, so tests need no sleep.

The wall's face is for stamps: what is shown, journalled, or compared with another side's stamp. It may be set at any
moment, so whatever waits, backs off, is due or grows old is measured with the monotonic face.
"""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """The program's source of time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC: what is shown, journalled and compared with a server's stamps."""

    def monotonic(self) -> float:
        """Seconds that never run backwards: what waiting and back-off are measured with."""


class Instant(NamedTuple):
    """One moment on both faces: *wall* to compare with other sides' stamps, *due* (monotonic) for what waits."""

    wall: float
    due: float


def instant(clock: Clock) -> Instant:
    """This moment."""
    return Instant(clock.now(), clock.monotonic())


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class FakeClock:
    """A clock that moves only when told to. Its faces show different numbers, so that who mixes them is found out."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self._wall = at
        self._monotonic = 5_000.0

    @property
    def at(self) -> float:
        """Return the wall clock's time; setting it later moves both clocks by as much."""
        return self._wall

    @at.setter
    def at(self, at: float) -> None:
        self._monotonic += max(0.0, at - self._wall)  # which never runs backwards
        self._wall = at

    def now(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both faces on by *seconds*."""
        self._wall += seconds
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall's face alone, as a time server or a hand does; back, where *seconds* is negative."""
        self._wall += seconds
