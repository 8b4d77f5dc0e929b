"""A program's output without what it meant for its own terminal: colours, cursor moves, titles.

Facts: ECMA-48 (control sequences and strings), xterm's ctlseqs (OSC).
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor moves
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, the clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # other strings
    r"|\x1b[ -/]*[0-~]"  # charsets and single letters
)
_HAS_ESCAPE = re.compile(r"[\x1b\x90\x98\x9b\x9d\x9e\x9f]")


def without_escapes(text: str) -> str:
    """*text* without escape sequences, its tabs as blanks. Other control characters stay, for ``cells.visible``."""
    if _HAS_ESCAPE.search(text):
        text = _ESCAPES.sub("", text)
    return text.replace("\t", "    ") if "\t" in text else text
