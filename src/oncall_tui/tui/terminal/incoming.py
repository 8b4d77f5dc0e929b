"""Bytes from the terminal -> text for the key parser: odd bytes, a paste that was cut, and the terminal's own answers.

Pure; times are seconds, monotonic. One thread takes the bytes, another asks.
"""

from __future__ import annotations

import threading
from codecs import getincrementaldecoder

ASK = "\x1b[5n"  # "are you there?" (ECMA-48, DSR): a terminal answers what it is sent in order, so this comes last
ANSWER = b"\x1b[0n"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
HOLD_S = 0.1  # how long the beginning of an answer waits for its rest
CUT_S = 1.0  # a paste that brings nothing for so long was cut: its end will not come


class Incoming:
    """The bytes that have come, and what of them is not passed on yet."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._held = b""  # may be the beginning of an answer
        self._seen = ""  # the end of what was passed on: a mark may be split between two reads
        self._in_paste = False
        self._last = 0.0
        self._asked = 0  # questions that the terminal has not answered
        self._none_open = threading.Condition()

    def take(self, data: bytes, now: float) -> str:
        """Return the text in *data*, without answers to ``ASK``."""
        self._last = now
        data = self._held + data
        self._held = b""
        answers = data.count(ANSWER)
        if answers:
            data = data.replace(ANSWER, b"")
            with self._none_open:
                self._asked = max(0, self._asked - answers)
                self._none_open.notify_all()
        if self._asked:
            size = next((size for size in (3, 2, 1) if data.endswith(ANSWER[:size])), 0)
            data, self._held = data[: len(data) - size], data[len(data) - size :]
        return self._passed(self._decode(data))

    def due(self, now: float) -> str:
        """Return the text that has waited long enough: what was no answer, or the end that a cut paste lacks."""
        if self._held and now - self._last >= HOLD_S:
            held, self._held = self._held, b""
            return self._passed(self._decode(held))
        if self._in_paste and now - self._last >= CUT_S:
            return self._passed(PASTE_ENDS)
        return ""

    def _passed(self, text: str) -> str:
        around = self._seen + text
        begins, ends = around.rfind(PASTE_BEGINS), around.rfind(PASTE_ENDS)
        if begins != ends:
            self._in_paste = begins > ends
        self._seen = around[-(len(PASTE_BEGINS) - 1) :]
        return text

    def asked(self) -> None:
        """Take note that ``ASK`` was sent."""
        with self._none_open:
            self._asked += 1

    @property
    def open(self) -> int:
        """Return how many questions the terminal has not answered."""
        return self._asked

    @property
    def answered(self) -> bool:
        """Tell whether the terminal has answered every question."""
        return not self._asked

    def wait_answered(self, seconds: float) -> bool:
        """Wait until the terminal has answered every question, at most so long. Not for the thread that takes."""
        with self._none_open:
            return self._none_open.wait_for(lambda: not self._asked, max(0.0, seconds))
