"""The C library's allocator, told to give memory back: a bastion is shared.

Each answer is a buffer of up to a few megabytes, on one of twenty threads. glibc keeps an arena for each thread, and
what was once large it keeps for the next: 14 of 136 MB with 1,000 services and 5,000 alerts.
"""

from __future__ import annotations

import contextlib
from typing import Any

# mallopt(3); other C libraries have no such function, or take none of these, and need none.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 128 * 1024  # bytes: glibc's own first value, which it raises by itself unless it is set


def keep_little() -> None:
    """Have one arena for all threads, and give large blocks back at once. Call it before the first thread starts: an
    arena that there is stays in use, and from the ninth on glibc does not ask how many there may be.
    """
    for name, value in ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, _LARGE), (_MMAP_THRESHOLD, _LARGE)):
        _call("mallopt", name, value)


def give_back() -> None:
    """Return the free pages between what is in use, which are returned by nothing else (``malloc_trim(3)``). Takes a
    few milliseconds.
    """
    _call("malloc_trim", 0)


def _call(function: str, *values: int) -> Any:
    # What ctypes is made of: the first frame would wait two milliseconds more for the rest of it.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import _ctypes

        return _ctypes.call_function(_ctypes.dlsym(_ctypes.dlopen(None, 0), function), values)  # type: ignore[arg-type]
