"""One mistake in a file, and the nearest spelling of what was probably meant."""

from __future__ import annotations

import msgspec

from oncall_tui.text.spelling import nearest

__all__ = ["Diagnostic", "nearest", "show"]
LONGEST = 48


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """Its place, what was expected there, what was found, and what was probably meant. Never holds a secret."""

    file: str
    line: int = 0  # from 1; 0: the file as a whole
    column: int = 0
    key: str = ""
    expected: str
    found: str = ""
    near: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: {self.key}: " if self.key else f"{place}: "
        text += f"expected {self.expected}"
        if self.found:
            text += f", found {self.found}"
        return f"{text}; did you mean {self.near}?" if self.near else text


def show(text: str) -> str:
    """*text* in quotes, short and printable: it goes to a terminal and comes from a file."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "�" for c in cut) + '"'
