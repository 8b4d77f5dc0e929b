"""A program in a pseudo-terminal of 120×40 cells, truecolor: what it writes, and when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyte

COLUMNS, LINES = 120, 40
_SEQUENCE = re.compile(
    rb"\x1b\[[0-9;:?<>=]*[ !$]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_^][^\x1b]*\x1b\\"
    rb"|\x1b[()][0-9AB]|\x1b[=>78]"
)


class Chunk(NamedTuple):
    """Bytes that were written, and when they were read (monotonic seconds)."""

    at: float
    data: bytes


def environment(home: Path, more: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment in a home of its own, so that nobody's configuration or login is in it.

    Bytecode is kept between runs, as an installed program's is: compiling this program's source at each start, and not
    that of what it is held against, would be measured otherwise.
    """
    left_out = ("AWS_", "ONCALL_", "XDG_", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    here = {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor", "AWS_EC2_METADATA_DISABLED": "true"}
    here |= {"AWS_CONFIG_FILE": str(home / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "none")}
    return kept | here | (more or {})


class Terminal:
    """One running program. *chunks* is everything that it wrote; *started* is just before it was started."""

    def __init__(self, command: Sequence[str], env: dict[str, str], columns: int = COLUMNS, lines: int = LINES) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.chunks: list[Chunk] = []
        self._fed = 0
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        with contextlib.suppress(OSError):
            os.close(self._master)

    @property
    def size(self) -> int:
        """How many bytes were written so far."""
        return sum(len(c.data) for c in self.chunks)

    def read(self, timeout_s: float) -> bool:
        """Take what is written within *timeout_s* seconds; False: nothing was."""
        if not select.select([self._master], [], [], max(0.0, timeout_s))[0]:
            return False
        try:
            data = os.read(self._master, 1 << 20)
        except OSError:  # the program is gone
            time.sleep(min(0.005, timeout_s))
            return False
        self.chunks.append(Chunk(time.monotonic(), data))
        return True

    def run(self, seconds: float) -> None:
        """Take what is written for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def quiet(self, gap_s: float, timeout_s: float = 30.0) -> None:
        """Take what is written until nothing was for *gap_s* seconds."""
        until = time.monotonic() + timeout_s
        while self.read(gap_s) and time.monotonic() < until:
            pass

    def wait_text(self, *words: str, timeout_s: float = 60.0) -> float:
        """Until all of *words* were written; returns when the last of them was. Colours between letters are ignored."""
        wanted = [w.encode() for w in words]
        seen = 0
        text = b""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            while seen < len(self.chunks):
                text += self.chunks[seen].data
                seen += 1
                plain = _SEQUENCE.sub(b"", text)
                if all(w in plain for w in wanted):
                    return self.chunks[seen - 1].at
            self.read(0.2)
            self._still_there()
        raise TimeoutError(f"not on screen after {timeout_s:.0f} s: {', '.join(words)}\n" + "\n".join(self.display()))

    def wait_screen(self, test: Callable[[str], object], timeout_s: float, every_s: float = 0.05) -> float:
        """Until *test* holds for the text on screen; returns when that was."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if test("\n".join(self.display())):
                return time.monotonic()
            self.read(every_s)
            self._still_there()
        raise TimeoutError(f"not on screen after {timeout_s:.0f} s:\n" + "\n".join(self.display()))

    def display(self) -> list[str]:
        """The lines on screen."""
        for chunk in self.chunks[self._fed :]:
            # pyte takes "set the kitty keyboard mode" and the like for text
            self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p", b"", chunk.data))
        self._fed = len(self.chunks)
        return list(self._screen.display)

    def press(self, key: str) -> float:
        """Send a key; returns when."""
        at = time.monotonic()
        os.write(self._master, key.encode())
        return at

    def answer_time(self, key: str, gap_s: float = 0.06, timeout_s: float = 2.0) -> tuple[float, int]:
        """(seconds to the last byte, bytes) of the answer to a key: what is written until *gap_s* of silence."""
        first = len(self.chunks)
        at = self.press(key)
        until = at + timeout_s
        while len(self.chunks) == first and time.monotonic() < until:
            self.read(until - time.monotonic())
        self.quiet(gap_s, timeout_s)
        if len(self.chunks) == first:
            return timeout_s, 0
        return self.chunks[-1].at - at, sum(len(c.data) for c in self.chunks[first:])

    def leave(self, key: str = "q", timeout_s: float = 15.0) -> float:
        """Press *key*, and wait for the process to end: seconds."""
        at = self.press(key)
        until = at + timeout_s
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.005)
        return time.monotonic() - at

    def rss(self) -> float:
        """The process's resident memory in megabytes (10⁶ bytes)."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        return int(found[1]) * 1024 / 1e6 if found else 0.0

    def _still_there(self) -> None:
        if self.process.poll() is not None:
            text = b"".join(c.data for c in self.chunks[-20:])
            raise RuntimeError(f"ended with {self.process.returncode}: {_SEQUENCE.sub(b'', text).decode()[-2000:]}")


def bursts(chunks: Sequence[Chunk], gap_s: float = 0.05) -> list[bytes]:
    """What was written, in pieces with at least *gap_s* seconds of silence between them."""
    found: list[bytes] = []
    last = 0.0
    for chunk in chunks:
        if found and chunk.at - last < gap_s:
            found[-1] += chunk.data
        else:
            found.append(chunk.data)
        last = chunk.at
    return found


def plain(data: bytes) -> str:
    """The text in what was written, without colours and movements."""
    return _SEQUENCE.sub(b"", data).decode("utf-8", "replace")
