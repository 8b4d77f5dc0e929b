"""A signal that ends the board: it leaves as `q` does, and where its loop stands still the terminal is put back."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from oncall_tui.runtime import programs
from oncall_tui.runtime.worker import Worker

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
GRACE_S = 2.0  # for the loop to end; then the process ends without it
LAST_S = 1.0  # for what is to be done just before
BY_SIGNAL = 128  # the exit code is this and the signal's number, as shells say it


class EndSignals:
    """While it is entered, signals that end a program call *end* with the exit code. Where the program has not ended
    after ``GRACE_S``, a thread calls *at_once* and ends the process. A signal that is ignored stays so.
    """

    def __init__(self, end: Callable[[int], None], at_once: Callable[[], None]) -> None:
        self._end, self._at_once = end, at_once
        self._before: dict[signal.Signals, Any] = {}
        # Its `put` may interrupt anything, itself too, as a signal's handler does.
        self._codes: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def __enter__(self) -> EndSignals:
        Worker("end signals", self._watch).start()
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._codes.put(None)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _came(self, number: int, _frame: FrameType | None) -> None:
        self._codes.put(BY_SIGNAL + number)
        programs.end_on_terminal()  # a shell in production must not outlive the board
        self._end(BY_SIGNAL + number)

    def _watch(self) -> None:
        code = self._codes.get()
        more = code
        while more is not None:
            try:
                more = self._codes.get(timeout=GRACE_S)
            except queue.Empty:
                programs.end_on_terminal(signal.SIGKILL)
                last = Worker("last words", self._at_once)
                last.start()
                last.join(LAST_S)
                os._exit(code or 0)
