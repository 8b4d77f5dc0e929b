"""An alert's memory in words: the one wording for the detail, the record and reports. Times in the given zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from oncall_tui.domain.entry import WATCH_GAP_S
from oncall_tui.domain.memory import DAYS, HOURS, AlertMemory, Occurrence
from oncall_tui.text.cells import count
from oncall_tui.text.history_words import going_back
from oncall_tui.text.time_format import age, moment, span

BARS = "▁▂▃▄▅▆▇█"
NOT_RECORDED = "·"
FOUND = ("done", "sent")


def frequency(memory: AlertMemory) -> str:
    """``fired 14 times in 30 days (9 in the 30 before), mostly 02–05``."""
    times = "once" if memory.recent == 1 else f"{memory.recent} times"
    before = f" ({memory.before} in the {DAYS} before)" if memory.before is not None else ""
    hours = "" if memory.hours is None else f", mostly {memory.hours:02}–{(memory.hours + HOURS) % 24:02}"
    return f"fired {times} in {DAYS} days{before}{hours}"


def short(recent: int) -> str:
    """``×14/30d``: on a row; empty where it came once."""
    return f"×{recent}/{DAYS}d" if recent > 1 else ""


def bars(days: Sequence[int | None]) -> str:
    """A bar a day, the highest for the most; a day of which nothing was recorded is a dot."""
    most = max((n for n in days if n), default=0)
    return "".join(NOT_RECORDED if n is None else BARS[0 if not n else _height(n, most)] for n in days)


def _height(number: int, most: int) -> int:
    return max(1, round(number / most * (len(BARS) - 1)))


def bars_told(days: Sequence[int | None]) -> str:
    """Explain the bars: ``a day each, at most 4; · not recorded``."""
    most = max((n for n in days if n), default=0)
    lost = f"; {NOT_RECORDED} not recorded" if None in days else ""
    return f"a day each up to today, at most {most}{lost}"


def last_time(memory: AlertMemory, tz: tzinfo, now: float) -> str:
    """``20 Nov 02:41 for 34m: Bob: roll back prod/api from :38 to :37 (done); then quiet for 9d``.

    *now* in seconds since the epoch, UTC. Empty: there was no other time that is over.
    """
    last = memory.last
    if last is None:
        return ""
    most = "" if last.end_known else "at most "
    lasted = "" if last.ended is None else f" for {most}{span(last.ended - last.began)}"
    return f"{moment(last.began, tz, now)}{lasted}: {acts(last)}{_after(memory)}"


def acts(one: Occurrence) -> str:
    """Tell the actions on it, and whose they are: what was tried in vain is not left out."""
    told = [
        f"{act.by or 'somebody'}: {going_back(act.what)}{f' ({act.state})' if act.state else ''}" for act in one.acts
    ]
    if told:
        return "; ".join(dict.fromkeys(told))
    by = next((e.acknowledged_by for e in one.episodes if e.acknowledged_by), "")
    if any(e.acknowledged_at is not None for e in one.episodes):
        return f"acknowledged by {by or 'somebody'}, nothing else recorded"
    sent = sum(e.acted for e in one.episodes)
    return f"{count(sent, 'action')}" if sent else "nothing was done"


def _after(memory: AlertMemory) -> str:
    if memory.after_s is None:
        return "; when it ended is not known"
    least = "" if memory.last is None or memory.last.end_known else "at least "
    if not memory.fires:
        return f"; quiet since, for {least}{age(memory.after_s)}"
    return f"; it came back after {least}{age(memory.after_s)}"


def acted_on(memory: AlertMemory) -> str:
    """``never acted on in 40 firings``, ``acted on in 12 of 14 firings``."""
    firings = count(memory.total, "firing")
    return f"never acted on in {firings}" if not memory.acted else f"acted on in {memory.acted} of {firings}"


def marked(memory: AlertMemory) -> str:
    """``marked actionable 2 times, noise 9 times``; empty: no episode has a mark."""
    told = [
        f"{word} {number}×" for word, number in (("actionable", memory.actionable), ("noise", memory.noise)) if number
    ]
    return f"marked {', '.join(told)}" if told else ""


def known_since(memory: AlertMemory, tz: tzinfo, now: float) -> str:
    """``watched since 12 Nov 02:41, 97 % of the time; 1 Sep 14:00 is the oldest that was imported``.

    Nothing that nobody watched is told as if somebody had: an import, or a source's own memory, may be far older.
    *now* in seconds since the epoch, UTC.
    """
    oldest = moment(memory.since, tz, now, day=True)
    first = memory.watched_since
    if first is None:
        return f"nobody has watched yet: the oldest known is of {oldest}, imported or told by its source"
    whole = memory.watched >= 0.995
    watched = (
        f"watched since {moment(first, tz, now, day=True)}{'' if whole else f', {memory.watched:.0%} of the time'}"
    )
    if memory.since >= first - WATCH_GAP_S:
        return watched
    return f"{watched}; the oldest known is of {oldest}, imported or told by its source"
