"""A simulated PagerDuty Events v2: takes events, and makes incidents where the drill has a PagerDuty.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer

ROUTING_KEY = "drill-account"
SUMMARY, DEDUP, BODY = 1_024, 255, 512 * 1024
SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")


class SimulatedPagerDutyPager(Protocol):
    """This module's view of the simulated PagerDuty."""

    def trigger(
        self,
        key: str,
        title: str,
        service: str,
        urgency: str = "high",
        details: dict[str, object] | None = None,
        alert_key: str = "",
        began: float | None = None,
    ) -> str:
        """A new incident, or one more alert in the open one of that key."""
        ...

    def resolve(self, key: str, by: str | None = None) -> object:
        """Resolve it."""


class SimulatedEvents:
    """One integration of the service `service`. `pager` gives the PagerDuty behind it, if there is one."""

    def __init__(
        self, now: Callable[[], float], name: str, service: str, pager: Callable[[], SimulatedPagerDutyPager | None]
    ) -> None:
        self._now, self.name, self._service, self._pager = now, name, service, pager
        self.received: list[dict[str, Any]] = []

    def operation(self, request: Request) -> str:
        """``enqueue`` or ``change/enqueue``."""
        return request.path.removeprefix("/v2/")

    def is_write(self, operation: str) -> bool:
        """Both are."""
        return True

    def handle(self, request: Request) -> SimulatedAnswer:
        """202 where it was taken; 400 with what is wrong."""
        operation = self.operation(request)
        if request.method != "POST" or operation not in ("enqueue", "change/enqueue"):
            return SimulatedAnswer(404, b"Not Found", {"Content-Type": "text/plain"})
        if len(request.body) > BODY:
            return SimulatedAnswer(413, b"", {})
        try:
            asked = json.loads(request.body)
        except ValueError:
            return _refused("invalid JSON", ["body must be an object"])
        wrong = _wrong(asked, operation) if isinstance(asked, dict) else ["body must be an object"]
        if wrong:
            return _refused("Event object is invalid", wrong)
        return self._take(asked, operation)

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return the API's answer to a throttled or denied call; None where the API itself does not answer."""
        if kind == "throttle":
            said = {"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly."}
            return json_answer(said, 429)
        if kind in ("denied", "unauthorized", "expired"):
            return _refused("Invalid routing key", [])
        return None

    def _take(self, asked: dict[str, Any], operation: str) -> SimulatedAnswer:
        kept = {"at": self._now(), "kind": operation, **{k: v for k, v in asked.items() if k != "routing_key"}}
        self.received.append(kept)
        if operation == "change/enqueue":
            return json_answer({"status": "success", "message": "Change event processed"}, 202)
        key = asked.get("dedup_key") or f"drill-event-{len(self.received)}"
        kept["dedup_key"] = key
        pager = self._pager()
        if pager is not None:
            self._page(pager, asked, key)
        return json_answer({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _page(self, pager: SimulatedPagerDutyPager, asked: dict[str, Any], key: str) -> None:
        if asked["event_action"] == "resolve":
            pager.resolve(key)
        elif asked["event_action"] == "trigger":
            payload = asked["payload"]
            urgency = "high" if payload["severity"] in ("critical", "error") else "low"
            details = payload.get("custom_details", {})
            pager.trigger(key, payload["summary"], self._service, urgency, details, key)


def _refused(message: str, errors: list[str]) -> SimulatedAnswer:
    return json_answer({"status": "invalid event", "message": message, "errors": errors}, 400)


def _wrong(asked: dict[str, Any], operation: str) -> list[str]:
    """Return the deviations from the documentation."""
    found = []
    if asked.get("routing_key") != ROUTING_KEY:
        found.append("'routing_key' is invalid")
    payload = asked.get("payload", {})
    alert = operation == "enqueue"
    if alert and asked.get("event_action") not in ACTIONS:
        found.append("'event_action' is invalid")
    if alert and len(str(asked.get("dedup_key", ""))) > DEDUP:
        found.append(f"'dedup_key' is over {DEDUP} characters")
    if alert and asked.get("event_action") != "trigger":
        return found
    if not isinstance(payload, dict) or not payload.get("summary"):
        return [*found, "'payload.summary' is missing or blank"]
    if len(payload["summary"]) > SUMMARY:
        found.append(f"'payload.summary' is over {SUMMARY} characters")
    if alert and not payload.get("source"):
        found.append("'payload.source' is missing or blank")
    if alert and payload.get("severity") not in SEVERITIES:
        found.append("'payload.severity' is invalid (must be one of critical, warning, error or info)")
    return found
