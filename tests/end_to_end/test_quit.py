"""Leaving: with calls that hang, and with a write on its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.test_destinations import API, SCENARIO
from tests.end_to_end.world import World, until, written

pytestmark = pytest.mark.pty
ASKS = "Quit while a write is in progress?"


def left_well(program: Program) -> None:
    """Ended with 0, said nothing of a bug, and gave the terminal back."""
    assert program.wait_end() == 0
    raw = bytes(program.raw)
    assert b"Traceback" not in raw
    left = raw.rindex(b"\x1b[?1049l")
    assert b"\x1b[?1049h" not in raw[left:]
    assert raw.rindex(b"\x1b[?25h") > raw.rindex(b"\x1b[?25l"), "the cursor is shown again"


@pytest.mark.core(1)
@pytest.mark.parametrize("key", ["q", "\x11"], ids=["q", "Ctrl+Q"])
def test_quit_while_every_source_hangs(
    make_world: Callable[..., World], run_program: Callable[..., Program], key: str
) -> None:
    world = make_world("--scenario", "quiet")
    program = run_program("--config", str(world.configure()), env=world.env)
    program.wait("5/5 live")
    world.fault("hang")
    before = world.calls()
    program.press("r")
    until(lambda: all(n > before[name] for name, n in world.calls().items()), "a call hangs at every source")
    program.press(key)
    left_well(program)


def test_quit_before_anything_was_read(make_world: Callable[..., World], run_program: Callable[..., Program]) -> None:
    world = make_world("--scenario", "quiet")
    world.fault("hang")
    program = run_program("--config", str(world.configure()), env=world.env)
    program.wait("0/5 live")
    until(lambda: all(world.calls().values()), "a call hangs at every source")
    program.press("q")
    left_well(program)


def test_quit_with_a_write_on_its_way_asks_once(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third")
    program = run_program("--config", str(world.configure()), env=world.env)
    program.wait("search-index: queue depth 8k")
    program.go_to("search-index: queue depth 8k")
    world.fault("hang", "prom", writes_only=True, after_effect=True)
    program.press("a")
    until(lambda: world.writes("prom"), "the write is on its way")
    program.press("q")
    program.wait(ASKS)
    program.press_when_heard("\r")
    program.gone(ASKS)
    program.press("q")
    program.wait(ASKS)
    program.press_when_heard("y")
    left_well(program)
    (intent,) = world.entries("intent")
    assert [e for e in world.entries("outcome") if e.data["state"] not in ("pending", "unknown", "done")] == []  # read

    # The next start reads what came of it, and sends nothing again.
    world.mend()
    again = run_program("--config", str(world.configure()), env=world.env)
    until(
        lambda: [e.data["state"] for e in world.entries("outcome") if e.subject == intent.subject][-1:] == ["done"],
        "the intent that was left open is resolved",
    )
    again.wait(lambda screen: any("queue depth 8k" in line and "ack Alice" in line for line in screen.splitlines()))
    assert len(world.writes("prom")) == 1


def test_quit_while_a_rollback_goes_on_says_so_on_the_terminal(
    make_world: Callable[..., World], run_program: Callable[..., Program], tmp_path: Path
) -> None:
    world = make_world("--scenario", written(tmp_path, SCENARIO))
    until(lambda: world.service(API)["task_definition"].endswith(":42"), "the bad deploy begins")
    program = run_program("--config", str(world.configure(steady_s=600)), env=world.env)
    program.wait("3/3 live")
    program.press("2")
    program.go_to("shop-api")
    program.press("R")
    program.wait("StopServiceDeployment")
    program.wait(lambda screen: "[Enter] cancel" in screen or "Type shop-api" in screen)  # has a task failed yet?
    program.press_when_heard("y" if "[Enter] cancel" in program.text else "shop-api\r")
    until(lambda: world.writes("prod"), "it is sent")
    program.wait("rolling back from :42 to :41")
    program.press("q")
    left_well(program)
    said = bytes(program.raw).rpartition(b"\x1b[?1049l")[2].decode()
    assert "goes on at AWS" in said
    assert f"follow it with `oncall-tui deploys {API} --watch`" in said
    assert said.count("goes on at AWS") == 1
