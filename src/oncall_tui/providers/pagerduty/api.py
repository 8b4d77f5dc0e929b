"""The calls on PagerDuty that the provider and its actions share."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.providers.http import Http, NotFound, reference
from oncall_tui.providers.lists import Damage, Items, items, listing, usable
from oncall_tui.providers.pagerduty import schema
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import (
    IncidentAlert,
    LogEntry,
    PagerDutyIncident,
    PagerDutyNote,
    PagerDutyOnCall,
    PagerDutyPolicy,
    Reference,
)
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.decoding import decoder

ACCEPT = "application/vnd.pagerduty+json;version=2"
PAGE = 100
LAST = 10_000  # the API refuses offset + limit over this (its documentation, "Pagination")
LOW = 0.1  # so small a part of the calls of a minute left: what can wait does
AUDIT_RIGHT = "needs an account's own key, or audit_records.read, and a plan with an audit trail"
OVERLAP = 5  # read again from the page before: an incident that resolves meanwhile moves the others up

_CODES = {
    1001: "it is already resolved",
    1002: "it is already acknowledged",
    1006: "it cannot be escalated further",
    1012: "it is not acknowledged",
    1015: "nobody is on call there",
    2020: "too many requests",
}

T = TypeVar("T")
U = TypeVar("U")
Query = Sequence[tuple[str, str]]
SoFar = Callable[[Items[PagerDutyIncident]], None]
OPEN = (("statuses[]", "triggered"), ("statuses[]", "acknowledged"))

_turns: dict[tuple[str, str, tuple[str, ...]], threading.Lock] = {}
_turns_lock = threading.Lock()


def token_lock(options: PagerDutyOptions) -> threading.Lock:
    """The lock of a token: PagerDuty wants one request at a time of each, whichever source makes it."""
    with _turns_lock:
        return _turns.setdefault((options.url, options.token.kind, options.token.where), threading.Lock())


class _Error(msgspec.Struct):
    message: str = ""
    code: int = 0
    errors: Any = None


class _Errors(msgspec.Struct):
    error: _Error


def error_text(status: int, body: bytes) -> str:
    """``{"error": {"message", "code", "errors"}}`` in words; nothing where it is something else."""
    try:
        error = decoder(_Errors).decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    details = [d for d in error.errors if isinstance(d, str)] if isinstance(error.errors, list) else []
    said = ", ".join([error.message, *details]) if details else error.message
    if "requester user not found" in said.lower():
        said += ": me.email is not a user of this account"
    known = _CODES.get(error.code)
    return f"{known} ({error.code}: {said})" if known else said


class PagerDutyApi:
    """Typed calls. Reading raises errors.SourceError, writing errors.ActionError (see ``providers.http``).

    ``ratelimit-limit``, ``-remaining`` and ``-reset`` (seconds) come with answers ("REST API Rate Limits"): where few
    calls are left *low* says so, and where none is, what is read in the background is not asked for (Throttled).
    """

    def __init__(self, http: Http, options: PagerDutyOptions) -> None:
        self.http = http
        self._options = options
        self.mine = ""  # the id of the only user whose incidents are wanted
        self.oncalls_lack = ""  # what the last reading of who is on call left out
        self.low = False  # few calls are left in this minute
        self.reset_s = 0.0  # seconds until there are all of them again, when that was last said

    # --- the seam ------------------------------------------------------------------------------------------------

    def get(self, path: str, into: type[T], params: Query = ()) -> T:
        """Do as ``Http.get``, and note how many calls are left."""
        answer, headers = self.http.page(path, into, params)
        self._count(headers)
        return answer

    def _count(self, headers: Mapping[str, str]) -> None:
        try:
            left, limit = float(headers["ratelimit-remaining"]), float(headers["ratelimit-limit"])
            self.reset_s = min(max(0.0, float(headers["ratelimit-reset"])), 300.0)
        except (KeyError, ValueError):
            self.low = False
            return
        self.low = left <= LOW * limit

    def _before_more(self) -> None:
        """Raise Throttled where the last answer said that no call is left: the next one would be a 429."""
        if self.http.pause_s:
            raise errors.Throttled(f"no call is left for {self.http.pause_s:.0f} s", retry_after_s=self.http.pause_s)

    # --- incidents -----------------------------------------------------------------------------------------------

    def open_incidents(self, so_far: SoFar | None = None) -> tuple[Items[PagerDutyIncident], Paging[int], bool]:
        """Every open incident, undecoded; how its pages ended, and whether the list moved too much while it was read.

        Pages overlap: where an incident resolves between two pages the rest moves up, and one would be skipped. A page
        without the overlap means that more moved than that, and the list is read once more from the start.

        *so_far* is given what was read, after each page but the last; then the newest incidents come first, which costs
        one call where there are more than a page: the rest is read from the oldest on, so that no page moves on.
        """
        newest: Items[PagerDutyIncident] = listing(())
        if so_far is not None:
            page = self._page(0, "desc")
            if not page.more:
                return listing(page.incidents), Paging(0), False
            newest = listing(page.incidents)
            so_far(newest)
        found, paging, moved = self._pages(so_far, newest)
        return self._pages(so_far, newest) if moved else (found, paging, moved)

    def _page(self, offset: int, order: str) -> schema.Incidents:
        params = [*OPEN, ("sort_by", f"created_at:{order}"), *self._narrowed()]
        return self.get("/incidents", schema.Incidents, [*params, ("limit", str(PAGE)), ("offset", str(offset))])

    def _pages(
        self, so_far: SoFar | None, newest: Items[PagerDutyIncident]
    ) -> tuple[Items[PagerDutyIncident], Paging[int], bool]:
        seen: dict[bytes, msgspec.Raw] = {}
        last: list[bytes] = []
        paging = Paging(0, most=LAST)
        for offset in paging:
            if offset:
                self._before_more()
            page = self._page(offset, "asc")
            raws = {blake2b(raw, digest_size=16).digest(): raw for raw in page.incidents}
            if last and not any(raw in raws for raw in last):
                return listing(seen.values()), paging, True
            if raws.keys() <= seen.keys() and page.more and raws:  # nothing new, and "more" all the same
                paging.repeats = True
                break
            seen.update(raws)
            last = list(raws)[-OVERLAP:]
            after = offset + max(1, len(page.incidents) - OVERLAP)
            if page.more and raws:
                paging.cut = after + PAGE > LAST
                paging.follow(None if paging.cut else after)
                if so_far is not None:
                    so_far(listing([*newest, *seen.values()]))
        return listing(seen.values()), paging, False

    def _narrowed(self) -> list[tuple[str, str]]:
        options = self._options
        return [
            ("date_range", "all"),  # the default window is a month: older open incidents would vanish
            *(("team_ids[]", team) for team in options.teams),
            *(("service_ids[]", service) for service in options.services),
            *(("urgencies[]", urgency) for urgency in options.urgencies),
            *((("user_ids[]", self.mine),) if self.mine else ()),
        ]

    def among_open(self) -> dict[str, PagerDutyIncident]:
        """The open incidents by id, decoded; those that are not as promised are left out."""
        return {one.id: one for one in usable(self.open_incidents()[0], PagerDutyIncident)}

    def among_resolved(self, pages: int) -> dict[str, PagerDutyIncident]:
        """The incidents that were resolved last, by id: as many pages as are asked for."""
        found: dict[str, PagerDutyIncident] = {}
        paging = Paging(0, most=pages)
        for number in paging:
            params = [("statuses[]", "resolved"), ("sort_by", "resolved_at:desc"), *self._narrowed()]
            where = [("limit", str(PAGE)), ("offset", str(number * PAGE))]
            page = self.get("/incidents", schema.Incidents, [*(p for p in params if p[0] != "user_ids[]"), *where])
            found.update({one.id: one for one in usable(page.incidents, PagerDutyIncident)})
            paging.follow(number + 1 if page.more else None, page.incidents)
        return found

    def past_incidents(self, since: str, until: str, offset: int, limit: int) -> schema.Incidents:
        """Read one page of the incidents of a window of time (RFC 3339), whatever became of them, oldest first.

        A window is six months at the most, and is of when they were created (OpenAPI, ``GET /incidents``).
        """
        window = [("since", since), ("until", until), ("sort_by", "created_at:asc")]
        narrowed = [(name, value) for name, value in self._narrowed() if name not in ("date_range", "user_ids[]")]
        pages = [("limit", str(limit)), ("offset", str(offset))]
        return self.get("/incidents", schema.Incidents, [*window, *narrowed, *pages])

    def past_log(self, incident_id: str, offset: int) -> schema.LogEntries:
        """Read one page of an incident's log, newest first."""
        where = [("limit", str(PAGE)), ("offset", str(offset))]
        return self.get(path(incident_id) + "/log_entries", schema.LogEntries, where)

    def incident(self, incident_id: str) -> PagerDutyIncident | None:
        """One incident, with e-mail addresses of who acknowledged and who changed it last; None: there is none."""
        params = [("include[]", "acknowledgers"), ("include[]", "agents")]
        try:
            return self.get(path(incident_id), schema.OneIncident, params).incident
        except NotFound:
            return None

    def alerts(self, incident_id: str, damage: Damage) -> list[IncidentAlert]:
        """The first hundred alerts inside an incident. In each of these lists *damage* has what is left out."""
        try:
            answer = self.get(path(incident_id) + "/alerts", schema.IncidentAlerts, [("limit", str(PAGE))])
        except NotFound:  # merged or deleted between the two reads
            return []
        return items(answer.alerts, IncidentAlert, damage)

    def notes(self, incident_id: str, damage: Damage) -> list[PagerDutyNote]:
        """The incident's notes."""
        return items(self.get(path(incident_id) + "/notes", schema.Notes).notes, PagerDutyNote, damage)

    def log(self, incident_id: str, damage: Damage) -> list[LogEntry]:
        """Read its log, newest first, a hundred entries at most; empty where this token may not read it."""
        try:
            answer = self.get(path(incident_id) + "/log_entries", schema.LogEntries, [("limit", str(PAGE))])
        except (errors.Malformed, errors.Denied):  # it is evidence where there is none else, never the only source
            return []
        return items(answer.log_entries, LogEntry, damage)

    def change_events(self, since: str, offset: int) -> schema.AccountChangeEvents:
        """Read one page of the account's change events since then (RFC 3339), the newest first."""
        self._before_more()
        teams = [("team_ids[]", team) for team in self._options.teams]
        where = [("since", since), ("limit", str(PAGE)), ("offset", str(offset))]
        return self.get("/change_events", schema.AccountChangeEvents, [*teams, *where])

    def audit_records(self, since: str, cursor: str) -> schema.AuditRecords:
        """Read one page of the audit records of schedules and escalation policies since then (RFC 3339).

        Raises Denied with the right that is missing, and other SourceErrors.
        """
        self._before_more()
        kinds = [("root_resource_types[]", kind) for kind in ("schedules", "escalation_policies")]
        where = [("since", since), ("limit", str(PAGE)), *([("cursor", cursor)] if cursor else [])]
        try:
            return self.get("/audit/records", schema.AuditRecords, [*kinds, *where])
        except errors.Denied as error:
            raise errors.Denied(error.message, AUDIT_RIGHT) from None

    def changes(self, incident_id: str, damage: Damage) -> list[schema.ChangeEvent]:
        """Changes that PagerDuty holds to be related to it; empty where the account's plan or the token has none."""
        try:
            answer = self.get(path(incident_id) + "/related_change_events", schema.ChangeEvents, [("limit", "20")])
        except (errors.Malformed, errors.Denied):
            return []
        return items(answer.change_events, schema.ChangeEvent, damage)

    # --- people, policies, services ------------------------------------------------------------------------------

    def oncalls(self, policy_id: str = "", *, until: str = "") -> list[PagerDutyOnCall]:
        """Read a policy's people on call (empty: each policy's), at every level, to *until* (RFC 3339) the next too."""
        narrowed = [("escalation_policy_ids[]", policy_id)] if policy_id else []
        params = [*narrowed, *([("until", until)] if until else [("earliest", "true")]), ("include[]", "users")]
        damage = Damage()
        found, paging = self._all("/oncalls", schema.OnCalls, params, lambda p: p.oncalls, PagerDutyOnCall, damage)
        damage.raise_if_all(self.http.host, "on-call entries")
        lost = damage.said("on-call entries", "PagerDuty")
        self.oncalls_lack = "; ".join(w for w in (lost, paging.words(damage.total)) if w)
        return [one for one in found if not one.user.removed]

    def policy(self, policy_id: str) -> PagerDutyPolicy | None:
        """An escalation policy, None where this token may not read it: on-call levels then come from who is on call."""
        try:
            return self.get(f"/escalation_policies/{quote(policy_id, safe='')}", schema.OnePolicy).escalation_policy
        except (errors.Denied, errors.Malformed):
            return None

    def policies(self, damage: Damage) -> list[PagerDutyPolicy]:
        """Every escalation policy; none where this token may not read them."""
        try:
            where = "/escalation_policies"
            return self._all(where, schema.Policies, (), lambda p: p.escalation_policies, PagerDutyPolicy, damage)[0]
        except (errors.Denied, errors.Malformed):
            return []

    def users(self, damage: Damage) -> list[Reference]:
        """Everybody in the account; nobody where this token may not read them."""
        try:
            found, _ = self._all("/users", schema.Users, (), lambda p: p.users, Reference, damage)
        except (errors.Denied, errors.Malformed):
            return []
        return [one for one in found if one.id and not one.removed]

    def services(self, damage: Damage) -> list[schema.PagerDutyService]:
        """Every service; none where this token may not read them."""
        try:
            return self._all("/services", schema.Services, (), lambda p: p.services, schema.PagerDutyService, damage)[0]
        except (errors.Denied, errors.Malformed):
            return []

    def service(self, service_id: str) -> schema.PagerDutyService | None:
        """One service, None where it is gone."""
        try:
            return self.get(f"/services/{quote(service_id, safe='')}", schema.OneService).service
        except NotFound:
            return None

    def me(self) -> Reference | None:
        """Read the token's user, None where it is the account's own (``GET /users/me`` is a 400 then)."""
        try:
            return self.get("/users/me", schema.OneUser).user
        except (errors.Malformed, errors.Denied):
            return None

    def user(self, email: str) -> Reference | None:
        """The user of this e-mail address. ``query`` matches parts of names too: the address has to be the same."""
        answer = self.get("/users", schema.Users, [("query", email), ("limit", str(PAGE))])
        found = (one for one in usable(answer.users, Reference) if not one.removed)
        return next((one for one in found if (one.email or "").casefold() == email.casefold()), None)

    def _all(
        self,
        where: str,
        into: type[T],
        params: Query,
        part: Callable[[T], Items[U]],
        of: type[U],
        damage: Damage,
    ) -> tuple[list[U], Paging[int]]:
        """Every item of a paged list that is as promised, and how its pages ended. The others are noted in *damage*."""
        found: list[U] = []
        paging = Paging(0, most=LAST)
        for offset in paging:
            page = self.get(where, into, [*params, ("limit", str(PAGE)), ("offset", str(offset))])
            told = part(page)
            after = offset + len(told)
            goes_on = getattr(page, "more", False) and len(told) > 0
            paging.cut = goes_on and after + PAGE > LAST
            if paging.follow(after if goes_on and not paging.cut else None, told):
                found += items(told, of, damage)
        return found, paging

    # --- writing -------------------------------------------------------------------------------------------------

    def update(self, incident_id: str, change: dict[str, Any], email: str) -> PagerDutyIncident:
        """PUT one incident. *email* is who acts."""
        body = {"incident": {"type": "incident_reference", **change}}
        return self.http.write("PUT", path(incident_id), schema.OneIncident, body, {"From": email}).incident

    def update_many(
        self, incident_ids: Sequence[str], change: dict[str, Any], email: str
    ) -> dict[str, PagerDutyIncident]:
        """PUT at most 250 incidents at once. Those that were changed, by id."""
        items = [{"id": each, "type": "incident_reference", **change} for each in incident_ids]
        answer = self.http.write("PUT", "/incidents", schema.Changed, {"incidents": items}, {"From": email})
        return {one.id: one for one in usable(answer.incidents, PagerDutyIncident)}

    def snooze(self, incident_id: str, seconds: int, email: str) -> PagerDutyIncident:
        """POST a snooze of 1 to 604,800 seconds."""
        body = {"duration": seconds}
        return self.http.write(
            "POST", path(incident_id) + "/snooze", schema.OneIncident, body, {"From": email}
        ).incident

    def merge(self, into: str, source_id: str, email: str) -> Reference:
        """PUT *source_id* into the incident *into*, which stays."""
        body = {"source_incidents": [{"id": source_id, "type": "incident_reference"}]}
        return self.http.write("PUT", path(into) + "/merge", schema.Merged, body, {"From": email}).incident

    def add_note(self, incident_id: str, content: str, email: str) -> PagerDutyNote:
        """POST a note."""
        body = {"note": {"content": content}}
        return self.http.write("POST", path(incident_id) + "/notes", schema.OneNote, body, {"From": email}).note

    def command(self, method: str, incident_id: str, tail: str, body: object, email: str) -> str:
        """The same write as a curl command, with a reference to the token, never its value."""
        token = reference(self._options.token)
        words = shlex.join(["-H", f"Accept: {ACCEPT}", "-H", f"From: {email}"])
        data = shlex.quote(msgspec.json.encode(body).decode())
        url = shlex.quote(f"{self.http.url}{path(incident_id)}{tail}")
        return f'curl -sS -X {method} -H "Authorization: Token token={token}" {words} --json {data} {url}'


def path(incident_id: str) -> str:
    """Return one incident's path."""
    return f"/incidents/{quote(incident_id, safe='')}"
