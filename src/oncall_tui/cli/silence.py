"""``silence``: always with an end and a reason."""

from __future__ import annotations

import click

from oncall_tui.cli.alert_commands import Answers, alert_command, answering
from oncall_tui.cli.option_types import Duration
from oncall_tui.domain.action import Verb


@click.command()
@click.argument("alert")
@click.option("--for", "for_s", type=Duration(), required=True, help="How long: 90m, 2h, 1d.")
@click.option("--reason", required=True, help="Why.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@answering
@click.pass_context
def silence(
    context: click.Context, alert: str, for_s: float, reason: str, yes: bool, typed: str, override: str
) -> None:
    """Silence ALERT for a time. A pager's incident, once acknowledged, is snoozed."""
    alert_command(context, alert, Verb.SILENCE, Answers(yes, typed, override), for_s=for_s, reason=reason)
