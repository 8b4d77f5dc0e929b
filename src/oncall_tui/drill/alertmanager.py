"""A simulated Alertmanager: its v2 API as version 0.25 answers it.

The shapes are those of Alertmanager's published `api/v2/openapi.yaml`; the statuses and the words of its refusals are
what a real 0.25.0 answered when it was asked. Instants are POSIX seconds; on the wire they are RFC 3339 in UTC, in ms.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from oncall_tui.drill.wire import Answer, Request, json_answer

RESOLVE_TIMEOUT = 300.0
"""Seconds until an alert that was posted without an end counts as resolved (`global.resolve_timeout`)."""
RESEND = 60.0
"""Seconds between two sendings of one firing alert: Prometheus's `--rules.alert.resend-delay`."""
SENT_FOR = 240.0
"""Seconds for which each sending holds: Prometheus gives four times its interval or resend delay."""
RETENTION = 120 * 3600.0
"""Seconds for which an expired silence is still listed (`--data.retention`)."""

_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_FILTER = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!=|!~|=)\s*(.*?)\s*", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ROUTES = {
    "/-/healthy": ("GET",),
    "/-/ready": ("GET",),
    "/api/v2/status": ("GET",),
    "/api/v2/receivers": ("GET",),
    "/api/v2/alerts": ("POST", "GET"),
    "/api/v2/silences": ("POST", "GET"),
    "/api/v2/silence/{id}": ("DELETE", "GET"),
}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, value: object) -> None:
        super().__init__(value)
        self.answer = json_answer(value, status)


@dataclass(frozen=True)
class Matcher:
    """One matcher; a label that is absent has the value ""."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True
    pattern: re.Pattern[str] | None = field(default=None, compare=False)

    def matches(self, value: str) -> bool:
        hit = self.pattern.fullmatch(value) is not None if self.pattern else value == self.value
        return hit is self.equal

    def shown(self) -> dict[str, object]:
        return {"isEqual": self.equal, "isRegex": self.regex, "name": self.name, "value": self.value}


class InhibitRule(NamedTuple):
    """While an alert matches all of `source`, those that match `target` with the same `equal` labels are inhibited."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass
class _Alert:
    labels: dict[str, str]
    annotations: dict[str, str]
    generator: str
    starts: float
    ends: float
    updated: float
    resent: bool
    """Is it sent again by itself until it is resolved?"""
    fingerprint: str
    fixed: bytes = b""
    """The part of its JSON that does not change with time."""
    encoded: bytes = b""
    """All of its JSON, empty until it is asked for and after a change."""
    silenced_by: tuple[str, ...] | None = None
    """None until it was worked out."""
    inhibited_by: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        return "suppressed" if self.silenced_by or self.inhibited_by else "active"


@dataclass(frozen=True)
class _Silence:
    id: str
    matchers: tuple[Matcher, ...]
    starts: float
    ends: float
    updated: float
    by: str
    comment: str

    def state(self, now: float) -> str:
        if now < self.starts:
            return "pending"
        return "active" if now < self.ends else "expired"

    def hides(self, labels: dict[str, str]) -> bool:
        return all(matcher.matches(labels.get(matcher.name, "")) for matcher in self.matchers)


class Alertmanager:
    """One Alertmanager; `now` gives POSIX seconds."""

    def __init__(
        self, now: Callable[[], float], receiver: str = "default", inhibit: Sequence[InhibitRule] = ()
    ) -> None:
        self._now = now
        self._receiver = receiver
        self._inhibit = tuple(inhibit)
        self._began = now()
        self._alerts: dict[str, _Alert] = {}
        self._silences: dict[str, _Silence] = {}
        self._active: list[_Silence] = []
        self._changes_at = -math.inf
        self._listed: dict[tuple[tuple[str, tuple[str, ...]], ...], Answer] = {}

    def operation(self, request: Request) -> str:
        """The request's name, as `GET /api/v2/silence/{id}`."""
        return f"{request.method} {_route(request.path)}"

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            return self._handle(request)
        except Refused as refused:
            return refused.answer

    def fire(self, labels: dict[str, str], annotations: dict[str, str], began: float | None = None) -> None:
        """Let an alert fire until `resolve`, as if Prometheus sent it again every minute; `began` in POSIX seconds."""
        now = self._now()
        self._put(labels, annotations, "", now if began is None else began, now + SENT_FOR, resent=True)

    def resolve(self, labels: dict[str, str]) -> None:
        """End the alert of exactly these labels."""
        if self._alerts.pop(fingerprint(_kept(labels)), None):
            self._changed()

    def state(self) -> object:
        """What is there, for scenarios and tests: alerts with their status, silences with their state."""
        self._settle()
        now = self._now()
        return {
            "alerts": [json.loads(_encoded(alert)) for alert in self._sorted()],
            "silences": [_shown(silence, now) for silence in self._ordered()],
        }

    def _handle(self, request: Request) -> Answer:
        route = _route(request.path)
        self._check_method(route, request)
        self._settle()
        if route.startswith("/-/"):
            return Answer(200, b"OK", {"Content-Type": "text/plain; charset=utf-8"})
        if route == "/api/v2/status":
            return json_answer(self._status())
        if route == "/api/v2/receivers":
            return json_answer([{"name": self._receiver}])
        if route == "/api/v2/alerts":
            return self._post_alerts(request) if request.method == "POST" else self._get_alerts(request)
        if route == "/api/v2/silences":
            return self._post_silence(request) if request.method == "POST" else self._get_silences(request)
        return self._one_silence(request)

    def _check_method(self, route: str, request: Request) -> None:
        allowed = _ROUTES.get(route)
        if allowed is None:
            raise Refused(404, {"code": 404, "message": f"path {request.path} was not found"})
        if request.method not in allowed:
            listed = ",".join(allowed)
            raise Refused(405, {"code": 405, "message": f"method {request.method} is not allowed, but [{listed}] are"})

    def _status(self) -> dict[str, object]:
        return {
            "cluster": {"peers": [], "status": "disabled"},
            "config": {"original": f"route:\n  receiver: {self._receiver}\nreceivers:\n- name: {self._receiver}\n"},
            "uptime": _instant(self._began),
            "versionInfo": {
                "branch": "drill",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": "drill",
                "version": "0.25.0",
            },
        }

    # Time and what follows from it

    def _changed(self) -> None:
        """Have everything that depends on alerts, silences and time worked out again before the next answer."""
        self._changes_at = -math.inf

    def _settle(self) -> None:
        """Work out what time has changed; nothing is done before the earliest instant at which something can."""
        now = self._now()
        if now < self._changes_at:
            return
        for alert in list(self._alerts.values()):
            if alert.resent and now >= alert.updated + RESEND:
                alert.updated = now - (now - alert.updated) % RESEND
                alert.ends, alert.encoded = alert.updated + SENT_FOR, b""
            elif alert.ends <= now:
                del self._alerts[alert.fingerprint]
        self._silences = {key: one for key, one in self._silences.items() if now < one.ends + RETENTION}
        self._mark_silenced(now)
        self._mark_inhibited()
        self._listed.clear()
        self._changes_at = min(self._instants(now), default=math.inf)

    def _instants(self, now: float) -> Iterable[float]:
        for alert in self._alerts.values():
            yield alert.updated + RESEND if alert.resent else alert.ends
        for silence in self._silences.values():
            yield from (at for at in (silence.starts, silence.ends, silence.ends + RETENTION) if at > now)

    def _mark_silenced(self, now: float) -> None:
        active = [silence for silence in self._silences.values() if silence.state(now) == "active"]
        stale = active != self._active
        self._active = active
        for alert in self._alerts.values():
            if stale or alert.silenced_by is None:
                by = tuple(sorted(silence.id for silence in active if silence.hides(alert.labels)))
                if by != alert.silenced_by:
                    alert.silenced_by, alert.encoded = by, b""

    def _mark_inhibited(self) -> None:
        for alert in self._alerts.values() if self._inhibit else ():
            alert.inhibited_by, alert.encoded = (), b""
        for rule in self._inhibit:
            sources: dict[tuple[str, ...], str] = {}
            for alert in self._sorted():
                if _all_match(rule.source, alert.labels):
                    sources.setdefault(_values(alert, rule.equal), alert.fingerprint)
            for alert in self._alerts.values():
                by = sources.get(_values(alert, rule.equal))
                if by and _all_match(rule.target, alert.labels) and not _all_match(rule.source, alert.labels):
                    alert.inhibited_by = (*alert.inhibited_by, by)

    # Alerts

    def _sorted(self) -> list[_Alert]:
        return [self._alerts[key] for key in sorted(self._alerts)]

    def _put(
        self,
        labels: dict[str, str],
        annotations: dict[str, str],
        generator: str,
        starts: float,
        ends: float,
        resent: bool = False,
    ) -> None:
        labels, annotations = _kept(labels), _kept(annotations)
        key = fingerprint(labels)
        before = self._alerts.get(key)
        if before is not None:
            starts, resent = min(starts, before.starts), resent or (before.resent and ends > self._now())
        alert = _Alert(labels, annotations, generator, starts, ends, self._now(), resent, key)
        alert.fixed = _fixed(alert, self._receiver)
        self._alerts[key] = alert
        self._changed()

    def _post_alerts(self, request: Request) -> Answer:
        posted = _body(request, "alerts", list)
        for index, item in enumerate(posted):
            _check_alert(index, item)
        refusals: list[str] = []
        for item in posted:
            refusals += self._post_alert(item)
        if refusals:
            raise Refused(400, "; ".join(refusals))
        return Answer(200, b"")

    def _post_alert(self, item: dict[str, Any]) -> list[str]:
        """Take one posted alert, or say why not: the good ones of a batch are taken all the same."""
        now = self._now()
        ends = _parsed("alerts", item.get("endsAt"))
        starts = _parsed("alerts", item.get("startsAt"))
        if starts is None:
            starts = now if ends is None else min(now, ends)
        if ends is not None and ends < starts:
            return ["start time must be before end time"]
        labels = _kept(item["labels"])
        if not labels:
            return ["at least one label pair required"]
        for name in (*labels, *(item.get("annotations") or {})):
            if not _NAME.fullmatch(name):
                where = "label" if name in labels else "annotation"
                return [f'invalid {where} set: invalid name "{name}"']
        ends = now + RESOLVE_TIMEOUT if ends is None else ends
        self._put(labels, item.get("annotations") or {}, item.get("generatorURL") or "", starts, ends)
        return []

    def _get_alerts(self, request: Request) -> Answer:
        key = tuple((name, tuple(values)) for name, values in sorted(request.query.items()))
        answer = self._listed.get(key)
        if answer is None:
            if len(self._listed) > 32:
                self._listed.clear()
            answer = self._listed[key] = self._list_alerts(request)
        return answer

    def _list_alerts(self, request: Request) -> Answer:
        receiver = _receiver(request)
        matchers = [_filter(text) for text in request.query.get("filter", [])]
        active, silenced, inhibited = (_flag(request, name) for name in ("active", "silenced", "inhibited"))
        shown = [
            _encoded(alert)
            for alert in self._sorted()
            if (active or alert.state != "active")
            and (silenced or not alert.silenced_by)
            and (inhibited or not alert.inhibited_by)
            and _all_match(matchers, alert.labels)
        ]
        if receiver is not None and not receiver.fullmatch(self._receiver):
            shown = []
        return Answer(200, b"[" + b",".join(shown) + b"]\n", {"Content-Type": "application/json"})

    # Silences

    def _ordered(self) -> list[_Silence]:
        """Active ones by their end, then pending ones by their start, then expired ones, the latest first."""
        now = self._now()

        def place(silence: _Silence) -> tuple[int, float]:
            return {"active": (0, silence.ends), "pending": (1, silence.starts)}.get(
                silence.state(now), (2, -silence.ends)
            )

        return sorted(self._silences.values(), key=place)

    def _get_silences(self, request: Request) -> Answer:
        """Those that hold every matcher of the filter itself: a filter is not applied to what they hide."""
        wanted = {_filter(text) for text in request.query.get("filter", [])}
        now = self._now()
        return json_answer([_shown(silence, now) for silence in self._ordered() if wanted <= set(silence.matchers)])

    def _one_silence(self, request: Request) -> Answer:
        key = request.path.rsplit("/", 1)[1]
        if not _UUID.fullmatch(key):
            raise Refused(422, {"code": 601, "message": f'silenceID in path must be of type uuid: "{key}"'})
        silence = self._silences.get(key)
        if request.method == "GET":
            return json_answer(_shown(silence, self._now())) if silence else Answer(404, b"")
        if silence is None:
            raise Refused(500, "silence not found")
        self._expire(silence)
        return Answer(200, b"")

    def _expire(self, silence: _Silence) -> None:
        now = self._now()
        if silence.state(now) != "expired":
            starts = min(silence.starts, now)
            self._silences[silence.id] = replace(silence, starts=starts, ends=now, updated=now)
            self._changed()

    def _post_silence(self, request: Request) -> Answer:
        item = _body(request, "silence", dict)
        _check_silence(item)
        now = self._now()
        starts = _parsed("silence", item["startsAt"]) or 0.0
        ends = _parsed("silence", item["endsAt"]) or 0.0
        if starts >= ends:
            raise Refused(400, "Failed to create silence: start time must be before end time")
        if ends < now:
            raise Refused(400, "Failed to create silence: end time can't be in the past")
        before = self._silences.get(item.get("id") or "")
        if item.get("id") and before is None:
            raise Refused(404, "silence not found")
        matchers = tuple(_matcher(index, one) for index, one in enumerate(item["matchers"]))
        if all(matcher.equal and matcher.matches("") for matcher in matchers):
            raise Refused(400, "silence invalid: at least one matcher must not match the empty string")
        silence = _Silence("", matchers, starts, ends, now, item["createdBy"], item["comment"])
        return json_answer({"silenceID": self._set_silence(before, silence)})

    def _set_silence(self, before: _Silence | None, silence: _Silence) -> str:
        """Extend the one before if only its end, author or comment changes, else expire it; the id of what holds."""
        now = self._now()
        if before is not None and _same(before, silence, now):
            silence = replace(silence, id=before.id)
        else:
            if before is not None:
                self._expire(before)
            silence = replace(silence, id=str(uuid.uuid4()), starts=max(silence.starts, now))
        self._silences[silence.id] = silence
        self._changed()
        return silence.id


def fingerprint(labels: dict[str, str]) -> str:
    """FNV-1a, 64 bits, over `name 0xFF value 0xFF` in the order of the names (prometheus/common's label sets)."""
    value = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in b"%s\xff%s\xff" % (name.encode(), labels[name].encode()):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _same(before: _Silence, after: _Silence, now: float) -> bool:
    """May a silence be changed in place? An active one only with the start that it has, to the second."""
    if before.matchers != after.matchers:
        return False
    state = before.state(now)
    if state == "active":
        return int(before.starts) == int(after.starts)
    return state == "pending" and after.starts >= now


def _route(path: str) -> str:
    return "/api/v2/silence/{id}" if path.startswith("/api/v2/silence/") else path


def _kept(labels: dict[str, str]) -> dict[str, str]:
    """The labels without empty ones, which mean the same as absent ones."""
    return {name: value for name, value in sorted(labels.items()) if value != ""}


def _values(alert: _Alert, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(alert.labels.get(name, "") for name in names)


def _all_match(matchers: Iterable[Matcher], labels: dict[str, str]) -> bool:
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)


# Reading what was sent


def _flag(request: Request, name: str) -> bool:
    """A boolean of the query: true when it is absent, false when it is nonsense."""
    values = request.query.get(name)
    return values is None or values[-1].lower() in _TRUE


def _receiver(request: Request) -> re.Pattern[str] | None:
    text = request.query.get("receiver", [""])[-1]
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise Refused(400, f"failed to parse receiver param: {_regex_error(error, f'^(?:{text})$')}") from None


def _filter(text: str) -> Matcher:
    """One `filter=`: `name="value"` with one of four operators; the quotes may be left out."""
    found = _FILTER.fullmatch(text)
    if found is None:
        raise Refused(400, f"bad matcher format: {text}")
    name, operator, value = found.groups()
    try:
        return _compiled(name, _unquoted(value), operator.endswith("~"), not operator.startswith("!"))
    except re.error as error:
        raise Refused(400, _regex_error(error, f"^(?:{_unquoted(value)})$")) from None


def _unquoted(text: str) -> str:
    opened = text.startswith('"')
    inner = re.fullmatch(r'"?((?:[^"\\]|\\.)*?)("?)', text, re.DOTALL)
    if inner is None or opened != bool(inner[2]):
        raise Refused(400, f"matcher value contains unescaped double quote: {text}")
    known = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
    return re.sub(r"\\.", lambda found: known.get(found[0], found[0]), inner[1], flags=re.DOTALL)


def _compiled(name: str, value: str, regex: bool, equal: bool) -> Matcher:
    return Matcher(name, value, regex, equal, re.compile(value) if regex else None)


def _regex_error(error: re.error, pattern: str) -> str:
    said = "missing closing )" if "unterminated subpattern" in str(error) else error.msg
    return f"error parsing regexp: {said}: `{pattern}`"


def _matcher(index: int, item: dict[str, Any]) -> Matcher:
    """One matcher of a silence, checked."""
    name, value, wrong = item["name"], item["value"], f"silence invalid: invalid label matcher {index}: "
    if not _NAME.fullmatch(name):
        raise Refused(400, f'{wrong}invalid label name "{name}"')
    try:
        return _compiled(name, value, item["isRegex"], item.get("isEqual", True))
    except re.error as error:
        raise Refused(400, f'{wrong}invalid regular expression "{value}": {_regex_error(error, value)}') from None


def _body(request: Request, name: str, kind: type) -> Any:
    if not request.headers.get("content-type", "").startswith("application/json"):
        sent = request.headers.get("content-type", "")
        message = f'unsupported media type "{sent}", only [application/json] are allowed'
        raise Refused(415, {"code": 415, "message": message})
    if not request.body:
        raise Refused(422, {"code": 602, "message": f"{name} in body is required"})
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise _unparsed(name, str(error)) from None
    if not isinstance(value, kind):
        raise _unparsed(name, f"json: cannot unmarshal {type(value).__name__}")
    return value


def _unparsed(name: str, why: str) -> Refused:
    return Refused(400, {"code": 400, "message": f'parsing {name} body from "" failed, because {why}'})


def _typed(name: str, item: object, shape: dict[str, type]) -> None:
    """Refuse what is no object, or holds a field of another type than `shape` says."""
    if not isinstance(item, dict):
        raise _unparsed(name, f"json: cannot unmarshal {type(item).__name__}")
    for key, kind in shape.items():
        if item.get(key) is not None and not isinstance(item[key], kind):
            raise _unparsed(name, f"json: cannot unmarshal {type(item[key]).__name__} into field {key}")


def _required(item: dict[str, Any], keys: Iterable[str], prefix: str = "") -> None:
    for key in keys:
        if item.get(key) is None:
            raise Refused(422, {"code": 602, "message": f"{prefix}{key} in body is required"})


def _check_alert(index: int, item: object) -> None:
    texts = dict.fromkeys(("startsAt", "endsAt", "generatorURL"), str)
    _typed("alerts", item, {"labels": dict, "annotations": dict, **texts})
    assert isinstance(item, dict)
    _required(item, ("labels",), f"{index}.")
    for part in (item["labels"], item.get("annotations") or {}):
        _typed("alerts", part, dict.fromkeys(part, str))
    url = item.get("generatorURL") or "/"
    if not re.match(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:", url):
        raise Refused(422, {"code": 601, "message": f'{index}.generatorURL in body must be of type uri: "{url}"'})


def _check_silence(item: dict[str, Any]) -> None:
    texts = dict.fromkeys(("id", "comment", "createdBy", "startsAt", "endsAt"), str)
    _typed("silence", item, {"matchers": list, **texts})
    for key in ("startsAt", "endsAt"):
        _parsed("silence", item.get(key))
    _required(item, ("comment", "createdBy", "endsAt", "matchers", "startsAt"))
    if not item["matchers"]:
        raise Refused(422, {"code": 612, "message": "matchers in body should have at least 1 items"})
    for index, one in enumerate(item["matchers"]):
        _typed("silence", one, {"isEqual": bool, "isRegex": bool, "name": str, "value": str})
        _required(one, ("isRegex", "name", "value"), f"matchers.{index}.")


def _parsed(name: str, text: str | None) -> float | None:
    """An instant in POSIX seconds; None for an absent one and for Go's zero time."""
    if not text or text.startswith("0001-01-01T00:00:00"):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unparsed(name, f'parsing time "{text}": cannot parse it') from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


# Writing what is answered


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fixed(alert: _Alert, receiver: str) -> bytes:
    value: dict[str, object] = {
        "annotations": alert.annotations,
        "fingerprint": alert.fingerprint,
        "labels": alert.labels,
        "receivers": [{"name": receiver}],
        "startsAt": _instant(alert.starts),
    }
    if alert.generator:
        value["generatorURL"] = alert.generator
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(alert: _Alert) -> bytes:
    """Its JSON: encoded again only after a change, and then only the part that changes with time."""
    if not alert.encoded:
        marks = f'"inhibitedBy":{_listed(alert.inhibited_by)},"silencedBy":{_listed(alert.silenced_by or ())}'
        times = f'"endsAt":"{_instant(alert.ends)}","updatedAt":"{_instant(alert.updated)}"'
        alert.encoded = f'{{{times},"status":{{{marks},"state":"{alert.state}"}},'.encode() + alert.fixed[1:]
    return alert.encoded


def _listed(ids: tuple[str, ...]) -> str:
    return json.dumps(ids, separators=(",", ":")) if ids else "[]"


def _shown(silence: _Silence, now: float) -> dict[str, object]:
    return {
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "updatedAt": _instant(silence.updated),
        "comment": silence.comment,
        "createdBy": silence.by,
        "endsAt": _instant(silence.ends),
        "matchers": [matcher.shown() for matcher in silence.matchers],
        "startsAt": _instant(silence.starts),
    }
