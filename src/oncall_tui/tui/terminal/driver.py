"""The way in from the terminal: Textual's driver, but that keys go by ``Arrivals``, and an odd byte is no end."""

from __future__ import annotations

import os
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Iterable

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from oncall_tui.tui.terminal.arrivals import Arrivals

TICK_S = 0.1  # how often the parser looks whether an escape was the key alone


class KeyDriver(LinuxDriver):
    """Reads on Textual's input thread. The loop is as Textual's own, with a shorter wait while keys have come."""

    def run_input_thread(self) -> None:
        parser, arrivals = XTermParser(self._debug), Arrivals()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                wait = arrivals.wait(time.monotonic())
                if selector.select(TICK_S if wait is None else wait):
                    data = os.read(self.fileno, 4096)
                    if not data:
                        time.sleep(TICK_S)  # its end: nothing will come, and nobody is to spin for it
                        continue
                    self._sort(parser.feed(decode(data)), arrivals)
                self._sort(parser.tick(), arrivals)
                for message in arrivals.take(time.monotonic()):
                    self.process_message(message)

    def _sort(self, messages: Iterable[Message], arrivals: Arrivals) -> None:
        """Keys to *arrivals*, all else on its way."""
        try:
            for message in messages:
                if isinstance(message, events.Key):
                    arrivals.add(message, time.monotonic())
                else:
                    self.process_message(message)
        except ParseError:
            return
