"""Waiting until files can be read or written, whatever their numbers are.

``select`` takes no number of 1024 or more (select(2): FD_SETSIZE), which a program that holds many connections and
files reaches. It is still what small numbers are asked with, because ``poll`` knows no terminals on macOS (its poll(2),
"Bugs").
"""

from __future__ import annotations

import select
from collections.abc import Sequence

SETSIZE = 1024


def readable(*files: int, timeout_s: float | None) -> Sequence[int]:
    """Return which of *files* can be read, also those at their end; none after *timeout_s*. Raises OSError."""
    if max(files) < SETSIZE:
        return select.select(files, [], [], timeout_s)[0]
    return _polled(files, select.POLLIN, timeout_s)


def writable(file: int, timeout_s: float) -> bool:
    """Return whether *file* takes what is written, or is gone, within *timeout_s*. Raises OSError."""
    if file < SETSIZE:
        return bool(select.select([], [file], [], timeout_s)[1])
    return bool(_polled((file,), select.POLLOUT, timeout_s))


def _polled(files: Sequence[int], wanted: int, timeout_s: float | None) -> list[int]:
    """Return the files with an event; one that was closed or lost has one too, and reading it says so."""
    waiting = select.poll()
    for file in files:
        waiting.register(file, wanted)
    return [file for file, _ in waiting.poll(None if timeout_s is None else timeout_s * 1000)]
