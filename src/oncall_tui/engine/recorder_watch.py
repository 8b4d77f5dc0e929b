"""Whether a recorder watches, and since when: read again and again on a thread of its own, since a disk may hang."""

from __future__ import annotations

import threading
from collections.abc import Callable

from oncall_tui.errors import JournalError
from oncall_tui.journal.lease import Lease
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker
from oncall_tui.sharing.client import ReadingsClient

EVERY_S = 5.0
NONE = "none: what happens while no board is open is not recorded (`oncall-tui record` does)"


def recorder_words(lease: Lease, now: float) -> tuple[str, float | None]:
    """``watches since 02:41 JST (bastion, pid 812)``, or that there is none; and since when one watches (None: none
    does). Times in seconds since the epoch.
    """
    try:
        holder = lease.holder()
    except JournalError as error:
        return f"not known: {error}", None
    if holder is None:
        return NONE, None
    return holder.words(now), holder.since if holder.answers(now) else None


class RecorderWatch:
    """A board's view of the recorder: *words* say whether one watches, and whether it reads for this board.

    *readings* takes what it reads (None: this board polls in any case). *changed* is called when the words change.
    """

    def __init__(
        self, lease: Lease, clock: Clock, changed: Callable[[], None], readings: ReadingsClient | None = None
    ) -> None:
        self._lease, self._clock, self._changed, self._readings = lease, clock, changed, readings
        self._holder = ""
        self._since: float | None = None
        self._ends = threading.Event()
        self._worker = Worker("recorder's lease", self._run)

    @property
    def since(self) -> float | None:
        """Return since when a recorder watches (seconds since the epoch); None: none does, or it does not answer."""
        return self._since

    @property
    def words(self) -> tuple[str, ...]:
        """Return what is known so far, a line each."""
        return tuple(filter(None, (self._holder, self._readings.words if self._readings is not None else "")))

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Return its threads."""
        return (self._worker,) if self._readings is None else (self._worker, self._readings.worker)

    def start(self) -> None:
        if self._readings is not None:
            self._readings.start()
        self._worker.start()

    def stop(self) -> None:
        self._ends.set()
        self._worker.stop()
        if self._readings is not None:
            self._readings.stop()

    def read(self) -> None:
        """Ask once who has the lease."""
        words, since = recorder_words(self._lease, self._clock.now())
        if words != self._holder:
            self._holder, self._since = words, since
            self._changed()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.read()
            self._ends.wait(EVERY_S)
