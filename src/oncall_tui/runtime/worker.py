"""The program's own threads: each goes on after a bug, and none ends without a word."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
PAUSE_FIRST_S = 0.1
PAUSE_MOST_S = 30.0
CALM_S = 60.0  # a loop that ran so long begins again at once
LOGGED_AGAIN_S = 60.0
TOLD_S = 600.0  # a bug stays on screen for so long after it happened last; the log keeps it


class ThreadFault:
    """The bug that a thread met last, in words, for as long as it is news. Written by one thread, read by any."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._last: tuple[float, str] | None = None
        self._times = 0
        self._logged = (0.0, "")

    def report(self, error: BaseException, what: str = "") -> None:
        """Log it, and tell it from now on. What happens again and again is logged in full now and then."""
        where = f"{self.name} ({what})" if what else self.name
        words, now = f"{where}: bug: {error.__class__.__name__}: {error}", time.monotonic()
        if words != self._logged[1] or now - self._logged[0] > LOGGED_AGAIN_S:
            self._logged = (now, words)
            log.error("%s", words, exc_info=error)
        self._times += 1
        self._last = (now, words)

    @property
    def summary(self) -> str:
        """``board: bug: KeyError: 'x', 3 times``; empty where there is nothing to tell."""
        last = self._last
        if last is None or time.monotonic() - last[0] > TOLD_S:
            return ""
        return f"{last[1]}, {self._times} times" if self._times > 1 else last[1]


class Worker:
    """A daemon thread that runs *loop* until that returns. What *loop* raises is told in ``trouble``, and the loop is
    begun again after a pause that grows: what it works on has to live outside it. *failed* is called from the thread.
    """

    def __init__(
        self, name: str, loop: Callable[[], None], failed: Callable[[BaseException], None] | None = None
    ) -> None:
        self.trouble = ThreadFault(name)
        self._loop, self._failed = loop, failed
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Keep the loop from starting again; its owner asks it to return."""
        self._ends.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, if it was started."""
        if self.alive:
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = PAUSE_FIRST_S
        while True:
            began = time.monotonic()
            try:
                self._loop()
                return
            except BaseException as error:  # noqa: BLE001 - also what a library raises to end a program
                self.trouble.report(error)
                self._tell(error)
            pause = PAUSE_FIRST_S if time.monotonic() - began > CALM_S else min(PAUSE_MOST_S, pause * 2)
            if self._ends.wait(pause):
                return

    def _tell(self, error: BaseException) -> None:
        try:
            if self._failed is not None:
                self._failed(error)
        except Exception as more:  # noqa: BLE001 - telling of a bug never ends the thread
            self.trouble.report(more)
