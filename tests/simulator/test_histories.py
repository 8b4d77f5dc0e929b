"""The scenarios that hold a service in each state and with each kind of past are as their headers say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from oncall_tui.simulator.scenarios.reader import ScenarioError, load, parse
from oncall_tui.simulator.timeline import SimulatedTimeline
from oncall_tui.simulator.world.build import build
from oncall_tui.simulator.world.world import World
from tests.simulator.conftest import Drill
from tests.simulator.shapes import faults_of

Make = Callable[..., Drill]

STATES = {
    "pending": "PENDING",
    "in-progress": "IN_PROGRESS",
    "rollback-requested": "ROLLBACK_REQUESTED",
    "rolling-back": "ROLLBACK_IN_PROGRESS",
    "finished": "SUCCESSFUL",
    "stopped": "STOPPED",
    "breaker": "ROLLBACK_SUCCESSFUL",
    "alarm": "ROLLBACK_SUCCESSFUL",
    "rollback-failed": "ROLLBACK_FAILED",
    "before-shift": "IN_PROGRESS POST_SCALE_UP",
    "shifting": "IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT",
    "baking": "IN_PROGRESS BAKE_TIME",
    "clean-up": "IN_PROGRESS CLEAN_UP",
}
CODEDEPLOY = {
    "created": "Created",
    "queued": "Queued",
    "in-progress": "InProgress",
    "shifting": "InProgress",
    "ready": "Ready READY_WAIT",
    "termination-wait": "InProgress TERMINATION_WAIT",
    "finished": "Succeeded",
    "rolling-back": "InProgress",
    "rolled-back": "Succeeded",
    "stopped": "Stopped",
}


def _states(drill: Drill) -> dict[str, str]:
    found = {}
    for path, held in drill.state()["deployments"].items():
        if held:
            told = f"{held[0]['status']} {held[0]['stage'] or ''}" if path else ""
            found[path.rpartition("/")[2]] = told.strip()
    return found


def _mismatches(states: dict[str, str]) -> list[str]:
    wrong = []
    for name, told in states.items():
        kind, state = re.fullmatch(r"(rolling|blue-green|linear|canary|codedeploy)-(.*)", name).groups()
        wanted = (CODEDEPLOY if kind == "codedeploy" else STATES).get(state)
        full = wanted is not None and " " in wanted
        if wanted is not None and wanted != (told if full else told.split(" ")[0]):
            wrong.append(f"{name}: {told}")
    return wrong


def test_every_service_is_in_its_state_and_stays_there(make_drill: Make) -> None:
    drill = make_drill("strategies")
    assert len(_states(drill)) >= 70
    assert _mismatches(_states(drill)) == []
    drill.advance(100)
    assert _mismatches(_states(drill)) == []


def test_every_answer_has_the_models_shape(make_drill: Make) -> None:
    drill = make_drill("strategies")
    arns = drill.raw("prod", "ListServices", {"cluster": "main", "maxResults": 100})[1]["serviceArns"]
    for start in range(0, len(arns), 10):
        answer = drill.raw("prod", "DescribeServices", {"cluster": "main", "services": arns[start : start + 10]})[1]
        assert faults_of("ecs", "DescribeServices", answer) == []
    for arn in arns:
        listed = drill.raw("prod", "ListServiceDeployments", {"service": arn})[1]
        assert faults_of("ecs", "ListServiceDeployments", listed) == []
        found = [it["serviceDeploymentArn"] for it in listed["serviceDeployments"]][:20]
        if found:
            told = drill.raw("prod", "DescribeServiceDeployments", {"serviceDeploymentArns": found})[1]
            assert faults_of("ecs", "DescribeServiceDeployments", told) == []
            targets = [it["targetServiceRevision"]["arn"] for it in told["serviceDeployments"]]
            told = drill.raw("prod", "DescribeServiceRevisions", {"serviceRevisionArns": targets})[1]
            assert faults_of("ecs", "DescribeServiceRevisions", told) == []


def test_what_is_held_can_be_released(make_drill: Make) -> None:
    drill = make_drill("strategies")
    for name in ("rolling-pending", "blue-green-shifting", "linear-clean-up", "codedeploy-created"):
        drill.do(release={"service": f"prod/main/{name}"})
    drill.advance(40)
    states = _states(drill)
    assert states["rolling-pending"] == "SUCCESSFUL"
    assert states["blue-green-shifting"] == states["linear-clean-up"] == "SUCCESSFUL CLEAN_UP"
    assert states["codedeploy-created"] == "InProgress TERMINATION_WAIT"


@pytest.mark.parametrize("kind", ["rolling", "blue-green", "linear", "canary"])
def test_what_rolls_back_ends_by_itself(make_drill: Make, kind: str) -> None:
    drill = make_drill("strategies")
    drill.advance(160)
    assert _states(drill)[f"{kind}-rolling-back"].startswith("ROLLBACK_SUCCESSFUL")
    assert _states(drill)["codedeploy-rolling-back"] == "Succeeded"


def test_paused_services_wait(make_drill: Make) -> None:
    drill = make_drill("strategies")
    ecs = drill.client("prod")
    for name in ("blue-green-paused", "linear-paused", "canary-paused"):
        arn = drill.service(f"prod/main/{name}")["deployment"]
        told = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        (hook,) = told["lifecycleHookDetails"]
        assert hook["status"] == "AWAITING_ACTION"
        ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"], action="ROLLBACK")
        drill.advance(20)
        assert _states(drill)[name].startswith("ROLLBACK_SUCCESSFUL")


# -- the past


def _past(drill: Drill, name: str) -> list[Any]:
    ecs = drill.client("prod")
    listed = ecs.list_service_deployments(cluster="prod-main", service=name)["serviceDeployments"]
    arns = [it["serviceDeploymentArn"] for it in listed]
    return ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"] if arns else []


def _revisions(drill: Drill, past: list[Any]) -> list[Any]:
    arns = [it["targetServiceRevision"]["arn"] for it in past]
    return drill.client("prod").describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]


def test_failed_deploys_tell_why_and_where_they_went_back_to(make_drill: Make) -> None:
    drill = make_drill("history")
    past = _past(drill, "failed")
    numbers = [it["taskDefinition"].rpartition(":")[2] for it in _revisions(drill, past)]
    assert [(n, it["status"]) for n, it in zip(numbers, past, strict=True)] == [
        ("44", "SUCCESSFUL"),
        ("43", "ROLLBACK_SUCCESSFUL"),
        ("42", "ROLLBACK_SUCCESSFUL"),
        ("41", "SUCCESSFUL"),
    ]
    good = past[3]["targetServiceRevision"]["arn"]
    assert [it["rollback"]["serviceRevisionArn"] for it in past[1:3]] == [good, good]
    assert past[1]["alarms"]["triggeredAlarmNames"] == ["failed-5xx"]
    assert past[2]["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert all(it["createdAt"] < it["startedAt"] < it["finishedAt"] for it in past)


def test_only_ninety_days_are_listed(make_drill: Make) -> None:
    drill = make_drill("history")
    assert _past(drill, "quiet") == []
    assert len(_past(drill, "long")) == 13


def test_the_same_tag_with_another_image(make_drill: Make) -> None:
    drill = make_drill("history")
    second, first, before = _revisions(drill, _past(drill, "moved-tag"))
    assert second["taskDefinition"] == first["taskDefinition"]
    images = [it["containerImages"][0] for it in (second, first, before)]
    assert images[0]["image"] == images[1]["image"]
    assert len({it["imageDigest"] for it in images}) == 3


def test_what_a_task_definition_does_not_bring_back(make_drill: Make) -> None:
    drill = make_drill("history")
    now, before = _revisions(drill, _past(drill, "settings"))
    for key in ("networkConfiguration", "loadBalancers"):
        assert now[key] != before[key]
    for key in ("capacityProviderStrategy", "serviceConnectConfiguration", "volumeConfigurations"):
        assert key in now
        assert key not in before
    ecs = drill.client("prod")
    where = {"cluster": "prod-main", "service": "settings"}
    told = ecs.update_service(**where, taskDefinition="settings:41")["service"]
    assert told["networkConfiguration"] == now["networkConfiguration"]
    drill.advance(60)
    assert "capacityProviderStrategy" in _revisions(drill, _past(drill, "settings"))[0]
    arn = ecs.update_service(**where, networkConfiguration=before["networkConfiguration"])["service"][
        "currentServiceDeployment"
    ]
    assert arn == drill.service("prod/prod-main/settings")["deployment"]
    assert _revisions(drill, _past(drill, "settings"))[0]["networkConfiguration"] == before["networkConfiguration"]


def test_a_rollback_by_ecs_brings_everything_back(make_drill: Make) -> None:
    drill = make_drill("strategies")
    ecs = drill.client("prod")
    where = {"cluster": "main", "service": "rolling-settings"}
    bad = ecs.describe_services(cluster="main", services=["rolling-settings"])["services"][0]
    old = {"awsvpcConfiguration": {"subnets": ["subnet-drill-other"], "securityGroups": ["sg-drill"]}}
    arn = ecs.update_service(**where, networkConfiguration=old)["service"]["currentServiceDeployment"]
    ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    drill.advance(30)
    told = ecs.describe_services(cluster="main", services=["rolling-settings"])["services"][0]
    assert told["networkConfiguration"] == bad["networkConfiguration"] != old


def test_a_deregistered_task_definition_is_refused(make_drill: Make) -> None:
    drill = make_drill("history")
    ecs = drill.client("prod")
    with pytest.raises(ClientError, match="TaskDefinition is inactive") as caught:
        ecs.update_service(cluster="prod-main", service="deregistered", taskDefinition="deregistered:41")
    assert caught.value.response["Error"]["Code"] == "ClientException"
    drill.do(deregister={"service": "prod/prod-main/deregistered", "revision": 40})
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        ecs.update_service(cluster="prod-main", service="deregistered", taskDefinition="deregistered:40")


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ("[{revision: 11, days: 3}]", "history: leaves 11 running, but revision is 12"),
        ("[{revision: 12, days: 3}, {revision: 11, days: 2, status: STOPPED}]", "expected it to end with"),
        ("[{revision: 12, days: 3, status: ROLLBACK_SUCCESSFUL}]", "a rollback with nothing good before it"),
        ("[{revision: 9, days: 3}]", "history: no task definition 9"),
        ("[{revision: 12}]", "the key 'days' is missing"),
    ],
)
def test_a_past_that_cannot_be(history: str, told: str) -> None:
    text = f"name: x\nsources: [{{name: a, provider: ecs}}]\nservices:\n  - {{at: a/b/c, history: {history}}}\n"
    with pytest.raises(ScenarioError, match=re.escape(told)):
        build(parse(text, "x.yaml"), World(SimulatedTimeline(manual=True), 1))


def test_the_headers_name_every_service() -> None:
    folder = Path(load.__code__.co_filename).parent
    header = (folder / "history.yaml").read_text(encoding="utf-8").partition("\nname:")[0]
    names = [it["at"].rpartition("/")[2] for it in load("history")["services"]]
    assert [it for it in names if f"#   {it} " not in header] == []
