"""Guardrails: rules of the configuration on who may do what to what, and when. A rail against mistakes, no permission
system: whoever can edit the file, or has the credentials, can do it all the same.

Times are seconds since the epoch, UTC; a rule's own texts are times of its zone's clocks.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from oncall_tui.domain.action import Verb

POST = "post"  # a handover, to a notification destination
COMMAND = "command:"  # and the name of one of the configuration's own programs
# They change who is told, and nothing that runs: a glob does not reach them, only their own names do.
ONLY_TELL = frozenset(
    {*(Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.NOTE, Verb.ESCALATE, Verb.REASSIGN, Verb.TELL), POST}
)
ACTIONS = (*(str(verb) for verb in Verb if verb not in (Verb.TELL, Verb.RUN)), POST)  # a command goes by its own name
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TYPE_NAME = "type the name"
_HOURS = r"(?:(?P<days>[A-Za-z,-]+) )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[A-Za-z]\S*))?"
_MOMENT = r"(?P<day>\d{4}-\d\d-\d\d)(?: (?P<time>\d\d:\d\d))?(?: (?P<zone>[A-Za-z]\S*))?"


class Freeze(msgspec.Struct, frozen=True, kw_only=True, rename={"begins": "from"}):
    """From when until when, as ``2026-12-28 18:00`` with a zone or without; empty: without a beginning, or an end."""

    begins: str = ""
    until: str = ""


class Guardrail(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. It holds for the actions and the things that its globs match, in its freeze or outside its hours (with
    neither: always), for everybody but *who*. A field that is left out matches everything.

    *services* are SOURCE/CLUSTER/SERVICE. *actions*: a glob reaches no action that only tells people, such as
    acknowledge: those are under a rule that names them. *who* are globs over the actor's name and e-mail. *does*: a
    rule that refuses is overridden with a typed reason, unless *override* is false.
    """

    name: str
    reason: str
    products: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    freeze: Freeze | None = None
    does: Literal["refuse", "type the name"] = "refuse"
    override: bool = True

    def __post_init__(self) -> None:
        if self.does == TYPE_NAME and not self.override:
            raise ValueError("override: expected only where the rule refuses")

    def has_action(self, action: str) -> bool:
        """Tell whether *action* (``roll back``, ``command:NAME``) is one of its actions."""
        if action in ONLY_TELL:
            return action in self.actions
        return not self.actions or any(fnmatchcase(action, glob) for glob in self.actions)

    def lets(self, name: str, email: str) -> bool:
        """Tell whether it does not hold for this actor."""
        known = [each.casefold() for each in (name, email) if each]
        return any(fnmatchcase(each, glob.casefold()) for glob in self.who for each in known)

    def at(self, now: float, zone: tzinfo) -> bool:
        """Tell whether it holds at that time. *zone* is of texts that name none."""
        if self.freeze is None and not self.hours:
            return True
        return self.frozen(now, zone) or (bool(self.hours) and not any(open_at(each, now, zone) for each in self.hours))

    def frozen(self, now: float, zone: tzinfo) -> bool:
        """Tell whether that is in its freeze."""
        if self.freeze is None:
            return False
        begins, until = self.begins(zone), self.ends(zone)
        return (begins is None or begins <= now) and (until is None or now < until)

    def begins(self, zone: tzinfo) -> float | None:
        """Return when its freeze begins; None: it has no beginning."""
        return moment(self.freeze.begins, zone) if self.freeze is not None and self.freeze.begins else None

    def ends(self, zone: tzinfo) -> float | None:
        """Return when its freeze ends; None: it has no end."""
        return moment(self.freeze.until, zone) if self.freeze is not None and self.freeze.until else None

    def until(self, now: float, zone: tzinfo) -> float | None:
        """Return when it holds no more, where it holds now; None: that is not known, or never within a week."""
        found: float | None = now
        for _ in range(4):  # the end of a freeze may be outside the hours, and the beginning of the hours in the freeze
            if found is not None and self.frozen(found, zone):
                found = self.ends(zone)
            if found is not None and self.hours and not any(open_at(each, found, zone) for each in self.hours):
                found = min((t for each in self.hours if (t := opens(each, found, zone)) is not None), default=None)
            if found is None or not self.at(found, zone):
                break
        return found if found is not None and found > now else None


class Hours(msgspec.Struct, frozen=True):
    """The parts of ``Mon-Fri 09:00-18:00 Asia/Tokyo``. *days*: Monday is 0; *end* may be of the next day."""

    days: frozenset[int]
    begin: time_of_day
    end: time_of_day
    whole: bool  # until 24:00
    zone: str


@cache
def hours(text: str) -> Hours:
    """Read hours. Raises ValueError with what is expected."""
    found = re.fullmatch(_HOURS, text.strip())
    if found is None:
        raise ValueError("hours like Mon-Fri 09:00-18:00 Asia/Tokyo")
    whole = found["end"] == "24:00"
    begin, end = _time(found["begin"]), _time("00:00" if whole else found["end"])
    if begin == end and not whole:
        raise ValueError("hours that end at another time than they begin (00:00-24:00 is the whole day)")
    return Hours(_days(found["days"] or ""), begin, end, whole, found["zone"] or "")


def _time(text: str) -> time_of_day:
    try:
        return time_of_day.fromisoformat(text)
    except ValueError:
        raise ValueError("times from 00:00 to 24:00") from None


def _days(text: str) -> frozenset[int]:
    """``Mon-Fri,Sun``; empty: every day. A span may go over the end of the week."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        names = [each.capitalize() for each in ((first, last) if dash else (first,))]
        if any(name not in DAYS for name in names):
            raise ValueError(f"days of {', '.join(DAYS)}, like Mon-Fri or Sat,Sun")
        begin, end = DAYS.index(names[0]), DAYS.index(names[-1])
        found.update((begin + n) % 7 for n in range((end - begin) % 7 + 1))
    return frozenset(found or range(7))


def open_at(text: str, now: float, zone: tzinfo) -> bool:
    """Tell whether a clock on the wall there shows a time within the hours: also twice, where it is set back."""
    of = hours(text)
    there = datetime.fromtimestamp(now, _zone(of.zone, zone))
    time = there.time()
    if of.whole or of.begin < of.end:
        return there.weekday() in of.days and of.begin <= time and (of.whole or time < of.end)
    if time >= of.begin:  # over midnight: it is of the day on which it begins
        return there.weekday() in of.days
    return time < of.end and (there.weekday() - 1) % 7 in of.days


def opens(text: str, now: float, zone: tzinfo) -> float | None:
    """Return when the hours begin next after *now*, to the minute; None: not within a week."""
    of = hours(text)
    there = _zone(of.zone, zone)
    first = datetime.fromtimestamp(now, there).date()
    for days in range(9):
        day: date = first + timedelta(days=days)
        if day.weekday() not in of.days:
            continue
        at = datetime.combine(day, of.begin, there).timestamp()
        while at - 60 > now and open_at(text, at - 60, zone):
            at -= 60  # a clock that is set forward past the beginning shows the hours from that moment on
        if at > now:
            return at
    return None


def moment(text: str, zone: tzinfo) -> float:
    """Read ``2026-12-28 18:00 Asia/Tokyo``; without a time its midnight, without a zone *zone*. Raises ValueError with
    what is expected.
    """
    found = re.fullmatch(_MOMENT, text.strip())
    if found is None:
        raise ValueError("a time like 2026-12-28 18:00 or 2026-12-28 18:00 Asia/Tokyo")
    try:
        at = datetime.fromisoformat(f"{found['day']} {found['time'] or '00:00'}")
    except ValueError:
        raise ValueError("a day and a time that there are") from None
    return at.replace(tzinfo=_zone(found["zone"] or "", zone)).timestamp()


def _zone(name: str, usual: tzinfo) -> tzinfo:
    """Return the zone of that name; UTC needs no time zone data on this machine."""
    return (UTC if name == "UTC" else ZoneInfo(name)) if name else usual


def zone_of(text: str) -> str:
    """Return the zone that hours or a moment end with; empty: they name none."""
    found = re.search(r" ([A-Za-z]\S*)$", text.strip())
    return found[1] if found else ""
