"""Acknowledge and un-acknowledge: Sentry knows neither, so the issue is assigned, and given back."""

from __future__ import annotations

import re

from oncall_tui import errors
from oncall_tui.contract import Receipt
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Ask, Confirm, Plan
from oncall_tui.providers.sentry.desk import Handler, is_me
from oncall_tui.providers.sentry.rows import assignee
from oncall_tui.providers.sentry.wire import Issue


class Assign(Handler):
    """One key, no prompt: the issue is assigned to whoever acts. It stays unresolved, and others see whose it is."""

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Reads nothing: ``check`` does, right after. Raises Refused where a person has it already."""
        alert = self.desk.target(ask, board)
        if alert.state is AlertState.ACKNOWLEDGED:
            raise errors.Refused(f"already assigned to {', '.join(alert.by)}")
        email = ask.actor.email
        if not re.fullmatch(r"[!-~]+@[!-~]+", email):
            raise errors.Refused(
                "Sentry has no acknowledge: it is assigned to you, and has to know who that is",
                "set me.email to the e-mail address of your Sentry user",
            )
        has_it = ", ".join(alert.assigned) or "nobody"
        return self.desk.plan(
            ask,
            alert,
            {"assignedTo": email},
            title=f"assign {alert.title} to {ask.actor.name}",
            lines=(("issue", alert.title), ("assigned", f"{has_it} → {ask.actor.name} ({email})")),
            confirm=Confirm.NONE,
        )

    def check(self, plan: Plan) -> None:
        """Read the issue again. Raises Refused where it moved, or somebody has it."""
        issue = self.desk.read(plan.request["issue"])
        if issue.assignedTo is not None and issue.assignedTo.is_person:
            raise errors.Refused(f"already assigned to {issue.assignedTo.label}")
        self.desk.unmoved(plan.version, issue)

    def shows(self, plan: Plan, receipt: Receipt | None, issue: Issue) -> Check:
        """DONE where it is assigned to whom it was assigned to."""
        who = issue.assignedTo
        answered = str(receipt.data.get("assignee", "")) if receipt is not None else ""
        mine = is_me(who, plan.actor) or (who is not None and who.is_person and str(who.id) == answered != "")
        if mine:
            return Check(OutcomeState.DONE, f"assigned to {assignee(who)}")
        return self.sent.absent(
            plan,
            f"sent, still assigned to {assignee(who)}",
            f"not assigned to {plan.actor.name}: it is assigned to {assignee(who)}",
        )


class Unassign(Handler):
    """Gives back what is assigned to whoever acts, nobody else's."""

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Reads who has it. Raises Refused where that is somebody else, or nobody."""
        alert = self.desk.target(ask, board)
        issue = self.desk.read(alert.native_id)
        self._mine(issue, ask)
        self.desk.unmoved(ask.version, issue)
        return self.desk.plan(
            ask,
            alert,
            {"assignedTo": ""},
            title=f"unassign {alert.title}",
            lines=(("issue", alert.title), ("assigned", f"{assignee(issue.assignedTo)} → nobody")),
            confirm=Confirm.NONE,
            request={"had": str(issue.assignedTo.id) if issue.assignedTo else ""},
        )

    @staticmethod
    def _mine(issue: Issue, ask: Ask) -> None:
        if issue.assignedTo is None:
            raise errors.Refused("it is assigned to nobody")
        if not is_me(issue.assignedTo, ask.actor):
            raise errors.Refused(f"assigned to {assignee(issue.assignedTo)}: only they give it back")

    def check(self, plan: Plan) -> None:
        """Read the issue again. Raises Refused where it moved, or is somebody else's now."""
        issue = self.desk.read(plan.request["issue"])
        if issue.assignedTo is None or str(issue.assignedTo.id) != plan.request["had"]:
            raise errors.Refused(f"it is assigned to {assignee(issue.assignedTo)} now")
        self.desk.unmoved(plan.version, issue)

    def shows(self, plan: Plan, receipt: Receipt | None, issue: Issue) -> Check:
        """DONE where it is not assigned to whom it was."""
        who = issue.assignedTo
        if who is None or str(who.id) != plan.request["had"]:
            return Check(OutcomeState.DONE, f"no longer assigned to {plan.actor.name}; assigned to {assignee(who)}")
        return self.sent.absent(plan, "sent, not given back yet", f"still assigned to {assignee(who)}")
