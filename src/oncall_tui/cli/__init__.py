"""The commands: one file each, imported when it runs."""

from __future__ import annotations

import gc
import io
import signal
import sys
import threading
from importlib import import_module
from typing import NoReturn

import click

from oncall_tui import __version__
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
    "escalate": ("escalate:escalate", "Escalate an incident to a level."),
    "oncall": ("oncall:oncall", "Print who is on call, now and next."),
    "deploys": ("deploys:deploys", "Print deploys; --watch follows them."),
    "rollback": ("rollback:rollback", "Roll a service back, and follow it to the end."),
    "handover": ("handover:handover", "Print the handover."),
    "journal": ("journal:journal", "Print the record of alerts, deploys and actions."),
    "drill": ("drill:drill", "Serve the simulation alone, for tests."),
}

DONE, NOT_DONE, WRONG_USE, UNKNOWN = 0, 1, 2, 3


class SentResult:
    """*code*: the exit code of what this command sent; None while nothing was."""

    code: int | None = None


sent = SentResult()
GLOBAL = ("config", "read_only")  # options that are taken before and after the command


class OutcomeExit(SystemExit):
    """The exit of a command that sent something: its code says what came of that, whatever could be printed."""


class CommandGroup(click.Group):
    """Finds a command's module when it is asked for; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        _take_globals(command, self)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from oncall_tui.text.spelling import nearest

            near = nearest(args[0], COMMANDS)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; Ctrl+C before anything is sent is said, and exits."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # once something is sent, interrupts are noted instead (see carrying)
            output.say("oncall-tui: interrupted: nothing was sent")
            raise SystemExit(NOT_DONE) from None


def _take_globals(command: click.Command, group: click.Group) -> None:
    """Let the command take the group's options too: nobody remembers which side of it they belong to."""
    if command.name == "drill" or any(p.name in GLOBAL for p in command.params):
        return  # the drill's command passes everything on
    command.add_help_option = False
    for option in group.params:
        if isinstance(option, click.Option) and option.name in GLOBAL:
            flag = {"is_flag": True} if option.is_flag else {"metavar": option.metavar, "default": ""}
            names = [*option.opts, str(option.name)]
            command.params.append(
                click.Option(names, help=option.help, expose_value=False, callback=_set_global, **flag)
            )
    command.params += [_shown_version(), _shown_help()]


def _set_global(context: click.Context, option: click.Parameter, value: object) -> object:
    if value and option.name is not None:
        context.obj[option.name] = value
    return value


def _shown_help() -> click.Option:
    """click's own writes to stdout without the door."""
    words = "Show this message and exit."
    return click.Option(["-h", "--help"], is_flag=True, is_eager=True, expose_value=False, help=words, callback=_help)


def _shown_version() -> click.Option:
    words = "Show the version and exit."
    return click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, help=words, callback=_version)


def _help(context: click.Context, _option: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        output.put_text(context.get_help())
        context.exit()


def _version(context: click.Context, _option: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        output.put(f"oncall-tui, version {__version__}")
        context.exit()


@click.group(cls=CommandGroup, invoke_without_command=True, add_help_option=False)
@click.option("--config", metavar="FILE", default="", help="The configuration file.")
@click.option("--read-only", is_flag=True, help="Switch every write off.")
@click.pass_context
def cli(context: click.Context, config: str, read_only: bool) -> None:
    """Show firing alerts, their ECS services and the suspect deploys on one board, and roll back with a key."""
    context.obj = {"config": config, "read_only": read_only}
    if context.invoked_subcommand is None:
        gc.disable()  # until the first frame, as in board.show: a collection for every few modules that are imported
        context.invoke(import_module(f"{__name__}.board").board)


cli.params += [_shown_version(), _shown_help()]


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
    try:
        found = cli.main(args=arguments, prog_name="oncall-tui", standalone_mode=False)
        return found if isinstance(found, int) else DONE
    except click.ClickException as error:
        words = io.StringIO()
        error.show(words)
        output.say_text(words.getvalue())
        if isinstance(error, click.UsageError):
            output.say(f"`{error.ctx.command_path if error.ctx else 'oncall-tui'} --help` lists commands and options.")
        return error.exit_code
    except click.Abort:
        output.say("oncall-tui: interrupted: nothing was sent")
        return NOT_DONE
    except ConfigurationError as error:
        output.say_text(f"oncall-tui: {error}")
        return WRONG_USE
    except OncallError as error:
        output.say(f"oncall-tui: {error}")
        return UNKNOWN if error.outcome == "unknown" else NOT_DONE


def _as_code(code: object) -> int:
    return code if isinstance(code, int) else DONE if code is None else NOT_DONE
