"""Escalate: to whom, in words, before anything is sent; and refused where somebody escalated already."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import stamp
from oncall_tui.providers.pagerduty.assignment import Reassign, answered
from oncall_tui.providers.pagerduty.escalation_levels import PagerDutyLevel, assigned, current, names, since
from oncall_tui.providers.pagerduty.handler_context import reason_kept
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.text.time_format import ago


class PagerDutyEscalate(Reassign):
    """PUT ``escalation_level`` alone: with the policy beside it PagerDuty starts again at level 1.

    A person or another policy may be picked too: that is a reassignment, and goes its way.
    """

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Each level with who is on call there now and until when, then people, then other policies. Raises Refused."""
        incident = self.context.incident(target, board)
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
        """Read the incident and who is on call. Raises Refused where it moved since the levels were shown."""
        if "/" in ask.choice:
            return super().plan(ask, board)
        alert = self.context.target(ask, board)
        incident = self.context.read_row(alert)
        now = self.context.unmoved(ask.version, incident)
        self._givers.not_moved_on(self._givers.pinned(alert.id, incident), incident)
        known = self._givers.levels(incident)
        at = current(incident, known)
        level = self._picked(ask.choice, known, at, incident)
        change = {"escalation_level": level.number}
        who = level.names + (f", until {self.context.local(level.until)}" if level.until is not None else "")
        lines = (
            ("incident", alert.title),
            ("policy", incident.escalation_policy.label if incident.escalation_policy else ""),
            ("to", f"level {level.number}: {who}"),
            ("now", f"{f'level {at}: ' if at else ''}{names(incident)}, {self.context.state_words(now)}"),
            *reason_kept(ask),
        )
        lacks = [self.context.api.oncalls_lack] if self.context.api.oncalls_lack else []
        warnings = (
            lacks if level.people else [*lacks, f"nobody is on call at level {level.number}: PagerDuty will refuse it"]
        )
        if at and level.number < at:
            warnings.append(f"level {level.number} is below level {at}, which has it now")
        return self.context.plan(
            ask,
            alert,
            version=now.version,
            title=f"escalate {alert.title} to level {level.number}: {level.names}",
            lines=lines,
            warnings=tuple(warnings),
            request={
                "change": change,
                "assigned": assigned(incident),
                "people": [p.id for p in level.people],
                "names": level.names,
            },
            commands=(self.context.put_command(ask, alert, change),),
        )

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        """DONE where somebody of that level, the person or the policy has it."""
        level = plan.request["change"].get("escalation_level")
        if level is None:
            return super()._shows(plan, receipt, incident)
        people, before, has = set(plan.request["people"]), plan.request["assigned"], assigned(incident)
        # Either the level's people have it, or those whom the answer to the write named (a shift may have ended).
        if has != before and (people.intersection(has) or has == answered(plan, receipt)):
            return Check(OutcomeState.DONE, f"escalated to level {level}: {names(incident)}")
        if people.issubset(before) and self._logged(plan):
            return Check(OutcomeState.DONE, f"escalated to level {level}: {plan.request['names']}")
        if incident.status == "resolved":
            return Check(OutcomeState.FAILED, "it is resolved: not escalated")
        return self._sent.absent(
            plan, f"sent, {names(incident)} still has it", f"not escalated: {names(incident)} has it"
        )

    def _logged(self, plan: Plan) -> bool:
        """Return whether the log shows an escalation since. Nothing else tells if both levels have the same people."""
        return any(True for _ in self.context.logged(plan, "escalate_log_entry", "assign_log_entry"))

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
            when = f" {ago(self.context.http.server_now() - moved)}" if moved is not None else ""
            at_once = moved is not None and moved - (stamp(incident.created_at) or 0.0) < 5.0
            by = "" if at_once else self._givers.first(incident, moved)
            how = f", escalated{by}{when}" if by else f", since{when}" if when else ""
            raise errors.Refused(f"level {at} has it already: {names(incident)}{how}")
        return level
