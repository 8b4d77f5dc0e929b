"""Escalate: to whom, in words, before anything is sent; and refused where somebody escalated already."""

from __future__ import annotations

import msgspec

from oncall_tui import errors
from oncall_tui.contract import Receipt
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Ask, Choice, Confirm, Plan
from oncall_tui.providers.http import Sent, ago, before_sending, read_back, stamp, utc
from oncall_tui.providers.pagerduty.acting import Desk
from oncall_tui.providers.pagerduty.api import Api
from oncall_tui.providers.pagerduty.wire import Incident, OnCall

PICKED_S = 600.0  # so long a list of levels that was shown pins what the plan starts from


class Person(msgspec.Struct, frozen=True):
    """Somebody on call; *until* is when the shift ends (None: always on call)."""

    id: str
    name: str
    until: float | None = None


class Level(msgspec.Struct, frozen=True):
    """One level of an escalation policy, and who is on call there now (empty: nobody)."""

    number: int
    people: tuple[Person, ...] = ()

    @property
    def names(self) -> str:
        return ", ".join(p.name for p in self.people) or "nobody on call"

    @property
    def until(self) -> float | None:
        """When the first of the shifts ends."""
        return min((p.until for p in self.people if p.until is not None), default=None)


def levels(api: Api, policy_id: str, now: float) -> tuple[Level, ...]:
    """Every level of a policy, lowest first. Raises SourceError.

    ``/oncalls`` lists no level where nobody is on call; the policy itself tells how many there are, where the token
    may read it.
    """
    found: dict[int, dict[str, Person]] = {}
    for oncall in api.oncalls(policy_id):
        if _is_now(oncall, now):
            person = Person(oncall.user.id, oncall.user.label, stamp(oncall.end))
            found.setdefault(oncall.escalation_level, {}).setdefault(person.id, person)
    policy = api.policy(policy_id)
    top = max([len(policy.escalation_rules) if policy else 0, *found])
    return tuple(Level(n, tuple(found.get(n, {}).values())) for n in range(1, top + 1))


def _is_now(oncall: OnCall, now: float) -> bool:
    start, end = stamp(oncall.start), stamp(oncall.end)
    return (start is None or start <= now + 1.0) and (end is None or end > now)


def current(incident: Incident, known: tuple[Level, ...]) -> int:
    """The level that it is at: the highest one whose people have it. 0: cannot be told, or nobody has it.

    The API does not say it; a person who stands at two levels is taken for the lower one.
    """
    assigned = _assigned(incident)
    return max(
        (min((lv.number for lv in known if i in {p.id for p in lv.people}), default=0) for i in assigned), default=0
    )


def _assigned(incident: Incident) -> list[str]:
    return sorted(a.assignee.id for a in incident.assigned)


class Escalate:
    """PUT ``escalation_level`` alone: with the policy beside it PagerDuty starts again at level 1."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._sent = Sent(desk.clock)
        self._shown: dict[str, tuple[float, list[str]]] = {}

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """The levels above the one that has it, with who is on call there now. Raises Refused."""
        alert = board.alerts.get(target)
        if alert is None:
            raise errors.Refused(f"{target} is resolved, or not there any more")
        incident = self.desk.read(alert.native_id)
        known = self._levels(incident)
        at = current(incident, known)
        self._shown[target] = (self.desk.clock.monotonic(), _assigned(incident))
        above = [level for level in known if level.number > at]
        default = next((level.number for level in above if level.people), 0)
        return tuple(
            Choice(
                id=f"level:{level.number}",
                label=f"level {level.number}: {level.names}",
                detail=f"until {utc(level.until)}" if level.until is not None else "",
                default=level.number == default,
            )
            for level in above
        )

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Reads the incident and who is on call. Raises Refused where it moved since the levels were shown."""
        alert = self.desk.target(ask, board)
        incident = self.desk.read(alert.native_id)
        now = self.desk.unmoved(ask.version, incident)
        self._not_moved_on(self._pinned(alert, incident), incident)
        known = self._levels(incident)
        at = current(incident, known)
        level = self._picked(ask.choice, known, at)
        change = {"escalation_level": level.number}
        body = {"incident": {"type": "incident_reference", **change}}
        who = level.names + (f", until {utc(level.until)}" if level.until is not None else "")
        lines = [
            ("incident", alert.title),
            ("policy", incident.escalation_policy.label if incident.escalation_policy else ""),
            ("to", f"level {level.number}: {who}"),
            (
                "now",
                f"{f'level {at}: ' if at else ''}{', '.join(now.assigned) or 'nobody'}, {self.desk.state_words(now)}",
            ),
        ]
        if ask.reason:
            lines.append(("reason", f"{ask.reason} (kept in the journal, not sent)"))
        warnings = [] if level.people else [f"nobody is on call at level {level.number}: PagerDuty will refuse it"]
        if at and level.number <= at:
            warnings.append(f"level {level.number} is not above level {at}, which has it now")
        return self.desk.plan(
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
                "assigned": _assigned(incident),
                "people": [p.id for p in level.people],
                "names": level.names,
            },
            commands=(self.desk.api.command("PUT", alert.native_id, "", body, ask.actor.email),),
        )

    def check(self, plan: Plan) -> None:
        """Read it again. Raises Refused where its state moved, or somebody else has it by now."""
        incident = self.desk.read(plan.request["incident"])
        self._not_moved_on(plan.request["assigned"], incident)
        self.desk.unmoved(plan.version, incident)

    def send(self, plan: Plan) -> Receipt:
        """PUT once. Raises Failed (nobody on call there, no such level) or Unknown."""
        self._sent.note(plan)
        changed = self.desk.api.update(plan.request["incident"], plan.request["change"], plan.actor.email)
        return Receipt({"incident": changed.id, "assigned": _assigned(changed)})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where somebody of that level has it."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        incident = self.desk.api.incident(plan.request["incident"])
        if incident is None:
            return Check(OutcomeState.FAILED, "PagerDuty does not have this incident any more")
        level, people = plan.request["change"]["escalation_level"], set(plan.request["people"])
        before, assigned = plan.request["assigned"], _assigned(incident)
        answered = receipt.data.get("assigned", before) if receipt is not None else before
        # Either the level's people have it, or those whom the answer to the write named (a shift may have ended).
        if assigned != before and (people.intersection(assigned) or assigned == answered):
            names = ", ".join(a.assignee.label for a in incident.assigned)
            return Check(OutcomeState.DONE, f"escalated to level {level}: {names}")
        if people.issubset(before) and self._logged(plan):
            return Check(OutcomeState.DONE, f"escalated to level {level}: {plan.request['names']}")
        if incident.status == "resolved":
            return Check(OutcomeState.FAILED, "it is resolved: not escalated")
        names = ", ".join(a.assignee.label for a in incident.assigned) or "nobody"
        return self._sent.absent(plan, f"sent, {names} still has it", f"not escalated: {names} has it")

    def _logged(self, plan: Plan) -> bool:
        """Does the log show an escalation since? Where the same people stand at both levels nothing else tells."""
        return any(
            entry.type.startswith(("escalate_log_entry", "assign_log_entry"))
            and (stamp(entry.created_at) or 0.0) >= self.desk.since(plan)
            for entry in self.desk.api.log(plan.request["incident"])
        )

    def _levels(self, incident: Incident) -> tuple[Level, ...]:
        if not incident.policy:
            raise errors.Refused("PagerDuty names no escalation policy for this incident")
        with before_sending():
            return levels(self.desk.api, incident.policy, self.desk.api.http.server_now())

    def _pinned(self, alert: Alert, incident: Incident) -> list[str]:
        """Who had it when the levels were shown; where none were, who has it now."""
        at, assigned = self._shown.pop(alert.id, (0.0, []))
        return assigned if at and self.desk.clock.monotonic() - at < PICKED_S else _assigned(incident)

    def _not_moved_on(self, before: list[str], incident: Incident) -> None:
        if _assigned(incident) == sorted(before):
            return
        names = ", ".join(a.assignee.label for a in incident.assigned) or "nobody"
        moved = max((s for a in incident.assigned if (s := stamp(a.at))), default=None)
        when = f" {ago(self.desk.api.http.server_now() - moved)}" if moved is not None else ""
        raise errors.Refused(f"already escalated to {names}{when}", "look who has it now, then ask again")

    @staticmethod
    def _picked(choice: str, known: tuple[Level, ...], at: int) -> Level:
        if not choice:  # the next one where somebody is
            above = [level for level in known if level.number > at and level.people]
            if not above:
                raise errors.Refused("nobody is on call at a higher level of this policy")
            return above[0]
        number = choice.removeprefix("level:")
        level = next((level for level in known if str(level.number) == number), None)
        if level is None:
            raise errors.Refused(f"the policy has no {choice.replace(':', ' ')}")
        return level
