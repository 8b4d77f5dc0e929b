"""Before the board opens: why it cannot be drawn here, in words; and what of the environment must not reach Textual."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

from oncall_tui.cli.output import is_terminal, is_utf8

STATUS = "`oncall-tui status` prints the board once"
NO_SCREEN = ("", "dumb", "unknown")
LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")  # the first that is set counts
SIZES = ("COLUMNS", "LINES")


def settle(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take out of the environment what would steer Textual: keys that it presses, a log that it writes, and a size that
    stands still. Call it before Textual is imported.
    """
    for name in [name for name in environ if name == "TEXTUAL" or name.startswith("TEXTUAL_") or name in SIZES]:
        del environ[name]


def why_no_board(environ: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """Return why the board cannot be drawn here, and what to do; None: it can."""
    if not is_terminal(sys.stdout):
        return "stdout is not a terminal, and the board needs one", STATUS
    if not is_terminal(sys.stderr):  # Textual draws there
        return "stderr is not a terminal, and the board draws there", f"do not redirect it; {STATUS}"
    if not is_terminal(sys.stdin):
        return "stdin is not a terminal, and the board reads its keys there", f"do not redirect it; {STATUS}"
    term = environ.get("TERM", "")
    if term in NO_SCREEN:
        said = f"TERM={term}" if term else "TERM is not set"
        return f"{said}: a terminal without a screen", f"export TERM=xterm-256color if yours has one; {STATUS}"
    return _why_not_utf8(environ)


def _why_not_utf8(environ: Mapping[str, str]) -> tuple[str, str] | None:
    name, value = next(((name, environ[name]) for name in LOCALES if environ.get(name)), ("", ""))
    encoding = value.partition(".")[2].partition("@")[0]
    if encoding and encoding.replace("-", "").lower() != "utf8":
        return f"the board needs UTF-8, and {name} is {value}", _utf8(name)
    if is_utf8(sys.stderr):
        return None
    encoding = (sys.stderr.encoding if sys.stderr else "") or "unknown"
    if environ.get("PYTHONIOENCODING"):
        said = f"PYTHONIOENCODING is {environ['PYTHONIOENCODING']}"
        return f"the board needs UTF-8, and {said}", f"unset PYTHONIOENCODING; {STATUS}"
    return f"the board needs UTF-8, and the locale's encoding is {encoding}", _utf8(name or "LC_ALL")


def _utf8(name: str) -> str:
    return f"in a terminal that is set to UTF-8: {name}=C.UTF-8 oncall-tui; {STATUS}, in any locale"
