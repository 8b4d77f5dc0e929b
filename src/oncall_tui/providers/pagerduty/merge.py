"""Merge: the incident under the cursor goes into another one, which stays."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import before_sending, stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandler, sender
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.text.time_format import ago

MOST_ALERTS = 1000  # of one incident, with those that a merge brings (PagerDuty's documentation, "Merge Incidents")
NOT_MERGED = "resolved, with its alerts in it: not merged"
MOST = 50  # other incidents to pick from, the newest


class Merge(PagerDutyHandler):
    """PUT the incident into another (OpenAPI, "Merge incidents"): its alerts move, and it is resolved."""

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Other open incidents of the same service or policy, newest first. Raises Refused."""
        incident = self.context.incident(target, board)
        with before_sending():
            found = self.context.api.among_open().values()
        akin = [one for one in found if one.id != incident.id and _akin(one, incident)]
        akin.sort(key=lambda one: stamp(one.created_at) or 0.0, reverse=True)
        return tuple(Choice(f"incident/{one.id}", _name(one), self._about(one)) for one in akin[:MOST])

    def _about(self, one: PagerDutyIncident) -> str:
        at = stamp(one.created_at)
        since = f" {ago(self.context.http.server_now() - at)}" if at is not None else ""
        service = f", {one.service.label}" if one.service else ""
        return f"{one.status}{since}{service}"

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read both. Raises Refused where one is resolved, moved, or cannot be merged."""
        alert = self.context.target(ask, board)
        kind, _, into = ask.choice.partition("/")
        if kind != "incident" or not into or into == alert.native_id:
            raise errors.Refused("no other incident is picked", "pick the one that stays")
        incident, stays = self.context.read_row(alert), self.context.read({"incident": into})
        now = self.context.unmoved(ask.version, incident)
        self._open(stays)
        for one in (incident, stays):
            if one.is_mergeable is False:
                raise errors.Refused(f"PagerDuty does not merge {_name(one)}: it has no alerts")
        body = {"source_incidents": [{"id": incident.id, "type": "incident_reference"}]}
        count = incident.alert_counts.all if incident.alert_counts else 0
        there = stays.alert_counts.all if stays.alert_counts else 0
        if count + there > MOST_ALERTS:
            raise errors.Refused(f"{count + there:,} alerts together: PagerDuty allows {MOST_ALERTS:,} in one incident")
        return self.context.plan(
            ask,
            alert,
            version=now.version,
            title=f"merge {_name(incident)} into {_name(stays)}",
            lines=(
                ("stays", _name(stays)),
                ("goes", f"{_name(incident)}: its {_counted(count)} over, and it is resolved"),
            ),
            warnings=("a merge cannot be taken back",),
            request={"into": into, "stays": _name(stays)},
            commands=(self.context.command(ask, "PUT", into, "/merge", body),),
        )

    def check(self, plan: Plan) -> None:
        """Read both again. Raises Refused where one is resolved by now, or moved."""
        self._open(self.context.read({"incident": plan.request["into"]}))
        super().check(plan)

    @staticmethod
    def _open(stays: PagerDutyIncident) -> None:
        if stays.status == "resolved":
            raise errors.Refused(f"{_name(stays)} is resolved: it cannot take another one in")

    def _write(self, plan: Plan) -> Receipt:
        stays = self.context.api.merge(plan.request["into"], plan.request["incident"], sender(plan))
        return Receipt({"into": stays.id})

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        """DONE where the one is resolved and its alerts are in the other."""
        if incident.status != "resolved":
            return self._sent.absent(plan, f"sent, still {incident.status}", f"not merged: it is {incident.status}")
        damage = Damage()
        if receipt is not None or (not self.context.api.alerts(incident.id, damage) and not damage):
            return self._merged(plan)
        return Check(OutcomeState.FAILED, NOT_MERGED)

    def _missing(self, plan: Plan, receipt: Receipt | None) -> Check:
        return self._merged(plan) if receipt is not None else Check(OutcomeState.FAILED, NOT_MERGED)

    @staticmethod
    def _merged(plan: Plan) -> Check:
        return Check(OutcomeState.DONE, f"merged into {plan.request['stays']}")


def _counted(n: int) -> str:
    return "1 alert moves" if n == 1 else f"{n} alerts move"


def _name(one: PagerDutyIncident) -> str:
    number = f"#{one.incident_number} " if one.incident_number else ""
    return f"{number}{one.title or one.summary or one.id}"


def _akin(one: PagerDutyIncident, other: PagerDutyIncident) -> bool:
    same_service = one.service is not None and other.service is not None and one.service.id == other.service.id
    return same_service or (bool(one.policy) and one.policy == other.policy)
