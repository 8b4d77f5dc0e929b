"""A link that passes on a few bytes a second: what it was given is on the terminal soon, and no queue is before it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from ptyprocess import PtyProcess

pytestmark = pytest.mark.pty

HOST = """
import sys
from textual.app import App
from textual.widgets import Static
from oncall_tui.tui.terminal.driver import KeyDriver
from oncall_tui.tui.terminal.pacing import Pacing

class Host(App):
    CSS = "Static { height: 1fr; }"
    count = 0
    def __init__(self):
        super().__init__(driver_class=KeyDriver)
        self.pacing = Pacing(self)
    def _display(self, screen, frame):
        if frame is None or not self.pacing.holds_back(screen, frame):
            super()._display(screen, frame)
    def compose(self):
        self.shown = Static("READY", markup=False)
        yield self.shown
    def on_key(self, event):
        if event.key == "q":
            self._driver.write("\\x1b[0m" * 1000)  # so much that a question is due
            self.exit()
            return
        self.count += 1
        letter = chr(ord("a") + self.count % 26)
        self.shown.update(f"<{self.count}>" + letter * 1500)

if __name__ == "__main__":
    Host().run()
"""
BYTES_S, RTT_S = 4_000, 0.4
ASK, ANSWER = b"\x1b[5n", b"\x1b[0n"
KEYS = 30


class SlowLink:
    """The small app behind a link of so many bytes a second, with a terminal that answers, or does not."""

    def __init__(self, folder: Path, answers: bool) -> None:
        program = folder / "host.py"
        program.write_text(HOST, encoding="utf-8")
        env = {k: v for k, v in os.environ.items() if not k.startswith("TEXTUAL") and k not in ("COLUMNS", "LINES")}
        self.process = PtyProcess.spawn(
            [sys.executable, str(program)], env={**env, "TERM": "xterm-256color"}, dimensions=(24, 80)
        )
        self.raw = bytearray()
        self._answers, self._due, self._counted = answers, deque[float](), 0
        self.slow, self._next = False, 0.0

    def turn(self) -> None:
        """Take what the link passes on within a moment, and answer what was asked."""
        while self._due and self._due[0] <= time.monotonic():
            self._due.popleft()
            os.write(self.process.fd, ANSWER)
        time.sleep(max(0.0, min(0.02, self._next - time.monotonic())))
        if self.slow and time.monotonic() < self._next:
            return
        if not select.select([self.process.fd], [], [], 0.02)[0]:
            return
        data = os.read(self.process.fd, BYTES_S // 20 if self.slow else 65536)
        self._next = time.monotonic() + len(data) / BYTES_S if self.slow else 0.0
        self.raw += data
        asked = self.raw.count(ASK)
        if self._answers:
            self._due.extend([time.monotonic() + (RTT_S if self.slow else 0.0)] * (asked - self._counted))
        self._counted = asked

    def until(self, text: bytes, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.raw:
            assert time.monotonic() < end, self.raw[-300:]
            self.turn()


@pytest.fixture(params=[True, False], ids=["answers", "answers nothing"])
def link(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SlowLink]:
    made = SlowLink(tmp_path, request.param)
    made.until(b"READY")
    for _ in range(20):
        made.turn()
    yield made
    made.process.close(force=True)


def test_a_key_that_repeats_is_answered_by_its_last_frame_soon(link: SlowLink) -> None:
    """Thirty frames of 1,500 characters: eleven seconds of this link, were each of them sent."""
    link.slow = True
    before = len(link.raw)
    for _ in range(KEYS):
        os.write(link.process.fd, b"j")
        end = time.monotonic() + 0.03
        while time.monotonic() < end:
            link.turn()
    link.until(b"<%d>" % KEYS)
    written = len(link.raw) - before
    if link._answers:
        assert written < 0.4 * KEYS * 1_500
        assert link.raw.count(ASK) > 1
    else:
        assert link.raw.count(ASK) == 1, "it is asked once, and never waited for"


def test_once_it_leaves_nothing_is_asked(link: SlowLink) -> None:
    """The answer would be typed into the shell."""
    os.write(link.process.fd, b"q")
    end = time.monotonic() + 15
    while link.process.isalive():
        assert time.monotonic() < end
        with contextlib.suppress(OSError):  # it is gone
            link.turn()
    left = link.raw.rfind(b"\x1b[?1049l")
    assert left >= 0
    assert ASK not in link.raw[left:]
