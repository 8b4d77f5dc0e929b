"""ECS's answers -> the rows of the domain. Pure: no call is made here. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import Deploy, DeployState, TaskFailure
from oncall_tui.domain.revision import Build, Image, Revision
from oncall_tui.domain.service import Health, Service, ServiceKey
from oncall_tui.domain.service_detail import stop_failed
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.ecs import revision_schema as r
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.text.short_ids import short_ids
from oncall_tui.text.time_format import local_time

EVENTS_KEPT = 5
ROLL_BACK = frozenset({Verb.ROLL_BACK})
ON_SERVICE = frozenset({Verb.ROLL_BACK, Verb.RESTART})  # CodeDeploy's services cannot be restarted by ECS
NO_VERBS: frozenset[Verb] = frozenset()

STATES = {
    "PENDING": DeployState.PENDING,
    "IN_PROGRESS": DeployState.IN_PROGRESS,
    "SUCCESSFUL": DeployState.SUCCEEDED,
    "STOPPED": DeployState.STOPPED,
    "STOP_REQUESTED": DeployState.STOPPING,
    "ROLLBACK_REQUESTED": DeployState.ROLLING_BACK,
    "ROLLBACK_IN_PROGRESS": DeployState.ROLLING_BACK,
    "ROLLBACK_SUCCESSFUL": DeployState.ROLLED_BACK,
    "ROLLBACK_FAILED": DeployState.ROLLBACK_FAILED,
}
ROLLOUT = {
    "IN_PROGRESS": DeployState.IN_PROGRESS,
    "COMPLETED": DeployState.SUCCEEDED,
    "FAILED": DeployState.FAILED,
}


def service_id(source: str, service: w.EcsService) -> str:
    """``SOURCE/CLUSTER/NAME``."""
    return f"{source}/{arn.parse(service.cluster_arn).name}/{service.service_name}"


def deploy_id(source: str, native: str) -> str:
    """``SOURCE/CLUSTER/SERVICE/ID`` of a service deployment's ARN, ``SOURCE/ecs-svc/N`` of a deployment's id."""
    path = arn.parse(native).path if native.startswith("arn:") else (native,)
    return "/".join((source, *path))


# --- revisions --------------------------------------------------------------------------------------------------------


def revision(
    task_definition: str,
    made: r.EcsServiceRevision | None = None,
    definition: w.EcsTaskDefinition | None = None,
    build: Build | None = None,
) -> Revision:
    """One revision from as much as was read of it: a service revision knows digests, a task definition the settings."""
    images: tuple[Image, ...] = ()
    if made is not None and made.container_images:
        images = tuple(Image(i.container_name, i.image, i.image_digest) for i in made.container_images)
    elif definition is not None:
        images = tuple(Image(c.name, c.image) for c in definition.container_definitions)
    return Revision(
        task_definition=intern(made.task_definition if made and made.task_definition else task_definition),
        arn=made.service_revision_arn if made else "",
        images=images,
        settings=settings(definition) if definition else (),
        status=definition.status if definition else "",
        build=build,
    )


def settings(definition: w.EcsTaskDefinition) -> tuple[tuple[str, str], ...]:
    """Comparable facts: sizes, ports, roles, and the names (never values) of environment variables and secrets."""
    found = [("cpu", definition.cpu), ("memory", definition.memory), ("network", definition.network_mode)]
    found += [("task role", definition.task_role_arn), ("execution role", definition.execution_role_arn)]
    many = len(definition.container_definitions) > 1
    for container in definition.container_definitions:
        before = f"{container.name} " if many else ""
        memory = container.memory or container.memory_reservation or 0
        found += [
            (f"{before}container cpu", str(container.cpu or "")),
            (f"{before}container memory", str(memory or "")),
            (f"{before}ports", " ".join(f"{p.container_port}/{p.protocol or 'tcp'}" for p in container.port_mappings)),
            (f"{before}environment", " ".join(sorted(v.name for v in container.environment))),
            (f"{before}secrets", " ".join(sorted(v.name for v in container.secrets))),
            (f"{before}environment files", str(len(container.environment_files) or "")),
        ]
    return tuple((name, value) for name, value in found if value)


# --- deploys ----------------------------------------------------------------------------------------------------------


def primary(service: w.EcsService) -> w.EcsDeployment | None:
    """The deployment that is meant to stay."""
    return next((d for d in service.deployments if d.status == "PRIMARY"), None)


def rollout(service: w.EcsService, deployment: w.EcsDeployment) -> DeployState:
    """Return the state of a deployment of ``deployments[]``. ``rolloutState`` is promised for rolling deploys alone."""
    if deployment.rollout_state in ROLLOUT:
        return ROLLOUT[deployment.rollout_state]
    moving = len(service.deployments) > 1 or deployment.running_count != deployment.desired_count
    return DeployState.IN_PROGRESS if moving else DeployState.SUCCEEDED


def running_definition(service: w.EcsService) -> str:
    """The task definition that is meant to run: of the PRIMARY task set or deployment where the service names none."""
    leads = next((t for t in service.task_sets if t.status == "PRIMARY"), None)
    first = primary(service)
    return (
        service.task_definition or (leads.task_definition if leads else "") or (first.task_definition if first else "")
    )


def tasks_of(service: w.EcsService, definition: str) -> int:
    """Tasks of that task definition that run now."""
    deployed = sum(d.running_count for d in service.deployments if d.task_definition == definition)
    return deployed + sum(t.running_count for t in service.task_sets if t.task_definition == definition)


def most_tasks(service: w.EcsService) -> str:
    """The task definition that most tasks run; the one that is to run where it has as many as any, or none runs."""
    meant = running_definition(service)
    names = [d.task_definition for d in service.deployments] + [t.task_definition for t in service.task_sets]
    return max((meant, *names), key=lambda name: tasks_of(service, name))


def deploying(service: w.EcsService) -> bool:
    """Return whether ``DescribeServices`` itself shows a rollout."""
    if service.task_sets:
        return sum(t.status in ("PRIMARY", "ACTIVE") for t in service.task_sets) > 1
    first = primary(service)
    others = any(d.status in ("PRIMARY", "ACTIVE") for d in service.deployments if d is not first)
    return others or (first is not None and first.rollout_state == "IN_PROGRESS")


def failed_tasks(
    service: w.EcsService, task_definition: str, made: w.EcsServiceDeployment, briefs: Iterable[w.EcsBrief]
) -> int:
    """Failed tasks that ``deployments[]`` counts for *made*, of *briefs*; 0 where it has no entry of that deploy.

    No answer ties the two: an entry is of the deploy that was created nearest to it. So of two deploys of one task
    definition each has its own count, and tasks that ECS started to go back count for no earlier deploy.
    """
    created = [*(b.created_at for b in briefs), made.created_at]
    return sum(
        d.failed_tasks
        for d in service.deployments
        if d.task_definition == task_definition
        and min(created, key=lambda at: abs(at - d.created_at)) == made.created_at
    )


class StageStart(msgspec.Struct, frozen=True):
    """When a deploy came to where it is; *about* so where it was there already when it was first read."""

    at: float
    about: bool


def stage_start(made: w.EcsServiceDeployment, seen_before: bool, now: float) -> StageStart:
    """The start of what is read of a deploy for the first time *now*: *seen_before* without it, or not at all.

    ECS does not say when a stage began. Its last update is that, until something else is updated.
    """
    return StageStart(min(made.updated_at or now, now), not seen_before)


def bakes(made: w.EcsServiceDeployment) -> bool:
    """Return whether it is in its bake time."""
    return made.lifecycle_stage == "BAKE_TIME" and made.status == "IN_PROGRESS"


def has_all_traffic(made: w.EcsServiceDeployment) -> bool:
    """Return whether all production traffic goes to its new tasks, though it is not over."""
    weight = made.target_service_revision.requested_production_traffic_weight if made.target_service_revision else None
    full = weight is not None and weight >= 100
    return bakes(made) or (full and made.strategy != "ROLLING" and made.status == "IN_PROGRESS")


def from_service_deployment(
    source: str,
    service: w.EcsService,
    made: w.EcsServiceDeployment,
    *,
    new: Revision,
    old: Revision | None,
    first: bool,
    rollback: str,
    rollback_to: str,
    failures: tuple[TaskFailure, ...],
    failed: int,
    started_by: str,
    can_act: bool,
    now: float,
    bake: StageStart | None = None,
    full: StageStart | None = None,
) -> Deploy:
    """A row of one of DescribeServiceDeployments; *failed* is how many of its tasks failed, as counted or seen."""
    configuration = made.deployment_configuration or w.EcsConfiguration()
    hook, minutes = made.waiting, configuration.bake_time_in_minutes
    target = made.target_service_revision or w.EcsSummary()
    breaker = made.deployment_circuit_breaker
    state = STATES.get(made.status, DeployState.UNKNOWN)
    counted = bool(breaker and breaker.threshold and breaker.status != "DISABLED")
    reasons = (made.rollback.reason if made.rollback else "", made.status_reason, _alarms(made))
    return Deploy(
        id=deploy_id(source, made.service_deployment_arn),
        source=source,
        native_id=made.service_deployment_arn,
        service_id=service_id(source, service),
        state=state,
        new=new,
        old=old,
        first=first,
        started=made.started_at or made.created_at,
        status=made.status,
        strategy=configuration.strategy.lower().replace("_", "-"),
        stage=made.lifecycle_stage.lower().replace("_", " "),
        traffic=target.requested_production_traffic_weight if configuration.strategy != "ROLLING" else None,
        bake_until=bake.at + minutes * 60 if bake and minutes else None,
        bake_about=bake.about if bake else full.about if full else False,
        all_traffic_since=full.at if full else None,
        steps=_steps(configuration),
        waits=_paused(made, hook, now) if hook else "",
        alarms=_watched(configuration),
        finished=made.finished_at or made.stopped_at,
        desired=target.requested_task_count or service.desired_count,
        running=target.running_task_count,
        pending=target.pending_task_count,
        old_running=sum(r.running_task_count for r in made.source_service_revisions if r.arn != target.arn),
        failed_tasks=max(breaker.failure_count if breaker else 0, failed),
        failures=failures,
        breaker=f"{breaker.failure_count}/{breaker.threshold}" if breaker and counted else "",
        reason=short_ids(next((r for r in reasons if r), "")),
        started_by=started_by,
        rollback=rollback,
        rollback_to=rollback_to,
        verbs=_verbs(state, first, rollback, hook) if can_act else NO_VERBS,
    )


def _verbs(state: DeployState, first: bool, rollback: str, hook: w.EcsHook | None) -> frozenset[Verb]:
    """Return the verbs that the state allows. The plan checks for the newest deploy and for sense."""
    found = set()
    if not first:
        found.add(Verb.ROLL_BACK)
    if hook is not None and state is DeployState.IN_PROGRESS:
        found.add(Verb.CONTINUE)
    if rollback and state is not DeployState.ROLLING_BACK:
        found.add(Verb.UNDO_ROLLBACK)
    return frozenset(found)


def _steps(configuration: w.EcsConfiguration) -> str:
    """``5% for 10m, then 100%``, ``10% every 6m``: how traffic is shifted; empty where that is not told."""
    canary, linear = configuration.canary_configuration, configuration.linear_configuration
    if configuration.strategy == "CANARY" and canary is not None:
        first = f" for {minutes}m" if (minutes := canary.canary_bake_time_in_minutes) else ""
        return f"{canary.canary_percent:g}%{first}, then 100%"
    if configuration.strategy == "LINEAR" and linear is not None:
        every = f"every {minutes}m" if (minutes := linear.step_bake_time_in_minutes) else "at a time"
        return f"{linear.step_percent:g}% {every}"
    return ""


def _paused(made: w.EcsServiceDeployment, hook: w.EcsHook, now: float) -> str:
    stage = made.lifecycle_stage.lower().replace("_", " ")
    until = ""
    if hook.expires_at:
        until = f", else {hook.timeout_action.lower() or 'it times out'} {when(hook.expires_at, now)}"
    return f"paused at its hook in {stage or 'this deploy'}{until}"


def when(at: float, now: float) -> str:
    """``at 02:41 JST``, ``at 29 Nov 02:41 JST``: a row is kept for long, and what is left of a time would not be so."""
    return f"at {local_time(at, now)}"


def _watched(configuration: w.EcsConfiguration) -> tuple[str, ...]:
    alarms = configuration.alarms
    return tuple(alarms.alarm_names) if alarms and alarms.enable else ()


def _alarms(made: w.EcsServiceDeployment) -> str:
    names = made.alarms.triggered_alarm_names if made.alarms else []
    return f"alarm {', '.join(names)}" if names else ""


def from_deployments(
    source: str,
    service: w.EcsService,
    revise: dict[str, Revision],
    failures: tuple[TaskFailure, ...],
    started_by: str,
) -> tuple[Deploy, ...]:
    """The deploy that ``deployments[]`` shows, where service deployments cannot be read: the newest, no history."""
    first = primary(service)
    if first is None:
        return ()
    others = sorted((d for d in service.deployments if d is not first), key=lambda d: d.created_at, reverse=True)
    before = next((d for d in others if d.task_definition != first.task_definition), None)
    failed = next((d for d in others if d.rollout_state == "FAILED"), None)
    arrow = f"going back from {revision(failed.task_definition).short}" if failed else ""
    state = rollout(service, first)
    row = Deploy(
        id=deploy_id(source, first.id),
        source=source,
        native_id=first.id,
        service_id=service_id(source, service),
        state=state,
        new=revise.get(first.task_definition) or revision(first.task_definition),
        old=(revise.get(before.task_definition) or revision(before.task_definition)) if before else None,
        started=first.created_at,
        status=first.rollout_state or first.status,
        strategy=strategy(service),
        finished=None if state.running else (first.updated_at or None),
        desired=first.desired_count,
        running=first.running_count,
        pending=first.pending_count,
        old_running=sum(d.running_count for d in others),
        failed_tasks=first.failed_tasks,
        failures=failures,
        reason=short_ids((failed or first).rollout_state_reason),
        started_by=started_by,
        rollback=arrow,
        read_from="deployments[]",
    )
    return (row,)


def from_task_sets(source: str, service: w.EcsService) -> tuple[Deploy, ...]:
    """The deploy that the task sets of a CODE_DEPLOY or EXTERNAL service show."""
    sets = sorted(service.task_sets, key=lambda t: t.created_at, reverse=True)
    if not sets:
        return ()
    newest, others = sets[0], sets[1:]
    state = DeployState.IN_PROGRESS if deploying(service) else DeployState.SUCCEEDED
    row = Deploy(
        id=deploy_id(source, newest.id),
        source=source,
        native_id=newest.external_id or newest.id,
        service_id=service_id(source, service),
        state=state,
        new=revision(newest.task_definition),
        old=revision(others[0].task_definition) if others else None,
        started=newest.created_at,
        status=newest.stability_status or newest.status,
        strategy=service.controller.lower().replace("_", "-"),
        finished=None if state.running else (newest.updated_at or None),
        desired=newest.computed_desired_count,
        running=newest.running_count,
        pending=newest.pending_count,
        old_running=sum(t.running_count for t in others),
        started_by=newest.started_by,
        read_from="taskSets",
    )
    return (row,)


def strategy(service: w.EcsService) -> str:
    """``rolling``, ``blue-green``, …"""
    made = service.deployment_configuration
    return (made.strategy if made else "ROLLING").lower().replace("_", "-")


def failure(task: w.EcsTask) -> TaskFailure | None:
    """Why a stopped task failed; None where it was stopped by others (scaling in, a deploy's end, a sick machine)."""
    ended = next((c for c in task.containers if c.exit_code), None) or next(
        (c for c in task.containers if c.reason), None
    )
    code = ended.exit_code if ended else next((c.exit_code for c in task.containers if c.exit_code is not None), None)
    if not stop_failed(task.stop_code, task.stopped_reason, code):
        return None
    reason = (ended.reason if ended else "") or task.stopped_reason or task.stop_code
    at = task.stopped_at or task.stopping_at or 0.0
    return TaskFailure(arn.parse(task.task_arn).name, at, short_ids(reason), code)


# --- services ---------------------------------------------------------------------------------------------------------


def health(service: w.EcsService, running_deploy: bool, failed: int, first_deploy: bool) -> Health:
    """Return the health, from the tasks and a deploy under way (with *failed* tasks)."""
    if service.desired_count == 0 and service.running_count == 0:
        return Health.STOPPED
    if service.running_count == 0 and not (running_deploy and first_deploy and not failed):
        return Health.DOWN
    if running_deploy:
        return Health.DEGRADED if failed else Health.DEPLOYING
    return Health.DEGRADED if service.running_count < service.desired_count else Health.HEALTHY


def may_be_first(deploy: Deploy) -> bool:
    """Return whether it may be the service's first deploy, because its source does not tell the revision before."""
    return deploy.first or (deploy.old is None and deploy.read_from != "service deployment")


def to_service(
    source: str,
    service: w.EcsService,
    read_at: float,
    deploys: Iterable[Deploy],
    note: str,
    account: str,
    can_act: bool,
    current: Revision | None = None,
    running: Revision | None = None,
) -> Service:
    """A row of one of DescribeServices; *deploys* are its own, newest first.

    *current* is the revision that is to run, *running* the one that most tasks run, where that is another.
    """
    at = arn.parse(service.service_arn)
    newest = next(iter(deploys), None)
    first = primary(service)
    moving = newest.state.running if newest else deploying(service)
    failed = newest.failed_tasks if newest else (first.failed_tasks if first else 0)
    began = newest.started if newest else (first.created_at if first else None)
    key = ServiceKey(intern(account or at.account), at.region, intern(arn.parse(service.cluster_arn).name), at.name)
    return Service(
        id=intern(service_id(source, service)),
        source=source,
        key=key,
        health=health(service, moving, failed, newest is None or may_be_first(newest)),
        desired=service.desired_count,
        running=service.running_count,
        pending=service.pending_count,
        revision=running or current or revision(running_definition(service)),
        meant=(current or revision(running_definition(service))) if running else None,
        meant_running=tasks_of(service, running_definition(service)) if running else 0,
        read_at=read_at,
        controller=service.controller,
        mode=service.mode,
        status=service.status,
        deploy_id=newest.id if newest else "",
        last_deploy=began,
        went_back_at=newest.finished if newest and newest.state is DeployState.ROLLED_BACK else None,
        events=tuple((e.created_at, short_ids(e.message)) for e in service.events[:EVENTS_KEPT]),
        note=note,
        verbs=(ON_SERVICE if service.controller == "ECS" else ROLL_BACK) if can_act else NO_VERBS,
    )
