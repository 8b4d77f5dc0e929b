"""The program in a pseudo-terminal: keys go in, and what a terminal would show comes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pyte
from ptyprocess import PtyProcess

CURSOR = "▸"
ACTS = frozenset("auERSCns")  # keys that do nothing just after the cursor moved by itself
TIOCGPTN = 0x80045430  # Linux: the number of a pseudo-terminal's other side
LOOK_S, TYPE_S, READ_S = 0.8, 0.04, 0.15
HEARD_S, HEARD_TRIES = 3.0, 5
FRAMED = re.compile(r"│(.*?)│")
# What a terminal obeys: CSI, OSC and other strings, charset choices, two-character escapes.
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[()*+][0-9A-B]|[=>78cDEHMNOZ])"
)


class Program:
    """One running program; ``screen`` is what is shown now. A thread reads, so that output never blocks it."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        size: tuple[int, int] = (120, 40),
        cwd: str | None = None,
    ) -> None:
        self.columns, self.lines = size
        self._screen = pyte.Screen(self.columns, self.lines)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self.raw = bytearray()
        self.pressed: list[str] = []
        self.ended = False
        env = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = [sys.executable, "-m", "oncall_tui", *arguments]
        self._process = PtyProcess.spawn(command, cwd=cwd, env=env, dimensions=(self.lines, self.columns))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._process.fd, 65536)
            except OSError:  # the other side of the terminal is closed
                data = b""
            with self._changed:
                if not data:
                    self.ended = True
                else:
                    self.raw += data
                    # pyte has no private modes with a $, no kitty keys: a terminal that knows neither skips them too.
                    self._stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*(?:\$p|u)", b"", data))
                self._changed.notify_all()
            if not data:
                return

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def screen(self) -> list[str]:
        """The lines as they are shown, without spaces at their ends."""
        with self._changed:
            return self._drawn()

    def _drawn(self) -> list[str]:
        lines = (self._screen.buffer[y] for y in range(self.lines))  # its own `display` trips over half a wide cell
        return ["".join(line[x].data for x in range(self.columns)).rstrip() for line in lines]

    @property
    def text(self) -> str:
        return "\n".join(self.screen)

    def cells(self, y: int) -> list[str]:
        """One line cell by cell; the second cell of a wide character is empty."""
        with self._changed:
            return [self._screen.buffer[y][x].data for x in range(self.columns)]

    def wait(self, shown: Callable[[str], bool] | str, seconds: float = 60.0) -> str:
        """Wait until the screen satisfies *shown* (or has this text in it); returns the screen."""
        test = shown if callable(shown) else lambda text: shown in text
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                text = "\n".join(self._drawn())
                if test(text):
                    return text
                left = end - time.monotonic()
                what = "the program ended" if self.ended else f"not within {seconds:.0f} s"
                assert left > 0, f"{what}: {shown if isinstance(shown, str) else 'the screen wanted'}\n{text}"
                assert not self.ended, f"{what}\n{text}"
                self._changed.wait(min(left, 0.25))

    def gone(self, text: str, seconds: float = 60.0) -> str:
        """Wait until *text* is not shown any more."""
        return self.wait(lambda screen: text not in screen, seconds)

    def resize(self, columns: int, lines: int) -> None:
        """Change the window's size, as a person does with the mouse."""
        with self._changed:
            self.columns, self.lines = columns, lines
            self._screen.resize(lines, columns)
        self._process.setwinsize(lines, columns)

    # --- what is pressed ----------------------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        """As a person does: who looks first where a key acts, and types one letter after the other."""
        self.pressed.append(keys)
        if keys in ACTS:
            time.sleep(LOOK_S)
        self._type(keys)

    def _type(self, keys: str) -> None:
        painted = 0
        for number, part in enumerate(re.findall(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", keys, flags=re.S)):
            self._taken()
            if number and part == "\r":
                self._settle(READ_S, 3.0)  # who presses Enter has seen what stands there
            elif number:
                self._echoed(painted)
                time.sleep(TYPE_S)
            painted = len(self.raw)
            self._process.write(part.encode())
            if part == "\r":
                self._settle(READ_S, 1.0)  # and sees what came of it

    def _echoed(self, before: int, longest: float = 0.5) -> None:
        """Wait until something was painted: a busy program would read several keys of a fast hand as a burst."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.raw) > before or self.ended, longest)

    def _taken(self, longest: float = 2.0) -> None:
        """Wait until the program has read what was typed: on a machine under load, keys would arrive as one burst."""
        end = time.monotonic() + longest
        with contextlib.suppress(OSError):  # it has ended
            while time.monotonic() < end:
                number = struct.unpack("i", fcntl.ioctl(self._process.fd, TIOCGPTN, b"\0" * 4))[0]
                other = os.open(f"/dev/pts/{number}", os.O_RDONLY | os.O_NOCTTY)
                try:
                    unread = struct.unpack("i", fcntl.ioctl(other, termios.FIONREAD, b"\0" * 4))[0]
                finally:
                    os.close(other)
                if not unread:
                    return
                time.sleep(0.01)

    def burst(self, data: bytes) -> None:
        """Bytes that come at once, as a paste without brackets does."""
        self._process.write(data)

    def press_when_heard(self, keys: str) -> None:
        """Press in a dialog that has just been painted: it hears nothing for half a second, by the program's own clock.

        On a machine under load that begins later than the paint is seen here. So a text is typed until it stands in its
        line, and a single key pressed until the dialog is another one: what was not heard did nothing.
        """
        time.sleep(0.7 * min(5.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))))
        text = keys.removesuffix("\r")
        if re.fullmatch(r"[\w-]{3,}", text):
            self.pressed.append(keys)
            self._type_until_it_stands(text)
            if keys != text:
                self._settle(READ_S, 3.0)
                self._type("\r")
            return
        before = self._dialog()
        self.press(keys)
        for _ in range(HEARD_TRIES if keys in ("y", "\r") and before else 0):
            if self._becomes(lambda: self._dialog() != before):
                return
            self._type(keys)

    def _type_until_it_stands(self, text: str) -> None:
        """Type *text* into a dialog's empty line, and anew where its first letters were not heard."""
        before = self._lines_of(text)
        for _ in range(HEARD_TRIES):
            self._type(text)
            if self._becomes(lambda: self._lines_of(text) > before):
                return
            self._type("\x15")
        raise AssertionError(f"no dialog takes {text!r}\n{self.text}")

    def _becomes(self, true: Callable[[], bool]) -> bool:
        """Wait until it is so, for as long as a program under load may take to paint what a key did."""
        end = time.monotonic() + HEARD_S
        while not true():
            with self._changed:
                self._changed.wait(0.1)
            if time.monotonic() > end:
                return true()
        return True

    def _dialog(self) -> list[str]:
        """What stands within frames: a dialog's lines, without what is shown beside it; none where it has no frame."""
        return [" ".join(within.split()) for line in self.screen for within in FRAMED.findall(line)]

    def _lines_of(self, text: str) -> int:
        """How many lines are one word that ends with *text*: what was heard too early stands before it."""
        lines = self._dialog() or [line.strip() for line in self.screen]
        return sum(" " not in line and line.endswith(text) for line in lines)

    def cursor_line(self) -> str:
        """The line under the cursor of the pane that has the focus."""
        return next((line for line in self.screen if line.startswith(CURSOR)), "")

    def go_to(self, text: str, seconds: float = 60.0) -> str:
        """Move the cursor, by j and k, to the row of the alerts pane that has *text* in it, however rows move."""
        end = time.monotonic() + seconds
        moved = False
        while time.monotonic() < end:
            lines = self.screen
            under = next((y for y, line in enumerate(lines) if line.startswith(CURSOR)), None)
            rows = (y for y, line in enumerate(lines) if text in line and not line.startswith(" NEW PAGE"))
            wanted = next(rows, None)
            if under is not None and under == wanted:
                if not moved:
                    time.sleep(LOOK_S)  # the cursor came there by itself
                return lines[under]
            key = "g" if under is None or wanted is None else "j" if under < wanted else "k"
            moved, painted = moved or key != "g", len(self.raw)
            self.press(key)
            with self._changed:  # the next key is for what this one has done
                self._changed.wait_for(lambda before=painted: len(self.raw) > before, 1.0)
            self._settle()
        raise AssertionError(f"the cursor never came to {text!r}\n{self.text}")

    def _settle(self, quiet: float = 0.06, longest: float = 0.5) -> None:
        """Wait until nothing more is painted for a moment."""
        end = time.monotonic() + longest
        while time.monotonic() < end:
            with self._changed:
                before = len(self.raw)
                self._changed.wait(quiet)
                if len(self.raw) == before:
                    return

    # --- its end ------------------------------------------------------------------------------------------------------

    def wait_end(self, seconds: float = 30.0) -> int:
        """Its exit code."""
        end = time.monotonic() + seconds
        while self._process.isalive():
            assert time.monotonic() < end, f"it has not ended after {seconds:.0f} s\n{self.text}"
            time.sleep(0.02)
        self._reader.join(5)
        code = self._process.exitstatus
        assert code is not None, f"ended by signal {self._process.signalstatus}"
        return int(code)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.isalive():
            self._process.kill(signal.SIGKILL)
            self._process.wait()
        self._reader.join(5)
        self._process.fileobj.close()
