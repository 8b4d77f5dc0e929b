"""The simulated Datadog's model: monitors with their groups, and downtimes. Instants are POSIX seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

STATES = ("OK", "Warn", "Alert", "No Data")
"""Of a group, the best first."""

_NARROWED = re.compile(r"\{([^{}]*)\}")
_TAG = re.compile(r'([^:\s]+):(?:"((?:[^"\\]|\\.)*)"|(\S+))')


@dataclass
class SimulatedDatadogGroup:
    """One group of a monitor."""

    state: str
    triggered: float | None = None
    nodata: float | None = None
    resolved: float | None = None

    def move(self, state: str, at: float) -> None:
        """Go into `state`; nothing happens where it is in it."""
        if state == self.state:
            return
        self.state = state
        if state == "OK":
            self.resolved = at
        elif state == "No Data":
            self.nodata = at
        else:
            self.triggered = at


@dataclass
class SimulatedDatadogMonitor:
    """One monitor. Its one group is `*` where it is not split."""

    id: int
    name: str
    created: float
    priority: int | None = None
    tags: tuple[str, ...] = ()
    query: str = "avg(last_5m):avg:drill.value{*} > 1"
    message: str = ""
    type: str = "query alert"
    groups: dict[str, SimulatedDatadogGroup] = field(default_factory=dict)
    changed: float | None = None

    @property
    def multi(self) -> bool:
        return set(self.groups) != {"*"}

    @property
    def narrowed_to(self) -> set[str]:
        """The tags in the first braces of its query."""
        found = _NARROWED.search(self.query)
        return set(found[1].split(",")) - {"*"} if found else set()

    @property
    def overall(self) -> str:
        """Alert before Warn before No Data before OK."""
        worst = {"OK": 0, "No Data": 1, "Warn": 2, "Alert": 3}
        return max((group.state for group in self.groups.values()), key=worst.__getitem__, default="No Data")

    def move(self, group: str, state: str, at: float) -> None:
        """Move one group into `state`."""
        before = self.overall
        self.groups.setdefault(group, SimulatedDatadogGroup("OK")).move(state, at)
        if self.overall != before:
            self.changed = at


@dataclass
class SimulatedDatadogDowntime:
    """A downtime for one monitor, or for all that have all of `monitor_tags`; without an end it lasts for ever."""

    id: str
    scope: str
    start: float
    end: float | None
    created: float
    message: str | None = None
    monitor_id: int | None = None
    monitor_tags: tuple[str, ...] = ()
    by: str = ""
    """A user's id."""
    timezone: str | None = "UTC"
    mute_recovery: bool = False
    end_states: tuple[str, ...] = ("alert", "no data", "warn")
    end_types: tuple[str, ...] = ("expired",)
    canceled: float | None = None

    def status(self, now: float) -> str:
        """`scheduled`, `active`, `ended` or `canceled`."""
        if self.canceled is not None:
            return "canceled"
        if now < self.start:
            return "scheduled"
        return "active" if self.end is None or now < self.end else "ended"

    def is_for(self, monitor: SimulatedDatadogMonitor) -> bool:
        """Return whether it is for this monitor, whichever of its groups."""
        if self.monitor_id is not None:
            return self.monitor_id == monitor.id
        return set(self.monitor_tags) <= {"*", *monitor.tags}

    def groups(self, monitor: SimulatedDatadogMonitor) -> list[str]:
        """The names of the groups that it hides: what the query is narrowed to is of each of them."""
        wanted = tags_of_scope(self.scope)
        return [name for name in monitor.groups if wanted <= {*name.split(","), *monitor.narrowed_to}]


def tags_of_scope(scope: str) -> set[str]:
    """The tags that a scope asks for, all of them: `*` asks for none. Only AND is understood; ValueError otherwise."""
    if scope.strip() == "*":
        return set()
    found = set()
    for part in scope.split(" AND "):
        match = _TAG.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"Invalid scope: {scope}")
        quoted, plain = match[2], match[3]
        value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found.add(f"{match[1]}:{value}")
    return found
