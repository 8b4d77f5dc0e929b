"""PagerDuty's incidents -> rows. Pure. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, Severity
from oncall_tui.domain.on_call import SERVICE_LABEL
from oncall_tui.providers.http import severity, stamp
from oncall_tui.providers.pagerduty.assignees import NOBODY, AssignedLevel
from oncall_tui.providers.pagerduty.escalation_levels import since
from oncall_tui.providers.pagerduty.incident_labels import NONE, Details
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, Reference

_STATES = {
    "triggered": AlertState.FIRING,
    "acknowledged": AlertState.ACKNOWLEDGED,
    "resolved": AlertState.RESOLVED,
}
_URGENCIES = {"high": Severity.CRITICAL, "low": Severity.WARNING}
_OPEN = frozenset({Verb.NOTE, Verb.ESCALATE, Verb.RESOLVE, Verb.REASSIGN, Verb.MERGE})
_HELD = _OPEN | {Verb.SNOOZE}  # the API has no un-acknowledge; what nobody has cannot be snoozed (1012)
VERBS: Mapping[AlertState, frozenset[Verb]] = {
    AlertState.ACKNOWLEDGED: _HELD,
    AlertState.SNOOZED: _HELD,
    AlertState.RESOLVED: frozenset(),
}
_HELD_STATES = (AlertState.ACKNOWLEDGED, AlertState.SNOOZED)


def row(
    source: str,
    incident: PagerDutyIncident,
    details: Details = NONE,
    read_only: bool = False,
    snoozed: bool = False,
    held: AssignedLevel = NOBODY,
    mine: bool = False,
) -> Alert:
    """One row; *snoozed*: its acknowledgement was made to last otherwise than its service's do (see ``ack_timeouts``).

    *held*: at which level it is, and who had it before. Raises ValueError where its beginning is no time.
    """
    began = stamp(incident.created_at)
    if began is None:
        raise ValueError("created_at is not a time")
    state = _STATES.get(incident.status, AlertState.UNKNOWN)
    state = AlertState.SNOOZED if snoozed and state is AlertState.ACKNOWLEDGED else state
    acks = incident.acknowledgements or ()
    keys = (f"dedup:{incident.incident_key}",) if incident.incident_key else ()
    return Alert(
        id=f"{source}/{incident.id}",
        source=source,
        provider="pagerduty",
        native_id=incident.id,
        state=state,
        severity=_severity(incident),
        title=incident.title or incident.summary or incident.id,
        began=began,
        changed=max((s for a in acks if (s := stamp(a.at))), default=stamp(incident.last_status_change_at)),
        by=_by(incident, state),
        by_at=_by_at(incident, state),
        until=pending(incident, "unacknowledge") if state in _HELD_STATES else None,
        comment="" if incident.status in _STATES else f"status {incident.status}",
        urgency=incident.urgency or "",
        escalates_at=pending(incident, "escalate"),
        assigned=tuple(dict.fromkeys(a.assignee.label for a in incident.assigned)),
        assigned_at=since(incident),
        level=held.level,
        had=held.had,
        mine=mine,
        url=incident.html_url or "",
        labels=_labels(incident, details),
        annotations=_annotations(incident),
        hint=details.hint,
        keys=tuple(dict.fromkeys((*keys, *details.keys))),
        label_sets=details.label_sets,
        count=max(1, incident.alert_counts.all if incident.alert_counts else 1),
        verbs=frozenset() if read_only else VERBS.get(state, _OPEN | {Verb.ACKNOWLEDGE}),
    )


def _by(incident: PagerDutyIncident, state: AlertState) -> tuple[str, ...]:
    """Return the people who acknowledged or resolved it."""
    if state in _HELD_STATES:
        return tuple(dict.fromkeys(a.acknowledger.label for a in incident.acknowledgements or ()))
    last = incident.last_status_change_by
    return (last.label,) if state is AlertState.RESOLVED and last is not None else ()


def _by_at(incident: PagerDutyIncident, state: AlertState) -> float | None:
    """When they did."""
    if state in _HELD_STATES:
        return max((s for a in incident.acknowledgements or () if (s := stamp(a.at))), default=None)
    return stamp(incident.last_status_change_at) if state is AlertState.RESOLVED else None


def pending(incident: PagerDutyIncident, kind: str) -> float | None:
    """When it does *kind* by itself, the soonest; None: it will not, or does not say."""
    return min((s for p in incident.pending_actions or () if p.type == kind and (s := stamp(p.at))), default=None)


def _labels(incident: PagerDutyIncident, details: Details) -> Pairs:
    """Return the labels that its alerts share, its service, and its priority."""
    own = {
        SERVICE_LABEL: incident.service.label if incident.service else "",
        "priority": incident.priority.label if incident.priority else "",
    }
    said = {name: value for name, value in own.items() if value}
    return tuple(sorted({**dict(details.labels), **said}.items())) if said else details.labels


def _severity(incident: PagerDutyIncident) -> Severity:
    """The priority's word (``P1``) where it is one that is known, else the urgency's."""
    said = severity(incident.priority.label) if incident.priority else Severity.UNKNOWN
    return said if said is not Severity.UNKNOWN else _URGENCIES.get(incident.urgency or "", Severity.UNKNOWN)


def _annotations(incident: PagerDutyIncident) -> tuple[tuple[str, str], ...]:
    def name(thing: Reference | None) -> str:
        return thing.label if thing else ""

    pairs = (
        ("incident", str(incident.incident_number or "")),
        ("policy", name(incident.escalation_policy)),
        ("priority", name(incident.priority)),
        ("service", name(incident.service)),
        ("teams", ", ".join(t.label for t in incident.teams or ())),
    )
    return tuple((key, value) for key, value in pairs if value)
