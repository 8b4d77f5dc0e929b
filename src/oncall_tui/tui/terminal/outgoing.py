"""Bytes to the terminal. A terminal that takes them slowly, or not at all, holds up nobody who leaves."""

from __future__ import annotations

import contextlib
import os
import termios
import time
from collections import deque
from collections.abc import Callable

from oncall_tui.runtime.ready import writable

ASK_AGAIN_S = 0.1
SLOW_S = 0.1
TAKEN_KEPT = 256  # writes: more than a second has
# Takes back what a program on the whole screen switches on, also in the middle of a sequence that was cut (CAN).
AS_BEFORE = b"".join(
    (
        b"\x18\x1b[?2026l",  # updates that are held back
        b"\x1b[?2004l\x1b[?7h\x1b[?1004l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l",  # paste, wrap, focus, mouse
        b"\x1b[<u\x1b[?1049l\x1b[0m\x1b[?25h",  # kitty's keys, the other screen, colours, the cursor
    )
)


class Outgoing:
    """A file for Textual's writer thread. It writes to a description of its own, which never blocks: the shell, and
    whoever else has the terminal, shares the one of standard error.
    """

    def __init__(self, fd: int, lost: Callable[[], None]) -> None:
        self._lost, self._is_lost = lost, False
        self._give_up_at: float | None = None
        self._dropped = False
        self._waiting: deque[float] = deque()  # when what is not written yet was given
        self._taken: deque[tuple[float, float]] = deque(maxlen=TAKEN_KEPT)  # (given, written)
        self._fd = fd
        with contextlib.suppress(OSError):
            self._fd = os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def given(self) -> None:
        """Note that a text is on its way to ``write``."""
        self._waiting.append(time.monotonic())

    @property
    def behind(self) -> bool:
        """Return whether something waits for the terminal longer than any terminal on a good link lets it."""
        waiting = tuple(self._waiting)
        return bool(waiting) and time.monotonic() - waiting[0] > SLOW_S

    def taken_at(self, at: float) -> float | None:
        """Return when the terminal had taken all that was drawn until *at*; None: it has not yet. Both monotonic."""
        waiting = tuple(self._waiting)
        if waiting and waiting[0] <= at:
            return None
        return next((max(at, taken) for given, taken in reversed(tuple(self._taken)) if given <= at), at)

    def write(self, text: str) -> int:
        """Write *text*; drop it once the terminal is lost, or takes nothing while the program leaves."""
        self._write(text)
        if self._waiting:
            given = self._waiting[0]
            self._taken.append((given, time.monotonic()))
            self._waiting.popleft()
        return len(text)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data and not self._is_lost and not self._dropped:
            if not writable(self._fd, ASK_AGAIN_S):
                self._dropped = self._late
                continue
            try:
                data = data[os.write(self._fd, data[:4096]) :]
            except BlockingIOError:
                self._dropped = self._late
                time.sleep(ASK_AGAIN_S / 10)  # it said that it would take some
            except OSError:  # it is gone
                self._is_lost = True
                self._lost()

    def flush(self) -> None:
        """Nothing is kept here."""

    def begin(self) -> None:
        """The terminal is the program's again."""
        self._give_up_at, self._dropped = None, False

    def leave_within(self, seconds: float) -> None:
        """From here on wait no longer than *seconds* in all for the terminal to take what is written."""
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + seconds

    def left(self) -> None:
        """The program has left the screen: where something was dropped, put the terminal back in one go."""
        if self._dropped:
            self.put_back()

    def put_back(self) -> None:
        """Throw away what the terminal has not taken yet, and switch everything off. Never blocks."""
        self._dropped = True
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(self._fd, termios.TCOFLUSH)
        with contextlib.suppress(OSError):
            if writable(self._fd, 0):
                os.write(self._fd, AS_BEFORE)

    @property
    def _late(self) -> bool:
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at
