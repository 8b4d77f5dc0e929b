"""Requests to the simulated Alertmanager, and its answers, as HTTP.

The shapes are those of Alertmanager's published `api/v2/openapi.yaml`; the statuses and the words of the refusals are
what a real 0.25.0 answered. Instants are POSIX seconds; on the wire they are RFC 3339 in UTC, in ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from oncall_tui.simulator.server.messages import Request, json_answer
from oncall_tui.simulator.services.alertmanager.model import (
    SimulatedAlertmanagerAlert,
    SimulatedAlertmanagerMatcher,
    SimulatedAlertmanagerSilence,
)

_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_FILTER = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!=|!~|=)\s*(.*?)\s*", re.DOTALL)


class SimulatedAlertmanagerRefused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, value: object) -> None:
        super().__init__(value)
        self.answer = json_answer(value, status)


# Reading what was sent


def flag_of(request: Request, name: str) -> bool:
    """A boolean of the query: true when it is absent, false when it is nonsense."""
    values = request.query.get(name)
    return values is None or values[-1].lower() in _TRUE


def receiver_filter(request: Request) -> re.Pattern[str] | None:
    """The receivers that are asked for, by a regular expression. Raises SimulatedAlertmanagerRefused."""
    text = request.query.get("receiver", [""])[-1]
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise SimulatedAlertmanagerRefused(
            400, f"failed to parse receiver param: {_regex_error(error, f'^(?:{text})$')}"
        ) from None


def matcher_filter(text: str) -> SimulatedAlertmanagerMatcher:
    """One `filter=`: `name="value"` with one of four operators; the quotes may be left out.

    Raises SimulatedAlertmanagerRefused.
    """
    found = _FILTER.fullmatch(text)
    if found is None:
        raise SimulatedAlertmanagerRefused(400, f"bad matcher format: {text}")
    name, operator, value = found.groups()
    try:
        return _compiled(name, _unquoted(value), operator.endswith("~"), not operator.startswith("!"))
    except re.error as error:
        raise SimulatedAlertmanagerRefused(400, _regex_error(error, f"^(?:{_unquoted(value)})$")) from None


def _unquoted(text: str) -> str:
    opened = text.startswith('"')
    inner = re.fullmatch(r'"?((?:[^"\\]|\\.)*?)("?)', text, re.DOTALL)
    if inner is None or opened != bool(inner[2]):
        raise SimulatedAlertmanagerRefused(400, f"matcher value contains unescaped double quote: {text}")
    known = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
    return re.sub(r"\\.", lambda found: known.get(found[0], found[0]), inner[1], flags=re.DOTALL)


def _compiled(name: str, value: str, regex: bool, equal: bool) -> SimulatedAlertmanagerMatcher:
    return SimulatedAlertmanagerMatcher(name, value, regex, equal, re.compile(value) if regex else None)


def _regex_error(error: re.error, pattern: str) -> str:
    said = "missing closing )" if "unterminated subpattern" in str(error) else error.msg
    return f"error parsing regexp: {said}: `{pattern}`"


def matcher_of(index: int, item: dict[str, Any]) -> SimulatedAlertmanagerMatcher:
    """One matcher of a silence, checked. Raises SimulatedAlertmanagerRefused."""
    name, value, wrong = item["name"], item["value"], f"silence invalid: invalid label matcher {index}: "
    if not NAME.fullmatch(name):
        raise SimulatedAlertmanagerRefused(400, f'{wrong}invalid label name "{name}"')
    try:
        return _compiled(name, value, item["isRegex"], item.get("isEqual", True))
    except re.error as error:
        raise SimulatedAlertmanagerRefused(
            400, f'{wrong}invalid regular expression "{value}": {_regex_error(error, value)}'
        ) from None


def body_of(request: Request, name: str, kind: type) -> Any:
    """The JSON of a request. Raises SimulatedAlertmanagerRefused."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        sent = request.headers.get("content-type", "")
        message = f'unsupported media type "{sent}", only [application/json] are allowed'
        raise SimulatedAlertmanagerRefused(415, {"code": 415, "message": message})
    if not request.body:
        raise SimulatedAlertmanagerRefused(422, {"code": 602, "message": f"{name} in body is required"})
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise _unparsed(name, str(error)) from None
    if not isinstance(value, kind):
        raise _unparsed(name, f"json: cannot unmarshal {type(value).__name__}")
    return value


def _unparsed(name: str, why: str) -> SimulatedAlertmanagerRefused:
    return SimulatedAlertmanagerRefused(
        400, {"code": 400, "message": f'parsing {name} body from "" failed, because {why}'}
    )


def typed(name: str, item: object, shape: dict[str, type]) -> None:
    """Refuse what is no object, or holds a field of another type than `shape` says."""
    if not isinstance(item, dict):
        raise _unparsed(name, f"json: cannot unmarshal {type(item).__name__}")
    for key, kind in shape.items():
        if item.get(key) is not None and not isinstance(item[key], kind):
            raise _unparsed(name, f"json: cannot unmarshal {type(item[key]).__name__} into field {key}")


def _required(item: dict[str, Any], keys: Iterable[str], prefix: str = "") -> None:
    for key in keys:
        if item.get(key) is None:
            raise SimulatedAlertmanagerRefused(422, {"code": 602, "message": f"{prefix}{key} in body is required"})


def check_alert(index: int, item: object) -> None:
    """Check an alert that is posted. Raises SimulatedAlertmanagerRefused."""
    texts = dict.fromkeys(("startsAt", "endsAt", "generatorURL"), str)
    typed("alerts", item, {"labels": dict, "annotations": dict, **texts})
    assert isinstance(item, dict)
    _required(item, ("labels",), f"{index}.")
    for part in (item["labels"], item.get("annotations") or {}):
        typed("alerts", part, dict.fromkeys(part, str))
    url = item.get("generatorURL") or "/"
    if not re.match(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:", url):
        raise SimulatedAlertmanagerRefused(
            422, {"code": 601, "message": f'{index}.generatorURL in body must be of type uri: "{url}"'}
        )


def check_silence(item: dict[str, Any]) -> None:
    """Check a silence that is posted. Raises SimulatedAlertmanagerRefused."""
    texts = dict.fromkeys(("id", "comment", "createdBy", "startsAt", "endsAt"), str)
    typed("silence", item, {"matchers": list, **texts})
    for key in ("startsAt", "endsAt"):
        instant_of("silence", item.get(key))
    _required(item, ("comment", "createdBy", "endsAt", "matchers", "startsAt"))
    if not item["matchers"]:
        raise SimulatedAlertmanagerRefused(
            422, {"code": 612, "message": "matchers in body should have at least 1 items"}
        )
    for index, one in enumerate(item["matchers"]):
        typed("silence", one, {"isEqual": bool, "isRegex": bool, "name": str, "value": str})
        _required(one, ("isRegex", "name", "value"), f"matchers.{index}.")


def instant_of(name: str, text: str | None) -> float | None:
    """An instant in POSIX seconds; None for an absent one and for Go's zero time."""
    if not text or text.startswith("0001-01-01T00:00:00"):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unparsed(name, f'parsing time "{text}": cannot parse it') from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


# Writing what is answered


def instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fixed_part(alert: SimulatedAlertmanagerAlert, receiver: str) -> bytes:
    value: dict[str, object] = {
        "annotations": alert.annotations,
        "fingerprint": alert.fingerprint,
        "labels": alert.labels,
        "receivers": [{"name": receiver}],
        "startsAt": instant(alert.starts),
    }
    if alert.generator:
        value["generatorURL"] = alert.generator
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def encoded_alert(alert: SimulatedAlertmanagerAlert) -> bytes:
    """Its JSON: encoded again only after a change, and then only the part that changes with time."""
    if not alert.encoded:
        marks = f'"inhibitedBy":{_listed(alert.inhibited_by)},"silencedBy":{_listed(alert.silenced_by or ())}'
        marks += ',"mutedBy":[]' if alert.tells_muted else ""
        times = f'"endsAt":"{instant(alert.ends)}","updatedAt":"{instant(alert.updated)}"'
        alert.encoded = f'{{{times},"status":{{{marks},"state":"{alert.state}"}},'.encode() + alert.fixed[1:]
    return alert.encoded


def _listed(ids: tuple[str, ...]) -> str:
    return json.dumps(ids, separators=(",", ":")) if ids else "[]"


def shown_silence(silence: SimulatedAlertmanagerSilence, now: float) -> dict[str, object]:
    annotations = {} if silence.annotations is None else {"annotations": dict(silence.annotations)}
    return {
        **annotations,
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "updatedAt": instant(silence.updated),
        "comment": silence.comment,
        "createdBy": silence.by,
        "endsAt": instant(silence.ends),
        "matchers": [matcher.shown() for matcher in silence.matchers],
        "startsAt": instant(silence.starts),
    }
