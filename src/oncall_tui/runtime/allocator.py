"""The C library's allocator, told to give memory back: a bastion is shared.

Each answer is a buffer of up to a few megabytes, on one of ten threads. glibc keeps an arena for each thread, and what
was once large it keeps for the next: 14 of 136 MB with 1,000 services and 5,000 alerts.
"""

from __future__ import annotations

import contextlib

# mallopt(3); other C libraries have no such function, or take none of these, and need none.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 128 * 1024  # bytes: glibc's own first value, which it raises by itself unless it is set


def keep_little() -> None:
    """Have one arena for all threads, and give large blocks back at once. Call it before the threads start."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # takes milliseconds, which the first frame does not wait for

        mallopt = ctypes.CDLL(None).mallopt
        for name, value in ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, _LARGE), (_MMAP_THRESHOLD, _LARGE)):
            mallopt(name, value)
