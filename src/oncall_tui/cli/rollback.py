"""``rollback``: to an earlier revision, followed to the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click
import msgspec

from oncall_tui.cli import DONE, NOT_DONE, OutcomeExit
from oncall_tui.cli.alert_commands import Answers, agree, overriding, show_plan
from oncall_tui.cli.common import CommandFailed, hint_of, planned, result, running
from oncall_tui.cli.execution import carry, exit_code, follow
from oncall_tui.cli.lookup import find_service, read_source
from oncall_tui.cli.option_types import Seconds
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.errors import ActionError, OncallError, Refused

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
@click.option("--override", metavar="REASON", default="", help="Do it though a guardrail refuses it, and why.")
@click.option("--expect", default="", metavar="DEPLOY", help="Refuse unless this is the service's newest deploy.")
@click.option("--wait", is_flag=True, help="Follow it until it is done.")
@click.option(
    "--steady", type=Seconds(), default=None, metavar="TIME", help="How long it must stay healthy: 60, 90s, 2m."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def rollback(
    context: click.Context,
    service: str,
    to: str,
    dry_run: bool,
    yes: bool,
    typed: str,
    override: str,
    expect: str,
    wait: bool,
    steady: float | None,
    as_json: bool,
) -> None:
    """Roll SERVICE (its name, or its id SOURCE/CLUSTER/NAME) back to an earlier revision.

    Without --wait it ends once AWS has taken it: exit 0 then says sent, not rolled back.
    """
    asked = _Asked(service, to, dry_run, yes, typed, override, expect, wait, as_json)
    try:
        _run(context, asked, steady)
    except CommandFailed as error:  # with --json every end is one object, whatever was said on stderr
        if as_json:
            _put_end(service, "refused", error.message, error.hint)
        raise
    except OncallError as error:
        if as_json:
            _put_end(service, error.outcome, error.message, hint_of(error, service))
        raise


class PlanOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: *request* is what is sent, *commands* are equivalent ones."""

    id: str
    title: str
    lines: dict[str, str]
    warnings: tuple[str, ...]
    request: dict[str, Any]
    commands: tuple[str, ...]


class DryRunOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The object of ``rollback --dry-run --json``."""

    dry_run: bool
    plan: PlanOutput


class RollbackEndOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a rollback that was not sent, or that failed before it had a plan."""

    service: str
    state: str
    message: str
    hint: str


class RollbackOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a rollback; *still_firing* are titles of the service's alerts that fire all the same."""

    service: str
    state: OutcomeState
    message: str
    hint: str
    seconds: float
    still_firing: tuple[str, ...]
    plan: PlanOutput


class _Asked(NamedTuple):
    """The command line."""

    service: str
    to: str
    dry_run: bool
    yes: bool
    typed: str
    override: str
    expect: str
    wait: bool
    as_json: bool


def _run(context: click.Context, asked: _Asked, steady: float | None) -> NoReturn:
    expect, as_json, wait = asked.expect, asked.as_json, asked.wait
    began = time.monotonic()
    with running(context, steady_s=steady) as engine:
        row = find_service(engine, asked.service, for_write=True)
        if expect and not row.deploy_id:  # its deploys come after the service itself
            row = read_source(engine, row.source).board.services.get(row.id, row)
        if expect and expect not in (row.deploy_id, row.deploy_id.partition("/")[2]):
            _refuse(as_json, row.id, *unexpected_deploy(row, expect))
        deploy = engine.update.board.deploys.get(row.deploy_id)
        version = deploy.version if deploy else row.deploy_id
        ask = ActionRequest(verb=Verb.ROLL_BACK, target=row.id, version=version, actor=engine.actor)
        ask = overriding(ask, asked.override)
        _hear_alerts(engine, row.id)
        try:
            if asked.to:
                ask = msgspec.structs.replace(ask, choice=_revision(engine, row, asked.to))
            plan = planned(engine, ask)
        except ActionError as error:
            _refuse(as_json, row.id, error.message, hint_of(error, row.id), error.outcome)
        if asked.dry_run:
            _dry_run(plan, as_json)
        shown = as_json or show_plan(plan)
        if failure := engine.journal.failure:
            _refuse(as_json, row.id, f"not sent, because it cannot be journalled first: {failure}")
        agree(plan, Answers(asked.yes, asked.typed), shown, "Roll back?", "rollback", row.key.name)
        outcome = _send(engine, plan, wait, as_json)
        firing = engine.still_firing(row.id)
    under_way = outcome.state is OutcomeState.PENDING and not wait
    goes_on = f"sent, and goes on: {follow(plan)}"
    told = RollbackOutput(
        service=row.id,
        state=outcome.state,
        message=outcome.message,
        hint=goes_on if under_way else outcome.hint,
        seconds=round(time.monotonic() - began, 1),
        still_firing=tuple(firing),
        plan=plan_output(plan),
    )
    fires = f"; still firing: {', '.join(firing)}" if firing and "still firing" not in outcome.message else ""
    text = f"{goes_on} ({outcome.message})" if under_way else f"{outcome.state}: {row.id}: {outcome.message}"
    _print(as_json, told, text + fires)
    if outcome.hint and not as_json:
        say(f"  {outcome.hint}")
    raise OutcomeExit(DONE if under_way else exit_code(outcome))


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


def unexpected_deploy(row: Service, expect: str) -> tuple[str, str]:
    """Return that the newest deploy is another than the expected one, and what to give instead."""
    if row.deploy_id:
        there = f"its newest deploy is {row.deploy_id}"
        return f"moved: --expect is {expect}, but {there}", "look at that one, then give its id to --expect"
    there = "no deploy of it is known"
    return f"--expect is {expect}, but {there}", "--expect takes the id of its newest deploy; without one, leave it out"


def _revision(engine: Engine, service: Service, wanted: str) -> str:
    """The task definition that ``:41``, ``41``, ``payments-api:41`` or an ARN names. Raises Refused where none does."""
    if wanted.startswith("arn:"):
        return wanted
    now = service.revision.task_definition
    names = (now, now.rsplit("/", 1)[-1], service.revision.short, service.revision.short.removeprefix(":"))
    if now and wanted in names:
        raise Refused(f"{service.revision.short} is what runs", "`--to` wants another revision")
    found = result(engine.actions.choices(Verb.ROLL_BACK, service.id))
    for choice in found:
        family = choice.id.rsplit("/", 1)[-1]
        if wanted in (choice.id, family, choice.label, choice.label.removeprefix(":")):
            return choice.id
    raise Refused(f"no such revision: {wanted}", _to_pick(found))


def _to_pick(found: Sequence[Choice]) -> str:
    """``--to takes: :41 (ran for 3d), :40 (…)``."""
    listed = ", ".join(f"{c.label} ({c.warning or c.detail.rpartition('  ')[2]})" for c in found[:8])
    return f"--to takes: {listed}" if listed else "there is no other revision"


def _send(engine: Engine, plan: Plan, wait: bool, quiet: bool) -> Outcome:
    """Execute, telling each step on stderr; without *wait* only until the other side has taken it."""
    last = ""

    def step(outcome: Outcome) -> None:
        nonlocal last
        if outcome.message != last and not quiet:
            last = outcome.message
            say(f"  {outcome.state}: {last}")

    return carry(engine, plan, wait_s=LONGEST_S, unknown_s=LONGEST_S, until_answered=not wait, step=step)


def _dry_run(plan: Plan, as_json: bool) -> NoReturn:
    """Print the plan, which is what was asked for, and end."""
    if as_json:
        put_json(DryRunOutput(dry_run=True, plan=plan_output(plan)))
    else:
        show_plan(plan, put)
        put("nothing was sent")
    sys.exit(DONE)


def plan_output(plan: Plan) -> PlanOutput:
    """Return a plan as JSON has it."""
    return PlanOutput(
        id=plan.id,
        title=plan.title,
        lines=dict(plan.lines),
        warnings=plan.warnings,
        request=plan.request,
        commands=plan.commands,
    )


def _refuse(as_json: bool, target: str, message: str, hint: str = "", state: str = "refused") -> NoReturn:
    if as_json:
        _put_end(target, state, message, hint)
    else:
        put(f"{state}: {message}")
        say(*((f"  {hint}",) if hint else ()))
    sys.exit(NOT_DONE)


def _put_end(target: str, state: str, message: str, hint: str) -> None:
    put_json(RollbackEndOutput(service=target, state=state, message=message, hint=hint))


def _print(as_json: bool, value: RollbackOutput, text: str) -> None:
    if as_json:
        put_json(value)
    else:
        put(text)
