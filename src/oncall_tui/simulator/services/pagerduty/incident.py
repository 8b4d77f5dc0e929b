"""An incident's life in the simulated PagerDuty: triggered, escalated, acknowledged, snoozed, resolved.

The rules are those of PagerDuty's support documentation: while triggered it goes to the next level when the level's
time is over; an acknowledgement stops that and lapses after the service's time-out; a low-urgency incident does not
escalate; one that was given to a person by hand has left its policy. Instants are POSIX seconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from oncall_tui.simulator.services.pagerduty.team import (
    SimulatedPagerDutyPerson,
    SimulatedPagerDutyPolicy,
    SimulatedPagerDutyService,
    Team,
    spelled,
)

Agent = SimulatedPagerDutyPerson | SimulatedPagerDutyService


class SimulatedPagerDutyRefusal(Exception):
    """Why something cannot be done, with PagerDuty's error code and an HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.errors = list(errors)

    @property
    def value(self) -> dict[str, object]:
        """The error's JSON (PagerDuty's REST documentation, "Errors")."""
        error: dict[str, object] = {"message": str(self), "code": self.code}
        if self.errors:
            error["errors"] = self.errors
        return {"error": error}


def invalid(*errors: str) -> SimulatedPagerDutyRefusal:
    """Input that the API does not take."""
    return SimulatedPagerDutyRefusal(2001, "Invalid Input Provided", errors=errors)


def missing() -> SimulatedPagerDutyRefusal:
    """An id that is not there."""
    return SimulatedPagerDutyRefusal(2100, "Not Found", 404)


@dataclass
class SimulatedPagerDutyAlert:
    id: str
    key: str
    title: str
    details: dict[str, object]
    at: float
    resolved: bool = False


@dataclass(frozen=True)
class SimulatedPagerDutyChange:
    """One change event of a service."""

    id: str
    service: SimulatedPagerDutyService
    summary: str
    source: str
    at: float


@dataclass(frozen=True)
class SimulatedPagerDutyAudit:
    """One audit record: what somebody did to a schedule. `action` is create, update or delete."""

    id: str
    schedule: str
    action: str
    by: SimulatedPagerDutyPerson
    at: float


@dataclass(frozen=True)
class SimulatedPagerDutyNote:
    id: str
    by: SimulatedPagerDutyPerson
    text: str
    at: float


@dataclass(frozen=True)
class SimulatedPagerDutyEntry:
    """One log entry: `kind` without its `_log_entry`."""

    id: str
    kind: str
    at: float
    agent: Agent
    channel: str
    assignees: tuple[SimulatedPagerDutyPerson, ...] = ()
    text: str = ""


class IdSequence:
    """Ids in the order of their making."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def __call__(self, letter: str, digits: int = 13) -> str:
        return letter + spelled(next(self._next), digits)


@dataclass
class SimulatedPagerDutyIncident:
    """One incident; what it will do by itself is in the three `…_at` at the end, None for never."""

    id: str
    number: int
    key: str
    title: str
    service: SimulatedPagerDutyService
    urgency: str
    created: float
    serial: IdSequence
    policy: SimulatedPagerDutyPolicy
    status: str = "triggered"
    priority: str = ""
    level: int = 0
    """1 for the first; 0 once it was given to a person by hand."""
    assigned: list[tuple[float, SimulatedPagerDutyPerson]] = field(default_factory=list)
    acknowledged: list[tuple[float, SimulatedPagerDutyPerson]] = field(default_factory=list)
    changed: float = 0.0
    changed_by: Agent | None = None
    resolved: float | None = None
    alerts: list[SimulatedPagerDutyAlert] = field(default_factory=list)
    notes: list[SimulatedPagerDutyNote] = field(default_factory=list)
    log: list[SimulatedPagerDutyEntry] = field(default_factory=list)
    escalates_at: float | None = None
    lapses_at: float | None = None
    resolves_at: float | None = None

    @property
    def teams(self) -> tuple[Team, ...]:
        found = (self.service.team, self.policy.team)
        return tuple(dict.fromkeys(team for team in found if team))

    @property
    def pending(self) -> list[tuple[str, float]]:
        """Return its automatic steps with their times, the next first."""
        due = (("escalate", self.escalates_at), ("unacknowledge", self.lapses_at), ("resolve", self.resolves_at))
        return sorted(((kind, at) for kind, at in due if at is not None), key=lambda one: one[1])

    @property
    def next_due(self) -> float:
        """When it does something by itself next; infinity for never."""
        due = [at for at in (self.escalates_at, self.lapses_at, self.resolves_at) if at is not None]
        return min(due, default=math.inf)

    def record(self, kind: str, at: float, agent: Agent, text: str = "", channel: str = "api") -> None:
        people = tuple(person for _, person in self.assigned)
        self.log.append(SimulatedPagerDutyEntry(self.serial("R"), kind, at, agent, channel, people, text))

    def add_alert(self, key: str, title: str, details: dict[str, object], at: float) -> None:
        """Add an alert; the same key again renews the one that is there."""
        for alert in self.alerts:
            if alert.key == key and not alert.resolved:
                alert.details = details
                return
        self.alerts.append(SimulatedPagerDutyAlert(self.serial("A"), key, title, details, at))

    def start(self, at: float) -> None:
        """Page the first level."""
        self._set("triggered", at, self.service)
        self._enter(1, at)
        ends = self.service.resolves_after
        self.resolves_at = None if ends is None else at + ends
        self.record("trigger", at, self.service, self.title, "api")
        self.record("assign", at, self.service, channel="auto")

    def advance(self, now: float) -> None:
        """Run the due steps, each at its own instant."""
        while (due := self.pending) and due[0][1] <= now:
            kind, at = due[0]
            {"escalate": self._next_level, "unacknowledge": self._lapse, "resolve": self._time_out}[kind](at)

    def acknowledge(self, by: SimulatedPagerDutyPerson, at: float) -> None:
        """Acknowledge; a resolved one is reopened by that, as the API documents it.

        Raises SimulatedPagerDutyRefusal.
        """
        if any(person == by for _, person in self.acknowledged):
            raise SimulatedPagerDutyRefusal(1002, "Incident Already Acknowledged")
        if self.status == "resolved":
            self._reopen(at)
            self.level, self.assigned = 1, [(at, by)]
        self.acknowledged.append((at, by))
        self._set("acknowledged", at, by)
        lapse = self.service.acknowledged_for
        self.escalates_at, self.lapses_at = None, None if lapse is None else at + lapse
        self.record("acknowledge", at, by)

    def resolve(self, by: Agent, at: float, channel: str = "api") -> None:
        """Resolve it. Raises SimulatedPagerDutyRefusal."""
        if self.status == "resolved":
            raise SimulatedPagerDutyRefusal(1001, "Incident Already Resolved")
        self.record("resolve", at, by, channel=channel)
        self._set("resolved", at, by)
        self.resolved = at
        self.assigned, self.acknowledged = [], []
        self.escalates_at = self.lapses_at = self.resolves_at = None
        for alert in self.alerts:
            alert.resolved = True

    def reopen(self, by: SimulatedPagerDutyPerson, at: float) -> None:
        """Back to triggered: documented for resolved incidents alone."""
        if self.status != "resolved":
            raise invalid("Status can be changed to triggered for a resolved incident only")
        self._reopen(at)
        self._set("triggered", at, by)
        self._enter(1, at)
        self.record("trigger", at, by)

    def escalate(self, level: int, by: SimulatedPagerDutyPerson, at: float) -> None:
        """Page a level; an acknowledgement ends by that. Raises SimulatedPagerDutyRefusal."""
        self._must_be_open()
        if not 1 <= level <= len(self.policy.levels):
            raise SimulatedPagerDutyRefusal(1006, "Incident Cannot Be Escalated")
        if not self.policy.levels[level - 1].people:
            raise SimulatedPagerDutyRefusal(1015, "No One Is On Call At This Escalation Level")
        self._retrigger(at, by)
        self._enter(level, at)
        self.record("escalate", at, by)

    def assign(self, people: Sequence[SimulatedPagerDutyPerson], by: SimulatedPagerDutyPerson, at: float) -> None:
        """Give it to people by hand: it leaves its policy and escalates no more."""
        self._must_be_open()
        self._retrigger(at, by)
        self.level, self.escalates_at = 0, None
        self.assigned = [(at, person) for person in people]
        self.record("assign", at, by)

    def give(self, policy: SimulatedPagerDutyPolicy, by: SimulatedPagerDutyPerson, at: float) -> None:
        """Give it to a policy: it starts again at that one's first level."""
        self._must_be_open()
        self.policy = policy
        self._retrigger(at, by)
        self._enter(1, at)
        self.record("assign", at, by)

    def snooze(self, seconds: float, by: SimulatedPagerDutyPerson, at: float) -> None:
        """Keep it acknowledged for that long. The drill's speed does not divide what a person chose.

        Raises SimulatedPagerDutyRefusal.
        """
        self._must_be_open()
        if self.status != "acknowledged":
            raise SimulatedPagerDutyRefusal(1012, "Incident Not Acknowledged")
        self.lapses_at = at + seconds
        self.record("snooze", at, by)

    def note(self, text: str, by: SimulatedPagerDutyPerson, at: float) -> SimulatedPagerDutyNote:
        note = SimulatedPagerDutyNote(self.serial("N"), by, text, at)
        self.notes.append(note)
        self.record("annotate", at, by, text)
        return note

    def _must_be_open(self) -> None:
        if self.status == "resolved":
            raise SimulatedPagerDutyRefusal(1001, "Incident Already Resolved")

    def _set(self, status: str, at: float, by: Agent) -> None:
        self.status, self.changed, self.changed_by = status, at, by

    def _reopen(self, at: float) -> None:
        self.resolved = None
        ends = self.service.resolves_after
        self.resolves_at = None if ends is None else at + ends

    def _retrigger(self, at: float, by: Agent) -> None:
        if self.status == "acknowledged":
            self._set("triggered", at, by)
        self.acknowledged, self.lapses_at = [], None

    def _enter(self, level: int, at: float) -> None:
        """Page the people of a level, or of the first after it that has any."""
        levels = self.policy.levels
        while level < len(levels) and not levels[level - 1].people:
            level += 1
        self.level = level
        self.assigned = [(at, person) for person in levels[level - 1].people]
        self._wait(at)

    def _wait(self, at: float) -> None:
        """Set when it goes to the next level: never, if there is none or nobody is paged loudly."""
        further = self.policy.levels[self.level :] if self.level else ()
        goes_on = self.urgency == "high" and any(level.people for level in further)
        self.escalates_at = at + self.policy.levels[self.level - 1].after if goes_on else None

    def _next_level(self, at: float) -> None:
        self._enter(self.level + 1, at)
        self.record("escalate", at, self.service, channel="timeout")

    def _lapse(self, at: float) -> None:
        self._retrigger(at, self.service)
        self._wait(at)
        self.record("unacknowledge", at, self.service, channel="timeout")

    def _time_out(self, at: float) -> None:
        self.resolve(self.service, at, channel="timeout")
