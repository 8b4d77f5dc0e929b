"""``s`` by keys, an ``aws`` standing in for the AWS CLI: the session has the terminal, then the board has it."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.test_quit import left_well
from tests.end_to_end.world import PAYMENTS, World, shipped, until, written

pytestmark = [pytest.mark.pty, pytest.mark.everything]
# As the CLI and its plugin do: the terminal is raw, and Ctrl+C is a key of the other side's.
AWS = """#!{python}
import os, sys, termios, tty
open({told!r}, "w").write("\\n".join(sys.argv[1:]) + "\\n" + str(os.getpid()))
kept = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"\\x1b[?1049h\\x1b[?2004hSESSION OPEN\\r\\n# ")
line = b""
while True:
    key = os.read(0, 1)
    if key == b"\\x03":
        os.write(1, b"^C IS THE SESSION'S\\r\\n# ")
    elif key == b"\\r":
        if line == b"exit":
            break
        if line == b"fail":
            termios.tcsetattr(0, termios.TCSANOW, kept)
            os.write(1, b"\\x1b[?1049lan error occurred (TargetNotConnectedException)\\n")
            sys.exit(254)
        line = b""
    else:
        line += key
        os.write(1, key)
termios.tcsetattr(0, termios.TCSANOW, kept)
os.write(1, b"\\x1b[?2004l\\x1b[?1049l")
"""


class Night:
    """The program on a quiet world; ``told`` is what the stand-in was started with."""

    def __init__(self, world: World, run: Callable[..., Program], folder: Path, programs: tuple[str, ...], **more: Any):
        self.world, self._told = world, folder / "told"
        here = folder / "bin"
        here.mkdir()
        for name in programs:
            (here / name).write_text(AWS.format(python=sys.executable, told=str(self._told)))
            (here / name).chmod(0o755)
        env = {**world.env, "PATH": str(here)}  # nothing of this machine's own
        self.program = run("--config", str(world.configure()), env=env, **more)
        self.program.wait("5/5 live")
        self.program.press("2")
        self.program.wait("payments-api")
        self.program.press("g")
        while "payments-api" not in self.program.cursor_line():
            self.program.press("j")
            self.program._settle()

    def open(self) -> list[str]:
        """Key by key to the session; returns the arguments of the command."""
        self.program.press("s")
        self.program.wait("which container?")
        self.program.press_when_heard("\r")
        self.task = re.findall(r"task +([0-9a-f]{32})", self.program.wait("y shell"))[0]
        self.program.press_when_heard("y")
        self.program.wait("SESSION OPEN")
        return self._told.read_text().splitlines()

    @property
    def pid(self) -> int:
        return int(self._told.read_text().splitlines()[-1])

    def states(self) -> list[tuple[str, Any]]:
        return [(e.data["state"], e.data.get("status")) for e in self.world.entries("shell")]


BOTH = ("aws", "session-manager-plugin")


@pytest.fixture
def night(
    make_world: Callable[..., World], run_program: Callable[..., Program], tmp_path: Path
) -> Callable[..., Night]:
    def start(*programs: str, enabled: bool = True, **more: Any) -> Night:
        scenario = shipped("quiet")
        scenario["services"][0]["exec"] = enabled
        return Night(make_world("--scenario", written(tmp_path, scenario)), run_program, tmp_path, programs, **more)

    return start


def test_a_session_and_back(night: Callable[..., Night]) -> None:
    at = night(*BOTH)
    program = at.program
    row = program.cursor_line()
    words = at.open()
    assert words[:4] == ["ecs", "execute-command", "--cluster", "prod-main"]
    assert re.fullmatch(r"[0-9a-f]{32}", at.task)
    assert words[words.index("--task") + 1] == at.task
    assert words[words.index("--region") + 1] == "ap-northeast-1"
    assert words[words.index("--endpoint-url") + 1].startswith("http://127.0.0.1:")
    assert not any(value in " ".join(words) for name, value in at.world.env.items() if "KEY" in name or "TOKEN" in name)
    until(lambda: at.states() == [("opening", None)], "it is on disk while the session goes on")

    program.press("\x03")
    program.wait("^C IS THE SESSION'S")
    program.press("a\x03q")  # keys of the board's are the session's too
    program.press("\rexit\r")
    program.wait("ended with status 0 after")
    assert program.cursor_line() == row
    until(lambda: at.states() == [("opening", None), ("ended", 0)], "how it ended is journalled")
    assert at.world.writes() == []
    ended = at.world.entries("shell")[-1]
    assert (ended.subject, ended.actor) == (PAYMENTS, "Alice")
    assert "exit" not in ended.text
    program.press_when_heard("q")
    left_well(program)


def test_an_error_stays_to_be_read(night: Callable[..., Night]) -> None:
    at = night(*BOTH, size=(80, 24))
    at.open()
    at.program.press("fail\r")
    text = at.program.wait("Enter goes back to the board")
    assert "TargetNotConnectedException" in text
    at.program.press("\r")
    at.program.wait("ended with status 254 after")
    until(lambda: at.states()[-1:] == [("ended", 254)], "how it ended is journalled")
    at.program.press_when_heard("q")
    left_well(at.program)


def test_a_killed_session_gives_the_terminal_back(night: Callable[..., Night]) -> None:
    at = night(*BOTH)
    at.open()
    at.program.press("q")
    os.kill(at.pid, signal.SIGKILL)
    at.program.wait("ended by SIGKILL. Enter goes back")
    at.program.press("\r")
    at.program.wait("ended by SIGKILL after")
    until(lambda: at.states()[-1:] == [("ended", 137)], "how it ended is journalled")
    at.program.press_when_heard("1")  # its keys are heard
    at.program.press("2")
    assert "payments-api" in at.program.cursor_line()
    at.program.press("q")
    left_well(at.program)


@pytest.mark.parametrize("programs", [(), ("aws",), ("session-manager-plugin",)])
def test_without_the_programs_the_command_is_shown_and_copied(
    night: Callable[..., Night], programs: tuple[str, ...]
) -> None:
    at = night(*programs, size=(80, 24))
    at.program.press("s")
    at.program.wait("which container?")
    at.program.press_when_heard("\r")
    text = at.program.wait("not on this machine")
    assert "execute-command" in text
    assert b"\x1b]52;c;" in at.program.raw
    assert at.states() == []


def test_a_service_that_takes_no_shells_says_how_and_nothing_is_deployed(night: Callable[..., Night]) -> None:
    at = night(*BOTH, enabled=False, size=(80, 24))
    at.program.press("s")
    text = at.program.wait("--enable-execute-command")
    assert "It is a deploy" in text
    at.program.press_when_heard("\r")
    at.program.gone("--enable-execute-command")
    assert at.world.writes() == []


def test_a_source_that_hangs_can_be_given_up(night: Callable[..., Night]) -> None:
    at = night(*BOTH)
    at.world.fault("hang", "prod")
    at.program.press("s")
    at.program.wait("reading the tasks of")
    at.program.press("\x1b")
    at.program.wait("cancelled, nothing was sent")
    at.program.press("q")
    left_well(at.program)
