"""The calls on Datadog that the provider and its actions share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from oncall_tui import errors
from oncall_tui.domain.reading import PartialFailure
from oncall_tui.providers.datadog.active_downtime import ActiveDowntime, active_downtime, names
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.schema import (
    DatadogDowntime,
    DatadogEvents,
    DatadogMonitor,
    DatadogMonitorPage,
    Downtimes,
    Included,
    Match,
    Matches,
    OneDowntime,
    Search,
    Valid,
)
from oncall_tui.providers.http import Http, NotFound, TooSlow, reference
from oncall_tui.providers.lists import Damage, Items, items, listing, usable
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.decoding import plain
from oncall_tui.text.time_format import rfc3339

PAGE = 500  # monitors; the API takes 1,000 (OpenAPI v1, "Get all monitors"), but has to answer within the read time-out
LEAST = 100  # what a page is made smaller to, where it does not
GROWN_AFTER = 120  # whole lists until a larger page is tried again
LIMIT = 50_000  # monitors that are read
DOWNTIMES = 100
SEARCHED = 100
MOST = 100  # pages of another list: what never ends is no list
GROUPS = "alert,warn,no data"
READS = "the application key needs monitors_read"
EVENTS = 100  # of one page
EVENTS_RIGHT = "the application key needs events_read"
DOWNS = "the application key needs monitors_downtime"

T = TypeVar("T")


def login(options: DatadogOptions) -> Mapping[str, str]:
    """The two headers. May block for a secret's command; raises errors.NoCredentials."""
    return {"DD-API-KEY": options.api_key.get(), "DD-APPLICATION-KEY": options.application_key.get()}


def error_text(status: int, body: bytes) -> str:
    """``{"errors": […]}`` in words: texts (v1), or objects with ``detail`` or ``title`` (v2)."""
    try:
        said = plain(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    listed = said.get("errors") if isinstance(said, dict) else None
    found = []
    for one in listed if isinstance(listed, list) else ():
        text = one.get("detail") or one.get("title") if isinstance(one, dict) else one
        if isinstance(text, str):
            found.append(text)
    return ", ".join(found)


class DatadogApi:
    """Typed calls. Reading raises errors.SourceError, writing errors.ActionError (see ``providers.http``)."""

    def __init__(self, http: Http, options: DatadogOptions) -> None:
        self.http = http
        self._options = options
        self._page = PAGE
        self._whole = 0  # lists that were read since the page's size changed

    # --- monitors --------------------------------------------------------------------------------------------------

    def monitors(
        self, so_far: Callable[[Items[DatadogMonitor]], None] | None = None
    ) -> tuple[Items[DatadogMonitor], Paging[int]]:
        """Every monitor, undecoded, with the groups that alert, and how the pages ended. *so_far* is given what
        there is after each page but the last.

        The API filters by tags, not by state: those that are well come too. Where a page did not come in time, the next
        poll asks for smaller ones.
        """
        if self._whole >= GROWN_AFTER:
            self._page, self._whole = min(PAGE, 2 * self._page), 0
        try:
            found = self._listed(self._page, so_far)
        except TooSlow:
            self._page, self._whole = max(LEAST, self._page // 2), 0
            raise
        self._whole += 1
        return found

    def _listed(
        self, size: int, so_far: Callable[[Items[DatadogMonitor]], None] | None
    ) -> tuple[Items[DatadogMonitor], Paging[int]]:
        found: list[msgspec.Raw] = []
        paging = Paging(0, most=-(-LIMIT // size))
        for page in paging:
            params = [*self._query(), ("page", str(page)), ("page_size", str(size))]
            told = self._read("/api/v1/monitor", Items[DatadogMonitor], params, READS)
            if paging.follow(page + 1 if len(told) == size else None, told):
                found += told
                if so_far is not None and len(told) == size:
                    so_far(listing(found))
        return listing(found), paging

    def _query(self) -> list[tuple[str, str]]:
        query = [("group_states", GROUPS), ("with_downtimes", "true")]
        for name in ("tags", "monitor_tags"):
            if values := getattr(self._options, name):
                query.append((name, ",".join(values)))
        return query

    def searched(self, query: str) -> frozenset[int]:
        """The ids of the monitors that a search finds. Raises Malformed where not all are known: it would hide them."""
        found: set[int] = set()
        damage = Damage()
        paging = Paging(0, most=MOST)
        for page in paging:
            params = [("query", query), ("page", str(page)), ("per_page", str(SEARCHED))]
            answer = self._read("/api/v1/monitor/search", Search, params, READS)
            found.update(monitor.id for monitor in items(answer.monitors, DatadogMonitorPage, damage))
            more = len(answer.monitors) > 0 and page + 1 < answer.metadata.page_count
            paging.follow(page + 1 if more else None, answer.monitors)
        if damage.lost or not paging.whole:
            why = damage.words() or paging.words(len(found))
            raise errors.Malformed(f"the search's answer is not complete: {why}", "all monitors are shown meanwhile")
        return frozenset(found)

    def monitor(self, monitor_id: int) -> DatadogMonitor | None:
        """One monitor with the groups that alert, None where there is none."""
        params = [("group_states", GROUPS), ("with_downtimes", "true")]
        try:
            return self._read(f"/api/v1/monitor/{monitor_id}", DatadogMonitor, params, READS)
        except NotFound:
            return None

    # --- events ----------------------------------------------------------------------------------------------------

    def events(self, query: str, since: float, cursor: str) -> DatadogEvents:
        """One page of the events that a search finds since then (seconds since the epoch), the newest first."""
        params = [
            ("filter[query]", query),
            ("filter[from]", rfc3339(since)),
            ("sort", "-timestamp"),
            ("page[limit]", str(EVENTS)),
            *([("page[cursor]", cursor)] if cursor else []),
        ]
        return self._read("/api/v2/events", DatadogEvents, params, EVENTS_RIGHT)

    # --- downtimes -------------------------------------------------------------------------------------------------

    def active_downtimes(self) -> tuple[list[ActiveDowntime], list[PartialFailure]]:
        """Every downtime that holds now, and what could not be read."""
        found: list[ActiveDowntime] = []
        damage = Damage()
        paging = Paging(0, most=MOST)
        for seen in paging:
            params = [
                ("current_only", "true"),
                ("include", "created_by"),
                ("page[offset]", str(seen)),
                ("page[limit]", str(DOWNTIMES)),
            ]
            page = self._read("/api/v2/downtime", Downtimes, params, DOWNS)
            after = seen + len(page.data)
            total = page.meta.page.total_filtered_count if page.meta and page.meta.page else None
            ends = not page.data or (len(page.data) < DOWNTIMES if total is None else after >= total)
            if paging.follow(None if ends else after, page.data):
                authors = names(usable(page.included, Included))
                found += [active_downtime(one, authors) for one in items(page.data, DatadogDowntime, damage)]
        return found, [*damage.problems("downtimes"), *paging.problems("downtimes", len(found))]

    def active_downtime(self, downtime_id: str) -> ActiveDowntime | None:
        """One downtime, None where there is none."""
        try:
            path = f"/api/v2/downtime/{downtime_id}"
            answer = self._read(path, OneDowntime, [("include", "created_by")], DOWNS)
        except NotFound:
            return None
        return active_downtime(answer.data, names(usable(answer.included, Included)))

    def matches(self, monitor_id: int) -> frozenset[str]:
        """The ids of the downtimes that the server says hold for a monitor now."""
        path = f"/api/v2/monitor/{monitor_id}/downtime_matches"
        try:
            answer = self._read(path, Matches, [("page[limit]", str(DOWNTIMES))], DOWNS)
        except NotFound:
            return frozenset()
        return frozenset(match.id for match in usable(answer.data, Match))

    def add(self, attributes: dict[str, Any]) -> ActiveDowntime:
        """Make a downtime: one attempt. Raises errors.ActionFailed or errors.OutcomeUnknown."""
        answer = self.http.write("POST", "/api/v2/downtime", OneDowntime, body(attributes))
        return active_downtime(answer.data, names(usable(answer.included, Included)))

    def add_command(self, attributes: dict[str, Any]) -> str:
        """The same by hand, with references to the keys, never their values."""
        options = self._options
        keys = (
            f'-H "DD-API-KEY: {reference(options.api_key)}"'
            f' -H "DD-APPLICATION-KEY: {reference(options.application_key)}"'
        )
        data = shlex.quote(msgspec.json.encode(body(attributes)).decode())
        return f"curl -sS {keys} --json {data} {shlex.quote(self.http.url + '/api/v2/downtime')}"

    # --- what a refusal means --------------------------------------------------------------------------------------

    def _read(self, path: str, into: type[T], params: list[tuple[str, str]], needs: str) -> T:
        """Do as ``Http.get``; tell a 403 for an invalid key from one for a missing right."""
        try:
            return self.http.get(path, into, params)
        except errors.Denied as error:
            if not self._key_is_valid():
                self.http.renew()  # a rotated key is refused so
                place = self._options.api_key.place
                message = f"{self.http.host} does not accept the API key"
                raise errors.Expired(message, f"renew the key at {place}; is the site right?") from None
            where = self._options.application_key.place
            raise errors.Denied(error.message, f"{needs}; or it was revoked: see {where}") from None

    def _key_is_valid(self) -> bool:
        """Ask ``/api/v1/validate``, which checks the API key alone. Where that fails, the key is not to blame."""
        try:
            return self.http.get("/api/v1/validate", Valid).valid
        except errors.Denied:
            return False
        except errors.SourceError:
            return True


def body(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the body of ``POST /api/v2/downtime`` (``DowntimeCreateRequest``)."""
    return {"data": {"type": "downtime", "attributes": attributes}}
