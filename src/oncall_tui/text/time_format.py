"""Times for people: the one place that says a time of day, and how long ago something was.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


def moment(at: float, tz: tzinfo, now: float, *, seconds: bool = False, day: bool = False) -> str:
    """``02:41``, ``28 Nov 02:41`` where that is another day than now's, ``28 Nov 2025 02:41`` of another year.

    *day*: the day is always said.
    """
    there, today = datetime.fromtimestamp(at, tz), datetime.fromtimestamp(now, tz)
    date = ""
    if there.year != today.year:
        date = "%-d %b %Y "
    elif day or there.date() != today.date():
        date = "%-d %b "
    return there.strftime(f"{date}{'%H:%M:%S' if seconds else '%H:%M'}")


def zoned(at: float, tz: tzinfo, now: float) -> str:
    """The same with its zone, ``02:41 JST``: for what is read elsewhere than on this screen."""
    return f"{moment(at, tz, now)} {zone(tz, at)}"


def zone(tz: tzinfo, at: float) -> str:
    """``JST``: the zone's name at that time."""
    return datetime.fromtimestamp(at, tz).strftime("%Z")


def age(seconds: float | None) -> str:
    """How long ago, in at most 4 cells and rarely changing: ``now``, ``10s``, ``41m``, ``3h``, ``2d``; None: ``–``."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return "now"
    if seconds < 60:
        return _counted(int(seconds // 10) * 10, "s")
    if seconds < 3600:
        return _counted(int(seconds // 60), "m")
    if seconds < 86_400:
        return _counted(int(seconds // 3600), "h")
    days = int(seconds // 86_400)
    return _counted(days, "d") if days < 1000 else _counted(min(days // 365, 999), "y")


def age_changes(seconds: float) -> float:
    """Return the age, in seconds, from which ``age`` says something else than of *seconds*."""
    if seconds < 10:
        return 10.0
    step = 10 if seconds < 60 else 60 if seconds < 3600 else 3600 if seconds < 86_400 else 86_400
    return (seconds // step + 1) * step


@lru_cache(maxsize=512)
def _counted(number: int, unit: str) -> str:
    """``41m``: one object for the thousands of rows that say it."""
    return f"{number}{unit}"


def ago(seconds: float | None) -> str:
    """``just now``, ``3m ago``; None: ``never``."""
    if seconds is None:
        return "never"
    return "just now" if seconds < 10 else f"{age(seconds)} ago"


def before(seconds: float) -> str:
    """``4s before``, ``3m before``: how long one thing began before another."""
    return f"{span(seconds)} before"


def span(seconds: float) -> str:
    """``4s``, ``50s``, ``3m``: between two times that stay; also of a few seconds it is said how many."""
    return f"{max(0.0, seconds):.0f}s" if seconds < 10 else age(seconds)


def length(seconds: float) -> str:
    """``1 d 2 h 30 min``: how long something will last; never less than a minute."""
    minutes = max(1, round(seconds / 60))
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n)


@lru_cache
def named_zone(name: str) -> ZoneInfo:
    """Return a zone by its name. UTC, which is the usual one, needs no time zone data on this machine.

    Raises KeyError, ValueError or OSError where it is not there.
    """
    if name == "UTC":
        return ZoneInfo.from_file(io.BytesIO(_UTC), name)
    return ZoneInfo(name)


# A file of RFC 8536 (version 1): one type of local time, at no offset, called UTC, and no transition.
_COUNTS = (0, 0, 0, 0, 1, 4)  # of UT, standard and leap marks, transitions, types, characters of their names
_UTC = b"TZif" + bytes(16) + b"".join(n.to_bytes(4, "big") for n in _COUNTS) + bytes(6) + b"UTC\0"


_here: list[tzinfo] = [UTC]


def set_zone(tz: tzinfo) -> None:
    """Set the configured zone, once at the start: ``local_time`` says times in it."""
    _here[0] = tz


def configured_zone() -> tzinfo:
    """The configured zone; UTC before there is a configuration."""
    return _here[0]


def local_time(at: float, now: float) -> str:
    """``02:41 JST``, with its day where that is another than *now*'s: for sentences that leave their screen.

    Plans, outcomes, refusals, notes and messages to others are read elsewhere and later: the zone is part of them.
    """
    return zoned(at, configured_zone(), now)


def stamp(at: float | None) -> str | None:
    """RFC 3339, UTC, whole seconds: for ``--json``. None stays None."""
    return None if at is None else rfc3339(at)


def rfc3339(at: float) -> str:
    """The same of a time (seconds since the epoch, UTC) that is there."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
