"""A budget of calls a second, for one account (or set of credentials) and region: AWS's limits are shared by everybody.

ECS allows 20 sustained DescribeServices a second for the whole account, the console and CI included, so a source that
is asked for everything may take a fraction of that and no more. An action never waits. Sources that share a budget and
find it used up are served in the order in which they came, so that none of them takes it all. Where AWS throttles, the
budget is halved, and grows back within two minutes. Nothing here sleeps: whoever has to wait is told for how long, and
lets its poller wait. Source of the limit: ECS developer guide ("Request throttling").
"""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any

import msgspec

from oncall_tui.runtime.clock import Clock

RATE_PER_S = 8.0
BURST = 30.0
RESERVE = 6.0  # what is not urgent leaves for what is
PATIENCE_S = 10.0  # it leaves it for so long; whoever waits for longer has its turn like the others
RATE_LEAST = 1 / 16  # of the whole rate, however often AWS throttles
RECOVERS_S = 120.0
AWAY_S = 5.0  # whoever does not come back within this time after a call was free loses its turn


class Priority(IntEnum):
    """How urgent a call is: the lower goes first."""

    ACT = 0  # an engineer waits: never held back
    HOT = 1  # a poll's
    SWEEP = 2  # what can wait for others


class RateLimited(Exception):
    """The budget has no call now; it has one in *wait_s* seconds. Never leaves this package."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Waiting(msgspec.Struct):
    """A caller that was refused: *since* when it waits, and *until* when its turn is kept for it."""

    since: float
    until: float


class TokenBucket:
    """A bucket of calls that fills at *rate* a second up to *burst*. Safe to share between threads."""

    def __init__(self, clock: Clock, rate: float = RATE_PER_S, burst: float = BURST, reserve: float = RESERVE) -> None:
        self._clock = clock
        self._whole, self._rate = rate, rate
        self._burst = burst
        self._reserve = reserve
        self._left = burst
        self._at = clock.monotonic()
        self._waiting: dict[object, Waiting] = {}  # who came first stands first
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Return the calls a second that the budget allows now: fewer after AWS throttled."""
        with self._lock:
            self._fill()
            return self._rate

    def take(self, priority: Priority, who: object = None) -> None:
        """Take one call for *who* (None: somebody who keeps no turn), or raise RateLimited.

        An action takes it always, and those after it wait the longer.
        """
        with self._lock:
            self._fill()
            if priority is not Priority.ACT:
                self._wait_for(self._floor(priority, who), who)
            self._left -= 1.0

    def _floor(self, priority: Priority, who: object) -> float:
        """Return how many calls there must be for *who* to have one: each that waits before it keeps one."""
        self._waiting = {one: turn for one, turn in self._waiting.items() if turn.until > self._at}
        mine = self._waiting.get(who)
        ahead = list(self._waiting).index(who) if mine else len(self._waiting)
        patient = mine is not None and self._at - mine.since >= PATIENCE_S
        return 1.0 + ahead + (self._reserve if priority is Priority.SWEEP and not patient else 0.0)

    def _wait_for(self, floor: float, who: object) -> None:
        if self._left >= floor:
            self._waiting.pop(who, None)
            return
        wait = (floor - self._left) / self._rate
        if who is not None:
            turn = self._waiting.setdefault(who, Waiting(self._at, 0.0))
            turn.until = self._at + wait + AWAY_S
        raise RateLimited(wait)

    def drain(self, seconds: float) -> None:
        """AWS throttled: no call but an action's for *seconds*, and half as many afterwards."""
        with self._lock:
            self._fill()
            self._rate = max(self._whole * RATE_LEAST, self._rate / 2)
            self._left = min(self._left, 1.0 - seconds * self._rate)

    def _fill(self) -> None:
        now = self._clock.monotonic()
        gone, self._at = now - self._at, now
        self._left = min(self._burst, self._left + gone * self._rate)
        self._rate = min(self._whole, self._rate + gone * self._whole / RECOVERS_S)


_shared: dict[tuple[Any, ...], TokenBucket] = {}
_shared_lock = threading.Lock()


def shared(clock: Clock, *key: str, rate: float = RATE_PER_S, burst: float = BURST) -> TokenBucket:
    """The one budget of *key* (whose credentials, which region): ECS and CloudWatch sources take from the same.

    *rate* and *burst* are for a key of its own, where AWS has a limit of its own (CloudWatch Logs).
    """
    with _shared_lock:
        return _shared.setdefault((clock, *key), TokenBucket(clock, rate, burst))
