"""Escalate: to whom, in words, before anything is sent; and refused where somebody escalated already."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteGrace, ago, read_back, stamp
from oncall_tui.providers.pagerduty.assignment import Givers, Reassign
from oncall_tui.providers.pagerduty.escalation_levels import PagerDutyLevel, assigned, current, names, since
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandlerContext, sender
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident


class PagerDutyEscalate:
    """PUT ``escalation_level`` alone: with the policy beside it PagerDuty starts again at level 1.

    A person or another policy may be picked too: that is a reassignment, and goes its way.
    """

    def __init__(self, context: PagerDutyHandlerContext, givers: Givers) -> None:
        self.context = context
        self._givers = givers
        self._reassign = Reassign(context, givers)
        self._sent = WriteGrace(context.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Each level with who is on call there now and until when, then people, then other policies. Raises Refused."""
        alert = board.alerts.get(target)
        if alert is None:
            raise errors.Refused(f"{target} is resolved, or not there any more")
        incident = self.context.read(alert.native_id)
        known = self._givers.levels(incident)
        at = current(incident, known)
        self._givers.show(target, incident)
        default = next((level.number for level in known if level.number > at and level.people), 0)
        steps = tuple(self._step(level, at, default) for level in known)
        return (*steps, *self._givers.others(incident, known))

    def _step(self, level: PagerDutyLevel, at: int, default: int) -> Choice:
        warning = "has it now" if level.number == at else "below the level that has it" if level.number < at else ""
        return Choice(
            id=f"level:{level.number}",
            label=f"level {level.number}: {level.names}",
            detail=f"until {self.context.local(level.until)}" if level.until is not None else "",
            default=level.number == default,
            warning=warning or ("" if level.people else "nobody is on call there"),
        )

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Reads the incident and who is on call. Raises Refused where it moved since the levels were shown."""
        if "/" in ask.choice:
            return self._reassign.plan(ask, board)
        alert = self.context.target(ask, board)
        incident = self.context.read(alert.native_id)
        now = self.context.unmoved(ask.version, incident)
        self._givers.not_moved_on(self._givers.pinned(alert.id, incident), incident)
        known = self._givers.levels(incident)
        at = current(incident, known)
        level = self._picked(ask.choice, known, at, incident)
        change = {"escalation_level": level.number}
        body = {"incident": {"type": "incident_reference", **change}}
        who = level.names + (f", until {self.context.local(level.until)}" if level.until is not None else "")
        lines = [
            ("incident", alert.title),
            ("policy", incident.escalation_policy.label if incident.escalation_policy else ""),
            ("to", f"level {level.number}: {who}"),
            ("now", f"{f'level {at}: ' if at else ''}{names(incident)}, {self.context.state_words(now)}"),
        ]
        if ask.reason:
            lines.append(("reason", f"{ask.reason} (kept in the journal, not sent)"))
        lacks = [self.context.api.oncalls_lack] if self.context.api.oncalls_lack else []
        warnings = (
            lacks if level.people else [*lacks, f"nobody is on call at level {level.number}: PagerDuty will refuse it"]
        )
        if at and level.number < at:
            warnings.append(f"level {level.number} is below level {at}, which has it now")
        return self.context.plan(
            ask,
            alert,
            now.version,
            title=f"escalate {alert.title} to level {level.number}: {level.names}",
            lines=tuple(lines),
            warnings=tuple(warnings),
            confirm=Confirm.YES,
            request={
                "incident": alert.native_id,
                "change": change,
                "assigned": assigned(incident),
                "people": [p.id for p in level.people],
                "names": level.names,
            },
            commands=(self.context.api.command("PUT", alert.native_id, "", body, self.context.acts_as(ask.actor)[0]),),
        )

    def check(self, plan: Plan) -> None:
        """Read it again. Raises Refused where its state moved, or somebody else has it by now."""
        self._reassign.check(plan)

    def send(self, plan: Plan) -> Receipt:
        """PUT once. Raises Failed (nobody on call there, no such level) or Unknown."""
        self._sent.note(plan)
        changed = self.context.api.update(plan.request["incident"], plan.request["change"], sender(plan))
        return Receipt({"incident": changed.id, "assigned": assigned(changed)})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where somebody of that level, the person or the policy has it."""
        if "escalation_level" not in plan.request["change"]:
            return read_back(lambda: self._givers.look(plan, receipt, self._sent))
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        incident = self.context.api.incident(plan.request["incident"])
        if incident is None:
            return Check(OutcomeState.FAILED, "PagerDuty does not have this incident any more")
        level, people = plan.request["change"]["escalation_level"], set(plan.request["people"])
        before, has = plan.request["assigned"], assigned(incident)
        answered = receipt.data.get("assigned", before) if receipt is not None else before
        # Either the level's people have it, or those whom the answer to the write named (a shift may have ended).
        if has != before and (people.intersection(has) or has == answered):
            return Check(OutcomeState.DONE, f"escalated to level {level}: {names(incident)}")
        if people.issubset(before) and self._logged(plan):
            return Check(OutcomeState.DONE, f"escalated to level {level}: {plan.request['names']}")
        if incident.status == "resolved":
            return Check(OutcomeState.FAILED, "it is resolved: not escalated")
        return self._sent.absent(
            plan, f"sent, {names(incident)} still has it", f"not escalated: {names(incident)} has it"
        )

    def _logged(self, plan: Plan) -> bool:
        """Does the log show an escalation since? Where the same people stand at both levels nothing else tells."""
        return any(
            entry.type.startswith(("escalate_log_entry", "assign_log_entry"))
            and (stamp(entry.created_at) or 0.0) >= self.context.since(plan)
            for entry in self.context.api.log(plan.request["incident"])
        )

    def _picked(
        self, choice: str, known: tuple[PagerDutyLevel, ...], at: int, incident: PagerDutyIncident
    ) -> PagerDutyLevel:
        if not choice:  # the next one where somebody is
            above = [level for level in known if level.number > at and level.people]
            if not above:
                raise errors.Refused("nobody is on call at a higher level of this policy")
            return above[0]
        number = choice.removeprefix("level:")
        level = next((level for level in known if str(level.number) == number), None)
        if level is None:
            raise errors.Refused(f"the policy has no {choice.replace(':', ' ')}")
        if level.number == at:
            moved = since(incident)
            when = f" {ago(self.context.api.http.server_now() - moved)}" if moved is not None else ""
            at_once = moved is not None and moved - (stamp(incident.created_at) or 0.0) < 5.0
            by = "" if at_once else self._givers.first(incident, moved)
            how = f", escalated{by}{when}" if by else f", since{when}" if when else ""
            raise errors.Refused(f"level {at} has it already: {names(incident)}{how}")
        return level
