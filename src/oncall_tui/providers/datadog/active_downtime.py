"""Downtimes -> what holds an alert: until when, by whom and why. Pure. Times are seconds since the epoch, UTC."""

from __future__ import annotations

import re

import msgspec

from oncall_tui.domain.plan import Actor
from oncall_tui.providers.datadog.schema import DatadogDowntime, DatadogMonitor, Included
from oncall_tui.providers.datadog.scope import Tags, covers
from oncall_tui.providers.http import stamp

_TAG = re.compile(r"[\w./@][\w./@-]*:[\w./-]+")
_OURS = re.compile(r"silenced by (.+?) with oncall-tui: (.*)", re.DOTALL)


class ActiveDowntime(msgspec.Struct, frozen=True, gc=False):
    """One downtime. *monitor_id* 0: it is for all monitors that have *monitor_tags*."""

    id: str
    status: str
    scope: str
    by: str = ""
    comment: str = ""
    made: float | None = None
    since: float | None = None
    until: float | None = None
    monitor_id: int = 0
    monitor_tags: tuple[str, ...] = ()
    message: str = ""

    def is_for(self, monitor: DatadogMonitor) -> bool:
        """Return whether it is for this monitor, whichever of its groups."""
        if self.status != "active":
            return False
        if self.monitor_id:
            return self.monitor_id == monitor.id
        own = {tag.casefold() for tag in monitor.tags or ()}
        return bool(self.monitor_tags) and all(t == "*" or t.casefold() in own for t in self.monitor_tags)

    @property
    def plain_tags(self) -> tuple[str, ...]:
        """The tags of a scope that is nothing but tags which all have to match; empty: it says more than that."""
        parts = re.split(r"\s+AND\s+|\s*,\s*|\s+", self.scope.strip())
        return tuple(parts) if all(_TAG.fullmatch(part) for part in parts) else ()

    def covers(self, tags: Tags) -> bool:
        """Return whether its scope matches these tags. A monitor without groups is matched by ``*`` alone."""
        return covers(self.scope, tags)


def message(actor: Actor, reason: str) -> str:
    """Return a downtime's message: Datadog knows only whose application key made it. No ``@``: that would mail."""
    return f"silenced by {actor.name.replace('@', ' at ')} with oncall-tui: {reason}"


def active_downtime(downtime: DatadogDowntime, authors: dict[str, str]) -> ActiveDowntime:
    """*downtime* in the words of this program. Who stands in its message wins over whose key made it."""
    said = downtime.attributes
    text = said.message or ""
    ours = _OURS.fullmatch(text)
    target, schedule = said.monitor_identifier, said.schedule
    window = schedule.current_downtime if schedule else None
    since = (schedule.start if schedule else None) or (window.start if window else None)
    until = (window.end if window else None) or (schedule.end if schedule else None)
    return ActiveDowntime(
        id=downtime.id,
        status=said.status or "",
        scope=said.scope or "",
        by=ours[1] if ours else authors.get(downtime.author_id, ""),
        comment=ours[2] if ours else text,
        made=stamp(said.created),
        since=stamp(since),
        until=stamp(until),
        monitor_id=(target.monitor_id or 0) if target else 0,
        monitor_tags=(target.monitor_tags or ()) if target else (),
        message=text,
    )


def names(included: list[Included]) -> dict[str, str]:
    """User id -> name, e-mail or handle."""
    users = (one for one in included if one.type == "users")
    return {u.id: u.attributes.name or u.attributes.email or u.attributes.handle or "" for u in users}
