"""What deploys, by keys alone: a wait gone on at, a refusal, another revision, an undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.test_keys import unwrapped
from tests.end_to_end.world import World, shipped, until, written

pytestmark = [pytest.mark.pty, pytest.mark.everything]
Make = Callable[..., World]
Run = Callable[..., Program]


def some(folder: Path, *names: str) -> str:
    """The shipped scenario with these services alone."""
    scenario = shipped("strategies")
    scenario["name"] = "some"
    scenario["services"] = [s for s in scenario["services"] if s["at"].rpartition("/")[2] in names]
    kept = {s["at"] for s in scenario["services"]}
    scenario["events"] = [e for e in scenario["events"] if any(f'"{at}"' in json.dumps(e) for at in kept)]
    return written(folder, scenario)


def look_at(program: Program, name: str) -> None:
    """The deploys pane with the deploys of one service alone, the newest under the cursor."""
    program.wait("/1 live")
    program.press(f"3/{name}\r")
    program.wait(lambda screen: f"filter '{name[:20]}" in screen and ":41→:42" in screen, 30)
    program.press("g")


def went(world: World) -> list[str]:
    return [w["operation"] for w in world.writes()]


def test_what_waits_goes_on_after_a_yes_that_names_it(make_world: Make, run_program: Run, tmp_path: Path) -> None:
    world = make_world("--scenario", some(tmp_path, "canary-paused"), "--speed", "5")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    look_at(program, "canary-paused")
    program.wait("paused at its hook")
    program.wait("C continue")
    program.press("C")
    program.wait("Type canary-paused")
    assert "Continue the deploy of prod/canary-paused: :41→:42" in unwrapped(program.text)
    program.press_when_heard("\x1b")
    program.wait("continue the deploy: cancelled, nothing was sent")
    assert world.writes() == []
    program.press("C")
    program.wait("Type canary-paused")
    program.press_when_heard("canary-paused\r")
    program.wait("✓ continue the deploy: done: prod/main/canary-paused", 60)
    assert went(world) == ["ContinueServiceDeployment"]


def test_a_rollback_is_not_reversed_by_r_however_often_and_undone_by_its_name(
    make_world: Make, run_program: Run, tmp_path: Path
) -> None:
    name = "rolling-rolled-back-by-hand"
    world = make_world("--scenario", some(tmp_path, name), "--speed", "5")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    look_at(program, name)
    program.wait(lambda screen: "going back" in screen or "rolled back" in screen)  # it may be over already
    program.press("RRRy")
    program.wait("refused: the last deploy was itself a rollback")
    program.press_when_heard("Ry")
    program.press("\r")
    program.gone("refused:")
    assert world.writes() == []

    program.press(":")
    program.wait("🔎")
    program.press("undo the last")
    program.wait("undo the last rollback prod/main")
    program.press("\r")
    program.wait(f"Type {name}")
    program.press_when_heard(f"{name}\r")
    until(lambda: went(world) == ["UpdateService"], "the undo is sent")
    program.wait(f"✓ undo rollback: done: prod/main/{name}", 60)
    assert world.service(f"prod/main/{name}")["task_definition"].endswith(":42")


def test_another_revision_is_picked_and_gone_back_to(make_world: Make, run_program: Run, tmp_path: Path) -> None:
    world = make_world("--scenario", some(tmp_path, "rolling-finished"), "--speed", "5")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    look_at(program, "rolling-finished")
    program.press("R")
    program.wait("another revision")
    program.press_when_heard("\x14")
    program.wait("choices: j/k")
    program.press_when_heard("j\r")
    program.wait(lambda screen: "Roll back prod/rolling-finished: :42→:40" in unwrapped(screen))
    assert world.writes() == []
    program.press_when_heard("rolling-finished\r")
    program.wait("✓ roll back: done: prod/main/rolling-finished", 60)
    assert went(world) == ["UpdateService"]
    assert world.service("prod/main/rolling-finished")["task_definition"].endswith(":40")
