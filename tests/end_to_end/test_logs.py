"""A service's log by keys, at 80×24: from the page to its error, and what is said when its source fails under it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.end_to_end.terminal import ESCAPES, Program
from tests.end_to_end.world import World, until

pytestmark = [pytest.mark.pty, pytest.mark.everything]


def filter_calls(world: World) -> int:
    return sum(calls.get("FilterLogEvents", 0) for calls in world.control("GET", "calls")["sources"].values())


def test_from_the_page_to_the_error_and_through_every_failure(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "night", "--speed", "4")
    program = run_program("--config", str(world.configure()), env=world.env, size=(80, 24))
    program.wait(lambda screen: "PAGE" in screen and "payments-api" in screen, 60)
    program.go_to("prod/payments-api ")
    program.press("l")
    shown = program.wait(lambda screen: "began ─" in screen and "READ " in screen)
    assert "LOGS prod/prod-main/payments-api" in shown
    assert "/ecs/prod-main/payments-api in ap-northeast-1" in shown

    program.press("E")  # what led to it
    shown = program.wait(
        lambda screen: any(re.match(r"▸✗.*MemoryError|▸✗.*Traceback", row) for row in screen.split("\n"))
    )
    assert max(map(len, shown.split("\n"))) <= 80

    program.wait(lambda screen: _lines(screen) >= 400)  # what led to it is read after what followed
    known = _lines(program.text)
    program.press("[")
    program.wait(lambda screen: _lines(screen) > known)

    program.press("f")
    program.wait(lambda screen: screen.split("\n")[0].endswith("LIVE"))
    for kind, word, hint in (
        ("throttle", "THROTTLED", "fewer calls, or wait"),
        ("denied", "DENIED", "needs logs:FilterLogEvents"),
        ("expired", "EXPIRED", "login"),
        ("error500", "OFFLINE", "HTTP 500"),
        ("html", "MALFORMED", "a web page"),
    ):
        fault = world.fault(kind, "prod", operation="FilterLogEvents")
        program.press("r")
        shown = program.wait(lambda screen, said=(word, hint): _says(screen, *said))  # type: ignore[misc]
        assert "lines as last read" in shown
        assert re.search(r"\d\d:\d\d:\d\d [0-9a-f]{8} ", shown), "the lines stay"
        world.mend(fault)
        program.press("r")
        program.wait(lambda screen: screen.split("\n")[0].endswith("LIVE"))

    # A source that hangs holds up no key, and is said as soon as it is known.
    fault = world.fault("hang", "prod", operation="FilterLogEvents")
    time.sleep(2.5)
    program.press("w")
    program.press("?")
    program.wait("Keys of the log", 2)
    program.press_when_heard("\x1b")
    program.wait("no answer for ", 5)
    program.wait(lambda screen: "OFFLINE" in screen.split("\n")[0], 12)
    world.mend(fault)

    program.press("q")
    program.wait("1 ALERTS")
    until(lambda: _quiet(world), "nothing is asked once it is closed", 15)
    assert b"\x1b[32mINFO" not in bytes(program.raw)
    left = ESCAPES.sub(b"", bytes(program.raw))
    assert b"\x1b" not in left
    program.press("q")
    assert program.wait_end() == 0


def _lines(screen: str) -> int:
    found = re.search(r"([\d,]+) lines", screen.split("\n")[1])
    return int(found[1].replace(",", "")) if found else 0


def _says(screen: str, word: str, hint: str) -> bool:
    first, _, *few = screen.split("\n")[:6]
    return word in first and hint in " ".join(few)


def _quiet(world: World) -> bool:
    before = filter_calls(world)
    time.sleep(3.0)
    return filter_calls(world) == before


def test_quitting_while_the_log_hangs(make_world: Callable[..., World], run_program: Callable[..., Program]) -> None:
    world = make_world("--scenario", "quiet")
    program = run_program("--config", str(world.configure()), env=world.env, size=(80, 24))
    program.wait("live")
    program.press("2")
    program.wait("healthy")
    program.press("lwfce?")  # in one burst: no key meets a screen that is half there
    program.wait("LOGS")
    program.wait("Keys of the log")
    program.press_when_heard("\x1b")
    program.gone("Keys of the log")
    program.press("q")
    program.wait("2 services")
    world.fault("hang", operation="FilterLogEvents")
    before = filter_calls(world)
    program.press("l")
    program.wait("LOGS")
    until(lambda: filter_calls(world) > before, "it is asked")
    began = time.monotonic()
    program.press("\x11")
    assert program.wait_end() == 0
    assert time.monotonic() - began < 3.0
