"""Resolve: close an alert. It is all that Mackerel offers; acknowledging is in the journal here (seen)."""

from __future__ import annotations

import shlex

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteHandler, reference
from oncall_tui.providers.mackerel.handler_context import MackerelHandlerContext, path
from oncall_tui.providers.mackerel.mapping import state_of
from oncall_tui.providers.mackerel.schema import MackerelAlert

REASON_LIMIT = 2000  # characters; the API names no limit


class Close(WriteHandler[MackerelHandlerContext, MackerelAlert]):
    """POST …/close with a reason, which the API wants."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing: ``check`` does. Raises Refused where it is closed already."""
        alert = self.context.target(ask, board)
        why = (ask.reason or ask.text).strip()[:REASON_LIMIT]
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
            commands=(self._command(alert.native_id, reason),),
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

    def _command(self, alert_id: str, reason: str) -> str:
        key = reference(self.context.options.api_key)
        data = shlex.quote(msgspec.json.encode({"reason": reason}).decode())
        url = shlex.quote(f"{self.context.http.url}{path(alert_id)}/close")
        return f'curl -sS -X POST -H "X-Api-Key: {key}" --json {data} {url}'
