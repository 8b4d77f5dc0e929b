"""The alerts that a time interval mutes.

Only ``GET /api/v2/alerts/groups`` fills in ``mutedBy`` (``api/v2/api.go: getAlertGroupsHandler``); the plain list has
the field since 0.28, always empty. An alert is in a group of each route that takes it, and is muted where all of them
are.
"""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.providers.alertmanager.api import AlertmanagerApi, Muted
from oncall_tui.runtime.clock import Clock

CONFIG_S = 300.0  # whether the configuration names a time interval is read again after so long
DENIED_S = 300.0
WORD = "time_intervals"  # of ``mute_time_intervals``, ``active_time_intervals``, and where both are defined


class TimeIntervals:
    """Asks for muted alerts where the configuration names a time interval, and else makes no call for them."""

    def __init__(self, api: AlertmanagerApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._used: bool | None = None  # None: not read yet, or it cannot be read
        self._read_at: float | None = None
        self._denied_until = 0.0
        self._problem: PartialFailure | None = None
        self.muted: Muted = {}  # at the last reading

    def read(self) -> tuple[PartialFailure, ...]:
        """Read them anew. Where that fails the last ones stand, and the problem is returned."""
        now = self._clock.monotonic()
        if now < self._denied_until:
            return (self._problem,) if self._problem else ()
        self._problem = None
        if not self._applies(now):
            self.muted = {}
            return ()
        try:
            self.muted = self._api.muted({})
        except errors.SourceError as error:
            self._problem = PartialFailure(SourceState(error.state), "time intervals", error.message, error.hint)
            if isinstance(error, errors.Denied | errors.Malformed):
                self._denied_until = now + DENIED_S
            return (self._problem,)
        return ()

    def of(self, labels: dict[str, str]) -> Muted:
        """Read them for the alerts of these labels. Raises errors.SourceError."""
        if not self._used or self._clock.monotonic() < self._denied_until:
            return self.muted
        return self._api.muted(labels)

    def _applies(self, now: float) -> bool:
        """Return whether the configuration names a time interval; True where that cannot be told."""
        if self._read_at is None or now - self._read_at >= CONFIG_S:
            self._read_at = now
            try:
                config = self._api.status().config.original
            except errors.SourceError:
                self._used = True
            else:
                self._used = not config or WORD in config
        return self._used is not False
