"""A time as a person types it: ``02:41``, ``28 Nov 02:41``, ``2026-11-28 02:41``, ``3d`` (so long ago)."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from oncall_tui.text.durations import seconds

# With a year, without one, and of today: the newest such time that is not to come.
_WITH_YEAR = ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%d %b %Y %H:%M", "%d %b %Y")
_WITHOUT_YEAR = ("%d %b %H:%M", "%d %b", "%m-%d %H:%M", "%m-%d")
_OF_DAY = ("%H:%M", "%H:%M:%S")
EXPECTED = "expected a time (02:41, 28 Nov 02:41, 2026-11-28 02:41), or how long ago (90m, 3d)"


def parse_moment(text: str, now: float, tz: tzinfo) -> float:
    """Return the time, in seconds since the epoch, UTC; *now* on the same clock. Raises ValueError."""
    text = " ".join(text.replace("T", " ").removesuffix("ago").split())
    try:
        return now - seconds(text)
    except ValueError:
        pass
    here = datetime.fromtimestamp(now, tz)
    for form in _WITH_YEAR:
        if (found := _read(text, form)) is not None:
            return found.replace(tzinfo=tz).timestamp()
    for form in _WITHOUT_YEAR:  # with a leap year before it, for the 29th of February
        if (found := _read(f"2024 {text}", f"%Y {form}")) is not None:
            return _newest(found, here, tz)
    for form in _OF_DAY:
        if (found := _read(text, form)) is not None:
            of_today = datetime.combine(here.date(), found.time(), tzinfo=tz)
            return (of_today - timedelta(days=1) if of_today > here else of_today).timestamp()
    raise ValueError(f"{text!r}: {EXPECTED}")


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _newest(found: datetime, here: datetime, tz: tzinfo) -> float:
    for year in (here.year, here.year - 1, *range(here.year - 2, here.year - 9, -1)):
        try:
            there = found.replace(year=year, tzinfo=tz)
        except ValueError:  # the 29th of February
            continue
        if there <= here:
            return there.timestamp()
    raise ValueError(EXPECTED)
