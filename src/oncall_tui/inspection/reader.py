"""Reading on demand: each source has its own queue, so that neither a poll nor an action waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from oncall_tui.errors import SourceError
from oncall_tui.inspection import row_timeline as timeline
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Provider, TimelineEvent
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue

T = TypeVar("T")
PATIENCE_S = 5.0  # for a provider that is still being built


class OnDemandReader:
    """Thread-safe. A queue is made when its source is first asked: a board whose rows nobody opens has no thread more.

    *providers*: a source's name -> what gives its provider within some seconds, or raises SourceError.
    """

    def __init__(self, providers: Mapping[str, Callable[[float], Provider]], clock: Clock, journal: Journal) -> None:
        self._providers, self._clock, self._journal = providers, clock, journal
        self._queues: dict[str, JobQueue] = {}
        self._lock = threading.Lock()

    def ask(self, source: str, question: Callable[[Provider], T], what: str = "") -> Future[T]:
        """Ask *question* of the source's provider. The future raises SourceError where the provider cannot answer.

        *what* it asks for: each has a queue of its own, so that tasks that hang hold up no metrics.
        """
        return self.run(f"{source} {what}".strip(), lambda: question(self._provider(source)))

    def timeline(self, target: str) -> Future[tuple[TimelineEvent, ...]]:
        """Read a row's events, newest first: its source's, where it keeps them, and the journal's."""
        source = target.partition("/")[0]
        ready = partial(self._provider, source)
        return self.run(source, lambda: timeline.read(ready, self._journal, target, self._clock.now()))

    def run(self, name: str, job: Callable[[], T]) -> Future[T]:
        """Run *job* on the queue *name*: a source's, or another one (``runbook``)."""
        with self._lock:
            queue = self._queues.get(name)
            if queue is None:
                queue = self._queues[name] = JobQueue(f"look {name}", self._clock)
        return queue.run(job)

    @property
    def queues(self) -> tuple[JobQueue, ...]:
        """Return the queues made so far."""
        with self._lock:
            return tuple(self._queues.values())

    def stop(self) -> None:
        """Ask nothing more; what hangs is left behind."""
        with self._lock:
            for queue in self._queues.values():
                queue.stop()

    def _provider(self, source: str) -> Provider:
        if source not in self._providers:
            raise SourceError(f"no source {source!r} is configured", "see `oncall-tui check`")
        return self._providers[source](PATIENCE_S)
