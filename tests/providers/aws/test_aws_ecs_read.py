"""Reading ECS: rows, the cadence of calls, and what is shown where something cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_world import World, error, task_definition

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.domain.service import DEPLOYS_UNREAD, Health
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.ecs.schema import EcsService, share_words
from oncall_tui.providers.base import ReadRequest
from oncall_tui.providers.lists import decode
from oncall_tui.runtime.clock import FakeClock

Make = Callable[..., EcsProvider]


def settle(provider: EcsProvider, clock: FakeClock, polls: int = 200) -> Reading:
    """Poll as a poller would until nothing is due at once."""
    for _ in range(polls):
        reading = provider.read(ReadRequest())
        if reading.next_in_s and reading.complete:
            return reading
        clock.advance(reading.next_in_s or 0.0)
    raise AssertionError("never at rest")


def run_for(provider: EcsProvider, clock: FakeClock, seconds: float) -> Reading:
    """Poll for *seconds*, each time when the provider wants to be asked."""
    end = clock.now() + seconds
    while True:
        reading = provider.read(ReadRequest())
        clock.advance(max(0.01, reading.next_in_s or 0.0))
        if clock.now() >= end:
            return reading


def test_a_service_at_rest(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api", desired=3)
    reading = settle(ecs(), clock)
    (row,) = reading.services
    assert (row.id, row.health, row.desired, row.running) == ("prod/main/api", Health.HEALTHY, 3, 3)
    assert (row.key.account, row.key.region, row.key.cluster, row.key.name) == (
        "123456789012",
        "eu-west-1",
        "main",
        "api",
    )
    assert row.revision.short == ":41"
    assert len(row.events) == 5
    assert row.verbs == {Verb.ROLL_BACK, Verb.RESTART}
    assert not reading.problems
    assert not reading.deploys
    assert world.asked["ListServiceDeployments"] == 0  # its last deploy is a month old


def test_a_deploy_under_way(ecs: Make, world: World, clock: FakeClock) -> None:
    world.rolling("main", "api")
    reading = settle(ecs(), clock)
    (row,) = reading.services
    (deploy,) = reading.deploys
    assert row.health is Health.DEPLOYING
    assert row.deploy_id == deploy.id
    assert (deploy.state, deploy.arrow, deploy.progress) == (DeployState.IN_PROGRESS, ":41→:42", "1/2")
    assert deploy.new.images[0].digest.startswith("sha256:")
    assert dict(deploy.new.settings)["environment"] == "MODE"
    assert "not to be kept" not in repr(deploy)
    assert deploy.started_by == "ci/build"
    assert deploy.verbs == {Verb.ROLL_BACK}
    assert reading.next_in_s == pytest.approx(3.0, abs=0.1)


def test_a_read_only_source_offers_nothing(ecs: Make, world: World, clock: FakeClock) -> None:
    world.rolling("main", "api")
    provider = ecs(read_only=True)
    reading = settle(provider, clock)
    assert not reading.services[0].verbs
    assert not reading.deploys[0].verbs
    assert not provider.handlers()


def fill(world: World, services: int, clusters: int = 2) -> None:
    for i in range(services):
        world.service(f"c{i % clusters}", f"svc-{i:04d}")


@pytest.mark.parametrize(("services", "a_second"), [(200, 0.5), pytest.param(1000, 2.0, marks=pytest.mark.everything)])
def test_calls_at_rest_stay_within_the_budget(
    ecs: Make, world: World, clock: FakeClock, services: int, a_second: float
) -> None:
    fill(world, services)
    provider = ecs()
    settle(provider, clock)
    before = provider.calls.total()
    run_for(provider, clock, 600)
    cloudwatch = 1 / 15 + 1 / 120  # a source of alarms beside it counts too
    assert (provider.calls.total() - before) / 600 + cloudwatch <= a_second, provider.calls


def test_every_service_is_read_again_within_a_sweep(ecs: Make, world: World, clock: FakeClock) -> None:
    fill(world, 200)
    provider = ecs()
    settle(provider, clock)
    run_for(provider, clock, 300)
    reading = provider.read(ReadRequest())
    assert max(clock.now() - s.read_at for s in reading.services) <= 72


def test_rows_come_before_everything_is_read(ecs: Make, world: World, clock: FakeClock) -> None:
    fill(world, 1000)
    reading = ecs().read(ReadRequest())
    assert 0 < len(reading.services) < 1000
    assert not reading.complete
    assert (reading.next_in_s or 0.0) <= 1.0


def test_a_deploy_that_starts_is_seen_within_ten_seconds(ecs: Make, world: World, clock: FakeClock) -> None:
    fill(world, 200)
    provider = ecs()
    settle(provider, clock)
    run_for(provider, clock, 100)
    started = clock.now()
    world.rolling("c1", "svc-0051", age=0.0)
    world.services["c1", "svc-0051"]["pendingCount"] = 1
    while clock.now() - started < 60:
        reading = provider.read(ReadRequest())
        if any(d.state.running for d in reading.deploys):
            break
        clock.advance(max(0.01, reading.next_in_s or 0.0))
    assert clock.now() - started <= 10


def test_a_cluster_that_always_stirs_is_not_read_over_and_over(ecs: Make, world: World, clock: FakeClock) -> None:
    fill(world, 200, clusters=1)
    provider = ecs()
    settle(provider, clock)
    before = provider.calls["DescribeServices"]
    for i in range(60):
        world.services["c0", "svc-0000"]["pendingCount"] = i % 2
        run_for(provider, clock, 10)
    assert (provider.calls["DescribeServices"] - before) / 600 <= 1.0


def test_one_denied_cluster_is_its_own_problem(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api")
    world.service("other", "web")
    message = "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:DescribeServices on resource: y"
    world.refuse["DescribeServices", "other"] = error("DescribeServices", "AccessDeniedException", message)
    provider = ecs()
    for _ in range(50):
        reading = provider.read(ReadRequest())
        clock.advance(max(0.01, reading.next_in_s or 0.0))
    assert [s.name for s in reading.services] == ["api"]
    denied = next(p for p in reading.problems if p.scope == "cluster other")
    assert (denied.state, denied.hint) == (SourceState.DENIED, "needs ecs:DescribeServices")
    assert world.asked["DescribeServices"] < 30


def test_denied_altogether_is_the_source_s_state(ecs: Make, world: World) -> None:
    world.service("main", "api")
    world.refuse["ListClusters"] = error("ListClusters", "AccessDeniedException")
    with pytest.raises(errors.Denied, match="needs ecs:ListClusters"):
        ecs().read(ReadRequest())


def test_plain_cluster_names_need_no_listing(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api")
    settle(ecs(clusters=("main",)), clock)
    assert world.asked["ListClusters"] == 0


def test_no_cluster_matches(ecs: Make, world: World) -> None:
    world.service("main", "api")
    (problem,) = ecs(clusters=("prod-*",)).read(ReadRequest()).problems
    assert "no cluster matches prod-*; there is: main" in problem.message


@pytest.mark.parametrize(
    "refusal",
    [
        error("ListServiceDeployments", "AccessDeniedException", status=400),
        error("ListServiceDeployments", "UnknownOperationException", status=400),
        error("ListServiceDeployments", "500", "Internal Server Error", 500, content_type="text/html"),
    ],
)
def test_deploys_fall_back_to_what_describe_services_shows(
    ecs: Make, world: World, clock: FakeClock, refusal: Exception
) -> None:
    world.rolling("main", "api")
    world.refuse["ListServiceDeployments"] = refusal
    provider = ecs()
    reading = settle(provider, clock)
    (deploy,) = reading.deploys
    assert (deploy.read_from, deploy.arrow, deploy.state) == ("deployments[]", ":41→:42", DeployState.IN_PROGRESS)
    assert reading.services[0].note.startswith("deploys: ")
    assert not reading.services[0].verbs
    (problem,) = reading.problems
    assert problem.scope == "deploys"
    run_for(provider, clock, 120)
    assert world.asked["ListServiceDeployments"] == 1  # not asked again at each poll
    world.refuse.clear()
    provider.read(ReadRequest(fresh=True))
    reading = settle(provider, clock)
    assert not reading.problems
    assert reading.deploys[0].read_from == "service deployment"


def test_a_failed_poll_keeps_rows_and_raises(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api")
    provider = ecs()
    settle(provider, clock)
    for operation in ("DescribeServices", "DescribeClusters"):
        world.refuse[operation] = error(operation, "ExpiredTokenException")
    clock.advance(100)
    with pytest.raises(errors.Expired):
        provider.read(ReadRequest())
    world.refuse.clear()
    assert provider.read(ReadRequest()).services


@pytest.mark.parametrize("body", [b"<html>log in to the wifi</html>", b'{"services": [{"serviceAr', b"{}", b""])
def test_what_is_no_answer_is_malformed(ecs: Make, world: World, body: bytes) -> None:
    world.service("main", "api")
    for operation in ("DescribeServices", "DescribeClusters", "ListClusters"):
        world.refuse[operation] = body
    with pytest.raises(errors.Malformed):
        ecs().read(ReadRequest())


def test_a_service_that_vanished_goes(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api")
    world.service("main", "web")
    provider = ecs()
    settle(provider, clock)
    del world.services["main", "web"]
    run_for(provider, clock, 100)
    assert [s.name for s in provider.read(ReadRequest()).services] == ["api"]


def test_unchanged_rows_stay_the_same_objects(ecs: Make, world: World, clock: FakeClock) -> None:
    fill(world, 40)
    provider = ecs()
    before = {s.id: s for s in settle(provider, clock).services}
    after = provider.read(ReadRequest()).services
    assert all(before[s.id] is s for s in after)


def test_why_tasks_failed(ecs: Make, world: World, clock: FakeClock) -> None:
    made = world.rolling("main", "api")
    made["deploymentCircuitBreaker"] = {"status": "MONITORING", "failureCount": 2, "threshold": 3}
    task = {
        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/main/0001",
        "taskDefinitionArn": task_definition("api", 42),
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "stoppedAt": clock.now() - 5,
        "containers": [{"name": "app", "exitCode": 137, "reason": "OutOfMemoryError"}],
    }
    scaled = task | {"taskArn": task["taskArn"][:-1] + "2", "stopCode": "ServiceSchedulerInitiated"}
    world.tasks["main", "api"] = [task, scaled]
    provider = ecs()
    (deploy,) = settle(provider, clock).deploys
    assert (deploy.breaker, deploy.failed_tasks) == ("2/3", 2)
    assert [f.summary for f in deploy.failures] == ["exit 137 OutOfMemoryError"]
    run_for(provider, clock, 60)
    assert world.asked["ListTasks"] <= 7
    assert world.asked["DescribeTasks"] == 1


@pytest.mark.parametrize("what", ["ELB health checks in (target-group arn:…)", "container health checks"])
def test_a_task_that_was_stopped_for_its_health_failed(ecs: Make, world: World, clock: FakeClock, what: str) -> None:
    """The scheduler stops it, as it stops what scales in; the reason alone tells them apart."""
    made = world.rolling("main", "api")
    made["deploymentCircuitBreaker"] = {"status": "MONITORING", "failureCount": 1, "threshold": 3}
    task = {
        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/main/0001",
        "taskDefinitionArn": task_definition("api", 42),
        "stopCode": "ServiceSchedulerInitiated",
        "stoppedReason": f"Task failed {what}",
        "stoppedAt": clock.now() - 5,
        "containers": [{"name": "app", "exitCode": 143}],
    }
    scaled = task | {
        "taskArn": task["taskArn"][:-1] + "2",
        "stoppedReason": "Scaling activity initiated by (deployment x)",
    }
    world.tasks["main", "api"] = [task, scaled]
    (deploy,) = settle(ecs(), clock).deploys
    assert [f.summary for f in deploy.failures] == [f"exit 143 Task failed {what}"]


def test_a_rollback_by_hand_is_known_for_one(ecs: Make, world: World, clock: FakeClock) -> None:
    service = world.service("main", "api", number=41, age=60)
    world.deploy("main", "api", 40, 41, age=7 * 86_400)
    world.deploy("main", "api", 41, 42, age=600)
    world.deploy("main", "api", 42, 41, age=60)
    service["deployments"][0]["createdAt"] = clock.now() - 60
    reading = settle(ecs(), clock)
    assert [(d.arrow, d.rollback) for d in reading.deploys] == [(":42→:41", "going back to :41"), (":41→:42", "")]


def test_account_s_own_name_and_code_deploy(ecs: Make, world: World, clock: FakeClock) -> None:
    service = world.service("main", "api")
    service["deploymentController"] = {"type": "CODE_DEPLOY"}
    service["deployments"] = []
    service["taskSets"] = [
        {"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": task_definition("api", 41), "createdAt": 1.0},
        {"id": "ecs-svc/2", "status": "ACTIVE", "taskDefinition": task_definition("api", 42), "createdAt": 2.0},
    ]
    reading: Any = settle(ecs(account="999999999999"), clock)
    assert reading.services[0].key.account == "999999999999"
    assert reading.services[0].note == ""  # its task sets name no deployment to ask CodeDeploy for
    assert (reading.deploys[0].read_from, reading.deploys[0].arrow) == ("taskSets", ":41→:42")
    assert reading.services[0].verbs == {Verb.ROLL_BACK}


def start(provider: EcsProvider, clock: FakeClock, seconds: float, call_s: float = 0.04) -> list[tuple[float, Reading]]:
    """The readings of a start, each with the seconds that went by; a call takes *call_s*."""
    began, calls, found = clock.now(), provider.calls.total(), []
    while clock.now() - began < seconds:
        reading = provider.read(ReadRequest())
        clock.advance((provider.calls.total() - calls) * call_s)
        calls = provider.calls.total()
        found.append((clock.now() - began, reading))
        clock.advance(max(0.01, reading.next_in_s or 0.0))
    return found


def test_a_big_start_has_every_service_within_five_seconds_and_says_of_which_the_deploys_are_not_read(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    for i in range(76):
        world.rolling("c", f"svc-{i:02d}")
    readings = start(ecs(), clock, 60.0)
    whole = next(at for at, r in readings if r.complete)
    assert whole <= 5.0
    for at, reading in readings:
        known = {d.service_id for d in reading.deploys}
        for row in reading.services:
            assert (row.note == DEPLOYS_UNREAD) == (row.id not in known), (at, row.id)
            assert row.verbs == {Verb.ROLL_BACK, Verb.RESTART}, row  # a rollback reads what it needs by itself
        assert reading.behind >= sum(row.note == DEPLOYS_UNREAD for row in reading.services)
        if not reading.behind:
            assert all(deploy.arrow == ":41→:42" for deploy in reading.deploys)
        if at >= whole:
            assert len(reading.services) == 76
            assert reading.complete
    assert readings[0][1].behind
    assert next(at for at, r in readings if not r.behind and r.complete) <= 20.0


def test_services_that_deploy_have_their_deploys_read_before_the_others(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    for i in range(60):
        world.service("c", f"svc-{i:02d}", age=3_600.0)
        world.deploy("c", f"svc-{i:02d}", 40, 41, age=3_600.0)
    world.rolling("c", "svc-zz")
    readings = start(ecs(), clock, 40.0)
    moving = next(at for at, r in readings if any(d.state.running for d in r.deploys))
    others = next(at for at, r in readings if not r.behind and r.complete)
    assert moving < others
    assert moving <= 6.0


def test_code_deploy_s_are_not_read_yet_either(ecs: Make, world: World, clock: FakeClock) -> None:
    service = world.service("c", "api")
    service["deploymentController"] = {"type": "CODE_DEPLOY"}
    at = clock.now() - 60
    service["deployments"] = []
    service["taskSets"] = [
        {
            "id": "ts-1",
            "taskSetArn": "arn:aws:ecs:eu-west-1:123456789012:task-set/c/api/1",
            "status": "PRIMARY",
            "taskDefinition": task_definition("api", 42),
            "externalId": "d-1",
            "createdAt": at,
        }
    ]
    provider = ecs()
    reader = provider._reader
    while not reader._services:
        reader._step()
    reader._build()
    (row,) = reader._rows.values()
    assert row.note == DEPLOYS_UNREAD


@pytest.mark.everything
@pytest.mark.parametrize(("clusters", "deploying"), [pytest.param(1, 300, marks=pytest.mark.everything), (30, 54)])
def test_deploys_that_never_end_leave_calls_to_the_rest(
    ecs: Make, world: World, clock: FakeClock, clusters: int, deploying: int
) -> None:
    for i in range(deploying):
        world.rolling(f"c{i % clusters}", f"moving-{i:03d}")
    for i in range(20 if clusters == 1 else 6):
        world.service(f"c{i % clusters}", f"still-{i:02d}")
    provider = ecs()
    start(provider, clock, 400.0)
    reading = start(provider, clock, 30.0)[-1][1]
    ages = {row.name: clock.now() - row.read_at for row in reading.services}
    still = [age for name, age in ages.items() if name.startswith("still")]
    assert len(still) == (20 if clusters == 1 else 6)
    assert max(still) <= 150.0, sorted(still)
    assert max(ages.values()) <= 150.0
    looked = world.asked["DescribeClusters"]
    start(provider, clock, 60.0)
    assert world.asked["DescribeClusters"] - looked >= 4


def test_no_words_of_a_row_hold_an_arn(ecs: Make, world: World, clock: FakeClock) -> None:
    group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/0123456789abcdef"
    task = "0123456789abcdef0123456789abcdef"
    made = world.rolling("main", "api")
    made["deploymentCircuitBreaker"] = {"status": "MONITORING", "failureCount": 1, "threshold": 3}
    made["statusReason"] = f"tasks failed in {group}"
    world.services["main", "api"]["events"].insert(
        0, {"id": "e", "createdAt": clock.now(), "message": f"(task {task}) is unhealthy in (target-group {group})"}
    )
    world.tasks["main", "api"] = [
        {
            "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/main/{task}",
            "taskDefinitionArn": task_definition("api", 42),
            "stopCode": "ServiceSchedulerInitiated",
            "stoppedReason": f"Task failed ELB health checks in (target-group {group})",
            "stoppedAt": clock.now() - 5,
            "containers": [{"name": "app"}],
        }
    ]
    reading = settle(ecs(), clock)
    (deploy,), (service,) = reading.deploys, reading.services
    assert [f.summary for f in deploy.failures] == ["Task failed ELB health checks in (target-group api)"]
    assert deploy.reason == "tasks failed in api"
    assert service.events[0][1] == "(task 01234567) is unhealthy in (target-group api)"


def test_the_words_that_all_services_have_are_kept_once() -> None:
    raw = b"""{"serviceName": "%s", "serviceArn": "a", "clusterArn": "arn:aws:ecs:eu-west-1:111111111111:cluster/main",
        "status": "ACTIVE", "taskDefinition": "task:12", "deploymentController": {"type": "CODE_DEPLOY"},
        "deployments": [{"id": "d", "status": "PRIMARY", "rolloutState": "COMPLETED", "taskDefinition": "task:12"}]}"""
    made = [decode(raw % name, EcsService, strict=False) for name in (b"one", b"two")]
    before = [decode(raw % name, EcsService, strict=False) for name in (b"one", b"two")]
    for service in made:
        share_words(service)
    assert made == before
    one, two = made
    assert one.cluster_arn is two.cluster_arn
    assert one.deployments[0].rollout_state is two.deployments[0].rollout_state
    assert one.deployments[0].task_definition is two.task_definition
    assert one.controller is two.controller
    assert one.deployment_configuration is None
