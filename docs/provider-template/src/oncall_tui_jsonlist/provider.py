"""The provider: one call a page and poll. Synchronous; raises only errors of ``oncall_tui.errors``; never retries."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.domain.action import Verb
from oncall_tui.domain.reading import Reading
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest
from oncall_tui.providers.http import DecodeCache, Http, http_settings
from oncall_tui.providers.lists import listing
from oncall_tui.providers.paging import Paging
from oncall_tui_jsonlist.acknowledge import Acknowledge, JsonListHandlerContext
from oncall_tui_jsonlist.mapping import AlertPage, ListedAlert, row
from oncall_tui_jsonlist.options import JsonListOptions


class JsonListProvider:
    """One list of alerts (oncall_tui.providers.base: Provider)."""

    provider = "jsonlist"

    def __init__(self, options: JsonListOptions, http: Http, context: Context) -> None:
        self.source = options.name
        self.interval_s = options.interval_s or 30.0
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        self.banner = ""
        self._http, self._clock = http, context.clock
        self._listing = DecodeCache(ListedAlert, lambda item: row(self.source, item, context.read_only))
        on = JsonListHandlerContext(options.name, http, context.clock, context.read_only)
        self._handlers: dict[Verb, ActionHandler] = {Verb.ACKNOWLEDGE: Acknowledge(on)}

    def read(self, request: ReadRequest) -> Reading:
        """Every alert. Raises errors.SourceError where the list cannot be read whole."""
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call
        found = []
        paging = Paging("")
        for page in paging:
            told = self._http.get("/alerts", AlertPage, [("page", page)] if page else [])
            if paging.follow(told.next, told.alerts):
                found += told.alerts
        alerts, damage = self._listing.take(listing(found))
        damage.raise_if_all(self._http.host, "alerts")
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(alerts),
            problems=(*paging.problems("alerts", len(found)), *damage.problems("alerts")),
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Return a handler for each verb that it can do."""
        return self._handlers

    def renew(self) -> None:
        """Read the token anew."""
        self._http.renew()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(options: JsonListOptions, context: Context) -> JsonListProvider:
    """Make the provider of one source. Opens nothing yet."""
    http = Http(
        source=context.source,
        url=options.url,
        clock=context.clock,
        authorization=lambda: f"Bearer {options.token.get()}",
        secrets=(options.token,),
        settings=http_settings(options),
    )
    return JsonListProvider(options, http, context)
