"""Rules for requests to the simulated PagerDuty, and its limit a minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.pagerduty.incident import SimulatedPagerDutyRefusal, invalid

ACCEPT = "application/vnd.pagerduty+json;version=2"
MINUTE = 60.0
CALLS_A_MINUTE = 960
"""Of one key ("REST API Rate Limits")."""

_COLLECTIONS = ("incidents", "escalation_policies", "users", "services", "teams")


class Limit:
    """The calls of one key. Where *calls* is None they are told, and never used up: a standing clock has one minute."""

    def __init__(self, now: Callable[[], float], calls: int | None) -> None:
        self._now = now
        self._calls = calls
        self._minute = 0.0
        self._used = 0

    def refusal(self) -> SimulatedAnswer | None:
        """Count one call; the 429 where none is left."""
        minute = self._now() // MINUTE
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        if self._calls is None or self._used <= self._calls:
            return None
        return json_answer({"error": {"message": "Rate Limit Exceeded", "code": 2020}}, 429)

    def told(self, answer: SimulatedAnswer) -> SimulatedAnswer:
        """*answer* with the headers that tell of it."""
        calls = self._calls or CALLS_A_MINUTE
        left = calls - 1 if self._calls is None else max(0, calls - self._used)
        headers = {
            "ratelimit-limit": str(calls),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(max(1, round(MINUTE - self._now() % MINUTE))),
        }
        return answer._replace(headers={**answer.headers, **headers})


def route(path: str) -> str:
    parts = path.strip("/").split("/")
    if len(parts) > 1 and parts[0] in _COLLECTIONS and parts[:2] != ["users", "me"]:
        parts[1] = "{id}"
    return "/" + "/".join(parts)


def id_of(request: Request) -> str:
    return request.path.strip("/").split("/")[1]


def accepted(request: Request) -> bool:
    """Return whether the versioned media type is asked for, as the REST documentation ("Versioning") requires."""
    return request.headers.get("accept", "").replace(" ", "").split(",")[0] == ACCEPT


def body_of(request: Request) -> dict[str, Any]:
    """The JSON of a request. Raises SimulatedPagerDutyRefusal."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise SimulatedPagerDutyRefusal(2001, "Content-Type: application/json is required", 415)
    try:
        return object_of(json.loads(request.body))
    except ValueError:
        raise invalid("The body is no JSON") from None


def member(request: Request, name: str, kind: type) -> Any:
    value = body_of(request).get(name)
    if not isinstance(value, kind):
        raise invalid(f"{name} is required")
    return value


def object_of(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid("An object is expected")
    return value


def key_of(reference: object) -> str:
    return str(reference.get("id")) if isinstance(reference, dict) else ""


def whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{name} must be a whole number")
    return value
