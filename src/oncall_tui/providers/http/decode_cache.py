"""Huge lists, cheaply: an item whose bytes did not change since the last poll is not decoded again.

5,000 alerts every few seconds, decoded whole, hold the interpreter for 40 ms; hashed and compared, for half of it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from oncall_tui.providers.lists import UNDECODABLE, Damage, DamagedItem, Items, decode_item, lost

I = TypeVar("I")  # noqa: E741
T = TypeVar("T")


class DecodeCache(Generic[I, T]):
    """A cache of what *make* made of each item of the last list. The same bytes give the same object again.

    *make* may raise ValueError: the item is damaged, as one that does not decode, and is left out and named, so that it
    does not hide the good ones.
    """

    def __init__(self, into: type[I], make: Callable[[I], T]) -> None:
        self._into = into
        self._make = make
        self._known: dict[bytes, T] = {}
        self._notes: dict[bytes, tuple[str, ...]] = {}  # of the few that were read without a field

    def take(self, raws: Items[I]) -> tuple[list[T], Damage]:
        """The items, in order, and which were damaged."""
        new: dict[bytes, T] = {}
        notes: dict[bytes, tuple[str, ...]] = {}
        damage = Damage()
        for raw in raws:
            digest = blake2b(raw, digest_size=16).digest()
            known, spared = self._known.get(digest), self._notes.get(digest, ())
            if known is None:
                try:
                    item, spared = decode_item(raw, self._into)
                    known = self._make(item)
                except DamagedItem as error:
                    damage.lose(str(error))
                    continue
                except UNDECODABLE as error:
                    damage.lose(lost(raw, error))
                    continue
            if spared:
                damage.spare(spared)
                notes[digest] = spared
            new[digest] = known
        damage.total = len(raws)
        self._known, self._notes = new, notes
        return list(new.values()), damage


def as_is(item: Any) -> Any:
    """Return the item itself, for a cache of what was decoded."""
    return item
