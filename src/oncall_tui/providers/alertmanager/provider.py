"""The Alertmanager provider: alerts with who silenced them, and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Plan
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.providers.alertmanager.api import AlertmanagerApi, authorization
from oncall_tui.providers.alertmanager.end_silence import EndSilence, standing_silences
from oncall_tui.providers.alertmanager.handler_context import AlertmanagerHandlerContext
from oncall_tui.providers.alertmanager.known_silences import KnownSilences
from oncall_tui.providers.alertmanager.mapping import AlertmanagerRows
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import ListedSilence
from oncall_tui.providers.alertmanager.silence import AlertmanagerAcknowledge, AlertmanagerSilence
from oncall_tui.providers.alertmanager.time_intervals import TimeIntervals
from oncall_tui.providers.alertmanager.unacknowledge import AckSilenceRenewer, Unacknowledge
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, Receipt, RenewalResult
from oncall_tui.providers.http import DecodeCache, Http, as_is, http_settings
from oncall_tui.runtime.clock import Clock

if TYPE_CHECKING:
    import httpx


class AlertmanagerProvider:
    """One Alertmanager (base.Provider, base.SupportsAckRenewal, base.SupportsSilences).

    One call a poll; another for silences where an alert is silenced, and for groups where there are time intervals.
    """

    provider = "alertmanager"

    def __init__(
        self, options: AlertmanagerOptions, http: Http, clock: Clock, read_only: bool, login: tuple[str, ...] = ()
    ) -> None:
        self.source = options.name
        self.interval_s = options.interval_s or 10.0
        self.stale_after_s = 3 * self.interval_s
        self.login = login
        self.banner = ""
        self._http = http
        self._clock = clock
        self._api = AlertmanagerApi(http, options.filter)
        self._known = KnownSilences(clock)
        self._intervals = TimeIntervals(self._api, clock)
        self._rows = AlertmanagerRows(options, self._known, read_only)
        self._listing = DecodeCache(ListedSilence, as_is)
        context = AlertmanagerHandlerContext(options, self._api, self._known, self._intervals, clock, read_only)
        self._ack_renewer = AckSilenceRenewer(context)
        self._handlers: dict[Verb, ActionHandler] = {
            Verb.ACKNOWLEDGE: AlertmanagerAcknowledge(context),
            Verb.UNACKNOWLEDGE: Unacknowledge(context),
            Verb.SILENCE: AlertmanagerSilence(context),
            Verb.END_SILENCE: EndSilence(context),
        }

    def read(self, request: ReadRequest) -> Reading:
        """GET the alerts, and what keeps them quiet. Raises errors.SourceError where the alerts cannot be read."""
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call
        silenced, damage = self._rows.take(self._api.raw_alerts())
        damage.raise_if_all(self._http.host, "alerts")
        problems = self._read_silences() if silenced or self._known.holds_any else []
        if self._rows.may_be_muted:
            problems += self._intervals.read()
        rows = self._rows.rows(self._intervals.muted, self._http.server_now())
        problems += damage.problems("alerts")
        if self._rows.twins:
            said = f"{self._rows.twins} fingerprints stand for several alerts each: each of them is shown"
            problems.append(PartialFailure(SourceState.MALFORMED, "alerts", said))
        return Reading(
            source=self.source,
            at=at,
            alerts=rows,
            problems=tuple(problems),
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def _read_silences(self) -> list[PartialFailure]:
        """Read who silenced what. Where that fails the alerts are still true: a problem, and the last good ones."""
        try:
            silences, damage = self._listing.take(self._api.raw_silences())
        except errors.SourceError as error:
            return [PartialFailure(SourceState(error.state), "silences", error.message, error.hint)]
        self._known.take(silences)
        return damage.problems("silences")

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Return the handlers of an alert's verbs."""
        return self._handlers

    def silences(self) -> tuple[StandingSilence, ...]:
        """Read every silence that is not over (base.SupportsSilences). Raises errors.SourceError."""
        return standing_silences(self.source, self._api)

    def renew_ack(self, plan: Plan, receipt: Receipt, now: float) -> RenewalResult:
        """Extend the acknowledgement that *plan* made (base.SupportsAckRenewal). *now* in seconds since the epoch."""
        return self._ack_renewer.renew_ack(plan, receipt, now) if plan.verb is Verb.ACKNOWLEDGE else RenewalResult(None)

    def renew(self) -> None:
        """Read the secrets anew."""
        self._http.renew()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(
    options: AlertmanagerOptions, context: Context, transport: httpx.BaseTransport | None = None
) -> AlertmanagerProvider:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    secrets = tuple(s for s in (options.bearer_token, options.password) if s is not None)
    url = options.url.rstrip("/").removesuffix("/api/v2")
    signer = None
    if options.auth:
        assert context.signer is not None
        signer = context.signer(options)
    http = Http(
        source=context.source,
        url=url,
        clock=context.clock,
        authorization=(lambda: authorization(options)) if secrets else None,
        secrets=secrets,
        settings=http_settings(options, signer),
        transport=transport,
    )
    login = options.login or (signer.login if signer is not None else ())
    return AlertmanagerProvider(options, http, context.clock, context.read_only, login)
