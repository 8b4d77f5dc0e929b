"""A note on an incident."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandler, sender
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, PagerDutyNote

NOTE_LIMIT = 25_000  # characters; the API names no limit, and a note is read in a list


class AddNote(PagerDutyHandler):
    """POST a note. It changes no state, so nothing but the incident itself has to be as it was."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing. Raises Refused without a text."""
        alert = self.context.target(ask, board)
        text = (ask.text or ask.reason).strip()
        if not text:
            raise errors.Refused("a note needs text")
        if len(text) > NOTE_LIMIT:
            raise errors.Refused(f"a note has at most {NOTE_LIMIT:,} characters")
        return self.context.plan(
            ask,
            alert,
            title=f"note on {alert.title}",
            lines=(("incident", alert.title), ("note", text)),
            confirm=Confirm.NONE,
            request={"content": text},
            commands=(self.context.command(ask, "POST", alert.native_id, "/notes", {"note": {"content": text}}),),
        )

    def _still(self, plan: Plan, seen: PagerDutyIncident) -> None:
        """Allow a note in any state."""

    def _write(self, plan: Plan) -> Receipt:
        note = self.context.api.add_note(plan.request["incident"], plan.request["content"], sender(plan))
        return Receipt({"note": note.id})

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the incident's notes have it."""
        damage = Damage()
        notes = self.context.api.notes(plan.request["incident"], damage)
        if any(self._is(note, plan, receipt) for note in notes):
            return Check(OutcomeState.DONE, "noted: PagerDuty shows the note")
        check = self._sent.absent(plan, "sent, not visible yet", "PagerDuty does not have the note")
        if check.state is OutcomeState.FAILED and (lost := damage.said("notes", "PagerDuty")):  # it may be one of them
            return Check(OutcomeState.UNKNOWN, f"sent, not among the notes that can be read: {lost}")
        return check

    def _is(self, note: PagerDutyNote, plan: Plan, receipt: Receipt | None) -> bool:
        if receipt is not None and "note" in receipt.data:
            return note.id == str(receipt.data["note"])
        made = stamp(note.created_at)
        return note.content.strip() == plan.request["content"] and (made is None or made >= self.context.since(plan))
