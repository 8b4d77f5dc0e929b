"""Another program on the terminal: whose Ctrl+C it is, how it ended, and the terminal as it was. In a real pty."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ptyprocess import PtyProcess

from oncall_tui.tui.terminal.foreground import words

pytestmark = pytest.mark.pty

# The program: asyncio runs it as Textual does, so that its own handler of Ctrl+C is there to be in the way.
HOST = """
import asyncio, sys
from oncall_tui.tui.terminal import foreground

async def main():
    print("before", flush=True)
    status = foreground.run(sys.argv[1:])
    print(f"STATUS={status}", flush=True)
    await asyncio.sleep(0)
    print("typed:", ascii(sys.stdin.readline()), flush=True)

asyncio.run(main())
print("AFTER", flush=True)
"""
# Waits for the signal itself: a handler in Python may run only after the read that the signal came just before.
TRAPS = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); print('READY', flush=True); "
TRAPS += "signal.sigwait([signal.SIGINT]); print('CAUGHT', flush=True); print('got', input(), flush=True)"
RAW = "import os, tty, time; tty.setraw(0); os.write(1, b'READY \\x1b[?1049h\\x1b[?25l'); time.sleep(60)"
GROUP = "import os, time; os.setpgrp(); " + "import signal; signal.signal(signal.SIGTTOU, signal.SIG_IGN); "
GROUP += "os.tcsetpgrp(0, os.getpgrp()); print('READY', os.getpid(), flush=True); time.sleep(60)"


class Host:
    """``foreground.run`` of a command in a pseudo-terminal."""

    def __init__(self, folder: Path, *command: str) -> None:
        program = folder / "host.py"
        program.write_text(HOST)
        self.process = PtyProcess.spawn([sys.executable, str(program), *command], env=dict(os.environ))
        self.text = ""

    def wait(self, wanted: str) -> re.Match[str]:
        """Until what *wanted*, a regular expression, matches was written."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if found := re.search(wanted, self.text):
                return found
            try:
                if select.select([self.process.fd], [], [], 0.2)[0]:
                    self.text += self.process.read(4096).decode("utf-8", "replace")
            except EOFError:
                break
        raise AssertionError(f"never {wanted!r}: {self.text!r}")

    def press(self, keys: str) -> None:
        self.process.write(keys.encode())

    def settings(self) -> list[object]:
        return termios.tcgetattr(self.process.fd)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    held: list[Host] = []

    def start(*command: str) -> Host:
        held.append(Host(tmp_path, *command))
        held[-1].wait("before")
        return held[-1]

    yield start
    for one in held:
        one.process.close(force=True)


def test_ctrl_c_is_the_other_program_s(host: Callable[..., Host]) -> None:
    it = host(sys.executable, "-c", TRAPS)
    it.wait("READY\r")
    it.press("\x03")
    it.wait("CAUGHT\r")
    it.press("on\n")
    it.wait("got on\r")
    it.wait("STATUS=0")
    it.press("typed\n")
    it.wait("AFTER")


@pytest.mark.parametrize(("key", "name", "status"), [("\x03", "SIGINT", 130), ("\x1c", "SIGQUIT", 131)])
def test_what_ctrl_c_ends_does_not_end_this_program(
    host: Callable[..., Host], key: str, name: str, status: int
) -> None:
    it = host("sh", "-c", "echo READY; exec sleep 60")
    it.wait("READY\r")
    it.press(key)
    it.wait(f"ended by {name}. Enter goes back")
    it.press("\x03")  # nor while it waits to be read
    it.press("\n")
    it.wait(f"STATUS={status}")
    it.press("typed\n")
    it.wait("AFTER")


def test_ctrl_z_stops_neither(host: Callable[..., Host]) -> None:
    it = host("sh", "-c", "echo READY; read line; echo got $line")
    it.wait("READY\r")
    it.press("\x1a")
    it.press("on\n")
    it.wait("got on\r")
    it.wait("STATUS=0")


def test_its_status_is_told_and_what_it_wrote_can_be_read(host: Callable[..., Host]) -> None:
    it = host("sh", "-c", "echo it was denied; exit 254")
    text = it.wait("(?s).*Enter goes back")[0]
    assert "it was denied" in text
    assert "ended with status 254" in text
    assert "STATUS" not in text
    it.press("\n")
    it.wait("STATUS=254")


def test_what_cannot_be_started_says_so(host: Callable[..., Host]) -> None:
    it = host("/no/such/program")
    it.wait("it could not be started. Enter goes back")
    it.press("\n")
    it.wait("STATUS=127")


def test_a_killed_session_leaves_the_terminal_as_it_was(host: Callable[..., Host], tmp_path: Path) -> None:
    it = host("sh", "-c", f'echo PID=$$; read go; exec {sys.executable} -c "{RAW}"')
    pid = int(it.wait(r"PID=(\d+)\r")[1])
    before = it.settings()
    it.press("go\n")
    it.wait("READY \x1b")
    assert it.settings() != before
    it.press("a command that was being typed\r")  # nobody reads it any more
    os.kill(pid, signal.SIGKILL)
    it.wait("ended by SIGKILL. Enter goes back")
    it.press("\r")
    text = it.wait("(?s).*STATUS=137")[0]
    assert it.settings() == before
    assert text.rindex("\x1b[?1049l") > text.rindex("\x1b[?1049h")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    it.press("typed\n")
    it.wait(r"typed: 'typed\\n'\r\nAFTER")


def test_the_foreground_is_taken_back_from_a_group_that_is_gone(host: Callable[..., Host]) -> None:
    it = host(sys.executable, "-c", GROUP)
    os.kill(int(it.wait(r"READY (\d+)\r")[1]), signal.SIGKILL)
    it.wait("ended by SIGKILL. Enter goes back")
    it.press("\n")
    it.wait("STATUS=137")
    it.press("typed\n")  # a program in the background would be stopped when it reads
    it.wait("AFTER")


def test_how_it_ended_in_words() -> None:
    assert [words(status) for status in (0, 3, 127, 130, 137, 128 + 90)] == [
        "ended with status 0",
        "ended with status 3",
        "it could not be started",
        "ended by SIGINT",
        "ended by SIGKILL",
        "ended with status 218",
    ]
