"""Requests to the simulated Datadog, and its answers, as HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from oncall_tui.simulator.server.messages import Request, json_answer
from oncall_tui.simulator.services.datadog.model import tags_of_scope

_END_STATES = ("alert", "no data", "warn")
_END_TYPES = ("canceled", "expired")
_ATTRIBUTES = {
    "display_timezone",
    "message",
    "monitor_identifier",
    "mute_first_recovery_notification",
    "notify_end_states",
    "notify_end_types",
    "schedule",
    "scope",
}
_Json = dict[str, Any]


class SimulatedDatadogRefusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = json_answer({"errors": [text]}, status)


def attributes_of(request: Request) -> _Json:
    """The attributes of a new downtime, held against `DowntimeCreateRequestAttributes`.

    Raises SimulatedDatadogRefusal.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise SimulatedDatadogRefusal(415, "Content-Type: application/json is required")
    try:
        data = json.loads(request.body)["data"]
        asked: _Json = data["attributes"]
        target = asked["monitor_identifier"]
        tags_of_scope(asked["scope"])
        good = data["type"] == "downtime" and set(asked) <= _ATTRIBUTES
        one = isinstance(target.get("monitor_id"), int) and set(target) == {"monitor_id"}
        many = bool(target.get("monitor_tags")) and set(target) == {"monitor_tags"}
        ends = set(asked.get("notify_end_states", [])) <= set(_END_STATES)
        types = set(asked.get("notify_end_types", [])) <= set(_END_TYPES)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SimulatedDatadogRefusal(400, f"Invalid body: {error}") from None
    if not (good and (one or many) and ends and types):
        raise SimulatedDatadogRefusal(400, "Invalid body: not a downtime")
    return asked


def moment(text: object, default: float | None) -> float | None:
    """RFC 3339 "with a UTC offset of zero" (`DowntimeScheduleOneTimeCreateUpdateRequest`).

    Returns seconds since the epoch. Raises SimulatedDatadogRefusal.
    """
    if text is None:
        return default
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        raise SimulatedDatadogRefusal(400, "Invalid datetime") from None
    offset = when.utcoffset()
    if offset is None or offset.total_seconds():
        raise SimulatedDatadogRefusal(400, "Datetimes must have a UTC offset of zero")
    return when.timestamp()


def one_of(request: Request, name: str) -> str:
    return request.query.get(name, [""])[-1]


def listed(request: Request, name: str) -> list[str]:
    return [part.strip() for part in one_of(request, name).split(",") if part.strip()]


def includes(request: Request) -> bool:
    return "created_by" in listed(request, "include")


def number_of(request: Request, name: str, default: int) -> int:
    """A number of the query. Raises SimulatedDatadogRefusal."""
    text = one_of(request, name)
    if text and not text.isdecimal():
        raise SimulatedDatadogRefusal(400, f"{name} must be a number")
    return int(text) if text else default


def whole(at: float | None) -> int | None:
    """Whole seconds since the epoch."""
    return None if at is None else int(at)


def instant(at: float) -> str:
    """*at*, seconds since the epoch, as RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def instant_or_none(at: float | None) -> str | None:
    """Do as ``instant``, None for None. *at* is in seconds since the epoch."""
    return None if at is None else instant(at)
