"""The event loop of the screen: a key is answered before what the pollers compute meanwhile.

Python gives its one lock (the GIL) away after the switch interval, to anybody who waits for it. While the loop waits,
that interval is short: whoever computes then gives way at once to a key. While the loop works it is long: the answer
to a key, a few milliseconds of work, is not cut into pieces between which all pollers come.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from selectors import SelectorKey

GIVES_WAY_S = 0.0005
KEEPS_S = 0.015  # the answer to most keys takes less; nothing waits longer for its turn


class _Turns(selectors.DefaultSelector):
    """A selector that sets the switch interval around the waiting."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        sys.setswitchinterval(GIVES_WAY_S)
        try:
            return super().select(timeout)
        finally:
            sys.setswitchinterval(KEEPS_S)


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that answers keys first. Whoever runs it closes it."""
    return asyncio.SelectorEventLoop(_Turns())
