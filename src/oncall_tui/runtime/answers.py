"""Answers as they come, told to whoever waits for a poll: late is silence since the last one, never a long list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_here = threading.local()


@contextmanager
def told_of_answers(tell: Callable[[], None]) -> Iterator[None]:
    """Call *tell* after each answer that comes on this thread meanwhile."""
    before = getattr(_here, "tell", None)
    _here.tell = tell
    try:
        yield
    finally:
        _here.tell = before


def answered() -> None:
    """Tell that the other side answered a call, whatever it said. Each client does; most often nobody listens."""
    tell = getattr(_here, "tell", None)
    if tell is not None:
        tell()
