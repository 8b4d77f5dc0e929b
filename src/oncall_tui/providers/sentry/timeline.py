"""An issue's events, from its activity. Pure.

A single issue's ``activity`` ("Retrieve an Issue") has the newest first; its types are those of getsentry/sentry,
ActivityType. A type that is not known here is told in its own words.
"""

from __future__ import annotations

from typing import Any

from oncall_tui.providers.base import TimelineEvent, gaps
from oncall_tui.providers.http import stamp
from oncall_tui.providers.lists import Damage, items, listing
from oncall_tui.providers.sentry.schema import Activity, SentryIssue

NOTE = 300  # characters of a comment
_WORDS = {
    "set_regression": "it came back",
    "set_escalating": "it escalates",
    "set_resolved_by_age": "resolved by its age",
    "set_ignored": "archived",
    "mark_reviewed": "reviewed",
    "create_issue": "a ticket was made of it",
}


def told(issue: SentryIssue, now: float) -> tuple[TimelineEvent, ...]:
    """Newest first; what has no time, or cannot be read, is counted in a line. *now* in seconds since the epoch."""
    found, damage = [], Damage()
    for entry in items(issue.activity or listing(()), Activity, damage):
        at = stamp(entry.dateCreated)
        if at is None:
            damage.lose(f"{entry.type or 'an entry'} without a time")
        else:
            found.append(TimelineEvent(at, entry.user.label if entry.user else "", activity_text(entry)))
    return (*gaps(now, damage.said("activities", "Sentry")), *sorted(found, key=lambda one: -one.at))


def activity_text(entry: Activity) -> str:
    """``assigned to bob@example.com by codeowners``, ``resolved``, ``note: …``"""
    data: dict[str, Any] = entry.data if isinstance(entry.data, dict) else {}
    said = _WORDS.get(entry.type) or entry.type.removeprefix("set_").replace("_", " ") or "something happened"
    if entry.type == "note":
        return f"note: {str(data.get('text') or '')[:NOTE]}"
    if entry.type == "assigned" and data.get("assigneeEmail"):
        said += f" to {data['assigneeEmail']}"
    if entry.type == "assigned" and data.get("integration"):
        said += f" by {data['integration']}"
    if data.get("version"):
        said += f" in {data['version']}"
    return said
