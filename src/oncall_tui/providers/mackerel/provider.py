"""The Mackerel provider: open alerts with the names of their monitors and hosts, closing one, and its memo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import msgspec

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, TimelineEvent, gaps
from oncall_tui.providers.http import DecodeCache, Http, NotFound, as_is, http_settings
from oncall_tui.providers.lists import Damage, Items, items, listing
from oncall_tui.providers.mackerel.close import Close
from oncall_tui.providers.mackerel.downtimes import quiet_until
from oncall_tui.providers.mackerel.handler_context import MackerelHandlerContext, path
from oncall_tui.providers.mackerel.mapping import row
from oncall_tui.providers.mackerel.note import AddToMemo
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.past import MackerelPast
from oncall_tui.providers.mackerel.schema import (
    MackerelAlert,
    MackerelAlerts,
    MackerelDowntime,
    MackerelDowntimes,
    MackerelLog,
    MackerelLogs,
    MackerelMonitor,
    MackerelMonitors,
    OneHost,
)
from oncall_tui.providers.mackerel.timeline import events
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import plain

if TYPE_CHECKING:
    import httpx

PAGE = 100  # the most that a page may have ("List Alerts")
PAGES = 100  # so many pages a poll: 10,000 alerts
MONITORS_S = 300.0  # names of monitors hardly change
HOSTS_A_POLL = 10
AGAIN_S = 30.0  # but for a monitor that is not known yet, or names that could not be read


class MackerelProvider:
    """One organization (base.Provider, base.SupportsTimeline).

    One call a page and poll, two for the monitors and downtimes every five minutes, and one for each host that alerts
    anew.
    """

    provider = "mackerel"
    history_calls_per_s = 2.0

    def __init__(self, options: MackerelOptions, http: Http, clock: Clock, read_only: bool) -> None:
        self.source = options.name
        self.interval_s = options.interval_s or 30.0
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        real = (urlsplit(options.url).hostname or "").endswith(".mackerelio.com")
        self.banner = "" if real else f"endpoint {http.url}"
        self._options = options
        self._http = http
        self._clock = clock
        self._read_only = read_only
        self._listing = DecodeCache(MackerelAlert, as_is)
        self._monitors: dict[str, MackerelMonitor] = {}
        self._monitors_at: float | None = None  # when they were asked for (monotonic)
        self._problem: list[PartialFailure] = []  # of the monitors' names, and of downtimes
        self._downtimes: list[MackerelDowntime] = []
        self._hosts: dict[str, str] = {}  # names by id, of the hosts that alert
        self._hosts_after = 0.0
        self._by_id: dict[str, Alert] = {}
        self._past = MackerelPast(options, http)
        handlers = MackerelHandlerContext(options, http, clock, read_only)
        self._handlers: dict[Verb, ActionHandler] = {Verb.RESOLVE: Close(handlers), Verb.NOTE: AddToMemo(handlers)}

    def read(self, request: ReadRequest) -> Reading:
        """Every open alert. Raises errors.SourceError where the list cannot be read whole."""
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call

        def so_far(raws: Items[MackerelAlert]) -> None:
            request.tell_part(lambda: self._so_far(raws, at, calls))

        raws, paging = self._open_alerts(so_far)
        found, damage = self._listing.take(raws)
        damage.raise_if_all(self._http.host, "alerts")
        if request.fresh:
            self._monitors_at = None
        self._name(found)
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(self._by_id.values()),
            problems=(*self._problem, *paging.problems("alerts", len(raws)), *damage.problems("alerts")),
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def _so_far(self, raws: Items[MackerelAlert], at: float, calls: int) -> Reading:
        """Return the alerts of the pages that came, with their monitors' names."""
        self._name(self._listing.take(raws)[0])
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(self._by_id.values()),
            calls=self._http.calls - calls,
            complete=False,
            clock_off_s=self._http.clock_off_s,
        )

    def _name(self, found: list[MackerelAlert]) -> None:
        """Make the rows, once the monitors and hosts are read that they name."""
        self._read_monitors({item.monitorId for item in found if item.monitorId})
        self._read_hosts({item.hostId for item in found if item.hostId})
        self._by_id = {alert.id: alert for alert in map(self._row, found)}

    def _row(self, item: MackerelAlert) -> Alert:
        """The row of the last poll where it says the same."""
        host = self._hosts.get(item.hostId or "", "")
        monitor = self._monitors.get(item.monitorId or "")
        quiet = None if monitor is None else quiet_until(self._downtimes, monitor, self._http.server_now())
        made = row(self._options, item, monitor, self._read_only, host, quiet)
        old = self._by_id.get(made.id)
        return old if old is not None and old == made else made

    def _open_alerts(self, so_far: Callable[[Items[MackerelAlert]], None]) -> tuple[Items[MackerelAlert], Paging[str]]:
        """Every page, undecoded, and how they ended; *so_far* is given what there is after each but the last."""
        found: list[msgspec.Raw] = []
        paging = Paging("", most=PAGES)
        for after in paging:
            params = [("limit", str(PAGE)), *([("nextId", after)] if after else [])]
            page = self._http.get("/api/v0/alerts", MackerelAlerts, params)
            if paging.follow(page.nextId, page.alerts):
                found += page.alerts
                if page.nextId:
                    so_far(listing(found))
        return listing(found), paging

    def _read_monitors(self, wanted: set[str]) -> None:
        """Learn the monitors' names. Where that fails the alerts are still true: a problem, and the last good ones."""
        patience = MONITORS_S if wanted <= self._monitors.keys() and not self._problem else AGAIN_S
        now = self._clock.monotonic()
        if not wanted or (self._monitors_at is not None and now - self._monitors_at < patience):
            return
        self._monitors_at, self._problem, damage = now, [], Damage()
        try:
            monitors = items(self._http.get("/api/v0/monitors", MackerelMonitors).monitors, MackerelMonitor, damage)
        except errors.SourceError as error:
            self._problem = [PartialFailure(SourceState(error.state), "monitors' names", error.message, error.hint)]
            return
        self._monitors = {monitor.id: monitor for monitor in monitors}
        self._problem = [*damage.problems("monitors"), *self._read_downtimes()]

    def _read_downtimes(self) -> list[PartialFailure]:
        """Read what keeps alerts quiet. Where that fails they are shown as firing, and the problem is returned."""
        damage = Damage()
        try:
            found = self._http.get("/api/v0/downtimes", MackerelDowntimes).downtimes
        except errors.SourceError as error:
            self._downtimes = []
            return [PartialFailure(SourceState(error.state), "downtimes", error.message, error.hint)]
        self._downtimes = items(found, MackerelDowntime, damage)
        return damage.problems("downtimes")

    def _read_hosts(self, wanted: set[str]) -> None:
        """Learn the names of hosts that alert, a few a poll. Where a name is not known the id stands."""
        self._hosts = {host_id: name for host_id, name in self._hosts.items() if host_id in wanted}
        now = self._clock.monotonic()
        for host_id in sorted(wanted - self._hosts.keys())[:HOSTS_A_POLL]:
            if now < self._hosts_after:
                return
            try:
                host = self._http.get(f"/api/v0/hosts/{quote(host_id, safe='')}", OneHost).host
            except NotFound:
                self._hosts[host_id] = ""  # retired
            except errors.SourceError:
                self._hosts_after = now + MONITORS_S
            else:
                self._hosts[host_id] = host.displayName or host.name or ""

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        """Read an alert's changes (by a row's id), newest first (base.SupportsTimeline). Raises SourceError."""
        where = f"{path(target.removeprefix(self.source + '/'))}/logs"
        logs = self._http.get(where, MackerelLogs, [("limit", str(PAGE))]).logs
        damage = Damage()
        found = events(items(logs, MackerelLog, damage))
        return (*gaps(self._clock.now(), damage.said("changes", "Mackerel")), *found)

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read a page of past alerts (base.SupportsHistory). Raises SourceError."""
        return self._past.page(span, after)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Return the handlers of an alert's verbs."""
        return self._handlers

    def renew(self) -> None:
        """Read the key anew."""
        self._http.renew()
        self._monitors_at = None
        self._hosts_after = 0.0

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(options: MackerelOptions, context: Context, transport: httpx.BaseTransport | None = None) -> MackerelProvider:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    http = Http(
        source=context.source,
        url=options.url,
        clock=context.clock,
        login=lambda: {"X-Api-Key": options.api_key.get()},
        secrets=(options.api_key,),
        error_words=error_text,
        read_right="Read",
        write_right="Write",
        settings=http_settings(options),
        transport=transport,
    )
    return MackerelProvider(options, http, context.clock, context.read_only)


def error_text(status: int, body: bytes) -> str:
    """``{"error": {"message": …}}`` or ``{"error": …}`` in words; of a 403 also the other reason that there may be."""
    try:
        said = plain(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = None
    error = said.get("error", "") if isinstance(said, dict) else ""
    message = error.get("message", "") if isinstance(error, dict) else error
    parts = [message if isinstance(message, str) else "", "or the key does not permit this address"]
    return ", ".join(part for part in parts[: 2 if status == 403 else 1] if part)
