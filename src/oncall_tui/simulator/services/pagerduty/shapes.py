"""The JSON of the simulated PagerDuty: objects and references in the shapes of its published OpenAPI file.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from oncall_tui.simulator.services.pagerduty.incident import (
    Agent,
    SimulatedPagerDutyAlert,
    SimulatedPagerDutyAudit,
    SimulatedPagerDutyChange,
    SimulatedPagerDutyEntry,
    SimulatedPagerDutyIncident,
    SimulatedPagerDutyNote,
)
from oncall_tui.simulator.services.pagerduty.team import (
    SimulatedPagerDutyAccount,
    SimulatedPagerDutyLevel,
    SimulatedPagerDutyPerson,
    SimulatedPagerDutyPolicy,
    SimulatedPagerDutyService,
    Team,
    priority_id,
    schedule_id,
)

Json = dict[str, object]
SITE = "https://drill.example.com"
WEEK = 7 * 86400.0
_MONDAY = 4 * 86400.0
"""The first Monday after 1970 began, POSIX seconds."""


def instant(at: float) -> str:
    """As PagerDuty writes it: UTC, whole seconds, a Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reference(one: Agent | SimulatedPagerDutyPolicy | Team, full: bool = False) -> Json:
    """A pointer to something, or with `full` (an `include[]`) the thing itself."""
    if isinstance(one, SimulatedPagerDutyPerson):
        return person(one) if full else _pointer("user", "users", one.id, one.name)
    if isinstance(one, SimulatedPagerDutyService):
        return service(one) if full else _pointer("service", "services", one.id, one.name)
    if isinstance(one, SimulatedPagerDutyPolicy):
        return policy(one) if full else _pointer("escalation_policy", "escalation_policies", one.id, one.name)
    return team(one) if full else _pointer("team", "teams", one.id, one.name)


def _pointer(kind: str, path: str, key: str, summary: str) -> Json:
    return _head(f"{kind}_reference", path, key, summary)


def _head(kind: str, path: str, key: str, summary: str) -> Json:
    url = f"{SITE}/{path}/{key}"
    return {"id": key, "type": kind, "summary": summary, "self": url, "html_url": url}


def person(one: SimulatedPagerDutyPerson) -> Json:
    return {**_head("user", "users", one.id, one.name), "name": one.name, "email": one.email, "time_zone": "UTC"}


def team(one: Team) -> Json:
    return {**_head("team", "teams", one.id, one.name), "name": one.name, "description": None}


def service(one: SimulatedPagerDutyService) -> Json:
    return {
        **_head("service", "services", one.id, one.name),
        "name": one.name,
        "status": "active",
        "acknowledgement_timeout": _whole(one.acknowledged_for),
        "auto_resolve_timeout": _whole(one.resolves_after),
        "escalation_policy": reference(one.policy),
        "teams": [reference(one.team)] if one.team else [],
    }


def policy(one: SimulatedPagerDutyPolicy) -> Json:
    return {
        **_head("escalation_policy", "escalation_policies", one.id, one.name),
        "name": one.name,
        "num_loops": 0,
        "escalation_rules": [_rule(one, number, level) for number, level in enumerate(one.levels, 1)],
        "teams": [reference(one.team)] if one.team else [],
    }


def _rule(one: SimulatedPagerDutyPolicy, number: int, level: SimulatedPagerDutyLevel) -> Json:
    targets = [_schedule(level.schedule)] if level.schedule else [reference(each) for each in level.people]
    minutes = max(1, round(level.after / 60))
    return {"id": f"{one.id}{number}", "escalation_delay_in_minutes": minutes, "targets": targets}


def _schedule(name: str) -> Json:
    return _pointer("schedule", "schedules", schedule_id(name), name)


def oncalls(account: SimulatedPagerDutyAccount, now: float, include: Collection[str], until: float) -> list[Json]:
    """Return on-call shifts, by policy and level: in weeks from Monday 00:00 UTC on a schedule, without ends otherwise.

    On a schedule the weeks that begin before *until* are told too: of `then`, in turn with those of now.
    """
    began = now - (now - _MONDAY) % WEEK
    found: list[Json] = []
    for one in account.policies.values():
        for number, level in enumerate(one.levels, 1):
            turns = [(0, level.people)]
            if level.schedule:
                weeks = 1 + max(0, int((until - began) // WEEK))
                turns = [(week, level.then if week % 2 and level.then else level.people) for week in range(weeks)]
            found += [
                {
                    "escalation_policy": reference(one, "escalation_policies" in include),
                    "escalation_level": number,
                    "schedule": _schedule(level.schedule) if level.schedule else None,
                    "user": reference(each, "users" in include),
                    "start": instant(began + week * WEEK) if level.schedule else None,
                    "end": instant(began + (week + 1) * WEEK) if level.schedule else None,
                }
                for week, people in turns
                for each in people
            ]
    return found


def incident(one: SimulatedPagerDutyIncident, include: Collection[str] = ()) -> Json:
    users = "users" in include
    by = one.changed_by or one.service
    shown: Json = {
        **_head("incident", "incidents", one.id, f"[#{one.number}] {one.title}"),
        "incident_number": one.number,
        "title": one.title,
        "description": one.title,
        "created_at": instant(one.created),
        "updated_at": instant(one.changed),
        "status": one.status,
        "urgency": one.urgency,
        "incident_key": one.key,
        "service": reference(one.service, "services" in include),
        "assignments": [
            {"at": instant(at), "assignee": reference(who, users or "assignees" in include)} for at, who in one.assigned
        ],
        "assigned_via": "escalation_policy" if one.level else "direct_assignment",
        "acknowledgements": [
            {"at": instant(at), "acknowledger": reference(who, users or "acknowledgers" in include)}
            for at, who in one.acknowledged
        ],
        "last_status_change_at": instant(one.changed),
        "last_status_change_by": reference(by, "agents" in include),
        "resolved_at": None if one.resolved is None else instant(one.resolved),
        "escalation_policy": reference(one.policy, "escalation_policies" in include),
        "teams": [reference(each, "teams" in include) for each in one.teams],
        "priority": _pointer("priority", "priorities", priority_id(one.priority), one.priority)
        if one.priority
        else None,
        "pending_actions": [{"type": kind, "at": instant(at)} for kind, at in one.pending],
        "alert_counts": _counts(one),
        "is_mergeable": bool(one.alerts) or one.status == "resolved",
    }
    if "first_trigger_log_entries" in include:
        shown["first_trigger_log_entry"] = entry(one, one.log[0])
    return shown


def merged(one: SimulatedPagerDutyIncident) -> Json:
    """Return a merge's answer: a reference to the incident that stays (OpenAPI, `PUT /incidents/{id}/merge`)."""
    return _pointer("incident", "incidents", one.id, f"[#{one.number}] {one.title}")


def _counts(one: SimulatedPagerDutyIncident) -> Json:
    resolved = sum(each.resolved for each in one.alerts)
    return {"all": len(one.alerts), "triggered": len(one.alerts) - resolved, "resolved": resolved}


def alert(owner: SimulatedPagerDutyIncident, one: SimulatedPagerDutyAlert) -> Json:
    return {
        **_head("alert", "alerts", one.id, one.title),
        "status": "resolved" if one.resolved else "triggered",
        "alert_key": one.key,
        "created_at": instant(one.at),
        "severity": "critical" if owner.urgency == "high" else "warning",
        "suppressed": False,
        "service": reference(owner.service),
        "incident": _pointer("incident", "incidents", owner.id, f"[#{owner.number}] {owner.title}"),
        "body": {"type": "alert_body", "details": one.details},
    }


def change(one: SimulatedPagerDutyChange) -> Json:
    url = f"{SITE}/change_events/{one.id}"
    return {
        "id": one.id,
        "type": "change_event",
        "self": url,
        "html_url": url,
        "summary": one.summary,
        "source": one.source or None,
        "timestamp": instant(one.at),
        "services": [reference(one.service)],
        "links": [],
        "images": [],
        "custom_details": {},
        "correlation_reason": {"reason": "related_service"},
    }


def audit(one: SimulatedPagerDutyAudit) -> Json:
    schedule = {"id": one.id[::-1], "type": "schedule_reference", "summary": one.schedule}
    changed = [{"name": "schedule_layers", "value": "…", "before_value": "…"}] if one.action == "update" else []
    return {
        "id": one.id,
        "self": f"{SITE}/audit/records/{one.id}",
        "execution_time": instant(one.at),
        "execution_context": {"request_id": one.id, "remote_address": "192.0.2.1"},
        "actors": [reference(one.by)],
        "method": {"type": "browser", "description": "", "truncated_token": None},
        "root_resource": schedule,
        "action": one.action,
        "details": {"resource": schedule, "fields": changed, "references": []},
    }


def note(one: SimulatedPagerDutyNote) -> Json:
    by = reference(one.by)
    return {"id": one.id, "user": by, "content": one.text, "created_at": instant(one.at), "channel": {"type": "api"}}


def entry(owner: SimulatedPagerDutyIncident, one: SimulatedPagerDutyEntry) -> Json:
    shown: Json = {
        **_head(f"{one.kind}_log_entry", "log_entries", one.id, _sentence(one)),
        "created_at": instant(one.at),
        "agent": reference(one.agent),
        "channel": {"type": one.channel, **({"summary": one.text} if one.text else {})},
        "incident": _pointer("incident", "incidents", owner.id, f"[#{owner.number}] {owner.title}"),
        "service": reference(owner.service),
        "teams": [reference(each) for each in owner.teams],
    }
    if one.kind in ("assign", "escalate"):
        shown["assignees"] = [reference(each) for each in one.assignees]
    return shown


def _sentence(one: SimulatedPagerDutyEntry) -> str:
    to = ", ".join(person.name for person in one.assignees)
    said = {
        "trigger": "Triggered",
        "assign": f"Assigned to {to}",
        "escalate": f"Escalated to {to}",
        "acknowledge": "Acknowledged",
        "unacknowledge": "Unacknowledged",
        "resolve": "Resolved",
        "annotate": "Note added",
        "snooze": "Snoozed",
    }[one.kind]
    return f"{said} by {one.agent.name}" + (" after a time-out" if one.channel == "timeout" else "")


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
