"""Periods that numbers are of: the last days, a month in the zone, and what came before each.

Times are seconds since the epoch, UTC; durations are seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import msgspec

DAY_S = 86_400


class Period(msgspec.Struct, frozen=True):
    """From *since* on and before *until*, in seconds since the epoch."""

    since: float
    until: float


def last(seconds: float, now: float) -> tuple[Period, Period]:
    """Return the *seconds* before *now*, and as long a time before those."""
    return Period(now - seconds, now), Period(now - 2 * seconds, now - seconds)


def month(year: int, number: int, tz: tzinfo, now: float) -> tuple[Period, Period]:
    """Return a calendar month in the zone, and the one before. Of a month that goes on: until *now*, and as much of
    the one before.
    """
    first = datetime(year, number, 1, tzinfo=tz)
    since, until = first.timestamp(), _next_month(first).timestamp()
    earlier = (first - timedelta(days=1)).replace(day=1).timestamp()
    if now >= until:
        return Period(since, until), Period(earlier, since)
    return Period(since, max(since, now)), Period(earlier, min(since, earlier + max(0.0, now - since)))


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1)


# --- offsets from UTC -------------------------------------------------------------------------------------------------


def offsets(period: Period, tz: tzinfo) -> list[tuple[float, float, float]]:
    """Return the period in stretches of one offset from UTC: begin, end, offset in seconds."""
    found: list[tuple[float, float, float]] = []
    at = period.since
    while at < period.until:
        offset, end = _offset(at, tz), period.until
        day = at
        while day < period.until:
            later = min(day + DAY_S, period.until)
            if _offset(later, tz) != offset:
                end = _changes(day, later, tz)
                break
            day = later
        found.append((at, end, offset))
        at = end
    return found


def _changes(before: float, after: float, tz: tzinfo) -> float:
    """Return the second at which the zone's offset changes between those two."""
    offset = _offset(before, tz)
    low, high = int(before), int(after) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, tz) == offset else (low, middle)
    return float(high)


def _offset(at: float, tz: tzinfo) -> float:
    found = datetime.fromtimestamp(at, tz).utcoffset()
    return found.total_seconds() if found is not None else 0.0
