"""Facts of ECS that a row, a plan or an outcome has to tell: bake time, steps, Express Mode, what stays as it is, sick
machines, lists that come late, states that are not known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest
from aws_world import World, arn, error, task_definition
from test_aws_actions import TARGET, board, finished, made
from test_aws_ecs_read import run_for, settle

from oncall_tui import errors
from oncall_tui.cli import deploys as cli
from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import revision_schema
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.ecs.rollback import verify as ecs_verify
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.write_grace import WriteGrace
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.suspects import suspicion
from oncall_tui.tui.presenters import progress

Make = Callable[..., EcsProvider]
TZ = UTC
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 600}


# --- bake time and steps ----------------------------------------------------------------------------------------------


def test_a_bake_time_that_was_seen_to_begin_ends_when_it_says_whatever_is_updated_later(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    deploy = world.rolling("main", "api")
    deploy |= {"deploymentConfiguration": BLUE_GREEN, "lifecycleStage": "SCALE_UP", "updatedAt": clock.now()}
    source = ecs()
    assert settle(source, clock).deploys[0].bake_until is None
    clock.advance(60)
    began = clock.now()
    deploy |= {"lifecycleStage": "BAKE_TIME", "updatedAt": began}
    row = run_for(source, clock, 30).deploys[0]
    assert (row.all_traffic_since, row.bake_about) == (began, False)
    assert row.bake_until == began + 36_000
    assert progress.far(row, began + 600).endswith("baking, 9h left")
    clock.advance(3_600)
    deploy["updatedAt"] = clock.now()  # a count, a weight, an alarm's state
    assert run_for(source, clock, 30).deploys[0].bake_until == began + 36_000


def test_a_bake_time_that_nobody_saw_begin_is_told_as_about(ecs: Make, world: World, clock: FakeClock) -> None:
    updated = clock.now() - 1_800
    deploy = world.rolling("main", "api", age=7_200)
    deploy |= {"deploymentConfiguration": BLUE_GREEN, "lifecycleStage": "BAKE_TIME", "updatedAt": updated}
    source = ecs()
    row = settle(source, clock).deploys[0]
    assert (row.bake_until, row.bake_about) == (updated + 36_000, True)
    assert "baking, about 9h left" in progress.far(row, clock.now())
    assert "baking, about 9h left" in cli.line(row, clock.now(), TZ)
    deploy["updatedAt"] = clock.now()
    assert run_for(source, clock, 30).deploys[0].bake_until == updated + 36_000
    deploy |= {"status": "SUCCESSFUL", "finishedAt": clock.now()}
    assert run_for(source, clock, 30).deploys[0].bake_until is None


@pytest.mark.parametrize(
    ("configuration", "steps"),
    [
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}},
         "5% for 10m, then 100%"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 12.5, "stepBakeTimeInMinutes": 6}},
         "12.5% every 6m"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.5}}, "0.5%, then 100%"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25.0}}, "25% at a time"),
        ({"strategy": "BLUE_GREEN"}, ""),
        ({"strategy": "CANARY"}, ""),
        ({"strategy": "SPIRAL"}, ""),
    ],
)  # fmt: skip
def test_the_steps_of_a_shift_are_told(
    ecs: Make, world: World, clock: FakeClock, configuration: dict[str, Any], steps: str
) -> None:
    world.rolling("main", "api")["deploymentConfiguration"] = configuration
    row = settle(ecs(), clock).deploys[0]
    word = configuration["strategy"].lower().replace("_", "-")
    assert row.steps == steps
    assert (f"{word} ({steps})" if steps else word) in progress.state_words(row)
    assert (f"{word} ({steps})" if steps else word) in cli.line(row, clock.now(), TZ)


def test_a_deploy_that_bakes_for_hours_says_so_and_stands_below_one_of_the_product_s_just_before(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    world.rolling("main", "jobs", age=300)
    deploy = world.rolling("main", "api", age=36_000)
    deploy |= {"deploymentConfiguration": BLUE_GREEN, "lifecycleStage": "BAKE_TIME"}
    deploy |= {"updatedAt": clock.now() - 34_000}
    deploy["targetServiceRevision"]["requestedProductionTrafficWeight"] = 100.0
    rows = {d.service_id: d for d in settle(ecs(), clock).deploys}
    found = suspicion(clock.now(), TARGET, [rows[TARGET]], [rows["prod/main/jobs"]])
    assert [s.deploy.service_id for s in found.suspects] == ["prod/main/jobs", TARGET]
    assert "baking at 100% traffic since about 9h before the alert" in found.suspects[1].words
    young = suspicion(clock.now() - 33_000, TARGET, [rows[TARGET]], [])
    assert "baking at 100% traffic since about 16m before the alert" in young.suspects[0].words


def test_a_deploy_that_is_paused_at_all_traffic_for_hours_stands_below_too(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    world.rolling("main", "jobs", age=300)
    deploy = world.rolling("main", "api", age=36_000)
    deploy |= {"deploymentConfiguration": {"strategy": "LINEAR"}, "lifecycleStage": "POST_PRODUCTION_TRAFFIC_SHIFT"}
    deploy |= {"updatedAt": clock.now() - 34_000}
    deploy |= {"lifecycleHookDetails": [{"hookId": "h", "status": "AWAITING_ACTION"}]}
    deploy["targetServiceRevision"]["requestedProductionTrafficWeight"] = 40.0
    source = ecs()
    rows = {d.service_id: d for d in settle(source, clock).deploys}
    assert rows[TARGET].all_traffic_since is None
    deploy["targetServiceRevision"]["requestedProductionTrafficWeight"] = 100.0
    deploy["updatedAt"] = clock.now()
    rows = {d.service_id: d for d in run_for(source, clock, 20).deploys}
    began = rows[TARGET].all_traffic_since
    assert began == deploy["updatedAt"]
    found = suspicion(began + 7_200, TARGET, [rows[TARGET]], [rows["prod/main/jobs"]])
    assert [s.deploy.service_id for s in found.suspects] == ["prod/main/jobs", TARGET]
    assert "paused at 100% traffic since 2h before the alert" in found.suspects[1].words


# --- what an update does not restore ----------------------------------------------------------------------------------


@pytest.mark.parametrize("member", [*revision_schema.BESIDE, "quantumConfiguration"])
def test_whatever_differs_beside_the_task_definition_is_named_in_the_plan(ecs: Make, world: World, member: str) -> None:
    finished(world)
    revisions = [d["targetServiceRevision"]["arn"] for d in world.deploys.values()]
    world.revisions[revisions[-1]][member] = {"one": [1, 2]}
    source = next(s for s in world.deploys[list(world.deploys)[-1]]["sourceServiceRevisions"])
    world.revisions[revisions[0]][member] = world.revisions[source["arn"]][member] = {"one": [1, 3]}
    told = dict(made(ecs())[1].lines)["not restored"]
    word = revision_schema.BESIDE.get(member, "quantum configuration")
    assert told.startswith(f"{word}, which differ and stay as they are; ")


@pytest.mark.parametrize("member", sorted(revision_schema.DERIVED | {"guardDutyEnabled"}))
def test_what_ecs_derives_or_what_is_off_is_no_difference(ecs: Make, world: World, member: str) -> None:
    finished(world)
    newest = world.deploys[list(world.deploys)[-1]]["targetServiceRevision"]["arn"]
    world.revisions[newest][member] = False if member == "guardDutyEnabled" else {"metricAlarms": [{"arn": "x"}]}
    assert "differ" not in dict(made(ecs())[1].lines)["not restored"]


# --- Express Mode -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"), [("ECS", "Express Mode"), ("CUSTOMER", ""), ("", ""), ("NEW", "resources managed by NEW")]
)
def test_who_manages_a_service_is_on_its_row_and_in_the_plan_of_an_update(
    ecs: Make, world: World, clock: FakeClock, kind: str, mode: str
) -> None:
    finished(world)
    world.services["main", "api"]["resourceManagementType"] = kind
    source = ecs()
    (row,) = settle(source, clock).services
    assert row.mode == mode
    assert row.deployed_by == (f"ECS, {mode}" if mode else "ECS")
    for verb in (Verb.ROLL_BACK, Verb.RESTART):
        ask = ActionRequest(verb=verb, target=TARGET, version="", actor=Actor("Alice"))
        plan = source.handlers()[verb].plan(ask, board(source))
        assert any("may conflict with its next update" in words for words in plan.warnings) is bool(mode)


def test_stopping_a_deploy_of_express_mode_warns_of_nothing(ecs: Make, world: World) -> None:
    world.rolling("main", "api")
    world.services["main", "api"]["resourceManagementType"] = "ECS"
    assert not any("may conflict" in words for words in made(ecs())[1].warnings)


def test_target_groups_that_ecs_made_are_looked_at(ecs: Make, world: World) -> None:
    groups = [f"arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/ecs-{n}/1" for n in (1, 2, 3, 4)]
    service = world.service("main", "api")
    service["resourceManagementType"] = "ECS"
    revision = world.revision("main", "api", "r1", 41)
    service["currentServiceRevisions"] = [{"arn": revision}]
    shared = {"targetGroupArn": groups[2], "alternateTargetGroupArn": groups[3]}
    world.revisions[revision]["ecsManagedResources"] = {
        "ingressPaths": [{"accessType": "PUBLIC", "targetGroups": [{"arn": g} for g in groups[:2]]}],
        "gatewayConnections": [{"resources": {"hostSharedAlb": [shared]}}],
    }
    for group in groups:
        world.targets[group] = [{"Target": {"Id": "10.0.0.1"}, "TargetHealth": {"State": "healthy"}}]
    assert {t.group for t in ecs().inspect("prod/main/api").targets} == {"ecs-1", "ecs-2", "ecs-3", "ecs-4"}


# --- tasks that others stopped ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason", "failed"),
    [
        ("InfrastructureHealth", "Task stopped: container runtime is impaired", False),
        ("InfrastructureHealth", "Task failed the instance's health checks", False),
        ("SpotInterruption", "Your Spot Task was interrupted.", False),
        ("TerminationNotice", "The instance is terminating", False),
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", False),
        ("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", True),
        ("EssentialContainerExited", "Essential container in task exited", True),
        ("TaskFailedToStart", "CannotPullContainerError", True),
        ("CosmicRay", "a bit flipped", True),
    ],
)
def test_a_stop_by_others_is_nowhere_a_failure(
    ecs: Make, world: World, clock: FakeClock, code: str, reason: str, failed: bool
) -> None:
    world.rolling("main", "api", age=60)
    first = world.services["main", "api"]["deployments"][0]
    first["failedTasks"] = 1 if failed else 0
    died = {"taskArn": arn("task", "main", "t1"), "taskDefinitionArn": task_definition("api", 42)}
    died |= {"lastStatus": "STOPPED", "stopCode": code, "stoppedReason": reason, "createdAt": clock.now() - 30}
    died |= {"stoppedAt": clock.now() - 10, "containers": [{"name": "app", "exitCode": 143}]}
    world.tasks["main", "api"] = [died]
    source = ecs()
    row = settle(source, clock).deploys[0]
    assert bool(row.failures) is failed
    (task,) = source.inspect(TARGET).tasks
    assert task.failed is failed


# --- lists that come late ---------------------------------------------------------------------------------------------


def late(world: World, clock: FakeClock, age: float = 120.0) -> None:
    """:42 began so long ago by ``deployments[]``; the list has only :41's deploy, which ended a week ago."""
    world.service("main", "api", number=42, age=age)
    world.deploy("main", "api", 40, 41, age=7 * 86_400)


def test_a_deploy_that_is_not_listed_yet_is_on_the_board_and_looked_for_again(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    late(world, clock)
    source = ecs()
    reading = settle(source, clock)
    (row,) = reading.deploys
    assert (row.read_from, row.arrow, row.state) == ("deployments[]", ":41→:42", DeployState.SUCCEEDED)
    assert reading.services[0].last_deploy == row.started
    found = suspicion(clock.now(), TARGET, [row])
    assert ":41→:42" in found.suspects[0].words
    asked = world.asked["ListServiceDeployments"]
    world.deploy("main", "api", 41, 42, age=clock.now() - row.started)
    (row,) = run_for(source, clock, 180).deploys
    assert (row.read_from, row.arrow) == ("service deployment", ":41→:42")
    assert world.asked["ListServiceDeployments"] > asked


def test_an_empty_list_beside_a_young_primary_is_not_no_deploy(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api", number=42, age=120)
    source = ecs()
    reading = settle(source, clock)
    assert [d.read_from for d in reading.deploys] == ["deployments[]"]
    with pytest.raises(errors.Refused, match="does not list the deploy of :42 yet, which began"):
        made(source)
    clock.advance(3_600)
    with pytest.raises(errors.Refused, match=r"lists no deploy of this service .* though one began 1h"):
        made(source)


def test_what_is_never_listed_is_looked_for_less_and_less(ecs: Make, world: World, clock: FakeClock) -> None:
    late(world, clock)
    source = ecs()
    settle(source, clock)
    before = world.asked["ListServiceDeployments"]
    run_for(source, clock, 3_600)
    assert world.asked["ListServiceDeployments"] - before < 20


def test_nothing_is_planned_or_sent_past_a_deploy_that_is_not_listed(ecs: Make, world: World, clock: FakeClock) -> None:
    finished(world)
    source = ecs()
    handler, plan = made(source)
    first = world.services["main", "api"]["deployments"][0]
    first |= {"taskDefinition": task_definition("api", 43), "createdAt": clock.now() - 5}
    with pytest.raises(errors.Refused, match="of :43 yet, which began 5s ago"):
        handler.check(plan)
    with pytest.raises(errors.Refused, match="of :43 yet, which began 5s ago"):
        made(source)


def test_ecs_s_own_rollback_is_no_deploy_that_is_missing(ecs: Make, world: World, clock: FakeClock) -> None:
    world.service("main", "api", number=41, age=300)  # put there again within the deploy of :42
    world.deploy("main", "api", 40, 41, age=7 * 86_400)
    deploy = world.deploy("main", "api", 41, 42, age=600, status="ROLLBACK_SUCCESSFUL")
    deploy |= {"finishedAt": clock.now() - 240}
    deploy["rollback"] = {"serviceRevisionArn": deploy["sourceServiceRevisions"][0]["arn"]}
    assert [d.read_from for d in settle(ecs(), clock).deploys] == ["service deployment"]


# --- outcomes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("under_way", [True, False])
def test_a_state_that_is_not_known_ends_no_rollback(ecs: Make, world: World, under_way: bool) -> None:
    world.rolling("main", "api") if under_way else finished(world)
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    world.newest()["status"] = "QUARANTINED"
    first = world.services["main", "api"]["deployments"][0]
    first |= {"rolloutState": "COMPLETED", "runningCount": 2, "taskDefinition": task_definition("api", 41)}
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.PENDING
    assert "QUARANTINED, which oncall-tui does not know" in check.message


def test_a_rollback_that_is_reverted_says_what_runs_again_also_by_deployments_alone(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    finished(world)
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    service = world.services["main", "api"]
    mine = service["deployments"][0]
    mine |= {"status": "ACTIVE", "rolloutState": "FAILED", "rolloutStateReason": "circuit breaker: tasks failed"}
    again = world.deployment("ecs-svc/again", task_definition("api", 42), 2, clock.now() + 30)
    service["deployments"].insert(0, again)
    world.refuse["ListServiceDeployments"] = error("ListServiceDeployments", "AccessDeniedException")
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED
    assert "so :42 runs again: circuit breaker" in check.message


# --- CodeDeploy's outcomes --------------------------------------------------------------------------------------------


def code_deploy(status: str, **more: Any) -> cd.CodeDeployDeployment:
    return cd.CodeDeployDeployment(deployment_id="d-1", status=status, create_time=100.0, **more)


def task_set(definition: str, desired: int, external: str) -> w.EcsTaskSet:
    return w.EcsTaskSet(
        id=f"ecs-svc/{external}",
        status="PRIMARY",
        task_definition=definition,
        external_id=external,
        computed_desired_count=desired,
        running_count=desired,
        created_at=110.0,
    )


BACK = cd.CodeDeployRollbackInfo(rollback_deployment_id="d-2")


@pytest.mark.parametrize(
    ("verify", "status", "desired", "state", "words"),
    [
        ("stopped", "Stopped", 2, OutcomeState.DONE, "2/2 running"),
        ("stopped", "Stopped", 0, OutcomeState.FAILED, "desired is 0 now: no task of :41 runs"),
        ("stopped", "NewState", 2, OutcomeState.PENDING, "NewState, which oncall-tui does not know"),
        ("created", "Succeeded", 2, OutcomeState.DONE, "2/2 running"),
        ("created", "Succeeded", 0, OutcomeState.FAILED, "desired is 0 now: no task of :41 runs"),
        ("created", "Failed", 2, OutcomeState.FAILED, "ended as Failed: no reason given; :41 has the traffic"),
        ("created", "NewState", 2, OutcomeState.PENDING, "NewState, which oncall-tui does not know"),
    ],
)
def test_how_code_deploy_s_rollback_ended(
    monkeypatch: pytest.MonkeyPatch,
    clock: FakeClock,
    verify: str,
    status: str,
    desired: int,
    state: OutcomeState,
    words: str,
) -> None:
    old, bad = task_definition("api", 41), task_definition("api", 42)
    service = w.EcsService(
        service_arn=arn("service", "main", "api"),
        service_name="api",
        cluster_arn=arn("cluster", "main"),
        desired_count=desired,
        task_sets=[task_set(old, desired, "d-2" if verify == "stopped" else "d-1")],
    )
    told = {"d-1": code_deploy(status, rollback_info=BACK if verify == "stopped" else None)}
    told["d-2"] = code_deploy("Succeeded")
    monkeypatch.setattr(cd, "read_one", lambda client, name: told[name])
    monkeypatch.setattr(ecs_verify.snapshot, "read_service", lambda *_: service)
    asked = {"from": bad, "to": old, "cluster": "main", "service": "api", "deploy": "d-1", "desired": 2}
    plan = ActionRequest(verb=Verb.ROLL_BACK, target=TARGET, version="", actor=Actor("Alice")).plan(
        source="prod", made_at=clock.now(), title="", lines=(), request=asked
    )
    clients: Any = SimpleNamespace(ecs=None, code_deploy=None)
    ask = ecs_verify.verify_codedeploy_stopped if verify == "stopped" else ecs_verify.verify_codedeploy_created
    check = ask(clients, plan, Receipt({"deploy": "d-1", "at": clock.now()}), WriteGrace(clock))
    assert (check.state, words in check.message) == (state, True), check.message


# --- described late ---------------------------------------------------------------------------------------------------


def test_a_deploy_that_is_listed_and_not_described_yet_is_on_the_board(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    deploy = world.rolling("main", "api")
    name = deploy["serviceDeploymentArn"]
    describe = world.DescribeServiceDeployments
    hidden = {name}

    def without(serviceDeploymentArns: list[str]) -> Any:
        return describe([a for a in serviceDeploymentArns if a not in hidden])

    world.DescribeServiceDeployments = without  # type: ignore[method-assign]
    source = ecs()
    (row, *_) = settle(source, clock).deploys
    assert (row.read_from, row.new.short, row.state) == ("deployments[]", ":42", DeployState.IN_PROGRESS)
    with pytest.raises(errors.Refused, match="does not describe it yet"):
        made(source)
    hidden.clear()
    rows = run_for(source, clock, 60).deploys
    assert [d.read_from for d in rows] == ["service deployment"]
