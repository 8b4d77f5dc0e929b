"""The calls on PagerDuty that the provider and its actions share."""

from __future__ import annotations

import shlex
import threading
from typing import Any
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.providers.decoding import decoder
from oncall_tui.providers.http import Http, NotFound, pieces, reference
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.wire import (
    Incident,
    IncidentAlert,
    IncidentAlerts,
    Incidents,
    LogEntries,
    LogEntry,
    Note,
    Notes,
    OnCall,
    OnCalls,
    OneIncident,
    OneNote,
    OnePolicy,
    Policy,
)

ACCEPT = "application/vnd.pagerduty+json;version=2"
PAGE = 100
LAST = 10_000  # offset + limit over this is refused by the API
OVERLAP = 5  # read again from the page before: an incident that resolves meanwhile moves the others up

_CODES = {
    1001: "it is already resolved",
    1002: "it is already acknowledged",
    1006: "it cannot be escalated further",
    1012: "it is not acknowledged",
    1015: "nobody is on call there",
    2020: "too many requests",
}

_turns: dict[tuple[str, str, tuple[str, ...]], threading.Lock] = {}
_turns_lock = threading.Lock()


def turn(options: PagerDutyOptions) -> threading.Lock:
    """The lock of a token: PagerDuty wants one request at a time of each, whichever source makes it."""
    with _turns_lock:
        return _turns.setdefault((options.url, options.token.kind, options.token.where), threading.Lock())


class _Error(msgspec.Struct):
    message: str = ""
    code: int = 0
    errors: Any = None


class _Errors(msgspec.Struct):
    error: _Error


def say(status: int, body: bytes) -> str:
    """``{"error": {"message", "code", "errors"}}`` in words; nothing where it is something else."""
    try:
        error = decoder(_Errors).decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    details = [d for d in error.errors if isinstance(d, str)] if isinstance(error.errors, list) else []
    said = ", ".join([error.message, *details]) if details else error.message
    if "requester user not found" in said.lower():
        said += ": me.email is no user of this account"
    known = _CODES.get(error.code)
    return f"{known} ({error.code}: {said})" if known else said


class Api:
    """Typed calls. Reading raises errors.SourceError, writing errors.ActionError (see ``providers.http``)."""

    def __init__(self, http: Http, options: PagerDutyOptions) -> None:
        self.http = http
        self._options = options

    def open_incidents(self) -> tuple[list[msgspec.Raw], bool]:
        """Every open incident, undecoded, and whether the API has more than it shows.

        Pages overlap: where an incident resolves between two pages the rest moves up, and one would be skipped. A page
        without the overlap means that more moved than that, and the list is read once more from the start.
        """
        found, whole, more = self._pages()
        if not whole:
            found, whole, more = self._pages()
        return found, more or not whole

    def _pages(self) -> tuple[list[msgspec.Raw], bool, bool]:
        seen: dict[bytes, msgspec.Raw] = {}
        offset = 0
        last: list[bytes] = []
        while offset + PAGE <= LAST:
            page = self.http.get(
                "/incidents", Incidents, [*self._query(), ("limit", str(PAGE)), ("offset", str(offset))]
            )
            raws = {bytes(raw): raw for raw in page.incidents}
            if last and not any(raw in raws for raw in last):
                return list(seen.values()), False, page.more
            seen.update(raws)
            if not page.more or not page.incidents:
                return list(seen.values()), True, False
            last = list(raws)[-OVERLAP:]
            offset += max(1, len(page.incidents) - OVERLAP)
        return list(seen.values()), True, True

    def _query(self) -> list[tuple[str, str]]:
        options = self._options
        return [
            ("statuses[]", "triggered"),
            ("statuses[]", "acknowledged"),
            ("date_range", "all"),  # the default window is a month: older open incidents would vanish
            ("sort_by", "created_at:asc"),
            *(("team_ids[]", team) for team in options.teams),
            *(("service_ids[]", service) for service in options.services),
            *(("urgencies[]", urgency) for urgency in options.urgencies),
        ]

    def incident(self, incident_id: str) -> Incident | None:
        """One incident with its acknowledgers' e-mail addresses, None where there is none."""
        try:
            return self.http.get(self._path(incident_id), OneIncident, [("include[]", "acknowledgers")]).incident
        except NotFound:
            return None

    def alerts(self, incident_id: str) -> list[IncidentAlert]:
        """The first hundred alerts inside an incident."""
        try:
            answer = self.http.get(self._path(incident_id) + "/alerts", IncidentAlerts, [("limit", str(PAGE))])
        except NotFound:  # merged or deleted between the two reads
            return []
        return pieces(answer.alerts, IncidentAlert)[0]

    def oncalls(self, policy_id: str) -> list[OnCall]:
        """Who is on call for a policy, at every level."""
        found: list[OnCall] = []
        while True:
            params = [
                ("escalation_policy_ids[]", policy_id),
                ("earliest", "true"),
                ("include[]", "users"),
                ("limit", str(PAGE)),
                ("offset", str(len(found))),
            ]
            page = self.http.get("/oncalls", OnCalls, params)
            found += page.oncalls
            if not page.more or not page.oncalls or len(found) + PAGE > LAST:
                return found

    def policy(self, policy_id: str) -> Policy | None:
        """An escalation policy, None where this token may not read it: on-call levels then come from who is on call."""
        try:
            return self.http.get(f"/escalation_policies/{quote(policy_id, safe='')}", OnePolicy).escalation_policy
        except (errors.Denied, errors.Malformed):
            return None

    def notes(self, incident_id: str) -> list[Note]:
        """The incident's notes."""
        return self.http.get(self._path(incident_id) + "/notes", Notes).notes

    def log(self, incident_id: str) -> list[LogEntry]:
        """What happened to it, newest first, a hundred at most; empty where this token may not read it."""
        try:
            path = self._path(incident_id) + "/log_entries"
            return self.http.get(path, LogEntries, [("limit", str(PAGE))]).log_entries
        except (errors.Malformed, errors.Denied):  # it is evidence where there is none else, never the only source
            return []

    def update(self, incident_id: str, change: dict[str, Any], email: str) -> Incident:
        """PUT one incident. *email* is who acts."""
        body = {"incident": {"type": "incident_reference", **change}}
        return self.http.write("PUT", self._path(incident_id), OneIncident, body, {"From": email}).incident

    def add_note(self, incident_id: str, content: str, email: str) -> Note:
        """POST a note."""
        body = {"note": {"content": content}}
        return self.http.write("POST", self._path(incident_id) + "/notes", OneNote, body, {"From": email}).note

    def command(self, method: str, incident_id: str, tail: str, body: object, email: str) -> str:
        """The same write as a curl command, with a reference to the token, never its value."""
        token = reference(self._options.token)
        words = shlex.join(["-H", f"Accept: {ACCEPT}", "-H", f"From: {email}"])
        data = shlex.quote(msgspec.json.encode(body).decode())
        url = shlex.quote(f"{self.http.url}{self._path(incident_id)}{tail}")
        return f'curl -sS -X {method} -H "Authorization: Token token={token}" {words} --json {data} {url}'

    @staticmethod
    def _path(incident_id: str) -> str:
        return f"/incidents/{quote(incident_id, safe='')}"
