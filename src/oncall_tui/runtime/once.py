"""A value that is made when it is first asked for, by one thread: of what no first frame needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls *make* at the first call, and returns what that made at every call. Thread-safe: others wait for it.

    An error of *make* is the caller's, and the next call tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self._made: T | None = None

    def __call__(self) -> T:
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    @property
    def made(self) -> T | None:
        """Return it where it is made already; None: nobody asked for it yet."""
        return self._made
