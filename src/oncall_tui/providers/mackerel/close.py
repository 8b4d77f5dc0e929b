"""Resolve: close an alert. Acknowledging is in the journal here (seen): Mackerel has none."""

from __future__ import annotations

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteHandler
from oncall_tui.providers.mackerel.handler_context import MackerelHandlerContext, path, write_command
from oncall_tui.providers.mackerel.mapping import state_of
from oncall_tui.providers.mackerel.schema import MackerelAlert

REASON_LIMIT = 2000  # characters; the API names no limit


class Close(WriteHandler[MackerelHandlerContext, MackerelAlert]):
    """POST …/close with a reason, which the API wants."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing: ``check`` does. Raises Refused where it is closed already."""
        alert = self.context.target(ask, board)
        why = (ask.reason or ask.text).strip()[:REASON_LIMIT]
        url = f"{self.context.http.url}{path(alert.native_id)}/close"
        reason = f"{why or 'closed'} ({ask.actor.name}, with oncall-tui)"
        return self.context.plan(
            ask,
            alert,
            does="close",
            did="closed",
            title=f"close {alert.title}",
            lines=(("alert", alert.title), ("reason", reason)),
            warnings=("a monitor that still fails opens a new alert",),
            request={"reason": reason},
            commands=(write_command(self.context.options, "POST", url, {"reason": reason}),),
        )

    def _write(self, plan: Plan) -> Receipt:
        closed = self.context.http.write(
            "POST", path(plan.request["alert"]) + "/close", MackerelAlert, {"reason": plan.request["reason"]}
        )
        return Receipt({"alert": closed.id})

    def _shows(self, plan: Plan, receipt: Receipt | None, seen: MackerelAlert) -> Check:
        if state_of(seen) is AlertState.RESOLVED:
            return Check(OutcomeState.DONE, f"closed: {seen.reason}" if seen.reason else "closed")
        return self._sent.absent(plan, f"sent, still {seen.status}", f"not closed: it is {seen.status}")
