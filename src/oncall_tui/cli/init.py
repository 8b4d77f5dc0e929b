"""``init``: a first configuration: what this machine leads to and can be read, and every setting as a comment."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, OutcomeExit
from oncall_tui.cli.common import fail
from oncall_tui.cli.first_file import FIRST_LINE, SCHEMA, found_text
from oncall_tui.cli.first_run import LONGEST_S, Tried, candidates, try_all
from oncall_tui.cli.output import ask, is_terminal, put, say
from oncall_tui.cli.schema import as_text
from oncall_tui.errors import ConfigurationError
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.time_format import rfc3339


@click.command()
@click.argument("path", required=False)
@click.option("--yes", is_flag=True, help="Look for sources without asking; a file that is there stays as it is.")
@click.pass_context
def init(context: click.Context, path: str | None, yes: bool) -> None:
    """Write a configuration to PATH (default: your file), with what can be found on this machine.

    On a terminal it asks first; with --yes it does not. It looks for AWS profiles, tokens in the environment and an
    Alertmanager on this machine, reads each once, and writes what it could read; the rest is a comment that says what
    is missing. Without a terminal and without --yes it writes the commented settings alone. No secret is written, and
    no file replaced without a question.
    """
    from oncall_tui.config.files import own_file

    target = Path(named) if (named := path or context.obj["config"]) else own_file(os.environ)
    asks = is_terminal(sys.stdin) and is_terminal(sys.stderr) and not yes
    there = os.path.lexists(target)
    if there and not (asks and ask(f"{target} is there already. Replace it, and keep it as {target.name}.bak?")):
        fail(f"{target} is there already", "nothing was changed")
    try:
        tried = _tried(asks) if asks or yes else []
        usable = sum(one.usable for one in tried)
        entries = f"{usable} {'entry' if usable == 1 else 'entries'}"
        if asks and not ask(f"Write {target} with {entries}?", usual=True):
            fail("not confirmed: nothing was written")
    except KeyboardInterrupt:
        say("oncall-tui: interrupted: nothing was written")
        sys.exit(NOT_DONE)
    _write(target, tried, there)
    if not any(one.usable and one.candidate.section == "sources" for one in tried):
        put(f"wrote {target}: fill it in, then `oncall-tui check`")
        raise OutcomeExit(DONE)  # it is there, whether or not that could be printed
    put(f"wrote {target}: {entries}, and every other setting as a comment")
    raise OutcomeExit(_checked(context, target, asks))


def _tried(asks: bool) -> list[Tried]:
    """The entries that were found, and what came of asking them; empty where a person does not want that."""
    found, wrong = candidates(os.environ, SystemClock())
    say(*wrong, "found on this machine, or looked for there:")
    say(*(f"  {words}" for words in dict.fromkeys(one.tried for one in found)))
    if asks and not ask(f"Read each of them once, for {LONGEST_S:.0f} s at the most? Nothing is changed.", usual=True):
        return []
    return try_all(found, _tell)


def _tell(one: Tried) -> None:
    head = f"  {one.candidate.name} ({one.candidate.keys['provider']})"
    if one.answered is not None:
        say(f"{head:<32} {one.answered.words}")
        return
    say(f"{head:<32} {one.problem}")
    if one.hint and not one.candidate.only_if_there:
        say(f"{'':<32} → {one.hint}")


# --- the file ---------------------------------------------------------------------------------------------------------


def _write(target: Path, tried: Sequence[Tried], replaces: bool) -> None:
    """Write the file, and the schema beside it where there is none."""
    from oncall_tui.config import template

    found = found_text(tried, bootstrap.aws_policy(), rfc3339(SystemClock().now())) if tried else ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if replaces:
            os.replace(target, target.with_name(f"{target.name}.bak"))
        _write_new(target, FIRST_LINE + found + template())
        with contextlib.suppress(FileExistsError):
            _write_new(target.with_name(SCHEMA), as_text(bootstrap.config_schema()))
    except FileExistsError:
        fail(f"{target} is there already", "nothing was changed")
    except OSError as error:
        fail(f"cannot write {target}: {error.strerror}")


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, readable by its owner alone. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _checked(context: click.Context, target: Path, asks: bool) -> int:
    """Check what was written, and offer to open the board on it; the exit code."""
    from oncall_tui.cli import check

    context.obj["config"] = str(target)
    try:
        code = check.run(context)
    except ConfigurationError as error:  # it is written all the same
        say(str(error))
        return NOT_DONE
    if asks and is_terminal(sys.stdout) and ask("Open the board now?", usual=True):
        from oncall_tui.cli.open_board import open_board

        return open_board(str(target), context.obj["read_only"])
    return code
