"""The lines of a box that have been on screen, at its size now. Pure.

A yes counts only for what could be read: who shrinks the window has to scroll through it again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable


class ShownLines:
    """*things* are numbers of lines, indices of options, ids of widgets: whatever is asked for again."""

    def __init__(self) -> None:
        self._arranged: Hashable = None
        self._things: set[Hashable] = set()

    def forget(self) -> None:
        """The window has another size: nothing of it was seen yet."""
        self._things.clear()

    def look(self, arranged: Hashable, things: Iterable[Hashable]) -> bool:
        """A frame was painted with *things* in sight. *arranged*: sizes; in other ones everything is to be seen anew.

        Returns whether that is news: then another frame may follow.
        """
        if arranged != self._arranged:
            self._arranged = arranged
            self._things.clear()
        before = len(self._things)
        self._things.update(things)
        return len(self._things) != before

    def missing(self, things: Iterable[Hashable]) -> list[Hashable]:
        """Return the items that were not in sight."""
        return [thing for thing in things if thing not in self._things]
