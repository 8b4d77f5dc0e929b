"""The first sweep of an ECS source: calls at once, so that a distance is waited for once and not for each call."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aws_world import World, error

from oncall_tui import errors
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.providers.aws.client.rate_limit import BURST
from oncall_tui.providers.aws.ecs.poll.reader import AT_ONCE
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.answers import told_of_answers
from oncall_tui.runtime.clock import FakeClock

TOGETHER_S = 2.0  # how long a call waits for others to be under way with it; only a failing test waits so long


class Far:
    """An account whose answers wait until as many calls are under way as can be: ``most`` saw so many at once."""

    def __init__(self, world: World) -> None:
        self.world, self.most, self.order = world, 0, [""]
        self.hangs: Callable[[str, dict[str, Any]], threading.Event | None] = lambda operation, params: None
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._answering = threading.Lock()

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        if (until := self.hangs(operation, params)) is not None:
            assert until.wait(10)
        with self._changed:
            self.order.append(operation)
            self._under_way[operation] += 1
            self.most = max(self.most, self._under_way.total())
            self._changed.notify_all()
            if operation == "DescribeServices":  # all but the last few find as many beside them
                self._changed.wait_for(lambda: self.most >= AT_ONCE, TOGETHER_S)
        try:
            with self._answering:
                return self.world(operation, params, acting)
        finally:
            with self._changed:
                self._under_way[operation] -= 1


@pytest.fixture
def far(world: World) -> Far:
    return Far(world)


def provider(far: Far, clock: FakeClock) -> EcsProvider:
    options = EcsOptions(name="prod", provider="ecs", region="eu-west-1")
    return EcsProvider(options, Context(source="prod", actor_email="", clock=clock), far)


def fill(world: World, **services: int) -> None:
    for cluster, count in services.items():
        for number in range(count):
            world.service(cluster, f"s{number:03d}")


def test_two_hundred_services_are_read_six_calls_at_once_within_the_burst(
    far: Far, world: World, clock: FakeClock
) -> None:
    fill(world, one=120, two=80)
    reading = provider(far, clock).read(ReadRequest())
    assert (len(reading.services), reading.complete) == (200, True)
    assert far.most == AT_ONCE
    asked = {
        "ListClusters": 1,
        "ListServices": 3,
        "DescribeServices": 20 + 1,  # and one of the next sweep
        "DescribeClusters": 1,
        "DescribeScalingActivities": 1,
    }
    assert dict(world.asked) == asked
    assert reading.calls == sum(asked.values()) <= BURST
    assert far.order.index("DescribeClusters") > far.order.index("DescribeServices")  # rows come before counts


def test_more_than_the_burst_waits_for_its_turn_and_what_was_read_is_told(
    far: Far, world: World, clock: FakeClock
) -> None:
    fill(world, one=400)
    source, parts = provider(far, clock), []
    reading = source.read(ReadRequest(part=lambda make: parts.append(make())))
    assert sum(world.asked.values()) == BURST
    assert (reading.complete, reading.next_in_s) == (False, pytest.approx(1 / 8, abs=0.01))
    assert [(len(p.services), p.complete) for p in parts] == [(len(reading.services), False)]
    for _ in range(100):
        if reading.complete:
            break
        clock.advance(reading.next_in_s or 0.0)
        reading = source.read(ReadRequest())
    assert len(reading.services) == 400


def test_one_call_that_hangs_holds_up_no_other_and_each_answer_is_told(
    far: Far, world: World, clock: FakeClock
) -> None:
    fill(world, one=60)
    free, told = threading.Event(), []
    far.hangs = lambda operation, params: free if "s000" in params.get("services", ()) else None
    far.most = AT_ONCE  # five are under way beside it: none waits
    found: list[Reading] = []
    source = provider(far, clock)

    def poll() -> None:
        with told_of_answers(lambda: told.append(threading.current_thread())):
            found.append(source.read(ReadRequest()))

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while world.asked["DescribeServices"] < 5 and time.monotonic() < until:
        time.sleep(0.005)
    assert world.asked["DescribeServices"] == 5
    free.set()
    thread.join(10)
    assert len(found[0].services) == 60
    assert set(told) == {thread}  # a poll that waits for others' answers is not silent
    assert len(told) >= 8


def test_what_is_refused_beside_others_is_that_call_s_problem_alone(far: Far, world: World, clock: FakeClock) -> None:
    fill(world, one=40, two=40)
    far.most = AT_ONCE
    world.refuse["ListServices", "two"] = error("ListServices", "AccessDeniedException", "not for you", 403)
    reading = provider(far, clock).read(ReadRequest())
    assert {s.key.cluster for s in reading.services} == {"one"}
    assert [(p.state, p.scope) for p in reading.problems] == [(SourceState.DENIED, "cluster two")]
    assert world.asked["DescribeClusters"] == 1  # a cluster that cannot be listed holds up no other call


def test_a_throttled_first_sweep_stops_and_begins_again(far: Far, world: World, clock: FakeClock) -> None:
    fill(world, one=100)
    far.most = AT_ONCE
    world.refuse["DescribeServices"] = error("DescribeServices", "ThrottlingException", "slow down")
    source = provider(far, clock)
    source.read(ReadRequest())
    assert 1 <= world.asked["DescribeServices"] <= AT_ONCE
    del world.refuse["DescribeServices"]
    clock.advance(10.0)
    for _ in range(50):
        reading = source.read(ReadRequest())
        if reading.complete:
            break
        clock.advance(reading.next_in_s or 0.1)
    assert len(reading.services) == 100


@pytest.mark.parametrize("polls", range(1, 6))
def test_where_no_call_is_answered_the_poll_fails_and_asks_no_more(
    far: Far, world: World, clock: FakeClock, polls: int
) -> None:
    """Where every cluster was held back, a probe asked nothing, and that was taken for an answer."""
    fill(world, one=3, two=3)
    far.most = AT_ONCE
    source = provider(far, clock)
    for _ in range(polls):
        source.read(ReadRequest())
        clock.advance(10.0)
    before = world.asked.total()
    for operation in ("ListClusters", "ListServices", "DescribeServices", "DescribeClusters"):
        world.refuse[operation] = error(operation, "ServerException", "down", 500)
    for _ in range(5):
        with pytest.raises(errors.Offline):
            source.read(ReadRequest(fresh=True))
        clock.advance(3.0)
    assert world.asked.total() - before <= 5 * AT_ONCE
