"""The state from earlier sessions' journal: marks, open intents, seen alerts. Read once the journal can be read.

A journal may be locked, or its disk away, when the board starts: it is asked again until each of these was read, on a
thread of its own, so that no board waits for a disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.errors import JournalError
from oncall_tui.journal import Intent, Journal
from oncall_tui.runtime.worker import Worker

AGAIN_S = 1.0
AGAIN_MOST_S = 15.0


class EarlierSessions:
    """*left_open* are intents of earlier sessions without an outcome; *changed* is called when more is known."""

    def __init__(
        self, journal: Journal, marks: SeenMarks, recorder: ChangeRecorder, changed: Callable[[], None]
    ) -> None:
        self.left_open: list[Intent] = []
        self._journal, self._marks, self._recorder, self._changed = journal, marks, recorder, changed
        self._todo: list[Callable[[], None]] = [marks.load, self._load_intents, recorder.remember]
        self._loading = threading.Lock()
        self._ends = threading.Event()
        self._tried = threading.Event()
        self.worker = Worker("journal's memory", self._run)

    def start(self) -> None:
        self.worker.start()

    def wait(self, seconds: float) -> None:
        """Wait until everything was asked for once, or *seconds* went by."""
        self._tried.wait(seconds)

    def stop(self) -> None:
        self._ends.set()
        self.worker.stop()

    @property
    def whole(self) -> bool:
        """Return whether everything was read."""
        return not self._todo

    def _load_intents(self) -> None:
        self.left_open += self._journal.open_intents()

    def load(self) -> None:
        """Ask for what is missing, once. Raises JournalError."""
        with self._loading:
            while self._todo:
                self._todo = [*self._todo[1:], self._todo[0]]  # last, if it fails: a bug in one holds up no other
                self._todo[-1]()
                self._todo = self._todo[:-1]
                self._changed()

    def _run(self) -> None:
        pause = AGAIN_S
        while self._todo and not self._ends.is_set():
            try:
                self.load()
            except JournalError:  # the journal says so itself: its failure is on screen
                pass
            finally:
                self._tried.set()
            if self._todo and self._ends.wait(pause):
                return
            pause = min(AGAIN_MOST_S, pause * 1.5)
