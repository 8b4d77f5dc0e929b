"""Alerts that outlive their pager's incident: still the same problem, which somebody had. Pure.

A pager often resolves before the alert that it was for: that alert is no new problem, and nobody is to be woken by it.
What was joined to an incident stays together, and remembers it, while it goes on firing.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.alert import Alert, AlertState

SETTLES_S = 900.0  # what still fires so long after its incident ended is nobody's again
KEPT_S = 1800.0  # an Alertmanager that restarts has no alerts for about a minute
SAME_S = 1.0


class EndedIncident(msgspec.Struct, frozen=True, gc=False):
    """An incident that is not open any more: as it was last seen, and when it was missed (seconds since the epoch).

    *sure* is False where its source lists less than all that is open: then it may only be out of sight.
    """

    incident: Alert
    at: float
    sure: bool = True

    def settles(self, now: float) -> bool:
        """Return whether the remaining alerts are expected to end soon."""
        return now - self.at < SETTLES_S

    @property
    def holders(self) -> tuple[str, ...]:
        """Return the people who had it."""
        return self.incident.by or self.incident.assigned


class Aftermath:
    """Remembers which firing was joined to which incident. ``follow`` each board, ``remember`` what was joined."""

    def __init__(self) -> None:
        self._open: dict[str, Alert] = {}
        self._ended: dict[str, EndedIncident] = {}
        self._under: dict[str, tuple[str, float]] = {}  # an alert's id → its incident's, and when that firing began
        self._there: frozenset[str] = frozenset()

    def follow(self, alerts: Mapping[str, Alert], unsure: frozenset[str], now: float) -> None:
        """Take the board's *alerts*. *unsure* are the sources that may have more open than they list."""
        for incident_id, last in list(self._open.items()):
            seen = alerts.get(incident_id)
            if seen is not None and seen.state is not AlertState.RESOLVED:
                self._open[incident_id] = seen
                continue
            del self._open[incident_id]
            told = seen is not None
            self._ended[incident_id] = EndedIncident(last, now, told or not (last.mine or last.source in unsure))
        if self._ended or len(self._under) > 2 * len(alerts) + 1000:
            self._goes_on(alerts)
            self._forget(now)

    def of(self, alert: Alert) -> EndedIncident | None:
        """The incident that the alert was joined to, where that is over and this is the same firing."""
        under = self._under.get(alert.id) if self._ended else None
        if under is None or alert.state is AlertState.RESOLVED or alert.began > under[1] + SAME_S:
            return None
        return self._ended.get(under[0])

    def remember(self, incident: Alert, members: Iterable[Alert]) -> None:
        """Note that *members* are joined to *incident*, which is open."""
        self._open[incident.id] = incident
        self._ended.pop(incident.id, None)
        members = [m for m in members if m.id != incident.id]
        before = {self._under[m.id][0] for m in members if m.id in self._under} & self._ended.keys()
        if before:  # merged into this one, or opened anew: so is what was joined to it and is not there just now
            self._under = {i: (incident.id if of in before else of, at) for i, (of, at) in self._under.items()}
        for member in members:
            if member.state is not AlertState.RESOLVED and member.provider != incident.provider:
                self._under[member.id] = (incident.id, member.began)

    def _goes_on(self, alerts: Mapping[str, Alert]) -> None:
        """Keep an alert that was never away as the same firing, also if a restart gave it another start."""
        for alert_id in self._there:
            alert = alerts.get(alert_id)
            if alert is not None and alert.state is not AlertState.RESOLVED:
                self._under[alert_id] = (self._under[alert_id][0], alert.began)
        self._there = frozenset(
            i for i in self._under if (a := alerts.get(i)) is not None and a.state is not AlertState.RESOLVED
        )

    def _forget(self, now: float) -> None:
        """Drop what is over for long and has nothing left that fires."""
        here = {self._under[i][0] for i in self._there}
        gone = {i for i, ended in self._ended.items() if i not in here and now - ended.at > KEPT_S}
        for incident_id in gone:
            del self._ended[incident_id]
        known = self._ended.keys() | self._open.keys()
        self._under = {i: under for i, under in self._under.items() if under[0] in known}
        self._there &= self._under.keys()
