"""``note``: a word on an alert, kept where its source keeps notes, else in the journal here."""

from __future__ import annotations

import click

from oncall_tui.cli.alert_commands import Answers, alert_command, answering
from oncall_tui.domain.action import Verb


@click.command()
@click.argument("alert")
@click.argument("text")
@answering
@click.pass_context
def note(context: click.Context, alert: str, text: str, typed: str, override: str) -> None:
    """Add TEXT as a note to ALERT."""
    alert_command(context, alert, Verb.NOTE, Answers(True, typed, override), text=text)
