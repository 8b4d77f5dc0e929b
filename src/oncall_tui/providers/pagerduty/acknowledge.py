"""Acknowledge and resolve: one incident, or many in a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import ActionError
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import before_sending, read_back, stamp, unread
from oncall_tui.providers.pagerduty.api import PAGE
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandler, is_me, sender
from oncall_tui.providers.pagerduty.mapping import pending
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident

AT_ONCE = 250  # incidents of one PUT (OpenAPI, "Manage incidents"; more is a 413)
FEW = 3  # so many are read one by one; more are listed
ALONE = 10  # of what a bulk answer left out without a word, so many are sent alone to learn why
T = TypeVar("T")
HELD = (AlertState.ACKNOWLEDGED, AlertState.SNOOZED)


class SetStatus(PagerDutyHandler):
    """PUT a status (base.ActionHandler and base.SupportsBulk). What is resolved is never sent: it would be reopened."""

    verb: Verb
    status: str
    confirm = Confirm.NONE
    at_once = AT_ONCE

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing: ``check`` does, right after. Raises Refused where it is so already."""
        alert = self.context.target(ask, board)
        if alert.state is AlertState.RESOLVED:
            raise errors.Refused(f"already {self.context.state_words(alert)}, not reopened")
        if self.verb is Verb.ACKNOWLEDGE and alert.state in HELD:
            raise errors.Refused(f"already {self.context.state_words(alert)}")
        change = {"status": self.status}
        return self.context.plan(
            ask,
            alert,
            title=f"{self.verb} {alert.title}",
            lines=(("incident", alert.title), ("assigned", ", ".join(alert.assigned) or "nobody")),
            confirm=self.confirm,
            request={"change": change},
            commands=(self.context.put_command(ask, alert, change),),
        )

    def _still(self, plan: Plan, incident: PagerDutyIncident) -> None:
        if self.verb is Verb.ACKNOWLEDGE and incident.status == "acknowledged":
            raise errors.Refused(f"already {self.context.state_words(self.context.row(incident))}")
        self.context.unmoved(plan.version, incident)

    def _write(self, plan: Plan) -> Receipt:
        changed = self._put(plan)
        return Receipt({"incident": changed.id, "status": changed.status})

    def _logged(self, plan: Plan) -> bool:
        """Return whether the incident's log shows that the actor did it. It may have moved on since."""
        return any(
            entry.agent is not None and is_me(entry.agent, plan.actor)
            for entry in self.context.logged(plan, f"{self.verb}_log_entry")
        )

    # --- many ----------------------------------------------------------------------------------------------------

    def plan_many(self, asks: Sequence[ActionRequest], board: Board) -> list[Plan | ActionError]:
        """Read nothing."""
        return [_or_error(lambda ask=ask: self.plan(ask, board)) for ask in asks]  # type: ignore[misc]

    def check_many(self, plans: Sequence[Plan]) -> list[ActionError | None]:
        """List the open ones once; read the others alone, to say what became of each."""
        if len(plans) <= FEW:
            return [_error(lambda plan=plan: self.check(plan)) for plan in plans]  # type: ignore[misc]
        try:
            with before_sending():
                found = self.context.api.among_open()
        except ActionError as error:
            return [error for _ in plans]

        def check_one(plan: Plan) -> None:
            incident = found.get(plan.request["incident"])
            self._still(plan, self.context.read(plan.request) if incident is None else incident)

        return [_error(lambda plan=plan: check_one(plan)) for plan in plans]  # type: ignore[misc]

    def send_many(self, plans: Sequence[Plan]) -> list[Receipt | ActionError]:
        """One PUT for all. Raises ActionFailed or OutcomeUnknown where that holds for all of them.

        The answer lists what was changed. What it leaves out was not: to learn why, the first ones are read, and where
        they are as before, sent alone (no retry of a write: it is known that nothing was changed).
        """
        for plan in plans:
            self._sent.note(plan)
        ids = [str(plan.request["incident"]) for plan in plans]
        changed = self.context.api.update_many(ids, {"status": self.status}, sender(plans[0]))
        left = [plan for plan in plans if plan.request["incident"] not in changed]
        alone = {plan.id: _or_error(lambda plan=plan: self._alone(plan)) for plan in left[:ALONE]}  # type: ignore[misc]

        def came_of(plan: Plan) -> Receipt | ActionError:
            if plan.id in alone:
                return alone[plan.id]
            incident = changed.get(plan.request["incident"])
            if incident is None:
                return errors.ActionFailed(
                    "PagerDuty left it out of its answer", "acknowledge or resolve it alone, to see why"
                )
            return Receipt({"incident": incident.id, "status": incident.status})

        return [came_of(plan) for plan in plans]

    def _alone(self, plan: Plan) -> Receipt:
        self.check(plan)
        return self.send(plan)

    def verify_many(self, plans: Sequence[Plan], receipts: Sequence[Receipt | None]) -> list[Check]:
        """List instead of reading each; read alone what neither list has."""
        if len(plans) <= FEW:
            return [self.verify(plan, receipt) for plan, receipt in zip(plans, receipts, strict=True)]
        try:
            found = self._listed(len(plans))
        except errors.SourceError as error:
            return [unread(error) for _ in plans]

        def one(plan: Plan, receipt: Receipt | None) -> Check:
            incident = found.get(plan.request["incident"])
            if incident is None:
                return self.verify(plan, receipt)
            return read_back(lambda: self._shows(plan, receipt, incident))

        return [one(plan, receipt) for plan, receipt in zip(plans, receipts, strict=True)]

    def _listed(self, count: int) -> dict[str, PagerDutyIncident]:
        raise NotImplementedError


class PagerDutyAcknowledge(SetStatus):
    """One key, no prompt. Sent only to what is still triggered."""

    verb = Verb.ACKNOWLEDGE
    status = "acknowledged"

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        if incident.status == "acknowledged":
            return self._whose(plan, receipt, incident)
        if receipt is not None and incident.status == "resolved":
            return Check(OutcomeState.DONE, "acknowledged, and resolved since")
        if receipt is None and self._logged(plan):
            return Check(OutcomeState.DONE, f"acknowledged by {plan.actor.name}; it is {incident.status} now")
        status, over = incident.status, incident.status == "resolved"
        return self._sent.absent(plan, f"sent, still {status}", f"not acknowledged: it is {status}", excludes=over)

    def _whose(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        acks = incident.acknowledgements or ()
        mine = [is_me(a.acknowledger, plan.actor) for a in acks]
        until = pending(incident, "unacknowledge")
        end = f" until {self.context.local(until)}" if until is not None else ""
        if receipt is not None or not acks or any(m is not False for m in mine):
            who = plan.actor.name if True in mine else ", ".join(a.acknowledger.label for a in acks)
            said = f"acknowledged{f' by {who}' if who else ''}{end}"
            if (resolved := self._resolved_meanwhile(plan, incident)) is not None:
                words = f"{said}; {resolved} resolved it just before, and this opened it again"
                return Check(OutcomeState.DONE, words, hint="resolve it, unless it still goes on")
            return Check(OutcomeState.DONE, said)
        who = ", ".join(a.acknowledger.label for a in acks)
        return self._sent.absent(plan, f"sent; {who} has it", f"acknowledged by {who}{end}, not by you")

    def _resolved_meanwhile(self, plan: Plan, incident: PagerDutyIncident) -> str | None:
        """Return who resolved it between the last read and the write, which nothing can refuse; None: nobody did.

        Acknowledging what is resolved opens it again and assigns it anew: the log is read for that alone.
        """
        if not any((stamp(each.at) or 0.0) >= self.context.since(plan) for each in incident.assigned):
            return None
        entry = next(self.context.logged(plan, "resolve_log_entry"), None)
        return None if entry is None else entry.agent.label if entry.agent is not None else "PagerDuty"

    def _listed(self, count: int) -> dict[str, PagerDutyIncident]:
        return self.context.api.among_open()


class PagerDutyResolve(SetStatus):
    """Ends it for everybody, and nothing brings it back but a new event: a modal names it."""

    verb = Verb.RESOLVE
    status = "resolved"
    confirm = Confirm.YES

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        if incident.status == "resolved":
            by = incident.last_status_change_by
            if receipt is None and by is not None and is_me(by, plan.actor) is False and not self._logged(plan):
                return Check(OutcomeState.FAILED, f"resolved by {by.label}, not by you")
            return Check(OutcomeState.DONE, f"resolved{f' by {by.label}' if by else ''}")
        if receipt is not None and self._logged(plan):
            return Check(OutcomeState.DONE, f"resolved, and {incident.status} again since")
        return self._sent.absent(plan, f"sent, still {incident.status}", f"not resolved: it is {incident.status}")

    def _listed(self, count: int) -> dict[str, PagerDutyIncident]:
        return {**self.context.api.among_open(), **self.context.api.among_resolved(count // PAGE + 2)}


def _error(step: Callable[[], object]) -> ActionError | None:
    try:
        step()
    except ActionError as error:
        return error
    return None


def _or_error(step: Callable[[], T]) -> T | ActionError:
    try:
        return step()
    except ActionError as error:
        return error
