"""One run of a program without a terminal: what it prints, as it comes; how it ended; and the ways to end it.

A thread reads its output, so that a program that prints much is slowed down and holds up nobody else. Of the output the
newest lines are kept, and the first ones apart. Times are monotonic seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from oncall_tui.runtime import programs
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.ready import readable
from oncall_tui.runtime.secret import redact
from oncall_tui.runtime.worker import Worker
from oncall_tui.text.cells import visible
from oncall_tui.text.escapes import without_escapes

PAUSE_S = 0.05
FLOOD_PAUSE_S = 0.02  # after each full part: a flood is read at 800 kB a second, and leaves the screen its time
PART = 16 * 1024
MOST_LINES = 2_000
MOST_CELLS = 4_000  # characters of one line that are shown
MOST_BYTES = 64 * 1024  # of one line, without an end: it is broken there
MOST_KEPT = 4 * 1024 * 1024  # bytes of all lines: also where each is a long one, they are kept and shown at once
FIRST_LINES = 20
GRACE_S = 5.0  # between SIGTERM and SIGKILL
LEFT_S = 0.5  # for what a program leaves running that holds its output open


class RunEnd(msgspec.Struct, frozen=True):
    """How a run ended: *status* is its exit code (negative: a signal's number), after *seconds*.

    *why* it was ended from here, in words; empty: it ended by itself.
    """

    status: int
    seconds: float
    why: str = ""

    @property
    def words(self) -> str:
        """``exit code 3``; ``ended by SIGTERM: it took longer than 600 s``."""
        if self.status >= 0:
            said = f"exit code {self.status}"
            return f"{self.why}: {said}" if self.why else said
        said = f"ended by {programs.signal_name(-self.status)}"
        return f"{said}: {self.why}" if self.why else said


class ProgramRun:
    """See the module. ``start`` before anything else."""

    def __init__(
        self,
        command: Sequence[str],
        clock: Clock,
        *,
        folder: str,
        given: bytes,
        more: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        self._command, self._clock, self._folder = tuple(command), clock, folder
        self._given, self._more, self._timeout_s = given, more, timeout_s
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._kept = self._dropped = 0  # bytes of the lines that are kept; lines that are not
        self._rest = b""
        self._first: list[bytes] = []
        self._why = ""
        self._kill_at: float | None = None
        self._killed = False
        self._asked: signal.Signals | None = None  # what the reader is to send next
        self._wake = threading.Event()
        self._over = threading.Event()
        self.began = 0.0
        self.end: RunEnd | None = None
        self.worker = Worker(f"run {os.path.basename(self._command[0])}", self._read)

    def start(self) -> int:
        """Start it; its process's number. What ``programs.started`` raises goes on."""
        self._child = programs.started(self._command, folder=self._folder, given=self._given, more=self._more)
        self._given = b""
        self.began = self._clock.monotonic()
        self.worker.start()
        return self._child.pid

    # --- asking -------------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return self.end.seconds if self.end is not None else self._clock.monotonic() - self.began

    @property
    def ending(self) -> str:
        """Say why it was asked to end; empty: it was not."""
        return self._why

    @property
    def lines_seen(self) -> int:
        """How many lines it has printed so far."""
        with self._lock:
            return self._dropped + len(self._lines) + bool(self._rest)

    @property
    def dropped(self) -> int:
        """How many lines are not kept any more: those before the newest."""
        return self._dropped

    def lines(self, since: int = 0) -> tuple[int, list[str]]:
        """Return the number of the first line, and the lines from *since* on that are kept, fit to be shown.

        The last one may still grow: a question that waits for an answer has no line's end.
        """
        with self._lock:
            first = max(since, self._dropped)
            raw = list(islice(self._lines, first - self._dropped, None))
            if self._rest:
                raw.append(self._rest)
        return first, [shown(line) for line in raw]

    def lines_whole(self, since: int = 0) -> tuple[int, list[str]]:
        """The same without the line that may still grow."""
        with self._lock:
            first = max(since, self._dropped)
            raw = list(islice(self._lines, first - self._dropped, None))
        return first, [shown(line) for line in raw]

    @property
    def first_lines(self) -> tuple[str, ...]:
        """Return its first lines: what the journal keeps."""
        with self._lock:
            raw = [*self._first, *([self._rest] if self._rest and len(self._first) < FIRST_LINES else [])]
        return tuple(shown(line)[:500] for line in raw)

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False after *timeout_s* seconds."""
        return self._over.wait(timeout_s)

    # --- ending it ----------------------------------------------------------------------------------------------------

    def stop(self, why: str) -> None:
        """Ask it, and all that it started, to end: SIGTERM, and after five seconds SIGKILL. A second call kills it at
        once. Returns at once.
        """
        with self._lock:
            again, self._why = bool(self._why), self._why or why
            self._asked = signal.SIGKILL if again else signal.SIGTERM
        self._wake.set()

    # --- on its thread ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        assert self._child.stdout is not None
        pipe, open_, left_at = self._child.stdout.fileno(), True, None
        while True:
            over = self._is_over()
            if over and left_at is None:
                left_at = self._clock.monotonic()
            got = open_ and bool(readable(pipe, timeout_s=0 if over and not self._why else PAUSE_S))
            if got:
                part = os.read(pipe, PART)
                open_ = bool(part)
                self._take(part)
                if len(part) == PART:
                    self._wake.wait(FLOOD_PAUSE_S)
            elif not open_ and not over:
                self._wake.wait(PAUSE_S)
            self._send_signals(over)
            if over and self._nothing_left(got, open_, self._clock.monotonic() - (left_at or 0.0)):
                break
        self._ended()

    def _nothing_left(self, got: bool, open_: bool, seconds: float) -> bool:
        """Tell whether its output is all there, *seconds* after it ended. Where a script was ended from here, what it
        started has its time to end too, and holds the output open until then.
        """
        if self._why and open_:
            return self._killed
        return not got or not open_ or seconds > LEFT_S

    def _is_over(self) -> bool:
        """Tell whether it ended, without taking its status: until that is done its number is nobody else's."""
        try:
            return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _send_signals(self, over: bool) -> None:
        self._wake.clear()
        now = self._clock.monotonic()
        with self._lock:
            if not over and not self._why and now - self.began > self._timeout_s:
                self._why, self._asked = f"it took longer than {self._timeout_s:g} s", signal.SIGTERM
            asked, self._asked = self._asked, None
            if self._kill_at is not None and now >= self._kill_at:
                asked, self._kill_at = signal.SIGKILL, None
            elif asked is signal.SIGTERM:
                self._kill_at = now + GRACE_S
        if asked is not None:  # also where it is over: its status is not taken, so the group is still its own
            self._signal(asked)
            self._killed = asked is signal.SIGKILL

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._child.pid, number)

    def _ended(self) -> None:
        if self._why:
            self._signal(signal.SIGKILL)  # what it started and did not end
        status = self._child.wait()
        programs.forget(self._child)
        if self._child.stdout is not None:
            self._child.stdout.close()
        with self._lock:
            if self._rest:
                self._keep(self._rest)
                self._rest = b""
        self.end = RunEnd(status, self._clock.monotonic() - self.began, self._why)
        self._over.set()

    def _take(self, part: bytes) -> None:
        with self._lock:
            *whole, self._rest = (self._rest + part).split(b"\n")
            for line in whole:
                self._keep(line)
            while len(self._rest) > MOST_BYTES:
                self._keep(self._rest[:MOST_BYTES])
                self._rest = self._rest[MOST_BYTES:]

    def _keep(self, line: bytes) -> None:
        line = line[: MOST_BYTES + 1]
        if len(self._first) < FIRST_LINES:
            self._first.append(line)
        self._lines.append(line)
        self._kept += len(line)
        while len(self._lines) > MOST_LINES or self._kept > MOST_KEPT:
            self._kept -= len(self._lines.popleft())
            self._dropped += 1


def shown(line: bytes) -> str:
    """One line of output as a terminal would leave it, without secrets, escape sequences and control characters."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    text = without_escapes(text.rpartition("\r")[2])  # a bar of progress overwrites its own line
    cut = redact(text[: 2 * MOST_CELLS])[:MOST_CELLS]  # in this order: a half of a secret is not known for one
    return visible(cut) + ("…" if len(text) > MOST_CELLS else "")
