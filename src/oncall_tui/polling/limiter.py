"""A limit on how many polls run at once, which a hung poll cannot use up."""

from __future__ import annotations

import threading

from oncall_tui.runtime.clock import Clock


class PollLimiter:
    """At most *limit* running polls; one that runs longer than *hung_after_s* seconds is not counted any more.

    It bounds the parsing that competes with the screen for the interpreter, not the waiting for the network.
    """

    def __init__(self, limit: int, clock: Clock, hung_after_s: float = 1.0) -> None:
        self._limit = limit
        self._hung_after_s = hung_after_s
        self._clock = clock
        self._running: dict[int, float] = {}
        self._changed = threading.Condition()

    def enter(self, patience_s: float = 2.0) -> None:
        """Wait for a place, but never longer than *patience_s*: being late beats being locked out."""
        until = self._clock.monotonic() + patience_s
        with self._changed:
            while self._counted() >= self._limit:
                left = until - self._clock.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, 0.1))
            self._running[threading.get_ident()] = self._clock.monotonic()

    def leave(self) -> None:
        with self._changed:
            self._running.pop(threading.get_ident(), None)
            self._changed.notify()

    def _counted(self) -> int:
        now = self._clock.monotonic()
        return sum(now - began < self._hung_after_s for began in self._running.values())
