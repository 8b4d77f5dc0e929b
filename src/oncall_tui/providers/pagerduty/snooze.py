"""Snooze: an acknowledgement that lasts until the time that is asked for."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandler, is_me, reason_kept, sender
from oncall_tui.providers.pagerduty.mapping import pending
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.text.time_format import length

LONGEST_S = 604_800  # OpenAPI, "Snooze an incident": duration is 1 to 604,800 seconds
SLACK_S = 60.0  # between what was asked for and the end that PagerDuty set


class Snooze(PagerDutyHandler):
    """POST a snooze. Only what is acknowledged can be: PagerDuty refuses the rest with 1012."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the incident. Raises Refused where nobody acknowledged it, or the time is none."""
        alert = self.context.target(ask, board)
        seconds = round(ask.for_s)
        if not 1 <= seconds <= LONGEST_S:
            raise errors.Refused("the duration must be above 0 and at most 7d", "say for how long, as 90m, 2h or 1d")
        incident = self.context.read_row(alert)
        now = self.context.unmoved(ask.version, incident)
        if incident.status != "acknowledged":
            raise errors.Refused(f"it is {incident.status}: only what is acknowledged can be snoozed", "acknowledge it")
        end = self.context.local(self.context.http.server_now() + seconds)
        lines = (
            ("incident", alert.title),
            ("until", f"{end}, for {length(seconds)}; then it is triggered again, and pages"),
            ("now", self.context.state_words(now)),
            *reason_kept(ask),
        )
        return self.context.plan(
            ask,
            alert,
            version=now.version,
            title=f"snooze {alert.title} until {end}",
            lines=lines,
            request={"duration": seconds},
            commands=(self.context.command(ask, "POST", alert.native_id, "/snooze", {"duration": seconds}),),
        )

    def _write(self, plan: Plan) -> Receipt:
        snoozed = self.context.api.snooze(plan.request["incident"], plan.request["duration"], sender(plan))
        return Receipt({"incident": snoozed.id, "until": pending(snoozed, "unacknowledge")})

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        """DONE where it ends when it should."""
        until = pending(incident, "unacknowledge")
        if until is not None and incident.status == "acknowledged" and self._meant(plan, receipt, until):
            return Check(OutcomeState.DONE, f"snoozed until {self.context.local(until)}")
        if self._logged(plan):
            end = f", until {self.context.local(until)}" if until is not None else ""
            return Check(OutcomeState.DONE, f"snoozed; it is {incident.status} now{end}")
        said = f"{incident.status}, until {self.context.local(until)}" if until is not None else incident.status
        over = incident.status == "resolved"
        return self._sent.absent(plan, f"sent, still {said}", f"not snoozed: {said}", excludes=over)

    def _meant(self, plan: Plan, receipt: Receipt | None, until: float) -> bool:
        told = receipt.data.get("until") if receipt is not None else None
        if isinstance(told, int | float):
            return abs(until - told) <= SLACK_S
        seconds = float(plan.request["duration"])
        return self.context.since(plan) + seconds <= until <= self.context.http.server_now() + seconds + SLACK_S

    def _logged(self, plan: Plan) -> bool:
        return any(
            entry.agent is None or is_me(entry.agent, plan.actor) is not False
            for entry in self.context.logged(plan, "snooze_log_entry")
        )
