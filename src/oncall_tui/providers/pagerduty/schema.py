"""PagerDuty's own words, as far as they are used (its OpenAPI file: Incident, Alert, Oncall, IncidentNote).

Enumerations stay strings: a value that is not known yet must become a row, not an error. What may be missing or null
has a default.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Items, Spared


class Reference(msgspec.Struct, frozen=True, gc=False):
    """Anything that is pointed to; with ``include[]`` a user brings its name and e-mail."""

    id: str = ""
    type: str = ""
    summary: str | None = None
    name: str | None = None
    email: str | None = None
    deleted_at: str | None = None

    @property
    def label(self) -> str:
        return self.summary or self.name or self.id

    @property
    def removed(self) -> bool:
        """Return whether the user was removed from the account."""
        return self.deleted_at is not None


UNNAMED = Reference(summary="somebody whom PagerDuty does not name")


class Assignment(msgspec.Struct, frozen=True, gc=False):
    who: Reference | None = msgspec.field(default=None, name="assignee")
    at: str | None = None

    @property
    def assignee(self) -> Reference:
        return self.who or UNNAMED


class Acknowledgement(msgspec.Struct, frozen=True, gc=False):
    who: Reference | None = msgspec.field(default=None, name="acknowledger")
    at: str | None = None

    @property
    def acknowledger(self) -> Reference:
        return self.who or UNNAMED


class PendingAction(msgspec.Struct, frozen=True, gc=False):
    """An automatic step that PagerDuty will take: ``escalate``, ``unacknowledge``, ``resolve``, ``urgency_change``."""

    type: str | None = None
    at: str | None = None


class AlertCounts(msgspec.Struct, frozen=True, gc=False):
    all: int = 0


class PagerDutyIncident(msgspec.Struct, frozen=True, gc=False):
    """One incident as ``GET /incidents`` lists it. What decides the row is its id, its status and its beginning."""

    id: str
    status: str
    created_at: str
    title: Spared[str | None] = None
    summary: Spared[str | None] = None
    incident_number: Spared[int | None] = None
    incident_key: Spared[str | None] = None
    urgency: Spared[str | None] = None
    html_url: Spared[str | None] = None
    priority: Spared[Reference | None] = None
    service: Spared[Reference | None] = None
    escalation_policy: Spared[Reference | None] = None
    teams: Spared[tuple[Reference, ...] | None] = None
    assignments: Spared[tuple[Assignment, ...] | None] = None
    acknowledgements: Spared[tuple[Acknowledgement, ...] | None] = None
    pending_actions: Spared[tuple[PendingAction, ...] | None] = None
    last_status_change_at: Spared[str | None] = None
    last_status_change_by: Spared[Reference | None] = None
    resolved_at: Spared[str | None] = None
    alert_counts: Spared[AlertCounts | None] = None
    is_mergeable: Spared[bool | None] = None

    @property
    def policy(self) -> str:
        return self.escalation_policy.id if self.escalation_policy else ""

    @property
    def assigned(self) -> tuple[Assignment, ...]:
        return self.assignments or ()


def shared(incident: PagerDutyIncident, known: dict[Reference, Reference]) -> PagerDutyIncident:
    """An equal incident with the references of *known*, which grows: thousands name the same services and people."""

    def one(thing: Reference) -> Reference:
        return known.setdefault(thing, thing)

    def maybe(thing: Reference | None) -> Reference | None:
        return thing and one(thing)

    held = tuple(msgspec.structs.replace(each, who=maybe(each.who)) for each in incident.assigned)
    return msgspec.structs.replace(
        incident,
        priority=maybe(incident.priority),
        service=maybe(incident.service),
        escalation_policy=maybe(incident.escalation_policy),
        teams=incident.teams and tuple(map(one, incident.teams)),
        assignments=held or incident.assignments,
        last_status_change_by=maybe(incident.last_status_change_by),
    )


class Changed(msgspec.Struct, frozen=True):
    """The answer to a PUT of many: the changed ones, and no others."""

    incidents: Items[PagerDutyIncident]


class Incidents(msgspec.Struct, frozen=True):
    """A page of incidents."""

    incidents: Items[PagerDutyIncident]
    more: bool = False


class OneIncident(msgspec.Struct, frozen=True):
    incident: PagerDutyIncident


class Merged(msgspec.Struct, frozen=True):
    """The answer to a merge: no incident, but a reference to the one that stays (OpenAPI, "Merge incidents")."""

    incident: Reference


class PagerDutyBody(msgspec.Struct, frozen=True):
    details: Any = None


class IncidentAlert(msgspec.Struct, frozen=True):
    """One alert inside an incident; *body.details* is whatever the integration sent."""

    alert_key: str | None = None
    body: PagerDutyBody | None = None


class IncidentAlerts(msgspec.Struct, frozen=True):
    alerts: Items[IncidentAlert]


class PagerDutyOnCall(msgspec.Struct, frozen=True):
    """An on-call shift at one level. Without start and end it is permanent."""

    escalation_level: int
    who: Reference | None = msgspec.field(default=None, name="user")
    start: str | None = None
    end: str | None = None
    escalation_policy: Reference | None = None

    @property
    def user(self) -> Reference:
        return self.who or UNNAMED


class OnCalls(msgspec.Struct, frozen=True):
    oncalls: Items[PagerDutyOnCall]
    more: bool = False


class PagerDutyPolicy(msgspec.Struct, frozen=True):
    """An escalation policy: its first rule is level 1."""

    id: str
    summary: str | None = None
    name: str | None = None
    escalation_rules: tuple[Any, ...] = ()

    @property
    def label(self) -> str:
        return self.name or self.summary or self.id


class Policies(msgspec.Struct, frozen=True):
    escalation_policies: Items[PagerDutyPolicy]
    more: bool = False


class Users(msgspec.Struct, frozen=True):
    users: Items[Reference]
    more: bool = False


class OneUser(msgspec.Struct, frozen=True):
    user: Reference


class PagerDutyService(msgspec.Struct, frozen=True):
    """A PagerDuty service. *acknowledgement_timeout* in seconds, null: an acknowledgement there never lapses."""

    id: str
    summary: str | None = None
    name: str | None = None
    acknowledgement_timeout: int | None = None
    escalation_policy: Reference | None = None

    @property
    def label(self) -> str:
        return self.name or self.summary or self.id


class OneService(msgspec.Struct, frozen=True):
    service: PagerDutyService


class Services(msgspec.Struct, frozen=True):
    services: Items[PagerDutyService]
    more: bool = False


class OnePolicy(msgspec.Struct, frozen=True):
    escalation_policy: PagerDutyPolicy


class PagerDutyNote(msgspec.Struct, frozen=True):
    id: str
    content: str = ""
    created_at: str | None = None


class OneNote(msgspec.Struct, frozen=True):
    note: PagerDutyNote


class Notes(msgspec.Struct, frozen=True):
    notes: Items[PagerDutyNote]


class LogEntry(msgspec.Struct, frozen=True):
    """One thing that happened to an incident: ``acknowledge_log_entry``, ``escalate_log_entry``, …"""

    type: str = ""
    created_at: str | None = None
    summary: str | None = None
    agent: Reference | None = None


class LogEntries(msgspec.Struct, frozen=True):
    log_entries: Items[LogEntry]
    more: bool = False


class Correlation(msgspec.Struct, frozen=True):
    """Why a change is related: ``most_recent``, ``related_service``, ``intelligent``."""

    reason: str | None = None


class ChangeEvent(msgspec.Struct, frozen=True):
    """A change that PagerDuty holds to be related to an incident."""

    timestamp: str | None = None
    summary: str | None = None
    source: str | None = None
    correlation_reason: Correlation | None = None


class ChangeEvents(msgspec.Struct, frozen=True):
    change_events: Items[ChangeEvent]


class ChangeLink(msgspec.Struct, frozen=True):
    href: str | None = None


class AccountChangeEvent(msgspec.Struct, frozen=True):
    """One of ``GET /change_events``: what a tool sent, and to which services it was routed."""

    id: str
    timestamp: str
    summary: Spared[str | None] = None
    source: Spared[str | None] = None
    services: Spared[tuple[Reference, ...] | None] = None
    links: Spared[tuple[ChangeLink, ...] | None] = None
    custom_details: Any = None


class AuditField(msgspec.Struct, frozen=True):
    """A field that was changed; its values are not read: a schedule's are whole layers."""

    name: str = ""


class AuditDetails(msgspec.Struct, frozen=True):
    fields: Spared[tuple[AuditField, ...] | None] = None


class AuditRecord(msgspec.Struct, frozen=True):
    """One of ``GET /audit/records``: who did what to which resource."""

    id: str
    execution_time: str
    root_resource: Reference
    action: str = ""
    actors: Spared[tuple[Reference, ...] | None] = None
    details: Spared[AuditDetails | None] = None


class AuditRecords(msgspec.Struct, frozen=True):
    records: Items[AuditRecord]
    next_cursor: str | None = None


class AccountChangeEvents(msgspec.Struct, frozen=True):
    change_events: Items[AccountChangeEvent]
    more: bool = False
