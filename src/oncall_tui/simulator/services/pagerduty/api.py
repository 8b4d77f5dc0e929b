"""A simulated PagerDuty: the incidents and on-call part of its REST API v2, as the published OpenAPI file has it.

Every incident moves by itself, lazily: before each answer `advance` does what has come due since the last one, at the
instant at which it was due. Where the documentation leaves an answer open, the strict one is given, so that a client
which passes here asks PagerDuty for nothing that is undocumented.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.pagerduty import shapes
from oncall_tui.simulator.services.pagerduty.http import (
    ACCEPT,
    Limit,
    accepted,
    body_of,
    id_of,
    key_of,
    member,
    object_of,
    route,
    whole,
)
from oncall_tui.simulator.services.pagerduty.incident import (
    IdSequence,
    SimulatedPagerDutyAudit,
    SimulatedPagerDutyChange,
    SimulatedPagerDutyIncident,
    SimulatedPagerDutyRefusal,
    invalid,
    missing,
)
from oncall_tui.simulator.services.pagerduty.query import Listing, chosen, include, page, time_of
from oncall_tui.simulator.services.pagerduty.team import SimulatedPagerDutyAccount, SimulatedPagerDutyPerson

AT_ONCE = 250
"""Incidents that one PUT may change (OpenAPI, `PUT /incidents`)."""
LONGEST_SNOOZE = 604_800
"""Seconds (OpenAPI, `POST /incidents/{id}/snooze`)."""

_STATUSES = ("triggered", "acknowledged", "resolved")
_TOKEN = re.compile(r"Token token=(\S+)")


class SimulatedPagerDuty:
    """One account. `now` gives POSIX seconds; `speed` divides every time-out; `spec` is described in pagerduty_team."""

    def __init__(self, now: Callable[[], float], speed: float = 1.0, spec: Mapping[str, Any] | None = None) -> None:
        self._now = now
        self._account = SimulatedPagerDutyAccount(spec, speed)
        self._limit = Limit(now, (spec or {}).get("calls_a_minute"))
        self._serial = IdSequence()
        self._incidents: dict[str, SimulatedPagerDutyIncident] = {}
        self._changes: list[SimulatedPagerDutyChange] = []
        self._audits: list[SimulatedPagerDutyAudit] = []
        self._open: dict[str, SimulatedPagerDutyIncident] = {}
        """The open ones by their keys."""
        self._next_due = -math.inf
        """Nothing comes due before this, POSIX seconds; what changes an incident puts it back."""

    def operation(self, request: Request) -> str:
        """The request's name, as `PUT /incidents/{id}/merge`."""
        return f"{request.method} {route(request.path)}"

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        self.advance()
        if request.method != "GET":
            self._next_due = -math.inf
        refused = self._limit.refusal()
        if refused is not None:
            return self._limit.told(refused)
        try:
            return self._limit.told(self._handle(request))
        except SimulatedPagerDutyRefusal as refusal:
            return self._limit.told(json_answer(refusal.value, refusal.status))

    # What the world does

    def trigger(
        self,
        key: str,
        title: str,
        service: str,
        urgency: str = "high",
        details: dict[str, object] | None = None,
        alert_key: str = "",
        began: float | None = None,
        priority: str = "",
    ) -> str:
        """Trigger an incident, or add an alert to the open one of that key; its id. `began` in POSIX seconds."""
        at = self._now() if began is None else began
        incident = self._still_open(key)
        if incident is None:
            incident = self._new(key, title, service, urgency, at)
            incident.priority = priority
            self._next_due = min(self._next_due, incident.next_due)
        incident.add_alert(alert_key or key, title, details or {}, at)
        return incident.id

    def past(
        self,
        given: Mapping[str, Any],
        began: float,
        ended: float,
        by: str | None = None,
        acknowledged: tuple[str, float] | None = None,
    ) -> None:
        """Lay an incident that is over. Times in POSIX seconds; *acknowledged*: by whom and when; *by* ended it."""
        key = str(given["key"])
        incident = self._new(key, str(given["title"]), str(given["service"]), str(given["urgency"]), began)
        incident.priority = str(given.get("priority", ""))
        details = dict(given.get("details", {}))
        incident.add_alert(str(given.get("alert_key", key)), incident.title, details, began)
        if acknowledged is not None:
            incident.advance(acknowledged[1])
            incident.acknowledge(self._somebody(acknowledged[0]), acknowledged[1])
        incident.advance(ended)
        if incident.status != "resolved":
            incident.resolve(incident.service if by is None else self._somebody(by), ended)
        self._open.pop(key, None)

    def check(self, who: str) -> None:
        """ValueError where nobody has this name, e-mail address or id."""
        self._somebody(who)

    def change(self, service: str, summary: str, source: str = "") -> None:
        """A change event, as a deploy sends one: it is related to what is and will be open on that service."""
        self._changes.append(
            SimulatedPagerDutyChange(self._serial("C"), self._account.service(service), summary, source, self._now())
        )

    def edit_schedule(self, schedule: str, by: str, action: str = "update") -> None:
        """An edit of an on-call schedule by somebody, which the audit records have."""
        self._audits.append(
            SimulatedPagerDutyAudit(self._serial("A"), schedule, action, self._somebody(by), self._now())
        )

    def acknowledge(self, key: str, by: str) -> None:
        """Acknowledge the open incident of that key, if there is one, as *by* (a name, an e-mail address or an id)."""
        incident, person = self._still_open(key), self._somebody(by)
        if incident is not None and all(who != person for _, who in incident.acknowledged):
            incident.acknowledge(person, self._now())
            self._next_due = -math.inf

    def resolve(self, key: str, by: str | None = None) -> None:
        """The open incident of that key ends, by itself or by somebody's hand."""
        incident = self._still_open(key)
        if incident is not None:
            incident.resolve(incident.service if by is None else self._somebody(by), self._now())
            self._next_due = -math.inf

    def advance(self) -> None:
        """Run everything that came due: escalations, lapses of acknowledgements, automatic resolves."""
        now = self._now()
        if now < self._next_due:
            return
        for key, incident in list(self._open.items()):
            incident.advance(now)
            if incident.status == "resolved":
                del self._open[key]
        self._next_due = min((one.next_due for one in self._open.values()), default=math.inf)

    def state(self) -> object:
        """Return the state, for scenarios and tests: every incident as the API shows it."""
        self.advance()
        return {"incidents": [shapes.incident(one) for one in self._incidents.values()]}

    def _new(self, key: str, title: str, service: str, urgency: str, at: float) -> SimulatedPagerDutyIncident:
        where = self._account.service(service)
        number = len(self._incidents) + 1
        incident = SimulatedPagerDutyIncident(
            self._serial("Q"), number, key, title, where, urgency, at, serial=self._serial, policy=where.policy
        )
        incident.start(at)
        self._incidents[incident.id] = self._open[key] = incident
        return incident

    def _still_open(self, key: str) -> SimulatedPagerDutyIncident | None:
        self.advance()
        return self._open.get(key)

    def _somebody(self, who: str) -> SimulatedPagerDutyPerson:
        person = self._account.person(who)
        if person is None:
            raise ValueError(f"nobody is called {who!r}")
        return person

    # Answering

    def _handle(self, request: Request) -> SimulatedAnswer:
        user = self._token(request)
        if not accepted(request):
            raise SimulatedPagerDutyRefusal(2001, f"Accept: {ACCEPT} is required", 406)
        route = self.operation(request)
        if route in _READS:
            return _READS[route](self, request)
        if route == "GET /users/me":
            return self._me(user)
        if route in _WRITES:
            return _WRITES[route](self, request, self._author(request))
        raise missing()

    def _token(self, request: Request) -> SimulatedPagerDutyPerson | None:
        """The user whom the token belongs to, None for the account's own key."""
        found = _TOKEN.fullmatch(request.headers.get("authorization", "").strip())
        if found is None or found[1] not in self._account.tokens:
            raise SimulatedPagerDutyRefusal(2006, "Authentication failed: the token is missing or unknown", 401)
        return self._account.tokens[found[1]]

    def _author(self, request: Request) -> SimulatedPagerDutyPerson:
        """Return the writer, by the From header: it must be the e-mail address of a user of the account."""
        email = request.headers.get("from", "").strip()
        if not email:
            raise invalid("The From header is required")
        person = self._account.person(email)
        if person is None or "@" not in email:
            raise SimulatedPagerDutyRefusal(1008, "Requester User Not Found")
        return person

    def _me(self, user: SimulatedPagerDutyPerson | None) -> SimulatedAnswer:
        if user is None:
            raise invalid("/users/me needs a user's token: this key belongs to the account")
        return json_answer({"user": shapes.person(user)})

    def _incident(self, request: Request) -> SimulatedPagerDutyIncident:
        found = self._incidents.get(id_of(request))
        if found is None:
            raise missing()
        return found

    # Reading

    def _list_incidents(self, request: Request) -> SimulatedAnswer:
        return Listing(request, self._now()).answer(self._incidents.values())

    def _get_incident(self, request: Request) -> SimulatedAnswer:
        return json_answer({"incident": shapes.incident(self._incident(request), include(request))})

    def _get_notes(self, request: Request) -> SimulatedAnswer:
        return json_answer({"notes": [shapes.note(one) for one in reversed(self._incident(request).notes)]})

    def _get_log(self, request: Request) -> SimulatedAnswer:
        incident = self._incident(request)
        return page(request, "log_entries", [shapes.entry(incident, one) for one in reversed(incident.log)])

    def _get_alerts(self, request: Request) -> SimulatedAnswer:
        incident = self._incident(request)
        wanted = chosen(request, "statuses[]") or chosen(request, "statuses")
        shown = [shapes.alert(incident, one) for one in incident.alerts]
        return page(request, "alerts", [one for one in shown if not wanted or one["status"] in wanted])

    def _get_changes(self, request: Request) -> SimulatedAnswer:
        incident = self._incident(request)
        found = [shapes.change(one) for one in self._changes if one.service == incident.service]
        return json_answer({"change_events": found[::-1]})

    def _list_changes(self, request: Request) -> SimulatedAnswer:
        """Answer with those since a time, the newest first."""
        since = request.query.get("since", ["1970-01-01T00:00:00Z"])[-1]
        try:
            begin = datetime.fromisoformat(since).timestamp()
        except ValueError:
            raise invalid("since is no date") from None
        found = [shapes.change(one) for one in self._changes if one.at >= begin]
        shown = [{key: one[key] for key in one if key != "correlation_reason"} for one in found[::-1]]
        return page(request, "change_events", shown)

    def _list_audits(self, request: Request) -> SimulatedAnswer:
        """Answer with those since a time, the newest first, paged by a cursor."""
        begin = time_of(request, "since", self._now() - 86_400.0)
        kinds = chosen(request, "root_resource_types[]")
        found = [
            shapes.audit(one) for one in self._audits[::-1] if one.at >= begin and (not kinds or "schedules" in kinds)
        ]
        start = int(request.query.get("cursor", ["0"])[-1])
        limit = min(int(request.query.get("limit", ["100"])[-1]), 100)
        cursor = str(start + limit) if start + limit < len(found) else None
        return json_answer({"records": found[start : start + limit], "limit": limit, "next_cursor": cursor})

    def _list_oncalls(self, request: Request) -> SimulatedAnswer:
        found: Iterable[shapes.Json] = shapes.oncalls(
            self._account, self._now(), include(request), self._until(request)
        )
        for name, part in (("escalation_policy_ids[]", "escalation_policy"), ("user_ids[]", "user")):
            wanted = chosen(request, name)
            found = [one for one in found if not wanted or key_of(one[part]) in wanted]
        return page(request, "oncalls", list(found))

    def _until(self, request: Request) -> float:
        """To when shifts are wanted: now, where it does not say (OpenAPI, `GET /oncalls`)."""
        if chosen(request, "earliest") == {"true"} or not request.query.get("until"):
            return self._now()
        return time_of(request, "until", self._now())

    def _list_policies(self, request: Request) -> SimulatedAnswer:
        return page(request, "escalation_policies", [shapes.policy(one) for one in self._account.policies.values()])

    def _get_policy(self, request: Request) -> SimulatedAnswer:
        found = self._account.policies.get(id_of(request))
        if found is None:
            raise missing()
        return json_answer({"escalation_policy": shapes.policy(found)})

    def _list_users(self, request: Request) -> SimulatedAnswer:
        wanted = request.query.get("query", [""])[-1].casefold()
        found = [one for one in self._account.people.values() if wanted in f"{one.name}\n{one.email}".casefold()]
        return page(request, "users", [shapes.person(one) for one in found])

    def _list_services(self, request: Request) -> SimulatedAnswer:
        return page(request, "services", [shapes.service(one) for one in self._account.services.values()])

    def _get_service(self, request: Request) -> SimulatedAnswer:
        found = self._account.services.get(id_of(request))
        if found is None:
            raise missing()
        return json_answer({"service": shapes.service(found)})

    def _list_teams(self, request: Request) -> SimulatedAnswer:
        return page(request, "teams", [shapes.team(one) for one in self._account.teams.values()])

    # Writing

    def _put_incidents(self, request: Request, by: SimulatedPagerDutyPerson) -> SimulatedAnswer:
        """Change many; those that cannot be changed are left out of the answer, unless that is all of them."""
        items = member(request, "incidents", list)
        if len(items) > AT_ONCE:
            raise SimulatedPagerDutyRefusal(2001, f"At most {AT_ONCE} incidents can be changed at once", 413)
        changed: list[SimulatedPagerDutyIncident] = []
        refusals: list[SimulatedPagerDutyRefusal] = []
        for item in items:
            try:
                changed.append(self._change(object_of(item), by))
            except SimulatedPagerDutyRefusal as refusal:
                refusals.append(refusal)
        if refusals and not changed:
            raise refusals[0]
        return json_answer({"incidents": [shapes.incident(one, include(request)) for one in changed]})

    def _put_incident(self, request: Request, by: SimulatedPagerDutyPerson) -> SimulatedAnswer:
        item = member(request, "incident", dict)
        incident = self._change({**item, "id": self._incident(request).id}, by)
        return json_answer({"incident": shapes.incident(incident, include(request))})

    def _change(self, item: dict[str, Any], by: SimulatedPagerDutyPerson) -> SimulatedPagerDutyIncident:
        """Apply one item of a PUT. A policy wins over a level that is sent with it: it restarts at its first level."""
        incident = self._incidents.get(str(item.get("id")))
        if incident is None:
            raise missing()
        if incident.service.only and by.name not in incident.service.only:
            raise SimulatedPagerDutyRefusal(2010, "Access Denied", 403)
        if item.get("type") not in ("incident_reference", "incident"):
            raise invalid("Type must be incident_reference")
        if item.get("status") not in (None, *_STATUSES):
            raise invalid(f"Status must be one of {', '.join(_STATUSES)}")
        now = self._now()
        if item.get("escalation_policy"):
            incident.give(self._policy_of(item["escalation_policy"]), by, now)
        elif item.get("assignments"):
            incident.assign(self._assignees(item["assignments"]), by, now)
        elif item.get("escalation_level") is not None:
            incident.escalate(whole(item["escalation_level"], "Escalation level"), by, now)
        if item.get("status") is not None:
            self._set_status(incident, item["status"], by)
        incident.title = str(item.get("title") or incident.title)
        if item.get("resolution"):
            incident.note(str(item["resolution"]), by, now)
        return incident

    def _set_status(self, incident: SimulatedPagerDutyIncident, status: object, by: SimulatedPagerDutyPerson) -> None:
        now = self._now()
        if status == "resolved":
            incident.resolve(by, now)
            self._open.pop(incident.key, None)
            return
        was_resolved = incident.status == "resolved"
        if was_resolved and incident.key in self._open:
            raise invalid("Another open incident has the same incident key")
        if status == "acknowledged":
            incident.acknowledge(by, now)
        else:
            incident.reopen(by, now)
        self._open[incident.key] = incident

    def _policy_of(self, item: object) -> Any:
        policy = self._account.policies.get(key_of(item))
        if policy is None:
            raise invalid("Escalation policy cannot be found")
        return policy

    def _assignees(self, items: object) -> list[SimulatedPagerDutyPerson]:
        found = [
            self._account.people.get(key_of(object_of(item).get("assignee")))
            for item in (items if isinstance(items, list) else [])
        ]
        if not found or None in found:
            raise invalid("Assignee cannot be found")
        return [person for person in found if person is not None]

    def _post_note(self, request: Request, by: SimulatedPagerDutyPerson) -> SimulatedAnswer:
        incident = self._incident(request)
        text = member(request, "note", dict).get("content")
        if not isinstance(text, str) or not text.strip():
            raise invalid("Content cannot be empty")
        return json_answer({"note": shapes.note(incident.note(text, by, self._now()))})

    def _snooze(self, request: Request, by: SimulatedPagerDutyPerson) -> SimulatedAnswer:
        incident = self._incident(request)
        seconds = whole(body_of(request).get("duration"), "Duration")
        if not 1 <= seconds <= LONGEST_SNOOZE:
            raise invalid(f"Duration must be between 1 and {LONGEST_SNOOZE}")
        incident.snooze(seconds, by, self._now())
        return json_answer({"incident": shapes.incident(incident, include(request))}, 201)

    def _merge(self, request: Request, by: SimulatedPagerDutyPerson) -> SimulatedAnswer:
        """Move the sources' alerts into the target and resolve the sources."""
        target = self._incident(request)
        sources = [self._incidents.get(key_of(item)) for item in member(request, "source_incidents", list)]
        if not sources or None in sources or target in sources:
            raise invalid("Source incidents cannot be merged")
        for source in sources:
            if source is not None:
                target.alerts += source.alerts
                source.alerts = []
                if source.status != "resolved":
                    self._set_status(source, "resolved", by)
        return json_answer({"incident": shapes.merged(target)})


_READS: dict[str, Callable[[SimulatedPagerDuty, Request], SimulatedAnswer]] = {
    "GET /incidents": SimulatedPagerDuty._list_incidents,
    "GET /incidents/{id}": SimulatedPagerDuty._get_incident,
    "GET /incidents/{id}/notes": SimulatedPagerDuty._get_notes,
    "GET /incidents/{id}/log_entries": SimulatedPagerDuty._get_log,
    "GET /incidents/{id}/alerts": SimulatedPagerDuty._get_alerts,
    "GET /incidents/{id}/related_change_events": SimulatedPagerDuty._get_changes,
    "GET /change_events": SimulatedPagerDuty._list_changes,
    "GET /audit/records": SimulatedPagerDuty._list_audits,
    "GET /oncalls": SimulatedPagerDuty._list_oncalls,
    "GET /escalation_policies": SimulatedPagerDuty._list_policies,
    "GET /escalation_policies/{id}": SimulatedPagerDuty._get_policy,
    "GET /users": SimulatedPagerDuty._list_users,
    "GET /services": SimulatedPagerDuty._list_services,
    "GET /services/{id}": SimulatedPagerDuty._get_service,
    "GET /teams": SimulatedPagerDuty._list_teams,
}
_WRITES: dict[str, Callable[[SimulatedPagerDuty, Request, SimulatedPagerDutyPerson], SimulatedAnswer]] = {
    "PUT /incidents": SimulatedPagerDuty._put_incidents,
    "PUT /incidents/{id}": SimulatedPagerDuty._put_incident,
    "PUT /incidents/{id}/merge": SimulatedPagerDuty._merge,
    "POST /incidents/{id}/notes": SimulatedPagerDuty._post_note,
    "POST /incidents/{id}/snooze": SimulatedPagerDuty._snooze,
}
