"""Deploys of other kinds by keys alone: one that bakes, one that is paused at its hook, one of CodeDeploy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.test_keys import unwrapped
from tests.end_to_end.world import World, until

pytestmark = [pytest.mark.pty, pytest.mark.everything, pytest.mark.xdist_group("strategy keys")]


@pytest.fixture(scope="module")
def strategies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("strategies"), "--scenario", "strategies", "--speed", "10")
    yield world
    world.close()


def fresh(world: World) -> str:
    """The configuration for a program that goes on from no other's filter."""
    world.journal.with_name("journal.screen.json").unlink(missing_ok=True)
    return str(world.configure(me={"name": "Alice", "email": "alice@example.com"}))


def only(program: Program, name: str) -> None:
    """The services pane, with one service in it."""
    program.wait(lambda screen: "SERVICES 7" in screen or "services 7" in screen)
    program.press("2")
    program.press("/")
    program.wait("Enter keeps it")
    program.press(f"{name}\r")
    if program.columns > 100:  # the detail pane tells which row the cursor is on
        program.wait(lambda screen: f"service   prod/main/{name} " in screen and f"filter '{name}'" in screen, 60)
    else:
        program.wait(lambda screen: f"filter '{name}'" in screen and program.cursor_line().count("-paused") == 1, 60)


def running(world: World, name: str) -> dict[str, Any]:
    """The truth: the revisions of which tasks run, by number, and the traffic of each."""
    found = world.service(f"prod/main/{name}")["revisions"]
    return {r["task_definition"].rpartition(":")[2]: r["traffic"] for r in found if r["running"]}


@pytest.mark.parametrize(
    ("name", "call", "words"),
    [
        ("blue-green-baking", "StopServiceDeployment", "traffic goes back to tasks that still run"),
        ("canary-paused", "ContinueServiceDeployment", "ContinueServiceDeployment(ROLLBACK)"),
        ("codedeploy-ready", "StopDeployment", "codedeploy StopDeployment"),
    ],
)
def test_rolled_back_by_keys(
    strategies: World, run_program: Callable[..., Program], name: str, call: str, words: str
) -> None:
    config = fresh(strategies)
    program = run_program("--config", config, env=strategies.env, size=(120, 40))
    only(program, name)
    sent = len(strategies.writes())
    program.press("R")
    program.wait(lambda screen: f"Roll back prod/{name}: :42→:41" in screen and words in " ".join(screen.split()))
    assert len(strategies.writes()) == sent
    program.wait(f"Type {name}")
    shown = unwrapped(program.text)
    assert "Nothing suggests it" in shown or "no deploy is suspected" in shown, program.text
    program.press_when_heard(f"{name}\r")
    program.wait(f"✓ roll back: done: prod/main/{name}: rolled back from :42 to :41", 90)
    assert strategies.writes()[-1]["operation"] == call
    assert len(strategies.writes()) == sent + 1
    assert running(strategies, name) == {"41": 100}


def _asked(program: Program, title: str) -> bool:
    if title not in program.text:
        program.press("C")
    return title in program.text


def test_going_on_names_what_goes_forward(strategies: World, run_program: Callable[..., Program]) -> None:
    config = fresh(strategies)
    program = run_program("--config", config, env=strategies.env, size=(80, 24))
    only(program, "linear-paused")
    sent = len(strategies.writes())
    title = "Continue the deploy of prod/linear-paused: :41→:42"
    until(lambda: _asked(program, title), "its deploy is read, and the plan is shown", 60, 1.0)
    program.press_when_heard("\x1b")
    program.gone("Continue the deploy")
    assert len(strategies.writes()) == sent
