"""``demo``: the board on a simulated night. The world is a child process that ends with this one."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from oncall_tui import bootstrap
from oncall_tui.cli.common import READ_TIMEOUT_S, fail
from oncall_tui.cli.option_types import Number
from oncall_tui.cli.output import put_text, say, say_text
from oncall_tui.cli.terminal_check import settle, why_no_board
from oncall_tui.config import Config
from oncall_tui.runtime import programs
from oncall_tui.simulator.command import command

if TYPE_CHECKING:
    from subprocess import Popen

START_S = 60.0  # of a simulated world, which takes a fifth of a second on an idle machine
SOON_S = 2.0  # for one that says no more to end


@click.command()
@click.option("--scenario", default="night", show_default=True, help="A scenario's name, or your file.")
@click.option(
    "--speed", type=Number(above=True, most=1000), default=1.0, show_default=True, help="How much faster things happen."
)
@click.option(
    "--seed",
    type=Number(-(2**31), whole=True),
    default=1,
    show_default=True,
    help="The same seed gives the same night.",
)
@click.pass_context
def demo(context: click.Context, scenario: str, speed: float, seed: int) -> None:
    """Open the board on a simulated incident; nothing outside this machine is touched."""
    settle()
    asked = ("--scenario", scenario, "--speed", str(speed), "--seed", str(seed))
    simulator = command("serve", "--with-parent", *asked)
    with tempfile.TemporaryFile() as said, programs.companion(simulator, said) as child:
        try:
            code = _on(child, said, context.obj["read_only"])
        finally:
            if child.stdin:
                child.stdin.close()
            child.terminate()
    sys.exit(code)


def _on(child: Popen[str], said: IO[bytes], read_only: bool) -> int:
    line = programs.first_line(child, START_S)
    if not line:
        code = programs.ended(child, SOON_S)
        said.seek(0)
        say_text(said.read().decode("utf-8", "replace"))
        fail("the simulation did not start", "its message is above", code)
    world: dict[str, Any] = json.loads(line)
    os.environ.update(world["environment"])
    with tempfile.TemporaryDirectory(prefix="oncall-tui-demo-") as folder:
        config = demo_config(world, Path(folder))
        why = why_no_board()
        if why is None:
            from oncall_tui.cli.open_board import show

            return show(config, read_only, follow=False)  # what goes on there ends with the demo
        return _once(config, *why)


def demo_config(world: dict[str, Any], folder: Path) -> Config:
    """The configuration that the simulated world printed, with a journal that is gone with the demo."""
    text = json.dumps({**world["config"], "journal": str(folder / "journal.db")})
    return bootstrap.load_config_text(text, "demo")


def _once(config: Config, why: str, hint: str) -> int:
    from oncall_tui.cli.text_board import text_board

    say(f"{why}: it is printed once (run it in a terminal to work with it; {hint})")
    engine = bootstrap.make_engine(config, read_only=True)
    engine.start()
    try:
        update = engine.first_read(READ_TIMEOUT_S)
        put_text(text_board(update, engine.clock.now()))
    finally:
        engine.stop()
    return 0
