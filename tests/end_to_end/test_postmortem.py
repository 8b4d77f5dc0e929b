"""A night with a recorder and no board, written up: each fact is what the world did, and links to its entry."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from oncall_tui.text.time_format import span
from tests.end_to_end.terminal import Program
from tests.end_to_end.test_commands import NOT_DONE, Answer, Shell
from tests.end_to_end.world import World, until
from tests.support.forked import PIPE, popen

API = "prod/prod-main/shop-api"
SPEED = 8
LEAST_S = (20 - 8 + 8) / SPEED  # of the scenario, from its deploy to its page: a task is killed, and missing for 8 s
TITLE = "shop-api: 2 of 4 tasks run"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def played(world: World, shell: Shell) -> str:
    """Have Alice acknowledge the page, and roll the bad deploy back, while a recorder watches; the alert's id."""
    recorder = popen("oncall_tui", "--config", str(shell.config), "record", env=world.env, stderr=PIPE)
    try:
        until(lambda: [e for e in world.entries("alert") if e.data["new"] == "firing"], "the page")
        until(lambda: world.entries("deploy"), "the deploy is in the journal")
        alert = world.entries("alert")[0].subject
        shell("ack", alert)
        shell("rollback", API, "--yes", "--confirm", "shop-api")
        until(lambda: [e for e in world.entries("alert") if e.data["new"] == "resolved"], "it is over")
        until(lambda: [e for e in world.entries("deploy") if e.data["new"] == "rolled back"], "the rollback's end")
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(20) == 0
    finally:
        recorder.kill()
        recorder.communicate(10)
    return alert


@pytest.mark.pty
@pytest.mark.everything
def test_a_night_is_written_up_as_the_world_played_it(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "bad-image", "--speed", str(SPEED))
    shell = Shell(world, intervals=0.5)
    alert = played(world, shell)
    truth = world.state["deployments"][API][0]
    made = shell("incident", "new", "no tasks of shop-api", "--lead", "Bob", "--alert", alert, "--deploy", API).out
    incident = made.split()[-1]
    assert "1 episode, 1 deploy" in made
    told = shell("postmortem", incident[:5], "--json").json
    assert (told["title"], told["lead"], told["products"], told["services"]) == (
        *("no tasks of shop-api", "Bob"),
        *(["shop"], [API]),
    )
    held_to_the_world(told, truth)
    linked_to_entries(told, shell)
    counted(told, shell)
    handed_over(told, shell)
    searched(told, truth, run_program("--config", str(shell.config), env=world.env), world.folder)
    out = shell("postmortem", incident).out
    for fact in told["timeline"]:
        assert f"| {fact['at']} | " in out
        assert f"`{fact['link']}`" in out
    assert "NOT WATCHED" in out  # before the recorder began
    assert shell("incident", "close", incident, "--note", "a typo in a tag").out.count("closed") == 1
    shell("incident", "close", incident, code=NOT_DONE)
    path = world.folder / "night.md"
    shell("postmortem", incident, "--out", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "the incident is closed" in path.read_text()
    shell("postmortem", incident, "--out", str(path), code=NOT_DONE)
    bundled(world, shell, incident, told)
    alone = world.folder / "alone"
    Answer(shell.start("bundle", alert, "--out", str(alone)))
    assert json.loads((alone / "facts.json").read_text())["deploys"] == told["deploys"]


def bundled(world: World, shell: Shell, incident: str, told: dict[str, Any]) -> None:
    """The folder has what the world shows, and says what it has not."""
    folder = world.folder / "bundle"
    world.fault("error500", "prod", operation="GetMetricData")
    shell("bundle", incident, "--out", str(folder), code=NOT_DONE)
    world.mend()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    data = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    manifest = data["manifest.json"]
    assert {row["file"] for row in manifest["files"]} == data.keys() - {"manifest.json"}
    assert all(row["source"] and row["read_at"].endswith("Z") for row in manifest["files"])
    left_out = {one["what"]: one["why"] for one in manifest["left_out"]}
    assert "GetMetricData" in left_out.pop(f"{API}: metrics")
    assert all("older ones" in why for why in left_out.values())  # the world's services log a lot
    assert f"{API}: metrics" in (folder / "README.md").read_text()
    (service,) = (s for s in data["board.json"]["services"] if s["id"] == API)
    assert service["running"] == world.state["services"][API]["running"]
    (change,) = data["changes.json"]
    assert (change["arrow"], "image shop-api:v3.2.0 → shop-api:v3.2.l" in change["changes"]) == (":41→:42", True)
    assert {f["link"] for f in told["timeline"]} <= {entry["id"] for entry in data["entries.json"]}
    tasks = data["service-1-shop-api-inside.json"]["tasks"]
    assert sum(task["status"] == "RUNNING" for task in tasks) >= service["desired"]
    assert data["service-1-shop-api-logs.json"]
    shell("bundle", incident, "--out", str(folder), code=NOT_DONE)


def held_to_the_world(told: dict[str, Any], truth: dict[str, Any]) -> None:
    """The deploy's times are the world's, to the second in which they are said; the durations are between them."""
    assert truth["status"] == "ROLLBACK_SUCCESSFUL"
    events = {fact["event"]: at(fact["at"]) for fact in told["timeline"]}
    deploy = f"deploy {API} :41→:42"
    (started,) = (when for event, when in events.items() if event.startswith(deploy) and event.endswith(" starts"))
    assert started == int(truth["created_at"])
    assert events[f"{deploy}: rolled back"] == int(truth["finished_at"])
    fires, over = events[f"PAGE {TITLE} fires"], events[f"{TITLE} is over"]
    assert (fires, over) == (at(told["began"]), at(told["ended"]))
    acknowledged = events[f"{TITLE} acknowledged by Alice"]
    back = events["Alice: Roll back prod/shop-api from :42 to :41"]
    assert started < fires <= acknowledged <= back <= over
    assert told["detect_s"]["seconds"] >= int(LEAST_S)
    for name, first, last in (
        ("detect_s", truth["created_at"], fires),
        ("acknowledge_s", fires, acknowledged),
        ("mitigate_s", fires, truth["finished_at"]),
        ("resolve_s", fires, over),
    ):
        assert abs(told[name]["seconds"] - (last - first)) <= 1.5, name
        assert told[name]["at_most"] is False


def counted(told: dict[str, Any], shell: Shell) -> None:
    """The numbers of the hour are those of this night."""
    numbers = shell("stats", "--since", "1h", "--json").json
    assert (numbers["notifications"], numbers["pages"]) == (0, 1)
    assert numbers["by_product"] == [{"product": "shop", "notifications": 0, "pages": 1}]
    (noisy,) = numbers["noisiest"]
    assert (noisy["title"], noisy["count"], noisy["share"], noisy["acted_on"]) == (TITLE, 1, 1.0, 1)
    assert sum(numbers["interruptions"].values()) == sum(numbers["by_hour"]) == 1
    assert (numbers["deploys"], numbers["rollbacks"], numbers["change_fail_rate"]) == (1, 1, 1.0)
    assert (numbers["acknowledge_s"]["n"], numbers["acknowledge_s"]["never"]) == (1, 0)
    assert abs(numbers["acknowledge_s"]["median"] - told["acknowledge_s"]["seconds"]) <= 1.5
    assert numbers["resolve_s"]["n"] == numbers["recovery_s"]["n"] == 1
    assert abs(numbers["resolve_s"]["median"] - told["resolve_s"]["seconds"]) <= 1.5
    assert 0 < numbers["coverage"] < 0.1, "the recorder watched for half a minute of the hour"


def searched(told: dict[str, Any], truth: dict[str, Any], board: Program, folder: Path) -> None:
    """``t`` finds the night whole, and nothing besides: of everything, and of the product by a filter."""
    board.wait(" live")
    board.press("t")
    while "RECORD everything" not in board.wait("RECORD "):
        board.press("s")
    while "not verified yet" in board.text:  # the command did not wait for it: a board finds out how it ended
        board.press("r")
        time.sleep(0.2)
    every = exported(board, folder / "every.jsonl")
    times = {fact["event"]: at(fact["at"]) for fact in told["timeline"]}
    found = [(row["kind"], row["text"], row["by"]) for row in every]
    assert found == [
        ("incident", told["title"], "Alice"),
        ("action", "Roll back prod/shop-api from :42 to :41", "Alice"),
        ("action", f"acknowledge {TITLE}", "Alice"),
        ("alert", TITLE, "Alice"),
        ("deploy", "deploy shop-api :41→:42", "ci-deployer/deploy"),
    ], found
    _, back, acknowledged, alert, started = every
    assert (alert["page"], alert["product"], alert["service"]) == (True, "shop", API)
    assert at(alert["time"]) == at(told["began"])
    lasted = span(told["resolve_s"]["seconds"])
    assert alert["state"] == f"for {lasted}, acknowledged by Alice after {span(told['acknowledge_s']['seconds'])}"
    assert at(started["time"]) == int(truth["created_at"])
    assert started["state"] == f"rolled back after {span(truth['finished_at'] - truth['created_at'])}"
    assert (back["state"], acknowledged["state"]) == ("done", "done")
    assert at(back["time"]) == times["Alice: Roll back prod/shop-api from :42 to :41"]
    board.press("/product:shop\r")
    of_product = exported(board, folder / "product.jsonl")
    assert of_product == [alert, started]
    board.close()


def exported(board: Program, path: Path) -> list[dict[str, Any]]:
    """Have the list written to a file, the newest first, and read that."""
    board.press("w")
    board.wait("Export ")
    board.press_when_heard(f"\x15{path}\r")
    board.wait("written to")
    return [json.loads(line) for line in path.read_text().splitlines()]


def handed_over(told: dict[str, Any], shell: Shell) -> None:
    """The handover tells of the same page, its deploy, and what Alice did."""
    report = shell("handover", "--since", "1h", "--json").json
    assert [row["title"] for row in report["fired"] if row["pages"]] == [TITLE]
    assert [row["arrow"] for row in report["deploys"]] == [":41→:42"]
    done = [f"{row['by']}: {row['what']}" for row in report["done"]]
    assert "Alice: Roll back prod/shop-api from :42 to :41" in done
    assert len(done) == 2
    assert report["open"] == []


def linked_to_entries(told: dict[str, Any], shell: Shell) -> None:
    """Each link is an entry that says the fact."""
    lines = shell("journal", "--last", "1000", "--json").out.splitlines()
    entries = {entry["id"]: entry for entry in map(json.loads, lines)}
    for fact in told["timeline"]:
        entry = entries[fact["link"]]
        wanted = {
            r" fires$": ("alert", "firing"),
            r" acknowledged by Alice$": ("alert", "acknowledged"),
            r" is over$": ("alert", "resolved"),
            r" starts$": ("deploy", "in progress"),
            r": rolled back$": ("deploy", "rolled back"),
        }
        for words, (kind, state) in wanted.items():
            if re.search(words, fact["event"]):
                assert (entry["kind"], entry["data"]["new"]) == (kind, state), fact
                break
        else:
            assert entry["kind"] in ("intent", "outcome"), fact
            assert entry["at"] == fact["at"]
