"""One Sentry organization, as its verbs' handlers see it: the issue as it is, what moved, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.plan import Actor, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import HandlerContext, WriteHandler
from oncall_tui.providers.sentry.api import ALREADY, SentryApi
from oncall_tui.providers.sentry.assignee import holding
from oncall_tui.providers.sentry.mapping import assignee, ignored_until, row, state_of
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import local_time


class SentryHandlerContext(HandlerContext[SentryIssue]):
    """Reads one issue, and compares it with the version that was on screen."""

    gone = "Sentry does not have this issue any more"
    off_board = "is resolved, ignored, or not there any more"

    def __init__(
        self,
        options: SentryOptions,
        api: SentryApi,
        clock: Clock,
        read_only: bool,
        forget: Callable[[str], None] = lambda issue_id: None,
    ) -> None:
        super().__init__(options.name, api.http, clock, read_only)
        self.options = options
        self.api = api
        self.forget = forget  # what is known of an issue's activity: it was written to

    def acts_on(self, alert: Alert) -> bool:
        """Any issue of this organization: a verb says itself that it is resolved already."""
        return alert.source == self.source

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its id."""
        return {"issue": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> SentryIssue | None:
        """GET the issue; None where Sentry does not have it. Raises errors.SourceError."""
        return self.api.issue(pin["issue"])

    def unmoved(self, version: str, seen: SentryIssue) -> Alert:
        """Its row, where it is still in the state that *version* says; else Refused, saying what moved.

        When it was first seen is not compared: a list that is narrowed to an environment tells that environment's.
        """
        try:
            now = row(self.options, seen, holding(seen))
        except ValueError:
            raise errors.Refused("Sentry sent an issue without a start time") from None
        if version and now.version.rpartition("|")[0] != version.rpartition("|")[0]:
            raise errors.Refused(f"the issue changed: {self.words(seen)}")
        return now

    def words(self, issue: SentryIssue) -> str:
        """How it stands: ``assigned to Bob``, ``ignored until 04:30 UTC``, ``resolved``."""
        state = state_of(issue, holding(issue))
        if state is AlertState.SILENCED:
            until = ignored_until(issue)
            return "ignored" + (
                f" until {local_time(until, self.clock.now())}" if until is not None else ", without an end"
            )
        if state in (AlertState.FIRING, AlertState.ACKNOWLEDGED):
            return f"unresolved, assigned to {assignee(issue.assignedTo)}"
        return issue.status or "of no status"


class SentryHandler(WriteHandler[SentryHandlerContext, SentryIssue]):
    """A verb that is one PUT of ``change``, and a ``comment`` after it where the plan has one."""

    def _write(self, plan: Plan) -> Receipt:
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
            if ALREADY in error.message:  # within an hour Sentry does not take the same text twice
                return "who and why are in a comment, which was there already"
            return f"who and why are not in Sentry: the comment was not taken ({error.message})"
        return "who and why are in a comment"


def is_me(who: Assigned | None, actor: Actor) -> bool:
    """Return whether it is assigned to the actor, by e-mail address; by name where Sentry tells no address."""
    if who is None or not who.is_person:
        return False
    if who.email and actor.email:
        return who.email.casefold() == actor.email.casefold()
    return bool(actor.name) and who.label.casefold() == actor.name.casefold()


def said(message: str, receipt: Receipt | None) -> str:
    """*message*, and what came of the comment."""
    comment = str(receipt.data.get("comment", "")) if receipt is not None else ""
    return f"{message}; {comment}" if comment else message
