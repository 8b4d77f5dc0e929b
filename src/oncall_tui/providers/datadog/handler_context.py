"""One Datadog organization, as its verbs' handlers see it: the monitor as it is, and what moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.providers.datadog.api import DatadogApi
from oncall_tui.providers.datadog.mapping import DatadogRows, start_moves
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.schema import DatadogMonitor
from oncall_tui.providers.http import HandlerContext
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import local_time


class CurrentMonitor(msgspec.Struct, frozen=True):
    """One group of a monitor as it is now; *row* tells it, downtimes aside (None: the group does not alert)."""

    monitor: DatadogMonitor
    group: str
    row: Alert | None


class DatadogHandlerContext(HandlerContext[CurrentMonitor]):
    """Reads one monitor, and compares one of its groups with the version that was on screen."""

    gone = "Datadog does not have this monitor any more"

    def __init__(
        self, options: DatadogOptions, api: DatadogApi, rows: DatadogRows, clock: Clock, read_only: bool
    ) -> None:
        super().__init__(options.name, api.http, clock, read_only)
        self.options = options
        self.api = api
        self._rows = rows

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its monitor and group. Raises Refused where its id is not a monitor's."""
        number, slash, group = alert.native_id.partition("/")
        if not number.isdecimal():
            raise errors.Refused("its id is not a monitor's")
        return {"monitor": int(number), "group": group if slash else "*"}

    def find(self, pin: Mapping[str, Any]) -> CurrentMonitor | None:
        """GET the monitor; None where Datadog does not have it. Raises errors.SourceError."""
        monitor = self.api.monitor(pin["monitor"])
        if monitor is None:
            return None
        rows = (row for row in self._rows.of(monitor, ()) if self.pin(row)["group"] == pin["group"])
        return CurrentMonitor(monitor, pin["group"], next(rows, None))

    def unmoved(self, version: str, seen: CurrentMonitor) -> Alert:
        """The row as it is, where it is still what *version* says; else Refused, saying what moved.

        That somebody silenced it or has seen it is no move: another silence hides nothing that is not hidden.
        """
        row = seen.row
        if row is None:
            raise errors.Refused("recovered: Datadog does not show it as alerting any more", "nothing is left to do")
        _, state, began = version.rsplit("|", 2) if version.count("|") >= 2 else ("", "", "")
        both = (state, row.state)
        if state and both.count(AlertState.NO_DATA) == 1 and AlertState.SILENCED not in both:
            raise errors.Refused(f"it is {row.state} now, and was {state}: check again")
        if state and not start_moves(row) and began != f"{row.began:.0f}":
            raise errors.Refused(
                f"it recovered and began again at {local_time(row.began, self.clock.now())}: check again"
            )
        return row
