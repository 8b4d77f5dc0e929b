"""How many keys it takes from the bell to a rollback that is verified: at most six, besides the name that is typed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.terminal import CURSOR, Program
from tests.end_to_end.test_keys import PAGE, alert_rows, go_on, restless, unwrapped
from tests.end_to_end.world import PAYMENTS, World, until

pytestmark = pytest.mark.pty
BELL = b"PAGE [FIRING:1] HighErrorRate"
NAME = "payments-api"
KEYS = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|.", re.DOTALL)  # an arrow is one key, and comes as three characters


def all_seven(screen: str) -> bool:
    """The title, or the tab, counts them: of rows of several lines not all are in sight."""
    return bool(re.search(r"ALERTS 7\b", screen))


def arrive(world: World, number: int) -> None:
    """One more alert that pages, and stands above."""
    labels = {"alertname": f"More{number}", "severity": "critical", "team": "search"}
    world.do(fire={"labels": labels, "annotations": {"summary": f"more of it ({number})"}})


def pressed(program: Program, since: int) -> list[str]:
    """Every key that went into the terminal since then, one by one."""
    return KEYS.findall("".join(program.pressed[since:]))


@pytest.mark.parametrize(
    ("size", "first"),
    [
        pytest.param((120, 40), "", id="120x40", marks=pytest.mark.everything),
        pytest.param((80, 24), "g", id="80x24, from the last row"),
    ],
)
def test_from_the_bell_to_a_verified_rollback(
    make_world: Callable[..., World],
    run_program: Callable[..., Program],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int],
    first: str,
) -> None:
    world = make_world("--scenario", restless(tmp_path))
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=size)
    program.wait(lambda screen: len(alert_rows(screen)) >= 4, 30)
    program.press("G" if first else "")
    go_on(world)
    until(lambda: BELL in program.raw, "the bell rings for it", 60)
    program.wait(all_seven, 30)
    before = world.service()
    assert (before["healthy"], before["task_definition"].rpartition(":")[2]) == (False, "42")
    since = len(program.pressed)

    arrive(world, 1)
    if first:
        program.press(first)
        program.wait(CURSOR)  # the newest page, wherever it stands
    program.go_to(PAGE)
    arrive(world, 2)
    program.wait("more of it (2)")
    program.press("R")
    program.wait("Protected. Type payments-api")
    assert "Roll back prod/payments-api: :42→:41" in unwrapped(program.text)
    program.press_when_heard(NAME)
    arrive(world, 3)
    program.press("\r")
    program.wait(f"✓ roll back: done: {PAYMENTS}", 90)

    keys = pressed(program, since)
    assert "".join(keys).count(NAME) == 1
    with capsys.disabled():
        sys.stdout.write(f"\n  {len(keys) - len(NAME)} keys and the name: {' '.join(keys)!r}\n")
    assert len(keys) - len(NAME) <= 6, keys
    after = world.service()
    assert (after["healthy"], after["task_definition"].rpartition(":")[2]) == (True, "41")
    assert (after["running"], after["desired"], after["pending"]) == (2, 2, 0)
    assert world.state["deployments"][PAYMENTS][0]["status"] == "ROLLBACK_SUCCESSFUL"
    assert [w["operation"] for w in world.writes("prod")] == ["StopServiceDeployment"]
