"""The same night through the commands: what they print, what they do, and how they exit."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.world import PAYMENTS, World, acknowledgers, assignees, environment, until
from tests.support.forked import PIPE, Forked, popen

KEYS = {
    "": {"at", "sources", "alerts", "wide", "not_known", "services", "deploys"},
    "sources": {"name", "provider", "state", "age_s", "message", "hint"},
    "alerts": {
        "id",
        "source",
        "state",
        "severity",
        "pages",
        "title",
        "since",
        "service",
        "product",
        "acknowledged_by",
        "by",
        "by_at",
        "reason",
        "until",
        "assigned",
        "after_incident",
        "problem",
        "leads",
        "episode_since",
        "flapping",
        "rank",
        "suspects",
        "not_suspect",
        "suspicion",
    },
    "services": {
        *("id", "account", "region", "cluster", "name", "health", "desired", "running", "pending"),
        *("revision", "to_run", "since", "age_s", "note"),
    },
    "deploys": {
        "id",
        "service",
        "state",
        "strategy",
        "from",
        "to",
        "started",
        "finished",
        "progress",
        "running",
        "desired",
        "failed_tasks",
        "kind",
        "started_by",
        "rolled_back",
        "says",
        "reason",
    },
}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DONE, NOT_DONE, WRONG, UNKNOWN = 0, 1, 2, 3


def start(env: Mapping[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str] | Forked:
    return popen("oncall_tui", *arguments, env=env, cwd=cwd, stderr=PIPE)


class Answer:
    """How a command ended, and what it said."""

    def __init__(self, process: subprocess.Popen[str] | Forked, seconds: float = 60.0) -> None:
        with process:
            try:
                self.out, self.err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        self.code = process.returncode
        assert "Traceback" not in self.err, self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Shell:
    """Runs commands on one world."""

    def __init__(self, world: World, **more: Any) -> None:
        self.world = world
        self.config = world.configure(**more)

    def __call__(self, *arguments: str, code: int = DONE) -> Answer:
        answer = Answer(self.start(*arguments))
        assert answer.code == code, answer
        return answer

    def start(self, *arguments: str) -> subprocess.Popen[str] | Forked:
        return start(self.world.env, "--config", str(self.config), *arguments)


def epochs(value: Any, name: str = "") -> list[tuple[str, float]]:
    """Numbers that look like seconds since the epoch, wherever they stand in *value*."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in epochs(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in epochs(inner, name)]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return [(name, value)] if is_number and 1e9 < value < 5e9 else []


def alert(shell: Shell, title: str) -> dict[str, Any]:
    """The one alert that has this in its title, as `status --json` tells it."""
    (found,) = (a for a in shell("status", "--json").json["alerts"] if title in a["title"])
    held: dict[str, Any] = found
    return held


def test_a_night_by_commands(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third", "--speed", "2")
    shell = Shell(world)
    until(world.incident, "the page", 30)

    told = shell("status", "--json").json
    assert set(told) == KEYS[""]
    assert RFC3339.fullmatch(told["at"])
    for part in ("sources", "alerts", "services", "deploys"):
        assert told[part], part
        assert all(set(row) == KEYS[part] for row in told[part])
    assert {s["state"] for s in told["sources"]} == {"ok"}
    assert all(RFC3339.fullmatch(a["since"]) for a in told["alerts"])
    page = next(a for a in told["alerts"] if a["pages"])
    assert (page["source"], page["state"], page["service"], page["product"]) == (
        "pager",
        "firing",
        PAYMENTS,
        "payments",
    )
    until(lambda: world.service()["task_definition"].endswith(":42"), "the bad deploy")
    (deploy,) = (d for d in told["deploys"] if d["service"] == PAYMENTS)
    assert (deploy["from"], deploy["to"], deploy["state"]) == ("payments-api:41", "payments-api:42", "in progress")
    assert deploy["failed_tasks"] >= 1

    # Acknowledge and note.
    answer = shell("ack", page["id"])
    assert answer.out.startswith(f"done: {page['id']}: acknowledged by Alice")
    assert acknowledgers(world.incident() or {}) == ["Alice"]
    assert alert(shell, "HighErrorRate")["acknowledged_by"] == ["Alice"]
    shell("note", page["id"], "rolling back :42")
    assert len([w for w in world.writes("pager") if "rolling back :42" in w["body"]]) == 1

    # Who is on call.
    told = shell("oncall", "--json").json
    first = next(shift for shift in told["on_call"] if (shift["policy"], shift["level"]) == ("Payments", 1))
    assert (told["me_on_call"], told["unread"]) == (True, [])
    assert (first["person"], first["email"]) == ("Alice", "alice@example.com")
    assert set(first) >= {"since", "until", "next_person", "next_at", "services", "products"}
    assert re.search(r"^  level 2  Bob ", shell("oncall").out, re.MULTILINE)

    # Escalate: without --to who is on call, and nothing sent; a level that is not there; without a confirm.
    sent = len(world.writes())
    assert "\nlevel:2\tlevel 2: Bob" in shell("escalate", page["id"]).out
    shell("escalate", page["id"], "--to", "level:7", "--yes", code=WRONG)
    shell("escalate", page["id"], "--to", "level:2", code=WRONG)
    assert len(world.writes()) == sent
    assert assignees(world.incident() or {}) == ["Alice"]
    assert "escalated to level 2: Bob" in shell("escalate", page["id"], "--to", "level:2", "--yes").out
    assert assignees(world.incident() or {}) == ["Bob"]

    # Roll back: the plan first; nothing without the name, nothing where another deploy is meant.
    sent = len(world.writes())
    dry = shell("rollback", PAYMENTS, "--dry-run")
    assert "Roll back prod/payments-api: :42→:41" in dry.out
    assert dry.out.endswith("\nnothing was sent\n")
    assert dry.err == ""
    plan = shell("rollback", PAYMENTS, "--dry-run", "--json").json
    assert plan["dry_run"] is True
    assert "StopServiceDeployment(ROLLBACK)" in plan["plan"]["lines"]["API call"]
    refused = shell("rollback", PAYMENTS, "--yes", code=WRONG)
    assert "protected: requires --confirm payments-api" in refused.err
    shell("rollback", PAYMENTS, "--yes", "--confirm", "payments", code=WRONG)
    moved = shell(
        "rollback", PAYMENTS, "--yes", "--confirm", "payments-api", "--expect", "prod/other", "--json", code=NOT_DONE
    )
    assert moved.json["state"] == "refused"
    assert moved.json["message"] == f"moved: --expect is prod/other, but its newest deploy is {deploy['id']}"
    assert moved.json["hint"] == "look at that one, then give its id to --expect"
    assert len(world.writes()) == sent
    ended = shell(
        "rollback",
        PAYMENTS,
        "--yes",
        "--confirm",
        "payments-api",
        "--expect",
        deploy["id"],
        "--wait",
        "--steady",
        "2",
        "--json",
    ).json
    assert (ended["service"], ended["state"]) == (PAYMENTS, "done")
    assert "rolled back from :42 to :41" in ended["message"]
    service = world.service()
    assert (service["healthy"], service["running"], service["desired"]) == (True, 2, 2)
    assert service["task_definition"].endswith("payments-api:41")
    assert [w["operation"] for w in world.writes("prod")] == ["StopServiceDeployment"]

    # It is over: the alert too, and the journal tells it in order.
    until(lambda: (world.incident() or {})["status"] == "resolved", "the page resolves")
    told = shell("status", "--json").json
    assert not any(a["pages"] for a in told["alerts"])
    (healthy,) = (s for s in told["services"] if s["id"] == PAYMENTS)
    assert healthy["health"] == "healthy"
    lines = [json.loads(line) for line in shell("journal", "--json", "--actions").out.splitlines()]
    beside = [
        e["subject"]
        for e in lines
        if e["kind"] == "intent" and " is rolling back " in json.dumps(e, ensure_ascii=False)
    ]
    assert len(beside) == 1  # a note on the incident; when it ended that may be resolved already
    beside += [e["subject"] for e in lines if e["kind"] == "intent" and "Alice rolled back" in json.dumps(e)]
    lines = [e for e in lines if e["subject"] not in beside]
    actions = [
        (e["kind"], e["data"]["plan"]["verb"] if e["kind"] == "intent" else e["data"]["verb"])
        for e in lines
        if e["kind"] == "intent" or (e["kind"] == "outcome" and e["data"]["state"] == "done")
    ]
    verbs = ("acknowledge", "note", "escalate", "roll back")
    assert actions == [(kind, verb) for verb in verbs for kind in ("intent", "outcome")]
    assert {e["actor"] for e in lines} == {"Alice"}
    assert "rolled back from :42 to :41" in shell("journal", "--actions").out

    # Every --json has its times as RFC 3339, none as seconds.
    said = [shell(*command, "--json").json for command in (("status",), ("deploys",), ("handover",), ("oncall",))]
    said += [json.loads(line) for line in shell("journal", "--last", "500", "--json").out.splitlines()]
    assert [found for one in said for found in epochs(one)] == []
    assert all(RFC3339.fullmatch(one["at"]) for one in said[4:])

    # Everything that tells of the bad deploy tells the same: old → new, rolled back, by whom.
    back = "rolled back to :41 by Alice"
    (row,) = (d for d in shell("deploys", PAYMENTS, "--json").json if d["id"] == deploy["id"])
    assert (row["from"], row["to"], row["state"]) == ("payments-api:41", "payments-api:42", "rolled back")
    assert (row["kind"], row["rolled_back"]["to"], row["rolled_back"]["by"]) == ("deploy", ":41", "Alice")
    assert row["says"] == f":41→:42, {back}"
    assert f"{PAYMENTS} :41→:42 {back}" in shell("deploys", PAYMENTS).out
    assert f"{PAYMENTS} :41→:42 by ci-deployer/deploy · {back}" in shell("handover").out.replace("\\", "")


def test_silence_acknowledge_and_back(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third")
    shell = Shell(world, only=("prom",))
    queue, slow = alert(shell, "queue depth")["id"], alert(shell, "遅いクエリ")["id"]

    silence = ("silence", queue, "--for", "1h", "--reason", "known, see the ticket")
    shell(*silence, code=WRONG)
    shell("silence", queue, "--for", "soon", "--reason", "x", code=WRONG)
    shell("silence", queue, "--for", "1h", code=WRONG)
    assert world.state["silences"] == []
    assert shell(*silence, "--yes").out.startswith(f"done: {queue}: silenced by alice@example.com")
    (held,) = world.state["silences"]
    assert (held["comment"], held["createdBy"]) == ("known, see the ticket", "alice@example.com")
    assert alert(shell, "queue depth")["state"] == "silenced"

    shell("ack", slow)
    assert alert(shell, "遅いクエリ")["acknowledged_by"] == ["Alice"]
    again = shell("ack", slow, code=NOT_DONE)
    assert "alice@example.com" in again.out + again.err
    shell("unack", slow)
    assert alert(shell, "遅いクエリ")["state"] == "firing"
    assert sorted(s["status"]["state"] for s in world.state["silences"]) == ["active", "expired"]
    missing = shell("ack", "prom/0123456789abcdef", code=NOT_DONE)
    assert "no alert 'prom/0123456789abcdef'" in missing.err
    assert "there are: prom" in shell("ack", "nowhere/1", code=NOT_DONE).err


def test_read_only_writes_nothing(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third")
    shell = Shell(world, only=("prom",))
    queue = alert(shell, "queue depth")["id"]
    answer = shell("--read-only", "ack", queue, code=NOT_DONE)
    assert "read only: nothing is written" in answer.out + answer.err
    assert world.writes() == []


@pytest.mark.everything
def test_a_write_of_which_nothing_is_known_exits_3(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third")
    shell = Shell(world, only=("prom",))
    queue = alert(shell, "queue depth")["id"]
    world.fault("hang", "prom", writes_only=True, after_effect=True)
    process = shell.start("ack", queue)
    until(lambda: world.writes("prom"), "the write is on its way")
    world.fault("error500", "prom", operation="*")
    answer = Answer(process)
    assert answer.code == UNKNOWN, answer
    assert answer.out.startswith(f"unknown: {queue}: ")
    assert [s["status"]["state"] for s in world.state["silences"]] == ["active"], "it had taken effect"
    assert [e.data["state"] for e in world.entries("outcome")][-1] == "unknown"
    assert len(world.writes("prom")) == 1


def test_check_and_status_of_sources_that_fail(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "quiet")
    shell = Shell(world)
    answer = shell("check")
    assert "configuration: valid, 5 sources" in answer.out
    assert len(re.findall(r"^(?:prod|edge|alarms|prom|pager) .* OK ", answer.out, re.MULTILINE)) == 5
    world.fault("refuse", "prom")
    world.fault("expired", "edge")
    answer = shell("check", code=NOT_DONE)
    assert re.search(r"^prom .* OFFLINE ", answer.out, re.MULTILINE), answer.out
    assert re.search(r"^edge .* EXPIRED ", answer.out, re.MULTILINE)
    told = shell("status", "--json", code=NOT_DONE).json
    states = {s["name"]: s["state"] for s in told["sources"]}
    assert states == {"prod": "ok", "edge": "expired", "alarms": "ok", "prom": "offline", "pager": "ok"}
    assert "OFFLINE" in shell("status", code=NOT_DONE).out


def test_without_a_configuration_and_init(tmp_path: Path) -> None:
    env = environment(tmp_path)
    for command in ((), ("status",), ("check",)):
        answer = Answer(start(env, *command, cwd=tmp_path))
        assert answer.code == WRONG, answer
        if command:
            assert "oncall-tui demo" in answer.err
            assert "oncall-tui init" in answer.err

    wanted = tmp_path / "mine.yaml"
    answer = Answer(start(env, "init", str(wanted), cwd=tmp_path))
    assert answer.code == DONE, answer
    assert wanted.stat().st_mode & 0o777 == 0o600
    text = wanted.read_text(encoding="utf-8")
    assert "sources:" in text
    assert "# " in text
    again = Answer(start(env, "init", str(wanted), cwd=tmp_path))
    assert again.code == NOT_DONE, again
    assert wanted.read_text(encoding="utf-8") == text
    default = Answer(start(env, "init", cwd=tmp_path))
    assert default.code == DONE, default
    assert (tmp_path / ".config" / "oncall-tui" / "config.yaml").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], ["ack"], ["rollback"], ["status", "--yaml"]])
def test_wrong_use_exits_2(tmp_path: Path, arguments: list[str]) -> None:
    assert Answer(start(environment(tmp_path), *arguments, cwd=tmp_path)).code == WRONG


def test_every_mistake_of_a_configuration_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("timezon: Asia/Tokyo\nsources:\n  - {name: a, provider: alertmanger, url: x}\n", encoding="utf-8")
    answer = Answer(start(environment(tmp_path), "--config", str(path), "status"))
    assert answer.code == WRONG, answer
    assert f"{path}:1" in answer.err
    assert f"{path}:3" in answer.err
    assert "timezone" in answer.err
    assert "alertmanager" in answer.err


def test_the_demo_without_a_terminal_prints_the_board_once(tmp_path: Path) -> None:
    answer = Answer(start(environment(tmp_path), "demo", "--scenario", "page-third"))
    assert answer.code == DONE, answer
    assert "not a terminal" in answer.err
    assert "5/5 sources live" in answer.out
    assert "ALERTS" in answer.out
    assert "\x1b" not in answer.out
