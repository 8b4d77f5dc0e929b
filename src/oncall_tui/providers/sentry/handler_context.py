"""What Sentry's actions share: looking at the issue, what moved, and the words for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Actor, Choice, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteGrace, before_sending, read_back
from oncall_tui.providers.sentry.api import SentryApi
from oncall_tui.providers.sentry.assignee import holding
from oncall_tui.providers.sentry.mapping import assignee, ignored_until, row, state_of
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import told

GONE = "Sentry does not have this issue any more"


class SentryHandlerContext:
    """One organization, as its action handlers see it."""

    def __init__(
        self,
        options: SentryOptions,
        api: SentryApi,
        clock: Clock,
        read_only: bool,
        forget: Callable[[str], None] = lambda issue_id: None,
    ) -> None:
        self.options = options
        self.api = api
        self.clock = clock
        self.forget = forget  # what is known of an issue's activity: it was written to
        self._read_only = read_only

    def target(self, ask: ActionRequest, board: Board) -> Alert:
        """The row that is meant. Raises Refused where it is not on the board, or nothing may be written."""
        if self._read_only:
            raise errors.Refused("read only: the configuration forbids writing")
        alert = board.alerts.get(ask.target)
        if alert is None or alert.source != self.options.name:
            raise errors.Refused(f"{ask.target} is resolved, ignored, or not there any more")
        return alert

    def read(self, issue_id: str) -> SentryIssue:
        """The issue as it is. Raises Refused where it is gone, Failed where it cannot be read."""
        with before_sending():
            issue = self.api.issue(issue_id)
        if issue is None:
            raise errors.Refused(GONE)
        return issue

    def unmoved(self, version: str, issue: SentryIssue) -> Alert:
        """Its row, where it is still in the state that *version* says; else Refused, saying what moved.

        When it was first seen is not compared: a list that is narrowed to an environment tells that environment's.
        """
        try:
            now = row(self.options, issue, holding(issue))
        except ValueError:
            raise errors.Refused("Sentry sent an issue without a start time") from None
        if version and now.version.rpartition("|")[0] != version.rpartition("|")[0]:
            raise errors.Refused(f"the issue changed: {self.words(issue)}")
        return now

    def words(self, issue: SentryIssue) -> str:
        """How it stands: ``assigned to Bob``, ``ignored until 04:30 UTC``, ``resolved``."""
        state = state_of(issue, holding(issue))
        if state is AlertState.SILENCED:
            until = ignored_until(issue)
            return "ignored" + (f" until {told(until, self.clock.now())}" if until is not None else ", without an end")
        if state in (AlertState.FIRING, AlertState.ACKNOWLEDGED):
            return f"unresolved, assigned to {assignee(issue.assignedTo)}"
        return issue.status or "of no status"

    def plan(self, ask: ActionRequest, alert: Alert, change: dict[str, Any], **more: Any) -> Plan:
        """A plan for *alert* with what all of them have: one PUT of *change*, and what *more* there is to send."""
        return Plan(
            id=uuid.uuid4().hex,
            verb=ask.verb,
            source=alert.source,
            target=alert.id,
            version=ask.version or alert.version,
            actor=ask.actor,
            made_at=self.clock.now(),
            request={"issue": alert.native_id, "change": change, **more.pop("request", {})},
            commands=(self.api.command(alert.native_id, change),),
            **more,
        )


class Handler:
    """What all of them do alike: one PUT, then reading until it shows. Subclasses plan and say what *shows* it."""

    def __init__(self, context: SentryHandlerContext) -> None:
        self.context = context
        self.sent = WriteGrace(context.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def check(self, plan: Plan) -> None:
        """Read the issue again. Raises Refused where it moved."""
        self.context.unmoved(plan.version, self.context.read(plan.request["issue"]))

    def send(self, plan: Plan) -> Receipt:
        """PUT once. Raises Failed or Unknown."""
        self.sent.note(plan)
        try:
            issue = self.context.api.update(plan.request["issue"], plan.request["change"])
        finally:
            self.context.forget(plan.request["issue"])
        receipt = {"issue": issue.id, "assignee": str(issue.assignedTo.id) if issue.assignedTo else ""}
        text = plan.request.get("comment", "")
        return Receipt({**receipt, "comment": self._commented(plan, text)} if text else receipt)

    def _commented(self, plan: Plan, text: str) -> str:
        """Say who and why, once: what was asked for holds without it, so why it failed is told, and nothing more."""
        try:
            self.context.api.comment(plan.request["issue"], text)
        except errors.ActionError as error:
            return f"who and why are not in Sentry: the comment was not taken ({error.message})"
        return "who and why are in a comment"

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the issue shows it."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        issue = self.context.api.issue(plan.request["issue"])
        return (
            self.sent.absent(plan, "sent, not visible yet", GONE) if issue is None else self.shows(plan, receipt, issue)
        )

    def shows(self, plan: Plan, receipt: Receipt | None, issue: SentryIssue) -> Check:
        """What *issue*, just read, says of *plan*."""
        raise NotImplementedError


def is_me(who: Assigned | None, actor: Actor) -> bool:
    """Is it assigned to the one who acts? By e-mail address; by name where Sentry tells no address."""
    if who is None or not who.is_person:
        return False
    if who.email and actor.email:
        return who.email.casefold() == actor.email.casefold()
    return bool(actor.name) and who.label.casefold() == actor.name.casefold()


def said(message: str, receipt: Receipt | None) -> str:
    """*message*, and what came of the comment."""
    comment = str(receipt.data.get("comment", "")) if receipt is not None else ""
    return f"{message}; {comment}" if comment else message
