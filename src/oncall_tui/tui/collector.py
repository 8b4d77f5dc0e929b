"""Python's garbage collector at quiet moments alone: a whole collection takes 30 ms with 5,000 alerts, and a key waits.

By itself Python collects the oldest generation whenever a quarter more has come: also between a key and its answer.
"""

from __future__ import annotations

import gc

from rich.cells import cached_cell_len
from textual._styles_cache import StylesCache

from oncall_tui.runtime.allocator import give_back

YOUNG = (2_000, 10)  # objects, and collections of the youngest, before a generation is collected: a millisecond each
NEVER = 1_000_000
QUIET_S = 5.0  # without a key: nobody types now
EVERY_S = 60.0
AT_LAST_S = 600.0  # also while somebody types
GROWN = 5  # collections of the middle generation: about 100,000 objects came; a screen that was closed is some thousand
BREATH_S = 0.3  # without a key: between two keys of somebody who opens one screen after the other
# Of these collections one looks at all objects again, not only at those that came since the last: while nobody types,
# since with 20,000 alerts it takes 0.2 s, or in a longer pause where somebody types all the time. Without that an hour
# of keys, one each 2.5 s, held 25 MB more.
WHOLE_EVERY, PAUSE_S = 5, 1.5
CLOSED_S = 1.0  # a screen that was closed is held for a moment, by what removes it


class Collector:
    """Asked now and then by the screen's loop. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._pressed_at = self._collected_at = float("-inf")
        self._alone_since: float | None = None
        self._since_whole = 0

    def begin(self, now: float) -> None:
        """Collect what start-up left, leave what is there alone from then on, and let the young be collected."""
        self._collected_at = self._alone_since = now
        gc.set_threshold(*YOUNG, NEVER)
        self._collect(whole=False, alone=True)
        gc.enable()

    def pressed(self, now: float) -> None:
        """Note a key."""
        self._pressed_at = now

    def tick(self, now: float, alone: bool = True) -> None:
        """Collect, if it is time and nobody types; where much has come, in a pause between two keys.

        *alone*: there is no other screen than the board. What is there then will stay, and is left alone from then on.
        A screen that will be closed is not: it would be kept, with its widgets and lines, for five collections.
        """
        since, quiet = now - self._collected_at, now - self._pressed_at
        self._alone_since = (now if self._alone_since is None else self._alone_since) if alone else None
        grown = gc.get_count()[2]
        calm = since >= AT_LAST_S or (since >= EVERY_S and quiet >= QUIET_S)
        waits = self._since_whole >= WHOLE_EVERY and grown < 3 * GROWN  # for a pause long enough for all objects
        if calm or (grown >= GROWN and quiet >= (PAUSE_S if waits else BREATH_S)):
            self._collected_at = now
            stays = self._alone_since is not None and now - self._alone_since >= CLOSED_S
            self._collect(whole=calm or quiet >= PAUSE_S, alone=stays)
            if quiet >= PAUSE_S:
                give_back()

    def _collect(self, whole: bool, alone: bool) -> None:
        # Textual remembers two colours for each of the last 1,024 widgets, and with a widget its lines: 0.8 MB for each
        # time that the help was opened and closed.
        StylesCache.get_inner_outer.cache_clear()
        cached_cell_len.cache_clear()  # of the last 4,096 texts, a megabyte; a frame asks for a hundred
        if whole and self._since_whole >= WHOLE_EVERY:
            self._since_whole = 0
            gc.unfreeze()
        self._since_whole += 1
        gc.collect()
        if alone:
            gc.freeze()  # what is left will stay: the next collection need not look at it
