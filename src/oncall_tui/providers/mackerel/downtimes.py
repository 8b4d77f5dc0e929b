"""The alerts that a downtime keeps quiet, and until when. Pure.

What cannot be told here keeps nothing quiet: an alert that is shown too much does less harm than one that is hidden.
So a scope of roles, which are of hosts, and a day of the week, which is of the organization's time zone, hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.providers.mackerel.schema import MackerelDowntime, MackerelMonitor

_EVERY_S = {"hourly": 3_600.0, "daily": 86_400.0, "weekly": 7 * 86_400.0}


def quiet_until(
    downtimes: Iterable[MackerelDowntime], monitor: MackerelMonitor, now: float
) -> tuple[float, MackerelDowntime] | None:
    """The downtime of *monitor* that ends last, with its end; None: it is in none. Seconds since the epoch."""
    found = ((end, one) for one in downtimes if _is_for(one, monitor) and (end := _end(one, now)) is not None)
    return max(found, key=lambda pair: pair[0], default=None)


def _end(one: MackerelDowntime, now: float) -> float | None:
    """When the window that *now* is in ends; None: it is in none."""
    begin, seconds, again = one.start, one.duration * 60, one.recurrence
    if again is not None and now >= begin:
        every = _EVERY_S.get(again.type, 0.0) * max(1, again.interval)
        if not every or again.weekdays or (again.until is not None and now >= again.until):
            return None
        begin += (now - begin) // every * every
    return begin + seconds if begin <= now < begin + seconds else None


def _is_for(one: MackerelDowntime, monitor: MackerelMonitor) -> bool:
    if one.roleScopes or one.roleExcludeScopes:
        return False
    wanted = not one.monitorScopes or monitor.id in one.monitorScopes
    wanted = wanted and (not one.serviceScopes or monitor.service in one.serviceScopes)
    if one.serviceExcludeScopes and (not monitor.service or monitor.service in one.serviceExcludeScopes):
        return False
    return wanted and monitor.id not in (one.monitorExcludeScopes or ())
