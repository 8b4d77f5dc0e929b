"""A source's second thread: what an engineer asks of it runs here, in order, never behind a poll."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from oncall_tui.errors import OncallError
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker

T = TypeVar("T")


class JobQueue:
    """Runs jobs one after the other on a daemon thread, some of them later. A job that hangs holds only this queue."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._wake = threading.Condition()
        self._stopped = False
        self.worker = Worker(f"act {name}", self._run)
        self.worker.start()

    def run(self, job: Callable[[], T], delay_s: float = 0.0) -> Future[T]:
        """The job's result, or its exception, in a future."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except OncallError as error:
                future.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - it is the asker's, and not every asker looks
                self.worker.trouble.report(error, "a job")
                future.set_exception(error)

        with self._wake:
            heapq.heappush(self._jobs, (self._clock.monotonic() + delay_s, next(self._order), work))
            self._wake.notify()
        return future

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self.worker.stop()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and (not self._jobs or self._jobs[0][0] > self._clock.monotonic()):
                    self._wake.wait(self._jobs[0][0] - self._clock.monotonic() if self._jobs else None)
                if self._stopped:
                    return
                _, _, work = heapq.heappop(self._jobs)
            work()
