"""The Detail screen's calls, counted by the other side: one of each when it opens, none while nothing changes, at most
one in three seconds while all changes, none after it closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import PAYMENTS, World, until

pytestmark = [pytest.mark.pty, pytest.mark.everything]
ONLY_LOOKED_FOR = ("GetMetricData", "DescribeTargetHealth")  # no poll makes these calls


def looked(world: World) -> dict[str, int]:
    """How often each was asked of every source."""
    sources: dict[str, dict[str, int]] = world.control("GET", "calls")["sources"]
    return {name: sum(counted.get(name, 0) for counted in sources.values()) for name in ONLY_LOOKED_FOR}


def test_it_reads_once_then_where_it_changed_and_never_after_it_closed(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "quiet")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env)
    program.wait("5/5 live")
    program.press("2")
    program.wait("▸ ✓ edge/gateway")
    program.press("G")
    program.wait("▸ ✓ prod/payments-api")
    assert looked(world) == {"GetMetricData": 0, "DescribeTargetHealth": 0}  # nobody looks

    program.press("\r")
    program.wait("as of ")
    program.wait(lambda screen: "all 4 tasks run" in screen and "reading" not in screen)
    assert looked(world) == {"GetMetricData": 1, "DescribeTargetHealth": 1}

    time.sleep(4)  # eight polls, in which nothing changes
    assert looked(world) == {"GetMetricData": 1, "DescribeTargetHealth": 1}
    program.press("r")
    until(lambda: looked(world)["GetMetricData"] == 2, "r reads again")

    began = time.monotonic()
    event: dict[str, Any] = {"deploy": {"service": PAYMENTS, "revision": 42}}
    world.do(**event)  # its tasks die and come again: its counts change all the time
    until(lambda: looked(world)["GetMetricData"] >= 4, "what changed is read again", 30)
    took = time.monotonic() - began
    assert looked(world)["GetMetricData"] - 2 <= took / 3 + 1
    program.wait("stopped within the hour")

    program.press("\x1b")
    program.wait("SERVICES 3")
    closed = looked(world)
    time.sleep(4)  # it goes on to change, and nobody looks
    assert world.writes() == []  # it only looked
    after = looked(world)
    assert all(after[name] - closed[name] <= 1 for name in after), (closed, after)  # what was on its way may arrive
    time.sleep(4)
    assert looked(world) == after
