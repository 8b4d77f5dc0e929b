"""Whatever is done to a service in whatever order: its numbers agree, and it comes to rest."""

import random
from collections.abc import Callable

import pytest

from tests.simulator.conftest import PAYMENTS, Drill
from tests.simulator.shapes import faults_of

WHERE = {"cluster": "prod-main", "service": "payments-api"}


def _do_something(drill: Drill, rng: random.Random) -> None:
    """One write or event; a refusal (400) is as good an answer as any, an error of the world's own (500) is not."""
    what = rng.choice(("deploy", "update", "force", "stop", "scale", "kill", "stop task", "nothing"))
    status = 200
    if what == "deploy":
        drill.do(deploy={"service": PAYMENTS, "revision": rng.choice((41, 42, 43))})
    elif what == "update":
        asked = {**WHERE, "taskDefinition": f"payments-api:{rng.choice((38, 41, 42, 43))}"}
        status, _ = drill.raw("prod", "UpdateService", asked)
    elif what == "force":
        status, _ = drill.raw("prod", "UpdateService", {**WHERE, "forceNewDeployment": True})
    elif what == "stop":
        asked = {"serviceDeploymentArn": drill.service()["deployment"], "stopType": "ROLLBACK"}
        status, _ = drill.raw("prod", "StopServiceDeployment", asked)
    elif what == "scale":
        drill.do(scale={"service": PAYMENTS, "desired": rng.randrange(7)})
    elif what == "kill":
        drill.do(kill={"service": PAYMENTS, "count": rng.randrange(1, 4)})
    elif what == "stop task":
        for arn in drill.raw("prod", "ListTasks", {"cluster": "prod-main"})[1]["taskArns"][:1]:
            status, _ = drill.raw("prod", "StopTask", {"cluster": "prod-main", "task": arn})
    assert status in (200, 400)


def _check_numbers(drill: Drill) -> None:
    asked = {"cluster": "prod-main", "services": ["payments-api"]}
    answer = drill.raw("prod", "DescribeServices", asked)[1]
    assert faults_of("ecs", "DescribeServices", answer) == []
    told = answer["services"][0]
    assert [it["status"] for it in told["deployments"]].count("PRIMARY") == 1
    assert told["runningCount"] == sum(it["runningCount"] for it in told["deployments"])
    assert told["pendingCount"] == sum(it["pendingCount"] for it in told["deployments"])
    assert len(told["events"]) <= 100


@pytest.mark.parametrize("seed", range(8))
def test_it_comes_to_rest(drill: Drill, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(30):
        _do_something(drill, rng)
        drill.advance(rng.choice((0, 0.5, 1, 3, 10, 20)))
        _check_numbers(drill)
    drill.do(deploy={"service": PAYMENTS, "revision": 43})
    drill.do(scale={"service": PAYMENTS, "desired": 3})
    drill.advance(120)
    state = drill.service()
    assert (state["running"], state["pending"], state["healthy"]) == (3, 0, True)
    newest, *earlier = [it["status"] for it in drill.state()["deployments"][PAYMENTS]]
    assert newest == "SUCCESSFUL"
    assert set(earlier) <= {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL"}


SHIFTING = """
name: shifting
sources: [{name: prod, provider: ecs, clusters: [main]}]
services:
  - at: prod/main/api
    desired: 3
    revision: 5
    start_s: 2
    strategy: {STRATEGY, stage_s: 1}
    hooks: [{stages: [PRODUCTION_TRAFFIC_SHIFT], timeout_minutes: 2}]
    breaker: {enable: true, rollback: true}
    deploy_alarms: {names: [api-5xx]}
    definitions: {6: {image: v2.0.0}, 7: {fails: exit}}
"""
STRATEGIES = [
    "name: BLUE_GREEN, bake_minutes: 1",
    "name: LINEAR, step_percent: 30, step_bake_minutes: 1",
    "name: CANARY, canary_bake_minutes: 1, bake_minutes: 1",
]
API = "prod/main/api"


def _do_something_else(drill: Drill, rng: random.Random) -> None:
    what = rng.choice(("update", "force", "stop", "continue", "scale", "kill", "race", "complete", "trip", "nothing"))
    where = {"cluster": "main", "service": "api"}
    status, arn = 200, drill.service(API)["deployment"]
    if what == "update":
        asked = {**where, "taskDefinition": f"api:{rng.choice((5, 6, 7))}"}
        status, _ = drill.raw("prod", "UpdateService", asked)
    elif what == "force":
        status, _ = drill.raw("prod", "UpdateService", {**where, "forceNewDeployment": True})
    elif what == "stop":
        status, _ = drill.raw("prod", "StopServiceDeployment", {"serviceDeploymentArn": arn})
    elif what == "continue":
        told = drill.raw("prod", "DescribeServiceDeployments", {"serviceDeploymentArns": [arn]})[1]
        for hook in told["serviceDeployments"][0].get("lifecycleHookDetails", []):
            action = rng.choice(("CONTINUE", "ROLLBACK"))
            asked = {"serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": action}
            status, _ = drill.raw("prod", "ContinueServiceDeployment", asked)
    elif what == "scale":
        drill.do(scale={"service": API, "desired": rng.randrange(5)})
    elif what == "kill":
        drill.do(kill={"service": API, "count": rng.randrange(1, 4)})
    elif what == "race":
        drill.do(race={"service": API, "ends": rng.choice(("SUCCESSFUL", "STOPPED", "ROLLBACK_FAILED"))})
    elif what == "complete":
        drill.do(complete={"service": API})
    elif what == "trip":
        drill.do(trip={"service": API, "alarm": "api-5xx"})
    assert status in (200, 400)


def _check_traffic(drill: Drill) -> None:
    told = drill.service(API)
    assert abs(sum(it["traffic"] for it in told["revisions"]) - 100) < 0.2
    status, answer = drill.raw("prod", "DescribeServiceDeployments", {"serviceDeploymentArns": [told["deployment"]]})
    assert status == 200
    assert faults_of("ecs", "DescribeServiceDeployments", answer) == []
    answer = drill.raw("prod", "DescribeServices", {"cluster": "main", "services": ["api"]})[1]
    assert faults_of("ecs", "DescribeServices", answer) == []
    primary = [it for it in answer["services"][0]["deployments"] if it["status"] == "PRIMARY"]
    assert [it["taskDefinition"] for it in primary] == [told["task_definition"]]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(8))
def test_traffic_comes_to_rest(make_drill: Callable[..., Drill], strategy: str, seed: int) -> None:
    drill, rng = make_drill(SHIFTING.replace("STRATEGY", strategy)), random.Random(seed)
    for _ in range(40):
        _do_something_else(drill, rng)
        drill.advance(rng.choice((0, 0.5, 1, 3, 10, 30, 70)))
        _check_traffic(drill)
    drill.do(scale={"service": API, "desired": 3})
    drill.do(deploy={"service": API, "revision": 6})
    drill.do(complete={"service": API})
    drill.advance(300)
    state = drill.service(API)
    assert [(it["task_definition"][-2:], it["running"], it["traffic"]) for it in state["revisions"]] == [(":6", 3, 100)]
    assert state["pending"] == 0
    assert {it["status"] for it in drill.state()["deployments"][API]} <= {
        "SUCCESSFUL",
        "STOPPED",
        "ROLLBACK_SUCCESSFUL",
        "ROLLBACK_FAILED",
    }
