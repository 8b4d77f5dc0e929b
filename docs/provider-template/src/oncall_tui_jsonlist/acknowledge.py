"""Acknowledge: look again, write once, read back. The base does all but what is this API's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import HandlerContext, NotFound, WriteHandler
from oncall_tui_jsonlist.mapping import STATES, ListedAlert, row


class JsonListHandlerContext(HandlerContext[ListedAlert]):
    """Reads one alert again, and compares it with the version that was on screen."""

    gone = "the list does not have this alert any more"

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its id."""
        return {"alert": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> ListedAlert | None:
        """GET the alert; None where it is gone. Raises errors.SourceError."""
        try:
            return self.http.get(path(pin["alert"]), ListedAlert)
        except NotFound:
            return None

    def unmoved(self, version: str, seen: ListedAlert) -> Alert:
        """Its row. Raises Refused where it changed."""
        now = row(self.source, seen, False)
        if now.version != version:
            raise errors.Refused(f"the alert changed: it is {now.state} now")
        return now


class Acknowledge(WriteHandler[JsonListHandlerContext, ListedAlert]):
    """POST …/acknowledge."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Say what will be done. Raises Refused where it cannot be done."""
        alert = self.context.target(ask, board)
        return self.context.plan(
            ask,
            alert,
            does="acknowledge",
            did="acknowledged",
            title=f"acknowledge {alert.title}",
            lines=(("alert", alert.title),),
            request={"by": ask.actor.name},
        )

    def _write(self, plan: Plan) -> Receipt:
        asked = {"by": plan.request["by"]}
        self.context.http.write("POST", f"{path(plan.request['alert'])}/acknowledge", bytes, asked)
        return Receipt()

    def _shows(self, plan: Plan, receipt: Receipt | None, seen: ListedAlert) -> Check:
        if STATES.get(seen.state) is AlertState.ACKNOWLEDGED:
            return Check(OutcomeState.DONE, f"acknowledged by {seen.by}")
        return self._sent.absent(plan, f"sent, still {seen.state}", f"not acknowledged: it is {seen.state}")


def path(alert_id: str) -> str:
    """Return the alert's path."""
    return f"/alerts/{quote(alert_id, safe='')}"
