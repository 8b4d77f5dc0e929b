"""Several calls at once, each on a thread of its own; what came of them is taken one by one on the asker's thread."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from oncall_tui.runtime.worker import Worker

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Came(Generic[T]):
    """The end of one call: ``get`` returns its answer or raises what it raised. It took *seconds*."""

    def __init__(self, seconds: float, answer: T | None, error: BaseException | None) -> None:
        self.seconds = seconds
        self._answer, self._error = answer, error

    def get(self) -> T:
        """Return the answer. Raises what the call raised."""
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]


class CallsAtOnce(Generic[K, T]):
    """Calls by key. Used by one thread; the calls themselves must be safe to make on others.

    A call that hangs is a daemon thread that its own time-out ends: nothing waits for it when the program leaves.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._came: queue.SimpleQueue[tuple[K, Came[T]]] = queue.SimpleQueue()
        self.flying: set[K] = set()

    def start(self, key: K, call: Callable[[], T]) -> None:
        """Begin a call."""
        self.flying.add(key)

        def make() -> None:
            began = time.monotonic()
            try:
                answer = call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is taken
                self._came.put((key, Came(time.monotonic() - began, None, error)))
            else:
                self._came.put((key, Came(time.monotonic() - began, answer, None)))

        Worker(f"call {self._name}", make).start()

    def next_within(self, seconds: float) -> tuple[K, Came[T]] | None:
        """Wait for the next call that ends, but no longer than so many seconds; None: none did."""
        try:
            key, came = self._came.get(timeout=seconds)
        except queue.Empty:
            return None
        self.flying.discard(key)
        return key, came

    def next(self) -> tuple[K, Came[T]]:
        """Wait for the next call that ends. There must be one."""
        key, came = self._came.get()
        self.flying.discard(key)
        return key, came
