"""``demo``: the board on a simulated night. The world is a child process that ends with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from oncall_tui import bootstrap
from oncall_tui.cli.common import READ_TIMEOUT_S, fail
from oncall_tui.cli.option_types import Number
from oncall_tui.cli.output import is_terminal, put_text, say
from oncall_tui.config import Config


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
    command = [sys.executable, "-m", "oncall_tui.simulator", "serve", "--with-parent"]
    command += ["--scenario", scenario, "--speed", str(speed), "--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            code = _on(child, context.obj["read_only"])
        finally:
            if child.stdin:
                child.stdin.close()
            child.terminate()
    sys.exit(code)


def _on(child: subprocess.Popen[str], read_only: bool) -> int:
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        fail("the simulation did not start", "its message is above", child.wait())
    world: dict[str, Any] = json.loads(line)
    os.environ.update(world["environment"])
    with tempfile.TemporaryDirectory(prefix="oncall-tui-demo-") as folder:
        config = demo_config(world, Path(folder))
        if is_terminal(sys.stdout) and is_terminal(sys.stderr):
            from oncall_tui.cli.board import show

            return show(config, read_only, follow=False)  # what goes on there ends with the demo
        return _once(config)


def demo_config(world: dict[str, Any], folder: Path) -> Config:
    """The configuration that the simulated world printed, with a journal that is gone with the demo."""
    text = json.dumps({**world["config"], "journal": str(folder / "journal.db")})
    return bootstrap.load_config_text(text, "demo")


def _once(config: Config) -> int:
    from oncall_tui.cli.text_board import text_board

    say("not a terminal: the board is printed once (run it in a terminal to work with it)")
    engine = bootstrap.make_engine(config, read_only=True)
    engine.start()
    try:
        update = engine.first_read(READ_TIMEOUT_S)
        put_text(text_board(update, engine.clock.now()))
    finally:
        engine.stop()
    return 0
