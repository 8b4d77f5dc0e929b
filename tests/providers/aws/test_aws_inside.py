"""A service from inside: tasks in order, targets apart, what of it cannot be read, and how many calls it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_world import World, arn, error, task_definition
from botocore.exceptions import ReadTimeoutError

from oncall_tui import errors
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service_detail import TargetHealth
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

Make = Callable[..., EcsProvider]
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/0123456789abcdef"
DENIED = "User: me is not authorized to perform: elasticloadbalancing:DescribeTargetHealth on resource: *"


def task(world: World, name: str, age: float, *, status: str = "RUNNING", **more: Any) -> dict[str, Any]:
    """One of api's tasks, *age* seconds old, or stopped so long ago."""
    at = world.clock.now() - age
    stopped = {"stoppedAt": at} if status == "STOPPED" else {"startedAt": at + 30}
    made = {
        "taskArn": arn("task", "main", name),
        "taskDefinitionArn": task_definition("api", 42),
        "lastStatus": status,
        "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
        "createdAt": at - 60 if status == "STOPPED" else at,
        **stopped,
        **more,
    }
    world.tasks.setdefault(("main", "api"), []).append(made)
    return made


def target(id_: str, state: str, reason: str = "", description: str = "") -> dict[str, Any]:
    health = {"State": state, "Reason": reason, "Description": description}
    return {
        "Target": {"Id": id_, "Port": 8080, "AvailabilityZone": "eu-west-1a"},
        "TargetHealth": {k: v for k, v in health.items() if v},
    }


@pytest.fixture
def api(world: World) -> dict[str, Any]:
    """A service behind one target group."""
    made = world.service("main", "api")
    made["loadBalancers"] = [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]
    world.targets[GROUP] = []
    return made


def test_tasks_in_the_order_in_which_they_are_looked_at(ecs: Make, world: World, api: dict[str, Any]) -> None:
    task(world, "died-first", 900, status="STOPPED")
    task(world, "old", 86_400)
    task(world, "died-last", 20, status="STOPPED")
    task(world, "starts", 5, status="PENDING")
    found = ecs().inspect("prod/main/api")
    assert [t.id for t in found.tasks] == ["starts", "old", "died-last", "died-first"]
    assert found.tasks[0].revision == ":42"
    assert found.at == world.clock.now()


def test_what_a_task_ended_with(ecs: Make, world: World, api: dict[str, Any]) -> None:
    killed = {
        "name": "app",
        "lastStatus": "STOPPED",
        "healthStatus": "UNHEALTHY",
        "exitCode": 137,
        "reason": "OutOfMemoryError: Container killed due to memory usage",
        "runtimeId": "t1-0527074092",
    }
    task(
        world,
        "t1",
        20,
        status="STOPPED",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        availabilityZone="eu-west-1b",
        enableExecuteCommand=True,
        healthStatus="UNHEALTHY",
        startedBy="ecs-svc/42",
        containers=[{"name": "sidecar", "exitCode": 0}, killed],
    )
    (one,) = ecs().inspect("prod/main/api").tasks
    assert (one.stop_code, one.reason) == ("EssentialContainerExited", "Essential container in task exited")
    assert (one.exit_code, one.zone, one.can_exec, one.health, one.started_by) == (
        137,
        "eu-west-1b",
        True,
        "UNHEALTHY",
        "ecs-svc/42",
    )
    assert one.containers[1].reason.startswith("OutOfMemoryError")
    assert (one.containers[1].health, one.containers[1].runtime_id) == ("UNHEALTHY", "t1-0527074092")
    assert one.containers[0].exit_code == 0


def test_targets_are_apart_from_tasks_and_the_unwell_come_first(ecs: Make, world: World, api: dict[str, Any]) -> None:
    task(world, "well", 3600)
    world.targets[GROUP] = [
        target("10.0.0.1", "healthy"),
        target("10.0.0.2", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
    ]
    found = ecs().inspect("prod/main/api")
    said = "Target.ResponseCodeMismatch: Health checks failed with these codes: [503]"
    assert found.targets[0] == TargetHealth(
        group="api", id="10.0.0.2", port=8080, state="unhealthy", reason=said, zone="eu-west-1a"
    )
    assert [t.state for t in found.targets] == ["unhealthy", "healthy"]
    assert len(found.tasks) == 1
    assert not found.problems


def test_both_target_groups_of_a_shifting_service_and_those_of_task_sets(
    ecs: Make, world: World, api: dict[str, Any]
) -> None:
    other, set_s = GROUP.replace("api", "api-alternate"), GROUP.replace("api", "api-green")
    api["loadBalancers"][0]["advancedConfiguration"] = {"alternateTargetGroupArn": other}
    api["taskSets"] = [{"id": "ecs-svc/1", "loadBalancers": [{"targetGroupArn": GROUP}, {"targetGroupArn": set_s}]}]
    for group in (other, set_s):
        world.targets[group] = [target("10.0.0.9", "unused", "Target.NotInUse")]
    assert {t.group for t in ecs().inspect("prod/main/api").targets} == {"api-alternate", "api-green"}
    assert world.asked["DescribeTargetHealth"] == 3  # each once


def test_the_calls_are_as_few_as_promised(ecs: Make, world: World, api: dict[str, Any]) -> None:
    for i in range(60):
        task(world, f"r{i}", 3600)
    for i in range(40):
        task(world, f"s{i}", 60, status="STOPPED")
    found = ecs().inspect("prod/main/api")
    assert len(found.tasks) == 100
    assert found.calls == sum(world.asked.values()) == 5  # at most 6 are promised
    assert len(found.events) == 20


def test_a_revision_that_cannot_be_read_is_told_and_all_else_is_there(
    ecs: Make, world: World, api: dict[str, Any]
) -> None:
    task(world, "here", 60)
    api["currentServiceRevisions"] = [{"arn": world.revision("main", "api", "r1", 41)}]
    provider = ecs()
    world.refuse["DescribeServiceRevisions"] = error("DescribeServiceRevisions", "AccessDeniedException", "", 400)
    found = provider.inspect("prod/main/api")
    assert [(p.scope, p.hint) for p in found.problems] == [("service revision", "needs ecs:DescribeServiceRevisions")]
    assert len(found.tasks) == 1
    world.refuse.clear()
    world.asked.clear()
    assert provider.inspect("prod/main/api").calls == sum(world.asked.values()) == 6  # as many as are promised


def test_more_tasks_than_are_read_is_said(ecs: Make, world: World, api: dict[str, Any]) -> None:
    for i in range(130):
        task(world, f"r{i}", 3600)
    for i in range(30):
        task(world, f"s{i}", 60, status="STOPPED")
    found = ecs().inspect("prod/main/api")
    assert len(found.tasks) == 130
    assert [(p.scope, p.message) for p in found.problems] == [
        ("running tasks", "there are more than 100: these are some")
    ]
    assert found.calls == 6


def test_a_task_that_went_away_meanwhile_is_no_problem(ecs: Make, world: World, api: dict[str, Any]) -> None:
    task(world, "here", 60)
    task(world, "went", 60, gone=True)
    found = ecs().inspect("prod/main/api")
    assert [t.id for t in found.tasks] == ["here"]
    assert not found.problems


def test_targets_denied_names_the_permission_and_leaves_the_rest(ecs: Make, world: World, api: dict[str, Any]) -> None:
    task(world, "here", 60)
    world.refuse["DescribeTargetHealth"] = error("DescribeTargetHealth", "AccessDenied", DENIED, 403)
    found = ecs().inspect("prod/main/api")
    (problem,) = found.problems
    assert (problem.state, problem.scope) == (SourceState.DENIED, "targets")
    assert problem.hint == "needs elasticloadbalancing:DescribeTargetHealth"
    assert [t.id for t in found.tasks] == ["here"]
    assert found.events


def test_a_denial_without_words_names_the_permission_as_iam_calls_it(
    ecs: Make, world: World, api: dict[str, Any]
) -> None:
    world.refuse["DescribeTargetHealth"] = error("DescribeTargetHealth", "AccessDenied", "", 403)
    assert ecs().inspect("prod/main/api").problems[0].hint == "needs elasticloadbalancing:DescribeTargetHealth"


@pytest.mark.parametrize(
    ("operation", "scopes"),
    [
        ("DescribeServices", ["events and target groups"]),
        ("ListTasks", ["running tasks", "stopped tasks"]),
        ("DescribeTasks", ["tasks"]),
    ],
)
def test_each_part_may_fail_alone(
    ecs: Make, world: World, api: dict[str, Any], operation: str, scopes: list[str]
) -> None:
    task(world, "here", 60)
    world.targets[GROUP] = [target("10.0.0.1", "healthy")]
    world.refuse[operation] = error(operation, "AccessDeniedException", "", 400)
    found = ecs().inspect("prod/main/api")
    assert [p.scope for p in found.problems] == scopes
    assert found.problems[0].hint == f"needs ecs:{operation}"
    assert bool(found.targets) is (operation != "DescribeServices")
    assert bool(found.tasks) is (operation == "DescribeServices")


def test_a_target_group_that_is_gone_is_told(ecs: Make, world: World, api: dict[str, Any]) -> None:
    world.targets.clear()
    assert [p.scope for p in ecs().inspect("prod/main/api").problems] == ["targets"]


def test_where_nothing_can_be_read_it_is_an_error(ecs: Make, world: World, api: dict[str, Any]) -> None:
    for operation in ("DescribeServices", "ListTasks"):
        world.refuse[operation] = error(operation, "AccessDeniedException", "", 400)
    with pytest.raises(errors.Denied, match="DescribeServices is denied"):
        ecs().inspect("prod/main/api")


def test_an_expired_login_is_asked_once(ecs: Make, world: World, api: dict[str, Any]) -> None:
    for operation in ("DescribeServices", "ListTasks"):
        world.refuse[operation] = error(operation, "ExpiredTokenException", "", 400)
    with pytest.raises(errors.Expired):
        ecs().inspect("prod/main/api")
    assert sum(world.asked.values()) == 1


def test_after_two_time_outs_nothing_more_is_waited_for(ecs: Make, world: World, api: dict[str, Any]) -> None:
    task(world, "here", 60)
    for operation in ("ListTasks", "DescribeTasks"):
        world.refuse[operation] = ReadTimeoutError(endpoint_url="https://ecs.example.com")
    found = ecs().inspect("prod/main/api")
    assert [p.scope for p in found.problems] == ["running tasks", "stopped tasks", "targets"]
    assert {p.state for p in found.problems} == {SourceState.OFFLINE}
    assert found.events
    assert sum(world.asked.values()) == 3


def test_a_service_that_is_not_there_any_more(ecs: Make, world: World) -> None:
    world.refuse["ListTasks"] = error("ListTasks", "ServiceNotFoundException", "Service not found.")
    with pytest.raises(errors.SourceError, match="main/api is not there any more"):
        ecs().inspect("prod/main/api")
    with pytest.raises(errors.SourceError, match="not a service of prod"):
        ecs().inspect("prod/api")


def test_a_look_is_counted_in_the_account_s_budget(
    ecs: Make, world: World, api: dict[str, Any], clock: FakeClock
) -> None:
    """It never waits itself, and what it took, a sweep waits for."""
    provider = ecs()
    for _ in range(20):
        provider.inspect("prod/main/api")
    assert provider.calls.total() == sum(world.asked.values()) == 80  # no task is there to be described
    reading = provider.read(ReadRequest())
    assert reading.calls == 0
    assert reading.next_in_s
    clock.advance(60)
    assert provider.read(ReadRequest()).calls


@pytest.mark.parametrize("operation", ["DescribeTargetHealth", "GetMetricData"])
def test_what_aws_throttles_apart_holds_up_no_poll(
    ecs: Make, world: World, api: dict[str, Any], operation: str
) -> None:
    provider = ecs()
    world.refuse[operation] = error(operation, "Throttling", "Rate exceeded")
    now = world.clock.now()
    if operation == "GetMetricData":
        with pytest.raises(errors.Throttled):
            provider.measure(provider.service_metrics("prod/main/api"), now - 3600, now)
    else:
        assert provider.inspect("prod/main/api").problems[0].state is SourceState.THROTTLED
    assert provider.read(ReadRequest()).calls
