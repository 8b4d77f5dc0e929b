"""``ack``: the key's twin for scripts."""

from __future__ import annotations

import click

from oncall_tui.cli.alert_commands import Answers, alert_command, answering
from oncall_tui.domain.action import Verb


@click.command()
@click.argument("alert")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@answering
@click.pass_context
def ack(context: click.Context, alert: str, yes: bool, typed: str, override: str) -> None:
    """Acknowledge ALERT (its id, as `status` prints it)."""
    alert_command(context, alert, Verb.ACKNOWLEDGE, Answers(yes, typed, override))
