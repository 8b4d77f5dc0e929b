"""The simulated Datadog: what it answers, and what it refuses."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from oncall_tui.simulator.scenarios.reader import ScenarioError, parse
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog
from oncall_tui.simulator.start import RunningWorld, open_world
from tests.simulator.conftest import Drill

START = 1_700_000_000.0
KEYS = {"dd-api-key": "drill-account", "dd-application-key": "drill-account", "content-type": "application/json"}
DOWNTIMES = "/api/v2/downtime"


class World:
    """A simulated organization, its clock (POSIX seconds, set by hand), and a client with keys."""

    def __init__(self) -> None:
        self.at = START
        self.datadog = SimulatedDatadog(lambda: self.at)

    def ask(
        self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None
    ) -> SimulatedAnswer:
        path, _, query = target.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        asked = Request(method, path, urllib.parse.parse_qs(query), KEYS if headers is None else headers, sent)
        return self.datadog.handle(asked)

    def read(self, target: str) -> Any:
        answer = self.ask("GET", target)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def post(self, **attributes: Any) -> tuple[int, Any]:
        answer = self.ask("POST", DOWNTIMES, {"data": {"type": "downtime", "attributes": attributes}})
        return answer.status, json.loads(answer.body)


@pytest.fixture
def world() -> World:
    made = World()
    groups = {"host:a,env:prod": "Alert", "host:b,env:prod": "Warn", "host:c,env:prod": "OK"}
    made.datadog.add({"id": 5, "name": "cpu of hosts", "tags": ["team:a", "x"], "groups": groups, "minutes": 2})
    made.datadog.add({"name": "disk", "state": "No Data", "priority": 2})
    made.datadog.add({"name": "fine"})
    return made


def test_both_keys_are_wanted(world: World) -> None:
    assert world.ask("GET", "/api/v1/monitor", headers={}).status == 401
    assert world.ask("GET", "/api/v1/monitor", headers={"dd-api-key": "drill-x"}).status == 403
    assert world.ask("GET", "/api/v1/monitor", headers=KEYS | {"dd-application-key": "other"}).status == 403
    assert world.ask("GET", "/api/v1/validate", headers={"dd-api-key": "drill-x"}).status == 200
    assert world.ask("GET", "/api/v1/validate", headers={"dd-api-key": "other"}).status == 403
    assert world.ask("GET", "/api/v1/nothing").status == 404
    assert world.ask("GET", "/api/v1/monitor/99").status == 404


def test_monitors_are_listed_paged_and_narrowed(world: World) -> None:
    assert [m["id"] for m in world.read("/api/v1/monitor")] == [5, 2002, 2003]
    assert [m["id"] for m in world.read("/api/v1/monitor?page=1&page_size=2")] == [2003]
    assert world.read("/api/v1/monitor?page=2&page_size=2") == []
    assert [m["id"] for m in world.read("/api/v1/monitor?monitor_tags=team:a,x")] == [5]
    assert world.read("/api/v1/monitor?monitor_tags=team:a,y") == []
    assert world.ask("GET", "/api/v1/monitor?page=one").status == 400


def test_groups_are_shown_where_they_are_asked_for(world: World) -> None:
    assert "state" not in world.read("/api/v1/monitor/5")
    for asked, count in (("alert", 1), ("alert,warn,no data", 2), ("all", 3)):
        groups = world.read(f"/api/v1/monitor/5?group_states={urllib.parse.quote(asked)}")["state"]["groups"]
        assert len(groups) == count
    assert groups["host:a,env:prod"] == {
        "name": "host:a,env:prod",
        "status": "Alert",
        "last_triggered_ts": int(START) - 120,
        "last_nodata_ts": None,
        "last_notified_ts": int(START) - 120,
        "last_resolved_ts": None,
    }
    whole = world.read("/api/v1/monitor/2002?group_states=all")
    assert (whole["state"], whole["overall_state"], whole["priority"]) == ({"groups": {}}, "No Data", 2)


def test_a_group_moves(world: World) -> None:
    world.at += 60
    world.datadog.set_state("cpu of hosts", "host:a,env:prod", "OK")
    shown = world.read("/api/v1/monitor/5?group_states=all")
    assert shown["overall_state"] == "Warn"
    assert shown["state"]["groups"]["host:a,env:prod"]["last_resolved_ts"] == START + 60
    with pytest.raises(ValueError, match="no monitor is 'memory'"):
        world.datadog.set_state("memory", "*", "OK")


def test_search(world: World) -> None:
    found = world.read("/api/v1/monitor/search?query=status:alert%20team:a%20CPU")
    assert [m["id"] for m in found["monitors"]] == [5]
    assert found["metadata"] == {"page": 0, "page_count": 1, "per_page": 30, "total_count": 1}
    assert world.read("/api/v1/monitor/search?query=team:b")["metadata"]["page_count"] == 0


GOOD = {"monitor_identifier": {"monitor_id": 5}, "scope": "host:a AND env:prod"}


def test_a_downtime_from_its_making_to_its_end(world: World) -> None:
    end = "2023-11-14T23:13:20+00:00"
    status, made = world.post(**GOOD, message="why", schedule={"start": None, "end": end}, notify_end_types=[])
    assert status == 200
    told = made["data"]["attributes"]
    assert (told["status"], told["message"], told["notify_end_types"]) == ("active", "why", [])
    assert told["schedule"] == {"start": "2023-11-14T22:13:20.000000+00:00", "end": "2023-11-14T23:13:20.000000+00:00"}
    assert made["included"][0]["attributes"]["name"] == "On-call tool"
    one = f"{DOWNTIMES}/{made['data']['id']}"
    assert "included" not in world.read(one)
    assert world.read(one + "?include=created_by")["data"] == made["data"]
    (match,) = world.read("/api/v2/monitor/5/downtime_matches")["data"]
    assert (match["id"], match["attributes"]["groups"]) == (made["data"]["id"], ["host:a,env:prod"])
    assert world.read("/api/v2/monitor/2002/downtime_matches")["data"] == []
    assert world.read("/api/v1/monitor/5?with_downtimes=true")["matching_downtimes"][0]["scope"] == [
        "env:prod",
        "host:a",
    ]
    assert world.read(DOWNTIMES + "?current_only=true")["meta"]["page"]["total_filtered_count"] == 1
    world.at += 3600
    assert world.read(one)["data"]["attributes"]["status"] == "ended"
    assert world.read(DOWNTIMES + "?current_only=true")["data"] == []
    assert len(world.read(DOWNTIMES)["data"]) == 1


def test_a_downtime_is_canceled(world: World) -> None:
    _, made = world.post(**GOOD)
    one = f"{DOWNTIMES}/{made['data']['id']}"
    assert world.ask("DELETE", one).status == 204
    assert world.read(one)["data"]["attributes"]["status"] == "canceled"
    assert world.ask("DELETE", DOWNTIMES + "/none").status == 404


def test_downtimes_are_paged(world: World) -> None:
    for _ in range(35):
        world.post(**GOOD)
    assert len(world.read(DOWNTIMES)["data"]) == 30
    assert len(world.read(DOWNTIMES + "?page[offset]=30&page[limit]=100")["data"]) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"monitor_identifier": {}},
        {"monitor_identifier": {"monitor_id": "5"}},
        {"monitor_identifier": {"monitor_id": 5, "monitor_tags": ["x"]}},
        {"monitor_identifier": {"monitor_id": 99}},
        {"monitor_identifier": {"monitor_tags": []}},
        {"monitor_identifier": 5},
        {"scope": ""},
        {"scope": 5},
        {"colour": "red"},
        {"notify_end_states": ["ok"]},
        {"notify_end_types": ["ended"]},
        {"schedule": {"end": "2023-11-14T23:13:20+09:00"}},
        {"schedule": {"end": "2023-11-14T23:13:20"}},
        {"schedule": {"end": "tomorrow"}},
        {"schedule": {"end": "2023-11-14T22:13:20+00:00"}},
        {"schedule": {"recurrences": []}},
    ],
)
def test_what_is_no_downtime_is_refused(world: World, wrong: dict[str, Any]) -> None:
    status, said = world.post(**{**GOOD, **wrong})
    assert status == 400
    assert said["errors"]
    assert world.datadog.state()["downtimes"] == []


def test_faults_in_its_own_words(world: World) -> None:
    asked = Request("GET", "/api/v1/monitor", {}, KEYS, b"")
    answer = world.datadog.fault("throttle", asked)
    assert answer is not None
    assert (answer.status, answer.headers["X-RateLimit-Reset"]) == (429, "2")
    denied, expired = (world.datadog.fault(kind, asked) for kind in ("denied", "expired"))
    assert denied == expired  # Datadog does not tell them apart, but for the API key alone
    key = asked._replace(path="/api/v1/validate")
    told = [world.datadog.fault(kind, key) for kind in ("denied", "expired")]
    assert [answer.status for answer in told if answer] == [200, 403]


# --- in a scenario ----------------------------------------------------------------------------------------------------

TEXT = """
name: dd
sources: [{name: dd, provider: datadog}]
datadog:
  monitors:
    - {name: hosts, priority: 1, groups: {"host:a": OK, "host:b": Alert}}
    - {name: disk}
events:
  - {after_s: 10, monitor: {name: hosts, group: "host:a", state: Alert}}
  - {after_s: 10, monitor: {name: disk, state: No Data}}
  - {after_s: 20, downtime: {name: hosts, group: "host:b", for_s: 60, by: Bob, comment: known}}
"""


@pytest.fixture
def opened() -> Any:
    made = open_world(parse(TEXT, "dd.yaml"), manual=True)
    yield made
    made.close()


def test_a_scenario_moves_monitors(opened: RunningWorld) -> None:
    drill = Drill(opened)
    assert [m["overall_state"] for m in drill.state()["monitors"]] == ["Alert", "OK"]
    drill.advance(11)
    monitors = drill.state()["monitors"]
    assert {g["status"] for g in monitors[0]["state"]["groups"].values()} == {"Alert"}
    assert monitors[1]["overall_state"] == "No Data"
    drill.advance(10)
    (downtime,) = drill.state()["downtimes"]
    assert (downtime["attributes"]["scope"], downtime["attributes"]["message"]) == ("host:b", "known")
    assert opened.told["config"]["sources"][0]["application_key"] == {"env": "ONCALL_DRILL_TOKEN"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: disk, state: No Data", "name: memory, state: OK", "no monitor is 'memory'"),
        ('"host:a": OK,', '"host:a": Fine,', "expected OK or Warn or Alert or No Data"),
        ("- {name: disk}", "- {name: disk, colour: red}", "colour: unknown key"),
        ("- {name: disk}", "- {name: disk, id: 2001}", "the monitor 2001 is here twice"),
        ("provider: datadog", "provider: pagerduty", "no source is a datadog"),
    ],
)
def test_a_scenario_s_mistakes_are_told(old: str, new: str, words: str) -> None:
    build: Callable[[], object] = lambda: open_world(parse(TEXT.replace(old, new), "dd.yaml"), manual=True)  # noqa: E731
    with pytest.raises(ScenarioError, match=words):
        build()
