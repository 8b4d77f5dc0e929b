"""A rollback's plan, check and write over the account in memory: what is pinned, what moved, who acts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_world import World, error, task_definition

from oncall_tui import errors
from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.journal import Journal
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call
from oncall_tui.providers.base import ActionHandler, ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.triage.triager import Rules, Triager

Make = Callable[..., EcsProvider]
TARGET = "prod/main/api"


def board(provider: EcsProvider) -> Board:
    reading = provider.read(ReadRequest())
    return merge(1, reading.at, (), (reading,))


def made(provider: EcsProvider, **more: Any) -> tuple[ActionHandler, Plan]:
    handler = provider.handlers()[Verb.ROLL_BACK]
    ask: dict[str, Any] = {"verb": Verb.ROLL_BACK, "target": TARGET, "version": "", "actor": Actor("Alice")}
    return handler, handler.plan(ActionRequest(**ask | more), board(provider))


def finished(world: World) -> None:
    """:42 has run for an hour, :41 for a week before it."""
    world.service("main", "api", number=42, age=3_600)
    world.deploy("main", "api", 40, 41, age=7 * 86_400)
    world.deploy("main", "api", 41, 42, age=3_600)


def test_what_is_sent_is_pinned_and_sent_by_who_acts(ecs: Make, world: World) -> None:
    deploy = world.rolling("main", "api")
    handler, plan = made(ecs(profile="", act_profile=""))
    assert plan.request["deploy"] == deploy["serviceDeploymentArn"]
    lines = dict(plan.lines)
    assert lines["account"] == "123456789012  eu-west-1"
    assert "stable until 30s ago, for 6d; 2 tasks of it still run" in lines["to"]
    assert lines["changes"] == "image api:v42 → api:v41 · memory 1024 → 512"
    handler.check(plan)
    assert not any(acting for _, _, acting in world.sent)
    handler.send(plan)
    assert world.sent[-1][2] is True
    assert handler.verify(plan, None).state is OutcomeState.PENDING


def test_a_finished_deploy_is_updated_back(ecs: Make, world: World, clock: FakeClock) -> None:
    finished(world)
    handler, plan = made(ecs())
    assert plan.commands == (
        f"aws ecs update-service --cluster main --service api --task-definition {task_definition('api', 41)} "
        "--region eu-west-1",
    )
    handler.check(plan)
    receipt = handler.send(plan)
    assert handler.verify(plan, receipt).message == "rolling back from :42 to :41 0/2"
    world.newest()["status"] = "SUCCESSFUL"
    first = world.services["main", "api"]["deployments"][0]
    first |= {"rolloutState": "COMPLETED", "runningCount": 2}
    del world.services["main", "api"]["deployments"][1:]
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "rolled back from :42 to :41, 2/2 running")
    assert check.evidence == f"{first['id']} 0 failed"


def test_an_update_that_does_not_arrive_may_still_come(ecs: Make, world: World, clock: FakeClock) -> None:
    finished(world)
    handler, plan = made(ecs())
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    clock.advance(30)
    check = handler.verify(plan, None)
    assert (check.message, check.absent) == (":42 still runs, and there is no newer deploy", True)
    world.deploy("main", "api", 42, 43, age=0.0, status="IN_PROGRESS")  # somebody else's excludes it
    check = handler.verify(plan, None)
    assert "somebody else's deploy" in check.message
    assert (check.state, check.absent) == (OutcomeState.FAILED, False)


def test_what_moved_is_said(ecs: Make, world: World) -> None:
    deploy = world.rolling("main", "api")
    handler, plan = made(ecs())
    deploy["status"] = "SUCCESSFUL"
    with pytest.raises(errors.Refused, match="moved: the deploy is succeeded now"):
        handler.check(plan)
    deploy["status"] = "IN_PROGRESS"
    world.deploy("main", "api", 42, 43, age=0.0, status="PENDING")
    with pytest.raises(errors.Refused, match="moved: a newer deploy"):
        handler.check(plan)


def test_a_throttled_re_read_stops_an_update_and_not_a_stop(ecs: Make, world: World) -> None:
    throttled = error("DescribeServices", "ThrottlingException")
    world.rolling("main", "api")
    handler, plan = made(ecs())
    world.refuse["DescribeServices"] = throttled
    handler.check(plan)
    world.refuse["DescribeServices"] = error("DescribeServices", "AccessDeniedException")
    with pytest.raises(errors.Refused, match="could not be read again"):
        handler.check(plan)
    world.refuse.clear()
    world.services.clear()
    world.deploys.clear()
    finished(world)
    handler, plan = made(ecs())
    world.refuse["DescribeServices"] = throttled
    with pytest.raises(errors.Refused, match="could not be read again"):
        handler.check(plan)


def test_an_inactive_target_is_refused_before_it_is_asked(ecs: Make, world: World) -> None:
    finished(world)
    world.inactive.add(task_definition("api", 41))
    with pytest.raises(errors.Refused, match="INACTIVE"):
        made(ecs())


def test_without_service_deployments_there_is_no_way_back(ecs: Make, world: World) -> None:
    finished(world)
    world.refuse["ListServiceDeployments"] = error("ListServiceDeployments", "AccessDeniedException")
    with pytest.raises(errors.Refused, match=r"cannot be read: .*needs ecs:ListServiceDeployments"):
        made(ecs())


def test_a_deploy_that_was_overtaken_is_not_the_target(ecs: Make, world: World) -> None:
    world.rolling("main", "api")
    provider = ecs()
    seen = board(provider)
    (deploy,) = seen.deploys.values()
    world.deploy("main", "api", 42, 43, age=0.0, status="PENDING")
    handler = provider.handlers()[Verb.ROLL_BACK]
    ask = ActionRequest(verb=Verb.ROLL_BACK, target=deploy.id, version=deploy.version, actor=Actor("Alice"))
    with pytest.raises(errors.Refused, match="a newer deploy, of :43"):
        handler.plan(ask, seen)


def test_what_was_shown_must_still_stand(ecs: Make, world: World) -> None:
    deploy = world.rolling("main", "api")
    provider = ecs()
    seen = board(provider)
    (row,) = seen.deploys.values()
    deploy["status"] = "SUCCESSFUL"
    ask = ActionRequest(verb=Verb.ROLL_BACK, target=row.id, version=row.version, actor=Actor("Alice"))
    with pytest.raises(errors.Refused, match="moved since it was shown: the deploy is succeeded now"):
        provider.handlers()[Verb.ROLL_BACK].plan(ask, seen)


def test_ecs_goes_elsewhere_than_was_shown(ecs: Make, world: World) -> None:
    deploy = world.rolling("main", "api")
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    other = world.revision("main", "api", "older", 40)
    deploy |= {"status": "ROLLBACK_SUCCESSFUL", "rollback": {"serviceRevisionArn": other}}
    service = world.services["main", "api"]
    service["deployments"] = [world.deployment("ecs-svc/back", task_definition("api", 40), 2, 0.0)]
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED  # ended, and elsewhere than was meant: that is not done
    assert "went back to :40, not to :41" in check.message


def test_what_was_read_for_minutes_is_not_called_lost_at_once(ecs: Make, world: World, clock: FakeClock) -> None:
    finished(world)
    handler, plan = made(ecs())
    clock.advance(300)  # the plan stood on screen for so long
    receipt = handler.send(plan)
    del world.deploys[world.newest()["serviceDeploymentArn"]]  # the list lags behind
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING
    clock.advance(200)
    assert "started no deploy" in handler.verify(plan, receipt).message


def test_a_quiet_service_can_be_restarted(ecs: Make, world: World) -> None:
    world.service("main", "api", number=42)
    provider = ecs()
    handler = provider.handlers()[Verb.RESTART]
    plan = handler.plan(
        ActionRequest(verb=Verb.RESTART, target=TARGET, version="", actor=Actor("Alice")), board(provider)
    )
    handler.check(plan)
    handler.send(plan)
    assert world.sent[-1][1] == {"cluster": "main", "service": "api", "forceNewDeployment": True}


def test_going_on_is_never_sent_without_a_re_read(ecs: Make, world: World) -> None:
    deploy = world.rolling("main", "api")
    deploy["lifecycleHookDetails"] = [{"hookId": "h-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"}]
    provider = ecs()
    handler = provider.handlers()[Verb.CONTINUE]
    plan = handler.plan(
        ActionRequest(verb=Verb.CONTINUE, target=TARGET, version="", actor=Actor("Alice")), board(provider)
    )
    world.refuse["DescribeServices"] = error("DescribeServices", "ThrottlingException")
    with pytest.raises(errors.Refused, match="could not be read again"):
        handler.check(plan)
    world.refuse.clear()
    handler.check(plan)
    handler.send(plan)
    assert world.sent[-1][1]["action"] == "CONTINUE"


def test_undoing_a_rollback_at_a_hook_answers_the_hook(ecs: Make, world: World) -> None:
    world.service("main", "api", number=41)
    for number, age in ((41, 9 * 86_400), (42, 3_600)):
        world.deploy("main", "api", number - 1, number, age=age)
    back = world.deploy("main", "api", 42, 41, age=60, status="IN_PROGRESS")
    back["lifecycleHookDetails"] = [{"hookId": "h-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"}]
    provider = ecs()
    handler = provider.handlers()[Verb.UNDO_ROLLBACK]
    ask = ActionRequest(verb=Verb.UNDO_ROLLBACK, target=TARGET, version="", actor=Actor("Alice"))
    plan = handler.plan(ask, board(provider))
    assert (plan.request["operation"], plan.confirm, plan.confirm_name) == (Call.HOOK, Confirm.NAME, "api")
    back["lifecycleStage"] = "CLEAN_UP"
    with pytest.raises(errors.Refused, match="being removed"):
        handler.plan(ask, board(provider))


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        ("SUCCESSFUL", OutcomeState.FAILED, "completed before the stop"),
        ("STOPPED", OutcomeState.FAILED, "was stopped, not rolled back"),
        ("ROLLBACK_FAILED", OutcomeState.FAILED, "could not roll"),
        ("ROLLBACK_IN_PROGRESS", OutcomeState.PENDING, "rolling back from :42 to :41 2/2"),
        ("STOP_REQUESTED", OutcomeState.PENDING, "being stopped"),
        ("IN_PROGRESS", OutcomeState.PENDING, "has not begun"),
    ],
)
def test_how_a_stop_can_end(ecs: Make, world: World, status: str, state: OutcomeState, words: str) -> None:
    deploy = world.rolling("main", "api")
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    deploy["status"] = status
    check = handler.verify(plan, receipt)
    assert check.state is state
    assert words in check.message


def ended(world: World, desired: int = 2) -> None:
    """What was sent is through: its tasks alone run."""
    world.newest()["status"] = "SUCCESSFUL"
    service = world.services["main", "api"]
    service["desiredCount"] = desired
    service["deployments"][0] |= {"rolloutState": "COMPLETED", "runningCount": desired, "desiredCount": desired}
    del service["deployments"][1:]
    service["runningCount"] = desired


@pytest.mark.parametrize("how", ["update", "stop"])
def test_a_rollback_of_what_was_scaled_to_zero_meanwhile_is_not_done(ecs: Make, world: World, how: str) -> None:
    deploy = world.rolling("main", "api") if how == "stop" else None
    if deploy is None:
        finished(world)
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    if deploy is not None:
        deploy |= {"status": "ROLLBACK_SUCCESSFUL"}
        service = world.services["main", "api"]
        service["deployments"] = [world.deployment("ecs-svc/back", task_definition("api", 41), 0, 0.0)]
        service |= {"desiredCount": 0, "runningCount": 0}
    else:
        ended(world, 0)
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED
    assert check.message == "rolled back from :42 to :41, but desired is 0 now: no task of :41 runs"


def test_a_rollback_of_what_wanted_no_task_before_says_that_none_runs(ecs: Make, world: World) -> None:
    finished(world)
    world.services["main", "api"] |= {"desiredCount": 0, "runningCount": 0}
    handler, plan = made(ecs())
    assert plan.warnings[0] == "desired is 0: no task of :41 will run until the service is scaled up"
    receipt = handler.send(plan)
    ended(world, 0)
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (
        OutcomeState.DONE,
        "rolled back from :42 to :41; desired is 0, as it was, so no task of it runs",
    )


def test_a_rollback_that_the_circuit_breaker_reverts_says_what_runs_again(ecs: Make, world: World) -> None:
    finished(world)
    handler, plan = made(ecs())
    receipt = handler.send(plan)
    reason = "ECS deployment circuit breaker: tasks failed to start."
    world.newest().update(status="ROLLBACK_SUCCESSFUL", statusReason=reason)
    service = world.services["main", "api"]
    service["deployments"] = [world.deployment("ecs-svc/again", task_definition("api", 42), 2, 0.0)]
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED
    assert check.message.startswith("ECS rolled back the deploy that was to go back, so :42 runs again")


@pytest.mark.parametrize("under_way", [False, True])
def test_the_plan_says_where_there_is_no_way_back_to_what_runs(ecs: Make, world: World, under_way: bool) -> None:
    if under_way:
        world.rolling("main", "api")
    else:
        finished(world)
    world.inactive.add(task_definition("api", 42))
    _, plan = made(ecs())
    assert ":42 is INACTIVE (deregistered): there is no way back to it" in plan.warnings


def test_a_word_of_ecs_on_placing_tasks_counts_while_tasks_are_missing_and_until_it_is_steady(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    finished(world)
    service = world.services["main", "api"]
    no_room = (
        "(service api) was unable to place a task because no container instance met all of its requirements. The "
        "closest matching (container-instance 5a) has insufficient CPU units available. For more information, see the "
        "Troubleshooting section of the Amazon ECS Developer Guide."
    )
    service["events"] = [{"id": "1", "createdAt": clock.now() - 60, "message": no_room}]
    assert made(ecs())[1].confirm is Confirm.YES  # all tasks run
    service["runningCount"] = 1
    _, plan = made(ecs())
    assert plan.confirm is Confirm.NAME
    assert plan.warnings[0] == (
        "ECS cannot place a task: no container instance met all of its requirements. The closest matching "
        "(container-instance 5a) has insufficient CPU units available (1m ago); no new deploy can help while that lasts"
    )
    steady = {"id": "2", "createdAt": clock.now() - 5, "message": "(service api) has reached a steady state."}
    service["events"].insert(0, steady)
    assert made(ecs())[1].confirm is Confirm.YES


def crashed(number: int, at: int, stopped: float, lived_s: float = 20.0, **more: Any) -> dict[str, Any]:
    """A stopped task of :*number*, the *at*-th."""
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/main/{number}{at:04d}",
        "taskDefinitionArn": task_definition("api", number),
        "stopCode": "EssentialContainerExited",
        "createdAt": stopped - lived_s,
        "stoppedAt": stopped,
        "containers": [{"name": "app", "exitCode": 1}],
    } | more


@pytest.mark.parametrize("verb", [Verb.ROLL_BACK, Verb.RESTART])
def test_a_crash_loop_is_never_quoted_as_its_one_good_moment(
    ecs: Make, world: World, clock: FakeClock, verb: Verb
) -> None:
    """ECS counts a failed task no more once one ran: what stopped lately is read beside it."""
    finished(world)
    now = clock.now()
    world.tasks["main", "api"] = [
        *(crashed(42, i, now - 20.0 * i - 5) for i in range(9)),
        crashed(42, 20, now - 2_000),  # too long ago
        crashed(41, 21, now - 30),  # of another revision
        crashed(42, 22, now - 30, stopCode="ServiceSchedulerInitiated"),  # scaled in
    ]
    _, plan = made_by(ecs(), verb)
    line = dict(plan.lines)["from" if verb is Verb.ROLL_BACK else "restarts"]
    assert "2/2 running now, but 9 tasks stopped in the last 5m" in line
    assert "healthy" not in plan.stands
    assert plan.stands.endswith("2 of 2 tasks run, 9 tasks stopped in the last 5m")


def made_by(provider: EcsProvider, verb: Verb) -> tuple[ActionHandler, Plan]:
    handler = provider.handlers()[verb]
    ask = ActionRequest(verb=verb, target=TARGET, version="", actor=Actor("Alice"))
    return handler, handler.plan(ask, board(provider))


def test_a_crash_of_an_earlier_deploy_of_the_same_revision_is_not_this_ones(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    finished(world)
    world.deploy("main", "api", 42, 42, age=120)
    now = clock.now()
    world.tasks["main", "api"] = [crashed(42, 1, now - 200), crashed(42, 2, now - 100, 60), crashed(42, 3, now - 50, 9)]
    _, plan = made_by(ecs(), Verb.RESTART)
    assert "2/2 running now, but 1 task stopped in the last 2m" in dict(plan.lines)["restarts"]


def test_a_plan_says_one_span_as_the_board_does_and_but_only_where_something_runs(
    ecs: Make, world: World, clock: FakeClock
) -> None:
    finished(world)
    clock.advance(47 * 3600.0 + 10)  # it began 2 days ago, and ended 2 minutes later
    world.tasks["main", "api"] = [crashed(42, i, clock.now() - 20.0 * i - 5) for i in range(3)]
    _, plan = made(ecs())
    assert "2/2 running now, but 3 tasks stopped in the last 5m, current for 2d" in dict(plan.lines)["from"]
    assert plan.stands.startswith(":42 has run for 2d")
    world.services["main", "api"]["deployments"][0] |= {"runningCount": 0}
    world.services["main", "api"] |= {"runningCount": 0}
    _, plan = made(ecs())
    assert "0/2 running now, 3 tasks stopped in the last 5m, current for 2d" in dict(plan.lines)["from"]


def test_stopped_tasks_that_cannot_be_read_hold_up_no_plan(ecs: Make, world: World) -> None:
    finished(world)
    world.refuse["ListTasks"] = error("ListTasks", "AccessDeniedException")
    _, plan = made(ecs())
    assert "2/2 running, current for" in dict(plan.lines)["from"]
    assert "healthy" not in plan.stands
    assert plan.stands.endswith("stopped tasks not loaded")


# --- a DAEMON service: ECS itself reports how many tasks it wants, one on each instance that matches ------------------


def daemon(world: World, desired: int, running: int) -> None:
    finished(world)
    service = world.services["main", "api"]
    service |= {"schedulingStrategy": "DAEMON", "desiredCount": desired, "runningCount": running}
    service["deployments"][0] |= {"desiredCount": desired, "runningCount": running}


@pytest.mark.parametrize(
    ("desired", "running", "health"), [(3, 3, "healthy"), (3, 2, "degraded"), (3, 0, "down"), (0, 0, "stopped")]
)
def test_a_daemons_health_is_by_the_count_that_ecs_reports(
    ecs: Make, world: World, desired: int, running: int, health: str
) -> None:
    daemon(world, desired, running)
    (row,) = board(ecs()).services.values()
    assert (row.health, row.desired, row.running) == (health, desired, running)


@pytest.mark.parametrize(
    ("desired", "running", "stands"),
    [
        (3, 3, ":42 has run for 1h and its tasks are healthy"),
        (3, 2, ":42 has run for 1h, 2 of 3 tasks run"),
        (0, 0, "desired is 0, and no task of :42 is wanted"),
    ],
)
@pytest.mark.parametrize("verb", [Verb.ROLL_BACK, Verb.RESTART])
def test_a_daemons_plan_counts_as_ecs_does(
    ecs: Make, world: World, verb: Verb, desired: int, running: int, stands: str
) -> None:
    daemon(world, desired, running)
    _, plan = made_by(ecs(), verb)
    assert f"{running}/{desired} running" in str(plan.lines)
    assert plan.stands == stands
    scaled = [w for w in plan.warnings if "desired is 0" in w]
    what = "41" if verb is Verb.ROLL_BACK else "42"
    words = f"desired is 0: no task of :{what} will run until a container instance matches it"
    assert scaled == ([words] if not desired else [])
    assert not any("scaled up" in w for w in plan.warnings)


def test_a_daemons_rollback_is_done_when_each_instance_has_its_task(ecs: Make, world: World, clock: FakeClock) -> None:
    daemon(world, 3, 3)
    handler, plan = made(ecs())
    service = world.services["main", "api"]
    service["desiredCount"] = 4  # an instance came meanwhile: a count is nothing that moved
    handler.check(plan)
    receipt = handler.send(plan)
    world.newest()["status"] = "SUCCESSFUL"
    first = service["deployments"][0]
    first |= {"rolloutState": "COMPLETED", "runningCount": 3}
    del service["deployments"][1:]
    service["runningCount"] = 3
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING
    first["runningCount"] = service["runningCount"] = 4
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "rolled back from :42 to :41, 4/4 running")
    service |= {"desiredCount": 0, "runningCount": 0}
    first |= {"desiredCount": 0, "runningCount": 0}
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED
    assert check.hint == "check its health once a container instance matches it"


@pytest.mark.parametrize(("running", "why"), [(3, "and its tasks are healthy"), (2, "2 of 3 tasks run")])
def test_a_daemon_that_nothing_suspects_wants_its_name_typed(
    ecs: Make, world: World, tmp_path: Path, running: int, why: str
) -> None:
    daemon(world, 3, running)
    provider = ecs()
    _, plan = made_by(provider, Verb.ROLL_BACK)
    triaged = Triager(Rules()).triage(board(provider))
    journal = Journal(tmp_path / "journal.db", SystemClock().now)
    dressed = PlanEnricher(lambda: triaged, journal, Actor("Alice")).enrich(plan)
    journal.close(1.0)
    assert (dressed.confirm, dressed.confirm_name) == (Confirm.NAME, "api")
    assert dressed.warnings[0].startswith("no deploy is suspected, no alerts for it: :42 has run for 1h")
    assert dressed.warnings[0].endswith(why)


def test_of_a_young_deploy_its_stopped_tasks_are_counted_once(ecs: Make, world: World, clock: FakeClock) -> None:
    made_now = world.rolling("main", "api", age=40.0)
    made_now["deploymentCircuitBreaker"] = {"status": "MONITORING", "failureCount": 4, "threshold": 9}
    world.tasks["main", "api"] = [crashed(42, i, clock.now() - 5, 9) for i in range(3)]
    _, plan = made(ecs())
    assert "1/2 running now, but 4 tasks failed, deploying for 40s" in dict(plan.lines)["from"]
