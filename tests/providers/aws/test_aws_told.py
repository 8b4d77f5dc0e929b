"""The pace of an ECS source while events tell what moves, and from when they do not; and the queue over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from aws_world import World

from oncall_tui import errors
from oncall_tui.domain.plan import Actor
from oncall_tui.engine.engine import Engine
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.providers import registry
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions, EventBridgeOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.start import RunningWorld, open_world
from oncall_tui.triage.triager import Rules

Make = Callable[..., EcsProvider]
MINUTES = 10


def run(provider: EcsProvider, clock: FakeClock, seconds: float, told: bool) -> Any:
    """Poll for *seconds*, each time when the provider wants to be asked."""
    end = clock.now() + seconds
    while clock.now() < end:
        reading = provider.read(ReadRequest(told=told))
        clock.advance(max(0.01, reading.next_in_s or 0.0))
    return reading


def per_minute(world: World, name: str) -> float:
    found = world.asked[name] / MINUTES
    world.asked[name] = 0
    return found


@pytest.mark.parametrize(("services", "look_s"), [(40, 5.0), (80, 9.0)])
def test_sweeps_and_task_counts_are_asked_for_more_seldom_while_events_tell(
    ecs: Make, world: World, clock: FakeClock, services: int, look_s: float
) -> None:
    for n in range(services):
        world.service("main", f"api-{n}")
    prod = ecs()
    run(prod, clock, 120, told=False)
    pace = {}
    for told in (False, True):
        world.asked.clear()
        reading = run(prod, clock, MINUTES * 60, told=told)
        pace[told] = per_minute(world, "DescribeClusters"), per_minute(world, "DescribeServices")
        assert ("events tell what moves" in reading.pace) is told
    assert pace[False][0] == pytest.approx(60 / look_s, rel=0.1)
    assert pace[True][0] == pytest.approx(2, rel=0.1)
    assert pace[True][1] == pytest.approx(pace[False][1] / 2, rel=0.1)
    assert min(row.read_at for row in reading.services) > clock.now() - 150


def test_from_when_events_do_not_tell_it_looks_as_before_at_once(ecs: Make, world: World, clock: FakeClock) -> None:
    for n in range(20):
        world.service("main", f"api-{n}")
    prod = ecs()
    run(prod, clock, 400, told=True)
    world.asked.clear()
    wait = prod.read(ReadRequest(told=True)).next_in_s
    while not world.asked["DescribeClusters"]:
        clock.advance(wait or 0.01)
        wait = prod.read(ReadRequest(told=True)).next_in_s
    clock.advance(8.0)
    prod.read(ReadRequest(told=True))
    assert world.asked["DescribeClusters"] == 1
    prod.read(ReadRequest(told=False))
    assert world.asked["DescribeClusters"] == 2
    run(prod, clock, 70, told=False)
    assert min(row.read_at for row in prod.read(ReadRequest()).services) > clock.now() - 75


def test_a_service_that_is_watched_is_read_in_that_very_poll(ecs: Make, world: World, clock: FakeClock) -> None:
    for n in range(20):
        world.service("main", f"api-{n}")
    prod = ecs()
    run(prod, clock, 200, told=True)
    at = clock.now()
    reading = prod.read(ReadRequest(told=True, watch=frozenset({"prod/main/api-7", "prod/main/nobody"})))
    assert next(row for row in reading.services if row.id == "prod/main/api-7").read_at >= at
    assert reading.calls <= 2


# --- over the wire ----------------------------------------------------------------------------------------------------

SCENARIO = """
name: told
sources:
  - {name: prod, provider: ecs, account: "111111111111", region: ap-northeast-1, clusters: [main]}
  - {name: events, provider: eventbridge, of: prod}
services:
  - {at: prod/main/api, desired: 2, definitions: {11: {image: "api:v11"}}}
"""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningWorld]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "drill")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "drill")
    running = open_world(parse(SCENARIO, "told.yaml"))
    yield running
    running.close()


def options(opened: RunningWorld) -> tuple[EcsOptions, EventBridgeOptions]:
    prod, events = (s for s in opened.told["config"]["sources"])
    return (
        EcsOptions(name="prod", provider="ecs", region=prod["region"], endpoint_url=prod["endpoint_url"]),
        EventBridgeOptions(
            name="events",
            provider="eventbridge",
            region=events["region"],
            endpoint_url=events["endpoint_url"],
            queue=events["queue"],
        ),
    )


def spec(chosen: Any) -> SourceSpec:
    context = Context(source=chosen.name, actor_email="", clock=SystemClock(), stays=True)
    tells = registry.SOURCES[chosen.provider].tells_events
    return SourceSpec(chosen.name, chosen.provider, lambda: registry.build(chosen, context), tells_events=tells)


def do(opened: RunningWorld, **event: Any) -> None:
    with opened.story.world.lock:
        opened.story.schedule([event])
        opened.story.world.advance()


def test_a_deploy_is_on_the_board_by_its_event_alone(opened: RunningWorld, tmp_path: Any) -> None:
    """The clusters' task counts are denied, so that without the queue only a sweep, in 69 s, would find it."""
    do(opened, fault={"source": "prod", "operation": "DescribeClusters", "kind": "denied"})
    clock = SystemClock()
    engine = Engine(
        tuple(spec(one) for one in options(opened)),
        Rules(),
        Journal(tmp_path / "journal.db", clock.now, lambda text: text),
        clock,
        Actor("Alice"),
    )
    engine.start()
    try:
        assert engine.wait(lambda u: "prod/main/api" in u.board.services and "events" in u.board.sources, 20)
        assert engine.wait(lambda u: u.board.sources["events"].live, 20)
        do(opened, deploy={"service": "prod/main/api"})
        began = time.monotonic()
        assert engine.wait(lambda u: any(d.state.running for d in u.board.deploys.values()), 30)
        assert time.monotonic() - began < 20
        assert engine._pollers["prod"]._told
    finally:
        engine.stop()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttle", errors.Throttled),
        ("denied", errors.Denied),
        ("expired", errors.Expired),
        ("html", errors.Malformed),
    ],
)
def test_a_queue_that_answers_otherwise(opened: RunningWorld, kind: str, error: type[Exception]) -> None:
    do(opened, fault={"source": "events", "operation": "ReceiveMessage", "kind": kind})
    provider = spec(options(opened)[1]).build()
    try:
        with pytest.raises(error) as caught:
            provider.read(ReadRequest())
        if kind == "denied":
            assert "needs sqs:ReceiveMessage" in str(caught.value)
    finally:
        provider.close()


def test_another_account_s_queue_is_said_to_be_absent(opened: RunningWorld) -> None:
    chosen = options(opened)[1]
    provider = spec(msgspec.structs.replace(chosen, queue=chosen.queue + "-2")).build()
    try:
        with pytest.raises(errors.Malformed, match="no queue oncall-events-2"):
            provider.read(ReadRequest())
    finally:
        provider.close()
