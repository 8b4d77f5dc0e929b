"""``board``: the screen, where it is named as a command."""

from __future__ import annotations

import sys

import click

from oncall_tui.cli.open_board import open_board


@click.command()
@click.pass_context
def board(context: click.Context) -> None:
    """Open the board."""
    sys.exit(open_board(context.obj["config"], context.obj["read_only"]))
