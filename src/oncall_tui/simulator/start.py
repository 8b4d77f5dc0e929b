"""Brings a world up: its sources and its control port, listening."""

from typing import Any, NamedTuple

from oncall_tui.simulator.client_config import ENVIRONMENT, configuration
from oncall_tui.simulator.control import Control
from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.server.http import Listener
from oncall_tui.simulator.timeline import SimulatedTimeline
from oncall_tui.simulator.world.build import build
from oncall_tui.simulator.world.events import ScenarioRunner
from oncall_tui.simulator.world.world import World


class RunningWorld(NamedTuple):
    """A world that listens, and what is told of it on stdout."""

    story: ScenarioRunner
    control: Listener
    told: dict[str, Any]

    def close(self) -> None:
        """Close every port."""
        for listener in (self.control, *self.story.world.listeners.values()):
            listener.close()


def open_world(scenario: Table, speed: float = 1.0, manual: bool = False, seed: int = 1, port: int = 0) -> RunningWorld:
    """`port`: of the control API, the sources taking the next ones; 0: wherever there is room."""
    world = World(SimulatedTimeline(speed, manual), seed)
    with world.lock:
        story = build(scenario, world, port + 1 if port else 0)
        control = Listener(Control(story).deliver, port)
        world.portal = f"{control.url}/_drill/portal"
    told = {
        "control": control.url,
        "endpoints": {name: listener.url for name, listener in world.listeners.items()},
        "environment": ENVIRONMENT,
        "config": configuration(scenario, world, control.url),
    }
    return RunningWorld(story, control, told)
