"""Sentry, Mackerel and Datadog over real sockets: configured as the drill prints it, with each of its faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oncall_tui import bootstrap
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.errors import ActionError, SourceError
from oncall_tui.providers import registry
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.start import RunningWorld, open_world

SCENARIO = """
name: small
sources:
  - {name: errors, provider: sentry, services: {checkout: prod-main/checkout-api}}
  - {name: monitors, provider: mackerel, services: {Shop: prod-main/checkout-api}}
  - {name: metrics, provider: datadog}
sentry: {people: [{name: Alice, email: alice@example.com}]}
mackerel: {monitors: [{name: load, service: Shop}]}
datadog: {monitors: [{name: errors, tags: ["cluster_name:prod-main"], groups: {"service:checkout-api": Alert}}]}
events:
  - issue: {key: k, title: "It broke [/red]", project: checkout, level: fatal, count: 3}
  - open_alert: {key: k, monitor: load}
"""
STATES = {
    "throttle": "throttled",
    "error500": "offline",
    "expired": "expired",
    "unauthorized": "expired",
    "denied": "denied",
    "html": "malformed",
    "truncated": "malformed",
    "empty": "malformed",
    "redirect": "expired",
    "refuse": "offline",
}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningWorld]:
    world = open_world(parse(SCENARIO, "small.yaml"))
    for name, value in world.told["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield world
    world.close()


@pytest.fixture
def make(opened: RunningWorld, clock: FakeClock) -> Iterator[Callable[[str], Provider]]:
    made: list[Provider] = []

    def build(name: str) -> Provider:
        config = bootstrap.load_config_text(json.dumps(opened.told["config"]), "drill.yaml")
        options = next(source for source in config.sources if source.name == name)
        clock.at = opened.story.world.timeline.now()
        context = Context(source=name, actor_email="alice@example.com", clock=clock)
        made.append(registry.build(options, context))
        return made[-1]

    yield build
    for provider in made:
        provider.close()


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("name", ["errors", "monitors", "metrics"])
def test_each_fault_has_its_state_and_a_hint(
    make: Callable[[str], Provider], opened: RunningWorld, name: str, kind: str
) -> None:
    provider, world = make(name), opened.story.world
    before = provider.read(ReadRequest())
    assert [alert.hint for alert in before.alerts] == [ServiceHint(cluster="prod-main", service="checkout-api")]
    world.faults.add({"source": name, "kind": kind}, list(world.peers))
    world.refresh_ports()
    with pytest.raises(SourceError) as caught:
        provider.read(ReadRequest())
    assert (caught.value.state, bool(caught.value.hint)) == (STATES[kind], True)
    assert "drill-account" not in str(caught.value)
    world.faults.remove()
    world.refresh_ports()
    assert provider.read(ReadRequest()).alerts == before.alerts


VERBS = [
    ("errors", Verb.ACKNOWLEDGE, {}, "assigned to Alice"),
    ("errors", Verb.RESOLVE, {}, "resolved"),
    ("errors", Verb.SILENCE, {"for_s": 900.0, "reason": "known"}, "ignored until"),
    ("monitors", Verb.RESOLVE, {}, "closed: closed (Alice, with oncall-tui)"),
    ("metrics", Verb.SILENCE, {"for_s": 900.0, "reason": "known"}, "muted by a downtime of Alice until"),
]


@pytest.mark.parametrize("kind", ["", "throttle", "denied", "error500", "html", "truncated"])
@pytest.mark.parametrize(("name", "verb", "more", "words"), VERBS)
def test_each_verb_ends_truthfully(
    make: Callable[[str], Provider],
    opened: RunningWorld,
    clock: FakeClock,
    name: str,
    verb: Verb,
    more: dict[str, Any],
    words: str,
    kind: str,
) -> None:
    provider, world = make(name), opened.story.world
    reading = provider.read(ReadRequest())
    (alert,) = reading.alerts
    ask = ActionRequest(
        verb=verb,
        target=alert.id,
        version=alert.version,
        actor=Actor("Alice", "alice@example.com"),
        **more,
    )
    handler = provider.handlers()[verb]
    plan = handler.plan(ask, merge(1, reading.at, (), (reading,)))
    handler.check(plan)
    if kind:
        world.faults.add({"source": name, "kind": kind, "writes_only": True}, list(world.peers))
    receipt, outcome = None, ""
    try:
        receipt = handler.send(plan)
    except ActionError as error:
        outcome = error.outcome
    taken = kind in ("", "truncated")  # an answer is cut off after the write was carried out
    assert outcome == {"": "", "throttle": "failed", "denied": "failed"}.get(kind, "unknown")
    clock.advance(15)
    check = handler.verify(plan, receipt)
    assert check.state is (OutcomeState.DONE if taken else OutcomeState.FAILED)
    if taken:
        assert check.message.startswith(words)
    writes = [write for write in world.writes if "comments" not in write.operation]
    assert len(writes) == 1
    after = {alert.state for alert in provider.read(ReadRequest()).alerts}
    shown = {Verb.ACKNOWLEDGE: {AlertState.ACKNOWLEDGED}, Verb.SILENCE: {AlertState.SILENCED}}
    assert after == (shown.get(verb, set()) if taken else {AlertState.FIRING})
