"""Times for people: the one place that says a time of day, and how long ago something was."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def moment(at: float, tz: tzinfo, now: float, seconds: bool = False) -> str:
    """``02:41``, ``28 Nov 02:41`` where that is another day than now's, ``28 Nov 2025 02:41`` of another year."""
    there, here = datetime.fromtimestamp(at, tz), datetime.fromtimestamp(now, tz)
    day = ""
    if there.year != here.year:
        day = "%-d %b %Y "
    elif there.date() != here.date():
        day = "%-d %b "
    return there.strftime(f"{day}{'%H:%M:%S' if seconds else '%H:%M'}")


def zoned(at: float, tz: tzinfo, now: float) -> str:
    """The same with its zone, ``02:41 JST``: for what is read elsewhere than on this screen."""
    return f"{moment(at, tz, now)} {zone(tz, at)}"


def zone(tz: tzinfo, at: float) -> str:
    """``JST``: the zone's name at that time."""
    return datetime.fromtimestamp(at, tz).strftime("%Z")


def stamp(at: float | None) -> str | None:
    """RFC 3339, UTC, whole seconds: for ``--json``. None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
