"""A program that has a thousand files open reads and writes what comes after them as it does the first ones."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import os
import pty
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import oncall_tui
from oncall_tui.runtime import programs
from oncall_tui.runtime.ready import SETSIZE, readable, writable
from oncall_tui.tui.terminal.outgoing import AS_BEFORE, Outgoing

HIGH = SETSIZE + 1


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    """Allow so many; a shell's usual bound is 1,024."""
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HIGH + 500
    if 0 <= hard < wanted:  # endless is -1
        pytest.skip(f"no more than {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def moved(fd: int) -> int:
    """The same file with a number that select does not take."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(fd)
    return high


@pytest.fixture(params=["low", "high"])
def pipe(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    if request.param == "high":
        reader, writer = moved(reader), moved(writer)
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            assert fd == writer, "a test closes the writing end alone"


def test_a_file_can_be_read_once_something_is_there_or_it_ended(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    assert not readable(reader, timeout_s=0)
    assert not readable(reader, timeout_s=0.01)
    os.write(writer, b"x")
    assert list(readable(reader, timeout_s=None)) == [reader]
    os.read(reader, 1)
    assert not readable(reader, timeout_s=0)
    os.close(writer)
    assert list(readable(reader, timeout_s=10)) == [reader]


def test_a_file_can_be_written_until_it_is_full_and_when_it_is_gone(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    assert writable(writer, 10)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    assert not writable(writer, 0.01)
    while readable(reader, timeout_s=0):
        os.read(reader, 65_536)
    assert writable(writer, 10)


def test_of_two_files_the_one_that_came_is_told(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    low, other = os.pipe()
    try:
        assert not readable(low, reader, timeout_s=0)
        os.write(writer, b"x")
        assert list(readable(low, reader, timeout_s=10)) == [reader]
        os.write(other, b"x")
        assert set(readable(low, reader, timeout_s=10)) == {low, reader}
    finally:
        os.close(low)
        os.close(other)


@pytest.fixture
def full_table() -> Iterator[None]:
    """Every number that select takes is in use."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < SETSIZE:
        taken.append(os.dup(taken[0]))
    yield
    for fd in taken:
        os.close(fd)


@pytest.mark.usefixtures("full_table")
def test_a_helper_is_read_and_a_companion_is_heard() -> None:
    assert programs.answer_of(["echo", "keys"]) == b"keys\n"
    with open(os.devnull, "wb") as said:
        child = programs.companion([sys.executable, "-c", "print('ready')"], said)
    with child:
        assert programs.first_line(child, 30) == "ready\n"


@pytest.mark.usefixtures("full_table")
def test_the_terminal_is_written_and_put_back() -> None:
    master, slave = pty.openpty()
    try:
        out = Outgoing(slave, lambda: pytest.fail("it is not lost"))
        assert out.fileno() > SETSIZE
        writer = threading.Thread(target=out.write, args=("a frame",))
        writer.start()
        assert os.read(master, 100) == b"a frame"
        writer.join(10)
        out.put_back()
        assert os.read(master, 500) == AS_BEFORE
        os.close(out.fileno())
    finally:
        os.close(master)
        os.close(slave)


def test_nothing_else_asks_select() -> None:
    root = Path(oncall_tui.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).as_posix() != "runtime/ready.py" and "select" in (text := path.read_text("utf-8")):
            for node in ast.walk(ast.parse(text)):
                assert ast.unparse(node) not in ("import select", "SelectSelector", "selectors.SelectSelector"), path
                assert not (isinstance(node, ast.ImportFrom) and node.module == "select"), path
