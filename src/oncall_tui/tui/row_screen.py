"""The base of a screen that shows one row over the board."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.screen import Screen

Command = tuple[str, str, Callable[[], None]]
"""An entry of the palette: title, help, and the function to call."""


class RowScreen(Screen[None]):
    """A screen over the board for one row. It is told when the board is newer, and when there is a word to show."""

    def follow(self) -> None:
        """Look at the row again: the board is newer."""
        raise NotImplementedError

    def draw_outcome(self, now: float) -> None:
        """Show the outcomes of actions, and the last word."""
        raise NotImplementedError

    def commands(self) -> Iterable[Command]:
        """Return the palette's entries for this row; none once the row is not on the board."""
        raise NotImplementedError
