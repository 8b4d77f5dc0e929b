"""``man``: manual pages in roff, made from the same text as ``--help``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from oncall_tui import __version__
from oncall_tui.cli import COMMANDS, WRONG_USE
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put, put_exactly
from oncall_tui.runtime.folders import CONFIG_VARIABLE, STATE_FOLDER, TEAM_FILE

PROGRAM = "oncall-tui"
EXIT_CODES = (
    ("0", "Done; for a rollback without --wait, sent."),
    ("1", "Refused, failed, or a source that the command needs could not be read."),
    ("2", "Wrong usage, or a mistake in the configuration."),
    ("3", "An outcome is unknown: it was sent, or maybe sent."),
)


@click.command()
@click.argument("command", metavar="[COMMAND]", required=False, default="")
@click.option("--into", "folder", default="", metavar="FOLDER", help="Write every page into this folder instead.")
@click.pass_context
def man(context: click.Context, command: str, folder: str) -> None:
    """Print the manual page of COMMAND, or of the program, in roff.

    `oncall-tui man status | man -l -` shows it.
    """
    root = context.find_root().command
    assert isinstance(root, click.Group)
    if command and command not in COMMANDS:
        fail(f"no command {command!r}", "`oncall-tui --help` lists them", WRONG_USE)
    if not folder:
        put_exactly(page(root, command))
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name in ("", *COMMANDS):
            Path(folder, f"{_title(name)}.1").write_text(page(root, name), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write into {folder}: {error.strerror}")
    put(f"wrote {len(COMMANDS) + 1} pages into {folder}")


def page(root: click.Group, name: str) -> str:
    """Return the manual page of a command, in roff (groff_man(7)); an empty name is the program's own."""
    about = COMMANDS[name][1] if name else "alerts, services and deploys on one board"
    context = click.Context(root, info_name=PROGRAM, obj={"config": "", "read_only": False})
    command: click.Command | None = root
    if name:
        command = root.get_command(context, name)
        context = click.Context(command or root, info_name=name, parent=context)
    assert command is not None
    lines = [f'.TH {_title(name).upper()} 1 "" "{PROGRAM} {__version__}" "User Commands"']
    lines += [".SH NAME", f"{_text(_title(name))} \\- {_text(about.rstrip('.'))}"]
    lines += [".SH SYNOPSIS", *_synopsis(context, command), ".SH DESCRIPTION", *_paragraphs(command.help or "")]
    lines += [".SH OPTIONS", *_options(context, command)]
    if name == "":
        lines += [".SH COMMANDS", *_terms((word, told, "B") for word, (_, told) in COMMANDS.items())]
    elif isinstance(command, click.Group):
        for sub, inner in command.commands.items():
            deeper = click.Context(inner, info_name=sub, parent=context)
            lines += [f".SH COMMAND {_text(sub).upper()}", *_synopsis(deeper, inner), ".PP"]
            lines += [*_paragraphs(inner.help or ""), *_options(deeper, inner)]
    lines += [".SH EXIT STATUS", *_terms((code, words, "B") for code, words in EXIT_CODES), *_around(name)]
    return "\n".join(lines) + "\n"


def _title(name: str) -> str:
    return f"{PROGRAM}-{name}" if name else PROGRAM


def _synopsis(context: click.Context, command: click.Command) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return [f".B {_text(context.command_path)}", _text(pieces)]


def _options(context: click.Context, command: click.Command) -> list[str]:
    params = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    records = [record for param in params if (record := param.get_help_record(context))]
    return _terms((names, words, "B") for names, words in records)


def _terms(pairs: Iterator[tuple[str, str, str]]) -> list[str]:
    return [line for term, words, font in pairs for line in (".TP", f".{font} {_text(term)}", _text(words) or "\\&")]


def _paragraphs(text: str) -> list[str]:
    found = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]
    return [line for at, part in enumerate(found) for line in ((".PP",) if at else ()) + (_text(part),)]


def _around(name: str) -> list[str]:
    lines = []
    if not name:
        files = (
            (str(TEAM_FILE), "The team's configuration.", "I"),
            ("~/.config/oncall-tui/config.yaml", "Yours, merged over it.", "I"),
            (STATE_FOLDER, "The journal and what is kept between sessions.", "I"),
        )
        lines += [".SH FILES", *_terms(iter(files))]
        lines += [".SH ENVIRONMENT", *_terms(iter([(CONFIG_VARIABLE, "The configuration file.", "B")]))]
        others = ", ".join(f".BR {_text(_title(one))} (1)" for one in COMMANDS)
        return [*lines, ".SH SEE ALSO", *others.replace(" (1), ", " (1),\n").split("\n")]
    return [*lines, ".SH SEE ALSO", f".BR {_text(PROGRAM)} (1)"]


def _text(text: str) -> str:
    """A text that roff takes as it is: a backslash, a hyphen, a dot in front mean something to it (groff_char(7))."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
