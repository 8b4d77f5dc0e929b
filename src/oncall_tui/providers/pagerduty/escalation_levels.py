"""The levels of an escalation policy and who is on call at each; who has an incident, and at which level that is.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import msgspec

from oncall_tui.providers.http import stamp
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, PagerDutyOnCall


class PagerDutyPerson(msgspec.Struct, frozen=True):
    """Somebody on call; *until* is when the shift ends (None: always on call)."""

    id: str
    name: str
    until: float | None = None


class PagerDutyLevel(msgspec.Struct, frozen=True):
    """One level of an escalation policy, and who is on call there now (empty: nobody)."""

    number: int
    people: tuple[PagerDutyPerson, ...] = ()

    @property
    def names(self) -> str:
        return ", ".join(p.name for p in self.people) or "nobody on call"

    @property
    def until(self) -> float | None:
        """When the first of the shifts ends."""
        return min((p.until for p in self.people if p.until is not None), default=None)


def levels(api: PagerDutyApi, policy_id: str, now: float) -> tuple[PagerDutyLevel, ...]:
    """Every level of a policy, lowest first. Raises SourceError.

    ``/oncalls`` lists no level where nobody is on call; the policy itself tells how many there are, where the token
    may read it.
    """
    found: dict[int, dict[str, PagerDutyPerson]] = {}
    for oncall in api.oncalls(policy_id):
        if is_now(oncall, now):
            person = PagerDutyPerson(oncall.user.id, oncall.user.label, stamp(oncall.end))
            found.setdefault(oncall.escalation_level, {}).setdefault(person.id, person)
    policy = api.policy(policy_id)
    top = max([len(policy.escalation_rules) if policy else 0, *found])
    return tuple(PagerDutyLevel(n, tuple(found.get(n, {}).values())) for n in range(1, top + 1))


def is_now(oncall: PagerDutyOnCall, now: float) -> bool:
    """Return whether this shift is on at *now*."""
    start, end = stamp(oncall.start), stamp(oncall.end)
    return (start is None or start <= now + 1.0) and (end is None or end > now)


def assigned(incident: PagerDutyIncident) -> list[str]:
    """The ids of those who have it, in a fixed order."""
    return sorted(a.assignee.id for a in incident.assigned)


def names(incident: PagerDutyIncident) -> str:
    """Return the assignees' names."""
    return ", ".join(a.assignee.label for a in incident.assigned) or "nobody"


def since(incident: PagerDutyIncident) -> float | None:
    """Since when those who have it now do."""
    return max((at for one in incident.assigned if (at := stamp(one.at)) is not None), default=None)


def current(incident: PagerDutyIncident, known: tuple[PagerDutyLevel, ...]) -> int:
    """The level that it is at: the highest one whose people have it. 0: cannot be told, or nobody has it.

    The API does not say it; a person who stands at two levels is taken for the lower one.
    """
    has = assigned(incident)
    return max((min((lv.number for lv in known if i in {p.id for p in lv.people}), default=0) for i in has), default=0)
