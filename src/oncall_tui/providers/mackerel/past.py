"""Mackerel's alerts of the past, closed ones too: when each was open, and how bad it was.

Facts: Mackerel's API documents, "List Alerts": ``withClosed`` lists closed alerts too, a hundred a page, the newest
first, and ``nextId`` those that are older than that one. A closed alert's status is OK: how bad it was, its logs tell
("List alert logs"), at one call an alert. They name nobody who closed it. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Severity
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan, ToldFiring
from oncall_tui.providers.http import DecodeCache, Http, NotFound, as_is
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.mackerel.handler_context import path
from oncall_tui.providers.mackerel.mapping import SEVERITIES, row
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import (
    MackerelAlert,
    MackerelAlerts,
    MackerelLog,
    MackerelLogs,
    MackerelMonitor,
    MackerelMonitors,
    OneHost,
)
from oncall_tui.text.time_format import rfc3339

ALERTS = 25  # a page of ours: about as many calls, so that little is read again after an interruption
HOSTS = 1_000  # names that are kept


class MackerelPast:
    """Reads one organization's past, a page of alerts at a time, the newest first (base.SupportsHistory)."""

    def __init__(self, options: MackerelOptions, http: Http) -> None:
        self._options, self._http = options, http
        self._monitors: dict[str, MackerelMonitor] | None = None
        self._hosts: OrderedDict[str, str] = OrderedDict()
        self._lacks: dict[PartialFailure, None] = {}
        self._off: set[str] = set()  # what this key may not read

    def page(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read one page: *after* is the id of the alert before it. Raises errors.SourceError."""
        calls = self._http.calls
        if self._monitors is None:
            self._read_monitors()
        answer = self._list(after)
        found, damage = DecodeCache(MackerelAlert, as_is).take(answer.alerts)
        damage.raise_if_all(self._http.host, "alerts")
        logs = Damage()
        mine = [one for one in found if span.since <= one.openedAt < span.until]
        firings = [self._firing(one, logs) for one in mine]
        closed = [one for one in found if one.closedAt is not None]
        over = bool(closed) and all(max(one.openedAt, one.closedAt or 0.0) < span.since for one in closed)
        back_to = min((one.openedAt for one in found), default=span.since)
        problems = (*self._lacks, *damage.problems("alerts"), *logs.problems("alerts' logs"))
        after = "" if over else answer.nextId or ""
        return HistoryPage(
            after=after or None,
            read_to=span.since if after else span.until,
            how_far=f"back to {rfc3339(max(back_to, span.since))[:10]}",
            firings=tuple(firings),
            problems=problems,
            calls=self._http.calls - calls,
        )

    def _list(self, after: str) -> MackerelAlerts:
        params = [("withClosed", "true"), ("limit", str(ALERTS))]
        try:
            return self._http.get("/api/v0/alerts", MackerelAlerts, [*params, *([("nextId", after)] if after else [])])
        except errors.Malformed:
            if not after:
                raise
            return self._http.get("/api/v0/alerts", MackerelAlerts, params)  # that alert is deleted: from the start

    def _firing(self, item: MackerelAlert, damage: Damage) -> ToldFiring:
        worst = self._worst(item, damage) if item.status not in SEVERITIES else item.status
        monitor = (self._monitors or {}).get(item.monitorId or "")
        host = self._host(item.hostId) if item.hostId else ""
        as_it_was = msgspec.structs.replace(item, status=worst, closedAt=None)
        return ToldFiring(alert=row(self._options, as_it_was, monitor, True, host), ended=item.closedAt)

    def _worst(self, item: MackerelAlert, damage: Damage) -> str:
        """The worst status that it had; its own where the logs cannot be had."""
        if "logs" in self._off:
            return item.status
        try:
            logs = items(
                self._http.get(f"{path(item.id)}/logs", MackerelLogs, [("limit", "100")]).logs, MackerelLog, damage
            )
        except NotFound:
            return item.status
        except errors.Denied as error:
            self._lack("logs", "how bad closed alerts were", error)
            return item.status
        had = [log.status for log in logs if log.status in SEVERITIES]
        return min(
            had,
            key=lambda status: (SEVERITIES[status].rank, SEVERITIES[status] is Severity.UNKNOWN),
            default=item.status,
        )

    def _read_monitors(self) -> None:
        damage = Damage()
        try:
            found = items(self._http.get("/api/v0/monitors", MackerelMonitors).monitors, MackerelMonitor, damage)
        except errors.Denied as error:
            self._lack("monitors", "monitors' names", error)
            found = []
        self._lacks.update(dict.fromkeys(damage.problems("monitors")))
        self._monitors = {monitor.id: monitor for monitor in found}

    def _host(self, host_id: str) -> str:
        """The host's name; empty where it is retired, or may not be read."""
        if host_id in self._hosts:
            self._hosts.move_to_end(host_id)
            return self._hosts[host_id]
        name = ""
        if "hosts" not in self._off:
            try:
                host = self._http.get(f"/api/v0/hosts/{quote(host_id, safe='')}", OneHost).host
                name = host.displayName or host.name or ""
            except NotFound:
                pass
            except errors.Denied as error:
                self._lack("hosts", "hosts' names", error)
        self._hosts[host_id] = name
        while len(self._hosts) > HOSTS:
            self._hosts.popitem(last=False)
        return name

    def _lack(self, what: str, scope: str, error: errors.SourceError) -> None:
        self._off.add(what)
        self._lacks[PartialFailure(SourceState(error.state), scope, error.message, error.hint)] = None
