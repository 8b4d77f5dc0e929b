"""The one door to the terminal for text that comes from outside: a label, a title, a log line, what somebody pasted.

Text is cleaned where it is given to a widget, so that it is measured as it will be shown. ``CleanLines`` stands behind
all of them: it looks at every line of every widget (titles of boxes, placeholders, the palette, notifications) just
before it is sent. What is acted upon is never the cleaned text: who needs the real value keeps it beside.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip
from textual.widgets import Input

from oncall_tui.text.cells import clean
from oncall_tui.tui.palette import Palette
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


def guard(app: App[Any]) -> None:
    """Put the last look into *app*, for every widget that it will ever show."""
    app._filters.insert(0, CleanLines())


TOGETHER = ("Enter came together with the text: press Enter once more", "press Enter once more")


class CleanInput(Input):
    """A line to type into. Whatever is put there, typed or pasted, is cleaned before it is shown.

    An Enter that arrives at once with the text (a paste, or fast typing over a slow link) does not act. The line itself
    says so, until the next key.
    """

    _ignored: tuple[str, ...] = ()  # what of the last paste did not act: the same words, longest first

    def validate_value(self, value: str) -> str:
        """The value as it may be shown."""
        return clean(value)

    def validate_placeholder(self, placeholder: str) -> str:
        """The placeholder likewise."""
        return clean(placeholder)

    def on_paste(self, event: events.Paste) -> None:
        """Remember what of the paste is not taken: the line takes the text before the first line break."""
        self._say_ignored(ignored(event.text))

    def on_key(self) -> None:
        """The engineer goes on: the words have been seen."""
        self._say_ignored(())

    def on_blur(self) -> None:
        """The line is left."""
        self._say_ignored(())

    def _say_ignored(self, words: tuple[str, ...]) -> None:
        if words != self._ignored:
            self._ignored = words
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line; what was ignored stands at its right end, or over the beginning of a text that fills it."""
        strip = super().render_line(y)
        if not self._ignored or y:
            return strip
        cells, short = self.size.width, self._ignored[-1]
        free = cells - (self.content_width if self.value else 1) - 1
        words = next((words for words in self._ignored if cell_len(words) + 2 <= free), short)
        said = Segment(f" {words} ", Palette(self)("page"))
        room = cell_len(said.text)
        if room <= free:
            return Strip([*strip.crop(0, cells - room), said])
        return Strip([said, *strip.crop(room, cells)])


def ignored(pasted: str) -> tuple[str, ...]:
    """Word what a line of text does not take of *pasted*, long and short; empty: it takes all."""
    lines = pasted.splitlines()
    if any(line.strip() for line in lines[1:]):
        return (
            f"only the first of {len(lines)} lines was taken, and Enter not: press Enter once more",
            f"took 1 of {len(lines)} lines",
        )
    return TOGETHER if len(lines) > 1 or pasted != "".join(lines) else ()


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
