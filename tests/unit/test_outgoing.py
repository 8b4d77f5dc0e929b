"""What was drawn, and what the terminal has taken of it: over a slow link that is not the same moment."""

from __future__ import annotations

import fcntl
import os
import pty
import threading
import time
from collections.abc import Iterator

import pytest

from oncall_tui.tui.terminal.outgoing import Outgoing

FULL = "x" * 300_000  # more than a pseudo-terminal holds


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
    yield master, slave
    os.close(master)
    os.close(slave)


def test_what_the_terminal_has_not_taken_is_not_shown(ends: tuple[int, int]) -> None:
    master, slave = ends
    out = Outgoing(slave, lambda: None)
    before = time.monotonic()
    assert out.taken_at(before) == before, "nothing was drawn: all of it is there"
    out.given()
    drawn = time.monotonic()
    writer = threading.Thread(target=out.write, args=(FULL,))
    writer.start()
    assert out.taken_at(drawn) is None
    assert out.taken_at(before) == before
    while writer.is_alive():  # the other end reads at last
        try:
            os.read(master, 65_536)
        except BlockingIOError:
            time.sleep(0.001)
    writer.join(10)
    taken = out.taken_at(drawn)
    assert taken is not None
    assert drawn <= taken <= time.monotonic()
    out.given()
    assert out.taken_at(drawn) == taken, "what is drawn later does not count"
    assert out.taken_at(time.monotonic()) is None
