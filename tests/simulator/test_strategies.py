"""Deploys that shift traffic, as a client sees them: stages, weights, bake time, hooks, alarms, and the way back."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import Drill
from tests.simulator.shapes import error_names, faults_of

WORLD = """
name: shifting
sources: [{name: prod, provider: ecs, clusters: [main]}]
services:
  - at: prod/main/api
    desired: 2
    revision: 5
    STRATEGY
    definitions:
      6: {image: v2.0.0}
      7: {fails: exit}
      8: {image: v3.0.0}
"""
API = "prod/main/api"
BLUE_GREEN = "strategy: {name: BLUE_GREEN, bake_minutes: 5}"
LINEAR = "strategy: {name: LINEAR, step_percent: 40, step_bake_minutes: 2, bake_minutes: 1}"
CANARY = "strategy: {name: CANARY, canary_percent: 10, canary_bake_minutes: 3, bake_minutes: 1}"
STAGES = [
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
]

Make = Callable[..., Drill]


def _world(make_drill: Make, *lines: str) -> Drill:
    return make_drill(WORLD.replace("STRATEGY", "\n    ".join(lines)))


def _service(drill: Drill) -> Any:
    return drill.client("prod").describe_services(cluster="main", services=["api"])["services"][0]


def _update(drill: Drill, number: int = 6, **more: object) -> str:
    asked = {"cluster": "main", "service": "api", "taskDefinition": f"api:{number}", **more}
    return str(drill.client("prod").update_service(**asked)["service"]["currentServiceDeployment"])


def _deployment(drill: Drill, arn: str) -> Any:
    status, answer = drill.raw("prod", "DescribeServiceDeployments", {"serviceDeploymentArns": [arn]})
    assert status == 200
    assert faults_of("ecs", "DescribeServiceDeployments", answer) == []
    return answer["serviceDeployments"][0]


def _until(drill: Drill, arn: str, stage: str, most: int = 900) -> Any:
    for _ in range(most):
        now = _deployment(drill, arn)
        if now.get("lifecycleStage") == stage:
            return now
        drill.advance(1)
    raise AssertionError(f"{stage} was not reached, but {now}")


def _ended(drill: Drill, arn: str, most: int = 200) -> str:
    for _ in range(most):
        if "finishedAt" in (now := _deployment(drill, arn)):
            return str(now["status"])
        drill.advance(5)
    raise AssertionError(f"it did not end: {now}")


def _weights(deployment: Any) -> tuple[float, float]:
    key = "requestedProductionTrafficWeight"
    return deployment["sourceServiceRevisions"][0][key], deployment["targetServiceRevision"][key]


def _runs(drill: Drill) -> dict[str, tuple[int, float]]:
    """Task definition's number -> running tasks and percent of the traffic."""
    told = drill.service(API)["revisions"]
    return {it["task_definition"].rpartition(":")[2]: (it["running"], it["traffic"]) for it in told}


@pytest.mark.parametrize(
    ("strategy", "weights"),
    [
        (BLUE_GREEN, [(100, 0), (0, 100)]),
        (LINEAR, [(100, 0), (60, 40), (20, 80), (0, 100)]),
        (CANARY, [(100, 0), (90, 10), (0, 100)]),
    ],
)
def test_every_stage_in_order_and_the_traffic_with_it(
    make_drill: Make, strategy: str, weights: list[tuple[float, float]]
) -> None:
    drill = _world(make_drill, strategy)
    arn = _update(drill)
    stages, shares = [], []
    while "finishedAt" not in (now := _deployment(drill, arn)):
        stages.append(now["lifecycleStage"])
        shares.append(_weights(now))
        drill.advance(1)
    assert list(dict.fromkeys(stages)) == STAGES
    assert list(dict.fromkeys(shares)) == weights
    assert now["status"] == "SUCCESSFUL"
    assert _runs(drill) == {"6": (2, 100)}
    told = _service(drill)
    assert [it["status"] for it in told["deployments"]] == ["PRIMARY"]
    assert told["taskDefinition"].endswith("api:6")


def test_both_revisions_run_until_the_bake_time_is_over(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN)
    arn = _update(drill)
    baking = _until(drill, arn, "BAKE_TIME")
    assert baking["deploymentConfiguration"]["bakeTimeInMinutes"] == 5
    assert _runs(drill) == {"5": (2, 0), "6": (2, 100)}
    both = _service(drill)["deployments"]
    assert [(it["status"], it["runningCount"], it["desiredCount"]) for it in both] == [
        ("PRIMARY", 2, 2),
        ("ACTIVE", 2, 2),
    ]
    assert not any("rolloutState" in it for it in both)
    drill.advance(290)
    assert _deployment(drill, arn)["lifecycleStage"] == "BAKE_TIME"
    drill.advance(30)
    assert _deployment(drill, arn)["status"] == "SUCCESSFUL"
    assert _runs(drill) == {"6": (2, 100)}


@pytest.mark.core(9)
@pytest.mark.parametrize("strategy", [BLUE_GREEN, LINEAR, CANARY])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stop_in_every_stage_goes_back(make_drill: Make, strategy: str, stage: str) -> None:
    drill = _world(make_drill, strategy)
    arn = _update(drill)
    _until(drill, arn, stage)
    before = {it["arn"] for it in drill.service(API)["revisions"]}
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert _deployment(drill, arn)["status"] == "ROLLBACK_REQUESTED"
    assert _ended(drill, arn) == "ROLLBACK_SUCCESSFUL"
    assert _runs(drill) == {"5": (2, 100)}
    ended = _deployment(drill, arn)
    assert ended["rollback"]["serviceRevisionArn"] == ended["sourceServiceRevisions"][0]["arn"]
    assert ended["rollback"]["serviceRevisionArn"] in before | {ended["sourceServiceRevisions"][0]["arn"]}
    assert _service(drill)["taskDefinition"].endswith(":5")


def test_going_back_while_it_bakes_launches_nothing(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN)
    ecs = drill.client("prod")
    old = set(ecs.list_tasks(cluster="main", serviceName="api")["taskArns"])
    arn = _update(drill)
    _until(drill, arn, "BAKE_TIME")
    ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert _ended(drill, arn) == "ROLLBACK_SUCCESSFUL"
    assert set(ecs.list_tasks(cluster="main", serviceName="api")["taskArns"]) == old


def test_a_stop_in_clean_up_can_be_refused(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN.replace("}", ", clean_up_stop: refused}"))
    arn = _update(drill)
    _until(drill, arn, "CLEAN_UP")
    with pytest.raises(ClientError) as caught:
        drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert _ended(drill, arn) == "SUCCESSFUL"


@pytest.mark.parametrize("strategy", [BLUE_GREEN, "start_s: 4"])
def test_pending_is_held_and_stopped(make_drill: Make, strategy: str) -> None:
    drill = _world(make_drill, strategy, "hold: {PENDING: 0}")
    arn = _update(drill)
    drill.advance(600)
    assert _deployment(drill, arn)["status"] == "PENDING"
    assert _runs(drill) == {"5": (2, 100)}
    shown = [(it["status"], it["desiredCount"]) for it in _service(drill)["deployments"]]
    assert shown == [("PRIMARY", 0), ("ACTIVE", 2)]
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert _ended(drill, arn) == "ROLLBACK_SUCCESSFUL"
    assert _runs(drill) == {"5": (2, 100)}
    assert _ended(drill, _update(drill)) == "SUCCESSFUL"
    assert _runs(drill) == {"6": (2, 100)}


@pytest.mark.parametrize("stage", ["SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"])
def test_a_newer_deploy_takes_over_and_reconciles(make_drill: Make, stage: str) -> None:
    drill = _world(make_drill, LINEAR)
    first = _update(drill)
    _until(drill, first, stage)
    second = _update(drill, 8)
    assert _deployment(drill, first)["status"] == "STOP_REQUESTED"
    assert _ended(drill, second) == "SUCCESSFUL"
    assert _deployment(drill, first)["status"] == "STOPPED"
    assert _runs(drill) == {"8": (2, 100)}


def test_a_bad_revision_never_gets_traffic_and_the_breaker_goes_back(make_drill: Make) -> None:
    drill = _world(make_drill, CANARY, "breaker: {enable: true, rollback: true, threshold: 3}")
    arn = _update(drill, 7)
    for _ in range(12):
        assert _runs(drill)["5"] == (2, 100)
        drill.advance(5)
    ended = _deployment(drill, arn)
    assert (ended["status"], ended["deploymentCircuitBreaker"]["failureCount"]) == ("ROLLBACK_SUCCESSFUL", 3)
    assert "circuit breaker" in ended["rollback"]["reason"]


@pytest.mark.parametrize("rollback", [True, False])
@pytest.mark.parametrize("strategy", [BLUE_GREEN, "start_s: 4"])
def test_an_alarm_fails_the_deploy(make_drill: Make, strategy: str, rollback: bool) -> None:
    watched = f"deploy_alarms: {{names: [api-5xx], rollback: {str(rollback).lower()}}}"
    drill = _world(make_drill, strategy, watched)
    drill.do(trip={"service": API, "alarm": "api-5xx"})  # no deploy is under way, so nothing happens
    arn = _update(drill)
    drill.advance(3)
    assert _deployment(drill, arn)["alarms"]["status"] == "MONITORING"
    drill.do(trip={"service": API, "alarm": "other"})
    drill.do(trip={"service": API, "alarm": "api-5xx"})
    assert _ended(drill, arn) == ("ROLLBACK_SUCCESSFUL" if rollback else "STOPPED")
    ended = _deployment(drill, arn)
    names = {"alarmNames": ["api-5xx"], "triggeredAlarmNames": ["api-5xx"]}
    assert ended["alarms"] == {"status": "TRIGGERED", **names}
    assert ("alarm" in ended["rollback"]["reason"]) if rollback else "rollback" not in ended
    assert _runs(drill)["5"] == (2, 100)


def _hook(stage: str, **more: object) -> str:
    told = {"stages": [stage], **more}
    return f"hooks: [{told}]".replace("'", "")


def _waiting(drill: Drill, arn: str) -> Any:
    """The hook that waits, once there is one."""
    for _ in range(600):
        hooks = _deployment(drill, arn).get("lifecycleHookDetails", [])
        if hooks and hooks[0]["status"] == "AWAITING_ACTION":
            return hooks[0]
        drill.advance(1)
    raise AssertionError("no hook waits")


def _refusal(drill: Drill, **asked: object) -> str:
    with pytest.raises(ClientError) as caught:
        drill.client("prod").continue_service_deployment(**asked)
    return str(caught.value.response["Error"]["Code"])


def test_a_paused_deploy_waits_and_goes_on(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN, _hook("POST_TEST_TRAFFIC_SHIFT"))
    arn = _update(drill)
    hook = _waiting(drill, arn)
    assert (hook["targetType"], hook["timeoutAction"]) == ("PAUSE", "ROLLBACK")
    drill.advance(3600)
    now = _deployment(drill, arn)
    assert (now["status"], now["lifecycleStage"]) == ("IN_PROGRESS", "POST_TEST_TRAFFIC_SHIFT")
    assert now["lifecycleHookDetails"] == [hook]
    assert _refusal(drill, serviceDeploymentArn=arn, hookId="ecs-pause-none") == "InvalidParameterException"
    assert _refusal(drill, serviceDeploymentArn=arn + "x", hookId="h") == "ServiceDeploymentNotFoundException"
    asked = {"serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": "STOP"}
    assert drill.raw("prod", "ContinueServiceDeployment", asked)[1]["__type"] == "InvalidParameterException"
    assert {"InvalidParameterException", "ServiceDeploymentNotFoundException"} <= error_names(
        "ecs", "ContinueServiceDeployment"
    )
    drill.client("prod").continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"])
    assert _refusal(drill, serviceDeploymentArn=arn, hookId=hook["hookId"]) == "InvalidParameterException"
    assert _ended(drill, arn) == "SUCCESSFUL"


@pytest.mark.parametrize("way", ["continue", "stop", "time-out"])
def test_a_paused_deploy_goes_back(make_drill: Make, way: str) -> None:
    drill = _world(make_drill, CANARY, _hook("PRE_PRODUCTION_TRAFFIC_SHIFT", timeout_minutes=10))
    arn = _update(drill)
    hook = _waiting(drill, arn)
    ecs = drill.client("prod")
    if way == "continue":
        ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"], action="ROLLBACK")
    elif way == "stop":
        ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    else:
        drill.advance(598)
        assert _deployment(drill, arn)["status"] == "IN_PROGRESS"
        drill.advance(10)
    assert _ended(drill, arn) == "ROLLBACK_SUCCESSFUL"
    assert _runs(drill) == {"5": (2, 100)}


def test_a_time_out_can_go_on(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN, _hook("PRE_SCALE_UP", timeout_minutes=1, on_timeout="CONTINUE"))
    arn = _update(drill)
    assert _waiting(drill, arn)["timeoutAction"] == "CONTINUE"
    assert _ended(drill, arn) == "SUCCESSFUL"


@pytest.mark.parametrize(("strategy", "steps"), [(LINEAR, 3), (CANARY, 2)])
def test_every_step_has_a_hook_of_its_own(make_drill: Make, strategy: str, steps: int) -> None:
    drill = _world(make_drill, strategy, _hook("PRODUCTION_TRAFFIC_SHIFT"))
    arn = _update(drill)
    seen = []
    while len(seen) < steps:
        hook = _waiting(drill, arn)
        seen.append((hook["hookId"], _weights(_deployment(drill, arn))[1]))
        drill.client("prod").continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"])
    assert len({id for id, _ in seen}) == steps
    assert seen[-1][1] == 100
    assert _ended(drill, arn) == "SUCCESSFUL"


@pytest.mark.parametrize("fails", [True, False])
def test_a_function_decides(make_drill: Make, fails: bool) -> None:
    drill = _world(make_drill, BLUE_GREEN, _hook("POST_SCALE_UP", type="AWS_LAMBDA", fails=str(fails).lower()))
    arn = _update(drill)
    _until(drill, arn, "POST_SCALE_UP")
    hook = _deployment(drill, arn)["lifecycleHookDetails"][0]
    assert (hook["status"], hook["targetType"]) == ("IN_PROGRESS", "AWS_LAMBDA")
    assert _refusal(drill, serviceDeploymentArn=arn, hookId=hook["hookId"]) == "InvalidParameterException"
    assert _ended(drill, arn) == ("ROLLBACK_SUCCESSFUL" if fails else "SUCCESSFUL")


@pytest.mark.parametrize("ends", ["SUCCESSFUL", "STOPPED", "ROLLBACK_FAILED"])
@pytest.mark.parametrize("strategy", [BLUE_GREEN, CANARY, "start_s: 60"])
def test_a_stop_that_is_accepted_and_lost(make_drill: Make, strategy: str, ends: str) -> None:
    drill = _world(make_drill, strategy)
    arn = _update(drill)
    drill.advance(12)
    drill.do(race={"service": API, "ends": ends})
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert _deployment(drill, arn)["status"] == "ROLLBACK_REQUESTED"
    drill.advance(5)
    assert _deployment(drill, arn)["status"] == ends
    assert (_runs(drill).get("6", (0, 0.0))[1] == 100) == (ends == "SUCCESSFUL")
    back = _update(drill, 5, forceNewDeployment=True)
    assert _ended(drill, back) == "SUCCESSFUL"
    assert _runs(drill) == {"5": (2, 100)}


@pytest.mark.parametrize("strategy", [BLUE_GREEN, LINEAR, "start_s: 60"])
def test_a_deploy_can_be_made_to_complete(make_drill: Make, strategy: str) -> None:
    drill = _world(make_drill, strategy)
    arn = _update(drill)
    drill.advance(1)
    drill.do(complete={"service": API})
    assert _deployment(drill, arn)["status"] == "SUCCESSFUL"
    assert _runs(drill) == {"6": (2, 100)}
    drill.advance(600)
    assert _runs(drill) == {"6": (2, 100)}


def test_a_first_deploy_has_no_way_back(make_drill: Make) -> None:
    drill = _world(make_drill, BLUE_GREEN, "first: true")
    arn = drill.service(API)["deployment"]
    drill.advance(5)
    assert _deployment(drill, arn)["sourceServiceRevisions"] == []
    with pytest.raises(ClientError) as caught:
        drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert _ended(drill, arn) == "SUCCESSFUL"
    assert _runs(drill) == {"5": (2, 100)}
