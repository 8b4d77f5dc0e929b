"""One Mackerel organization, as its verbs' handlers see it: reading an alert again, and telling what moved."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.providers.http import HandlerContext, Http, NotFound, reference
from oncall_tui.providers.mackerel.mapping import row, state_of
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import MackerelAlert
from oncall_tui.runtime.clock import Clock


class MackerelHandlerContext(HandlerContext[MackerelAlert]):
    """Reads one alert, and compares it with the version that was on screen."""

    gone = "Mackerel does not have this alert any more"
    off_board = "is closed, or not there any more"

    def __init__(self, options: MackerelOptions, http: Http, clock: Clock, read_only: bool) -> None:
        super().__init__(options.name, http, clock, read_only)
        self.options = options

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its id."""
        return {"alert": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> MackerelAlert | None:
        """GET the alert; None where Mackerel does not have it. Raises errors.SourceError."""
        try:
            return self.http.get(path(pin["alert"]), MackerelAlert)
        except NotFound:
            return None

    def unmoved(self, version: str, seen: MackerelAlert) -> Alert:
        """Its row. Raises Refused where it is closed, or changed its state."""
        if state_of(seen) is AlertState.RESOLVED:
            raise errors.Refused(f"already closed{f': {seen.reason}' if seen.reason else ''}")
        now = row(self.options, seen, None)
        if version and now.version != _unseen(version):
            raise errors.Refused(f"the alert changed: it is {now.state} now")
        return now


def write_command(options: MackerelOptions, method: str, url: str, body: object) -> str:
    """The same write by hand, with a reference to the key."""
    data = shlex.quote(msgspec.json.encode(body).decode())
    return f'curl -sS -X {method} -H "X-Api-Key: {reference(options.api_key)}" --json {data} {shlex.quote(url)}'


def path(alert_id: str) -> str:
    """The alert's path in the API."""
    return f"/api/v0/alerts/{quote(alert_id, safe='')}"


def _unseen(version: str) -> str:
    """The version that the alert's own state would have: seen is known here alone, silenced is its monitor's."""
    head, _, began = version.rpartition("|")
    for state in (AlertState.SEEN, AlertState.SILENCED):
        if head.endswith(f"|{state}"):
            head = head.removesuffix(state) + AlertState.FIRING
    return f"{head}|{began}"
