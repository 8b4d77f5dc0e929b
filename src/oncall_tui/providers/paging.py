"""The pages of a list, followed to their end: bounded, and never round in a circle.

Whatever names the next page (a token, a cursor, an offset, a number), one that came before is the end, and so is a page
that says the same as an earlier one: a server that does not move on would be asked for ever.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

from oncall_tui.domain.reading import PartialFailure, SourceState

C = TypeVar("C", bound=Hashable)
MOST = 100  # pages of a list for which nobody knows a better bound


class Paging(Generic[C]):
    """Iterates over what names each page, *first* for the first one, as long as ``follow`` named another.

    At the end *repeats* tells that the pages went round, *cut* that there are more than *most* pages.
    """

    def __init__(self, first: C, most: int = MOST) -> None:
        self.repeats = False
        self.cut = False
        self.pages = 0
        self._most = most
        self._at: C | None = first
        self._named: set[C] = {first}
        self._told: set[bytes] = set()

    def __iter__(self) -> Iterator[C]:
        while self._at is not None:
            at, self._at = self._at, None
            self.pages += 1
            yield at

    def follow(self, after: C | None, told: Iterable[bytes] = ()) -> bool:
        """Go on with the page *after* (None or empty: this was the last). *told* are this page's items as they came.

        False: this page said the same as an earlier one, and is to be left out.
        """
        digest = blake2b(digest_size=16)
        empty = True
        for item in told:
            empty = False
            digest.update(bytes(item) + b"\0")
        if not empty and digest.digest() in self._told:
            self.repeats = True
            return False
        if not empty:
            self._told.add(digest.digest())
        if after is None or after == "":
            return True
        if after in self._named:
            self.repeats = True
        elif self.pages >= self._most:
            self.cut = True
        else:
            self._named.add(after)
            self._at = after
        return True

    @property
    def whole(self) -> bool:
        """Return whether the last page was read, as far as the other side tells."""
        return not self.repeats and not self.cut

    def words(self, read: int) -> str:
        """Say in words what the list lacks, given how many items were *read*; empty: nothing."""
        if self.repeats:
            return f"its pages repeat themselves: what comes after the {read:,} that were read is not known"
        return f"there are more than the {read:,} that were read" if self.cut else ""

    def problems(self, what: str, read: int, hint: str = "") -> list[PartialFailure]:
        """Return the partial failure of a reading's *what* (``alerts``); none where the list is whole."""
        if self.whole:
            return []
        state = SourceState.MALFORMED if self.repeats else SourceState.DENIED
        return [PartialFailure(state, what, self.words(read), hint)]
