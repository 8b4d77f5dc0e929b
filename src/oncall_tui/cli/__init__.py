"""The command line: its entry, its exit codes, its commands' names. Only what the board's start needs is imported."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import NamedTuple, NoReturn

from oncall_tui.cli import output
from oncall_tui.errors import ConfigurationError, OncallError

# name -> module:attribute and the line that help shows. Importing a command's module costs start-up time: not here.
COMMANDS: dict[str, tuple[str, str]] = {
    "board": ("board:board", "Open the board (also when no command is given)."),
    "demo": ("demo:demo", "Open the board on a simulated incident; needs no configuration."),
    "init": ("init:init", "Write a commented configuration to start from."),
    "check": ("check:check", "Check the configuration, then contact each source."),
    "status": ("status:status", "Print alerts, services and deploys once."),
    "ack": ("ack:ack", "Acknowledge an alert."),
    "unack": ("unack:unack", "Take back your acknowledgement."),
    "silence": ("silence:silence", "Silence an alert for a time, with a reason."),
    "note": ("note:note", "Add a note to an alert."),
    "mark": ("mark:mark", "Mark an alert's newest episode as actionable or noise."),
    "follow-up": ("follow_up:follow_up", "List, add, change and close follow-ups."),
    "incident": ("incident:incident", "List, open, add to and close incidents."),
    "postmortem": ("postmortem:postmortem", "Print an incident's write-up to fill in."),
    "bundle": ("bundle:bundle", "Write an incident's evidence into a new folder."),
    "escalate": ("escalate:escalate", "Escalate an incident to a level."),
    "oncall": ("oncall:oncall", "Print who is on call, now and next."),
    "deploys": ("deploys:deploys", "Print deploys; --watch follows them."),
    "changes": ("changes:changes", "Print what else was changed: failovers, scaling, edits."),
    "rollback": ("rollback:rollback", "Roll a service back, and follow it to the end."),
    "run": ("run:run", "Run a command of the configuration for a row."),
    "handover": ("handover:handover", "Print the handover."),
    "stats": ("stats:stats", "Print numbers: notifications, pages, times, deploys."),
    "journal": ("journal:journal", "Print the record of alerts, deploys and actions."),
    "record": ("record:record", "Record without a screen, until it is stopped."),
    "import": ("import_history:import_history", "Read the sources' past into the journal."),
    "mcp": ("mcp:mcp", "Serve the board, read only, to an assistant (Model Context Protocol)."),
    "drill": ("drill:drill", "Serve the simulation alone, for tests."),
    "completion": ("completion:completion", "Print a shell's completion script: bash, zsh or fish."),
    "schema": ("schema:schema", "Print the JSON Schema of the configuration or of an output."),
    "man": ("man:man", "Print a manual page in roff."),
}
COMPLETE_VARIABLE = "_ONCALL_TUI_COMPLETE"  # set by that script: the shell, which asks what may stand at the cursor

DONE, NOT_DONE, WRONG_USE, UNKNOWN = 0, 1, 2, 3


class SentResult:
    """*code*: the exit code of what this command sent; None while nothing was."""

    code: int | None = None


sent = SentResult()


class OutcomeExit(SystemExit):
    """The exit of a command that sent something: its code says what came of that, whatever could be printed."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point. Exits 0 done, 1 refused, failed or unreadable, 2 wrong use, 3 an outcome is unknown."""
    output.settle_streams()
    settled = False
    try:
        code = _run(arguments)
    except SystemExit as end:
        settled, code = isinstance(end, OutcomeExit), _as_code(end.code)
        if not settled and sent.code is not None:
            settled, code = True, sent.code
    except Exception as error:
        if sent.code is None:
            raise
        output.say(f"oncall-tui: bug after it was sent: {error.__class__.__name__}: {error}; please report it")
        settled, code = True, sent.code
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: what comes now changes nothing
    output.flush()
    if output.lost:
        if output.lost != output.READER_GONE:
            output.say(f"oncall-tui: not everything could be printed: standard output: {output.lost}")
        code = code if settled or code != DONE else NOT_DONE
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    """The exit code; every error is said through the one door."""
    if os.path.expanduser("~") == "~":
        output.say("oncall-tui: this account has no home folder (set HOME to a folder that it can write to)")
        return WRONG_USE
    try:
        if shell := os.environ.get(COMPLETE_VARIABLE):
            from oncall_tui.cli.completion import answer

            return answer(shell)
        plain = options_of_board(sys.argv[1:] if arguments is None else arguments)
        if plain is None:
            from oncall_tui.cli.group import run

            return run(arguments)
        gc.disable()  # until the first frame, as in open_board: a collection for every few modules that are imported
        from oncall_tui.runtime.lean_asyncio import import_asyncio

        import_asyncio()
        from oncall_tui.cli.open_board import open_board

        return open_board(plain.config, plain.read_only)
    except ConfigurationError as error:
        output.say_text(f"oncall-tui: {error}")
        return WRONG_USE
    except OncallError as error:
        output.say(f"oncall-tui: {error}")
        return UNKNOWN if error.outcome == "unknown" else NOT_DONE
    except KeyboardInterrupt:  # once something is sent, interrupts are noted instead (see execution)
        output.say("oncall-tui: interrupted: nothing was sent")
        return NOT_DONE


class BoardOptions(NamedTuple):
    """The options of the board."""

    config: str = ""
    read_only: bool = False


def options_of_board(arguments: list[str]) -> BoardOptions | None:
    """Return the board's options where the command line has nothing else; None: click is to read it.

    The board is what is opened in a hurry, and importing click takes as long as 40 of its own modules.
    """
    config, read_only = "", False
    left = list(arguments)
    while left:
        one = left.pop(0)
        if one == "--read-only":
            read_only = True
        elif one == "--config" and left and not left[0].startswith("-"):
            config = left.pop(0)
        else:
            return None
    return BoardOptions(config, read_only)


def _as_code(code: object) -> int:
    return code if isinstance(code, int) else DONE if code is None else NOT_DONE
