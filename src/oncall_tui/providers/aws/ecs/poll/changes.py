"""Changes of ECS services that are no deploys: desired counts that moved, and what ECS says of placing tasks.

A desired count that differs between two readings is a change at once, and nobody tells by whom, nor when in between.
Application Auto Scaling's activity, where it has one, tells when and why a moment later. What a person did is
CloudTrail's to tell. Facts: ECS developer guide ("Amazon ECS service event messages"). Times are seconds since the
epoch, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from oncall_tui.domain.change import KEPT_S, Change, ChangeKind, newest
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import Service, ServiceKey
from oncall_tui.providers.aws.ecs.poll.scaling import ScalingActivities, ScalingActivity
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import span

APART_S = 120.0  # how far apart a move and its activity may be, besides the time between the two readings
RUN_S = 1800.0  # the same words again within this time are of the same trouble
BY_POLICY = "autoscaling"
UNTOLD = "ECS does not tell by whom"
_UNPLACED = re.compile(r"unable to place a task", re.IGNORECASE)
_UNHEALTHY = re.compile(r"is unhealthy in", re.IGNORECASE)
_UNSTEADY = re.compile(r"unable to consistently start tasks", re.IGNORECASE)
_TROUBLES = (  # what an event's words are of, and how a change names it
    (_UNPLACED, "failed placement of tasks of"),
    (_UNHEALTHY, "unhealthy targets of"),
    (_UNSTEADY, "tasks that do not start of"),
)


class CountMove(msgspec.Struct, frozen=True):
    """A desired count that was *old* at *since* and *new* at *seen*, of the service *service_id*, whose key is *of*."""

    service_id: str
    of: ServiceKey
    old: int
    new: int
    since: float
    seen: float

    def made_by(self, activity: ScalingActivity) -> bool:
        """Return whether an activity of this service is what moved it."""
        near = self.since - APART_S <= activity.start_time <= self.seen + APART_S
        return near and activity.count == self.new


class EcsChanges:
    """The changes of one source's services, of what its readings show. Used by the poller's thread alone."""

    def __init__(self, source: str, activities: ScalingActivities, clock: Clock) -> None:
        self._source, self._activities, self._clock = source, activities, clock
        self._rows: dict[str, Service] = {}
        self._moves: list[CountMove] = []
        self._troubles: dict[tuple[str, str], Change] = {}  # the last one of each service and kind
        self._past: list[Change] = []  # those before
        self._made: tuple[Change, ...] = ()

    def read(self, reading: Reading, fresh: bool) -> Reading:
        """Return *reading* with its changes. Activities are asked for where they are due, once services are known."""
        now = self._clock.now()
        if fresh:
            self._activities.read_now()
        self._see(reading, now)
        self._forget(reading, now)
        if not reading.complete:
            return msgspec.structs.replace(reading, changes=self._kept(now))
        if reading.calls:  # a poll that ECS answered nothing in says nothing, and must not look as if it did
            self._activities.read()
        problems = (*reading.problems, *self._activities.problems)
        return msgspec.structs.replace(reading, changes=self._kept(now), problems=problems)

    def so_far(self, part: Reading) -> Reading:
        """Return the rows that are told before a first reading is whole: what moves after them is a change."""
        self._see(part, self._clock.now())
        return part

    def _see(self, reading: Reading, now: float) -> None:
        for service in reading.services:
            known = self._rows.get(service.id)
            if known is service:
                continue
            if known is not None and known.desired != service.desired:
                self._moves.append(
                    CountMove(service.id, service.key, known.desired, service.desired, known.read_at, service.read_at)
                )
                self._activities.sooner()
            if known is None or known.events != service.events:
                self._see_events(service, now)
            self._rows[service.id] = service

    def _forget(self, reading: Reading, now: float) -> None:
        if reading.complete and len(self._rows) > len(reading.services):
            there = {service.id for service in reading.services}
            self._rows = {id: row for id, row in self._rows.items() if id in there}
        if self._moves and self._moves[0].seen < now - KEPT_S:
            self._moves = [move for move in self._moves if move.seen >= now - KEPT_S]
        if self._past and len(self._past) > 200:
            self._past = [one for one in self._past if (one.ended or now) >= now - KEPT_S][-200:]

    def _kept(self, now: float) -> tuple[Change, ...]:
        """Return the same object while nothing changed: nothing is drawn or shared again."""
        found = newest((*self._scaled(), *self._past, *self._troubles.values()), now)
        if found != self._made:
            self._made = found
        return self._made

    # --- desired counts ---

    def _scaled(self) -> Iterator[Change]:
        """Join each move with its activity, under the id of the move; an activity may have no move."""
        moves = list(self._moves)
        before: dict[str, int] = {}  # the count that each service's activity before set
        for activity in sorted(self._activities.found, key=lambda one: one.start_time):
            service = self._rows.get(f"{self._source}/{activity.place}")
            if service is None:
                continue
            move = next((m for m in moves if m.service_id == service.id and m.made_by(activity)), None)
            if move is not None:
                moves.remove(move)
            old = move.old if move is not None else before.get(service.id)
            if activity.count is not None:
                before[service.id] = activity.count
            yield self._by_policy(service, activity, move, old)
        yield from (self._by_nobody(move) for move in moves)

    def _by_policy(
        self, service: Service, activity: ScalingActivity, move: CountMove | None, old: int | None
    ) -> Change:
        counts = f"{old} → {activity.count}" if old is not None else f"set to {activity.count}"
        told = (activity.cause or activity.description, activity.status_message)
        return Change(
            id=self._move_id(move) if move is not None else f"{self._source}/scaling:{activity.activity_id}",
            source=self._source,
            kind=ChangeKind.SCALING,
            what=f"desired count {counts} of {service.name}",
            resource=activity.place,
            began=activity.start_time,
            ended=activity.end_time,
            by=BY_POLICY,
            text=": ".join(words.rstrip(".") for words in told if words),
            service_id=service.id,
            account=service.key.account,
            region=service.key.region,
        )

    def _by_nobody(self, move: CountMove) -> Change:
        name = move.service_id.rpartition("/")[2]
        return Change(
            id=self._move_id(move),
            source=self._source,
            kind=ChangeKind.SCALING,
            what=f"desired count {move.old} → {move.new} of {name}",
            resource=move.service_id.removeprefix(f"{self._source}/"),
            began=move.seen,
            not_before=move.since,
            ended=move.seen,
            text=f"{UNTOLD}, nor when: two readings, {span(move.seen - move.since)} apart, saw it differ",
            service_id=move.service_id,
            account=move.of.account,
            region=move.of.region,
        )

    def _move_id(self, move: CountMove) -> str:
        return f"{self._source}/desired:{move.service_id.removeprefix(f'{self._source}/')}:{int(move.seen)}"

    # --- what ECS says ---

    def _see_events(self, service: Service, now: float) -> None:
        for at, message in reversed(service.events):
            named = next((words for pattern, words in _TROUBLES if pattern.search(message)), "")
            if not named or at < now - KEPT_S:
                continue
            key = service.id, named
            last = self._troubles.get(key)
            if last is not None and at <= (last.ended or 0.0):
                continue
            if last is not None and at - (last.ended or 0.0) <= RUN_S:
                self._troubles[key] = msgspec.structs.replace(last, ended=at, text=message)
                continue
            if last is not None:
                self._past.append(last)
            place = service.id.removeprefix(f"{self._source}/")
            self._troubles[key] = Change(
                id=f"{self._source}/{named.split(' of')[0].replace(' ', '-')}:{place}:{int(at)}",
                source=self._source,
                kind=ChangeKind.PLACEMENT,
                what=f"{named} {service.name}",
                resource=place,
                began=at,
                ended=at,
                by="ECS",
                text=message,
                service_id=service.id,
                effect=True,
                account=service.key.account,
                region=service.key.region,
            )
