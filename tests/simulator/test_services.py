"""What else befalls a service: a first deploy, a stopped task, a stop that comes too late, tags, its end."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import PAYMENTS, Drill
from tests.simulator.shapes import faults_of

FIRST = """
name: first
sources: [{name: prod, provider: ecs, clusters: [main]}]
services:
  - {at: prod/main/new, desired: 2, revision: 1, first: true, fails: exit, tags: {team: search, tier: 2}}
"""
WHERE = {"cluster": "prod-main", "service": "payments-api"}


def _refused(call: Callable[..., object], **asked: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def _tags(told: list[dict[str, str]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in told}


def test_a_first_deploy_has_nothing_to_go_back_to(make_drill: Callable[..., Drill]) -> None:
    ecs = make_drill(FIRST).client("prod")
    some = ecs.list_service_deployments(cluster="main", service="new")["serviceDeployments"]
    assert [it["status"] for it in some] == ["IN_PROGRESS"]
    arn = some[0]["serviceDeploymentArn"]
    told = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert told["sourceServiceRevisions"] == []
    assert _refused(ecs.stop_service_deployment, serviceDeploymentArn=arn) == "InvalidParameterException"


def test_a_stop_that_comes_too_late_ends_successful(drill: Drill) -> None:
    ecs = drill.client("prod")
    arn = ecs.update_service(**WHERE, taskDefinition="payments-api:43")["service"]["currentServiceDeployment"]
    service = drill.opened.story.service(PAYMENTS)[0]
    while not _completes_within_a_second(service, drill):
        drill.advance(0.1)
    ecs.stop_service_deployment(serviceDeploymentArn=arn)
    assert drill.state()["deployments"][PAYMENTS][0]["status"] == "ROLLBACK_REQUESTED"
    drill.advance(10)
    assert drill.state()["deployments"][PAYMENTS][0]["status"] == "SUCCESSFUL"
    assert drill.service()["task_definition"].endswith(":43")


def _completes_within_a_second(service: Any, drill: Drill) -> bool:
    started = [task.started_at for task in service.tasks if task.rollout_id == service.primary.id]
    if len(started) < service.desired or None in started:
        return False
    assert service.primary.state == "IN_PROGRESS"
    return bool(max(started) + service.steady_s - drill.state()["now"] < 0.8)


def test_a_stopped_task_is_replaced(drill: Drill) -> None:
    ecs = drill.client("prod")
    arn = ecs.list_tasks(cluster="prod-main", serviceName="payments-api")["taskArns"][0]
    status, answer = drill.raw("prod", "StopTask", {"cluster": "prod-main", "task": arn, "reason": "drill"})
    assert status == 200
    assert faults_of("ecs", "StopTask", answer) == []
    assert (answer["task"]["stopCode"], answer["task"]["stoppedReason"]) == ("UserInitiated", "drill")
    assert drill.service()["running"] == 3
    drill.advance(10)
    assert drill.service()["running"] == 4
    assert _refused(ecs.stop_task, cluster="prod-main", task="none") == "InvalidParameterException"
    assert [it["operation"] for it in drill.control("GET", "calls")["writes"]] == ["StopTask", "StopTask"]


def test_tags_are_told_where_they_are_asked_for(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill(FIRST)
    ecs, asked = drill.client("prod"), {"cluster": "main", "services": ["new"]}
    assert "tags" not in ecs.describe_services(**asked)["services"][0]
    status, answer = drill.raw("prod", "DescribeServices", {**asked, "include": ["TAGS"]})
    assert status == 200
    assert faults_of("ecs", "DescribeServices", answer) == []
    assert _tags(answer["services"][0]["tags"]) == {"product": "new", "team": "search", "tier": "2"}
    told = ecs.describe_task_definition(taskDefinition="new:1", include=["TAGS"])
    assert _tags(told["tags"])["release"] == "v1.0.0"
    clusters = ecs.describe_clusters(clusters=["main"], include=["TAGS"])["clusters"]
    assert _tags(clusters[0]["tags"]) == {"environment": "main"}


def test_a_deleted_service_is_inactive_and_not_listed(drill: Drill) -> None:
    ecs = drill.client("prod")
    drill.do(deploy={"service": PAYMENTS, "revision": 43})
    drill.do(delete={"service": PAYMENTS})
    assert ecs.list_services(cluster="prod-main")["serviceArns"] == []
    told = ecs.describe_services(cluster="prod-main", services=["payments-api"])["services"][0]
    assert (told["status"], told["runningCount"]) == ("INACTIVE", 0)
    assert _refused(ecs.update_service, **WHERE, forceNewDeployment=True) == "ServiceNotActiveException"
    drill.advance(60)
    assert drill.state()["deployments"][PAYMENTS][0]["status"] == "STOPPED"
