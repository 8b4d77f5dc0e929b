"""``rollback``: to an earlier revision, followed to the end."""

from __future__ import annotations

import sys
import time
from typing import Any, NoReturn

import click
import msgspec

from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE, Settled
from oncall_tui.cli.alert_commands import confirm, show_plan
from oncall_tui.cli.common import fail, result, running
from oncall_tui.cli.execution import carry, exit_code
from oncall_tui.cli.lookup import find_service, read_source
from oncall_tui.cli.option_types import Number
from oncall_tui.cli.output import ask_text, is_terminal, put, put_json, say
from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.errors import ActionError, Refused

LONGEST_S = 3600.0
ALERTS_TIMEOUT_S = 3.0


@click.command()
@click.argument("service")
@click.option("--to", default="", help="The revision to go back to: :41, or a task definition.")
@click.option("--dry-run", is_flag=True, help="Show the plan; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--confirm",
    "typed",
    default="",
    metavar="NAME",
    help="The service's name: required where no deploy is suspected, or the service is protected.",
)
@click.option("--expect", default="", metavar="DEPLOY", help="Refuse unless this is the service's newest deploy.")
@click.option("--wait", is_flag=True, help="Follow it until it is done.")
@click.option("--steady", type=Number(), default=None, metavar="S", help="How many seconds it must stay healthy.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def rollback(
    context: click.Context,
    service: str,
    to: str,
    dry_run: bool,
    yes: bool,
    typed: str,
    expect: str,
    wait: bool,
    steady: float | None,
    as_json: bool,
) -> None:
    """Roll SERVICE (its name, or its id SOURCE/CLUSTER/NAME) back to an earlier revision."""
    began = time.monotonic()
    with running(context, steady_s=steady) as engine:
        row = find_service(engine, service, for_write=True)
        if expect and not row.deploy_id:  # its deploys come after the service itself
            row = read_source(engine, row.source).board.services.get(row.id, row)
        if expect and expect not in (row.deploy_id, row.deploy_id.partition("/")[2]):
            _refuse(as_json, row.id, f"moved: the deploy is {row.deploy_id or 'not known'}, not {expect}")
        deploy = engine.update.board.deploys.get(row.deploy_id)
        version = deploy.version if deploy else row.deploy_id
        ask = ActionRequest(verb=Verb.ROLL_BACK, target=row.id, version=version, actor=engine.actor)
        _hear_alerts(engine, row.id)
        try:
            if to:
                ask = msgspec.structs.replace(ask, choice=_revision(engine, row.id, to))
            plan = result(engine.actions.plan(ask))
        except ActionError as error:
            _refuse(as_json, row.id, error.message, error.hint, error.outcome)
        shown = as_json or show_plan(plan)
        if dry_run:
            _print(as_json, {"dry_run": True, "plan": _plan(plan)}, "nothing was sent")
            sys.exit(DONE)
        _confirm(plan, yes, typed, shown)
        outcome = _send(engine, plan, wait, as_json)
        firing = engine.still_firing(row.id)
    told = {
        "service": row.id,
        "state": outcome.state,
        "message": outcome.message,
        "hint": outcome.hint,
        "seconds": round(time.monotonic() - began, 1),
        "still_firing": firing,
        "plan": _plan(plan),
    }
    fires = f"; still firing: {', '.join(firing)}" if firing and "still firing" not in outcome.message else ""
    _print(as_json, told, f"{outcome.state}: {row.id}: {outcome.message}{fires}")
    if outcome.hint and not as_json:
        say(f"  {outcome.hint}")
    under_way = outcome.state is OutcomeState.PENDING and not wait
    raise Settled(DONE if under_way else exit_code(outcome))


def _hear_alerts(engine: Engine, service_id: str) -> None:
    """Let alerts and the service's deploys be read once: the plan's consent and warnings depend on them, and joined
    incidents get a note. What is slow is left out, and said to be not known."""

    def heard(update: Update) -> bool:
        sources = update.board.sources.values()
        alerts = all(s.state is not SourceState.WAITING for s in sources if s.provider != "ecs")
        service = update.board.services.get(service_id)
        whole = service is not None and update.board.sources[service.source].state is not SourceState.WAITING
        return alerts and (whole or (service is not None and service.deploy_id in update.board.deploys))

    engine.wait(heard, ALERTS_TIMEOUT_S)


def _revision(engine: Engine, service_id: str, wanted: str) -> str:
    """The task definition that ``:41``, ``41``, ``payments-api:41`` or an ARN names. Raises Refused where none does."""
    if wanted.startswith("arn:"):
        return wanted
    found = result(engine.actions.choices(Verb.ROLL_BACK, service_id))
    for choice in found:
        family = choice.id.rsplit("/", 1)[-1]
        if wanted in (choice.id, family, choice.label, choice.label.removeprefix(":")):
            return choice.id
    listed = ", ".join(f"{c.label} ({c.warning or c.detail.rpartition('  ')[2]})" for c in found[:8])
    raise Refused(f"{wanted} is not a revision to roll back to", f"there are: {listed or 'none'}")


def _send(engine: Engine, plan: Plan, wait: bool, quiet: bool) -> Outcome:
    """Execute, telling each step on stderr; without *wait* only until the other side has taken it."""
    last = ""

    def step(outcome: Outcome) -> None:
        nonlocal last
        if outcome.message != last and not quiet:
            last = outcome.message
            say(f"  {outcome.state}: {last}")

    return carry(engine, plan, wait_s=LONGEST_S, until_answered=not wait, step=step)


def _confirm(plan: Plan, yes: bool, typed: str, shown: bool) -> None:
    if plan.confirm is Confirm.NAME:
        why = plan.confirm_why or "This changes what runs"
        if not typed and is_terminal(sys.stdin) and not yes and shown:
            typed = ask_text(f"{why}. Type {plan.confirm_name} to confirm the rollback:")
        if typed != plan.confirm_name:
            fail(f"{why[:1].lower()}{why[1:]}: requires --confirm {plan.confirm_name}", code=WRONG_USE)
    elif not yes:
        confirm("Roll back?", shown)


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "title": plan.title,
        "lines": dict(plan.lines),
        "warnings": list(plan.warnings),
        "request": msgspec.to_builtins(plan.request),
        "commands": list(plan.commands),
    }


def _refuse(as_json: bool, target: str, message: str, hint: str = "", state: str = "refused") -> NoReturn:
    _print(as_json, {"service": target, "state": state, "message": message, "hint": hint}, f"{state}: {message}")
    if hint and not as_json:
        say(f"  {hint}")
    sys.exit(NOT_DONE)


def _print(as_json: bool, value: dict[str, Any], text: str) -> None:
    if as_json:
        put_json(value)
    else:
        put(text)
