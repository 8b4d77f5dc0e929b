"""A pager by keys: one page is taken, another goes on by itself, a third is handed on; and three hundred at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World, acknowledgers, assignees, until, written

pytestmark = [pytest.mark.pty, pytest.mark.everything]
MANY = 300

TEAM: dict[str, Any] = {
    "people": [
        {"name": "Alice", "email": "alice@example.com", "token": "drill-alice"},
        {"name": "Bob", "email": "bob@example.com"},
        {"name": "Carol", "email": "carol@example.com"},
    ],
    "policies": [{"name": "Shop", "levels": [{"people": ["Alice"], "after": 90}, ["Bob"], ["Carol"]]}],
    "services": [{"name": "shop", "policy": "Shop"}, {"name": "vault", "policy": "Shop", "only": ["Carol"]}],
}


def page(key: str, title: str, service: str = "shop") -> dict[str, Any]:
    return {"page": {"key": key, "title": title, "service": service, "urgency": "high"}}


def night(folder: Path, events: list[dict[str, Any]]) -> str:
    scenario = {
        "name": "paging",
        "sources": [{"name": "pager", "provider": "pagerduty"}],
        "me": {"name": "Alice", "email": "alice@example.com"},
        "pages": [{"provider": "pagerduty"}],
        "pagerduty": TEAM,
        "events": events,
    }
    return written(folder, scenario)


def named(world: World, title: str) -> dict[str, Any]:
    return next(i for i in world.state["incidents"] if i["title"] == title)


def test_one_is_taken_one_escalates_by_itself_and_one_is_handed_on(
    tmp_path: Path, make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    titles = ("checkout is down", "search is slow", "mail waits")
    world = make_world("--scenario", night(tmp_path, [page(t[:4], t) for t in titles]), "--speed", "4")
    program = run_program("--config", str(world.configure(1.0)), env=world.env)
    program.wait(lambda screen: all(title in screen for title in titles))

    program.go_to("checkout is down")
    program.press("a")
    program.wait("✓ checkout is down: acknowledged")
    assert acknowledgers(named(world, "checkout is down")) == ["Alice"]

    # The other two are handed on: one by key, with who will be paged named before the confirm.
    program.press("\x1b")
    program.go_to("mail waits")
    program.press("E")
    program.wait("level 2: Bob")
    before = len(world.writes())
    program.press_when_heard("\r")  # the next level is the one that is offered
    program.wait("may be empty")
    program.press("nobody moves\r")
    program.wait(lambda screen: "to level 2: Bob" in " ".join(screen.replace("│", " ").split()) and "cancel" in screen)
    assert len(world.writes()) == before
    program.press_when_heard("y")
    program.wait("✓ mail waits: escalated")
    assert assignees(named(world, "mail waits")) == ["Bob"]

    # And one by time: nobody moved, and the board says who has it now.
    until(lambda: assignees(named(world, "search is slow")) == ["Bob"], "it escalates by itself")
    program.press("\x1b")
    program.go_to("search is slow")
    program.wait(lambda screen: "assigned" in screen and "Bob" in screen.partition("DETAIL")[2])
    assert acknowledgers(named(world, "search is slow")) == []


def _of_incidents(world: World) -> int:
    """Calls to the pager, but for the alerts of each incident: the polls read those bit by bit after a start."""
    made: dict[str, int] = world.control("GET", "calls")["sources"]["pager"]
    return sum(made.values()) - made.get("GET /incidents/{id}/alerts", 0)


def test_three_hundred_at_once(
    tmp_path: Path, make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    events = [page(f"m{n}", f"shop alarm {n:03d}") for n in range(MANY - 1)] + [page("v", "vault alarm", "vault")]
    world = make_world("--scenario", night(tmp_path, events), "--speed", "1")
    program = run_program("--config", str(world.configure(2.0)), env=world.env)
    program.wait(f"ALERTS {MANY}", 40)
    time.sleep(3.0)  # of what was assigned within two seconds the log is read: was it resolved, and opened again?
    calls, began = _of_incidents(world), time.monotonic()
    program.press("*")
    program.press("a")
    program.wait(f"acknowledge {MANY} of {MANY} rows", 60)
    assert world.writes() == []
    world.do(resolve_page={"key": "m7"})
    program.press_when_heard("y")
    program.wait(f"acknowledge: 298 of {MANY} done", 90)
    shown = " ".join(program.text.split())
    assert "not reopened" in shown
    assert "Access Denied" in shown
    taken = [i for i in world.state["incidents"] if i["status"] == "acknowledged"]
    assert len(taken) == 298
    assert named(world, "shop alarm 007")["status"] == "resolved"
    puts = [w for w in world.writes() if w["operation"] == "PUT /incidents"]
    assert len(puts) == 2
    made, took = _of_incidents(world) - calls, time.monotonic() - began
    time.sleep(4.0)
    polls = (_of_incidents(world) - calls - made) / 4.0 * took
    assert made - polls < MANY * 0.8  # listings, not a call for each
