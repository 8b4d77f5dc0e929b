"""Commands of the configuration on a simulated night: by key, from a shell, and what each leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from oncall_tui.cli.schema import output_schema
from tests.end_to_end.terminal import Program
from tests.end_to_end.test_quit import left_well
from tests.end_to_end.world import PAYMENTS, World, until
from tests.support.forked import PIPE, popen

ROOT = Path(__file__).parents[2]
WAITS = """#!{python} -SE
import os, signal, sys, time
open({told!r}, "w").write(str(os.getpid()))
print("deploying", sys.argv[1], flush=True)
time.sleep(120)
"""


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def configured(world: World, *commands: dict[str, Any]) -> Path:
    """The world's configuration with commands. The investigator of config/commands is copied beside it."""
    script(world.folder / "why.py", (ROOT / "config/commands/why.py").read_text())
    script(world.folder / "deploy", WAITS.format(python=sys.executable, told=str(world.folder / "told")))
    return world.configure(commands=list(commands))


WHY = {"name": "why", "key": "W", "what": "what changed", "argv": ["./why.py"]}
DEPLOY = {"name": "deploy", "key": "D", "argv": ["./deploy", "{service}"], "rows": ["service"], "writes": True}


def on_payments(program: Program) -> None:
    program.press("2")
    program.wait("payments-api")
    program.press("g")
    while "payments-api" not in program.cursor_line():
        program.press("j")
        program._settle()
    time.sleep(0.8)  # the cursor has stood still


def gone(world: World) -> bool:
    try:
        os.kill(int((world.folder / "told").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.pty
@pytest.mark.core(1)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_by_key_to_its_output_left_running_and_ended_by_quitting(
    make_world: Callable[..., World], run_program: Callable[..., Program], size: tuple[int, int]
) -> None:
    world = make_world("--scenario", "quiet")
    program = run_program("--config", str(configured(world, WHY, DEPLOY)), env=world.env, size=size)
    program.wait("5/5 live")
    on_payments(program)
    program.press("W")
    program.wait("exit code 0 after")
    assert any(f"service {PAYMENTS}" in line for line in program.screen)
    assert any("tasks run" in line for line in program.screen)
    program.press("\x1b")
    program.wait("DEPLOYED")
    time.sleep(0.8)
    program.press("D")
    program.wait("Type payments-api")  # nothing is wrong with it
    assert any(f"./deploy {PAYMENTS.rpartition('/')[2]}" in line for line in program.screen)
    program.press_when_heard("payments-api\r")
    program.wait("deploying payments-api")
    program.press("\x1b")
    program.wait("run: pending: ")
    program.press("q")
    program.wait("Quit while a command runs?")
    program.press_when_heard("y")
    left_well(program)
    until(lambda: gone(world), "what ran has ended")
    ends = [e for e in world.entries("outcome") if e.data["verb"] == "run" and e.data["state"] != "pending"]
    assert [(e.data["state"], e.data["receipt"]["output"][-1]) for e in ends][1] == (
        "unknown",
        "deploying payments-api",
    )
    assert (ends[0].data["state"], ends[0].data["receipt"]["exit_code"]) == ("done", 0)
    assert "the program ended" in ends[1].text


def command(world: World, *arguments: str) -> Any:
    return popen("oncall_tui", *arguments, stdin=PIPE, stderr=PIPE, env=world.env)


def finished(world: World, config: Path, *arguments: str) -> tuple[int, str, str]:
    child = command(world, "--config", str(config), "run", *arguments)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def test_from_a_shell_with_its_exit_codes_and_its_json(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "quiet")
    fails = {"name": "fails", "argv": [sys.executable, "-SEc", "print('out'); raise SystemExit(9)"], "rows": ["board"]}
    config = configured(world, WHY, DEPLOY, fails)
    code, out, err = finished(world, config)
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["why", "deploy", "fails"])
    code, out, err = finished(world, config, "why", "payments-api")
    assert (code, "tasks run" in out, "done: why: exit code 0" in err) == (0, True, True)
    code, out, err = finished(world, config, "fails")
    assert (code, out, "failed: fails: exit code 9" in err) == (1, "out\n", True)
    code, out, err = finished(world, config, "fails", "--json")
    told = json.loads(out)
    jsonschema.validate(told, output_schema("run"))
    assert (code, told["exit_code"], told["output"], told["state"]) == (1, 9, ["out"], "failed")
    code, out, err = finished(world, config, "deploy", PAYMENTS)
    assert (code, "nothing suggests it: requires --confirm payments-api" in err) == (2, True)
    code, out, err = finished(world, config, "deploy", PAYMENTS, "--dry-run", "--json")
    assert (code, json.loads(out)["plan"]["request"]["argv"]) == (0, ["./deploy", "payments-api"])
    code, out, err = finished(world, config, "dploy", PAYMENTS)
    assert (code, "did you mean deploy?" in err) == (2, True)
    code, out, err = finished(world, config, "deploy")
    assert (code, "needs the id of a service" in err) == (2, True)
    code, out, err = finished(world, config, "--read-only", "deploy", PAYMENTS, "--json")
    refused = json.loads(out)
    jsonschema.validate(refused, output_schema("run"))
    assert (code, refused["state"], refused["plan"]) == (1, "refused", None)
    assert not (world.folder / "told").exists()


def test_an_interrupt_ends_what_runs_and_the_code_says_that_its_end_is_not_known(
    make_world: Callable[..., World],
) -> None:
    world = make_world("--scenario", "quiet")
    config = configured(world, DEPLOY)
    child = command(world, "--config", str(config), "run", "deploy", PAYMENTS, "--confirm", "payments-api")
    until(lambda: (world.folder / "told").exists(), "it runs")
    until(lambda: (world.folder / "told").read_text(), "it said its number")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, "unknown: deploy: ended by SIGTERM: interrupted" in err) == (3, True)
    assert "deploying payments-api" in out
    assert gone(world)


def test_what_another_session_runs_is_refused_until_that_is_gone(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "quiet")
    config = configured(world, DEPLOY)
    asked = ("deploy", PAYMENTS, "--confirm", "payments-api")
    first = command(world, "--config", str(config), "run", *asked)
    until(lambda: (world.folder / "told").exists() and (world.folder / "told").read_text(), "it runs")
    number = int((world.folder / "told").read_text())
    code, _, err = finished(world, config, *asked)
    assert (code, "deploy is already running: Alice runs it since " in err) == (1, True), err
    first.kill()  # without a word in the journal
    first.communicate(timeout=60)
    (world.folder / "told").unlink()
    second = command(world, "--config", str(config), "run", *asked)
    until(lambda: (world.folder / "told").exists() and (world.folder / "told").read_text(), "it runs again")
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=60)
    ends = [e.text for e in world.entries("outcome") if e.data["verb"] == "run" and e.data["state"] == "unknown"]
    assert "the session that ran it has ended, and how it ended is not known" in ends[0]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)


def test_check_says_which_cannot_be_run_here(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "quiet")
    config = configured(world, WHY, {"name": "lost", "argv": ["no-such-program-at-all"]})
    child = command(world, "--config", str(config), "check")
    out, _ = child.communicate(timeout=60)
    (said,) = [line for line in out.splitlines() if "command lost" in line]
    assert said.startswith(f"warning: {config}:")
    assert "no-such-program-at-all is not on this machine, or not on the PATH" in said
    assert child.returncode == 0
