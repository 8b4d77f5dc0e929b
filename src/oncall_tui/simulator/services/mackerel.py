"""A simulated Mackerel: an organization's alerts and monitors, as its documents have them (mackerel.io/api-docs)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer

PAGE = 100
"""Alerts of one answer, and the most that `limit` may ask for ("List Alerts")."""

_PATH = re.compile(r"/api/v0/(alerts|monitors|hosts|downtimes)(?:/([^/]+)(?:/(close|logs))?)?")


@dataclass
class SimulatedMackerelAlert:
    """One alert, closed once it has `closed` (POSIX seconds)."""

    id: str
    monitor: str
    type: str
    status: str
    opened: float
    message: str = ""
    host: str = ""
    reason: str = ""
    closed: float | None = None
    memo: str = ""
    logs: list[dict[str, Any]] = field(default_factory=list)
    """Its changes, the oldest first."""

    def log(self, at: float, trigger: str) -> None:
        """Note its status as it is now."""
        shown = {"id": f"{self.id}-{len(self.logs)}", "createdAt": int(at), "status": self.status, "trigger": trigger}
        self.logs.append({**shown, "monitorId": self.monitor, "targetValue": None})

    def public(self) -> dict[str, Any]:
        """Return it as the API shows it: what is not there is left out."""
        optional: dict[str, Any] = {"hostId": self.host, "message": self.message, "reason": self.reason}
        optional["memo"] = self.memo
        found = {"id": self.id, "status": self.status, "monitorId": self.monitor, "type": self.type}
        found |= {"openedAt": int(self.opened)} | {name: value for name, value in optional.items() if value}
        return found if self.closed is None else {**found, "closedAt": int(self.closed)}


_ONE = frozenset(
    {
        "GET /api/v0/alerts/{id}",
        "PUT /api/v0/alerts/{id}",
        "POST /api/v0/alerts/{id}/close",
        "GET /api/v0/alerts/{id}/logs",
    }
)


class _Refusal(Exception):
    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.answer = json_answer({"error": {"message": message}}, status)


class SimulatedMackerel:
    """One organization. `now` gives POSIX seconds; `spec`: monitors [{name, type, service}].

    Keys are good that begin with `drill-`, or that `spec` names.
    """

    def __init__(self, now: Callable[[], float], spec: Mapping[str, Any] | None = None) -> None:
        spec = spec or {}
        self._now = now
        self._keys = tuple(spec.get("keys", ["drill-"]))
        self._monitors: dict[str, dict[str, Any]] = {}
        self._alerts: list[SimulatedMackerelAlert] = []
        self._open: dict[str, SimulatedMackerelAlert] = {}
        self._hosts: dict[str, dict[str, str]] = {}
        self.downtimes: list[dict[str, Any]] = []
        """As the API shows them: `start` in POSIX seconds, `duration` in minutes."""
        for it in spec.get("monitors", []):
            self._monitor(it["name"], it.get("type", "service"), it.get("service", ""))

    def operation(self, request: Request) -> str:
        """The request's name, as `POST /api/v0/alerts/{id}/close`."""
        found = _PATH.fullmatch(request.path)
        tail = "" if found is None or not found[2] else "/{id}" + (f"/{found[3]}" if found[3] else "")
        return f"{request.method} /api/v0/{found[1]}{tail}" if found else f"{request.method} {request.path}"

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        try:
            return self._handle(request)
        except _Refusal as refusal:
            return refusal.answer

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return Mackerel's refusal; of a limit it says nothing in its headers."""
        told = {
            "throttle": (429, "Too many requests"),
            "expired": (401, "Authentication failed. Please try with valid Api Key."),
            "unauthorized": (401, "Authentication failed. Please try with valid Api Key."),
            "denied": (403, "Forbidden"),
            "error500": (500, "Internal Server Error"),
        }
        return json_answer({"error": {"message": told[kind][1]}}, told[kind][0]) if kind in told else None

    # What the world does

    def open(self, key: str, monitor: str, status: str = "CRITICAL", **more: Any) -> str:
        """Open an alert of a monitor (or change the status of the open one of that key); returns its id."""
        alert = self._open.get(key)
        if alert is None:
            monitor_id = self._monitor(monitor, str(more.get("type", "service")))
            opened = float(more.get("began") or self._now())
            kind = self._monitors[monitor_id]["type"]
            alert = SimulatedMackerelAlert(f"2x{len(self._alerts) + 1:09d}", monitor_id, kind, status, opened)
            self._alerts.append(alert)
            self._open[key] = alert
        alert.status, alert.message = status, str(more.get("message", alert.message))
        alert.host = str(more.get("host", alert.host))
        if not alert.logs or alert.logs[-1]["status"] != status:
            alert.log(alert.opened if not alert.logs else self._now(), "monitor")
        return alert.id

    def past(
        self,
        given: Mapping[str, Any],
        began: float,
        ended: float,
        by: str | None = None,
        acknowledged: tuple[str, float] | None = None,
    ) -> None:
        """Lay an alert that is closed. Times in POSIX seconds."""
        more = {name: value for name, value in given.items() if name != "minutes_ago"}
        made = self.open(**more, began=began)
        alert = next(one for one in self._alerts if one.id == made)
        del self._open[given["key"]]
        alert.status, alert.closed = "OK", ended
        alert.log(ended, "monitor")

    def close(self, key: str) -> None:
        """The alert of that key is over by itself."""
        alert = self._open.pop(key, None)
        if alert is not None:
            alert.status, alert.closed = "OK", self._now()
            alert.log(alert.closed, "monitor")

    def name_host(self, host_id: str, name: str, display: str = "") -> None:
        """Let a host of that id have these names."""
        self._hosts[host_id] = {"id": host_id, "name": name, **({"displayName": display} if display else {})}

    def change_monitor(self, name: str, **more: Any) -> None:
        """Set `isMute` or `memo` of the monitor of that name."""
        self._monitors[self._monitor(name, "service")] |= more

    def state(self) -> dict[str, Any]:
        """Return the state, for scenarios and tests."""
        return {"mackerel": [alert.public() for alert in self._alerts]}

    def _monitor(self, name: str, kind: str, service: str = "") -> str:
        for monitor_id, monitor in self._monitors.items():
            if monitor["name"] == name:
                return monitor_id
        made = f"2m{len(self._monitors) + 1:09d}"
        more = {"service": service} if service else {}
        self._monitors[made] = {"id": made, "type": kind, "name": name, "memo": "", "isMute": False, **more}
        return made

    # Answering

    def _handle(self, request: Request) -> SimulatedAnswer:
        if not request.headers.get("x-api-key", "").startswith(self._keys):
            raise _Refusal("Authentication failed. Please try with valid Api Key.", 401)
        operation = self.operation(request)
        if operation == "GET /api/v0/alerts":
            return self._list(request)
        if operation == "GET /api/v0/downtimes":
            return json_answer({"downtimes": self.downtimes})
        if operation == "GET /api/v0/monitors":
            return json_answer({"monitors": list(self._monitors.values())})
        wanted = request.path.split("/")[4:5]
        if operation == "GET /api/v0/hosts/{id}" and wanted[0] in self._hosts:
            return json_answer({"host": self._hosts[wanted[0]]})
        if operation not in _ONE:
            raise _Refusal("Not Found", 404)
        return self._one(wanted[0], operation, request)

    def _one(self, wanted: str, operation: str, request: Request) -> SimulatedAnswer:
        alert = next((one for one in self._alerts if one.id == wanted), None)
        if alert is None:
            raise _Refusal("Alert not found.", 404)
        if operation.endswith("/logs"):
            return json_answer({"logs": alert.logs[: -PAGE - 1 : -1]})
        if request.method == "PUT":
            alert.memo = _field(request, "memo")
            return json_answer({"id": alert.id, "memo": alert.memo})
        return json_answer(alert.public()) if request.method == "GET" else self._close(alert, request)

    def _list(self, request: Request) -> SimulatedAnswer:
        limit = request.query.get("limit", [str(PAGE)])[-1]
        if not limit.isdecimal() or not 1 <= int(limit) <= PAGE:
            raise _Refusal("limit must be between 1 and 100.", 400)
        closed_too = request.query.get("withClosed", ["false"])[-1] == "true"
        found = [one for one in self._alerts if closed_too or one.closed is None]
        found.sort(key=lambda one: (one.opened, one.id), reverse=True)
        after = request.query.get("nextId", [""])[-1]
        ids = [one.id for one in found]
        if after and after not in ids:
            raise _Refusal("nextId is invalid.", 400)
        start = ids.index(after) + 1 if after else 0
        shown = found[start : start + int(limit)]
        more = {"nextId": shown[-1].id} if start + len(shown) < len(found) else {}
        return json_answer({"alerts": [one.public() for one in shown], **more})

    def _close(self, alert: SimulatedMackerelAlert, request: Request) -> SimulatedAnswer:
        reason = _field(request, "reason")
        if alert.closed is None:
            alert.status, alert.closed, alert.reason = "OK", self._now(), reason
            alert.log(alert.closed, "manual")
            self._open = {key: one for key, one in self._open.items() if one is not alert}
        return json_answer(alert.public())


def _field(request: Request, name: str) -> str:
    """A text of the body."""
    try:
        value = json.loads(request.body)[name]
    except (ValueError, KeyError, TypeError):
        raise _Refusal(f"{name} is required.", 400) from None
    if not isinstance(value, str):
        raise _Refusal(f"{name} must be a string.", 400)
    return value
