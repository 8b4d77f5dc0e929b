"""The night by keys alone: the program in a pseudo-terminal, and a simulated world that says what is true."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import PAYMENTS, World, acknowledgers, assignees, shipped, until, written

pytestmark = pytest.mark.pty
PAGE = "HighErrorRate"
LATE_S = 0.3  # a dialog hears after half a second
ROW = re.compile(r"^[▸▹ ] (?:PAGE|crit|err|warn|info|\?) ")
SEARCH = "prod/prod-main/search-api"


def alert_rows(screen: str) -> list[str]:
    """The lines of the alerts pane that are an alert each."""
    return [line for line in screen.splitlines() if ROW.match(line)]


def unwrapped(screen: str) -> str:
    """A modal's words in one line, without its frame."""
    return re.sub(r"[│\s]+", " ", screen)


def restless(folder: Path) -> str:
    """Return the shipped scenario with the world held still: the bad deploy, and the alerts that come and go, wait for
    ``go_on``. On a machine under load the page would else be there before the program is.
    """
    scenario = shipped("page-third")
    scenario["name"] = "restless"
    scenario["events"] = [event for event in scenario["events"] if not {"deploy", "flap"} & event.keys()]
    return written(folder, scenario)


def go_on(world: World) -> None:
    """Let the bad deploy begin, and the alerts that come and go once its page may be there; these page too."""
    for event in shipped("page-third")["events"]:
        if "deploy" in event:
            world.do(deploy=event["deploy"])
        elif "flap" in event:
            name = event["flap"]["labels"]["alertname"]
            labels = {"alertname": name, "severity": "critical", "team": "payments"}
            world.do(after_s=event.get("after_s", 0) + 11, flap={**event["flap"], "labels": labels})


def done(world: World) -> list[tuple[str, str, str]]:
    """Each action in the journal, in the order of its writing: (what, verb, state); not the notes beside a rollback."""
    told = []
    for entry in world.entries("intent", "outcome"):
        if entry.data.get("verb", entry.data.get("plan", {}).get("verb")) == "note":
            continue
        if entry.kind == "intent":
            assert entry.actor == "Alice"
            told.append(("intent", entry.data["plan"]["verb"], ""))
        elif entry.data["state"] != "pending":
            told.append(("outcome", entry.data["verb"], entry.data["state"]))
    return told


@pytest.mark.everything
def test_a_night_at_120_by_40(
    make_world: Callable[..., World], run_program: Callable[..., Program], tmp_path: Path
) -> None:
    world = make_world("--scenario", restless(tmp_path))
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env)

    # The page arrives among two that come and go every second, and above the list, because it is out of sight.
    program.wait(lambda screen: len(alert_rows(screen)) >= 4)
    program.press("G")
    go_on(world)
    seen: set[str] = set()

    def arrived(screen: str) -> bool:
        seen.add("\n".join(alert_rows(screen)[:2]))
        return "ALERTS 7" in screen and any("NEW PAGE" in line and PAGE in line for line in screen.splitlines())

    program.wait(arrived, 30)
    assert len(seen) > 1, "the rows never moved"
    incident = world.incident()
    assert incident is not None
    assert incident["status"] == "triggered"

    # One key on it, while the rows beside it move.
    program.go_to(PAGE)
    program.press("a")
    program.wait(lambda screen: any(PAGE in row and "ack Alice" in row for row in alert_rows(screen)))
    incident = world.incident()
    assert incident is not None
    assert incident["status"] == "acknowledged"
    assert acknowledgers(incident) == ["Alice"]
    assert world.writes("prom") == []

    # Escalate: who it goes to is on screen before anything is sent, and Enter in the confirm sends nothing.
    program.go_to(PAGE)
    program.press("E")
    program.wait("level 2: Bob")
    program.press_when_heard("\r")
    program.wait("may be empty")
    program.press("\r")
    program.wait(lambda screen: "Bob" in screen and "[Enter] cancel" in screen)
    program.press_when_heard("\r")
    program.wait("cancelled, nothing was sent")
    assert len(world.writes()) == 1
    program.press("E")
    program.wait("level 2: Bob")
    program.press_when_heard("\r")
    program.wait("may be empty")
    program.press("\r")
    program.wait(lambda screen: "to level 2: Bob" in unwrapped(screen) and "[Enter] cancel" in screen)
    incident = world.incident()
    assert incident is not None
    assert assignees(incident) == ["Alice"]
    assert len(world.writes()) == 1
    program.press_when_heard("y")
    program.wait(lambda screen: "✓" in screen and "escalated to level 2" in unwrapped(screen))
    incident = world.incident()
    assert incident is not None
    assert assignees(incident) == ["Bob"]

    # The bad deploy, and why its tasks stopped: in its pane, and in the detail.
    program.press("3")
    program.wait(
        lambda screen: bool(re.search(r"▕▸ +\S+ payments-api +:41→:42 .*\n.*exit 137 OutOfMemoryError", screen))
    )
    program.wait(lambda screen: "tasks stopped: exit 137 OutOfMemoryError" in screen.partition("DETAIL")[2])

    # Roll back: the plan, the name, and nothing for a key that came too early or for a wrong name.
    program.press("1")
    program.go_to(PAGE)
    program.press("Ry")
    program.wait("Protected. Type payments-api")
    program.press("y")
    plan = unwrapped(program.text)
    assert "Roll back prod/payments-api: :42→:41" in plan
    assert "v2 migrates the ledger: ask #team-payments first" in plan
    program.press_when_heard("payments-ap\r")
    program.wait("Name does not match")
    assert world.writes("prod") == []
    program.press("i\r")
    until(lambda: world.writes("prod"), "the rollback is sent")
    program.wait(lambda screen: "roll back: pending" in screen and PAYMENTS in screen and "of 2 s" in screen, 60)
    program.wait(f"✓ roll back: done: {PAYMENTS}")
    service = world.service()
    assert service["healthy"]
    assert service["task_definition"].endswith("payments-api:41")
    assert (service["running"], service["desired"], service["pending"]) == (2, 2, 0)
    assert [w["operation"] for w in world.writes("prod")] == ["StopServiceDeployment"]

    # The alert resolves: its row says so until the cursor has left it.
    program.wait(lambda screen: any(PAGE in row and "resolved" in row for row in alert_rows(screen)))
    incident = world.incident()
    assert incident is not None
    assert incident["status"] == "resolved"
    program.press("G")
    program.wait(lambda screen: not any(PAGE in row for row in alert_rows(screen)))

    assert done(world) == [
        ("intent", "acknowledge", ""),
        ("outcome", "acknowledge", "done"),
        ("intent", "escalate", ""),
        ("outcome", "escalate", "done"),
        ("intent", "roll back", ""),
        ("outcome", "roll back", "done"),
    ]
    notes = [w["body"] for w in world.writes("pager") if w["operation"] == "POST /incidents/{id}/notes"]
    assert "Alice is rolling back prod/payments-api from :42 to :41" in notes[0]
    assert world.journal.stat().st_mode & 0o777 == 0o600
    states = [(e.data["old"], e.data["new"]) for e in world.entries("alert") if e.subject == f"pager/{incident['id']}"]
    assert states == [("", "firing"), ("firing", "acknowledged"), ("acknowledged", "firing"), ("firing", "resolved")]
    program.press("q")
    assert program.wait_end() == 0


@pytest.mark.everything
def test_the_same_at_80_by_24(make_world: Callable[..., World], run_program: Callable[..., Program]) -> None:
    world = make_world("--scenario", "page-third", "--speed", "2")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    program.wait("1 ALERTS 7 1!", 30)
    program.go_to(PAGE)
    program.press("a")
    program.wait(lambda screen: any(PAGE in row and "ack Alice" in row for row in alert_rows(screen)))
    program.press("3")
    program.wait(lambda screen: ":41→:42" in screen and "exit 137 OutOfMemoryError" in screen)
    program.press("4")
    program.wait(lambda screen: "deploy" in screen and "exit 137 OutOfMemoryError" in screen)
    program.press("o")
    program.wait(lambda screen: "You are on call at level 1." in screen and "L2   Bob" in screen)
    program.press_when_heard("\x1b")
    program.wait(
        lambda screen: "Alice  DEMO, or custom endpoint  on call L1" in screen and "You are on call" not in screen
    )
    program.press("1E")
    program.wait("level 2: Bob")
    program.press_when_heard("\r")
    program.wait("may be empty")
    program.press("\r")
    program.wait(lambda screen: "to level 2: Bob" in unwrapped(screen) and "[Enter] cancel" in screen)
    assert len(world.writes()) == 1
    program.press_when_heard("y")
    until(lambda: assignees(world.incident() or {}) == ["Bob"], "it is assigned to Bob")
    program.press("R")
    program.wait("Protected. Type payments-api")
    assert ":42→:41" in unwrapped(program.text)
    program.press_when_heard("payments-api\r")
    program.wait(f"✓ roll back: done: {PAYMENTS}", 60)
    assert world.service()["healthy"]
    assert program.raw.count(b"PAGE [FIRING:1] HighErrorRate") == 1, "rung once an episode"
    program.wait(lambda screen: any(PAGE in row and "resolved" in row for row in alert_rows(screen)))
    assert [state for what, _, state in done(world) if what == "outcome"] == ["done", "done", "done"]


def test_what_came_of_it_can_be_read_at_80_by_24(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third", "--speed", "2")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    program.wait("1 ALERTS 7 1!", 30)
    program.go_to(PAGE)
    program.press("a")
    program.wait(lambda screen: "✓" in screen and "acknowledged by Alice until" in unwrapped(screen))


def pressed_until_seen(program: Program, key: str, words: str) -> float:
    """Press *key*, then ``y`` again and again until *words* are on screen. The longest time between two looks."""
    program.press(key)
    began = last = time.monotonic()
    slowest = 0.0
    while words not in program.text:
        program.press("y")
        time.sleep(0.05)
        now = time.monotonic()
        slowest, last = max(slowest, now - last), now
        assert now - began < 15
    return slowest


def test_a_confirm_hears_nothing_at_first_and_enter_cancels_it(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third")
    program = run_program("--config", str(world.configure()), env=world.env, size=(80, 24))
    program.wait("2 services 5")
    program.press("2")
    program.go_to("search-api")

    for _ in range(4):
        slowest = pressed_until_seen(program, "R", "Type search-api")
        program.press_when_heard("search-ap\r")
        program.wait("Name does not match")
        assert "Roll back prod/search-api: :64→:63" in unwrapped(program.text)
        typed = next(line.strip(" │") for line in program.screen if line.rstrip(" │").endswith("search-ap"))
        program.press("\x1b")
        program.wait("roll back: cancelled, nothing was sent")
        if slowest <= LATE_S or typed == "search-ap":
            break  # else this test itself saw the dialog so late that its keys were heard by right
    assert typed == "search-ap", "a key that was pressed before the dialog was seen is in the name"
    assert world.writes() == []
    assert world.entries("intent") == []

    program.press("R")
    program.wait("Type search-api")
    program.press_when_heard("search-api\r")
    until(lambda: world.writes("prod"), "once the half second is over, the name is heard")
    program.wait(f"roll back: pending: {SEARCH}")
    assert [w["operation"] for w in world.writes()] == ["UpdateService"]


def test_a_row_that_went_before_the_key_is_not_replaced_by_its_neighbour(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third")
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env, size=(80, 24))
    labels: dict[str, Any] = {"alertname": "Brief", "severity": "warning"}
    world.do(fire={"labels": labels, "annotations": {"summary": "brief one"}})
    program.go_to("brief one")
    program.press("j")
    program.press("k")  # chosen, not only followed because it is the first
    assert "brief one" in program.go_to("brief one")
    world.do(resolve={"labels": labels})
    program.wait(lambda screen: any("brief one" in row and "resolved" in row for row in alert_rows(screen)))
    program.press("a")
    program.wait("this alert has resolved: there is nothing to do")
    assert world.writes() == []
    assert world.entries("intent", "refused") == []


@pytest.mark.core(1)
@pytest.mark.parametrize("burst", ["/ack\r", "nack\r"], ids=["a filter", "a note"])
def test_text_that_comes_in_one_burst_is_never_taken_for_keys_that_act(
    make_world: Callable[..., World], run_program: Callable[..., Program], burst: str
) -> None:
    world = make_world("--scenario", "page-third")
    program = run_program("--config", str(world.configure()), env=world.env, size=(80, 24))
    program.go_to("search-index: queue")
    program.press(burst)
    program.press_when_heard("\x1b")
    program.press("1")
    noted = ["ack"] if burst.startswith("n") else []  # all of it is the note's text, in order
    until(lambda: [entry.text for entry in world.entries("note")] == noted, "the note is kept")
    time.sleep(1.0)
    assert world.writes() == []
    assert [entry.text for entry in world.entries("note")] == noted
    assert "acknowledge" not in program.text
