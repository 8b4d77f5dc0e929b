"""Escalating to destinations and telling others, by commands and by keys; and no secret anywhere, also when echoed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.test_commands import NOT_DONE, WRONG, Shell, alert
from tests.end_to_end.test_commands import UNKNOWN as NOBODY_KNOWS
from tests.end_to_end.world import World, until, written

API = "prod/main/shop-api"
BURNS = "shop-api: <!channel> 決済 & *burns*"
pytestmark = pytest.mark.everything
SCENARIO: dict[str, Any] = {
    "name": "told",
    "me": {"name": "Alice", "email": "alice@example.com"},
    "sources": [
        {"name": "prod", "provider": "ecs", "account": "111111111111", "clusters": ["main"]},
        {"name": "prom", "provider": "alertmanager"},
        {"name": "pager", "provider": "pagerduty"},
    ],
    "escalation": [
        {"name": "chat", "provider": "slack", "channel": "#shop"},
        {"name": "page", "provider": "pagerduty-events", "service": "shop"},
        {"name": "topic", "provider": "sns"},
    ],
    "products": [{"name": "shop", "services": ["prod/main/shop-*"], "tell": ["chat", "page"]}],
    "pagerduty": {
        "people": [{"name": "Alice", "email": "alice@example.com"}, {"name": "Bob", "email": "bob@example.com"}],
        "policies": [
            {"name": "Shop", "levels": [{"people": ["Alice"], "after": 900}, {"people": ["Bob"], "after": 900}]}
        ],
        "services": [{"name": "shop", "policy": "Shop"}],
    },
    "services": [
        {
            "at": API,
            "desired": 2,
            "revision": 41,
            "image": "v1",
            "start_s": 1,
            "steady_s": 3,
            "breaker": {"enable": True, "rollback": False, "threshold": 500},
            "definitions": {42: {"image": "v2", "fails": {"like": "oom", "after_s": 2}}},
        }
    ],
    "events": [
        {
            "fire": {
                "labels": {
                    "alertname": "Burns",
                    "severity": "critical",
                    "ecs_cluster": "main",
                    "ecs_service": "shop-api",
                },
                "annotations": {"summary": BURNS},
                "minutes_ago": 2,
            }
        },
        {"after_s": 1, "deploy": {"service": API, "revision": 42}},
    ],
}


@pytest.fixture
def world(make_world: Callable[..., World], tmp_path: Path) -> World:
    made = make_world("--scenario", written(tmp_path, SCENARIO))
    until(lambda: made.state["deployments"][API][0]["task_definition"].endswith(":42"), "the bad deploy begins")
    return made


def test_it_is_sent_paged_and_told_by_commands(world: World) -> None:
    shell = Shell(world)
    row = alert(shell, "burns")["id"]
    listed = shell("escalate", row).out.splitlines()
    assert [line.split("\t")[:2] for line in listed] == [
        ["send:page", "page page"],
        ["send:topic", "page topic"],
        ["send:chat", "notify chat"],
    ]

    # To a channel, to a topic: each is sent, and its delivery is not confirmed.
    sent = shell("escalate", row, "--to", "chat", "--reason", "nobody <answers>", "--yes")
    assert sent.out.startswith(f"sent: {row}: sent to Slack")
    (message,) = world.state["told"]["chat"]
    assert message["text"] == BURNS
    assert message["blocks"][1].startswith(
        "reason: nobody <answers>\ncritical, firing for 2m\nservice: prod/main/shop-api"
    )
    shell("escalate", row, "--to", "send:topic", "--yes")
    (published,) = world.state["told"]["topic"]
    assert BURNS in published["message"]
    assert "決済" in published["subject"]
    assert len(published["subject"]) < 100

    # By an event it pages, once: the incident that it made is joined, and is escalated itself from then on.
    shell("escalate", row, "--to", "page", "--yes")
    (event,) = world.state["told"]["page"]
    assert (event["dedup_key"], event["payload"]["severity"]) == (row, "critical")
    incident = world.incident()
    assert incident is not None
    assert (incident["incident_key"], incident["title"]) == (row, BURNS)
    again = shell("escalate", row, "--to", "page", "--yes", code=WRONG)
    assert f"is joined to the incident pager/{incident['id']}" in again.err
    assert len(world.state["told"]["page"]) == 1

    # A dry run and a refusal tell nobody; a rollback tells when it is sent and how it ended, in one thread.
    plan = shell("rollback", API, "--dry-run", "--json").json["plan"]
    assert plan["lines"]["notifies"] == f"chat, page, a note on pager/{incident['id']}"
    shell("rollback", API, "--yes", "--confirm", "shop-api", "--expect", "prod/other", code=NOT_DONE)
    assert len(world.state["told"]["chat"]) == 1
    shell("rollback", API, "--yes", "--confirm", "shop-api", "--wait")
    begun, ended = world.state["told"]["chat"][1:]
    assert begun["text"] == "Alice is rolling back prod/shop-api from :42 to :41"
    assert ended["text"].startswith("Alice rolled back prod/shop-api from :42 to :41: ")
    assert (begun["thread"], ended["thread"]) == ("", begun["ts"])
    changes = [one["payload"]["summary"] for one in world.state["told"]["page"] if one["kind"] == "change/enqueue"]
    assert changes == [begun["text"], ended["text"]]
    notes = [json.loads(w["body"])["note"]["content"] for w in world.writes("pager") if "notes" in w["operation"]]
    assert notes == [begun["text"], ended["text"]]
    told = [(e.data["destination"], e.data["state"]) for e in world.entries("told")]
    assert sorted(told) == [("chat", "sent"), ("chat", "sent"), ("page", "sent"), ("page", "sent")]


def test_check_reads_the_secrets_of_destinations_and_sends_nothing(world: World) -> None:
    shell = Shell(world)
    said = shell("check").out
    assert [line.split()[:4] for line in said.splitlines()[-3:]] == [
        ["chat", "slack", "not", "contacted"],
        ["page", "pagerduty-events", "not", "contacted"],
        ["topic", "sns", "not", "contacted"],
    ]
    config = [
        {**it, "token": {"env": "NOT_SET_HERE"}} if it["name"] == "chat" else it
        for it in world.told["config"]["escalation"]
    ]
    missing = Shell(world, escalation=config)("check", code=NOT_DONE).out
    assert "SECRET MISSING" in missing
    assert "set $NOT_SET_HERE" in missing
    assert world.state["told"] == {"chat": [], "page": [], "topic": []}


def test_a_rollback_is_done_though_nobody_could_be_told(world: World) -> None:
    world.fault("denied", "chat")
    world.fault("refuse", "page")
    shell = Shell(world)
    ended = shell("rollback", API, "--yes", "--confirm", "shop-api", "--wait")
    assert ended.out.startswith(f"done: {API}: ")
    assert {(e.data["destination"], e.data["state"]) for e in world.entries("told")} == {
        ("chat", "failed"),
        ("page", "failed"),
    }


def test_e_by_keys_goes_to_a_destination(world: World, run_program: Callable[..., Program]) -> None:
    row = alert(Shell(world), "burns")["id"]
    program = run_program("--config", str(world.configure(intervals=0.5)), env=world.env)
    program.wait("burns")
    program.press("E")
    program.wait(lambda screen: "page page" in screen and "notify chat" in screen)
    program.press_when_heard("\r")
    program.wait("may be empty")
    program.press("\r")
    program.wait("delivery is not confirmed")
    assert world.state["told"]["page"] == []
    program.press_when_heard("y")
    program.wait("; delivery is not confirmed")
    assert [one["dedup_key"] for one in world.state["told"]["page"]] == [row]
    program.press("q")
    assert program.wait_end() == 0


# --- secrets ----------------------------------------------------------------------------------------------------------

PATH = "/services/PLANTED/WEBHOOK/0123456789abcdef"
KEY = "planted-routing-key-0123456789"


class Echo(BaseHTTPRequestHandler):
    """Answers with an error whose body is what it was sent: path, headers and body."""

    status = 400

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        said = f"bad request: {self.path} {dict(self.headers)} {body} {self.headers['Host']}{self.path}"
        answer = json.dumps({"ok": False, "error": said, "status": said, "message": said, "errors": [said]}).encode()
        self.send_response(self.status)
        self.send_header("Location", f"http://other.example{self.path}?key={KEY}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def planted(world: World, url: str) -> dict[str, Any]:
    """Destinations at *url* whose secrets are planted."""
    world.env |= {"PLANTED_HOOK": url + PATH, "PLANTED_KEY": KEY}
    escalation = [
        {"name": "hook", "provider": "slack", "webhook": {"env": "PLANTED_HOOK"}},
        {"name": "chat", "provider": "slack", "token": {"env": "PLANTED_KEY"}, "channel": "#a", "url": url},
        {"name": "page", "provider": "pagerduty-events", "routing_key": {"env": "PLANTED_KEY"}, "url": url},
    ]
    products = [{"name": "shop", "services": ["prod/main/*"], "tell": ["hook", "chat", "page"]}]
    return {"escalation": escalation, "products": products}


def clean(*texts: str) -> None:
    for text in texts:
        assert PATH not in text
        assert PATH.rpartition("/")[2] not in text
        assert KEY not in text


@pytest.mark.parametrize(("status", "code"), [(400, NOT_DONE), (302, NOT_DONE), (500, NOBODY_KNOWS)])
def test_no_secret_is_said_or_kept_also_where_it_is_echoed(
    world: World, echo: str, status: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Echo, "status", status)
    shell = Shell(world, **planted(world, echo))
    row = alert(shell, "burns")["id"]
    said = [repr(shell("check", code=0)), repr(shell("escalate", row))]
    said += [repr(shell("escalate", row, "--to", name, "--yes", code=code)) for name in ("hook", "chat", "page")]
    if status == 400:
        assert "bad request" in said[2]  # what it said is told, but for the secrets
        said.append(repr(shell("rollback", API, "--yes", "--confirm", "shop-api", "--wait", "--json")))
        said.append(repr(shell("journal", "--json")))
        assert "was not notified" not in said[-1]
        assert {e.data["state"] for e in world.entries("told")} == {"failed"}
    clean(*said)
    kept = [path for path in world.folder.glob("*") if path.is_file() and path.suffix != ".yaml"]
    assert {"journal.db", *(["oncall-tui.log"] if status == 400 else [])} <= {path.name for path in kept}
    clean(*(path.read_bytes().decode("utf-8", "replace") for path in kept))


def test_no_secret_is_on_screen(world: World, echo: str, run_program: Callable[..., Program]) -> None:
    config = world.configure(intervals=0.5, **planted(world, echo))
    program = run_program("--config", str(config), env=world.env)
    program.wait("burns")
    program.press("E")
    program.wait("page page")
    program.press_when_heard("\r")
    program.wait("may be empty")
    program.press("\r")
    program.wait("delivery is not confirmed")
    program.press_when_heard("y")
    program.wait("bad request")
    clean(program.raw.decode("utf-8", "replace"))
    program.press("q")
    assert program.wait_end() == 0
