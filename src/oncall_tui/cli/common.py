"""Shared by the commands: an engine for as long as one runs, and the ways to end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from oncall_tui import bootstrap
from oncall_tui.cli import NOT_DONE
from oncall_tui.cli.execution import PAUSE_S, interrupts
from oncall_tui.cli.output import say
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import JournalError, OncallError, Refused, WayOut

if TYPE_CHECKING:
    import click

READ_TIMEOUT_S = 45.0  # a first sweep of 1,000 services within the calls allowed; a dead source fails much earlier
TOLD_TIMEOUT_S = 8.0  # a connection and an answer; a destination that hangs longer is left behind
SHARED_TIMEOUT_S = 2.0  # for the team's table; what it does not get now it gets from whatever runs here next
EARLIER_TIMEOUT_S = 10.0  # for a reading or two of what was sent before
OVERRIDE = "--override REASON does it all the same: journalled, and in the handover"
T = TypeVar("T")


@contextmanager
def running(context: click.Context, *, read_only: bool = False, steady_s: float | None = None) -> Iterator[Engine]:
    """A started engine for the configuration that the command line names."""
    options = context.obj
    config = bootstrap.load_config(options["config"])
    options["files"] = config.files
    for warning in config.warnings:
        say(f"warning: {warning}")
    engine = bootstrap.make_engine(config, read_only=read_only or options["read_only"], steady_s=steady_s)
    engine.start()
    try:
        yield engine
    finally:
        if not _told(engine):
            say("warning: not every destination was notified in time; see the journal")
        say(*(f"warning: {words}" for words in engine.journal.notices))
        engine.team.settle(SHARED_TIMEOUT_S)
        engine.stop()


def keep_names(context: click.Context, engine: Engine) -> None:
    """Keep the names on the engine's board, and of the record, for a shell's completion. What fails stops nothing."""
    from oncall_tui.engine import kept_names

    with contextlib.suppress(JournalError):
        engine.memory.incidents.load()
        engine.memory.follow_ups.load()
    with contextlib.suppress(OSError):
        kept_names.keep_board(context.obj["files"], engine)


def _told(engine: Engine) -> bool:
    """Wait until others were notified; an interrupt ends the waiting."""
    end_at = time.monotonic() + TOLD_TIMEOUT_S
    while not (told := engine.wait_for_notifications(PAUSE_S)) and time.monotonic() < end_at and not interrupts.pressed:
        pass
    return told


class CommandFailed(SystemExit):
    """The end of a command that could not go on, and was told of on stderr; *hint* says what to do."""

    def __init__(self, code: int, message: str, hint: str) -> None:
        super().__init__(code)
        self.message, self.hint = message, hint


def fail(message: str, hint: str = "", code: int = NOT_DONE) -> NoReturn:
    """End the program with these words on stderr. Raises CommandFailed."""
    say(f"oncall-tui: {message}" + (f" ({hint})" if hint else ""))
    raise CommandFailed(code, message, hint)


def hint_of(error: OncallError, service_id: str) -> str:
    """Return what to do now: the error's own hint, and the commands that do it."""
    commands = {
        WayOut.UNDO: "no command does that: on the board, the palette's “undo the last rollback” redeploys it",
        WayOut.PICK: f"`oncall-tui rollback {service_id} --to REVISION` goes to another one",
        WayOut.FOLLOW: f"`oncall-tui deploys {service_id} --watch` follows it",
        WayOut.AGAIN: "run it again in a moment, when it has ended",
        WayOut.ROLL_BACK: f"`oncall-tui rollback {service_id}` rolls back",
        WayOut.OVERRIDE: OVERRIDE,
    }
    ways = error.ways if isinstance(error, Refused) else ()
    return "; ".join(words for words in (error.hint, *(commands[way] for way in ways)) if words)


def planned(engine: Engine, asked: ActionRequest) -> Plan:
    """The plan, once what an earlier command or session left open at its source was read. Raises ActionError."""
    engine.settle_earlier(EARLIER_TIMEOUT_S, asked.target.partition("/")[0])
    return result(engine.actions.plan(asked))


def result(future: Future[T], timeout_s: float = 60.0) -> T:
    """The value of what only reads or plans; an OncallError goes on to the caller."""
    try:
        return future.result(timeout_s)
    except FutureTimeout:
        fail(f"no answer within {timeout_s:.0f} s: nothing was sent")
