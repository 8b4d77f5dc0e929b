"""The configured destinations as actions see them: each made when it is first needed, each on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec

from oncall_tui.errors import ActionFailed, OncallError
from oncall_tui.providers.base import Destination
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue

log = logging.getLogger(__name__)


class DestinationSpec(msgspec.Struct, frozen=True):
    """One configured destination: *build* makes its adapter, slow imports included; never on the UI's thread."""

    name: str
    provider: str
    build: Callable[[], Destination]


class DestinationWorker:
    """One destination and its queue: one that hangs holds up nothing but itself."""

    def __init__(self, spec: DestinationSpec, queue: JobQueue) -> None:
        self.name, self.provider, self.queue = spec.name, spec.provider, queue
        self._build = spec.build
        self._made: Destination | None = None
        self._lock = threading.Lock()

    def get(self) -> Destination:
        """The adapter. Raises ActionFailed where it cannot be made: nothing was sent."""
        with self._lock:
            if self._made is None:
                try:
                    self._made = self._build()
                except OncallError as error:
                    raise ActionFailed(f"not sent: {error.message}", error.hint) from None
                except Exception as error:
                    log.exception("destination %s: it cannot be made", self.name)
                    raise ActionFailed(f"not sent: {error.__class__.__name__}: {error}", "check its options") from None
            return self._made


class Destinations:
    """All of them by name, in the order of the configuration."""

    def __init__(self, specs: Iterable[DestinationSpec], clock: Clock) -> None:
        self._workers = {spec.name: DestinationWorker(spec, JobQueue(f"to {spec.name}", clock)) for spec in specs}

    def __bool__(self) -> bool:
        return bool(self._workers)

    def __iter__(self) -> Iterator[DestinationWorker]:
        return iter(self._workers.values())

    def find(self, name: str) -> DestinationWorker:
        """The one of this name. Raises ActionFailed where the configuration has none (any more)."""
        found = self._workers.get(name)
        if found is None:
            raise ActionFailed(f"no destination is called {name}", "it is no longer in the configuration")
        return found

    def stop(self) -> None:
        """Begin nothing more; leave hung calls behind."""
        for worker in self:
            worker.queue.stop()
