"""The purposes of a poll's calls, and how they share the budget. Pure: it gets the time, and makes no call.

Each purpose has a share that is kept for it while others have more to ask than there are calls, and some have a pace:
calls a second that they may take over time, however many are free. So nothing starves, and what never ends is cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Generic, TypeVar

import msgspec


class Purpose(IntEnum):
    """A call's purpose. Of two that have had as much of their shares, the lower goes first."""

    FOCUS = 0  # a service that an engineer looks at, or that an action is on
    FIRST_SERVICES = 1  # clusters that were never listed, services that were never read
    FIRST_DEPLOYS = 2  # deploys and revisions that were never read
    CLUSTERS = 3  # the clusters' task counts, and who is there
    STIRRED = 4  # services of a cluster whose task counts moved
    SWEEP = 5  # every service again
    LIVELY = 6  # young deploys that move
    LINGERING = 7  # deploys that are old or stand still, and services that lack tasks
    DETAIL = 8  # who began a deploy, and why its tasks stopped
    DETAIL_AGAIN = 9  # why more of them stopped
    RETRY = 10  # what failed the last time


SHARES: dict[Purpose, float] = {
    Purpose.FOCUS: 3,
    Purpose.FIRST_SERVICES: 6,
    Purpose.FIRST_DEPLOYS: 4,
    Purpose.CLUSTERS: 2,
    Purpose.STIRRED: 3,
    Purpose.SWEEP: 6,
    Purpose.LIVELY: 4,
    Purpose.LINGERING: 2,
    Purpose.DETAIL: 1,
    Purpose.DETAIL_AGAIN: 1,
    Purpose.RETRY: 1,
}
COST_MOST = 60.0  # calls: what one that hung for seven seconds is charged for


class Pace(msgspec.Struct):
    """Calls a second over time, *burst* of them at once."""

    per_s: float
    burst: float = 1.0
    at: float = 0.0  # the next one is to be had then

    def taken(self, now: float, calls: float) -> None:
        """Note that so many calls were made."""
        self.at = max(self.at, now - (self.burst - 1.0) / self.per_s) + calls / self.per_s


def paces() -> dict[Purpose, Pace]:
    """Return the paces of a source. 200 services that deploy for ever cost 1.5 calls a second in all."""
    return {
        Purpose.LIVELY: Pace(4.0, 12.0),
        Purpose.LINGERING: Pace(1.0, 3.0),
        Purpose.DETAIL_AGAIN: Pace(0.2, 2.0),
    }


L = TypeVar("L", bound=IntEnum)


class FairShares(Generic[L]):
    """Turns in proportion to shares: of those who ask, the one goes next that had least of its share.

    A share that is not used is everybody's, and is not saved up (start-time fair queueing).
    """

    def __init__(self, shares: Mapping[L, float]) -> None:
        self._shares = shares
        self._used: dict[L, float] = {}
        self._level = 0.0

    def pick(self, ready: Iterable[L]) -> L | None:
        """Return whose turn it is; None: nobody asks."""
        return min(ready, key=lambda purpose: (max(self._level, self._used.get(purpose, 0.0)), purpose), default=None)

    def charge(self, purpose: L, calls: float) -> None:
        """Charge *purpose* with so many calls; one that took long counts as those that fit in its time."""
        self._level = max(self._level, self._used.get(purpose, 0.0))
        self._used[purpose] = self._level + max(1.0, min(COST_MOST, calls)) / self._shares[purpose]


def kept(purpose: Purpose, rate: float) -> float:
    """Return the calls a second that are kept for *purpose*, of *rate* in all."""
    return rate * SHARES[purpose] / sum(SHARES.values())
