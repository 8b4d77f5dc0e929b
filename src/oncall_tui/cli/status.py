"""``status``: alerts, services and deploys once, as text or as one JSON object.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, keep_names, running
from oncall_tui.cli.output import put_json, put_text
from oncall_tui.cli.text_board import text_board
from oncall_tui.engine.engine import Update
from oncall_tui.reports.board_json import status_output
from oncall_tui.text.json_types import as_plain


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Read every source once and print alerts, services and deploys. Exits 1 if a source could not be read."""
    with running(context) as engine:  # not read only: it reads what came of what was sent
        engine.settle_earlier(EARLIER_TIMEOUT_S)
        update = engine.first_read(READ_TIMEOUT_S)
        now = engine.clock.now()
        if as_json:
            put_json(as_object(update, now))
        else:
            put_text(text_board(update, now, engine.freezes))
        keep_names(context, engine)
    sys.exit(DONE if all(s.live for s in update.board.sources.values()) else NOT_DONE)


def as_object(update: Update, now: float) -> dict[str, Any]:
    """The board as the one documented object, as plain data."""
    return as_plain(status_output(update.triaged, now))
