"""The firings of one problem, and the quiet times between them. Pure. Times are seconds since the epoch, UTC.

What began in a quiet time, and before the problem fired again, may have made it fire again: what it was before that
firing tells nothing of the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import msgspec

from oncall_tui.domain.change import began_later


class TimedFiring(msgspec.Struct, frozen=True, gc=False):
    """One firing of an alert. *until* is when it was last known to fire, *ended* when it was known to be over.

    It went quiet between them. Both are endless while it fires.
    """

    began: float
    until: float = inf
    ended: float = inf


class QuietTime(msgspec.Struct, frozen=True, gc=False):
    """A time in which nothing of a problem fired, until it fired *again*.

    It was last known to fire at *since*, and known to be over from *surely* on.
    """

    since: float
    surely: float
    again: float

    def may_hold(self, first: float, last: float) -> bool:
        """Tell whether what began between *first* and *last* may have begun in it."""
        return last > self.since and not began_later(first, self.again)

    def holds(self, first: float, last: float) -> bool:
        """Tell whether it surely did."""
        return first >= self.surely and not began_later(last, self.again)


def quiet_times(firings: Iterable[TimedFiring]) -> tuple[QuietTime, ...]:
    """Return the times in which none of *firings* went on, the oldest first."""
    found: list[QuietTime] = []
    until = surely = inf  # of what fired so far
    for number, one in enumerate(sorted(firings, key=lambda firing: firing.began)):
        if number == 0:
            until, surely = one.until, one.ended
            continue
        if one.began > until:
            found.append(QuietTime(until, min(surely, one.began), one.began))
        until, surely = max(until, one.until), max(surely, one.ended)
    return tuple(found)
