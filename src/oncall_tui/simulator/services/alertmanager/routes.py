"""Routes of the simulated Alertmanager, the time intervals that mute them, and the groups of alerts that they make.

As `dispatch/route.go` and `api/v2/api.go` of its sources have it: an alert is in a group of each route that takes it,
of the default one where none does, and only `GET /api/v2/alerts/groups` tells which time interval mutes a group.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from oncall_tui.simulator.services.alertmanager.http import encoded_alert
from oncall_tui.simulator.services.alertmanager.model import (
    SimulatedAlertmanagerAlert,
    SimulatedAlertmanagerMatcher,
    all_match,
)


@dataclass(frozen=True)
class SimulatedRoute:
    """One route below the default one, with `continue: true`; `interval` mutes it while it is in force."""

    receiver: str
    matchers: tuple[SimulatedAlertmanagerMatcher, ...]
    interval: str = ""

    def config(self) -> str:
        """Its lines of the configuration file."""
        conditions = ", ".join(f"{one.name}={json.dumps(one.value)}" for one in self.matchers)
        muted = f"    mute_time_intervals: [{self.interval}]\n" if self.interval else ""
        return f"  - receiver: {self.receiver}\n    matchers: ['{conditions}']\n    continue: true\n{muted}"


@dataclass
class SimulatedRoutes:
    """The routes, and the intervals that are in force now."""

    default: str
    routes: list[SimulatedRoute] = field(default_factory=list)
    in_force: set[str] = field(default_factory=set)

    def config(self) -> str:
        """The configuration file, as `GET /api/v2/status` shows it."""
        below = "  routes:\n" + "".join(route.config() for route in self.routes) if self.routes else ""
        names = sorted({route.interval for route in self.routes} - {""})
        intervals = "".join(f"- name: {name}\n" for name in names)
        receivers = "".join(f"- name: {name}\n" for name in dict.fromkeys((self.default, *self._receivers())))
        named = f"time_intervals:\n{intervals}" if names else ""
        return f"route:\n  receiver: {self.default}\n{below}receivers:\n{receivers}{named}"

    def _receivers(self) -> Iterable[str]:
        return (route.receiver for route in self.routes)

    def groups(self, alerts: Iterable[SimulatedAlertmanagerAlert]) -> list[dict[str, object]]:
        """One group for each route that takes any of `alerts`."""
        left = list(alerts)
        found = []
        taken: set[str] = set()
        for route in self.routes:
            its = [alert for alert in left if all_match(route.matchers, alert.labels)]
            taken.update(alert.fingerprint for alert in its)
            found.append(self._group(route.receiver, its, route.interval if route.interval in self.in_force else ""))
        found.append(self._group(self.default, [alert for alert in left if alert.fingerprint not in taken], ""))
        return [group for group in found if group["alerts"]]

    @staticmethod
    def _group(receiver: str, alerts: list[SimulatedAlertmanagerAlert], muted_by: str) -> dict[str, object]:
        shown = [json.loads(encoded_alert(alert)) for alert in alerts]
        for one in shown if muted_by else ():
            one["status"] |= {"mutedBy": [muted_by], "state": "suppressed"}
        return {"alerts": shown, "labels": {}, "receiver": {"name": receiver}}
