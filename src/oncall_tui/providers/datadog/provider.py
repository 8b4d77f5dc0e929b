"""The Datadog provider: monitors that alert, group by group, with who silenced them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest
from oncall_tui.providers.datadog import events
from oncall_tui.providers.datadog.active_downtime import ActiveDowntime
from oncall_tui.providers.datadog.api import DatadogApi, error_text, login
from oncall_tui.providers.datadog.handler_context import DatadogHandlerContext
from oncall_tui.providers.datadog.mapping import DatadogRows
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.schema import DatadogMonitor
from oncall_tui.providers.datadog.silence import DatadogSilence
from oncall_tui.providers.http import Http, http_settings
from oncall_tui.providers.http.change_feed import ChangeFeed
from oncall_tui.providers.lists import Items
from oncall_tui.runtime.clock import Clock

if TYPE_CHECKING:
    import httpx

SEARCH_S = 300.0  # which monitors a query finds is asked so often, and whenever another one alerts
DENIED_S = 300.0  # a key that may not read downtimes is not asked again at once
HOSTS = (".datadoghq.com", ".datadoghq.eu", ".ddog-gov.com")


class DatadogProvider:
    """One Datadog organization (base.Provider). A call for each 500 monitors, and one for the downtimes."""

    provider = "datadog"

    def __init__(self, options: DatadogOptions, http: Http, clock: Clock, read_only: bool) -> None:
        self.source = options.name
        self.interval_s = options.interval_s or 30.0
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        real = (urlsplit(options.api_url).hostname or "").endswith(HOSTS)
        self.banner = "" if real else f"endpoint {http.url}"
        self._options = options
        self._http = http
        self._clock = clock
        self._api = DatadogApi(http, options)
        self._rows = DatadogRows(options, read_only)
        self._changes = ChangeFeed(clock, partial(events.read, self._api, options))
        self._downtimes: tuple[ActiveDowntime, ...] = ()
        self._searched: frozenset[int] | None = None
        self._judged: frozenset[int] = frozenset()  # the alerting monitors that the last search knew of
        self._search_at = 0.0
        self._denied: PartialFailure | None = None
        self._denied_until = 0.0
        self._handlers: dict[Verb, ActionHandler] = {
            Verb.SILENCE: DatadogSilence(
                DatadogHandlerContext(options, self._api, DatadogRows(options, read_only), clock, read_only)
            )
        }

    def read(self, request: ReadRequest) -> Reading:
        """Every monitor that alerts. Raises errors.SourceError where the list cannot be read whole."""
        if request.fresh:
            self._denied, self._search_at = None, 0.0
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call

        def so_far(raws: Items[DatadogMonitor]) -> None:
            request.tell_part(lambda: self._so_far(raws, at, calls))

        raws, paging = self._api.monitors(so_far)
        any_alerts, damage = self._rows.take(raws)
        damage.raise_if_all(self._http.host, "monitors")
        pause = self._http.pause_s  # of the monitors: the calls that follow have limits of their own
        problems: list[PartialFailure] = []
        if any_alerts:
            problems += self._read_downtimes()
            problems += self._read_search()
        problems += paging.problems("monitors", len(raws), "narrow it: tags, monitor_tags" if paging.cut else "")
        problems += damage.problems("monitors")
        changes, unread = self._changes.read(request.fresh, bool(self._options.events))
        return Reading(
            source=self.source,
            at=at,
            alerts=self._rows.rows(self._downtimes, self._searched, at),
            changes=changes,
            problems=(*problems, *unread),
            next_in_s=None if pause is None else max(pause, self.interval_s),
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def _so_far(self, raws: Items[DatadogMonitor], at: float, calls: int) -> Reading:
        """Return the monitors of the pages that came; what is silenced, or not asked for, is known first."""
        any_alerts, _ = self._rows.take(raws)
        if any_alerts:
            self._read_downtimes()
            self._read_search()
        return Reading(
            source=self.source,
            at=at,
            alerts=self._rows.rows(self._downtimes, self._searched, at),
            calls=self._http.calls - calls,
            complete=False,
            clock_off_s=self._http.clock_off_s,
        )

    def _read_downtimes(self) -> list[PartialFailure]:
        """Read the downtimes. Where that fails the alerts are still true: a problem, and the last good ones."""
        if self._denied is not None and self._clock.monotonic() < self._denied_until:
            return [self._denied]
        self._denied = None
        try:
            downtimes, problems = self._api.active_downtimes()
        except errors.SourceError as error:
            problem = PartialFailure(SourceState(error.state), "downtimes", error.message, error.hint)
            if isinstance(error, errors.Denied):
                self._denied, self._denied_until = problem, self._clock.monotonic() + DENIED_S
            return [problem]
        self._downtimes = tuple(downtimes)
        return problems

    def _read_search(self) -> list[PartialFailure]:
        """Read which monitors the query finds, where that may have changed. Until it was read all are shown."""
        if not self._options.query:
            return []
        alerting, now = self._rows.known(), self._clock.monotonic()
        if self._searched is not None and alerting <= self._judged and now < self._search_at:
            return []
        try:
            self._searched = self._api.searched(self._options.query)
        except errors.SourceError as error:
            return [PartialFailure(SourceState(error.state), "query", error.message, error.hint)]
        self._judged, self._search_at = alerting, now + SEARCH_S
        return []

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Silence; there is no acknowledging a monitor, so that is done in the journal here (*seen*)."""
        return self._handlers

    def renew(self) -> None:
        """Read the keys anew."""
        self._http.renew()
        self._denied = None
        self._changes.renew()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(options: DatadogOptions, context: Context, transport: httpx.BaseTransport | None = None) -> DatadogProvider:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    http = Http(
        source=context.source,
        url=options.api_url,
        clock=context.clock,
        login=lambda: login(options),
        secrets=(options.api_key, options.application_key),
        error_words=error_text,
        read_right="monitors_read",
        write_right="monitors_downtime",
        settings=http_settings(options),
        transport=transport,
    )
    return DatadogProvider(options, http, context.clock, context.read_only)
