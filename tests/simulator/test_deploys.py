"""Rolling deploys move, fail, are stopped, rolled back and superseded, as a real client sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import PAYMENTS, Drill
from tests.simulator.shapes import error_names

BREAKER = """
name: breaker
sources: [{name: prod, provider: ecs, clusters: [main]}]
services:
  - at: prod/main/api
    desired: 2
    revision: 5
    breaker: {enable: true, rollback: ROLLBACK, threshold: 3}
    definitions:
      6: {fails: FAILS}
      7: {image: v2.0.0}
"""


def _breaker(fails: str, rollback: bool) -> str:
    return BREAKER.replace("FAILS", fails).replace("ROLLBACK", str(rollback).lower())


def _described(drill: Drill, cluster: str = "prod-main", name: str = "payments-api") -> Any:
    return drill.client("prod").describe_services(cluster=cluster, services=[name])["services"][0]


def _deployment(drill: Drill, arn: str) -> Any:
    answer = drill.client("prod").describe_service_deployments(serviceDeploymentArns=[arn])
    return answer["serviceDeployments"][0]


def _update(drill: Drill, **more: object) -> Any:
    return drill.client("prod").update_service(cluster="prod-main", service="payments-api", **more)["service"]


def _refused(call: Callable[..., object], **asked: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def test_a_good_deploy_replaces_every_task_and_never_runs_fewer_than_desired(drill: Drill) -> None:
    before = _update(drill, taskDefinition="payments-api:43")
    assert [d["status"] for d in before["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert before["pendingCount"] == 4
    for _ in range(20):
        drill.advance(1)
        now = _described(drill)
        assert 4 <= now["runningCount"] <= 8
    assert [d["rolloutState"] for d in now["deployments"]] == ["COMPLETED"]
    assert now["taskDefinition"].endswith("payments-api:43")
    assert "reached a steady state" in now["events"][0]["message"]
    assert _deployment(drill, now["currentServiceDeployment"])["status"] == "SUCCESSFUL"


def test_a_bad_deploys_tasks_stop_with_their_reason(drill: Drill) -> None:
    _update(drill, taskDefinition="payments-api:42")
    drill.advance(20)
    now = _described(drill)
    assert now["deployments"][0]["failedTasks"] >= 4
    assert now["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert not drill.service()["healthy"]
    ecs = drill.client("prod")
    arns = ecs.list_tasks(cluster="prod-main", serviceName="payments-api", desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster="prod-main", tasks=arns)["tasks"]
    killed = [task for task in tasks if task["stopCode"] == "EssentialContainerExited"]
    assert {task["containers"][0]["exitCode"] for task in killed} == {137}
    assert killed[0]["stoppedReason"].startswith("OutOfMemoryError")


def test_stop_goes_back_to_the_last_good_revision(drill: Drill) -> None:
    ecs = drill.client("prod")
    _update(drill, taskDefinition="payments-api:42")
    drill.advance(20)
    arn = _described(drill)["currentServiceDeployment"]
    assert ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")["serviceDeploymentArn"] == arn
    assert _deployment(drill, arn)["status"] == "ROLLBACK_REQUESTED"
    assert ecs.stop_service_deployment(serviceDeploymentArn=arn)["serviceDeploymentArn"] == arn  # it goes on
    drill.advance(2)
    during = _deployment(drill, arn)
    assert during["status"] == "ROLLBACK_IN_PROGRESS"
    target = ecs.describe_service_revisions(serviceRevisionArns=[during["rollback"]["serviceRevisionArn"]])
    assert target["serviceRevisions"][0]["taskDefinition"].endswith(":41")
    drill.advance(30)
    assert _deployment(drill, arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert _described(drill)["taskDefinition"].endswith(":41")
    assert drill.service()["healthy"]
    assert _refused(ecs.stop_service_deployment, serviceDeploymentArn=arn) == "ConflictException"


def test_stop_of_what_is_not_there_or_in_another_way(drill: Drill) -> None:
    ecs = drill.client("prod")
    missing = "arn:aws:ecs:ap-northeast-1:111111111111:service-deployment/prod-main/payments-api/none"
    assert _refused(ecs.stop_service_deployment, serviceDeploymentArn=missing) == "ServiceDeploymentNotFoundException"
    arn = _described(drill)["currentServiceDeployment"]
    asked = {"serviceDeploymentArn": arn, "stopType": "ABORT"}
    assert _refused(ecs.stop_service_deployment, **asked) == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("StopServiceDeployment", {}, "InvalidParameterException"),
        ("StopServiceDeployment", {"serviceDeploymentArn": "payments-api"}, "InvalidParameterException"),
        ("ContinueServiceDeployment", {"serviceDeploymentArn": "x", "hookId": "h"}, "InvalidParameterException"),
        ("UpdateService", {"cluster": "prod-main"}, "InvalidParameterException"),
        ("UpdateService", {"service": "payments-api"}, "ClusterNotFoundException"),
        ("DescribeServiceDeployments", {}, "InvalidParameterException"),
        ("DescribeServiceRevisions", {"serviceRevisionArns": []}, "InvalidParameterException"),
        ("DescribeServices", {"cluster": "prod-main"}, "InvalidParameterException"),
        ("DescribeTaskSets", {"cluster": "prod-main", "service": "none"}, "ServiceNotFoundException"),
    ],
)
def test_what_is_missing_is_told_in_the_models_words(drill: Drill, operation: str, asked: object, code: str) -> None:
    status, answer = drill.raw("prod", operation, asked)
    assert (status, answer["__type"]) == (400, code)
    assert code in error_names("ecs", operation)


def test_going_back_means_the_last_successful_one_not_the_one_before(drill: Drill) -> None:
    stopped = _update(drill, taskDefinition="payments-api:43")["currentServiceDeployment"]
    drill.advance(6)
    drill.do(race={"service": PAYMENTS, "ends": "STOPPED"})
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=stopped, stopType="ROLLBACK")
    drill.advance(5)
    assert _deployment(drill, stopped)["status"] == "STOPPED"
    arn = _update(drill, taskDefinition="payments-api:42")["currentServiceDeployment"]
    sources = [it["arn"] for it in _deployment(drill, arn)["sourceServiceRevisions"]]
    told = drill.client("prod").describe_service_revisions(serviceRevisionArns=sources)["serviceRevisions"]
    assert {it["taskDefinition"][-3:] for it in told} >= {":43"}
    drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    drill.advance(60)
    assert _deployment(drill, arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert drill.service()["task_definition"].endswith(":41")


def test_a_new_deploy_supersedes_the_one_under_way(drill: Drill) -> None:
    first = _update(drill, taskDefinition="payments-api:42")["currentServiceDeployment"]
    drill.advance(5)
    second = _update(drill, taskDefinition="payments-api:43")["currentServiceDeployment"]
    assert first != second
    assert _deployment(drill, first)["status"] == "STOP_REQUESTED"
    drill.advance(2)
    assert _deployment(drill, first)["status"] == "STOPPED"
    drill.advance(30)
    assert _deployment(drill, second)["status"] == "SUCCESSFUL"
    assert _described(drill)["runningCount"] == 4


@pytest.mark.parametrize("after_s", [0, 1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("way", ["stop", "update"])
def test_going_back_ends_whenever_it_begins(drill: Drill, way: str, after_s: float) -> None:
    """Also while every new task is still pending, so that there is no room for others until those are stopped."""
    arn = _update(drill, taskDefinition="payments-api:42")["currentServiceDeployment"]
    drill.advance(after_s)
    if way == "stop":
        drill.client("prod").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    else:
        arn = _update(drill, taskDefinition="payments-api:41")["currentServiceDeployment"]
    drill.advance(60)
    assert _deployment(drill, arn)["status"] == ("ROLLBACK_SUCCESSFUL" if way == "stop" else "SUCCESSFUL")
    assert drill.service()["healthy"]


def test_a_forced_deploy_and_a_change_of_scale(drill: Drill) -> None:
    again = _update(drill, forceNewDeployment=True)
    assert again["taskDefinition"].endswith(":41")
    drill.advance(30)
    scaled = _update(drill, desiredCount=6)
    assert scaled["currentServiceDeployment"] == again["currentServiceDeployment"]
    drill.advance(10)
    assert _described(drill)["runningCount"] == 6
    _update(drill, desiredCount=1)
    assert _described(drill)["runningCount"] == 1


def test_updates_that_are_refused(drill: Drill) -> None:
    ecs = drill.client("prod")
    where = {"cluster": "prod-main", "service": "payments-api"}
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        ecs.update_service(**where, taskDefinition="payments-api:38")
    assert _refused(ecs.update_service, **where, taskDefinition="payments-api:99") == "ClientException"
    assert _refused(ecs.update_service, cluster="prod-main", service="no") == "ServiceNotFoundException"
    assert _refused(ecs.update_service, cluster="no", service="no") == "ClusterNotFoundException"
    assert len(drill.control("GET", "calls")["writes"]) == 4


@pytest.mark.core(1)
@pytest.mark.parametrize("fails", ["oom", "exit", "pull", "health"])
def test_the_breaker_rolls_back(make_drill: Callable[..., Drill], fails: str) -> None:
    drill = make_drill(_breaker(fails, rollback=True))
    ecs = drill.client("prod")
    arn = ecs.update_service(cluster="main", service="api", taskDefinition="api:6")["service"][
        "currentServiceDeployment"
    ]
    seen = []
    for _ in range(80):
        drill.advance(1)
        seen.append(_deployment(drill, arn)["status"])
    assert list(dict.fromkeys(seen)) == ["IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"]
    ended = _deployment(drill, arn)
    assert ended["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert "circuit breaker" in ended["rollback"]["reason"]
    assert drill.service("prod/main/api")["healthy"]


def test_the_breaker_without_rollback_stops_and_leaves_it_failed(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill(_breaker("exit", rollback=False))
    arn = drill.client("prod").update_service(cluster="main", service="api", taskDefinition="api:6")["service"][
        "currentServiceDeployment"
    ]
    drill.advance(80)
    assert _deployment(drill, arn)["status"] == "STOPPED"
    assert _described(drill, "main", "api")["deployments"][0]["rolloutState"] == "FAILED"
    drill.client("prod").update_service(cluster="main", service="api", taskDefinition="api:7")
    drill.advance(40)
    assert drill.service("prod/main/api")["healthy"]


def test_the_seed_decides_what_happens(make_drill: Callable[..., Drill]) -> None:
    def told(seed: int) -> list[Any]:
        drill = make_drill("quiet", seed=seed)
        drill.do(deploy={"service": PAYMENTS, "revision": 42})
        seen = []
        for _ in range(30):
            drill.advance(1)
            it = drill.service()
            seen.append((it["running"], it["pending"]))
        return [*seen, it["deployment"]]

    assert told(7) == told(7)
    assert told(7) != told(8)


def test_speed_divides_how_long_things_take(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("quiet", speed=10)
    drill.do(deploy={"service": PAYMENTS, "revision": 43})
    drill.advance(2)
    assert drill.state()["deployments"][PAYMENTS][0]["status"] == "SUCCESSFUL"
