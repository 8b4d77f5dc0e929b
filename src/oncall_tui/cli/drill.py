"""``drill``: the simulated world alone, for trying things and for tests."""

from __future__ import annotations

import sys

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def drill(arguments: tuple[str, ...]) -> None:
    """Serve the simulated world: ``drill serve --help`` says how."""
    from oncall_tui.simulator.__main__ import main

    sys.exit(main(list(arguments)))
