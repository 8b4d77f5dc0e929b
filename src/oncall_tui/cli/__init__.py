"""The commands: one file each, imported when it runs."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import click

from oncall_tui import __version__
from oncall_tui.errors import ConfigurationError, OncallError

# name -> module:attribute and the line that help shows. Importing a command's module costs start-up time: not here.
COMMANDS: dict[str, tuple[str, str]] = {
    "board": ("board:board", "Open the board (also without any command)."),
    "demo": ("demo:demo", "Open the board on a simulated night; needs no configuration."),
    "init": ("init:init", "Write a commented configuration to start from."),
    "check": ("check:check", "Check the configuration, then contact each source."),
    "status": ("status:status", "Print alerts, services and deploys once."),
    "ack": ("ack:ack", "Acknowledge an alert."),
    "unack": ("unack:unack", "Take back an acknowledgement of one's own."),
    "silence": ("silence:silence", "Silence an alert for a time, with a reason."),
    "note": ("note:note", "Add a note to an alert."),
    "escalate": ("escalate:escalate", "Escalate an incident to a level."),
    "oncall": ("oncall:oncall", "Print who is on call, now and next."),
    "deploys": ("deploys:deploys", "Print what is being rolled out; --watch follows it."),
    "rollback": ("rollback:rollback", "Roll a service back, and follow it to the end."),
    "handover": ("handover:handover", "Print what the next one on call has to know."),
    "journal": ("journal:journal", "Print what was seen and done."),
    "drill": ("drill:drill", "Serve the simulated world alone."),
}

DONE, NOT_DONE, WRONG_USE, UNKNOWN = 0, 1, 2, 3


class Commands(click.Group):
    """Finds a command's module when it is asked for; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_path", metavar="FILE", default="", help="The configuration file.")
@click.option("--read-only", is_flag=True, help="Switch every write off.")
@click.version_option(__version__, prog_name="oncall-tui")
@click.pass_context
def cli(context: click.Context, config_path: str, read_only: bool) -> None:
    """What is on fire, which ECS service it is, which deploy did it, and one key to make it stop."""
    context.obj = {"config": config_path, "read_only": read_only}
    if context.invoked_subcommand is None:
        gc.disable()  # until the first frame, as in board.show: a collection for every few modules that are imported
        context.invoke(import_module(f"{__name__}.board").board)


def main(arguments: list[str] | None = None) -> Any:
    """The program's way in. Exits 0 done, 1 refused, failed or unreadable, 2 wrong use, 3 an outcome is unknown."""
    try:
        return cli.main(args=arguments, prog_name="oncall-tui")
    except ConfigurationError as error:
        click.echo(f"oncall-tui: {error}", err=True)
        sys.exit(WRONG_USE)
    except OncallError as error:
        click.echo(f"oncall-tui: {error}", err=True)
        sys.exit(NOT_DONE)
    except BrokenPipeError:
        sys.exit(NOT_DONE)
