"""A budget of calls a second, for one account (or set of credentials) and region: AWS's limits are shared by everybody.

ECS allows 20 sustained DescribeServices a second for the whole account, the console and CI included, so a source that
is asked for everything may take a fraction of that and no more. An action never waits, a re-read of what deploys goes
before a sweep. Nothing here sleeps: who has to wait is told for how long, and lets its poller wait.
"""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any

from oncall_tui.runtime.clock import Clock

RATE_PER_S = 8.0
BURST = 30.0
RESERVE = 6.0  # what a sweep leaves for re-reads of what deploys


class Priority(IntEnum):
    """How urgent a call is: the lower goes first."""

    ACT = 0  # an engineer waits: never held back
    HOT = 1  # something deploys
    SWEEP = 2


class RateLimited(Exception):
    """No call now: in *wait_s* seconds there is one to be had. Never leaves this package."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class TokenBucket:
    """A bucket of calls that fills at *rate* a second up to *burst*. Safe to share between threads."""

    def __init__(self, clock: Clock, rate: float = RATE_PER_S, burst: float = BURST, reserve: float = RESERVE) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._reserve = reserve
        self._left = burst
        self._at = clock.monotonic()
        self._lock = threading.Lock()

    def take(self, priority: Priority) -> None:
        """Take one call, or raise Later. An action takes it always, and those after it wait the longer."""
        with self._lock:
            self._fill()
            floor = {Priority.ACT: float("-inf"), Priority.HOT: 1.0, Priority.SWEEP: 1.0 + self._reserve}[priority]
            if self._left < floor:
                raise RateLimited((floor - self._left) / self._rate)
            self._left -= 1.0

    def drain(self, seconds: float) -> None:
        """AWS throttled: no call but an action's for *seconds*."""
        with self._lock:
            self._fill()
            self._left = min(self._left, 1.0 - seconds * self._rate)

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


_shared: dict[tuple[Any, ...], TokenBucket] = {}
_shared_lock = threading.Lock()


def shared(clock: Clock, *key: str, rate: float = RATE_PER_S, burst: float = BURST) -> TokenBucket:
    """The one budget of *key* (whose credentials, which region): ECS and CloudWatch sources take from the same.

    *rate* and *burst* are for a key of its own, where AWS has a limit of its own (CloudWatch Logs).
    """
    with _shared_lock:
        return _shared.setdefault((clock, *key), TokenBucket(clock, rate, burst))
