"""Services that CodeDeploy or an external controller deploys, as real clients of ECS and CodeDeploy see them."""

import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import Drill
from tests.simulator.shapes import error_names, faults_of

WORLD = """
name: codedeploy
sources: [{name: prod, provider: ecs, clusters: [main]}]
services:
  - at: prod/main/api
    desired: 2
    revision: 5
    controller: CODE_DEPLOY
    codedeploy: {HOW}
    definitions:
      6: {image: v2.0.0}
      7: {inactive: true}
  - at: prod/main/ext
    revision: 3
    controller: EXTERNAL
    task_sets: [{revision: 2, scale: 50}]
"""
API = "prod/main/api"
GROUP = {"applicationName": "AppECS-main-api", "deploymentGroupName": "DgpECS-main-api"}

Make = Callable[..., Drill]


def _world(make_drill: Make, how: str = "wait_minutes: 12") -> Drill:
    return make_drill(WORLD.replace("HOW", how))


def _service(drill: Drill, name: str = "api") -> Any:
    status, answer = drill.raw("prod", "DescribeServices", {"cluster": "main", "services": [name]})
    assert (status, faults_of("ecs", "DescribeServices", answer)) == (200, [])
    return answer["services"][0]


def _ask(drill: Drill, operation: str, **asked: object) -> Any:
    status, answer = drill.raw("prod", operation, asked, api="codedeploy")
    assert (status, faults_of("codedeploy", operation, answer)) == (200, [])
    return answer


def _refused(drill: Drill, operation: str, **asked: object) -> str:
    status, answer = drill.raw("prod", operation, asked, api="codedeploy")
    assert status == 400
    assert answer["__type"] in error_names("codedeploy", operation)
    return str(answer["__type"])


def _deployment(drill: Drill, id: str) -> Any:
    return _ask(drill, "GetDeployment", deploymentId=id)["deploymentInfo"]


def _appspec(number: int) -> dict[str, Any]:
    arn = f"arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:{number}"
    properties = {"TaskDefinition": arn, "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}
    target = {"Type": "AWS::ECS::Service", "Properties": properties}
    content = json.dumps({"version": 0.0, "Resources": [{"TargetService": target}]})
    spec = {"content": content, "sha256": hashlib.sha256(content.encode()).hexdigest()}
    return {"revisionType": "AppSpecContent", "appSpecContent": spec}


def _create(drill: Drill, number: int = 6) -> str:
    client = drill.client("prod", "codedeploy")
    return str(client.create_deployment(**GROUP, revision=_appspec(number))["deploymentId"])


def _runs(drill: Drill) -> dict[str, tuple[int, float]]:
    told = drill.service(API)["revisions"]
    return {it["task_definition"].rpartition(":")[2]: (it["running"], it["traffic"]) for it in told}


def _traffic(drill: Drill, id: str) -> dict[str, float]:
    target = _ask(drill, "GetDeploymentTarget", deploymentId=id, targetId="main:api")["deploymentTarget"]["ecsTarget"]
    return {it["taskSetLabel"]: it["trafficWeight"] for it in target["taskSetsInfo"]}


def test_at_rest_it_names_its_deployment(make_drill: Make) -> None:
    drill = _world(make_drill)
    told = _service(drill)
    assert told["deploymentController"] == {"type": "CODE_DEPLOY"}
    assert told["deployments"] == []
    assert "currentServiceDeployment" not in told
    (only,) = told["taskSets"]
    shown = (only["status"], only["scale"]["value"], only["stabilityStatus"], only["runningCount"])
    assert shown == ("PRIMARY", 100, "STEADY_STATE", 2)
    last = _deployment(drill, only["externalId"])
    assert last["status"] == "Succeeded"
    group = _ask(drill, "GetDeploymentGroup", **GROUP)["deploymentGroupInfo"]
    assert group["lastSuccessfulDeployment"]["deploymentId"] == only["externalId"]
    assert group["ecsServices"] == [{"serviceName": "api", "clusterName": "main"}]
    asked = {"applicationName": GROUP["applicationName"], "revision": last["revision"]}
    content = _ask(drill, "GetApplicationRevision", **asked)["revision"]["appSpecContent"]["content"]
    assert json.loads(content)["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"].endswith("api:5")
    assert "content" not in last["revision"]["appSpecContent"]


def test_a_deploy_and_blue_that_is_kept_a_while(make_drill: Make) -> None:
    drill = _world(make_drill)
    id = _create(drill)
    seen = []
    for _ in range(30):
        seen.append(_deployment(drill, id)["status"])
        drill.advance(1)
    assert list(dict.fromkeys(seen)) == ["Created", "Queued", "InProgress"]
    now = _deployment(drill, id)
    assert now["instanceTerminationWaitTimeStarted"] is True
    ends = now["blueGreenDeploymentConfiguration"]["terminateBlueInstancesOnDeploymentSuccess"]
    assert ends == {"action": "TERMINATE", "terminationWaitTimeInMinutes": 12}
    assert _traffic(drill, id) == {"Blue": 0, "Green": 100}
    assert _runs(drill) == {"5": (2, 0), "6": (2, 100)}
    sets = _service(drill)["taskSets"]
    assert [(it["status"], it["externalId"] == id) for it in sets] == [("PRIMARY", True), ("ACTIVE", False)]
    drill.advance(12 * 60)
    ended = _deployment(drill, id)
    assert ended["status"] == "Succeeded"
    assert ended["completeTime"] > ended["startTime"] > ended["createTime"]
    assert _runs(drill) == {"6": (2, 100)}
    ids = _ask(drill, "ListDeployments", **GROUP)["deployments"]
    assert ids[0] == id
    told = _ask(drill, "BatchGetDeployments", deploymentIds=ids)["deploymentsInfo"]
    assert [it["deploymentId"] for it in told] == ids


def test_traffic_moves_in_steps(make_drill: Make) -> None:
    drill = _world(make_drill, "config: CodeDeployDefault.ECSLinear25PercentEvery1Minutes, wait_minutes: 1")
    id = _create(drill)
    drill.advance(5)
    seen = []
    for _ in range(300):
        seen.append(_traffic(drill, id).get("Green"))
        drill.advance(1)
    assert list(dict.fromkeys(it for it in seen if it is not None)) == [0, 25, 50, 75, 100]
    target = _ask(drill, "BatchGetDeploymentTargets", deploymentId=id, targetIds=["main:api"])["deploymentTargets"][0]
    events = {it["lifecycleEventName"]: it["status"] for it in target["ecsTarget"]["lifecycleEvents"]}
    assert set(events.values()) == {"Succeeded"}
    assert _ask(drill, "ListDeploymentTargets", deploymentId=id)["targetIds"] == ["main:api"]


@pytest.mark.parametrize("after_s", [0, 1.5, 4, 10, 25, 400])
def test_a_stop_with_rollback_goes_back_by_a_deployment_of_its_own(make_drill: Make, after_s: float) -> None:
    drill = _world(make_drill, "wait_minutes: 12, config: CodeDeployDefault.ECSCanary10Percent5Minutes")
    id = _create(drill)
    drill.advance(after_s)
    client = drill.client("prod", "codedeploy")
    assert client.stop_deployment(deploymentId=id, autoRollbackEnabled=True)["status"] == "Pending"
    drill.advance(2)
    stopped = _deployment(drill, id)
    assert stopped["status"] == "Stopped"
    back = stopped["rollbackInfo"]["rollbackDeploymentId"]
    drill.advance(10)
    told = _deployment(drill, back)
    assert (told["status"], told["creator"]) == ("Succeeded", "codeDeployRollback")
    assert told["rollbackInfo"]["rollbackTriggeringDeploymentId"] == id
    assert _runs(drill) == {"5": (2, 100)}
    assert _refused(drill, "StopDeployment", deploymentId=id) == "DeploymentAlreadyCompletedException"
    last = _create(drill)
    drill.advance(1200)
    assert _deployment(drill, last)["status"] == "Succeeded"
    assert _runs(drill) == {"6": (2, 100)}


def test_a_first_deployment_has_nothing_to_go_back_to(make_drill: Make) -> None:
    drill = _world(make_drill, "wait_minutes: 12, new: true")
    assert "externalId" not in _service(drill)["taskSets"][0]
    assert _ask(drill, "ListDeployments", **GROUP)["deployments"] == []
    assert "lastSuccessfulDeployment" not in _ask(drill, "GetDeploymentGroup", **GROUP)["deploymentGroupInfo"]
    id = _create(drill)
    drill.advance(30)
    drill.client("prod", "codedeploy").stop_deployment(deploymentId=id, autoRollbackEnabled=True)
    drill.advance(10)
    told = _deployment(drill, id)
    assert told["status"] == "Stopped"
    assert set(told["rollbackInfo"]) == {"rollbackMessage"}
    assert _runs(drill)["6"] == (2, 100)


def test_a_stop_without_rollback_leaves_the_traffic_where_it_is(make_drill: Make) -> None:
    drill = _world(make_drill)
    id = _create(drill)
    drill.advance(30)
    drill.client("prod", "codedeploy").stop_deployment(deploymentId=id)
    drill.advance(10)
    assert "rollbackInfo" not in _deployment(drill, id)
    assert _runs(drill)["6"] == (2, 100)


def test_a_wait_is_continued(make_drill: Make) -> None:
    drill = _world(make_drill, "wait_minutes: 12, ready_minutes: 30")
    id = _create(drill)
    client = drill.client("prod", "codedeploy")
    assert _refused(drill, "ContinueDeployment", deploymentId=id) == "DeploymentIsNotInReadyStateException"
    drill.advance(60)
    assert _deployment(drill, id)["status"] == "Ready"
    assert _traffic(drill, id) == {"Blue": 100, "Green": 0}
    asked = {"deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT"}
    assert _refused(drill, "ContinueDeployment", **asked) == "InvalidDeploymentWaitTypeException"
    asked["deploymentWaitType"] = "NO_WAIT"
    assert _refused(drill, "ContinueDeployment", **asked) == "InvalidDeploymentWaitTypeException"
    client.continue_deployment(deploymentId=id, deploymentWaitType="READY_WAIT")
    drill.advance(5)
    assert _traffic(drill, id) == {"Blue": 0, "Green": 100}
    assert _deployment(drill, id)["status"] == "InProgress"
    client.continue_deployment(deploymentId=id, deploymentWaitType="TERMINATION_WAIT")
    assert _deployment(drill, id)["status"] == "Succeeded"
    assert _runs(drill) == {"6": (2, 100)}
    assert _refused(drill, "ContinueDeployment", deploymentId=id) == "DeploymentAlreadyCompletedException"


def test_a_wait_that_nobody_continues(make_drill: Make) -> None:
    drill = _world(make_drill, "ready_minutes: 5")
    id = _create(drill)
    drill.advance(400)
    assert _deployment(drill, id)["status"] == "Stopped"
    assert _runs(drill) == {"5": (2, 100)}


def test_an_alarm_stops_it_and_goes_back(make_drill: Make) -> None:
    how = "alarms: [api-5xx], rollback_events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM], wait_minutes: 9"
    drill = _world(make_drill, how)
    id = _create(drill)
    drill.advance(30)
    drill.do(trip={"service": API, "alarm": "api-5xx"})
    drill.advance(10)
    told = _deployment(drill, id)
    assert (told["status"], told["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert _runs(drill) == {"5": (2, 100)}


def test_a_stop_that_loses_its_race(make_drill: Make) -> None:
    drill = _world(make_drill)
    id = _create(drill)
    drill.advance(5)
    drill.do(race={"service": API, "ends": "SUCCESSFUL"})
    drill.client("prod", "codedeploy").stop_deployment(deploymentId=id, autoRollbackEnabled=True)
    drill.advance(5)
    assert _deployment(drill, id)["status"] == "Succeeded"
    assert _runs(drill) == {"6": (2, 100)}


def test_what_is_refused(make_drill: Make) -> None:
    drill = _world(make_drill)
    revision = _appspec(6)
    assert _refused(drill, "GetDeployment") == "DeploymentIdRequiredException"
    assert _refused(drill, "GetDeployment", deploymentId="x") == "InvalidDeploymentIdException"
    assert _refused(drill, "StopDeployment", deploymentId="d-NONE00000") == "DeploymentDoesNotExistException"
    assert _refused(drill, "CreateDeployment", revision=revision) == "ApplicationNameRequiredException"
    other = {"applicationName": "no", "deploymentGroupName": "no", "revision": revision}
    assert _refused(drill, "CreateDeployment", **other) == "ApplicationDoesNotExistException"
    assert _refused(drill, "CreateDeployment", **GROUP) == "RevisionRequiredException"
    named = {"applicationName": GROUP["applicationName"]}
    assert _refused(drill, "ListDeployments", **named) == "DeploymentGroupNameRequiredException"
    revision["appSpecContent"]["sha256"] = "0" * 64
    assert _refused(drill, "CreateDeployment", **GROUP, revision=revision) == "InvalidRevisionException"
    without = {"revisionType": "AppSpecContent", "appSpecContent": {"content": "version: 0.0"}}
    assert _refused(drill, "CreateDeployment", **GROUP, revision=without) == "InvalidRevisionException"
    id = _create(drill)
    assert _refused(drill, "GetDeploymentTarget", deploymentId=id, targetId="x") == "DeploymentNotStartedException"
    again = {**GROUP, "revision": _appspec(6)}
    assert _refused(drill, "CreateDeployment", **again) == "DeploymentLimitExceededException"
    drill.advance(5)
    target = {"deploymentId": id, "targetId": "x"}
    assert _refused(drill, "GetDeploymentTarget", **target) == "DeploymentTargetDoesNotExistException"


def test_an_inactive_task_definition_fails_the_deployment(make_drill: Make) -> None:
    drill = _world(make_drill)
    id = _create(drill, 7)
    drill.advance(5)
    told = _deployment(drill, id)
    assert (told["status"], told["errorInformation"]["code"]) == ("Failed", "ECS_UPDATE_ERROR")
    assert _runs(drill) == {"5": (2, 100)}


@pytest.mark.parametrize(("name", "of"), [("api", "a CODE_DEPLOY"), ("ext", "an EXTERNAL")])
def test_ecs_itself_refuses_to_deploy(make_drill: Make, name: str, of: str) -> None:
    ecs = _world(make_drill).client("prod")
    where = {"cluster": "main", "service": name}
    for asked in ({"taskDefinition": f"{name}:2"}, {"forceNewDeployment": True}, {"loadBalancers": []}):
        with pytest.raises(ClientError, match=f"on services with {of} deployment controller") as caught:
            ecs.update_service(**where, **asked)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert ecs.update_service(**where, desiredCount=1)["service"]["desiredCount"] == 1


def test_an_external_controllers_task_sets(make_drill: Make) -> None:
    drill = _world(make_drill)
    sets = _service(drill, "ext")["taskSets"]
    shown = [(it["status"], it["taskDefinition"].rpartition(":")[2], it["runningCount"]) for it in sets]
    assert shown == [("PRIMARY", "3", 2), ("ACTIVE", "2", 1)]
    status, told = drill.raw("prod", "DescribeTaskSets", {"cluster": "main", "service": "ext"})
    assert (status, faults_of("ecs", "DescribeTaskSets", told)) == (200, [])
    assert told["taskSets"] == sets
    asked = {"cluster": "main", "service": "ext", "taskSets": [sets[1]["id"], sets[0]["taskSetArn"], "ecs-svc/0"]}
    told = drill.raw("prod", "DescribeTaskSets", asked)[1]
    assert [it["id"] for it in told["taskSets"]] == [sets[1]["id"], sets[0]["id"]]
    assert [it["reason"] for it in told["failures"]] == ["MISSING"]


def _do_something(drill: Drill, rng: random.Random) -> None:
    what = rng.choice(("create", "stop", "stop alone", "continue", "scale", "kill", "race", "complete", "trip", ""))
    ids = drill.state()["deployments"][API]
    id, status = ids[0]["arn"], 200
    if what == "create":
        asked = {**GROUP, "revision": _appspec(rng.choice((5, 6, 7)))}
        status, _ = drill.raw("prod", "CreateDeployment", asked, api="codedeploy")
    elif what.startswith("stop"):
        asked = {"deploymentId": id, "autoRollbackEnabled": what == "stop"}
        status, _ = drill.raw("prod", "StopDeployment", asked, api="codedeploy")
    elif what == "continue":
        asked = {"deploymentId": id, "deploymentWaitType": rng.choice(("READY_WAIT", "TERMINATION_WAIT"))}
        status, _ = drill.raw("prod", "ContinueDeployment", asked, api="codedeploy")
    elif what == "scale":
        drill.do(scale={"service": API, "desired": rng.randrange(4)})
    elif what == "kill":
        drill.do(kill={"service": API, "count": rng.randrange(1, 4)})
    elif what == "race":
        drill.do(race={"service": API, "ends": rng.choice(("SUCCESSFUL", "STOPPED"))})
    elif what == "complete":
        drill.do(complete={"service": API})
    elif what == "trip":
        drill.do(trip={"service": API, "alarm": "api-5xx"})
    assert status in (200, 400)


@pytest.mark.parametrize("ready", [0, 1])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_it_comes_to_rest(make_drill: Make, seed: int, ready: int) -> None:
    how = "config: CodeDeployDefault.ECSLinear40PercentEvery1Minutes, wait_minutes: 2, alarms: [api-5xx]"
    drill, rng = _world(make_drill, f"{how}, ready_minutes: {ready}"), random.Random(seed)
    for _ in range(40):
        _do_something(drill, rng)
        drill.advance(rng.choice((0, 1, 3, 10, 60, 130)))
        assert abs(sum(it["traffic"] for it in drill.service(API)["revisions"]) - 100) < 0.2
        told = _service(drill)["taskSets"]
        assert [it["status"] for it in told].count("PRIMARY") == 1
        for held in drill.state()["deployments"][API]:
            _deployment(drill, held["arn"])
    drill.advance(1200)
    drill.do(scale={"service": API, "desired": 2})
    drill.do(deploy={"service": API, "revision": 6})
    drill.do(complete={"service": API})
    drill.advance(1200)
    assert _runs(drill) == {"6": (2, 100)}
    assert {it["status"] for it in drill.state()["deployments"][API]} <= {"Succeeded", "Stopped", "Failed"}


def test_a_fault_can_be_aimed_at_one_call_of_codedeploy(make_drill: Make) -> None:
    drill = _world(make_drill)
    id = _create(drill)
    drill.advance(5)
    drill.fault("denied", "prod", operation="StopDeployment", count=1)
    client = drill.client("prod", "codedeploy")
    with pytest.raises(ClientError, match="not authorized to perform: codedeploy:StopDeployment on resource") as caught:
        client.stop_deployment(deploymentId=id, autoRollbackEnabled=True)
    assert "deploymentgroup:AppECS-main-api/DgpECS-main-api" in str(caught.value)
    drill.fault("error500", "prod", operation="StopDeployment", after_effect=True, count=1)
    with pytest.raises(ClientError):
        client.stop_deployment(deploymentId=id, autoRollbackEnabled=True)
    drill.advance(10)
    assert _deployment(drill, id)["status"] == "Stopped"
    writes = [it["operation"] for it in drill.control("GET", "calls")["writes"]]
    assert writes == ["CreateDeployment", "StopDeployment", "StopDeployment"]
