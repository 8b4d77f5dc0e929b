"""Actions that change nothing but this machine's journal, where the source has none: mark as seen, undo that, note.

A CloudWatch alarm cannot be acknowledged: ``a`` records that somebody has seen it, the row says *seen*, and the outcome
says that it is so on this machine only. The write is the journal's entry, so it is verified by reading the journal.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import ago


class _JournalHandler(ActionHandler):
    """The common part of the three handlers: the target is an alert on the board, and the journal is the other side."""

    verb: Verb
    kind: EntryKind
    does: str
    did: str
    why: str  # of the alert's system: why it is not done there

    def __init__(self, marks: SeenMarks, clock: Clock) -> None:
        self.marks = marks
        self.clock = clock

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        alert = board.alerts.get(ask.target)
        if alert is None:
            raise Refused("the alert is not there any more")
        if alert.version != ask.version:
            raise Refused(f"the alert changed: it is {alert.state} now")
        self.allow(ask, alert)
        now = self.clock.now()
        why = f"{alert.system} {self.why}"
        return ask.plan(
            id=f"{self.verb.name.lower()}-{now:.6f}-{ask.target}",
            does=self.does,
            did=self.did,
            source=alert.source,
            made_at=now,
            title=f"{self.does}: {alert.title}",
            lines=(
                ("alert", alert.title),
                *((("note", ask.text),) if ask.text.strip() else ()),
                ("where", f"on this machine only: {why}"),
            ),
            confirm=Confirm.NONE,
            request={"kind": self.kind, "began": alert.began, "text": ask.text, "why": why},
        )

    def allow(self, ask: ActionRequest, alert: Alert) -> None:
        """Raise Refused where it cannot be asked for."""

    def check(self, plan: Plan) -> None:
        """Do nothing: the row was compared when the plan was made, on the newest board that there is."""

    def send(self, plan: Plan) -> Receipt:
        _put(
            self.marks,
            Entry(
                at=self.clock.now(),
                kind=EntryKind(plan.request["kind"]),
                subject=plan.target,
                actor=plan.actor.name,
                text=plan.request["text"],
                data={"began": plan.request["began"], "plan": plan.id},
            ),
        )
        return Receipt()

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        written = any(e.data.get("plan") == plan.id for e in self.marks.journal.of(plan.target))
        if written:
            why = plan.request.get("why", "")
            return Check(OutcomeState.DONE, f"{self.did}: {why}" if why else self.did)
        return Check(OutcomeState.FAILED, "it is not in the journal")


class MarkSeen(_JournalHandler):
    """``a`` where a source has no acknowledge."""

    verb, kind = Verb.ACKNOWLEDGE, EntryKind.SEEN
    does, did, why = "mark as seen", "marked as seen on this machine only", "cannot be acknowledged"

    def allow(self, ask: ActionRequest, alert: Alert) -> None:
        """Raise Refused where this firing is marked already."""
        mark = self.marks.current.get(ask.target)
        if mark is not None and mark.began == alert.began:
            raise Refused(f"already marked as seen by {mark.by}, {ago(self.clock.now() - mark.at)}")


class UnmarkSeen(_JournalHandler):
    """``u`` on what is marked as seen: only the mark of whoever acts."""

    verb, kind = Verb.UNACKNOWLEDGE, EntryKind.UNSEEN
    does, did, why = "remove the seen mark", "no longer marked as seen on this machine", "does not know of the mark"

    def allow(self, ask: ActionRequest, alert: Alert) -> None:
        """Raise Refused where it is not marked, or another person marked it."""
        mark = self.marks.current.get(ask.target)
        if mark is None:
            raise Refused("it is not marked as seen")
        if mark.by != ask.actor.name:
            raise Refused(f"marked as seen by {mark.by}: only {mark.by} can take that back")


class LocalNote(_JournalHandler):
    """``n`` where a source has no notes."""

    verb, kind = Verb.NOTE, EntryKind.NOTE
    does, did, why = "note", "noted on this machine only", "takes no notes from oncall-tui"

    def allow(self, ask: ActionRequest, alert: Alert) -> None:
        """Raise Refused where the note has no text."""
        if not ask.text.strip():
            raise Refused("a note needs text")


def _put(marks: SeenMarks, entry: Entry) -> None:
    """Write one to the journal, and take it up. Raises ActionFailed where it cannot be written."""
    try:
        marks.journal.must(entry)
    except JournalError as error:
        raise ActionFailed(f"not recorded: {error.message}", error.hint) from None
    marks.take(entry)


def handlers(marks: SeenMarks, clock: Clock) -> dict[Verb, ActionHandler]:
    """The local handlers; a provider's own stand before them."""
    return {
        Verb.ACKNOWLEDGE: MarkSeen(marks, clock),
        Verb.UNACKNOWLEDGE: UnmarkSeen(marks, clock),
        Verb.NOTE: LocalNote(marks, clock),
    }
