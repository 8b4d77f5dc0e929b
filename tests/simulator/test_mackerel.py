"""The simulated Mackerel: what it answers, and what it refuses."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest

from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.mackerel import SimulatedMackerel
from tests.simulator.conftest import Drill

START = 1_700_000_000.0


class World:
    """A simulated organization, its clock (POSIX seconds, set by hand), and a client with a key."""

    def __init__(self) -> None:
        self.at = START
        self.mackerel = SimulatedMackerel(lambda: self.at)

    def ask(self, method: str, target: str, body: object = None, key: str = "drill-account") -> tuple[int, Any]:
        path, _, query = target.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        asked = Request(method, "/api/v0/" + path, urllib.parse.parse_qs(query), {"x-api-key": key}, sent)
        answer = self.mackerel.handle(asked)
        return answer.status, json.loads(answer.body)

    def ids(self, query: str = "") -> list[str]:
        return [alert["id"] for alert in self.ask("GET", "alerts" + query)[1]["alerts"]]


@pytest.fixture
def world() -> World:
    made = World()
    for number in range(5):
        made.mackerel.open(f"k{number}", "load", began=START - number)
    return made


def test_a_key_is_wanted(world: World) -> None:
    assert world.ask("GET", "alerts", key="")[0] == 401
    assert world.ask("GET", "hosts")[0] == 404
    assert world.ask("PUT", "alerts/x")[0] == 404


def test_the_newest_come_first_in_pages(world: World) -> None:
    status, page = world.ask("GET", "alerts?limit=2")
    assert (status, [alert["openedAt"] for alert in page["alerts"]]) == (200, [int(START), int(START) - 1])
    assert world.ids(f"?limit=2&nextId={page['nextId']}") == world.ids()[2:4]
    assert "nextId" not in world.ask("GET", "alerts?limit=5")[1]
    assert [world.ask("GET", f"alerts?{wrong}")[0] for wrong in ("limit=101", "limit=0", "nextId=z")] == [400] * 3


def test_monitors_are_named(world: World) -> None:
    (monitor,) = world.ask("GET", "monitors")[1]["monitors"]
    alert = world.ask("GET", "alerts")[1]["alerts"][0]
    assert (monitor["name"], monitor["id"], monitor["type"]) == ("load", alert["monitorId"], alert["type"])


def test_closing_wants_a_reason(world: World) -> None:
    (first, *rest) = world.ids()
    assert world.ask("POST", f"alerts/{first}/close", {})[0] == 400
    assert world.ask("POST", f"alerts/{first}/close", {"reason": 1})[0] == 400
    assert world.ask("POST", "alerts/none/close", {"reason": "x"})[0] == 404
    status, closed = world.ask("POST", f"alerts/{first}/close", {"reason": "over"})
    assert (status, closed["status"], closed["reason"], closed["closedAt"]) == (200, "OK", "over", int(START))
    assert world.ids() == rest
    assert world.ids("?withClosed=true") == [first, *rest]
    assert world.ask("GET", f"alerts/{first}") == (200, closed)
    world.mackerel.open("k0", "load")
    assert world.ids()[0] not in (first, *rest)  # what still fails opens anew


SCENARIO = """
name: monitors
sources: [{name: mk, provider: mackerel}, {name: prom, provider: alertmanager}]
mackerel: {monitors: [{name: load, type: host}]}
events:
  - open_alert: {key: k, monitor: load, status: WARNING, host: h1, minutes_ago: 3}
  - {after_s: 5, open_alert: {key: k, monitor: load, status: CRITICAL, message: worse}}
  - {after_s: 9, close_alert: {key: k}}
"""


def test_a_scenario_has_alerts(make_drill: Any) -> None:
    drill: Drill = make_drill(SCENARIO)

    def shown() -> tuple[Any, ...]:
        (alert,) = drill.state()["mackerel"]
        return alert["status"], alert["type"], alert.get("message"), "closedAt" in alert

    assert shown() == ("WARNING", "host", None, False)
    drill.advance(6)
    assert shown() == ("CRITICAL", "host", "worse", False)
    drill.advance(5)
    assert shown() == ("OK", "host", "worse", True)
    assert [it["api_key"] for it in drill.opened.told["config"]["sources"] if it["name"] == "mk"] == [
        {"env": "ONCALL_DRILL_TOKEN"}
    ]
