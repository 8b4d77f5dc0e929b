"""The deploys of a service's past, as a scenario tells them, and what runs since the last of them.

Times are seconds since the epoch, UTC.
"""

from typing import Any, NamedTuple

from oncall_tui.simulator.services.aws.ecs.model import (
    Deployment,
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsRevision,
    SimulatedEcsService,
    SimulatedEcsTask,
    TaskDefinition,
)

Table = dict[str, Any]
DAY = 86400.0  # seconds
_REASONS = {
    "SUCCESSFUL": "Service deployment completed.",
    "STOPPED": "Service deployment stopped.",
    "ROLLBACK_SUCCESSFUL": "Service deployment rolled back because of a user's request.",
}


class EarlierDeploy(NamedTuple):
    """One deploy of the past. `at` is epoch seconds."""

    definition: TaskDefinition
    at: float
    minutes: float = 3.0
    status: str = "SUCCESSFUL"
    reason: str = ""
    settings: Table = {}
    push: str = ""
    breaker: bool = False
    alarm: str = ""


def past_deploys(
    spec: Table, family: dict[int, TaskDefinition], current: TaskDefinition, now: float, age: float
) -> list[EarlierDeploy]:
    """The scenario's `history`, or, where it has none, a good deploy of each earlier task definition, oldest first.

    Raises ValueError.
    """
    settings = spec.get("settings", {})
    if "history" not in spec:
        earlier = [family[n] for n in sorted(family) if n < current.number][-3:]
        ats = [now - age - 14 * DAY * (len(earlier) - index) for index in range(len(earlier))]
        return [EarlierDeploy(it, at, settings=settings) for it, at in zip(earlier, ats, strict=True)] + [
            EarlierDeploy(current, now - age, settings=settings)
        ]
    found = []
    for entry in spec["history"]:
        if entry["revision"] not in family:
            raise ValueError(f"history: no task definition {entry['revision']}: expected one of {sorted(family)}")
        found.append(
            EarlierDeploy(
                family[entry["revision"]],
                now - DAY * entry["days"],
                float(entry.get("minutes", 3.0)),
                entry.get("status", "SUCCESSFUL"),
                entry.get("reason", ""),
                entry.get("settings", settings),
                str(entry.get("push", "")),
                bool(entry.get("breaker", False)),
                entry.get("alarm", ""),
            )
        )
    return sorted(found, key=lambda it: it.at)


def lay_history(
    account: SimulatedEcsAccount, service: SimulatedEcsService, past: list[EarlierDeploy], current: TaskDefinition
) -> None:
    """Service deployments (an ECS controller's alone), newest first in the end, and the tasks that run.

    ValueError where the last left something else running than `current`, or nothing for sure.
    """
    good: SimulatedEcsRevision | None = None
    since = 0.0
    for it in past:
        revision = account.revise(service, it.definition, it.at, it.settings, it.push)
        if service.controller == "ECS":
            account.record(service, _deployment(account, service, revision, good, it))
        if it.status == "SUCCESSFUL":
            good, since = revision, it.at
    if good is None or past[-1].status not in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL"):
        raise ValueError("history: expected it to end with a deploy that is SUCCESSFUL or ROLLBACK_SUCCESSFUL")
    if good.definition is not current:
        raise ValueError(f"history: leaves {good.definition.number} running, but revision is {current.number}")
    service.good = good
    lay_rollout(account, service, good, since)


def lay_rollout(
    account: SimulatedEcsAccount,
    service: SimulatedEcsService,
    revision: SimulatedEcsRevision,
    since: float,
    scale: float = 100.0,
) -> Rollout:
    """A rollout or a task set whose tasks run; the first is primary."""
    rollout = Rollout(f"ecs-svc/{account.decimal_id()}", revision, since, since + 120, "COMPLETED", scale=scale)
    rollout.reason = f"ECS deployment {rollout.id} completed."
    service.rollouts.append(rollout)
    rollout.weight = 100.0 if service.shifts and rollout is service.primary else 0.0
    for _ in range(service.wanted(rollout)):
        arn = account.arn(f"task/{service.cluster.name}/{account.hex_id()}")
        task = SimulatedEcsTask(arn, revision, rollout.id, since + 5)
        task.last_status, task.started_at = "RUNNING", since + 40
        service.tasks.append(task)
    return rollout


def _deployment(
    account: SimulatedEcsAccount,
    service: SimulatedEcsService,
    revision: SimulatedEcsRevision,
    good: SimulatedEcsRevision | None,
    it: EarlierDeploy,
) -> Deployment:
    arn = account.arn(f"service-deployment/{service.cluster.name}/{service.name}/{account.hex_id(20)}")
    reason = it.reason or _REASONS.get(it.status, "")
    deployment = Deployment(arn, revision, [good] if good else [], it.at, it.status, reason)
    deployment.started_at, deployment.finished_at = it.at + 1, it.at + 60 * it.minutes
    deployment.updated_at = deployment.finished_at
    deployment.breaker_status = "MONITORING_COMPLETE" if service.breaker.enable else "DISABLED"
    deployment.watched = "MONITORING_COMPLETE" if service.strategy.alarms.enable else "DISABLED"
    deployment.stage = "CLEAN_UP" if service.strategy.shifts else None
    if it.status != "SUCCESSFUL":
        deployment.stopped_at = deployment.finished_at - 30
    if it.breaker:
        deployment.breaker_status, deployment.failures = "TRIGGERED", service.breaker.threshold
        deployment.reason = "Service deployment rolled back because the circuit breaker threshold was exceeded."
    if it.alarm:
        deployment.watched, deployment.triggered = "TRIGGERED", [it.alarm]
        deployment.reason = "Service deployment rolled back because an alarm was triggered."
    if it.status.startswith("ROLLBACK"):
        if good is None:
            raise ValueError("history: a rollback with nothing good before it")
        began = deployment.finished_at - 30
        deployment.rollback = {"reason": deployment.reason, "startedAt": began, "serviceRevisionArn": good.arn}
    return deployment
