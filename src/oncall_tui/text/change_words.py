"""The one place that words a change: beside an alert, on a line of its own, and short for a cell. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.domain.change import Change, began_later
from oncall_tui.text.time_format import moment, span

SPREAD_S = 10.0  # what lies within so few seconds is told as one time
THE_ALERT = "the alert"
AWS = "AWS"  # what AWS did by itself has no doer that anybody could ask


def named(change: Change) -> str:
    """``desired count 4 → 2 of payments-api by autoscaling``: what, and who did it where a person could be asked."""
    return f"{change.what} by {change.by}" if change.by and change.by != AWS else change.what


def short(change: Change) -> str:
    """``RDS failover``, ``count 4 → 2``: for a cell, beside the alert whose service or product it is of."""
    if (counts := change.counts) is not None:
        return f"count {counts[0]} → {counts[1]}"
    return change.what.partition(" of ")[0]


def beside_alert(change: Change, began: float, alert: str = THE_ALERT) -> str:
    """``RDS failover of payments-db began 1m before the alert``: what it is to an alert that *began* then. *alert*
    names what that was.

    What takes no time is said without ``began``; what surely began after the alert is said to be no suspect, and what
    may have begun before it or after it to be one possibly.
    """
    if began_later(change.earliest, began):
        return f"{named(change)} began {_after(change, began)} the alert: not the suspect"
    when = _when(change, began, alert)
    if change.ended is not None and change.ended - change.began < 1:
        return f"{named(change)} {when}"
    words = f"{named(change)} began {when}"
    if change.ended is None:
        return f"{words}, under way"
    if change.ended <= began:
        return f"{words}, ended {before_alert(began - change.ended, alert)}"
    return f"{words}, ended {span(change.ended - began)} after it"


def summary(change: Change, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """``RDS failover of payments-db, over after 45s``: the whole of it on a line that has its beginning elsewhere.

    With *tz* the time at which it ended is said.
    """
    if change.ended is None:
        return f"{dated(change)}, under way"
    lasted = change.ended - change.began
    if lasted < 1:
        return dated(change)
    at = f" at {moment(change.ended, tz, now)}" if tz is not None else ""
    return f"{dated(change)}, over after {span(lasted)}{at}"


def dated(change: Change) -> str:
    """``desired count 4 → 2 of payments-api, at some time in the 3m before``: for a line that has the latest time."""
    return ", ".join(words for words in (named(change), spread(change.not_before, change.began)) if words)


def spread(not_before: float | None, began: float) -> str:
    """``at some time in the 3m before``; empty where it is known when it began, but for some seconds."""
    wide = not_before is not None and began - not_before >= SPREAD_S
    return f"at some time in the {span(began - not_before)} before" if wide and not_before is not None else ""


def _when(change: Change, began: float, alert: str) -> str:
    """Words for the time of what may have begun before an alert that *began* then."""
    first, last = began - change.earliest, began - change.began  # seconds before it
    if began_later(change.began, began):
        return f"between {span(first)} before and {span(-last)} after {alert}: possibly the suspect"
    if first - last < SPREAD_S or span(first) == span(last):
        return before_alert(last, alert)
    return f"between {span(first)} and {span(last)} before {alert}"


def _after(change: Change, began: float) -> str:
    first, last = change.earliest - began, change.began - began
    if last - first < SPREAD_S or span(first) == span(last):
        return f"{span(last)} after"
    return f"between {span(first)} and {span(last)} after"


def before_alert(seconds: float, alert: str = THE_ALERT) -> str:
    """``3m before the alert``, ``together with the alert``."""
    if seconds >= 1:
        return f"{span(seconds)} before {alert}"
    return f"together with {alert}" if alert == THE_ALERT else f"just as {alert}"
