"""Bytes written to the terminal at once, or a few milliseconds apart: they act on nothing, and a person's keys do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from oncall_tui.tui.terminal.arrivals import QUIET_S, REST_S
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


def in_parts(program: Program, *parts: bytes) -> bool:
    """Write *parts* a few milliseconds apart; False where this machine was too slow for that."""
    slowest, last = 0.0, time.monotonic()
    for part in parts:
        program.burst(part)
        now = time.monotonic()
        slowest, last = max(slowest, now - last), now
        time.sleep(0.005)
    return slowest < QUIET_S * 0.75


def test_a_paste_in_parts_acts_on_nothing(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    for _ in range(5):
        world = make_world("--scenario", "page-third")
        program = run_program("--config", str(world.configure()), env=world.env)
        program.wait(ROW)
        program.go_to(ROW)
        time.sleep(LOOK_S)
        if in_parts(program, b"aS", b"Ea", b"u\n", b"y\n"):
            break
    program.wait("ignored 8 characters")
    assert world.writes() == []


def typed_on(program: Program) -> bool:
    """Type half of a word at once and the rest key by key; False where this machine was too slow for that."""
    program.burst(b"/Sea")
    slowest, last = 0.0, time.monotonic()
    program.wait("ignored 4 characters")
    for key in b"rchaES":
        program.burst(bytes((key,)))
        now = time.monotonic()
        slowest, last = max(slowest, now - last), now
        time.sleep(0.15)
    return slowest < REST_S / 2


def test_what_is_typed_on_after_an_ignored_burst_acts_on_nothing_either(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    """Over a link that stalls, "/pay" of "/payments" arrives at once; "ments" is typed on, and m, n, t, s are keys."""
    for _ in range(5):
        world = make_world("--scenario", "page-third")
        program = run_program("--config", str(world.configure()), env=world.env)
        program.wait(ROW)
        program.go_to(ROW)
        if typed_on(program):
            break
    program.wait("ignored 10 characters that arrived at once (a paste?), and what followed")
    assert world.writes() == []
    assert ROW in program.cursor_line()
    program.press("a")  # looks first
    until(lambda: len(world.writes()) == 1, "a key after a pause is a key again")
