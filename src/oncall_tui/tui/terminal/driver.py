"""The way to and from the terminal: Textual's driver, and where that fails on hostile terminals, ours.

Textual 8.2.8 decodes its input strictly, and one odd byte ends the program (textual#6456); at the end of its input it
spins (#6690); COLUMNS and LINES of the environment win over the window's size (#6153); SIGCONT without SIGTSTP before
starts it twice. ``tests/unit/test_textual_faults.py`` notices when one of them is mended there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import termios
import time
from itertools import chain
from typing import Any

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.messages import InBandWindowResize

from oncall_tui.runtime.ready import readable
from oncall_tui.tui.terminal.arrivals import Arrivals
from oncall_tui.tui.terminal.confirmed import Confirmed
from oncall_tui.tui.terminal.incoming import ASK, Incoming
from oncall_tui.tui.terminal.outgoing import Outgoing

log = logging.getLogger(__name__)
TICK_S = 0.1  # how often the parser looks whether an escape was the key alone
LOST = 1  # the exit code where the terminal went away
LEAVE_S = 0.2  # how long leaving waits for the terminal
HAND_OVER_S = 2.0  # how long another program waits for the terminal: what is late would be typed into it
DRAWN_S = 0.02  # within which what is owed is handed over once it is paid
SILENT_S = 3.0  # a terminal that has answered nothing for so long does not answer


class KeyDriver(LinuxDriver):
    """Reads on Textual's input thread. The loop is as Textual's own, with a shorter wait while keys have come."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._incoming = Incoming()
        self._outgoing = Outgoing(sys.__stderr__.fileno() if sys.__stderr__ else 2, self._lost)
        self._file = self._outgoing  # type: ignore[assignment] # the writer thread writes, and flushes
        self._size = size or self._get_terminal_size()
        self._confirmed = Confirmed()
        self._started = self._asked_at = 0.0  # monotonic: when the screen was taken, and the terminal asked last
        self._handing_over = self._away = False
        self._owes_since = self._pays_at = float("-inf")  # frames that were kept back last
        self._wake = -1  # a pipe to the input thread while it runs
        # In the loop, not in a signal's handler: that may interrupt the writing of what it wants to write itself. And
        # asyncio is woken by a signal that comes just before it waits only where it has a handler of its own.
        self._loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        self._loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)

    # --- from the terminal --------------------------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Read until the driver is stopped, or the terminal is gone."""
        parser, arrivals = XTermParser(self._debug), Arrivals()
        wake, self._wake = os.pipe()
        with open(wake, "rb"), open(self._wake, "wb"):
            while not self.exit_event.is_set():
                wait, text = arrivals.wait(time.monotonic()), ""
                ready = readable(self.fileno, wake, timeout_s=TICK_S if wait is None else min(wait, TICK_S))
                if self.fileno in ready:
                    try:
                        data = os.read(self.fileno, 4096)
                    except BlockingIOError:  # another program that shares the terminal made it so
                        continue
                    except OSError:
                        data = b""
                    if not data:  # its end: no key will ever come
                        self._lost()
                        return
                    text = self._taken(data)
                parser = self._parsed(parser, text + self._incoming.due(time.monotonic()), arrivals)
                for message in arrivals.take(time.monotonic()):
                    self.process_message(message)

    def _taken(self, data: bytes) -> str:
        now, open_before = time.monotonic(), self._incoming.open
        text = self._incoming.take(data, now)
        for _ in range(open_before - self._incoming.open):
            self._confirmed.answered(now)
        return text

    def _parsed(self, parser: XTermParser, text: str, arrivals: Arrivals) -> XTermParser:
        """Keys to *arrivals*, all else on its way. Returns the parser for what comes next: bytes of no meaning (a
        number of a thousand digits, a character that is none) may end this one.
        """
        try:
            for message in chain(parser.feed(text) if text else (), parser.tick()):
                if isinstance(message, events.Key):
                    arrivals.add(message, time.monotonic())
                elif not isinstance(message, (events.Resize, InBandWindowResize)):  # the kernel knows the size
                    self.process_message(message)
        except ParseError:
            return parser
        except Exception:
            log.exception("input that cannot be parsed is dropped")
            return XTermParser(self._debug)
        return parser

    def _lost(self) -> None:
        """End the program: nobody can see it, or type. From any thread."""
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._app.exit, None, LOST)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return the size of the window as the kernel knows it."""
        for fd in (self._outgoing.fileno(), self.fileno):
            with contextlib.suppress(OSError):
                columns, lines = os.get_terminal_size(fd)
                if columns > 0 and lines > 0:
                    return columns, lines
        return 80, 24

    def _query_in_band_window_resize(self) -> None:
        """Ask for no sizes among the keys: anything that is typed could forge them."""

    def write(self, data: str) -> None:
        """Hand *data* to the thread that writes, with a question where it is time for one."""
        self._outgoing.given()
        now = time.monotonic()
        if self._confirmed.given(len(data), now):
            self._note_asked(now)
            data += ASK
        super().write(data)

    @property
    def behind(self) -> bool:
        """Return whether the terminal takes, or draws, what is written more slowly than it comes."""
        return self._outgoing.behind or self._confirmed.full(time.monotonic())

    def confirm(self) -> None:
        """Ask the terminal, where it answers, to say when it has drawn what is written so far."""
        if self._confirmed.unasked:
            self._ask()

    def owes(self) -> None:
        """Note that from now on frames are kept back, until ``pays``."""
        self._owes_since, self._pays_at = time.monotonic(), float("inf")

    def pays(self) -> None:
        """Note that what was kept back is drawn now."""
        self._pays_at = time.monotonic()

    def taken_at(self, at: float) -> float | None:
        """Return when the terminal had drawn what was written until *at* (monotonic); None: it has not yet. Where it
        answers nothing: when it had taken that.
        """
        if self._owes_since <= at < self._pays_at:
            if self._pays_at == float("inf"):
                return None
            at = self._pays_at + DRAWN_S
        taken, confirmed, now = self._outgoing.taken_at(at), self._confirmed, time.monotonic()
        if taken is None or not confirmed.answers:
            return taken
        drawn = confirmed.drawn_at(at, now)
        if drawn is None and confirmed.unasked:
            self.confirm()
            return None if confirmed.slow else taken
        return drawn

    # --- the screen is ours, or another's -----------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the screen, and ask the terminal for a sign once it has answered what Textual asks."""
        self._outgoing.begin()
        self._confirmed.begin()
        self._started = time.monotonic()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._ask()

    @property
    def begun_at(self) -> float:
        """Return when it took the screen the last time, monotonic."""
        return self._started

    def _ask(self) -> None:
        self._outgoing.given()
        self._note_asked(time.monotonic())
        super().write(ASK)

    def _note_asked(self, now: float) -> None:
        self._asked_at = now
        self._incoming.asked()
        self._confirmed.asked(now)

    def disable_input(self) -> None:
        """Stop reading once the terminal has answered: a late answer would be typed into what runs next."""
        reads = self._key_thread is not None and self._key_thread.is_alive()
        if reads and not self.exit_event.is_set():
            most = HAND_OVER_S if self._handing_over else LEAVE_S
            self._outgoing.leave_within(most)
            self._disable_mouse_support()
            self.write("\x1b[?1004l")
            self._wait_for_answers(most)
            self._confirmed.begin()  # nothing is asked from here on: who reads next would get the answer
            self._stop_waiting()
        super().disable_input()

    def _stop_waiting(self) -> None:
        """Let the input thread see at once that it is to end: else it waits for what is typed, up to a tick."""
        self.exit_event.set()
        with contextlib.suppress(OSError):
            os.write(self._wake, b"x")
        if self._key_thread is not None:
            self._key_thread.join()
        self.exit_event.clear()  # it has ended; Textual's own way goes on from here

    def _wait_for_answers(self, most: float) -> None:
        if not self._incoming.answered:
            self._incoming.wait_answered(min(most, self._asked_at + SILENT_S - time.monotonic()))
        if self._incoming.answered:  # it answers: what it reported meanwhile comes before the answer to this
            self._ask()
            self._incoming.wait_answered(min(most, 0.05 + 4 * self._confirmed.took))

    def suspend_application_mode(self) -> None:
        """Leave the screen to another program."""
        self._handing_over = True
        try:
            super().suspend_application_mode()
        finally:
            self._handing_over, self._away = False, True

    def resume_application_mode(self) -> None:
        """Take the screen back."""
        self._away = False
        super().resume_application_mode()

    def close(self) -> None:
        """Write what is left; where the terminal does not take it, put it back all the same."""
        self._outgoing.leave_within(LEAVE_S)
        super().close()
        self._outgoing.left()

    def _sigcont_application(self, *_: object) -> None:
        """Go on after a stop. After one without a warning (SIGSTOP) the shell has changed the terminal meanwhile."""
        if not self._auto_restart or self._handing_over:  # it comes before the stop
            return
        if not self._away:
            self.suspend_application_mode()
        self.resume_application_mode()
        self._app.refresh(layout=True)

    def put_back(self) -> None:
        """Put the terminal back as it was, whatever the program's loop does meanwhile. Never blocks."""
        self._outgoing.put_back()
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)


def shown_at(app: App[Any], at: float) -> float | None:
    """Return when what was drawn until *at* (monotonic) was on the terminal; None: it is not yet. Where the terminal
    answers nothing: when it had taken that.

    Over a slow link that is seconds later: who types meanwhile has not seen it.
    """
    driver = app._driver
    return driver.taken_at(at) if isinstance(driver, KeyDriver) else at


def ask_drawn(app: App[Any]) -> None:
    """Ask the terminal to say when it has drawn what is written so far: ``shown_at`` knows then."""
    if isinstance(app._driver, KeyDriver):
        app._driver.confirm()
