"""Snooze: an acknowledgement that lasts until a time of one's own."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteGrace, length, read_back, stamp
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandlerContext, is_me, sender
from oncall_tui.providers.pagerduty.mapping import pending

LONGEST_S = 604_800  # OpenAPI, "Snooze an incident": duration is 1 to 604,800 seconds
SLACK_S = 60.0  # between what was asked for and the end that PagerDuty set


class Snooze:
    """POST a snooze. Only what is acknowledged can be: PagerDuty refuses the rest with 1012."""

    def __init__(self, context: PagerDutyHandlerContext) -> None:
        self.context = context
        self._sent = WriteGrace(context.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Reads the incident. Raises Refused where nobody acknowledged it, or the time is none."""
        alert = self.context.target(ask, board)
        seconds = round(ask.for_s)
        if not 1 <= seconds <= LONGEST_S:
            raise errors.Refused("the duration must be above 0 and at most 7d", "say for how long, as 90m, 2h or 1d")
        incident = self.context.read(alert.native_id)
        now = self.context.unmoved(ask.version, incident)
        if incident.status != "acknowledged":
            raise errors.Refused(f"it is {incident.status}: only what is acknowledged can be snoozed", "acknowledge it")
        end = self.context.local(self.context.api.http.server_now() + seconds)
        lines = [
            ("incident", alert.title),
            ("until", f"{end}, for {length(seconds)}; then it is triggered again, and pages"),
            ("now", self.context.state_words(now)),
        ]
        if ask.reason:
            lines.append(("reason", f"{ask.reason} (kept in the journal, not sent)"))
        email = self.context.acts_as(ask.actor)[0]
        return self.context.plan(
            ask,
            alert,
            now.version,
            title=f"snooze {alert.title} until {end}",
            lines=tuple(lines),
            confirm=Confirm.YES,
            request={"incident": alert.native_id, "duration": seconds},
            commands=(self.context.api.command("POST", alert.native_id, "/snooze", {"duration": seconds}, email),),
        )

    def check(self, plan: Plan) -> None:
        """Read it again. Raises Refused where its state moved."""
        self.context.unmoved(plan.version, self.context.read(plan.request["incident"]))

    def send(self, plan: Plan) -> Receipt:
        """POST once. Raises Failed or Unknown."""
        self._sent.note(plan)
        snoozed = self.context.api.snooze(plan.request["incident"], plan.request["duration"], sender(plan))
        return Receipt({"incident": snoozed.id, "until": pending(snoozed, "unacknowledge")})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where it ends when it should."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        incident = self.context.api.incident(plan.request["incident"])
        if incident is None:
            return Check(OutcomeState.FAILED, "PagerDuty does not have this incident any more")
        until = pending(incident, "unacknowledge")
        if until is not None and incident.status == "acknowledged" and self._meant(plan, receipt, until):
            return Check(OutcomeState.DONE, f"snoozed until {self.context.local(until)}")
        if self._logged(plan):
            end = f", until {self.context.local(until)}" if until is not None else ""
            return Check(OutcomeState.DONE, f"snoozed; it is {incident.status} now{end}")
        said = f"{incident.status}, until {self.context.local(until)}" if until is not None else incident.status
        return self._sent.absent(plan, f"sent, still {said}", f"not snoozed: {said}")

    def _meant(self, plan: Plan, receipt: Receipt | None, until: float) -> bool:
        told = receipt.data.get("until") if receipt is not None else None
        if isinstance(told, int | float):
            return abs(until - told) <= SLACK_S
        seconds = float(plan.request["duration"])
        return self.context.since(plan) + seconds <= until <= self.context.api.http.server_now() + seconds + SLACK_S

    def _logged(self, plan: Plan) -> bool:
        return any(
            entry.type.startswith("snooze_log_entry")
            and (entry.agent is None or is_me(entry.agent, plan.actor) is not False)
            and (stamp(entry.created_at) or 0.0) >= self.context.since(plan)
            for entry in self.context.api.log(plan.request["incident"])
        )
