"""The one door to the terminal for text that comes from outside: a label, a title, a log line, what somebody pasted.

Text is cleaned where it is given to a widget, so that it is measured as it will be shown. ``CleanLines`` stands behind
all of them: it looks at every line of every widget (titles of boxes, placeholders, the palette, notifications) just
before it is sent. What is acted upon is never the cleaned text: who needs the real value keeps it beside.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from oncall_tui.text.cells import clean
from oncall_tui.tui.terminal.clipboard import route

LONGEST_COPY = 60_000  # characters: terminals take no more at a time


class CleanLines(LineFilter):
    """The last look at a line: what a terminal would obey or hide is replaced, and no cell is won or lost by it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments; those that are not plain text are rewritten."""
        if all(control or (text.isascii() and text.isprintable()) for text, _, control in segments):
            return segments
        return [s if s.control else Segment(harmless(s.text), s.style) for s in segments]


def harmless(text: str) -> str:
    """*text* in as many cells, with a dot for each cell of a character that ``clean`` would not let through."""
    if clean(text) == text:
        return text
    return "".join(char if clean(char) == char or _joins(char) else "·" * cell_len(char) for char in text)


def _joins(char: str) -> bool:
    """A combining mark alone is none of a word; within one it is part of the letter before it."""
    return clean("a" + char) == "a" + char


def guard(app: App[Any], ambiguous_width: int = 1, signs: str = "unicode") -> None:
    """Put the last look into *app*, for every widget that it will ever show; with it, where the configuration asks for
    that, the signs that are one cell wide in every terminal.
    """
    app._filters.insert(0, CleanLines())
    if ambiguous_width == 2 or signs == "ascii":
        from oncall_tui.tui.widgets.plain_signs import PlainSigns  # seldom asked for

        app._filters.insert(1, PlainSigns(wide=ambiguous_width == 2, ascii_signs=signs == "ascii"))


def copyable(text: str) -> str:
    """*text* as it may be pasted into a shell: its lines, cleaned, as many as a terminal takes at a time."""
    return "\n".join(map(clean, text.splitlines()))[:LONGEST_COPY]


def copy(app: App[Any], text: str) -> str:
    """Send *text* to the terminal's clipboard, where it can get there. Returns what can be said of that."""
    way, sent = route(), copyable(text)
    if not way.sends:
        return way.words
    app.copy_to_clipboard(sent)
    cut = f", cut to {LONGEST_COPY:,} characters" if len(sent) == LONGEST_COPY < len(text) else ""
    changed = ", control characters replaced" if not text.startswith(sent) else ""
    return f"{way.words}{cut}{changed}"
