"""An alert's memory: how often it came, when, and what was done about it the last time. Pure.

Several sources may tell of one problem (an alert, and the incident that it pages): episodes that overlap, or follow
each other within half an hour, are one occurrence. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from oncall_tui.domain.alert import QUIET_S
from oncall_tui.domain.follow_up import FollowUp
from oncall_tui.domain.history import EpisodeMark, PastEpisode

DAY_S = 86_400.0
DAYS = 30
AFTER_S = 3600.0  # what is done so long after it ended was done about it
BEFORE_S = 60.0  # clocks differ
HOURS = 3  # of the day, that most of them fall into
LEAST = 4  # occurrences that show a habit
MOSTLY = 0.6


class RememberedAct(msgspec.Struct, frozen=True):
    """Something that was done about it: *at* in seconds since the epoch, *state* the word of its outcome."""

    at: float
    by: str
    what: str
    state: str


class Occurrence(msgspec.Struct, frozen=True):
    """One time that the problem was there, as one source or several told it. *ended* is None while it goes on, or
    where its end is not known; not *end_known*: it was at *ended* at the latest. Seconds since the epoch.
    """

    episodes: tuple[PastEpisode, ...]
    began: float
    ended: float | None
    acts: tuple[RememberedAct, ...] = ()
    end_known: bool = True

    @property
    def acted(self) -> bool:
        """Tell whether anybody did anything about it."""
        return bool(self.acts) or any(e.acted or e.acknowledged_at is not None for e in self.episodes)

    @property
    def marks(self) -> set[EpisodeMark]:
        """Return the words on it."""
        return {e.mark for e in self.episodes if e.mark is not EpisodeMark.NONE}


class RowMemory(msgspec.Struct, frozen=True):
    """The part of an alert's memory that its row has room for: how often it came in thirty days, the word on the
    episode that goes on, and its open follow-ups.
    """

    recent: int = 0
    mark: EpisodeMark = EpisodeMark.NONE
    follow_ups: tuple[FollowUp, ...] = ()


class AlertMemory(msgspec.Struct, frozen=True, kw_only=True):
    """*days* are counts of the last thirty days, oldest first; None: nothing was recorded that day. *recent* are the
    occurrences of the last thirty days, *before* those of the thirty before (None: not recorded), *total* all that are
    known since *since* (seconds since the epoch). *hours* is the hour that the three begin with in which most of them
    fell (None: no such habit). *last* is the newest one that is over, *after_s* how long it was quiet after that until
    it came again, or until now where it does not fire (seconds); *fires* tells which. *watched_since* is since when a
    board or a recorder has watched (None: none ever did), *watched* the part of that time in which one did, 0 to 1:
    what is older was imported, or told by its source.
    """

    days: tuple[int | None, ...]
    recent: int
    before: int | None
    total: int
    acted: int
    since: float
    hours: int | None = None
    last: Occurrence | None = None
    after_s: float | None = None
    fires: bool = False
    actionable: int = 0
    noise: int = 0
    follow_ups: tuple[FollowUp, ...] = ()
    watched_since: float | None = None
    watched: float = 0.0


def occurrences(episodes: Iterable[PastEpisode], acts: Sequence[RememberedAct] = ()) -> tuple[Occurrence, ...]:
    """Return the times that the problem was there, oldest first, each with what was done about it."""
    groups: list[list[PastEpisode]] = []
    until = 0.0
    for episode in sorted(episodes, key=lambda e: e.began):
        if groups and episode.began - until <= QUIET_S:
            groups[-1].append(episode)
        else:
            groups.append([episode])
            until = 0.0
        until = max(until, episode.began if episode.ended is None else episode.ended)
    starts = [group[0].began for group in groups]
    found = []
    for number, group in enumerate(groups):
        begins = starts[number + 1] if number + 1 < len(starts) else None
        found.append(_occurrence(group, begins, acts))
    return tuple(found)


def _occurrence(group: Sequence[PastEpisode], next_at: float | None, acts: Sequence[RememberedAct]) -> Occurrence:
    ends = [e.ended for e in group]
    ended = None if None in ends else max(end for end in ends if end is not None)
    began = group[0].began
    until = max(e.began if e.ended is None else e.ended for e in group) + AFTER_S
    last = next_at if next_at is not None and (ended is None or next_at < until) else until
    if next_at is None and ended is None:
        last = float("inf")
    mine = tuple(a for a in sorted(acts, key=lambda a: a.at) if began - BEFORE_S <= a.at < last)
    return Occurrence(tuple(group), began, ended, mine, all(e.end_known for e in group))


def memory_of(
    found: Sequence[Occurrence], now: float, tz: tzinfo, since: float, fires: bool, follow_ups: Iterable[FollowUp] = ()
) -> AlertMemory:
    """Make the memory of *found*, oldest first, of which nothing is known from before *since*. *fires*: the newest one
    goes on. Seconds since the epoch; days and hours are those of *tz*.
    """
    recent = [o for o in found if o.began > now - DAYS * DAY_S]
    before = sum(now - 2 * DAYS * DAY_S < o.began <= now - DAYS * DAY_S for o in found)
    over = found[:-1] if fires else found
    last = over[-1] if over else None
    return AlertMemory(
        days=_days(found, now, tz, since),
        recent=len(recent),
        before=before if since <= now - 2 * DAYS * DAY_S else None,
        total=len(found),
        acted=sum(o.acted for o in found),
        since=since,
        hours=_hours(recent, tz),
        last=last,
        after_s=_after(last, found[-1].began if fires else now),
        fires=fires,
        actionable=sum(EpisodeMark.ACTIONABLE in o.marks for o in found),
        noise=sum(EpisodeMark.NOISE in o.marks for o in found),
        follow_ups=tuple(follow_ups),
    )


def _after(last: Occurrence | None, until: float) -> float | None:
    return None if last is None or last.ended is None else max(0.0, until - last.ended)


def _days(found: Sequence[Occurrence], now: float, tz: tzinfo, since: float) -> tuple[int | None, ...]:
    """Count by calendar day; a day that ended before anything was recorded has no count."""
    today, first = datetime.fromtimestamp(now, tz).date(), datetime.fromtimestamp(since, tz).date()
    counts = Counter(datetime.fromtimestamp(o.began, tz).date() for o in found)
    days = [today - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    return tuple(counts[day] if day >= first or counts[day] else None for day in days)


def _hours(recent: Sequence[Occurrence], tz: tzinfo) -> int | None:
    """Return the first of the three hours of the day that most of them began in; None: there are none such."""
    if len(recent) < LEAST:
        return None
    counts = Counter(datetime.fromtimestamp(o.began, tz).hour for o in recent)
    sums = [sum(counts[(hour + n) % 24] for n in range(HOURS)) for hour in range(24)]
    most = max(sums)
    if most < MOSTLY * len(recent):
        return None
    best = [hour for hour in range(24) if sums[hour] == most]
    return max(best, key=lambda hour: (counts[(hour + 1) % 24], -hour))  # the peak in the middle
