"""The scenarios that ship do what they say, and mistakes in one's own are told."""

from collections.abc import Callable
from urllib.error import HTTPError

import pytest

from oncall_tui.simulator.scenarios.reader import ScenarioError, load, parse, shipped
from oncall_tui.simulator.timeline import SimulatedTimeline
from oncall_tui.simulator.world.build import build
from oncall_tui.simulator.world.world import World
from tests.simulator.conftest import Drill


def _open(drill: Drill) -> list[str]:
    return [it["urgency"] for it in drill.state()["incidents"] if it["status"] != "resolved"]


def test_the_night_pages_and_a_rollback_ends_it(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    before = drill.state()
    assert len(before["services"]) == 40
    assert all(service["healthy"] for service in before["services"].values())
    assert len(drill.opened.told["config"]["products"]) == 13
    drill.advance(21)
    assert drill.service()["deployment"] != before["services"]["prod/prod-main/payments-api"]["deployment"]
    assert _open(drill) == ["low"]
    drill.advance(25)
    paging = drill.state()
    assert sorted(_open(drill)) == ["high", "low"]
    assert paging["alarms"]["payments-api-5xx-critical"] == paging["alarms"]["payments-critical"] == "ALARM"
    assert "HighErrorRate" in {it["labels"]["alertname"] for it in paging["alerts"]}
    drill.advance(240)
    assert drill.state()["deployments"]["prod/prod-main/payments-api"][0]["status"] == "IN_PROGRESS"
    arn = drill.service()["deployment"]
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    drill.advance(40)
    assert _open(drill) == ["low"]
    after = drill.state()
    assert after["alarms"] == before["alarms"]
    assert len(after["alerts"]) == len(before["alerts"])


def test_the_stack_is_told_by_everybody_and_a_rollback_ends_it(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("stack")

    def loud() -> tuple[set[str], list[str], list[str], list[str]]:
        state = drill.state()
        alarms = {name for name, value in state["alarms"].items() if value == "ALARM"}
        issues = [f"{it['project']['slug']} {it['count']}" for it in state["issues"] if it["status"] == "unresolved"]
        return alarms, issues, [it["status"] for it in state["mackerel"] if "closedAt" not in it], _open(drill)

    assert loud() == (set(), ["search 214", "mail 37"], ["WARNING"], [])
    drill.advance(75)
    assert loud() == (
        {"checkout-api-5xx-critical"},
        ["search 214", "mail 37", "checkout 913"],
        ["WARNING", "CRITICAL"],
        ["high"],
    )
    path = "prod/prod-main/checkout-api"
    drill.client("prod").stop_service_deployment(
        serviceDeploymentArn=drill.service(path)["deployment"], stopType="ROLLBACK"
    )
    drill.advance(60)
    alarms, issues, monitors, pages = loud()
    assert (alarms, monitors, pages) == (set(), ["WARNING"], [])
    assert "checkout 913" in issues  # an issue stays until somebody resolves it


def test_an_update_to_the_earlier_revision_ends_the_night_too(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.advance(60)
    drill.client("prod").update_service(cluster="prod-main", service="payments-api", taskDefinition="payments-api:41")
    drill.advance(40)
    assert _open(drill) == ["low"]


def test_page_third_has_seven_rows_and_the_page_is_third_from_the_newest(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("page-third")
    drill.advance(14.5)
    for _ in range(5):
        drill.advance(1)
        state = drill.state()
        alarms = [name for name, value in state["alarms"].items() if value == "ALARM"]
        newer = [it for it in state["alerts"] if it["labels"]["severity"] == "info"]
        assert len(state["alerts"]) + len(alarms) + len(_open(drill)) == 7
        assert len(newer) == 2
        assert all(it["startsAt"] > state["incidents"][0]["created_at"] for it in newer)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_stays_quiet_on_its_errors(make_drill: Callable[..., Drill], name: str) -> None:
    drill = make_drill(name)
    for _ in range(30):
        drill.advance(10)
        assert drill.state()["services"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nsources:\n  - {name: a, provider: ecss}\n", "x.yaml:3: sources[0].provider: expected ecs or"),
        ("name: x\nsources: []\nservics: []\n", "x.yaml:3: servics: unknown key; expected one of name, about"),
        ("name: x\nsources: []\nevents:\n  - {after_s: 1}\n", "x.yaml:4: events[0]: expected exactly one of deploy"),
        ("name: x\nsources: []\nevents:\n  - {after_s: soon, clear_faults: true}\n", "after_s: expected a number, got"),
        ("name: x\nsources:\n  name: a\n", "x.yaml:2: sources: expected a list"),
        ("name: x\n", "x.yaml:1: the scenario: the key 'sources' is missing"),
        ("name: x\nname: y\n", "x.yaml:2: the key 'name' is here twice"),
        ("name: [x\n", "x.yaml:2: "),
        ("", "x.yaml:1: : expected a mapping"),
        ("name: x\nsources: []\nservices:\n  - {at: a/b/c}\n", "x.yaml:4: services: at: expected source/cluster"),
        ("name: x\nsources: []\nevents:\n  - {kill: {service: a/b/c}}\n", "x.yaml:4: events: no service is 'a/b/c'"),
        ("name: x\nsources: []\nevents:\n  - {resolve: {labels: {a: b}}}\n", "events: no source is an alertmanager"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        build(parse(text, "x.yaml"), World(SimulatedTimeline(manual=True), 1))
    assert told in str(caught.value)


def test_a_scenario_that_is_not_there() -> None:
    names = ", ".join([*shipped(), "scale"])
    with pytest.raises(ScenarioError, match=f"expected one of {names}, or a FILE"):
        load("nihgt")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load("./nothing.yaml")


INHIBIT = """
name: inhibit
sources: [{name: prom, provider: alertmanager}, {name: pager, provider: pagerduty}]
inhibit: [{source: {severity: critical}, target: {severity: warning}, equal: [service]}]
events:
  - fire: {labels: {alertname: Slow, severity: warning, service: api}}
  - fire: {labels: {alertname: Slow, severity: warning, service: web}}
  - {after_s: 5, fire: {labels: {alertname: Down, severity: critical, service: api}}}
  - {after_s: 5, silence: {labels: {service: web}, for_s: 60, by: Bob}}
"""


def test_alerts_are_inhibited_and_silenced_by_others(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill(INHIBIT)

    def states() -> dict[str, str]:
        alerts = drill.state()["alerts"]
        return {f"{it['labels']['alertname']} {it['labels']['service']}": it["status"]["state"] for it in alerts}

    assert states() == {"Slow api": "active", "Slow web": "active"}
    drill.advance(6)
    assert states() == {"Slow api": "suppressed", "Slow web": "suppressed", "Down api": "active"}
    assert [it["createdBy"] for it in drill.state()["silences"]] == ["Bob"]
    drill.advance(60)
    assert states() == {"Slow api": "suppressed", "Slow web": "active", "Down api": "active"}


def test_an_event_that_names_nobody_is_refused(drill: Drill) -> None:
    with pytest.raises(HTTPError) as caught:
        drill.do(acknowledge_page={"key": "k", "by": "Nobody"})
    with caught.value as answer:
        assert b"nobody is called" in answer.read()


def test_events_by_the_control_api(drill: Drill) -> None:
    drill.do(fire={"labels": {"alertname": "A", "severity": "critical"}})
    drill.do(after_s=5, alarm={"name": "payments-api-5xx-critical", "state": "ALARM"})
    drill.do(kill={"service": "prod/prod-main/payments-api", "count": 2})
    state = drill.state()
    assert [it["labels"]["alertname"] for it in state["alerts"]] == ["A"]
    assert state["alarms"] == {"payments-api-5xx-critical": "OK"}
    assert state["services"]["prod/prod-main/payments-api"]["running"] == 2
    drill.advance(6)
    state = drill.state()
    assert state["alarms"] == {"payments-api-5xx-critical": "ALARM"}
    assert state["services"]["prod/prod-main/payments-api"]["running"] == 4
