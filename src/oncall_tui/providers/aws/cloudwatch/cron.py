"""The end of a recurring window: ``cron(Minutes Hours Day-of-month Month Day-of-week)`` and how long each one lasts.

Facts: CloudWatch API reference, Schedule: ``*``, ``-`` and ``,`` in all fields, English names for months and weekdays,
a time zone beside it. What else a field may hold is not told there, so that its end is not told here. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec

_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")  # as date.weekday() counts them
ENDLESS_S = 31 * 86_400.0  # windows that follow one another without a gap for so long: no end is told


def window_end(expression: str, lasts_s: float, zone: tzinfo, now: float) -> float | None:
    """When the window ends that is open *now* (seconds since the epoch), those that follow without a gap included.

    None: no window of *expression* is open now, none of them ends, or it holds what is not understood.
    """
    fields = _fields(expression)
    if fields is None:
        return None
    end: float | None = None
    for begin in _begins(fields, zone, now - lasts_s):
        if begin > (now if end is None else end):
            break
        end = begin + lasts_s
        if end > now + ENDLESS_S:
            return None
    return end


class CronFields(msgspec.Struct, frozen=True):
    """The minutes, hours, days of the month, months and weekdays of an expression."""

    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    weekdays: list[int]

    def on(self, day: date) -> bool:
        """Return whether a window begins on that day."""
        return day.day in self.days and day.month in self.months and day.weekday() in self.weekdays


def _fields(expression: str) -> CronFields | None:
    found = _CRON.fullmatch(expression.strip())
    if found is None:
        return None
    minute, hour, day, month, weekday = found.groups()
    if day != "*" and weekday != "*":  # both, or either of them: the reference does not say
        return None
    try:
        return CronFields(
            _values(minute, 0, 59),
            _values(hour, 0, 23),
            _values(day, 1, 31),
            _values(month, 1, 12, _MONTHS),
            _values(weekday, 0, 6, _DAYS, numbers=False),  # whether 0 or 1 is Sunday is not told
        )
    except ValueError:
        return None


def _values(field: str, least: int, most: int, names: tuple[str, ...] = (), numbers: bool = True) -> list[int]:
    """The numbers that a field means, in order. Raises ValueError where it holds anything else."""
    every = range(least, most + 1)
    found: set[int] = set()
    for part in field.upper().split(","):
        first, dash, last = ("*", "", "") if part == "*" else part.partition("-")
        if first == "*":
            found.update(every)
            continue
        begin, end = (_number(word, every, names, numbers) for word in (first, last if dash else first))
        if begin <= end:
            found.update(range(begin, end + 1))
        elif names:  # SAT-MON, NOV-FEB
            found.update((*range(begin, most + 1), *range(least, end + 1)))
        else:
            raise ValueError(field)
    return sorted(found)


def _number(word: str, every: range, names: tuple[str, ...], numbers: bool) -> int:
    if word in names:
        return every[names.index(word)]
    if not numbers or not word.isascii() or not word.isdigit() or int(word) not in every:
        raise ValueError(word)
    return int(word)


def _begins(fields: CronFields, zone: tzinfo, since: float) -> Iterator[float]:
    """The times after *since* at which a window begins, in order: those of two months."""
    times = [time(hour, minute) for hour in fields.hours for minute in fields.minutes]
    day = datetime.fromtimestamp(since, zone).date()
    for _ in range(62):
        if fields.on(day):
            at = sorted(datetime.combine(day, moment, zone).timestamp() for moment in times)
            yield from (begin for begin in at if begin > since)
        day += timedelta(days=1)
