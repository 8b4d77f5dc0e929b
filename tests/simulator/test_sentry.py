"""The simulated Sentry: what it answers, and what it refuses."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer
from oncall_tui.simulator.services.sentry.api import SimulatedSentry
from tests.simulator.conftest import Drill

START = 1_700_000_000.0
ISSUES = "/api/0/organizations/example/issues/"


class World:
    """A simulated organization, its clock (POSIX seconds, set by hand), and a client with a token."""

    def __init__(self) -> None:
        self.at = START
        self.sentry = SimulatedSentry(lambda: self.at)

    def ask(
        self, method: str, target: str, body: object = None, token: str = "Bearer drill-account"
    ) -> SimulatedAnswer:
        path, _, query = target.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        asked = Request(method, path, urllib.parse.parse_qs(query), {"authorization": token}, sent)
        return self.sentry.handle(asked)

    def listed(self, query: str = "") -> list[str]:
        return [issue["title"] for issue in json.loads(self.ask("GET", ISSUES + query).body)]

    def put(self, **change: Any) -> tuple[int, Any]:
        answer = self.ask("PUT", ISSUES + "7001/", change)
        return answer.status, json.loads(answer.body)


@pytest.fixture
def world() -> World:
    made = World()
    made.sentry.report("k", "It broke", "checkout", "error", count=3, users=2, began=START - 60)
    return made


def test_a_token_and_the_organization_are_wanted(world: World) -> None:
    assert world.ask("GET", ISSUES, token="").status == 401
    assert world.ask("GET", ISSUES, token="Bearer another").status == 401
    assert world.ask("GET", "/api/0/organizations/other/issues/").status == 404
    assert world.ask("GET", ISSUES + "9/").status == 404
    assert world.ask("DELETE", ISSUES + "7001/").status == 405


def test_the_list_is_searched_sorted_and_paged(world: World) -> None:
    for number in range(4):
        world.sentry.report(f"k{number}", f"n{number}", "search", "warning", count=9 - number, began=START - number)
    assert world.listed("?sort=new&limit=2") == ["n0", "n1"]
    assert world.listed("?sort=new&limit=2&cursor=0:4:0") == ["It broke"]
    assert world.listed("?sort=freq&limit=1") == ["n0"]
    assert world.listed("?query=is:unresolved level:error") == ["It broke"]
    assert world.listed("?query=project:[checkout,media] broke") == ["It broke"]
    assert world.listed("?query=is:resolved") == []
    assert world.listed("?project=4501&environment=production") == ["It broke"]
    assert world.listed("?environment=staging") == []
    link = world.ask("GET", ISSUES + "?limit=2").headers["Link"]
    assert 'rel="previous"; results="false"' in link
    assert 'rel="next"; results="true"; cursor="0:2:0"' in link
    assert 'rel="next"; results="false"' in world.ask("GET", ISSUES).headers["Link"]


@pytest.mark.parametrize(
    "query", ["?limit=101", "?limit=x", "?sort=best", "?cursor=9", "?project=checkout", "?statsPeriod=1y", "?query=a:b"]
)
def test_what_is_asked_wrongly_is_refused(world: World, query: str) -> None:
    answer = world.ask("GET", ISSUES + query)
    assert answer.status == 400
    assert json.loads(answer.body)["detail"]


def test_only_what_was_seen_in_the_period(world: World) -> None:
    world.at += 3601
    assert world.listed("?statsPeriod=1h") == []
    assert world.listed("?statsPeriod=2h") == ["It broke"]


def test_assigning(world: World) -> None:
    assert world.put(assignedTo="Bob")[1]["assignedTo"]["name"] == "Bob"
    assert world.put(assignedTo="user:100")[1]["assignedTo"]["name"] == "Alice"
    assert world.put(assignedTo="")[1]["assignedTo"] is None
    assert world.put(assignedTo="Mallory") == (400, {"assignedTo": ["Unknown actor input"]})


def test_resolved_comes_back_as_regressed(world: World) -> None:
    assert world.put(status="resolved")[1]["status"] == "resolved"
    assert world.listed() == []
    world.sentry.report("k", "", "checkout")
    issue = json.loads(world.ask("GET", ISSUES + "7001/").body)
    assert (issue["status"], issue["substatus"], issue["count"]) == ("unresolved", "regressed", "4")


def test_ignoring_ends_by_itself(world: World) -> None:
    issue = world.put(status="ignored", statusDetails={"ignoreDuration": 5})[1]
    assert (issue["substatus"], issue["statusDetails"]) == (
        "archived_until_condition_met",
        {"ignoreUntil": "2023-11-14T22:18:20.000Z"},
    )
    assert world.listed() == []
    world.at += 300
    assert world.listed() == ["It broke"]
    assert world.put(status="ignored", statusDetails={"ignoreDuration": "soon"})[0] == 400
    assert world.put(status="gone")[0] == 400


def test_comments(world: World) -> None:
    assert world.ask("POST", ISSUES + "7001/comments/", {"text": "looking"}).status == 201
    assert world.ask("POST", ISSUES + "7001/comments/", {"text": "looking"}).status == 400
    assert world.ask("POST", ISSUES + "7001/comments/", {"text": " "}).status == 400
    assert world.sentry.state()["issues"][0]["comments"] == ["looking"]


def test_every_answer_tells_the_limit(world: World) -> None:
    headers = world.ask("GET", ISSUES).headers
    assert headers["X-Sentry-Rate-Limit-Remaining"] == "39"
    asked = Request("GET", ISSUES, {}, {}, b"")
    throttled = world.sentry.fault("throttle", asked)
    assert throttled is not None
    assert (throttled.status, throttled.headers["X-Sentry-Rate-Limit-Reset"]) == (429, "1700000002")
    assert "Retry-After" not in throttled.headers


SCENARIO = """
name: issues
sources: [{name: errors, provider: sentry, services: {checkout: main/api}}, {name: prom, provider: alertmanager}]
sentry: {organization: acme, people: [{name: Alice, email: alice@example.com}]}
events:
  - issue: {key: k, title: It broke, project: checkout, count: 5, minutes_ago: 3}
  - {after_s: 5, issue: {key: k, title: It broke, project: checkout, count: 2}}
  - {after_s: 6, assign_issue: {key: k, to: alice@example.com}}
  - {after_s: 9, resolve_issue: {key: k}}
"""


def test_a_scenario_has_issues(make_drill: Any) -> None:
    drill: Drill = make_drill(SCENARIO)

    def shown() -> tuple[Any, ...]:
        (issue,) = drill.state()["issues"]
        return issue["count"], issue["assignedTo"] and issue["assignedTo"]["name"], issue["status"]

    assert shown() == ("5", None, "unresolved")
    drill.advance(7)
    assert shown() == ("7", "Alice", "unresolved")
    drill.advance(3)
    assert shown() == ("7", "Alice", "resolved")
    (source,) = [it for it in drill.opened.told["config"]["sources"] if it["provider"] == "sentry"]
    assert (source["organization"], source["services"]) == ("acme", {"checkout": "main/api"})
