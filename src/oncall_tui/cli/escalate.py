"""``escalate``: to a level of the incident's policy; without ``--to`` it prints who is on call at each."""

from __future__ import annotations

import sys

import click

from oncall_tui.cli import DONE, WRONG_USE
from oncall_tui.cli.alert_commands import Answers, answering, carry_out, sent_text, target
from oncall_tui.cli.common import result, running
from oncall_tui.cli.execution import end
from oncall_tui.cli.lookup import find_alert
from oncall_tui.cli.output import put_fields, say
from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import ActionRequest


@click.command()
@click.argument("alert")
@click.option("--to", "to", default="", help="As printed without this option: level:2, user/ID, policy/ID, send:NAME.")
@click.option("--reason", default="", help="Why.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@answering
@click.pass_context
def escalate(context: click.Context, alert: str, to: str, reason: str, yes: bool, typed: str, override: str) -> None:
    """Escalate ALERT to a level of its policy, a person or another policy; without a policy, to a destination."""
    with running(context) as engine:
        row = target(engine, find_alert(engine, alert), Verb.ESCALATE)
        choices = result(engine.actions.choices(Verb.ESCALATE, row.id))
        ids = {c.id for c in choices}
        wanted = next((w for w in (to, f"level:{to}", f"send:{to}") if w in ids), "")
        if not wanted:
            say("pick one with --to:" if not to else f"there is no {to!r}; there are:")
            for choice in choices:
                put_fields(choice.id, choice.label, *filter(None, (choice.detail, choice.warning)))
            sys.exit(WRONG_USE if to else DONE)
        ask = ActionRequest(
            verb=Verb.ESCALATE,
            target=row.id,
            version=row.version,
            actor=engine.actor,
            choice=wanted,
            reason=sent_text(reason),
        )
        outcome = carry_out(engine, ask, Answers(yes, typed, override))
    end(outcome)
