"""Acknowledge and un-acknowledge: Sentry knows neither, so the issue is assigned, and given back."""

from __future__ import annotations

import re

from oncall_tui import errors
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.sentry.assignee import AssignmentKind, holding
from oncall_tui.providers.sentry.handler_context import SentryHandler, is_me
from oncall_tui.providers.sentry.mapping import assignee, state_of
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.providers.sentry.schema import SentryIssue


class Assign(SentryHandler):
    """One key, no prompt: the issue is assigned to whoever acts. It stays unresolved, and others see whose it is.

    Where it is assigned to them already (by a rule, or from before it came back) it is given back first: Sentry notes
    no second assignment to the same person, and nobody would see that they have it now.
    """

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read who has it where somebody does. Raises Refused where a person has taken it already."""
        alert = self.context.target(ask, board)
        if alert.state is AlertState.ACKNOWLEDGED:
            raise errors.Refused(f"already assigned to {', '.join(alert.by)}")
        email = ask.actor.email
        if not re.fullmatch(r"[!-~]+@[!-~]+", email):
            raise errors.Refused(
                "Sentry has no acknowledge: this assigns the issue to you, and needs your Sentry user",
                "set me.email to the primary e-mail address of your Sentry user",
            )
        had = self._free(self.context.read_row(alert)) if alert.assigned else None
        again = is_me(had, ask.actor)
        first = (("first", "given back: Sentry notes no second assignment to the same person"),) if again else ()
        change = {"assignedTo": email}
        return self.context.plan(
            ask,
            alert,
            does="assign to you",
            did="assigned",
            title=f"assign {alert.title} to {ask.actor.name}",
            lines=(("issue", alert.title), ("assigned", f"{assignee(had)} → {ask.actor.name} ({email})"), *first),
            confirm=Confirm.NONE,
            request={"change": change, "had": _id(had), "again": again},
            commands=(self.context.api.command(alert.native_id, change),),
            writes=2 if again else 1,
        )

    @staticmethod
    def _free(issue: SentryIssue) -> Assigned | None:
        """Return the assignee in name alone. Raises Refused where a person has taken it."""
        if state_of(issue, holding(issue)) is AlertState.ACKNOWLEDGED:
            raise errors.Refused(f"already assigned to {assignee(issue.assignedTo)}")
        return issue.assignedTo

    def _still(self, plan: Plan, issue: SentryIssue) -> None:
        """Raise Refused where it moved, or is somebody else's now."""
        if _id(self._free(issue)) != plan.request["had"]:
            raise errors.Refused(f"it is assigned to {assignee(issue.assignedTo)} now")
        self.context.unmoved(plan.version, issue)

    def _write(self, plan: Plan) -> Receipt:
        """PUT once; where it has to be given back first, that once too."""
        if not plan.request["again"]:
            return super()._write(plan)
        self.context.api.update(plan.request["issue"], {"assignedTo": ""})
        self._sent.note(plan)  # its effect has to show after the second write
        try:
            return super()._write(plan)
        except errors.ActionFailed as error:
            words = f"given back, and not assigned again: {error.message}"
            raise errors.OutcomeUnknown(words, error.hint, answered=True) from None

    def _shows(self, plan: Plan, receipt: Receipt | None, issue: SentryIssue) -> Check:
        """DONE where a person has assigned it to whom it was to be assigned to."""
        who = issue.assignedTo
        answered = str(receipt.data.get("assignee", "")) if receipt is not None else ""
        mine = is_me(who, plan.actor) or (who is not None and who.is_person and _id(who) == answered != "")
        if mine and (receipt is not None or holding(issue) is AssignmentKind.TAKEN):  # the activity may come later
            return Check(OutcomeState.DONE, f"assigned to {assignee(who)}")
        how = f" ({holding(issue)})" if mine else ""
        return self._sent.absent(
            plan,
            f"sent, still assigned to {assignee(who)}{how}",
            f"not assigned to {plan.actor.name}: it is assigned to {assignee(who)}{how}",
        )


class Unassign(SentryHandler):
    """Gives back what is assigned to whoever acts, nobody else's."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read who has it. Raises Refused where that is somebody else, or nobody."""
        alert = self.context.target(ask, board)
        issue = self.context.read_row(alert)
        self._mine(issue, ask)
        self.context.unmoved(ask.version, issue)
        change = {"assignedTo": ""}
        return self.context.plan(
            ask,
            alert,
            does="unassign",
            did="unassigned",
            title=f"unassign {alert.title}",
            lines=(("issue", alert.title), ("assigned", f"{assignee(issue.assignedTo)} → nobody")),
            confirm=Confirm.NONE,
            request={"change": change, "had": _id(issue.assignedTo)},
            commands=(self.context.api.command(alert.native_id, change),),
        )

    @staticmethod
    def _mine(issue: SentryIssue, ask: ActionRequest) -> None:
        if issue.assignedTo is None:
            raise errors.Refused("it is assigned to nobody")
        if not is_me(issue.assignedTo, ask.actor):
            raise errors.Refused(f"assigned to {assignee(issue.assignedTo)}: only they give it back")

    def _still(self, plan: Plan, issue: SentryIssue) -> None:
        """Raise Refused where it moved, or is somebody else's now."""
        if _id(issue.assignedTo) != plan.request["had"]:
            raise errors.Refused(f"it is assigned to {assignee(issue.assignedTo)} now")
        self.context.unmoved(plan.version, issue)

    def _shows(self, plan: Plan, receipt: Receipt | None, issue: SentryIssue) -> Check:
        """DONE where it is not assigned to whom it was."""
        who = issue.assignedTo
        if _id(who) != plan.request["had"]:
            return Check(OutcomeState.DONE, f"no longer assigned to {plan.actor.name}; assigned to {assignee(who)}")
        return self._sent.absent(plan, "sent, not given back yet", f"still assigned to {assignee(who)}")


def _id(who: Assigned | None) -> str:
    return str(who.id) if who is not None else ""
