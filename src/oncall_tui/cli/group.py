"""The commands as click knows them: one file each, imported when it runs."""

from __future__ import annotations

import io
from importlib import import_module

import click

from oncall_tui import __version__
from oncall_tui.cli import COMMANDS, DONE, NOT_DONE, output

GLOBAL = ("config", "read_only")  # options that are taken before and after the command


class CommandGroup(click.Group):
    """Finds a command's module when it is asked for; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__package__}.{module}"), name)
        for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            _take_globals(one, self)
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
        except KeyboardInterrupt:  # once something is sent, interrupts are noted instead (see execution)
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
        from oncall_tui.cli.board import board

        context.invoke(board)


cli.params += [_shown_version(), _shown_help()]


def run(arguments: list[str] | None) -> int:
    """Run the command that *arguments* name; the exit code. Raises OncallError; click's errors are said here."""
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
