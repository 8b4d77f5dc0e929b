"""The consequences of events for the pollers of the other sources: a service of which an event came is read at once,
and while events come what moves is looked for more seldom.

Events have no heartbeat. That they come is known from one that came; that they do not, from a deploy that a source of
services found by itself and of which no event came within a minute. Neither is known on a night on which nothing moves.

Times are monotonic seconds, but for a deploy's begin, which is in seconds since the epoch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import DeployGroup, Service, ServiceKey
from oncall_tui.polling.poller import Poller
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import Clock

TOLD_WITHIN_S = 60.0  # an event that comes later than that did not tell it
AHEAD_S = 60.0  # an event may come so long before the deploy that it tells of is found (and both clocks may be off)
JUST_BEGUN_S = 240.0  # only a deploy that is found so soon after its begin tells whether events come
LIVES_S = 3600.0  # after the last event: nothing is known any more of whether they come
NO_EVENT = "no event came yet: whether its rule sends any is not known, and sweeps are as without it"
NONE_LATELY = "no event for over an hour: whether they still come is not known, and sweeps are as without it"

Place = tuple[str, str]  # account, region


class _Found(msgspec.Struct):
    """A deploy that a source of services found by itself, at *at*; *since*: an event that came later tells of it."""

    key: ServiceKey
    at: float
    since: float


class EventWatch:
    """Follows the pollers of one engine. *tells* are the names of those that tell events.

    ``polled`` is called after each poll, by its poller's thread; ``tick`` by the board's thread, now and then.
    """

    def __init__(self, pollers: Mapping[str, Poller], tells: Iterable[str], clock: Clock) -> None:
        self._telling = {name: pollers[name] for name in tells}
        self._others = [poller for name, poller in pollers.items() if name not in self._telling]
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, Reading | None] = {}  # the newest reading of each that was seen here
        self._heard: dict[ServiceKey, float] = {}
        self._heard_of: dict[Place, float] = {}
        self._reads_since: dict[str, float] = {}  # from when on each that tells events was read without a gap
        self._baseline: dict[str, set[str]] = {}  # deploys of a source that were there before, or were judged
        self._found: dict[str, _Found] = {}  # by the deploy's id: of which an event has to come
        self._silent: dict[Place, str] = {}  # since when no event came of a deploy that was found: its service

    # --- on the pollers' threads ---

    def polled(self) -> None:
        """Have the services read of which an event just came."""
        for name, poller in self._telling.items():
            reading = poller.seen.reading
            with self._lock:
                new = reading is not None and self._taken.get(name) is not reading
                self._taken[name] = reading
            if new and reading is not None and (reading.moved or reading.moved_groups) and poller.polls:
                self._hear(reading.moved, reading.moved_groups)
                self._ask(reading.moved, reading.moved_groups)

    def _hear(self, moved: tuple[ServiceKey, ...], groups: tuple[DeployGroup, ...]) -> None:
        now = self._clock.monotonic()
        with self._lock:
            self._heard.update(dict.fromkeys(moved, now))
            places = {(key.account, key.region) for key in moved} | {(one.account, one.region) for one in groups}
            for place in places:
                self._heard_of[place] = now
                self._silent.pop(place, None)
            if len(self._heard) > 10_000:
                self._heard = {key: at for key, at in self._heard.items() if now - at < LIVES_S}

    def _ask(self, moved: tuple[ServiceKey, ...], groups: tuple[DeployGroup, ...]) -> None:
        keys = frozenset(moved)
        for poller in self._others:
            reading = poller.seen.reading
            if reading is None or not reading.services:
                continue
            watch = {one.id for one in reading.services if one.key in keys}
            for group in groups:
                watch |= _deployed_by(group, reading.services)
            if watch:
                poller.ask(ReadRequest(watch=frozenset(watch)))

    # --- on the board's thread ---

    def tick(self) -> None:
        """Look whether events come, and let the other pollers know."""
        now = self._clock.monotonic()
        reads = {name: self._reads_well(name, poller, now) for name, poller in self._telling.items()}
        places = {place for name in reads if reads[name] for place in self._told_places(name)}
        for poller in self._others:
            self._find(poller, places, now)
        with self._lock:
            self._judge(now)
            alive = {
                place
                for place in places
                if place not in self._silent and now - self._heard_of.get(place, float("-inf")) <= LIVES_S
            }
            silent = dict(self._silent)
            heard = dict(self._heard_of)
        for name, poller in self._telling.items():
            poller.doubt(*self._words(self._told_places(name), silent, heard, now) if reads[name] else ("", ""))
        for poller in self._others:
            place = _place(poller.seen.reading)
            if place is not None and poller.polls:
                poller.events_tell(place in alive)

    def _reads_well(self, name: str, poller: Poller, now: float) -> bool:
        """Return whether a source of events is read now, and note since when it is."""
        seen = poller.seen
        well = seen.error_state is None and seen.read_since is not None and now - seen.read_since <= seen.stale_after_s
        if well and poller.polls and seen.reading is not None and seen.reading.tells_of:
            self._reads_since.setdefault(name, now)
            return True
        self._reads_since.pop(name, None)
        return False

    def _told_places(self, name: str) -> tuple[Place, ...]:
        reading = self._telling[name].seen.reading
        return reading.tells_of if reading is not None else ()

    def _find(self, poller: Poller, places: set[Place], now: float) -> None:
        """Note the deploys that began since the last look, where events of them have to come."""
        reading = poller.seen.reading
        if reading is None or self._taken.get(poller.name) is reading or not reading.complete or reading.behind:
            return
        self._taken[poller.name] = reading
        known = self._baseline.get(poller.name)
        self._baseline[poller.name] = {deploy.id for deploy in reading.deploys}
        place = _place(reading)
        if known is None or place not in places:
            return
        since = max(since for name, since in self._reads_since.items() if place in self._told_places(name))
        services = {one.id: one for one in reading.services}
        wall = self._clock.now()
        for deploy in reading.deploys:
            of = services.get(deploy.service_id)
            ago = max(0.0, wall - deploy.started)
            if deploy.id in known or ago > JUST_BEGUN_S or now - ago < since:
                continue
            if of is None or of.controller != "ECS" or deploy.strategy != "rolling":
                continue  # of other deploys no document says which events ECS sends
            self._found[deploy.id] = _Found(of.key, now, now - ago - AHEAD_S)

    def _judge(self, now: float) -> None:
        for id, found in list(self._found.items()):
            if self._heard.get(found.key, float("-inf")) >= found.since:
                del self._found[id]
            elif now - found.at > TOLD_WITHIN_S:
                del self._found[id]
                self._silent[found.key.account, found.key.region] = found.key.name

    def _words(
        self, places: tuple[Place, ...], silent: Mapping[Place, str], heard: Mapping[Place, float], now: float
    ) -> tuple[str, str]:
        """Return why events do not come, or what is not known of it; both empty where they come."""
        for place in places:
            if place in silent:
                return f"told nothing of a deploy of {silent[place]} that ECS has: events do not arrive", ""
        newest = max((heard[place] for place in places if place in heard), default=None)
        if newest is None:
            return "", NO_EVENT
        return "", NONE_LATELY if now - newest > LIVES_S else ""


def _deployed_by(group: DeployGroup, services: Iterable[Service]) -> set[str]:
    """Return the ids of the services that it deploys. Where none is known to be its own, all that it may deploy: those
    of its account and region that CodeDeploy deploys.
    """
    able = [
        one
        for one in services
        if one.controller == "CODE_DEPLOY" and (one.key.account, one.key.region) == (group.account, group.region)
    ]
    return {one.id for one in able if one.deploy_group == group.path} or {one.id for one in able}


def _place(reading: Reading | None) -> Place | None:
    """Return the account and region of a source of services; None: it has none."""
    if reading is None or not reading.services:
        return None
    key = reading.services[0].key
    return key.account, key.region
