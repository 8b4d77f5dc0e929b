"""The table that a shell completes by, from the commands: `python -m tests.support.completion_table` writes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from oncall_tui.cli import COMMANDS, group
from oncall_tui.cli.schema import OUTPUTS

FILE = Path(__file__).parents[2] / "src" / "oncall_tui" / "cli" / "completion_table.py"
# What a value is, by its metavar or its argument's name in capitals, or by the command and its option.
VALUES = {
    "ALERT": "alerts",
    "ALERTS": "alerts",
    "SERVICE": "services",
    "DEPLOY": "services",
    "INCIDENT": "incidents",
    "INCIDENT|ALERT": "incidents alerts",
    "FILE": "file",
    "FOLDER": "file",
    "PATH": "file",
    "incident ID": "incidents",
    "follow-up ID": "follow_ups",
    "mark WORD": "=actionable|noise|neither",
    "import --source": "sources",
    "changes --product": "products",
    "handover --to": "destinations",
    "completion SHELL": "=bash|zsh|fish",
    "schema [NAME]": "=config|" + "|".join(OUTPUTS),
    "man [COMMAND]": "commands",
    "run [NAME]": "own_commands",
    "run [ROW]": "alerts services",
}
HEAD = '''"""The commands and their options, as a shell's completion wants them: without importing a command's module.

Generated from the commands, and kept: at a TAB somebody waits. To import one command's module costs three times the CPU
of the whole answer without it (242 ms beside 65 ms), and a table that only the build makes is missing in a checkout.
`python -m tests.support.completion_table` writes it; `tests/unit/test_completion.py` holds it to the commands.
"""

from __future__ import annotations

from typing import NamedTuple


class CompletionRow(NamedTuple):
    """An option or an argument. *names*: ``--json``, or an argument's name (with ``*``: many). *value*: ``flag``,
    ``file``, ``=a|b`` (words to choose from), kinds of kept names parted by blanks, or empty. *about* is its help.
    """

    names: str
    value: str
    about: str = ""


Row = CompletionRow
'''


def made() -> str:
    """The module's text, as ruff formats it."""
    context = click.Context(group.cli, obj={"config": "", "read_only": False})
    rows: dict[str, list[str]] = {}
    subcommands: dict[str, list[tuple[str, str]]] = {}
    usual = {param.name for param in group.cli.params}
    for name in COMMANDS:
        command = group.cli.get_command(context, name)
        assert command is not None
        rows[name] = [] if name == "drill" else list(_rows(name, command, usual))
        for sub, inner in command.commands.items() if isinstance(command, click.Group) else ():
            rows[f"{name} {sub}"] = list(_rows(name, inner, usual))
            subcommands.setdefault(name, []).append((sub, inner.get_short_help_str(100)))
    text = HEAD + f"\nGLOBAL = ({' '.join(f'{row},' for row in _rows('', group.cli, set()))})\n"
    text += "\nSUBCOMMANDS: dict[str, tuple[tuple[str, str], ...]] = {"
    text += "".join(f"{name!r}: {tuple(found)!r}," for name, found in subcommands.items()) + "}\n"
    text += "\nTABLE: dict[str, tuple[CompletionRow, ...]] = {"
    text += "".join(f"{name!r}: ({' '.join(f'{row},' for row in found)})," for name, found in rows.items()) + "}\n"
    ruff = [str(Path(sys.executable).with_name("ruff")), "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout


def _rows(command: str, found: click.Command, left_out: set[str | None]) -> Iterator[str]:
    for param in found.params:
        if param.name in left_out:
            continue
        if isinstance(param, click.Option):
            names = " ".join(param.opts)
            word = f"{command} {param.opts[-1]}"
            about = param.help or ""
        else:
            names = f"{param.name}{'*' * (param.nargs == -1)}"
            word = f"{command} {param.metavar}"
            about = ""
        metavar = (param.metavar or (param.name or "").upper()).removesuffix("...")
        kind = VALUES.get(word) or VALUES.get(metavar, "")
        if isinstance(param.type, click.Choice):
            kind = f"={'|'.join(param.type.choices)}"
        if isinstance(param, click.Option) and param.is_flag:
            kind = "flag"
        yield f"Row({names!r}, {kind!r}, {about!r})" if about else f"Row({names!r}, {kind!r})"


if __name__ == "__main__":
    FILE.write_text(made())
