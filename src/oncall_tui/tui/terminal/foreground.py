"""Another program has the terminal: its Ctrl+C is its own, and the terminal comes back as it was, however it ended.

Called while the screen is suspended. The screen's loop stands still meanwhile: nothing is drawn, nothing rings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oncall_tui.runtime import programs
from oncall_tui.text.cells import clean

NOT_STARTED = 127  # as a shell says it
BY_SIGNAL = 128

# What a program that was killed may have left switched on (xterm, "Control Sequences"). The cursor stays where it is.
_AS_USUAL = "".join(
    (
        "\x1b7\x1b[r\x1b[?1049l\x1b8",  # a scrolling region, another screen
        "\x1b[0m\x1b(B",  # colours, line drawing
        "\x1b[?1l\x1b>\x1b[?25h",  # application keys, a hidden cursor
        "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l",  # the mouse, bracketed paste
    )
)


def run(command: Sequence[str], more: Mapping[str, str] | None = None) -> int:
    """Run *command* on the terminal, with *more* in its environment. Never raises.

    Returns its exit status; 128 + the signal that ended it, as shells say it; 127 where it cannot be started. Where
    that is not 0, what it wrote stays to be read until Enter.
    """
    terminal = _Terminal()
    with _signals_for_another():
        try:
            _write(f"\nrunning: {clean(' '.join(command))}\n\n")
            status = _status_of(command, more)
            if status and not programs.was_hung_up():
                terminal.put_back()
                _write(f"\n{words(status)}. Enter goes back to the board. ")
                terminal.wait_for_enter()
        finally:
            terminal.put_back()
    return status


def words(status: int) -> str:
    """How it ended, for a person."""
    if status == NOT_STARTED:
        return "it could not be started"
    if status > BY_SIGNAL:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(status - BY_SIGNAL).name}"
    return f"ended with status {status}"


def _status_of(command: Sequence[str], more: Mapping[str, str] | None) -> int:
    try:
        status = programs.on_terminal(command, more)
    except (OSError, ValueError) as error:
        _write(f"it cannot be started: {clean(str(error))}\n")
        return NOT_STARTED
    return BY_SIGNAL - status if status < 0 else status


@contextlib.contextmanager
def _signals_for_another() -> Iterator[None]:
    """Ctrl+C and Ctrl+backslash end neither this program nor its loop, and reach the other one as ever: a handler,
    unlike "ignored", is not inherited. Ctrl+Z stops neither: nobody would be there to continue it.
    """
    wanted: dict[signal.Signals, Any] = {
        signal.SIGINT: _nothing,
        signal.SIGQUIT: _nothing,
        signal.SIGTSTP: signal.SIG_IGN,
        signal.SIGTTOU: signal.SIG_IGN,  # to take the terminal back from a group that is not there any more
    }
    before = {which: signal.signal(which, handler) for which, handler in wanted.items()}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _nothing(*_: object) -> None:
    """It is the other program's."""


class _Terminal:
    """The terminal as it was."""

    def __init__(self) -> None:
        self._fd = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        self._settings: list[Any] | None = None
        with contextlib.suppress(termios.error):  # no terminal: nothing to put back
            self._settings = termios.tcgetattr(self._fd)

    def put_back(self) -> None:
        """Its settings, this program in its foreground, and nothing of what was typed into a session that is gone."""
        if self._settings is None:
            return
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(self._fd) != os.getpgrp():
                os.tcsetpgrp(self._fd, os.getpgrp())
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSANOW, self._settings)
            termios.tcflush(self._fd, termios.TCIFLUSH)
        _write(_AS_USUAL)

    def wait_for_enter(self) -> None:
        """Until a line is typed, or the terminal is gone."""
        if self._settings is not None:
            with contextlib.suppress(OSError):
                os.read(self._fd, 1024)


def _write(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(1, text.encode("utf-8", "replace"))
