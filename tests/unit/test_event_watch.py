"""The consequences of events: who is read now, when sweeps become rarer, and when events are not believed to come."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tests.support.fakes import FakeProvider, deploy, service

from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.service import DeployGroup, ServiceKey
from oncall_tui.engine.event_watch import LIVES_S, NO_EVENT, NONE_LATELY, TOLD_WITHIN_S, EventWatch
from oncall_tui.errors import Offline
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.status import status_of
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

PLACE = ("111111111111", "ap-northeast-1")
API = ServiceKey(*PLACE, "main", "api")


class Events(FakeProvider):
    """A source of events in memory."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__("events", clock)
        self.moved: list[ServiceKey] = []
        self.groups: tuple[DeployGroup, ...] = ()
        self.tells_of: tuple[tuple[str, str], ...] = (PLACE,)

    def read(self, request: ReadRequest) -> Reading:
        moved, self.moved = tuple(self.moved), []
        reading = msgspec.structs.replace(super().read(request), moved=moved, tells_of=self.tells_of)
        groups, self.groups = self.groups, ()
        return msgspec.structs.replace(reading, moved_groups=groups)


class Scene:
    """A source of services and one of events, polled by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events, self.prod = Events(self.clock), FakeProvider("prod", self.clock)
        other = FakeProvider("other", self.clock)
        gate = PollLimiter(4, self.clock)
        self.pollers = {
            one.source: Poller(
                one.source, "fake", lambda one=one: one, self.clock, gate, self._polled, rng=random.Random(1)
            )
            for one in (self.events, self.prod, other)
        }
        self.watch = EventWatch(self.pollers, ["events"], self.clock)
        self.prod.services = {
            "prod/main/api": service(),
            "prod/main/web": service("prod/main/web", controller="CODE_DEPLOY"),
        }
        far = msgspec.structs.replace(service("other/main/api"), key=ServiceKey("222222222222", *API_REST))
        other.services = {far.id: far}
        self.asked: dict[str, list[ReadRequest]] = {"prod": [], "other": []}
        for name, asked in self.asked.items():
            self.pollers[name].ask = asked.append  # type: ignore[method-assign]
        self.poll("prod")
        self.poll("other")
        self.poll("events")
        self.watch.tick()

    def _polled(self) -> None:
        self.watch.polled()

    def poll(self, name: str) -> None:
        self.pollers[name]._poll(ReadRequest())

    def tell(self, *moved: ServiceKey, groups: tuple[DeployGroup, ...] = ()) -> None:
        self.events.moved += moved
        self.events.groups = groups
        self.poll("events")
        self.watch.tick()

    def after(self, seconds: float) -> None:
        """Let time pass, in which both are polled and say nothing new."""
        self.clock.advance(seconds)
        self.poll("events")
        self.poll("prod")
        self.watch.tick()

    def deploys(self, id: str, **more: Any) -> None:
        self.prod.deploys[id] = deploy(id, started=self.clock.now() - 5, **more)
        self.poll("prod")
        self.watch.tick()

    @property
    def told(self) -> bool:
        """Whether prod is told to sweep more seldom."""
        self.poll("prod")
        return self.prod.reads[-1].told

    @property
    def status(self) -> SourceStatus:
        return status_of(self.pollers["events"].seen, self.clock.now(), self.clock.monotonic())


API_REST = ("ap-northeast-1", "main", "api")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_source_that_has_the_service_is_asked_for_it_and_no_other_source(scene: Scene) -> None:
    scene.tell(API, ServiceKey(*PLACE, "main", "nobody-knows"))
    assert scene.asked == {"prod": [ReadRequest(watch=frozenset({"prod/main/api"}))], "other": []}
    scene.tell()
    assert len(scene.asked["prod"]) == 1


def test_an_event_of_code_deploy_has_the_service_of_its_group_asked_for(scene: Scene) -> None:
    for name, group in (("web", "shop/web"), ("jobs", "shop/jobs")):
        one = service(f"prod/main/{name}", controller="CODE_DEPLOY", deploy_group=group)
        scene.prod.services[one.id] = one
    scene.poll("prod")
    scene.tell(groups=(DeployGroup(*PLACE, "shop", "web"),))
    assert scene.asked["prod"] == [ReadRequest(watch=frozenset({"prod/main/web"}))]
    scene.tell(groups=(DeployGroup(*PLACE, "shop", "new"),))  # whose it is, is not known: no service names it yet
    assert scene.asked["prod"][1:] == [ReadRequest(watch=frozenset({"prod/main/web", "prod/main/jobs"}))]
    scene.tell(groups=(DeployGroup("222222222222", PLACE[1], "shop", "web"),))
    assert len(scene.asked["prod"]) == 2
    assert scene.asked["other"] == []  # its service is deployed by ECS


def test_a_reading_is_heard_once_however_often_the_pollers_poll(scene: Scene) -> None:
    scene.tell(API)
    scene.poll("other")
    scene.poll("prod")
    assert len(scene.asked["prod"]) == 1


def test_before_the_first_event_nothing_is_claimed_and_nothing_changes(scene: Scene) -> None:
    assert (scene.status.state, scene.status.message) == (SourceState.OK, NO_EVENT)
    assert not scene.told


def test_sweeps_become_rarer_with_the_first_event_and_only_there(scene: Scene) -> None:
    scene.tell(API)
    assert scene.told
    assert (scene.status.state, scene.status.message) == (SourceState.OK, "")
    scene.poll("other")
    assert not scene.pollers["other"]._told


def test_an_hour_after_the_last_event_it_is_not_known_whether_they_come(scene: Scene) -> None:
    scene.tell(API)
    scene.after(LIVES_S + 1)
    assert (scene.status.state, scene.status.message) == (SourceState.OK, NONE_LATELY)
    assert not scene.told


def test_a_deploy_of_which_no_event_comes_within_a_minute_makes_it_silent_until_the_next_one(scene: Scene) -> None:
    scene.tell(API)
    scene.after(600.0)
    scene.deploys("prod/d1")
    assert scene.told
    scene.after(TOLD_WITHIN_S + 1)
    words = "told nothing of a deploy of api that ECS has: events do not arrive"
    assert (scene.status.state, scene.status.message) == (SourceState.STALE, words)
    assert "check its rule" in scene.status.hint
    assert not scene.told
    assert not scene.status.live
    scene.tell(API)
    assert scene.status.state is SourceState.OK
    assert scene.told


@pytest.mark.parametrize("first", [True, False])
def test_an_event_before_or_after_the_deploy_was_found_tells_it(scene: Scene, first: bool) -> None:
    scene.tell(ServiceKey(*PLACE, "main", "web"))
    scene.after(600.0)
    if first:
        scene.tell(API)
    scene.deploys("prod/d1")
    scene.after(TOLD_WITHIN_S - 5)
    if not first:
        scene.tell(API)
    scene.after(30.0)
    assert scene.status.state is SourceState.OK
    assert scene.told


def test_an_event_of_another_service_does_not_tell_of_this_one_s_deploy(scene: Scene) -> None:
    scene.tell(API)
    scene.after(600.0)
    scene.deploys("prod/d1")
    scene.clock.advance(10.0)
    scene.tell(ServiceKey(*PLACE, "main", "web"))
    scene.after(TOLD_WITHIN_S)
    assert scene.status.state is SourceState.STALE


@pytest.mark.parametrize(
    "more",
    [
        {"service_id": "prod/main/web"},  # CodeDeploy's: its events name no service
        {"service_id": "prod/main/gone"},
        {"strategy": "blue-green"},  # no document says which events ECS sends of it
    ],
)
def test_what_need_not_have_an_event_doubts_nothing(scene: Scene, more: Any) -> None:
    scene.tell(API)
    scene.after(600.0)
    scene.deploys("prod/d1", **more)
    scene.after(TOLD_WITHIN_S + 1)
    assert scene.status.state is SourceState.OK


def test_a_deploy_that_was_there_before_or_is_found_late_doubts_nothing(scene: Scene) -> None:
    scene.tell(API)
    scene.after(900.0)
    scene.prod.deploys["prod/old"] = deploy("prod/old", started=scene.clock.now() - 800.0)
    scene.poll("prod")
    scene.after(TOLD_WITHIN_S + 1)
    assert scene.status.state is SourceState.OK


def test_a_deploy_that_began_while_the_queue_was_not_read_doubts_nothing(scene: Scene) -> None:
    scene.tell(API)
    scene.after(600.0)
    scene.events.read_raises = [Offline("down")]
    scene.poll("events")
    scene.watch.tick()
    assert not scene.told
    scene.clock.advance(3.0)
    scene.poll("events")
    scene.deploys("prod/d1")  # it began 5 s ago
    scene.after(TOLD_WITHIN_S + 1)
    assert scene.status.state is SourceState.OK


def test_a_queue_that_is_behind_or_that_nobody_takes_from_tells_nobody_to_rest(scene: Scene) -> None:
    scene.tell(API)
    scene.events.tells_of = ()
    scene.after(1.0)
    assert not scene.told
    assert scene.status.message == ""


def test_the_word_of_another_process_that_reads_stands_and_wakes_nobody(scene: Scene) -> None:
    poller, changed = scene.pollers["events"], []
    poller.give(msgspec.structs.replace(poller.seen, doubt="told nothing", note=""), lambda request: None)
    poller._changed = lambda: changed.append(1)
    for _ in range(3):
        scene.watch.tick()
    assert poller.seen.doubt == "told nothing"
    assert changed == []


def test_what_another_process_reads_is_asked_for_by_that_one(scene: Scene) -> None:
    told: list[ReadRequest] = []
    scene.pollers["events"].give(scene.pollers["events"].seen, told.append)
    seen = scene.pollers["events"].seen
    assert seen.reading is not None
    moved = msgspec.structs.replace(seen.reading, moved=(API,))
    scene.pollers["events"].give(msgspec.structs.replace(seen, reading=moved), told.append)
    scene.watch.tick()
    assert scene.asked["prod"] == []
