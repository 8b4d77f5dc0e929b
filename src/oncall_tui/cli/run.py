"""``run``: a command of the configuration, for a row or for none. Its output is on stdout, its end on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple, NoReturn

import click
import msgspec

from oncall_tui.cli import DONE, UNKNOWN, WRONG_USE, OutcomeExit, sent
from oncall_tui.cli.alert_commands import Answers, agree, overriding, show_plan
from oncall_tui.cli.common import READ_TIMEOUT_S, CommandFailed, fail, hint_of, planned, running
from oncall_tui.cli.execution import PAUSE_S, exit_code, interrupts
from oncall_tui.cli.lookup import find_alert, find_service
from oncall_tui.cli.output import put, put_fields, put_json, say
from oncall_tui.cli.rollback import DryRunOutput, PlanOutput, plan_output
from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.own_command import BOARD, OwnCommand, RowKind
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OncallError
from oncall_tui.text.spelling import nearest
from oncall_tui.triage.command_rows import CommandRow, row_of


class RunOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. *exit_code* is negative where a signal ended it, and null where it was not run, or its end
    is not known. *output* are the lines that are kept; *dropped* how many there were before them. *plan* is null where
    it was refused before there was one.
    """

    command: str
    row: str
    state: OutcomeState
    message: str
    hint: str
    exit_code: int | None
    seconds: float | None
    output: tuple[str, ...]
    dropped: int
    plan: PlanOutput | None


class _Arguments(NamedTuple):
    """The command line."""

    name: str
    row: str
    dry_run: bool
    yes: bool
    typed: str
    override: str
    as_json: bool


@click.command()
@click.argument("name", metavar="[NAME]", required=False, default="")
@click.argument("row", metavar="[ROW]", required=False, default="")
@click.option("--dry-run", is_flag=True, help="Show the plan; run nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--confirm", "typed", default="", metavar="NAME", help="The service's name: required where it is protected."
)
@click.option("--override", metavar="REASON", default="", help="Do it though a guardrail refuses it, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with what it printed.")
@click.pass_context
def run(
    context: click.Context, name: str, row: str, dry_run: bool, yes: bool, typed: str, override: str, as_json: bool
) -> None:
    """Run the command NAME of the configuration for ROW: an alert's, a service's or a deploy's id. Without a NAME: list
    them.

    What it prints is on stdout, and how it ended on stderr. Ctrl+C ends it.
    """
    asked = _Arguments(name, row, dry_run, yes, typed, override, as_json)
    try:
        _run(context, asked)
    except CommandFailed as error:  # with --json every end is one object, whatever was said on stderr
        if as_json:
            _put_refused(asked, OutcomeState.REFUSED, error.message, error.hint)
        raise
    except OncallError as error:
        if as_json:
            _put_refused(asked, OutcomeState(error.outcome), error.message, hint_of(error, asked.row))
        else:
            error.hint = hint_of(error, asked.row)
        raise


def _run(context: click.Context, asked: _Arguments) -> NoReturn:
    with running(context) as engine:
        commands = engine.own_commands.commands
        if not asked.name:
            _list(commands.values())
        command = commands.get(asked.name)
        if command is None:
            near = nearest(asked.name, commands)
            there = f"did you mean {near}?" if near else f"there are: {', '.join(commands) or 'none: see commands:'}"
            fail(f"no command {asked.name!r} in the configuration", there, WRONG_USE)
        row = _row(engine, command, asked.row)
        ask = ActionRequest(
            verb=Verb.RUN, target=row.target, version=row.version, actor=engine.actor, choice=command.name
        )
        plan = planned(engine, overriding(ask, asked.override))
        if asked.dry_run:
            _dry_run(plan, asked.as_json)
        shown = asked.as_json or plan.confirm is Confirm.NONE or show_plan(plan)
        if failure := engine.journal.failure:
            fail(f"nothing was run, because it cannot be journalled first: {failure}")
        agree(plan, Answers(asked.yes, asked.typed), shown, "Run it?", f"run of {command.name}")
        outcome = _carry(engine, plan, asked.as_json)
        _tell(engine, plan, outcome, asked.as_json)
    raise OutcomeExit(exit_code(outcome))


def _list(commands: Iterable[OwnCommand]) -> NoReturn:
    """Print each command, and what it is for."""
    for one in commands:
        rows = ",".join(one.rows)
        put_fields(one.name, rows, "writes" if one.writes else "reads", one.what or " ".join(one.argv))
    sys.exit(DONE)


def _row(engine: Engine, command: OwnCommand, wanted: str) -> CommandRow:
    """The row with this id, or the service of this name. All sources are read first: the command gets the board."""
    kinds = " or ".join(f"{'an' if kind is RowKind.ALERT else 'a'} {kind}" for kind in command.rows)
    if not wanted and RowKind.BOARD not in command.rows:
        fail(f"{command.name} needs the id of {kinds}", "`oncall-tui status` lists them", WRONG_USE)
    engine.first_read(READ_TIMEOUT_S)
    found = row_of(engine.update.triaged, wanted or BOARD)
    if found is None and RowKind.SERVICE in command.rows and wanted.count("/") in (0, 2):
        found = row_of(engine.update.triaged, find_service(engine, wanted, for_write=command.writes).id)
    elif found is None and RowKind.ALERT in command.rows:
        found = row_of(engine.update.triaged, find_alert(engine, wanted).id)
    if found is None:
        fail(f"no row {wanted!r}", "`oncall-tui status` lists them")
    return found


def _dry_run(plan: Plan, as_json: bool) -> NoReturn:
    if as_json:
        put_json(DryRunOutput(dry_run=True, plan=plan_output(plan)))
    else:
        show_plan(plan, put)
        put("nothing was run")
    sys.exit(DONE)


def _carry(engine: Engine, plan: Plan, quiet: bool) -> Outcome:
    """Run it and print its output as it comes, until it has ended. The first signal ends it, the second kills it."""
    interrupts.hold()
    future: Future[Outcome] = engine.actions.execute(plan)
    sent.code = UNKNOWN
    printed, asked_to_end = 0, 0
    while not future.done():
        engine.wait(lambda _: future.done() or interrupts.pressed, PAUSE_S)
        run_now = engine.own_commands.run_of(plan.id)
        if interrupts.pressed:
            interrupts.pressed = False
            asked_to_end += 1
            if run_now is not None:
                say("  ending it" if asked_to_end == 1 else "  killing it")
                run_now.stop("interrupted")
            elif engine.actions.withdraw(plan.id, "interrupted"):
                continue
        if run_now is not None and not quiet:
            printed = _print(run_now.lines_whole(printed), printed)
    outcome = future.result()
    run_then = engine.own_commands.run_of(plan.id)
    if run_then is not None and not quiet:
        _print(run_then.lines(printed), printed)
    sent.code = exit_code(outcome)
    return outcome


def _print(lines: tuple[int, list[str]], printed: int) -> int:
    """Print what is new; returns how many lines are printed now."""
    first, new = lines
    if first > printed:
        say(f"  {first - printed} lines came too fast, and are not printed")
    put(*new)
    return first + len(new)


def _tell(engine: Engine, plan: Plan, outcome: Outcome, as_json: bool) -> None:
    ran = engine.own_commands.run_of(plan.id)
    if not as_json:
        named = outcome.message.startswith(f"{plan.request['command_name']}: ")
        name = "" if named else f"{plan.request['command_name']}: "
        say(f"{outcome.state}: {name}{outcome.message}")
        say(*((f"  {outcome.hint}",) if outcome.hint else ()))
        return
    end = ran.end if ran is not None else None
    put_json(
        RunOutput(
            command=str(plan.request["command_name"]),
            row=plan.target,
            state=outcome.state,
            message=outcome.message,
            hint=outcome.hint,
            exit_code=end.status if end is not None else None,
            seconds=round(end.seconds, 1) if end is not None else None,
            output=tuple(ran.lines()[1]) if ran is not None else (),
            dropped=ran.dropped if ran is not None else 0,
            plan=plan_output(plan),
        )
    )


def _put_refused(asked: _Arguments, state: OutcomeState, message: str, hint: str) -> None:
    put_json(
        RunOutput(
            command=asked.name,
            row=asked.row or BOARD,
            state=state,
            message=message,
            hint=hint,
            exit_code=None,
            seconds=None,
            output=(),
            dropped=0,
            plan=None,
        )
    )
