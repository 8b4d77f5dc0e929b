"""The destinations of a world: laid out from a scenario's `escalation`, and what each of them was told."""

from collections.abc import Callable
from typing import Any

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.services.aws.sns import SimulatedSns
from oncall_tui.simulator.services.pagerduty.events import SimulatedEvents
from oncall_tui.simulator.services.slack import SimulatedSlack
from oncall_tui.simulator.world.events import ScenarioRunner
from oncall_tui.simulator.world.world import World

TOPIC = "arn:aws:sns:ap-northeast-1:111111111111:drill"
_TOKEN = {"env": "ONCALL_DRILL_TOKEN"}


def lay(spec: Table, story: ScenarioRunner, port: int) -> None:
    """Add one destination with a port of its own. ValueError where its name is taken."""
    if spec["name"] in story.world.peers:
        raise ValueError(f"the name {spec['name']!r} is here twice")
    peer = _MAKERS[spec["provider"]](spec, story)
    story.world.listen(spec["name"], peer, port)


def told(world: World) -> Table:
    """Return each destination's messages, by its name, the oldest first."""
    found: Table = {}
    for name, peer in world.peers.items():
        if isinstance(peer, SimulatedSlack):
            found[name] = peer.messages
        elif isinstance(peer, SimulatedEvents | SimulatedSns):
            found[name] = peer.received
    return {"told": found}


def client_config(scenario: Table, world: World) -> list[Table]:
    """Return the destinations as the program's own configuration has them."""
    return [
        _CLIENT_CONFIG[it["provider"]](it, world.listeners[it["name"]].url) for it in scenario.get("escalation", [])
    ]


def _slack(spec: Table, story: ScenarioRunner) -> SimulatedSlack:
    return SimulatedSlack(story.world.timeline.now, spec["name"], spec.get("channel", "#drill"))


def _events(spec: Table, story: ScenarioRunner) -> SimulatedEvents:
    return SimulatedEvents(story.world.timeline.now, spec["name"], spec.get("service", "drill"), lambda: story.pager)


def _sns(spec: Table, story: ScenarioRunner) -> SimulatedSns:
    return SimulatedSns(story.world.timeline.now, spec["name"], spec.get("topic_arn", TOPIC))


_MAKERS: dict[str, Callable[[Table, ScenarioRunner], Any]] = {"slack": _slack, "pagerduty-events": _events, "sns": _sns}
_CLIENT_CONFIG: dict[str, Callable[[Table, str], Table]] = {
    "slack": lambda it, url: {
        "name": it["name"],
        "provider": "slack",
        "url": url,
        "token": _TOKEN,
        "channel": it.get("channel", "#drill"),
    },
    "pagerduty-events": lambda it, url: {
        "name": it["name"],
        "provider": "pagerduty-events",
        "url": url,
        "routing_key": _TOKEN,
    },
    "sns": lambda it, url: {
        "name": it["name"],
        "provider": "sns",
        "endpoint_url": url,
        "topic_arn": it.get("topic_arn", TOPIC),
    },
}
