"""To whom an incident can be given, in words, and the change that gives it. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import before_sending, stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.escalation_levels import (
    PagerDutyLevel,
    PagerDutyPerson,
    assigned,
    levels,
    names,
    since,
)
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandler, PagerDutyHandlerContext, reason_kept
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.text.time_format import ago

PICKED_S = 600.0  # so long a list that was shown pins what the plan starts from
UNREAD = "unread"  # the kind of a choice that only says what is not listed
ESCALATED = ("escalate_log_entry", "assign_log_entry", "reassign_log_entry", "delegate_log_entry")


class AssignmentChoice(msgspec.Struct, frozen=True):
    """A picked choice: the change to send, its words, and the way to recognise it."""

    change: dict[str, Any]
    words: str
    people: tuple[str, ...] = ()  # ids, one of whom will have it
    policy: str = ""
    warnings: tuple[str, ...] = ()


class AssignmentHandler:
    """The common part of escalate and reassign: people and policies to pick from, and an earlier escalation."""

    def __init__(self, context: PagerDutyHandlerContext) -> None:
        self.context = context
        self._shown: dict[str, tuple[float, list[str]]] = {}

    def show(self, target: str, incident: PagerDutyIncident) -> None:
        """Note the assignees that a list started from when it was shown."""
        self._shown[target] = (self.context.clock.monotonic(), assigned(incident))

    def pinned(self, target: str, incident: PagerDutyIncident) -> list[str]:
        """Return the assignees when the list was shown; without a list, the current ones."""
        at, before = self._shown.pop(target, (0.0, []))
        return before if at and self.context.clock.monotonic() - at < PICKED_S else assigned(incident)

    def levels(self, incident: PagerDutyIncident) -> tuple[PagerDutyLevel, ...]:
        """The levels of its policy. Raises Refused where it has none, or where they cannot be read."""
        if not incident.policy:
            raise errors.Refused("PagerDuty names no escalation policy for this incident")
        with before_sending():
            return levels(self.context.api, incident.policy, self.context.http.server_now())

    def others(self, incident: PagerDutyIncident, known: tuple[PagerDutyLevel, ...]) -> tuple[Choice, ...]:
        """People and other policies: who is on call for its policy first, then everybody else, then the policies."""
        has = set(assigned(incident))
        found: dict[str, Choice] = {}
        for level in known:
            for person in level.people:
                if person.id not in has and person.id not in found:
                    found[person.id] = Choice(f"user/{person.id}", person.name, f"on call: {self.where(level, person)}")
        no_users, no_policies = Damage(), Damage()
        with before_sending():
            users, policies = self.context.api.users(no_users), self.context.api.policies(no_policies)
        for user in sorted(users, key=lambda one: one.label.casefold()):
            if user.id not in has and user.id not in found:
                found[user.id] = Choice(f"user/{user.id}", user.label, "not on call for this policy")
        elsewhere = [
            Choice(f"policy/{one.id}", f"policy {one.label}", "starts at its level 1")
            for one in sorted(policies, key=lambda one: one.label.casefold())
            if one.id != incident.policy
        ]
        lacks = (no_users.said("users", "PagerDuty"), no_policies.said("escalation policies", "PagerDuty"))
        missing = [Choice(f"{UNREAD}/{n}", "not listed", warning=words) for n, words in enumerate(lacks) if words]
        return (*found.values(), *elsewhere, *missing)

    def where(self, level: PagerDutyLevel, person: PagerDutyPerson | None = None) -> str:
        """``level 2, until 09:00 JST``."""
        until = person.until if person else level.until
        return f"level {level.number}" + (f", until {self.context.local(until)}" if until is not None else "")

    def picked(self, choice: str, incident: PagerDutyIncident, known: tuple[PagerDutyLevel, ...]) -> AssignmentChoice:
        """Return the choice behind ``user/ID`` or ``policy/ID``. Raises Refused if none, or if it has it already."""
        kind, _, each = choice.partition("/")
        if kind == "user" and each:
            return self._person(each, incident, known)
        if kind == "policy" and each:
            if each == incident.policy:
                raise errors.Refused("it is on this policy already", "pick a level of it")
            with before_sending():
                policy = self.context.api.policy(each)
                at_first = levels(self.context.api, each, self.context.http.server_now())[:1] if policy else ()
            if policy is None:
                raise errors.Refused("this account has no such policy")
            change = {"escalation_policy": {"id": each, "type": "escalation_policy_reference"}}
            who = at_first[0].names if at_first else "nobody on call"
            warnings = () if at_first and at_first[0].people else (f"nobody is on call at level 1 of {policy.label}",)
            return AssignmentChoice(change, f"policy {policy.label}, level 1: {who}", policy=each, warnings=warnings)
        if kind == UNREAD:
            raise errors.Refused("who is not listed cannot be picked", "pick another one, or do it in PagerDuty")
        raise errors.Refused(f"there is no {choice.replace(':', ' ')}", "pick one of the list")

    def _person(self, user_id: str, incident: PagerDutyIncident, known: tuple[PagerDutyLevel, ...]) -> AssignmentChoice:
        if user_id in assigned(incident):
            raise errors.Refused(f"{names(incident)} has it already")
        change = {"assignments": [{"assignee": {"id": user_id, "type": "user_reference"}}]}
        by_hand = "assigned to a person it leaves its policy: PagerDuty will not escalate it any more"
        for level in known:
            for person in level.people:
                if person.id == user_id:
                    said = f"{person.name}, on call at {self.where(level, person)}"
                    return AssignmentChoice(change, said, (user_id,), warnings=(by_hand,))
        with before_sending():
            user = next((one for one in self.context.api.users(Damage()) if one.id == user_id), None)
        if user is None:
            raise errors.Refused("this account has no such user")
        return AssignmentChoice(
            change, user.label, (user_id,), warnings=(by_hand, f"{user.label} is not on call for its policy")
        )

    def not_moved_on(self, before: list[str], incident: PagerDutyIncident) -> None:
        """Raise Refused where other people have it than *before*; it says who was first, and when."""
        if assigned(incident) == sorted(before):
            return
        moved = since(incident)
        when = f" {ago(self.context.http.server_now() - moved)}" if moved is not None else ""
        by = self.first(incident, moved)
        raise errors.Refused(
            f"already escalated{by} to {names(incident)}{when}", "check who has it now, then ask again"
        )

    def first(self, incident: PagerDutyIncident, at: float | None) -> str:
        """`` by Bob``: who gave it away last, as its log tells; empty where it does not."""
        try:
            log = self.context.api.log(incident.id, Damage())
        except errors.SourceError:
            return ""
        entry = next((one for one in log if one.type.startswith(ESCALATED)), None)
        if entry is None or entry.agent is None or (at is not None and (stamp(entry.created_at) or 0.0) < at - 60.0):
            return ""
        return f" by {entry.agent.label}" if entry.agent.type.startswith("user") else " automatically"


class Reassign(PagerDutyHandler):
    """PUT assignments, or another policy; never both, and never a level beside them."""

    def __init__(self, context: PagerDutyHandlerContext, givers: AssignmentHandler) -> None:
        super().__init__(context)
        self._givers = givers

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Return the people on call for its policy first, then everybody else, then other policies. Raises Refused."""
        incident = self.context.incident(target, board)
        self._givers.show(target, incident)
        return self._givers.others(incident, self._givers.levels(incident) if incident.policy else ())

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the incident and who is on call. Raises Refused where it moved since the list was shown."""
        alert = self.context.target(ask, board)
        if not ask.choice:
            raise errors.Refused("nobody is picked", "pick a person or a policy")
        incident = self.context.read_row(alert)
        now = self.context.unmoved(ask.version, incident)
        before = self._givers.pinned(alert.id, incident)
        self._givers.not_moved_on(before, incident)
        given = self._givers.picked(ask.choice, incident, self._givers.levels(incident) if incident.policy else ())
        warnings = [*given.warnings]
        if incident.status == "acknowledged":
            warnings.append("this ends its acknowledgement: it is triggered again, and pages")
        return self.context.plan(
            ask,
            alert,
            version=now.version,
            title=f"{ask.verb} {alert.title} to {given.words}",
            lines=(
                ("incident", alert.title),
                ("to", given.words),
                ("now", f"{names(incident)}, {self.context.state_words(now)}"),
                *reason_kept(ask),
            ),
            warnings=tuple(warnings),
            request={
                "change": given.change,
                "assigned": assigned(incident),
                "people": list(given.people),
                "policy": given.policy,
            },
            commands=(self.context.put_command(ask, alert, given.change),),
        )

    def _still(self, plan: Plan, incident: PagerDutyIncident) -> None:
        """Raise Refused where its state moved, or somebody else has it by now."""
        self._givers.not_moved_on(plan.request["assigned"], incident)
        super()._still(plan, incident)

    def _write(self, plan: Plan) -> Receipt:
        changed = self._put(plan)
        return Receipt({"incident": changed.id, "assigned": assigned(changed)})

    def _shows(self, plan: Plan, receipt: Receipt | None, incident: PagerDutyIncident) -> Check:
        """DONE where the person or the policy has it that it was given to."""
        people, before = set(plan.request["people"]), plan.request["assigned"]
        has = assigned(incident)
        policy = plan.request.get("policy", "")
        there = (
            incident.policy == policy if policy else bool(people.intersection(has)) or has == answered(plan, receipt)
        )
        if there and (policy or has != before):
            return Check(OutcomeState.DONE, f"given to {names(incident)}")
        if incident.status == "resolved":
            return Check(OutcomeState.FAILED, "it is resolved: not given")
        return self._sent.absent(plan, f"sent, {names(incident)} still has it", f"not given: {names(incident)} has it")


def answered(plan: Plan, receipt: Receipt | None) -> list[str]:
    """Return the assignees from the answer to the write; without one, those before."""
    before: list[str] = plan.request["assigned"]
    return receipt.data.get("assigned", before) if receipt is not None else before
