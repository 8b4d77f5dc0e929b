"""A simulated Alertmanager: its v2 API as version 0.25 answers it, and on demand what 0.28 and 0.32 added.

The shapes are those of Alertmanager's published `api/v2/openapi.yaml`; the statuses and the words of its refusals are
what a real 0.25.0 answered when it was asked. Instants are POSIX seconds; on the wire they are RFC 3339 in UTC, in ms.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.alertmanager.http import (
    NAME,
    SimulatedAlertmanagerRefused,
    body_of,
    check_alert,
    check_silence,
    encoded_alert,
    fixed_part,
    flag_of,
    instant,
    instant_of,
    matcher_filter,
    matcher_of,
    receiver_filter,
    shown_silence,
)
from oncall_tui.simulator.services.alertmanager.model import (
    InhibitRule,
    SimulatedAlertmanagerAlert,
    SimulatedAlertmanagerMatcher,
    SimulatedAlertmanagerSilence,
    all_match,
    fingerprint,
    kept,
    may_change,
    values_of,
)
from oncall_tui.simulator.services.alertmanager.routes import SimulatedRoute, SimulatedRoutes

RESOLVE_TIMEOUT = 300.0
"""Seconds until an alert that was posted without an end counts as resolved (`global.resolve_timeout`)."""
RESEND = 60.0
"""Seconds between two sendings of one firing alert: Prometheus's `--rules.alert.resend-delay`."""
SENT_FOR = 240.0
"""Seconds for which each sending holds: Prometheus gives four times its interval or resend delay."""
RETENTION = 120 * 3600.0
"""Seconds for which an expired silence is still listed (`--data.retention`)."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ROUTES = {
    "/-/healthy": ("GET",),
    "/-/ready": ("GET",),
    "/api/v2/status": ("GET",),
    "/api/v2/receivers": ("GET",),
    "/api/v2/alerts": ("POST", "GET"),
    "/api/v2/alerts/groups": ("GET",),
    "/api/v2/silences": ("POST", "GET"),
    "/api/v2/silence/{id}": ("DELETE", "GET"),
}


class SimulatedAlertmanager:
    """One Alertmanager; `now` gives POSIX seconds."""

    def __init__(
        self,
        now: Callable[[], float],
        receiver: str = "default",
        inhibit: Sequence[InhibitRule] = (),
        version: str = "0.25.0",
        peers: int = 0,
    ) -> None:
        self._now = now
        self._receiver = receiver
        self._version = version
        self._level = tuple(int(part) for part in version.split(".")[:2])
        self._peers = peers
        self._routes = SimulatedRoutes(receiver)
        self._inhibit = tuple(inhibit)
        self._began = now()
        self._alerts: dict[str, SimulatedAlertmanagerAlert] = {}
        self._silences: dict[str, SimulatedAlertmanagerSilence] = {}
        self._active: list[SimulatedAlertmanagerSilence] = []
        self._changes_at = -math.inf
        self._listed: dict[tuple[tuple[str, tuple[str, ...]], ...], SimulatedAnswer] = {}

    def operation(self, request: Request) -> str:
        """The request's name, as `GET /api/v2/silence/{id}`."""
        return f"{request.method} {_route(request.path)}"

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        try:
            return self._handle(request)
        except SimulatedAlertmanagerRefused as refused:
            return refused.answer

    def fire(self, labels: dict[str, str], annotations: dict[str, str], began: float | None = None) -> None:
        """Let an alert fire until `resolve`, as if Prometheus sent it again every minute; `began` in POSIX seconds."""
        now = self._now()
        self._put(labels, annotations, "", now if began is None else began, now + SENT_FOR, resent=True)

    def resolve(self, labels: dict[str, str]) -> None:
        """End the alert of exactly these labels."""
        if self._alerts.pop(fingerprint(kept(labels)), None):
            self._changed()

    def silence(self, labels: dict[str, str], seconds: float, by: str, comment: str) -> str:
        """Silence these labels from now on, as a person does; return the silence's id."""
        now = self._now()
        matchers = tuple(SimulatedAlertmanagerMatcher(name, value) for name, value in sorted(labels.items()))
        return self._set_silence(None, SimulatedAlertmanagerSilence("", matchers, now, now + seconds, now, by, comment))

    def route(self, receiver: str, labels: dict[str, str], interval: str = "") -> None:
        """Add a route for alerts of these labels, which the time interval of this name mutes while it is in force."""
        matchers = tuple(SimulatedAlertmanagerMatcher(name, value) for name, value in sorted(labels.items()))
        self._routes.routes.append(SimulatedRoute(receiver, matchers, interval))

    def set_interval(self, name: str, in_force: bool) -> None:
        """Let a time interval begin, or end."""
        (self._routes.in_force.add if in_force else self._routes.in_force.discard)(name)

    def hear(self, peer: SimulatedAlertmanager) -> None:
        """Learn the silences of a peer, as gossip brings them: of each the version that was updated last."""
        for key, silence in peer._silences.items():
            mine = self._silences.get(key)
            if mine is None or mine.updated < silence.updated:
                self._silences[key] = silence
        self._changed()

    def state(self) -> object:
        """Return the state, for scenarios and tests: alerts with their status, silences with their state."""
        self._settle()
        now = self._now()
        return {
            "alerts": [json.loads(encoded_alert(alert)) for alert in self._sorted()],
            "silences": [shown_silence(silence, now) for silence in self._ordered()],
        }

    def _handle(self, request: Request) -> SimulatedAnswer:
        route = _route(request.path)
        self._check_method(route, request)
        self._settle()
        if route.startswith("/-/"):
            return SimulatedAnswer(200, b"OK", {"Content-Type": "text/plain; charset=utf-8"})
        if route == "/api/v2/status":
            return json_answer(self._status())
        if route == "/api/v2/receivers":
            return json_answer([{"name": self._receiver}])
        if route == "/api/v2/alerts/groups":
            return json_answer(self._routes.groups(self._filtered(request)))
        if route == "/api/v2/alerts":
            return self._post_alerts(request) if request.method == "POST" else self._get_alerts(request)
        if route == "/api/v2/silences":
            return self._post_silence(request) if request.method == "POST" else self._get_silences(request)
        return self._one_silence(request)

    def _check_method(self, route: str, request: Request) -> None:
        allowed = _ROUTES.get(route)
        if allowed is None:
            raise SimulatedAlertmanagerRefused(404, {"code": 404, "message": f"path {request.path} was not found"})
        if request.method not in allowed:
            listed = ",".join(allowed)
            raise SimulatedAlertmanagerRefused(
                405, {"code": 405, "message": f"method {request.method} is not allowed, but [{listed}] are"}
            )

    def _status(self) -> dict[str, object]:
        return {
            "cluster": {
                "peers": [{"name": f"peer-{n}", "address": f"192.0.2.{n}:9094"} for n in range(1, self._peers + 1)],
                "status": "ready" if self._peers else "disabled",
            },
            "config": {"original": self._routes.config()},
            "uptime": instant(self._began),
            "versionInfo": {
                "branch": "drill",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": "drill",
                "version": self._version,
            },
        }

    # Time and what follows from it

    def _changed(self) -> None:
        """Mark the results that depend on alerts, silences and time as stale."""
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
                if all_match(rule.source, alert.labels):
                    sources.setdefault(values_of(alert, rule.equal), alert.fingerprint)
            for alert in self._alerts.values():
                by = sources.get(values_of(alert, rule.equal))
                if by and all_match(rule.target, alert.labels) and not all_match(rule.source, alert.labels):
                    alert.inhibited_by = (*alert.inhibited_by, by)

    # Alerts

    def _sorted(self) -> list[SimulatedAlertmanagerAlert]:
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
        labels, annotations = kept(labels), kept(annotations)
        key = fingerprint(labels)
        before = self._alerts.get(key)
        if before is not None:
            starts, resent = min(starts, before.starts), resent or (before.resent and ends > self._now())
        alert = SimulatedAlertmanagerAlert(labels, annotations, generator, starts, ends, self._now(), resent, key)
        alert.fixed = fixed_part(alert, self._receiver)
        alert.tells_muted = self._level >= (0, 28)
        self._alerts[key] = alert
        self._changed()

    def _post_alerts(self, request: Request) -> SimulatedAnswer:
        posted = body_of(request, "alerts", list)
        for index, item in enumerate(posted):
            check_alert(index, item)
        refusals: list[str] = []
        for item in posted:
            refusals += self._post_alert(item)
        if refusals:
            raise SimulatedAlertmanagerRefused(400, "; ".join(refusals))
        return SimulatedAnswer(200, b"")

    def _post_alert(self, item: dict[str, Any]) -> list[str]:
        """Take one posted alert, or say why not: the good ones of a batch are taken all the same."""
        now = self._now()
        ends = instant_of("alerts", item.get("endsAt"))
        starts = instant_of("alerts", item.get("startsAt"))
        if starts is None:
            starts = now if ends is None else min(now, ends)
        if ends is not None and ends < starts:
            return ["start time must be before end time"]
        labels = kept(item["labels"])
        if not labels:
            return ["at least one label pair required"]
        for name in (*labels, *(item.get("annotations") or {})):
            if not NAME.fullmatch(name):
                where = "label" if name in labels else "annotation"
                return [f'invalid {where} set: invalid name "{name}"']
        ends = now + RESOLVE_TIMEOUT if ends is None else ends
        self._put(labels, item.get("annotations") or {}, item.get("generatorURL") or "", starts, ends)
        return []

    def _get_alerts(self, request: Request) -> SimulatedAnswer:
        key = tuple((name, tuple(values)) for name, values in sorted(request.query.items()))
        answer = self._listed.get(key)
        if answer is None:
            if len(self._listed) > 32:
                self._listed.clear()
            answer = self._listed[key] = self._list_alerts(request)
        return answer

    def _list_alerts(self, request: Request) -> SimulatedAnswer:
        shown = [encoded_alert(alert) for alert in self._filtered(request)]
        return SimulatedAnswer(200, b"[" + b",".join(shown) + b"]\n", {"Content-Type": "application/json"})

    def _filtered(self, request: Request) -> list[SimulatedAlertmanagerAlert]:
        receiver = receiver_filter(request)
        matchers = [matcher_filter(text) for text in request.query.get("filter", [])]
        active, silenced, inhibited = (flag_of(request, name) for name in ("active", "silenced", "inhibited"))
        if receiver is not None and not receiver.fullmatch(self._receiver):
            return []
        return [
            alert
            for alert in self._sorted()
            if (active or alert.state != "active")
            and (silenced or not alert.silenced_by)
            and (inhibited or not alert.inhibited_by)
            and all_match(matchers, alert.labels)
        ]

    # Silences

    def _ordered(self) -> list[SimulatedAlertmanagerSilence]:
        """Active ones by their end, then pending ones by their start, then expired ones, the latest first."""
        now = self._now()

        def place(silence: SimulatedAlertmanagerSilence) -> tuple[int, float]:
            return {"active": (0, silence.ends), "pending": (1, silence.starts)}.get(
                silence.state(now), (2, -silence.ends)
            )

        return sorted(self._silences.values(), key=place)

    def _get_silences(self, request: Request) -> SimulatedAnswer:
        """Return the silences with every matcher of the filter: the filter is not applied to hidden alerts."""
        wanted = {matcher_filter(text) for text in request.query.get("filter", [])}
        now = self._now()
        return json_answer(
            [shown_silence(silence, now) for silence in self._ordered() if wanted <= set(silence.matchers)]
        )

    def _one_silence(self, request: Request) -> SimulatedAnswer:
        key = request.path.rsplit("/", 1)[1]
        if not _UUID.fullmatch(key):
            raise SimulatedAlertmanagerRefused(
                422, {"code": 601, "message": f'silenceID in path must be of type uuid: "{key}"'}
            )
        silence = self._silences.get(key)
        if request.method == "GET":
            return json_answer(shown_silence(silence, self._now())) if silence else SimulatedAnswer(404, b"")
        if silence is None:
            raise SimulatedAlertmanagerRefused(500, "silence not found")
        self._expire(silence)
        return SimulatedAnswer(200, b"")

    def _expire(self, silence: SimulatedAlertmanagerSilence) -> None:
        now = self._now()
        if silence.state(now) != "expired":
            starts = min(silence.starts, now)
            self._silences[silence.id] = replace(silence, starts=starts, ends=now, updated=now)
            self._changed()

    def _post_silence(self, request: Request) -> SimulatedAnswer:
        item = body_of(request, "silence", dict)
        check_silence(item)
        now = self._now()
        starts = instant_of("silence", item["startsAt"]) or 0.0
        ends = instant_of("silence", item["endsAt"]) or 0.0
        if starts >= ends:
            raise SimulatedAlertmanagerRefused(400, "Failed to create silence: start time must be before end time")
        if ends < now:
            raise SimulatedAlertmanagerRefused(400, "Failed to create silence: end time can't be in the past")
        before = self._silences.get(item.get("id") or "")
        if item.get("id") and before is None:
            raise SimulatedAlertmanagerRefused(404, "silence not found")
        matchers = tuple(matcher_of(index, one) for index, one in enumerate(item["matchers"]))
        if all(matcher.equal and matcher.matches("") for matcher in matchers):
            raise SimulatedAlertmanagerRefused(
                400, "silence invalid: at least one matcher must not match the empty string"
            )
        noted = tuple(sorted((item.get("annotations") or {}).items())) if self._level >= (0, 32) else None
        silence = SimulatedAlertmanagerSilence(
            "", matchers, starts, ends, now, item["createdBy"], item["comment"], noted
        )
        return json_answer({"silenceID": self._set_silence(before, silence)})

    def _set_silence(self, before: SimulatedAlertmanagerSilence | None, silence: SimulatedAlertmanagerSilence) -> str:
        """Extend the one before if only its end, author or comment changes, else expire it; the id of what holds."""
        now = self._now()
        if before is not None and may_change(before, silence, now):
            silence = replace(silence, id=before.id)
        else:
            if before is not None:
                self._expire(before)
            silence = replace(silence, id=str(uuid.uuid4()), starts=max(silence.starts, now))
        self._silences[silence.id] = silence
        self._changed()
        return silence.id


def _route(path: str) -> str:
    return "/api/v2/silence/{id}" if path.startswith("/api/v2/silence/") else path
