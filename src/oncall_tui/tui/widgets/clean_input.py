"""A line to type into that shows nothing uncleaned, and says what of a paste it did not take."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widgets import Input

from oncall_tui.text.cells import clean
from oncall_tui.tui.palette import Palette

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
