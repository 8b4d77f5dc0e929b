"""A note: a line at the end of the alert's memo, which is one text that others write in too."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteHandler
from oncall_tui.providers.mackerel.handler_context import MackerelHandlerContext, path, write_command
from oncall_tui.providers.mackerel.schema import MackerelAlert

NOTE_LIMIT = 2000  # characters


class AddToMemo(WriteHandler[MackerelHandlerContext, MackerelAlert]):
    """PUT the memo with one line more ("Update Alert"): a memo is replaced whole, so it is read just before."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the memo. Raises Refused without a text."""
        alert = self.context.target(ask, board)
        text = (ask.text or ask.reason).strip()
        if not text:
            raise errors.Refused("a note needs text")
        if len(text) > NOTE_LIMIT:
            raise errors.Refused(f"a note has at most {NOTE_LIMIT:,} characters")
        line = f"{text} ({ask.actor.name}, with oncall-tui)"
        memo = _with(self.context.read_row(alert).memo, line)
        url = f"{self.context.http.url}{path(alert.native_id)}"
        return self.context.plan(
            ask,
            alert,
            title=f"note on {alert.title}",
            lines=(("alert", alert.title), ("memo", f"gets one more line: {line}")),
            confirm=Confirm.NONE,
            request={"line": line},
            commands=(write_command(self.context.options, "PUT", url, {"memo": memo}),),
        )

    def _still(self, plan: Plan, seen: MackerelAlert) -> None:
        """Allow a note in any state."""

    def _write(self, plan: Plan) -> Receipt:
        memo = _with(self.context.read(plan.request).memo, plan.request["line"])
        self.context.http.write("PUT", path(plan.request["alert"]), bytes, {"memo": memo})
        return Receipt({"alert": plan.request["alert"]})

    def _shows(self, plan: Plan, receipt: Receipt | None, seen: MackerelAlert) -> Check:
        """DONE where the memo has the line."""
        if plan.request["line"] in (seen.memo or ""):
            return Check(OutcomeState.DONE, "noted: the alert's memo has it")
        return self._sent.absent(plan, "sent, not visible yet", "the alert's memo does not have the note")


def _with(memo: str | None, line: str) -> str:
    """Return the memo with one line more."""
    return f"{memo.rstrip()}\n{line}" if memo and memo.strip() else line
