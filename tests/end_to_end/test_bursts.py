"""Bytes written to the terminal at once, or a few milliseconds apart: they act on nothing, and a person's keys do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.end_to_end.terminal import LOOK_S, Program
from tests.end_to_end.world import World, until

pytestmark = pytest.mark.pty
ROW = "search-index: queue depth 8k"


def test_a_paste_without_brackets_acts_on_nothing(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third")
    program = run_program("--config", str(world.configure()), env=world.env)
    program.wait(ROW)
    program.go_to(ROW)
    before = len(world.writes())
    time.sleep(LOOK_S)
    program.burst(b"ack payments\n")
    program.wait("ignored 13 characters that arrived at once (a paste?)")
    program.press("\x1b")
    program.gone("ignored 13")
    for part in (b"aS", b"Ea", b"u\n", b"y\n"):
        program.burst(part)
        time.sleep(0.005)
    program.wait("ignored 8 characters")
    program.burst(b"\xe1\xffaSEa")  # bytes that are no UTF-8 end nothing
    program.wait("ignored 6 characters")
    program.press("\x1b")
    program.gone("ignored 6")
    assert len(world.writes()) == before
    program.burst(b"jjjjjjjjjjjj\x1b[A\x1b[A")  # keys that move are a person's at any speed
    program.press("g")
    program.go_to(ROW)
    program.press("a")
    until(lambda: len(world.writes()) > before, "the acknowledgement was sent")
