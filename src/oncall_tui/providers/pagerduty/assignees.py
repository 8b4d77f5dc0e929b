"""Each incident's assignees, their level of its policy, and the ones before.

An incident tells its assignees and since when, never a level, and nothing of who had it before (OpenAPI: Incident).
The level is the lowest at which one of them is on call, asked once where an incident was assigned anew; who had it
before is what earlier polls saw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import ASSIGNED_AT_ONCE_S, Assignee
from oncall_tui.providers.http import stamp
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.escalation_levels import PagerDutyLevel, assigned, current, levels, names, since
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.runtime.clock import Clock

KEPT_S = 600.0  # who is on call for a policy is asked again after so long, and then only if something was assigned anew
READ_AT_ONCE = 3  # policies in one poll
DENIED_S = 300.0
KEPT_HOLDERS = 20  # of one incident: a policy that repeats itself gives it to the same people again and again


class AssignedLevel(msgspec.Struct, frozen=True, gc=False):
    """The *level* of those who have it (0: not known), and who had it before, the first one first."""

    level: int = 0
    had: tuple[Assignee, ...] = ()


NOBODY = AssignedLevel()


class _TrackedIncident:
    """One incident: its assignees as last seen, and what is told of it."""

    __slots__ = ("held", "ids", "names", "placed", "since")

    def __init__(self, incident: PagerDutyIncident) -> None:
        self.held = NOBODY
        self.placed = False  # is its level settled, known or not?
        self.take(incident)

    def take(self, incident: PagerDutyIncident) -> None:
        self.ids = assigned(incident)
        self.names = names(incident)
        self.since = since(incident)


class AssigneeTracker:
    """Assignments as polls saw them. ``follow`` each list, then ``find_levels`` of what was assigned anew."""

    def __init__(self, api: PagerDutyApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._seen: dict[str, _TrackedIncident] = {}
        self._policies: dict[str, tuple[float, tuple[PagerDutyLevel, ...]]] = {}
        self._after = 0.0

    def of(self, incident: PagerDutyIncident) -> AssignedLevel:
        """Return its known assignees; the same object while nothing of that moved."""
        seen = self._seen.get(incident.id)
        return NOBODY if seen is None else seen.held

    def follow(self, incidents: Collection[PagerDutyIncident]) -> None:
        """Take the list as it is now: who has what, and who does not have it any more."""
        ids = {one.id for one in incidents}
        self._seen = {i: seen for i, seen in self._seen.items() if i in ids}
        for incident in incidents:
            seen = self._seen.get(incident.id)
            if seen is None:
                self._seen[incident.id] = _TrackedIncident(incident)
            elif incident.assigned and seen.ids != assigned(incident):
                before = (*seen.held.had, Assignee(seen.names, seen.since, seen.held.level)) if seen.ids else ()
                seen.held, seen.placed = AssignedLevel(0, before[-KEPT_HOLDERS:]), False
                seen.take(incident)

    def find_levels(self, incidents: Iterable[PagerDutyIncident]) -> None:
        """Find the level of what was assigned anew; a few policies a call are asked. What cannot be read has none."""
        now = self._clock.monotonic()
        if now < self._after:
            return
        asked = 0
        for incident in incidents:
            seen = self._seen.get(incident.id)
            if seen is None or seen.placed or not incident.policy or not _moved(incident, seen.held):
                continue
            at, known = self._policies.get(incident.policy, (-KEPT_S, ()))
            if now - at >= KEPT_S:
                if asked == READ_AT_ONCE:
                    continue
                asked += 1
                try:
                    known = levels(self._api, incident.policy, self._api.http.server_now())
                except errors.SourceError as error:
                    self._after = now + (DENIED_S if isinstance(error, errors.Denied) else 0.0)
                    return
                self._policies[incident.policy] = (now, known)
            seen.placed = True
            seen.held = _placed(seen.held, incident, known)


def _placed(held: AssignedLevel, incident: PagerDutyIncident, known: tuple[PagerDutyLevel, ...]) -> AssignedLevel:
    level = current(incident, known)
    top = max((one.number for one in known if one.people), default=0)
    goes_on = any(action.type == "escalate" for action in incident.pending_actions or ())
    if incident.status == "triggered" and incident.urgency == "high" and level < top and not goes_on:
        level = 0  # given to a person by hand it leaves its policy: at a level it would escalate further
    had = tuple(
        one if one.level or not (at := _level(one.name, known)) else msgspec.structs.replace(one, level=at)
        for one in held.had
    )
    return AssignedLevel(level, had)


def _level(name: str, known: tuple[PagerDutyLevel, ...]) -> int:
    """The level whose people have this name, or these names."""
    had = {part.strip() for part in name.split(",")}
    return next((one.number for one in known if had & {person.name for person in one.people}), 0)


def _moved(incident: PagerDutyIncident, held: AssignedLevel) -> bool:
    began, at = stamp(incident.created_at), since(incident)
    return bool(held.had) or (began is not None and at is not None and at - began > ASSIGNED_AT_ONCE_S)
