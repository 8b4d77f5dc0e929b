"""The recorder as a process: it records without a board, ends well, and another one takes over when it is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.world import World, journalled, until
from tests.support.forked import PIPE, Forked, popen

ROLE = Path(__file__).parents[2] / "config" / "ecs" / "task-role.json"
OF_AWS = {"ecs": "prod", "cloudwatch": "alarms"}


class Recorders:
    def __init__(self) -> None:
        self.held: list[Any] = []

    def start(self, world: World, config: Path) -> Any:
        program = popen("oncall_tui", "--config", str(config), "record", env=world.env, stderr=PIPE)
        self.held.append(program)
        return program

    def close(self) -> None:
        for program in self.held:
            program.kill()
            program.wait(10)
            for stream in (program.stdout, program.stderr):
                if stream is not None:
                    stream.close()


@pytest.fixture
def recorders() -> Iterator[Recorders]:
    made = Recorders()
    yield made
    made.close()


def watches(world: World) -> list[tuple[str, str]]:
    return [(e.subject, e.data["state"]) for e in journalled(world.journal, "watch")]


def checked(world: World, config: Path) -> str:
    program = popen("oncall_tui", "--config", str(config), "check", env=world.env, stderr=PIPE)
    out, _ = program.communicate(60)
    return next(line for line in out.splitlines() if line.startswith("recorder: "))


def test_it_records_a_night_without_a_board_and_another_takes_over(
    make_world: Callable[..., World], recorders: Recorders
) -> None:
    world = make_world("--scenario", "bad-image", "--speed", "20")
    config = world.configure(intervals=0.5)
    first = recorders.start(world, config)
    until(lambda: ("recorder", "started") in watches(world), "the first one records")
    second = recorders.start(world, config)
    said = second.stderr.readline()
    assert said.startswith("standing by: another recorder watches since ")
    assert " JST (" in said  # in the configured zone
    said = checked(world, config)
    assert said.startswith("recorder: watches since ")
    assert f"pid {first.pid})" in said

    def steps() -> list[Any]:
        return [e for e in journalled(world.journal, "deploy") if e.data.get("failures")]

    def alerts() -> list[Any]:
        kept = journalled(world.journal, "alert")  # `check` records too, and keeps no details
        return [e for e in kept if e.data.get("provider") == "alertmanager" and "detail" in e.data]

    until(steps, "why the tasks stopped")
    until(alerts, "what an Alertmanager forgets")
    told = steps()[0].data
    assert {"task", "at", "reason"} <= told["failures"][0].keys()
    assert told["step"]["failed_tasks"] >= 1
    first.send_signal(signal.SIGHUP)  # a lost terminal is no reason to end
    first.send_signal(signal.SIGKILL)
    until(lambda: watches(world).count(("recorder", "started")) == 2, "the second one takes over", 60.0)
    second.send_signal(signal.SIGHUP)
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert watches(world)[-1] == ("recorder", "stopped")
    assert all(e.data["detail"]["labels"] for e in alerts())
    assert checked(world, config).startswith("recorder: none")
    _called_no_more_than_its_role_allows(world)


def _called_no_more_than_its_role_allows(world: World) -> None:
    allowed = {action for s in json.loads(ROLE.read_text())["Statement"] for action in s["Action"]}
    made = world.control("GET", "calls")
    names = {operation for source in ("prod", "alarms") for operation in made["sources"].get(source, {})}
    operations = {action.partition(":")[2] for action in allowed}
    assert names & operations, names
    assert names <= operations, names - operations
    assert made["writes"] == []


def test_it_stands_by_and_is_stopped_there(make_world: Callable[..., World], recorders: Recorders) -> None:
    world = make_world("--scenario", "bad-image")
    config = world.configure()
    first: Forked = recorders.start(world, config)
    until(lambda: watches(world), "the first one records")
    second = recorders.start(world, config)
    assert second.stderr.readline().startswith("standing by")
    second.send_signal(signal.SIGINT)
    assert second.wait(10) == 0
    first.send_signal(signal.SIGINT)
    assert first.wait(20) == 0
