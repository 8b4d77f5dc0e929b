"""Merge: the incident under the cursor goes into another one, which stays."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteGrace, ago, before_sending, read_back, stamp
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandlerContext, sender
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident

MOST_ALERTS = 1000  # of one incident, with those that a merge brings (PagerDuty's documentation, "Merge Incidents")
MOST = 50  # other incidents to pick from, the newest


class Merge:
    """PUT the incident into another (OpenAPI, "Merge incidents"): its alerts move, and it is resolved."""

    def __init__(self, context: PagerDutyHandlerContext) -> None:
        self.context = context
        self._sent = WriteGrace(context.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Other open incidents of the same service or policy, newest first. Raises Refused."""
        alert = board.alerts.get(target)
        if alert is None:
            raise errors.Refused(f"{target} is resolved, or not there any more")
        incident = self.context.read(alert.native_id)
        with before_sending():
            found = self.context.api.among_open().values()
        akin = [one for one in found if one.id != incident.id and _akin(one, incident)]
        akin.sort(key=lambda one: stamp(one.created_at) or 0.0, reverse=True)
        return tuple(Choice(f"incident/{one.id}", _name(one), self._about(one)) for one in akin[:MOST])

    def _about(self, one: PagerDutyIncident) -> str:
        at = stamp(one.created_at)
        since = f" {ago(self.context.api.http.server_now() - at)}" if at is not None else ""
        service = f", {one.service.label}" if one.service else ""
        return f"{one.status}{since}{service}"

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Reads both. Raises Refused where one is resolved, moved, or cannot be merged."""
        alert = self.context.target(ask, board)
        kind, _, into = ask.choice.partition("/")
        if kind != "incident" or not into or into == alert.native_id:
            raise errors.Refused("no other incident is picked", "pick the one that stays")
        incident, stays = self.context.read(alert.native_id), self.context.read(into)
        now = self.context.unmoved(ask.version, incident)
        self._open(stays)
        for one in (incident, stays):
            if one.is_mergeable is False:
                raise errors.Refused(f"PagerDuty does not merge {_name(one)}: it has no alerts")
        body = {"source_incidents": [{"id": incident.id, "type": "incident_reference"}]}
        email = self.context.acts_as(ask.actor)[0]
        count = incident.alert_counts.all if incident.alert_counts else 0
        there = stays.alert_counts.all if stays.alert_counts else 0
        if count + there > MOST_ALERTS:
            raise errors.Refused(f"{count + there:,} alerts together: PagerDuty allows {MOST_ALERTS:,} in one incident")
        return self.context.plan(
            ask,
            alert,
            now.version,
            title=f"merge {_name(incident)} into {_name(stays)}",
            lines=(
                ("stays", _name(stays)),
                ("goes", f"{_name(incident)}: its {_counted(count)} over, and it is resolved"),
            ),
            warnings=("a merge cannot be taken back",),
            confirm=Confirm.YES,
            request={"incident": incident.id, "into": into, "stays": _name(stays)},
            commands=(self.context.api.command("PUT", into, "/merge", body, email),),
        )

    def check(self, plan: Plan) -> None:
        """Read both again. Raises Refused where one is resolved by now, or moved."""
        self._open(self.context.read(plan.request["into"]))
        self.context.unmoved(plan.version, self.context.read(plan.request["incident"]))

    @staticmethod
    def _open(stays: PagerDutyIncident) -> None:
        if stays.status == "resolved":
            raise errors.Refused(f"{_name(stays)} is resolved: it cannot take another one in")

    def send(self, plan: Plan) -> Receipt:
        """PUT once. Raises Failed or Unknown."""
        self._sent.note(plan)
        stays = self.context.api.merge(plan.request["into"], plan.request["incident"], sender(plan))
        return Receipt({"into": stays.id})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the one is resolved and its alerts are in the other."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        incident = self.context.api.incident(plan.request["incident"])
        if incident is None or incident.status == "resolved":
            if receipt is not None or (incident is not None and not self.context.api.alerts(incident.id)):
                return Check(OutcomeState.DONE, f"merged into {plan.request['stays']}")
            return Check(OutcomeState.FAILED, "resolved, with its alerts in it: not merged")
        return self._sent.absent(plan, f"sent, still {incident.status}", f"not merged: it is {incident.status}")


def _counted(n: int) -> str:
    return "1 alert moves" if n == 1 else f"{n} alerts move"


def _name(one: PagerDutyIncident) -> str:
    number = f"#{one.incident_number} " if one.incident_number else ""
    return f"{number}{one.title or one.summary or one.id}"


def _akin(one: PagerDutyIncident, other: PagerDutyIncident) -> bool:
    same_service = one.service is not None and other.service is not None and one.service.id == other.service.id
    return same_service or (bool(one.policy) and one.policy == other.policy)
