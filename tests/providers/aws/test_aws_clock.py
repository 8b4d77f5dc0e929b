"""A clock that is set, by a time server or by hand, stops no reading of AWS, and makes nothing look fresher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_world import World, error

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.domain.reading import SourceState
from oncall_tui.errors import OutcomeUnknown
from oncall_tui.providers.aws.cloudwatch.provider import CloudWatchProvider
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.ecs.rollback.verify import TAKES_EFFECT_S
from oncall_tui.providers.aws.options import CloudWatchOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.testing.polled import Polled, no_clock_that_is_set_stops_it

Make = Callable[..., EcsProvider]


class Step:
    """The wall's clock of this machine is set; the world's goes on as it was."""

    def __init__(self, world: World, clock: FakeClock) -> None:
        self.clock, self.by = clock, 0.0
        world.clock = self

    def now(self) -> float:
        return self.clock.now() - self.by

    def __call__(self, seconds: float) -> None:
        self.clock.step(seconds)
        self.by += seconds


@pytest.fixture
def step(world: World, clock: FakeClock) -> Step:
    return Step(world, clock)


class Moves(list[dict[str, Any]]):
    """A service's deployments, of which the first has one more or one less pending task each time they are read."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self[0]["pendingCount"] ^= 1
        return super().__iter__()


@pytest.mark.parametrize("deploying", ["", "moves", "stands still"])
def test_ecs_is_read_at_its_cadence(ecs: Make, world: World, clock: FakeClock, step: Step, deploying: str) -> None:
    for i in range(20):
        world.service("c", f"svc-{i:02d}")
    if deploying:
        world.rolling("c", "svc-00", age=7_200.0)
    if deploying == "moves":
        service = world.services["c", "svc-00"]
        service["deployments"] = Moves(service["deployments"])
    provider = ecs()
    no_clock_that_is_set_stops_it(provider, clock, step, provider.calls.total)


def test_ecs_rows_say_when_they_were_read_by_the_clock_as_it_is_now(
    ecs: Make, world: World, clock: FakeClock, step: Step
) -> None:
    for i in range(40):
        world.service("c", f"svc-{i:02d}")
    polled = Polled(ecs(), clock)
    polled.go(300)
    for by in (-3600.0, 3600.0):
        step(by)
        polled.go(12)
        assert polled.poller.seen.reading is not None
        ages = [clock.now() - row.read_at for row in polled.poller.seen.reading.services]
        assert all(-1.0 <= age <= 90.0 for age in ages), ages


@pytest.mark.parametrize("by", [-3600.0, 3600.0])
def test_an_ecs_that_is_gone_is_told_to_be_gone(
    ecs: Make, world: World, clock: FakeClock, step: Step, by: float
) -> None:
    world.service("c", "api")
    polled = Polled(ecs(), clock)
    polled.go(300)
    step(by)
    for operation in ("DescribeServices", "DescribeClusters", "ListServices", "ListClusters"):
        world.refuse[operation] = error(operation, "ExpiredTokenException")
    polled.go(30)
    assert polled.status.state is SourceState.EXPIRED
    assert 10.0 <= polled.age <= 60.0


def test_what_was_denied_is_tried_again_when_it_is_due(ecs: Make, world: World, clock: FakeClock, step: Step) -> None:
    world.rolling("c", "api")
    world.refuse["ListServiceDeployments"] = error("ListServiceDeployments", "AccessDeniedException")
    polled = Polled(ecs(), clock)
    polled.go(30)
    asked = world.asked["ListServiceDeployments"]
    step(-3600.0)
    world.refuse.clear()
    polled.go(330)
    assert world.asked["ListServiceDeployments"] > asked
    assert polled.status.state is SourceState.OK


def test_cloudwatch_is_read_at_its_cadence(world: World, clock: FakeClock, step: Step) -> None:
    options = CloudWatchOptions(name="alarms", provider="cloudwatch", region="eu-west-1")
    context = Context(source="alarms", actor_email="alice@example.com", clock=clock)
    world.refuse["DescribeAlarms"] = b'{"MetricAlarms": [], "CompositeAlarms": []}'
    world.refuse["ListAlarmMuteRules"] = b'{"AlarmMuteRuleSummaries": []}'
    world.refuse["DescribeAlarmHistory"] = b'{"AlarmHistoryItems": []}'
    provider = CloudWatchProvider(options, context, world)
    no_clock_that_is_set_stops_it(provider, clock, step, provider.calls.total)
    world.refuse["DescribeAlarms"] = error("DescribeAlarms", "ExpiredTokenException")
    polled = Polled(provider, clock)
    step(-3600.0)
    polled.go(30)
    assert polled.status.state is SourceState.EXPIRED


@pytest.mark.parametrize("by", [-3 * 3600.0, 3 * 3600.0])
@pytest.mark.parametrize("operation", ["StopServiceDeployment", "UpdateService"])
def test_a_rollback_that_never_arrived_is_told_as_soon_as_ever(
    ecs: Make, world: World, clock: FakeClock, step: Step, by: float, operation: str
) -> None:
    if operation == "UpdateService":
        world.service("c", "api", number=42, age=3_600)
        world.deploy("c", "api", 40, 41, age=7 * 86_400)
        world.deploy("c", "api", 41, 42, age=3_600)
    else:
        world.rolling("c", "api")
    provider = ecs()
    handler = provider.handlers()[Verb.ROLL_BACK]
    reading = provider.read(ReadRequest())
    ask = ActionRequest(verb=Verb.ROLL_BACK, target="prod/c/api", version="", actor=Actor("Alice"))
    plan = handler.plan(ask, merge(1, reading.at, (), (reading,)))
    assert plan.request["operation"] == operation
    clock.advance(60)  # a person took a minute to confirm
    world.refuse[operation] = error(operation, "ServerException", "", 500)
    with pytest.raises(OutcomeUnknown):
        handler.send(plan)
    step(by)
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    clock.advance(TAKES_EFFECT_S + 1)
    check = handler.verify(plan, None)
    assert (check.state, check.absent) == (OutcomeState.FAILED, True)
