"""The Sentry provider: issues that were seen lately, unresolved or ignored for a time, and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from oncall_tui import errors
from oncall_tui.clock import Clock
from oncall_tui.contract import ActionHandler, Context, ReadRequest
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.reading import Problem, Reading, SourceState
from oncall_tui.providers.decoding import decoder
from oncall_tui.providers.http import Http, Listing
from oncall_tui.providers.sentry.api import READ_RIGHT, UNRESOLVED, UNTIL, WRITE_RIGHT, Api, say
from oncall_tui.providers.sentry.assigning import Assign, Unassign
from oncall_tui.providers.sentry.desk import Desk
from oncall_tui.providers.sentry.ending import Ignore, Resolve
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.rows import row
from oncall_tui.providers.sentry.wire import Issue

if TYPE_CHECKING:
    import httpx


class Sentry:
    """One organization (contract.Provider). Two calls a poll: what is unresolved, and what is ignored until a time."""

    provider = "sentry"

    def __init__(self, options: SentryOptions, http: Http, clock: Clock, read_only: bool) -> None:
        self.source = options.name
        self.interval_s = options.interval_s or 30.0  # "Polling the API … is likely to quickly trigger rate limiting"
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        self.banner = ""
        self._options = options
        self._http = http
        self._clock = clock
        self._read_only = read_only
        self._api = Api(http, options, clock)
        self._decoder = decoder(Issue)
        self._listing = Listing(self._row)
        self._ignored: list[msgspec.Raw] = []  # the last good ones
        self._by_id: dict[str, Alert] = {}
        desk = Desk(options, self._api, clock, read_only)
        self._handlers: dict[Verb, ActionHandler] = {Verb.RESOLVE: Resolve(desk), Verb.SILENCE: Ignore(desk)}
        if options.assigned_is_acknowledged:
            self._handlers |= {Verb.ACKNOWLEDGE: Assign(desk), Verb.UNACKNOWLEDGE: Unassign(desk)}

    def _row(self, raw: msgspec.Raw) -> Alert:
        return row(self._options, self._decoder.decode(raw), self._read_only)

    def read(self, request: ReadRequest) -> Reading:
        """Every issue that is asked for. Raises errors.SourceError where the list cannot be read whole."""
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call
        raws, cut = self._api.issues(UNRESOLVED)
        problems = self._read_ignored()
        raws = [*raws, *self._ignored]  # an issue that was ignored between the two reads is in both: the later holds
        found, bad = self._listing.take(raws)
        if bad and not found:
            raise errors.Malformed(f"{self._http.host} sent {bad} issues that its API does not promise")
        self._by_id = {alert.id: self._known(alert) for alert in found}
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(self._by_id.values()),
            problems=(*problems, *self._problems(cut, bad, len(raws))),
            calls=self._http.calls - calls,
        )

    def _read_ignored(self) -> list[Problem]:
        """Read what is ignored, so that it does not look resolved. Where that fails the rest is true: a problem."""
        try:
            self._ignored, cut = self._api.issues(UNTIL)
        except errors.SourceError as error:
            return [Problem(SourceState(error.state), "ignored issues", error.message, error.hint)]
        said = f"there are more than the {len(self._ignored):,} that were read"
        return [Problem(SourceState.DENIED, "ignored issues", said, "narrow it")] if cut else []

    def _known(self, alert: Alert) -> Alert:
        """The row of the last poll where it says the same: much of an issue's JSON moves that no row shows."""
        old = self._by_id.get(alert.id)
        return old if old is not None and old == alert else alert

    def _problems(self, cut: bool, bad: int, total: int) -> tuple[Problem, ...]:
        problems = []
        if cut:
            message = f"there are more than the {total:,} that were read"
            hint = "narrow it: projects, environments, levels, query, seen_within"
            problems.append(Problem(SourceState.DENIED, "issues", message, hint))
        if bad:
            problems.append(Problem(SourceState.MALFORMED, f"{bad} of {total} issues", "not as the API promises"))
        return tuple(problems)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """What can be done to an issue here."""
        return self._handlers

    def renew(self) -> None:
        """Read the token anew."""
        self._http.renew()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(options: SentryOptions, context: Context, transport: httpx.BaseTransport | None = None) -> Sentry:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    http = Http(
        source=context.source,
        url=options.url.rstrip("/").removesuffix("/api/0"),
        clock=context.clock,
        authorization=lambda: "Bearer " + options.token.get(),
        secrets=(options.token,),
        say=say,
        read_right=READ_RIGHT,
        write_right=WRITE_RIGHT,
        transport=transport,
    )
    return Sentry(options, http, context.clock, context.read_only)
