"""Whether a recorder watches, and since when: read again and again on a thread of its own, since a disk may hang."""

from __future__ import annotations

import threading
from collections.abc import Callable

from oncall_tui.errors import JournalError
from oncall_tui.journal.lease import Lease
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker

EVERY_S = 10.0
NONE = "none: what happens while no board is open is not recorded (`oncall-tui record` does)"


def recorder_words(lease: Lease, now: float) -> str:
    """``watches since 02:41 JST (bastion, pid 812)``, or that there is none. *now* in seconds since the epoch."""
    try:
        holder = lease.holder()
    except JournalError as error:
        return f"not known: {error}"
    return holder.words(now) if holder is not None else NONE


class RecorderWatch:
    """*words* say whether a recorder watches; empty before that is known. *changed* is called when they change."""

    def __init__(self, lease: Lease, clock: Clock, changed: Callable[[], None]) -> None:
        self.words = ""
        self._lease, self._clock, self._changed = lease, clock, changed
        self._ends = threading.Event()
        self.worker = Worker("recorder's lease", self._run)

    def start(self) -> None:
        self.worker.start()

    def stop(self) -> None:
        self._ends.set()
        self.worker.stop()

    def read(self) -> None:
        """Ask once."""
        words = recorder_words(self._lease, self._clock.now())
        if words != self.words:
            self.words = words
            self._changed()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.read()
            self._ends.wait(EVERY_S)
