"""The commands that act on an alert: from its id to what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import click
import msgspec

from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.common import READ_TIMEOUT_S, fail, hint_of, planned, running
from oncall_tui.cli.execution import carry, leave, tell
from oncall_tui.cli.lookup import find_alert
from oncall_tui.cli.output import ask, ask_text, is_terminal, say, typed
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.outcome import Outcome
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import Refused
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.routing import route_all


class Answers(NamedTuple):
    """The command line's answers before it is asked: *typed* is a name, *override* the reason against a guardrail."""

    yes: bool = False
    typed: str = ""
    override: str = ""


def answering(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``Answers`` but ``--yes``: a guardrail may ask of any action for what they say."""
    override = click.option(
        "--override", metavar="REASON", default="", help="Do it though a guardrail refuses it, and why."
    )
    typed = click.option(
        "--confirm", "typed", metavar="NAME", default="", help="The name that a guardrail wants typed."
    )
    return typed(override(command))


def carry_out(engine: Engine, asked: ActionRequest, answers: Answers) -> Outcome:
    """Plan, ask on the terminal where the plan wants a confirm, send, and wait until it is known what came of it."""
    try:
        plan = planned(engine, overriding(asked, answers.override))
    except Refused as error:
        error.hint = hint_of(error, asked.target)
        raise
    shown = show_plan(plan)
    refuse_without_journal(engine)
    agree(plan, answers, shown, "Send it?", str(plan.verb))
    return carry(engine, plan)


def overriding(asked: ActionRequest, reason: str) -> ActionRequest:
    """Return the request with the *reason* against a guardrail, where one was given. Ends the program where it is
    none.
    """
    from oncall_tui.text.typed_reason import typed_reason

    try:
        return msgspec.structs.replace(asked, override=typed_reason(sent_text(reason)))
    except ValueError as error:
        fail(str(error), "nothing was sent", WRONG_USE)


def agree(plan: Plan, answers: Answers, shown: bool, question: str, noun: str, name: str = "") -> None:
    """Go on only with what the plan wants. Ends the program; also where a name was typed that is another's.

    *name* is the target's, where the plan itself wants none.
    """
    wanted, typed_name = plan.confirm_name or name, answers.typed
    if plan.confirm is Confirm.NAME:
        why = plan.confirm_why or "This changes what runs"
        if not typed_name and is_terminal(sys.stdin) and not answers.yes and shown:
            typed_name = ask_text(f"{why}. Type {wanted} to confirm the {noun}:")
        if not typed_name:
            fail(f"{why[:1].lower()}{why[1:]}: requires --confirm {wanted}", code=WRONG_USE)
    if typed_name and wanted and typed_name != wanted:
        fail(f"name does not match: {typed_name!r} is not {wanted!r}", "nothing was sent", WRONG_USE)
    if plan.confirm is Confirm.YES and not answers.yes:
        confirm(question, shown)


def refuse_without_journal(engine: Engine) -> None:
    """End the program where nothing can be journalled: the action would be refused, whatever is confirmed."""
    if failure := engine.journal.failure:
        fail(
            f"nothing was sent, because it cannot be journalled first: {failure}", "the board can act without a journal"
        )


def confirm(question: str, shown: bool = True) -> None:
    """Go on only after a person's yes. Ends the program where there is none; *shown*: could they read what it is?"""
    if not is_terminal(sys.stdin):
        fail("needs confirmation: add --yes", code=WRONG_USE)
    if not shown or not ask(question):
        fail("not confirmed: nothing was sent")


def show_plan(plan: Plan, show: Callable[..., bool] = say) -> bool:
    """The plan, a line for each of its own, on stderr unless *show* says where; False where it could not be written."""
    return show(
        plan.title,
        *(f"  {name:<12} {text}" for name, text in plan.lines),
        *(f"  ! {warning}" for warning in plan.warnings),
        *(f"  also affects: {row}" for row in plan.others),
    )


def possible(verb: Verb, alert: Alert) -> Verb:
    """Return the verb that *alert* can have: what cannot be silenced but snoozed is snoozed, as on the board."""
    if verb is not Verb.SILENCE or alert.provider not in PAGER_PROVIDERS or verb in alert.verbs:
        return verb
    if alert.state is AlertState.FIRING:
        hint = f"acknowledge it first: `ack {alert.id}`"
        fail(f"{alert.system} snoozes in place of silencing, and only what is acknowledged", hint)
    say(f"{alert.system} has no silence: {alert.id} is snoozed")
    return Verb.SNOOZE


def targets(engine: Engine, alert: Alert, verb: Verb) -> list[Alert]:
    """The verb's targets: the open incident of a pager, if the alert is joined to one. As on the board.

    One problem may have several incidents: an acknowledgement of the alert goes to all, of one incident to that alone.
    """
    first = target(engine, alert, verb)
    row = engine.update.triaged.find(alert.id)
    if verb is not Verb.ACKNOWLEDGE or row is None:
        return [first]
    more = [a for a in route_all(row, engine.update.board, verb) if a.id != first.id and a.provider in PAGER_PROVIDERS]
    if first.id == alert.id:
        for other in more:
            say(f"{other.id} is another open incident of the same problem: `ack {other.id}` acknowledges it")
        return [first]
    for other in more:
        say(f"{alert.id} is joined to the incident {other.id} too: {verb} goes there as well")
    return [first, *more]


def target(engine: Engine, alert: Alert, verb: Verb) -> Alert:
    """Return the verb's target: the open incident of a pager, if the alert is joined to one. As on the board.

    Raises Refused where that incident cannot be acknowledged.
    """
    engine.first_read(READ_TIMEOUT_S)  # an incident that was not read yet would be missed
    update = engine.update
    alert_row = update.triaged.find(alert.id)
    if alert_row is None or alert_row.incident in ("", alert.id) or alert.provider in PAGER_PROVIDERS:
        return alert  # an incident that was named is meant itself, though another leads its row
    incident = update.board.alerts.get(alert_row.incident)
    if incident is not None and verb in incident.verbs:
        say(f"{alert.id} is joined to the incident {incident.id}: {verb} goes there")
        return incident
    if verb is Verb.ACKNOWLEDGE:
        raise Refused(_not_to_acknowledge(alert_row.incident, incident))
    return alert


def _not_to_acknowledge(incident_id: str, incident: Alert | None) -> str:
    """Say why an alert's incident cannot be acknowledged; None: the board does not have it."""
    if incident is None:
        return f"its incident {incident_id} could not be read: `oncall-tui check` says what is wrong with its source"
    if incident.state.asks:
        return f"its incident {incident_id} is {incident.state}, and cannot be acknowledged from here"
    by = f" by {', '.join(incident.by)}" if incident.by else ""
    return f"its incident {incident_id} is {incident.state} already{by}"


def alert_command(context: click.Context, alert_id: str, verb: Verb, answers: Answers, **more: object) -> NoReturn:
    """One verb on one alert, from the command line."""
    more = {name: sent_text(value) if isinstance(value, str) else value for name, value in more.items()}
    with running(context) as engine:
        outcomes: list[Outcome] = []
        for alert in targets(engine, find_alert(engine, alert_id), verb):
            does = possible(verb, alert)
            asked = ActionRequest(verb=does, target=alert.id, version=alert.version, actor=engine.actor, **more)  # type: ignore[arg-type]
            outcomes.append(carry_out(engine, asked, answers))
            tell(outcomes[-1])
    leave(outcomes)


def sent_text(text: str) -> str:
    """A text that goes to others. Ends the program where it is none: half a character is not sent."""
    found = typed(text)
    if found is None:
        fail("the text is not in this terminal's encoding", "see LANG and LC_ALL: `locale` prints them", WRONG_USE)
    return found
