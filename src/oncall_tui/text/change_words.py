"""The one place that words a change: beside an alert, on a line of its own, and short for a cell. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.domain.change import Change, began_later
from oncall_tui.text.time_format import moment, span

AWS = "AWS"  # what AWS did by itself has no doer that anybody could ask


def named(change: Change) -> str:
    """``desired count 4 → 2 of payments-api by autoscaling``: what, and who did it where a person could be asked."""
    return f"{change.what} by {change.by}" if change.by and change.by != AWS else change.what


def short(change: Change) -> str:
    """``RDS failover``, ``count 4 → 2``: for a cell, beside the alert whose service or product it is of."""
    if (counts := change.counts) is not None:
        return f"count {counts[0]} → {counts[1]}"
    return change.what.partition(" of ")[0]


def beside_alert(change: Change, began: float) -> str:
    """``RDS failover of payments-db began 1m before the alert``: what it is to an alert that *began* then.

    What takes no time is said without ``began``; what began after the alert is said to be no suspect.
    """
    if began_later(change.began, began):
        return f"{named(change)} began {span(change.began - began)} after the alert: not the suspect"
    when = _before(began - change.began)
    if change.ended is not None and change.ended - change.began < 1:
        return f"{named(change)} {when}"
    words = f"{named(change)} began {when}"
    if change.ended is None:
        return f"{words}, under way"
    if change.ended <= began:
        return f"{words}, ended {_before(began - change.ended)}"
    return f"{words}, ended {span(change.ended - began)} after it"


def summary(change: Change, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """``RDS failover of payments-db, over after 45s``: the whole of it on a line that has its beginning elsewhere.

    With *tz* the time at which it ended is said.
    """
    if change.ended is None:
        return f"{named(change)}, under way"
    lasted = change.ended - change.began
    if lasted < 1:
        return named(change)
    at = f" at {moment(change.ended, tz, now)}" if tz is not None else ""
    return f"{named(change)}, over after {span(lasted)}{at}"


def _before(seconds: float) -> str:
    return f"{span(seconds)} before the alert" if seconds >= 1 else "together with the alert"
