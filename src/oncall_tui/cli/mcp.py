"""``mcp``: serve the board and the record to an assistant over the Model Context Protocol; it reads only."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.output import say

INSTALL = "oncall-tui: mcp needs the Model Context Protocol's SDK: pip install 'oncall-tui[mcp]'"


@click.command()
@click.pass_context
def mcp(context: click.Context) -> None:
    """Serve the board and the record to an assistant (Model Context Protocol, on stdin and stdout). It reads only.

    An assistant's client starts it, and it ends when stdin does. docs/mcp.md has the set-up and what is guaranteed.
    """
    if find_spec("mcp") is None:
        say(INSTALL)
        sys.exit(NOT_DONE)
    config = bootstrap.load_config(context.obj["config"])
    for warning in config.warnings:
        say(f"warning: {warning}")
    reader = bootstrap.make_board_reader(config)

    from oncall_tui.mcp_server.server import serve
    from oncall_tui.mcp_server.tools import Tools

    reader.start()
    try:
        serve(Tools(reader))
    finally:
        reader.stop()
    sys.exit(DONE)
