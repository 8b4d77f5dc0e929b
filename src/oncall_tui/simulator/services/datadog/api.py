"""A simulated Datadog: the monitors and downtimes part of its API, as its published OpenAPI files have it.

The answers have the members that recordings of the real one have, in the published clients' tests. Where the
documentation leaves an answer open, the strict one is given. Monitors speak POSIX seconds, downtimes RFC 3339.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.datadog.events import SimulatedDatadogEvent, listed_events
from oncall_tui.simulator.services.datadog.http import (
    SimulatedDatadogRefusal,
    attributes_of,
    includes,
    instant,
    instant_or_none,
    listed,
    moment,
    number_of,
    one_of,
    whole,
)
from oncall_tui.simulator.services.datadog.model import (
    STATES,
    SimulatedDatadogDowntime,
    SimulatedDatadogGroup,
    SimulatedDatadogMonitor,
    tags_of_scope,
)

LARGEST_PAGE = 1000
"""Monitors (OpenAPI v1, `GET /api/v1/monitor`: `page_size`)."""
_Json = dict[str, Any]


class SimulatedDatadog:
    """One organization. `now` gives POSIX seconds. Keys are good that begin with `drill-`."""

    def __init__(self, now: Callable[[], float], robot: str = "On-call tool") -> None:
        self._now = now
        self._monitors: dict[int, SimulatedDatadogMonitor] = {}
        self._downtimes: dict[str, SimulatedDatadogDowntime] = {}
        self._users: dict[str, str] = {}
        self._events: list[SimulatedDatadogEvent] = []
        self._robot = self._user(robot)

    # What the world does

    def add(self, spec: _Json) -> SimulatedDatadogMonitor:
        """A monitor as a scenario describes it: `groups` (name -> state), or `state` where it is not split.

        Raises ValueError.
        """
        now = self._now()
        since = now - 60 * float(spec.get("minutes", 60.0))
        number = int(spec.get("id", 2001 + len(self._monitors)))
        if number in self._monitors:
            raise ValueError(f"the monitor {number} is here twice")
        monitor = SimulatedDatadogMonitor(
            number, spec["name"], since - 86400 * 30, spec.get("priority"), tuple(spec.get("tags", ()))
        )
        monitor.query = spec.get("query", monitor.query)
        monitor.message = spec.get("message", "")
        monitor.type = spec.get("type", monitor.type)
        for name, state in spec.get("groups", {"*": spec.get("state", "OK")}).items():
            if state not in STATES:
                raise ValueError(f"state: expected one of {', '.join(STATES)}, got {state!r}")
            monitor.groups[name] = SimulatedDatadogGroup("OK")
            monitor.move(name, state, since)
        self._monitors[number] = monitor
        return monitor

    def event(self, title: str, tags: list[str]) -> None:
        """Post an event, as a pipeline does."""
        number = str(9001 + len(self._events))
        self._events.append(SimulatedDatadogEvent(number, title, self._now(), tuple(tags)))

    def _list_events(self, request: Request) -> SimulatedAnswer:
        return json_answer(listed_events(request, self._events))

    def check(self, name: str) -> None:
        """ValueError where no monitor has this name."""
        self._named(name)

    def set_state(self, name: str, group: str, state: str) -> None:
        """Move one group of the monitor of that name."""
        self._named(name).move(group, state, self._now())

    def silence(self, name: str, group: str, seconds: float, by: str, comment: str) -> None:
        """Make a downtime for one group of a monitor from now on, as a person does."""
        now, monitor = self._now(), self._named(name)
        scope = "*" if group == "*" else " AND ".join(group.split(","))
        made = SimulatedDatadogDowntime(
            str(uuid.uuid4()), scope, now, now + seconds, now, comment, monitor.id, by=self._user(by)
        )
        self._downtimes[made.id] = made

    def state(self) -> _Json:
        """Return the state, for scenarios and tests."""
        shown = [self._shown(one, set(STATES), True) for one in self._monitors.values()]
        return {"monitors": shown, "downtimes": [self._downtime(one, True) for one in self._downtimes.values()]}

    def _named(self, name: str) -> SimulatedDatadogMonitor:
        for monitor in self._monitors.values():
            if monitor.name == name:
                return monitor
        raise ValueError(f"no monitor is {name!r}")

    def _user(self, name: str) -> str:
        known = {value: key for key, value in self._users.items()}
        if name not in known:
            known[name] = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
            self._users[known[name]] = name
        return known[name]

    # Answering

    def operation(self, request: Request) -> str:
        """The request's name, as `GET /api/v1/monitor/{id}`."""
        parts = request.path.strip("/").split("/")
        if len(parts) > 3 and parts[3] != "search":
            parts[3] = "{id}"
        return f"{request.method} /{'/'.join(parts)}"

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        route = _ROUTES.get(self.operation(request))
        try:
            self._check_keys(request)
            if route is None:
                raise SimulatedDatadogRefusal(404, "Not found")
            return route(self, request)
        except SimulatedDatadogRefusal as refusal:
            return refusal.answer

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return a fault on purpose, in Datadog's own words; a key without a right is still a key."""
        if kind == "denied" and request.path == "/api/v1/validate":
            return self.handle(request)
        faults = {
            "throttle": (429, "Too many requests"),
            "expired": (403, "Forbidden"),
            "unauthorized": (401, "Unauthorized"),
            "denied": (403, "Forbidden"),
        }
        status, text = faults.get(kind, (500, "Internal server error"))
        answer = json_answer({"errors": [text]}, status)
        if status == 429:
            limits = {"Limit": "500", "Period": "10", "Remaining": "0", "Reset": "2", "Name": "drill"}
            answer.headers.update({f"X-RateLimit-{name}": value for name, value in limits.items()})
        return answer

    def _check_keys(self, request: Request) -> None:
        api, application = (request.headers.get(name, "") for name in ("dd-api-key", "dd-application-key"))
        if not api:
            raise SimulatedDatadogRefusal(401, "Unauthorized")
        keys = (api,) if request.path == "/api/v1/validate" else (api, application)
        if not all(key.startswith("drill-") for key in keys):
            raise SimulatedDatadogRefusal(403, "Forbidden")

    def _validate(self, request: Request) -> SimulatedAnswer:
        return json_answer({"valid": True})

    # Monitors

    def _list_monitors(self, request: Request) -> SimulatedAnswer:
        found = sorted(self._monitors.values(), key=lambda one: one.id)
        for tag in listed(request, "monitor_tags"):
            found = [one for one in found if tag in one.tags]
        for tag in listed(request, "tags"):
            found = [one for one in found if tag in one.query]
        if "page" in request.query:
            size = min(number_of(request, "page_size", 100), LARGEST_PAGE)
            begin = number_of(request, "page", 0) * size
            found = found[begin : begin + size]
        return json_answer([self._asked(one, request) for one in found])

    def _get_monitor(self, request: Request) -> SimulatedAnswer:
        return json_answer(self._asked(self._monitor(request), request))

    def _monitor(self, request: Request) -> SimulatedDatadogMonitor:
        number = request.path.strip("/").split("/")[3]
        monitor = self._monitors.get(int(number)) if number.isdecimal() else None
        if monitor is None:
            raise SimulatedDatadogRefusal(404, "Monitor not found")
        return monitor

    def _asked(self, monitor: SimulatedDatadogMonitor, request: Request) -> _Json:
        wanted = listed(request, "group_states")
        states = {state for state in STATES if state.lower() in wanted or "all" in wanted}
        return self._shown(monitor, states if wanted else None, one_of(request, "with_downtimes") == "true")

    def _shown(self, monitor: SimulatedDatadogMonitor, states: set[str] | None, downtimes: bool) -> _Json:
        shown: _Json = {
            "id": monitor.id,
            "org_id": 1,
            "type": monitor.type,
            "name": monitor.name,
            "message": monitor.message,
            "tags": list(monitor.tags),
            "query": monitor.query,
            "options": {"thresholds": {"critical": 1.0}, "notify_no_data": True, "silenced": {}},
            "multi": monitor.multi,
            "created": instant(monitor.created),
            "modified": instant(monitor.created),
            "deleted": None,
            "restricted_roles": None,
            "priority": monitor.priority,
            "overall_state": monitor.overall,
            "overall_state_modified": None if monitor.changed is None else instant(monitor.changed),
        }
        if states is not None:
            groups = monitor.groups.items() if monitor.multi else ()
            shown["state"] = {"groups": {name: _group(name, one) for name, one in groups if one.state in states}}
        if downtimes:
            held = [one for one in self._holding() if one.is_for(monitor) and one.groups(monitor)]
            shown["matching_downtimes"] = [_matching(one) for one in held]
        return shown

    def _search(self, request: Request) -> SimulatedAnswer:
        """Words of a query: `key:value` is a tag, or `status:`; others are parts of the name."""
        words = one_of(request, "query").replace('"', "").split()
        found = [one for one in self._monitors.values() if all(_matches(one, word) for word in words)]
        size, page = number_of(request, "per_page", 30), number_of(request, "page", 0)
        pages = -(-len(found) // size)
        shown = [
            {"id": one.id, "name": one.name, "status": one.overall, "tags": list(one.tags), "type": one.type}
            for one in found[page * size : (page + 1) * size]
        ]
        meta = {"page": page, "page_count": pages, "per_page": size, "total_count": len(found)}
        return json_answer({"monitors": shown, "metadata": meta, "counts": {}})

    # Downtimes

    def _holding(self) -> list[SimulatedDatadogDowntime]:
        now = self._now()
        return [one for one in self._downtimes.values() if one.status(now) == "active"]

    def _list_downtimes(self, request: Request) -> SimulatedAnswer:
        found = self._holding() if one_of(request, "current_only") == "true" else list(self._downtimes.values())
        return self._page(request, found, lambda one: self._downtime(one, includes(request)))

    def _matches(self, request: Request) -> SimulatedAnswer:
        monitor = self._monitor(request)

        def shown(one: SimulatedDatadogDowntime) -> _Json:
            told = {"start": instant(one.start), "end": instant_or_none(one.end), "scope": one.scope}
            groups = {"groups": one.groups(monitor)}
            return {"id": one.id, "type": "downtime_match", "attributes": told | groups}

        found = [one for one in self._holding() if one.is_for(monitor) and one.groups(monitor)]
        return self._page(request, found, shown)

    def _page(
        self,
        request: Request,
        found: list[SimulatedDatadogDowntime],
        shown: Callable[[SimulatedDatadogDowntime], _Json],
    ) -> SimulatedAnswer:
        offset, limit = number_of(request, "page[offset]", 0), number_of(request, "page[limit]", 30)
        some = found[offset : offset + limit]
        answer: _Json = {"data": [shown(one) for one in some]}
        answer["meta"] = {"page": {"total_filtered_count": len(found)}}
        if includes(request):
            answer["included"] = [self._person(user) for user in dict.fromkeys(one.by for one in some)]
        return json_answer(answer)

    def _one_downtime(self, request: Request) -> SimulatedDatadogDowntime:
        found = self._downtimes.get(request.path.rpartition("/")[2])
        if found is None:
            raise SimulatedDatadogRefusal(404, "Downtime not found")
        return found

    def _get_downtime(self, request: Request) -> SimulatedAnswer:
        return self._told(self._one_downtime(request), includes(request))

    def _told(self, downtime: SimulatedDatadogDowntime, including: bool) -> SimulatedAnswer:
        answer: _Json = {"data": self._downtime(downtime, including)}
        if including:
            answer["included"] = [self._person(downtime.by)]
        return json_answer(answer)

    def _cancel(self, request: Request) -> SimulatedAnswer:
        downtime = self._one_downtime(request)
        if downtime.canceled is None:
            downtime.canceled = self._now()
        return SimulatedAnswer(204, b"")

    def _create(self, request: Request) -> SimulatedAnswer:
        asked = attributes_of(request)
        target = asked["monitor_identifier"]
        now = self._now()
        number, tags = target.get("monitor_id"), target.get("monitor_tags")
        if number is not None and number not in self._monitors:
            raise SimulatedDatadogRefusal(400, "Monitor not found")
        schedule = asked.get("schedule") or {}
        if unknown := set(schedule) - {"start", "end"}:
            raise SimulatedDatadogRefusal(400, f"Only one-time schedules are simulated, not {sorted(unknown)[0]}")
        start, end = moment(schedule.get("start"), now), moment(schedule.get("end"), None)
        if start is None or (end is not None and end <= max(start, now)):
            raise SimulatedDatadogRefusal(400, "End must be after start, and in the future")
        made = SimulatedDatadogDowntime(
            str(uuid.uuid4()), asked["scope"], start, end, now, asked.get("message"), number
        )
        made.monitor_tags, made.by = tuple(tags or ()), self._robot
        made.timezone = asked.get("display_timezone", "UTC")
        made.mute_recovery = asked.get("mute_first_recovery_notification", False)
        made.end_states = tuple(asked.get("notify_end_states", made.end_states))
        made.end_types = tuple(asked.get("notify_end_types", made.end_types))
        self._downtimes[made.id] = made
        return self._told(made, True)

    def _downtime(self, one: SimulatedDatadogDowntime, including: bool) -> _Json:
        target: _Json = {"monitor_tags": list(one.monitor_tags)}
        shown: _Json = {
            "id": one.id,
            "type": "downtime",
            "attributes": {
                "display_timezone": one.timezone,
                "scope": one.scope,
                "notify_end_states": list(one.end_states),
                "notify_end_types": list(one.end_types),
                "message": one.message,
                "created": instant(one.created),
                "modified": instant(one.created),
                "canceled": instant_or_none(one.canceled),
                "status": one.status(self._now()),
                "monitor_identifier": target if one.monitor_id is None else {"monitor_id": one.monitor_id},
                "schedule": {"start": instant(one.start), "end": instant_or_none(one.end)},
                "mute_first_recovery_notification": one.mute_recovery,
            },
        }
        if including:
            monitor = None if one.monitor_id is None else {"type": "monitors", "id": str(one.monitor_id)}
            by = {"data": {"type": "users", "id": one.by}}
            shown["relationships"] = {"monitor": {"data": monitor}, "created_by": by}
        return shown

    def _person(self, user: str) -> _Json:
        name = self._users.get(user, "")
        return {"type": "users", "id": user, "attributes": {"name": name, "handle": name, "status": "Active"}}


_ROUTES: dict[str, Callable[[SimulatedDatadog, Request], SimulatedAnswer]] = {
    "GET /api/v1/validate": SimulatedDatadog._validate,
    "GET /api/v1/monitor": SimulatedDatadog._list_monitors,
    "GET /api/v1/monitor/search": SimulatedDatadog._search,
    "GET /api/v1/monitor/{id}": SimulatedDatadog._get_monitor,
    "GET /api/v2/monitor/{id}/downtime_matches": SimulatedDatadog._matches,
    "GET /api/v2/events": SimulatedDatadog._list_events,
    "GET /api/v2/downtime": SimulatedDatadog._list_downtimes,
    "POST /api/v2/downtime": SimulatedDatadog._create,
    "GET /api/v2/downtime/{id}": SimulatedDatadog._get_downtime,
    "DELETE /api/v2/downtime/{id}": SimulatedDatadog._cancel,
}


def _group(name: str, group: SimulatedDatadogGroup) -> _Json:
    return {
        "name": name,
        "status": group.state,
        "last_triggered_ts": whole(group.triggered),
        "last_nodata_ts": whole(group.nodata),
        "last_notified_ts": whole(group.triggered),
        "last_resolved_ts": whole(group.resolved),
    }


def _matching(one: SimulatedDatadogDowntime) -> _Json:
    scope = sorted(tags_of_scope(one.scope)) or ["*"]
    number = int(one.id[:8], 16)
    return {"id": number, "active": True, "scope": scope, "start": whole(one.start), "end": whole(one.end)}


def _matches(monitor: SimulatedDatadogMonitor, word: str) -> bool:
    if word.startswith("status:"):
        return monitor.overall.lower() == word.partition(":")[2].lower()
    return word in monitor.tags if ":" in word else word.lower() in monitor.name.lower()
