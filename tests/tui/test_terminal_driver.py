"""The driver on terminals that are hostile, slow, stopped or gone. A small app on the real driver, in a real pty."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest
from ptyprocess import PtyProcess

pytestmark = pytest.mark.pty

HOST = """
import os, subprocess, sys
from textual.app import App
from textual.widgets import Static
from oncall_tui.tui.terminal.driver import KeyDriver
from oncall_tui.tui.terminal.ending import EndSignals

class Host(App):
    CSS = "Static { height: 1fr; }"
    def __init__(self):
        super().__init__(driver_class=KeyDriver)
        self.keys = []
    def compose(self):
        self.shown = Static("waiting", markup=False)
        yield self.shown
        yield Static("the last line " + "~" * 20)
    def on_mount(self):
        self.shown.update(f"READY {self.size.width}x{self.size.height}")
    def on_resize(self, event):
        self.shown.update(f"READY {event.size.width}x{event.size.height}")
    def on_key(self, event):
        if event.key == "q":
            self.exit()
        elif event.key == "f":
            while True:
                self.flood = [self._driver.write("#" * 4000) for _ in range(100)]
        elif event.key == "s":
            with self.suspend():
                subprocess.run([sys.executable, "-c", SESSION])
        else:
            self.keys.append(event.key)
            self.shown.update("keys: " + " ".join(key[:12] for key in self.keys[-3:]))
    def on_paste(self, event):
        self.keys.append(f"[{event.text}]")
        self.shown.update("keys: " + " ".join(key[:12] for key in self.keys[-3:]))

SESSION = '''
import sys
print("SESSION", flush=True)
print("typed:", ascii(sys.stdin.readline()), flush=True)
'''

if __name__ == "__main__":
    files = [open(os.devnull) for _ in range(int(os.environ.get("FILES", "0")))]
    app = Host()
    with EndSignals(lambda code: app._loop.call_soon_threadsafe(app.exit, None, code), lambda: app._driver.put_back()):
        app.run()
    print("LEFT", app.return_code, flush=True)
    sys.exit(app.return_code)
"""


class Tty:
    """The small app in a pseudo-terminal that answers nothing by itself."""

    def __init__(self, folder: Path, **env: str) -> None:
        program = folder / "host.py"
        program.write_text(HOST, encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TEXTUAL") and k not in ("COLUMNS", "LINES")}
        self.process = PtyProcess.spawn(
            [sys.executable, str(program)],
            env={**kept, "TERM": "xterm-256color", "PYTHONUTF8": "1", **env},
            dimensions=(10, 40),
        )
        self.fd: int = self.process.fd
        self.before = termios.tcgetattr(self.fd)
        self.raw = bytearray()
        self.screen = pyte.Screen(40, 10)
        self._stream = pyte.ByteStream(self.screen)

    def read(self, seconds: float) -> bool:
        """Take what comes within *seconds*; False: nothing did."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data.replace(b"$p", b"h").replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return bool(data)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def wait(self, wanted: str | Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not (wanted in self.text if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < end, f"{wanted}: not in\n{self.text}\n{bytes(self.raw[-600:])!r}"
            self.read(0.05)

    def press(self, data: bytes) -> None:
        os.write(self.fd, data)

    def ended(self, seconds: float = 15.0) -> int:
        end = time.monotonic() + seconds
        while self.process.isalive():
            assert time.monotonic() < end, f"it goes on\n{self.text}"
            self.read(0.02)
        while self.read(0.05):
            pass
        return int(self.process.exitstatus)

    def stopped(self) -> bool:
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def put_back(self) -> None:
        """Everything is as it was before."""
        assert termios.tcgetattr(self.fd)[3] == self.before[3]
        for on, off in ((b"[?1049h", b"[?1049l"), (b"[?25l", b"[?25h"), (b"[?2004h", b"[?2004l"), (b"[>25u", b"[<u")):
            assert self.raw.rfind(on) < self.raw.rfind(off), on


@pytest.fixture
def tty(tmp_path: Path) -> Iterator[Callable[..., Tty]]:
    held: list[Tty] = []

    def make(**env: str) -> Tty:
        held.append(Tty(tmp_path, **env))
        held[-1].wait("READY")
        return held[-1]

    yield make
    for one in held:
        one.process.kill(signal.SIGKILL)
        one.process.close(force=True)


HOSTILE = (
    b"\xe1",  # latin-1
    b"\xe3",  # the first byte of a character whose others never come
    b"\xa4\xb3\xa4\xf3",  # EUC-JP
    b"\xff\xfe\x00",
    b"\x1b[" + b"9" * 20 + b"u",  # a character that is none
    b"\x1b[1114112u",
    b"\x1b[48;0;0;0;0t\x1b[<0;1;1M",  # a window without cells, then the mouse
    b"\x1b[48;99999;99999;9;9t",
    b"\x1b[?2048;2$y",
    b"\x1b]52;c;" + b"A" * 200,
    b"\x1bP+q544e\x1b",
    b"\x1b[5" * 20,
    bytes(range(0x80, 0x100)),
)


def test_no_bytes_end_it_and_keys_go_on(tty: Callable[..., Tty]) -> None:
    one = tty()
    for data in HOSTILE:
        one.press(data)
        time.sleep(0.15)
    time.sleep(0.3)
    one.press(b"z")
    one.wait(" z ")
    one.press(b"q")
    assert one.ended() == 0
    one.put_back()


def test_a_program_that_has_a_thousand_files_open_reads_keys_and_leaves(tty: Callable[..., Tty]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 2000:
        pytest.skip(f"no more than {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    try:
        one = tty(FILES="1100")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    one.press(b"z")
    one.wait("keys: z")
    one.press(b"q")
    assert one.ended() == 0
    one.put_back()


def test_a_paste_that_was_cut_does_not_swallow_the_keys(tty: Callable[..., Tty]) -> None:
    one = tty()
    one.press(b"\x1b[200~half of")
    one.wait("[half of]")
    one.press(b"z")
    one.wait("[half of] z")


def test_the_kernel_knows_the_size(tty: Callable[..., Tty]) -> None:
    one = tty(COLUMNS="99", LINES="88")
    one.wait("READY 40x10")
    fcntl.ioctl(one.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 38, 0, 0))
    os.kill(one.process.pid, signal.SIGWINCH)
    one.wait("READY 38x9")
    one.press(b"\x1b[48;50;60;0;0t")  # a size that was typed
    one.press(b"z")
    one.wait("keys: z")
    fcntl.ioctl(one.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    os.kill(one.process.pid, signal.SIGWINCH)
    one.wait("READY 40x10")


def test_a_terminal_that_is_gone_ends_it(tty: Callable[..., Tty]) -> None:
    one = tty()
    one.process.fileobj.close()
    end = time.monotonic() + 5
    while one.process.isalive():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_puts_the_terminal_back(tty: Callable[..., Tty], number: int) -> None:
    one = tty()
    os.kill(one.process.pid, number)
    assert one.ended() == 128 + number
    one.put_back()


def test_a_signal_puts_the_terminal_back_while_nobody_reads_and_the_loop_stands_still(tty: Callable[..., Tty]) -> None:
    one = tty()
    one.press(b"f")  # floods the terminal, which takes nothing: the loop waits for ever
    time.sleep(1.0)
    os.kill(one.process.pid, signal.SIGTERM)
    end = time.monotonic() + 6
    while one.process.isalive():
        assert time.monotonic() < end
        time.sleep(0.05)
    while one.read(0.2):
        pass
    one.put_back()
    assert one.process.exitstatus == 128 + signal.SIGTERM


@pytest.mark.parametrize("how", [signal.SIGTSTP, signal.SIGSTOP])
def test_after_a_stop_all_of_it_is_drawn_anew(tty: Callable[..., Tty], how: int) -> None:
    one = tty()
    one.wait("the last line")
    os.kill(one.process.pid, how)
    one.wait(one.stopped)
    one.screen.reset()  # the shell scrolled it away
    assert "READY" not in one.text
    os.kill(one.process.pid, signal.SIGCONT)
    one.wait(lambda: "READY 40x10" in one.text and "the last line" in one.text)
    for key in b"xyz":
        one.press(bytes([key]))
        time.sleep(0.05)
    one.wait("keys: x y z")  # none is read twice, or by a second thread
    one.press(b"q")
    assert one.ended() == 0
    one.put_back()


def test_who_leaves_does_not_wait_for_a_slow_terminal(tty: Callable[..., Tty]) -> None:
    one = tty()
    one.press(b"f")
    time.sleep(0.5)
    os.kill(one.process.pid, signal.SIGHUP)
    began = time.monotonic()
    while one.process.isalive() and time.monotonic() - began < 5:
        os.read(one.fd, 100)
        time.sleep(0.1)
    assert not one.process.isalive()


# --- late answers -----------------------------------------------------------------------------------------------------


def _questions(one: Tty) -> int:
    return one.raw.count(b"\x1b[5n")


def test_a_late_answer_is_not_typed_into_what_s_runs(tty: Callable[..., Tty]) -> None:
    one = tty()
    one.press(b"s")  # before the terminal has answered what it was asked at the start
    time.sleep(0.6)
    one.press(b"\x1b[?2026;2$y\x1b[?2048;0$y\x1b[0n")
    one.wait(lambda: _questions(one) == 2)
    one.press(b"\x1b[I\x1b[0n")  # what it reported meanwhile, and the answer
    one.wait("SESSION")
    one.press(b"ls\r")
    one.wait("typed: 'ls\\n'")


def test_a_terminal_that_answers_nothing_is_not_waited_for_twice(tty: Callable[..., Tty]) -> None:
    one = tty()
    time.sleep(3.0)
    one.press(b"s")
    one.wait("SESSION", 1.5)
    one.press(b"\r")
    one.wait("READY")
