"""The line that a filter is typed into: it exists from the first use on, and is hidden while nothing is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from oncall_tui.tui.widgets.clean_input import CleanInput


class FilterLine(CleanInput):
    """Tells of each change, of Enter, and of Esc (``Cleared``)."""

    DEFAULT_CSS = """
    FilterLine { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    FilterLine:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False, priority=True)]

    class Cleared(Message):
        """Esc: the filter goes."""

    def __init__(self) -> None:
        words = "words, key:value, !inverse, ~regex; Enter keeps it, Esc clears it"
        super().__init__(id="filter", placeholder=words)

    def open(self, text: str) -> None:
        """Show the line with this text, ready to be changed; it has the keys at once."""
        self.display = True
        self.value = text
        self.screen.set_focus(self)  # now, not after the next message: what is typed next belongs to it

    def action_clear(self) -> None:
        """Give the filter up."""
        self.post_message(self.Cleared())
