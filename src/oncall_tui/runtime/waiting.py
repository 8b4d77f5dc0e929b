"""The name of what a thread waits for beside its own work (a credential command, a login), told to whoever shows it.

The code that waits names it (``waiting_for``); the thread's owner has said where such names go (``telling``).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from oncall_tui.runtime.worker import Worker

T = TypeVar("T")
Tell = Callable[[str], None]
PATIENCE_S = 30.0  # for one value: whoever waits longer is told so, and asks again

_here = threading.local()


@contextlib.contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Call *tell* with the name of what this thread waits for, and with an empty one once that is over."""
    before = getattr(_here, "tell", None)
    _here.tell = tell
    try:
        yield
    finally:
        _here.tell = before


@contextlib.contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Say that this thread waits for *what*: ``credential_process of profile prod``."""
    tell: Tell | None = getattr(_here, "tell", None)
    before: str = getattr(_here, "what", "")
    if tell is None:
        yield
        return
    _here.what = what
    tell(what)
    try:
        yield
    finally:
        _here.what = before
        tell(before)


class StillWaiting(Exception):
    """The value is not there yet; *what* is waited for."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _Flight(Generic[T]):
    """One making of the value, and whoever waits for it."""

    def __init__(self, what: str) -> None:
        self.future: Future[T] = Future()
        self.what = what
        self.waiting: set[Tell] = set()

    def tell(self, what: str) -> None:
        self.what = what
        for tell in tuple(self.waiting):
            tell(what)


class SingleFlight(Generic[T]):
    """A value that may take long to get: one thread of its own makes it, and all who want it wait for that one.

    No lock is held meanwhile, and nobody waits for ever: what never comes (a file on a dead disk, a pipe) costs one
    thread and no poll.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flight: _Flight[T] | None = None

    def get(self, make: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
        """Return or raise what *make* does. Raises StillWaiting after *patience_s* seconds; *make* goes on then."""
        tell: Tell = getattr(_here, "tell", None) or _nobody
        flight = self.start(make, what)
        flight.waiting.add(tell)
        with waiting_for(flight.what):
            try:
                return flight.future.result(patience_s)
            except TimeoutError:
                if flight.future.done():  # it came just now, or is what *make* raised
                    return flight.future.result()
                raise StillWaiting(flight.what) from None
            finally:
                flight.waiting.discard(tell)

    def start(self, make: Callable[[], T], what: str) -> _Flight[T]:
        """Have it made beside, where it is not being made already. What comes of it is for whoever waits."""
        with self._lock:
            flight = self._flight
            if flight is None:
                flight = self._flight = _Flight(what)
                Worker(f"get {what}", partial(self._make, flight, make)).start()
            return flight

    def _make(self, flight: _Flight[T], make: Callable[[], T]) -> None:
        with telling(lambda step: flight.tell(step or flight.what)):
            try:
                value = make()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                self._land(flight)
                flight.future.set_exception(error)
            else:
                self._land(flight)
                flight.future.set_result(value)

    def _land(self, flight: _Flight[T]) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None


def _nobody(_: str) -> None:
    """Show it to nobody."""
