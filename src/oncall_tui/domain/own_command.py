"""A team's own command (``commands:`` in the configuration): a program that is run for a row, without a shell.

What it is given of the row: whole names in its arguments (``{service}``), everything as JSON on its standard input, and
the row's own fields in its environment (``ONCALL_SERVICE``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class RowKind(StrEnum):
    """The kinds of rows that a command can be for. ``board``: it is for no row."""

    ALERT = "alert"
    SERVICE = "service"
    DEPLOY = "deploy"
    BOARD = "board"


# The fields of a row, as ``{name}`` in an argument and ``ONCALL_NAME`` in the environment.
FIELDS = (
    "account",
    "alert",
    "cluster",
    "deploy",
    "id",
    "product",
    "provider",
    "region",
    "revision",
    "service",
    "source",
)
_TEXTS = ("row", "state", "title")  # in the environment alone: a title is anybody's text
BOARD = "board"  # the target of a command that is for no row: no row's id is without a slash
PREFIX = "ONCALL_"
MOST_TEXT = 8_000  # characters in a variable: with one of 128 kB no program starts (execve(2)); its input has them all
_PLACEHOLDER = r"\{([a-z_]+)\}"
# Only what no program, no shell and no path reads as anything but a name: a name in an argument can become neither
# another argument, nor an option, nor a part of a script, also where a team hands it to `sh -c` or to `ssh`.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]*"


class OwnCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command of the configuration. *argv* is run as it is; *rows* are what it is for, of the services that
    *services* (globs over ``SOURCE/CLUSTER/SERVICE``) match, where there are any.

    *writes*: its plan is shown and confirmed. *timeout_s*: it is ended after so many seconds. *folder* is where it
    runs, from the configuration's folder. *env* adds to its environment; *secrets* are variables with secrets of this
    program that it gets all the same.
    """

    name: str
    argv: tuple[str, ...]
    what: str = ""
    key: str = ""
    rows: tuple[RowKind, ...] = (RowKind.ALERT, RowKind.SERVICE, RowKind.DEPLOY)
    services: tuple[str, ...] = ()
    writes: bool = False
    timeout_s: float = 600.0
    folder: str = ""
    env: dict[str, str] = {}
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rows == (RowKind.BOARD,) and self.services:
            raise ValueError("services: expected none for a command that is for no row")

    def is_for(self, kind: RowKind, service_id: str) -> bool:
        """Tell whether it can be run for a row of that kind, of that service (empty: of none that is known)."""
        from fnmatch import fnmatchcase  # only where there are commands

        if kind not in self.rows:
            return False
        return not self.services or any(fnmatchcase(service_id, text) for text in self.services)


def unknown_field(argument: str) -> str | None:
    """Return the first ``{name}`` of an argument that no row has; None: there is none."""
    return next((name for name in re.findall(_PLACEHOLDER, argument) if name not in FIELDS), None)


def filled(argv: tuple[str, ...], fields: Mapping[str, str]) -> tuple[str, ...]:
    """Return the arguments with a row's names in them, as many as before. Raises ValueError for a name that the row
    lacks, or that has a character which a program could read as more than a name.
    """
    return tuple(re.sub(_PLACEHOLDER, lambda found: _name(found[1], fields), argument) for argument in argv)


def _name(field: str, fields: Mapping[str, str]) -> str:
    value = fields.get(field, "")
    if not value:
        raise ValueError(f"this row has no {field}, which its arguments name")
    if not re.fullmatch(_NAME, value) or ".." in value:
        raise ValueError(
            f"the {field} of this row ({value[:60]!r}) has characters that no argument gets: "
            f"the command can read it from ${PREFIX}{field.upper()}, or from its input"
        )
    return value


def variables(fields: Mapping[str, str]) -> dict[str, str]:
    """Return every field as a variable of the environment; what the row lacks is empty."""
    found = {name: fields.get(name, "").replace("\0", "") for name in (*FIELDS, *_TEXTS)}
    return {f"{PREFIX}{name.upper()}": text[:MOST_TEXT] for name, text in found.items()}
