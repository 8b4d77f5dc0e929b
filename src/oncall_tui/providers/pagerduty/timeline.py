"""An incident's events: its log, and the changes that PagerDuty holds to be related to it."""

from __future__ import annotations

from oncall_tui.providers.base import TimelineEvent, gaps
from oncall_tui.providers.http import stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.schema import ChangeEvent, LogEntry


def told(api: PagerDutyApi, incident_id: str, now: float) -> tuple[TimelineEvent, ...]:
    """Newest first; what has no time, or cannot be read, is counted in a line.

    *now* in seconds since the epoch, UTC. Raises SourceError.
    """
    of_log, of_changes = Damage(), Damage()
    found = []
    for entry in api.log(incident_id, of_log):
        if (at := stamp(entry.created_at)) is None:
            of_log.lose(f"{_text(entry)} without a time")
        else:
            found.append(TimelineEvent(at, entry.agent.label if entry.agent else "", _text(entry)))
    for change in api.changes(incident_id, of_changes):
        if (at := stamp(change.timestamp)) is None:
            of_changes.lose(f"{change.summary or 'a change'} without a time")
        else:
            found.append(TimelineEvent(at, change.source or "", _change(change)))
    left_out = gaps(now, of_log.said("log entries", "PagerDuty"), of_changes.said("changes", "PagerDuty"))
    return (*left_out, *sorted(found, key=lambda one: -one.at))


def _text(entry: LogEntry) -> str:
    return entry.summary or entry.type.removesuffix("_log_entry") or "an entry"


def _change(change: ChangeEvent) -> str:
    why = change.correlation_reason.reason if change.correlation_reason else None
    return f"change: {change.summary or 'without a summary'}" + (f" ({why.replace('_', ' ')})" if why else "")
