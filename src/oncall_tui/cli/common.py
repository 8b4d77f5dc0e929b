"""What the commands share: an engine for as long as a command runs, finding a target, waiting for an outcome."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NoReturn, TypeVar

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, UNKNOWN
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Ask, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Service
from oncall_tui.engine import Engine, Update
from oncall_tui.errors import Refused
from oncall_tui.triage.join import PAGER_PROVIDERS

READ_TIMEOUT_S = 45.0  # a first sweep of 1,000 services within the calls allowed; a dead source fails much earlier
TOLD_TIMEOUT_S = 8.0  # a connection and an answer; a destination that hangs longer is left behind
T = TypeVar("T")


@contextmanager
def running(context: click.Context, *, read_only: bool = False, steady_s: float | None = None) -> Iterator[Engine]:
    """A started engine for the configuration that the command line names."""
    options = context.obj
    config = bootstrap.load_config(options["config"])
    for warning in config.warnings:
        say(f"warning: {warning}")
    engine = bootstrap.make_engine(config, read_only=read_only or options["read_only"], steady_s=steady_s)
    engine.start()
    try:
        yield engine
    finally:
        if not engine.told(TOLD_TIMEOUT_S):
            say("warning: others were not told in time; the journal says who")
        engine.stop()


def say(text: str) -> None:
    """A line for a person, on stderr: stdout is for what was asked for."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Alert texts come from outside: no control character reaches the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)


def fail(message: str, hint: str = "", code: int = NOT_DONE) -> NoReturn:
    say(f"oncall-tui: {message}" + (f" ({hint})" if hint else ""))
    sys.exit(code)


def read_source(engine: Engine, name: str) -> Update:
    """Wait for one source to be read well. Ends the program where it cannot be read or does not exist."""
    if name not in engine.sources:
        fail(f"no source {name!r}", f"there are: {', '.join(engine.sources) or 'none'}")
    engine.wait(
        lambda u: name in u.board.sources and u.board.sources[name].state is not SourceState.WAITING, READ_TIMEOUT_S
    )
    update = engine.update
    status = update.board.sources.get(name)
    if status is None or status.read_at is None:
        fail(f"{name} could not be read: {status.message if status else 'no answer'}", status.hint if status else "")
    return update


def find_alert(engine: Engine, alert_id: str) -> Alert:
    """The alert with exactly this id. Ends the program where there is none: nothing is guessed for a write."""
    update = read_source(engine, alert_id.partition("/")[0])
    alert = update.board.alerts.get(alert_id)
    if alert is None:
        near = get_close_matches(alert_id, update.board.alerts, 3)
        fail(f"no alert {alert_id!r}", f"did you mean {', '.join(near)}?" if near else "`oncall-tui status` lists them")
    return alert


def find_service(engine: Engine, wanted: str) -> Service:
    """The service with this id, as soon as it was read. Ends the program where there is none."""
    name = wanted.partition("/")[0]
    if name in engine.sources:
        going_on = (SourceState.WAITING, SourceState.THROTTLED)  # more of it is still to come
        engine.wait(
            lambda u: (
                wanted in u.board.services or (name in u.board.sources and u.board.sources[name].state not in going_on)
            ),
            READ_TIMEOUT_S,
        )
    update = engine.update if wanted in engine.update.board.services else read_source(engine, name)
    service = update.board.services.get(wanted)
    if service is None:
        near = get_close_matches(wanted, update.board.services, 3, 0.5)
        status = update.board.sources[name]
        if not status.live:
            fail(f"no service {wanted!r} in what could be read of {name}: {status.message}", status.hint)
        fail(f"no service {wanted!r}", f"did you mean {', '.join(near)}?" if near else "`oncall-tui status` lists them")
    return service


def result(future: Future[T], timeout_s: float = 60.0) -> T:
    """The future's value; an OncallError goes on to the caller."""
    try:
        return future.result(timeout_s)
    except FutureTimeout:
        fail(f"no answer within {timeout_s:.0f} s", "nothing was sent, or it is in the journal as unknown", UNKNOWN)


def carry_out(engine: Engine, ask: Ask, yes: bool) -> Outcome:
    """Plan, ask on the terminal where the plan wants a confirm, send, and wait until it is known what came of it."""
    plan = result(engine.desk.plan(ask))
    show_plan(plan)
    if plan.confirm != "none" and not yes:
        if not sys.stdin.isatty():
            fail("this needs a confirm", "add --yes", 2)
        if not click.confirm("Go on?", default=False, err=True):
            raise Refused("not confirmed: nothing was sent")
    return result(engine.desk.execute(plan), 120.0)


def show_plan(plan: Plan) -> None:
    say(plan.title)
    for name, text in plan.lines:
        say(f"  {name:<12} {text}")
    for warning in plan.warnings:
        say(f"  ! {warning}")
    for row in plan.affects:
        say(f"  also: {row}")


def end(outcome: Outcome) -> NoReturn:
    """Say how it ended and exit with its code."""
    click.echo(printable(f"{outcome.state}: {outcome.target}: {outcome.message}"))
    if outcome.hint:
        say(f"  {outcome.hint}")
    sys.exit(exit_code(outcome))


def exit_code(outcome: Outcome) -> int:
    return {OutcomeState.DONE: DONE, OutcomeState.SENT: DONE, OutcomeState.UNKNOWN: UNKNOWN}.get(
        outcome.state, NOT_DONE
    )


def target(engine: Engine, alert: Alert, verb: Verb) -> Alert:
    """Where the verb goes: to the open incident of a pager, if the alert is joined to one. As on the board."""
    engine.first_read(READ_TIMEOUT_S)  # an incident that was not read yet would be missed
    update = engine.update
    look = update.look.find(alert.id)
    if look is None or look.incident in ("", alert.id) or alert.provider in PAGER_PROVIDERS:
        return alert  # an incident that was named is meant itself, though another leads its row
    incident = update.board.alerts.get(look.incident)
    if incident is not None and verb in incident.verbs:
        say(f"{alert.id} is joined to the incident {incident.id}: {verb} goes there")
        return incident
    if verb is Verb.ACKNOWLEDGE:
        raise Refused(f"its incident {look.incident} is acknowledged already, or offers no {verb}")
    return alert


def alert_command(context: click.Context, alert_id: str, verb: Verb, yes: bool, **more: object) -> NoReturn:
    """One verb on one alert, from the command line."""
    with running(context) as engine:
        alert = target(engine, find_alert(engine, alert_id), verb)
        ask = Ask(verb=verb, target=alert.id, version=alert.version, actor=engine.actor, **more)  # type: ignore[arg-type]
        outcome = carry_out(engine, ask, yes)
    end(outcome)
