"""``silence``: always with an end and a reason."""

from __future__ import annotations

import click

from oncall_tui.cli.common import alert_command
from oncall_tui.domain.action import Verb
from oncall_tui.durations import seconds


@click.command()
@click.argument("alert")
@click.option("--for", "duration", required=True, help="How long: 90m, 2h, 1d.")
@click.option("--reason", required=True, help="Why; others read it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def silence(context: click.Context, alert: str, duration: str, reason: str, yes: bool) -> None:
    """Silence ALERT for a time."""
    try:
        for_s = seconds(duration)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    alert_command(context, alert, Verb.SILENCE, yes, for_s=for_s, reason=reason)
