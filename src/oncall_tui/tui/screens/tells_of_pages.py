"""A screen over the board that has a place for the words of a new page."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class TellsOfPages(Protocol):
    """A page that began while a dialog, the detail or the log is open is told there too."""

    def tell_of_page(self, words: str) -> None:
        """Show *words*; empty: there is no new page that was not seen."""
