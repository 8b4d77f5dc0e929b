"""``init``: a commented configuration to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from oncall_tui.cli import DONE, OutcomeExit
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put


@click.command()
@click.argument("path", required=False)
@click.pass_context
def init(context: click.Context, path: str | None) -> None:
    """Write a commented configuration to PATH (default: your file); never over one that is there."""
    from oncall_tui.config import template
    from oncall_tui.config.files import own_file

    target = Path(named) if (named := path or context.obj["config"]) else own_file(os.environ)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        fail(f"{target} is there already", "nothing was changed")
    except OSError as error:
        fail(f"cannot write {target}: {error.strerror}")
    put(f"wrote {target}: fill it in, then `oncall-tui check`")
    raise OutcomeExit(DONE)  # it is there, whether or not that could be printed
