"""Puts services into an account as a scenario describes them, at rest and with a history.

Times are seconds since the epoch, UTC.
"""

import math
from dataclasses import replace
from typing import Any

from oncall_tui.simulator.services.aws.ecs.history import DAY, EarlierDeploy, lay_history, lay_rollout, past_deploys
from oncall_tui.simulator.services.aws.ecs.model import (
    EVENTS_KEPT,
    FAILURES,
    Breaker,
    SimulatedEcsAccount,
    SimulatedEcsFailure,
    SimulatedEcsService,
    TaskDefinition,
)
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.services.aws.ecs.strategy import strategy

Table = dict[str, Any]


def lay_service(
    spec: Table, cluster_name: str, name: str, account: SimulatedEcsAccount, mover: Mover
) -> tuple[SimulatedEcsService, list[EarlierDeploy]]:
    """A service of a scenario at rest: its task definitions, its tasks; and the deploys of its past.

    Raises ValueError.
    """
    cluster = account.cluster(cluster_name)
    now, number = mover.now(), int(spec.get("revision", 12))
    deployed = [entry["days"] for entry in spec.get("history", []) if entry["revision"] == number]
    age = DAY * float(spec.get("days", max(deployed, default=6.0)))
    role = f"arn:aws:iam::{account.number}:role/{spec.get('by', 'ci-deployer')}"
    service = SimulatedEcsService(
        name,
        cluster,
        account.arn(f"service/{cluster_name}/{name}"),
        int(spec.get("desired", 2)),
        now if spec.get("first") else now - age - 200 * DAY,
        role,
        _breaker(spec.get("breaker", {})),
        float(spec.get("start_s", 4.0)),
        float(spec.get("steady_s", 10.0)),
        int(spec.get("port", 8080)),
        tags={"product": name.partition("-")[0]} | spec.get("tags", {}),
        strategy=strategy(spec),
        hold={key: float(value) if value else math.inf for key, value in spec.get("hold", {}).items()},
    )
    service.exec, service.express = bool(spec.get("exec", False)), bool(spec.get("express", False))
    service.log_per_s = float(spec.get("log_per_s", service.log_per_s))
    service.controller = spec.get("controller", "ECS")
    cluster.services[name] = service
    current = _define(account, service, spec, number, now - 300 if spec.get("first") else now - age - 300)
    others = spec.get("definitions", {})
    _define_others(others, spec, account, service, number, now, age)
    if spec.get("first"):
        if service.controller != "ECS":
            raise ValueError(f"first: not of a {service.controller} service")
        mover.deploy(service, account.revise(service, current, now))
        return service, []
    if not any(int(key) < number for key in others) and number > 1:
        before = spec | {"image": _earlier(spec.get("image", "v1.0.0"))}
        _define(account, service, before, number - 1, now - age - 14 * DAY)
    past = past_deploys(spec, account.families[current.family], current, now, age)
    lay_history(account, service, past, current)
    for it in spec.get("task_sets", []):
        _task_set(account, service, it, now)
    count = min(int(spec.get("events", 3)), EVENTS_KEPT)
    service.past = lambda: past_events(account, service, now, count)
    return service, past


def _define_others(
    others: Table,
    spec: Table,
    account: SimulatedEcsAccount,
    service: SimulatedEcsService,
    number: int,
    now: float,
    age: float,
) -> None:
    """Make the task definitions beside that of *number*, which has run for *age* seconds. Raises ValueError."""
    for key, changes in others.items():
        if not key.isdigit():
            raise ValueError(f"definitions: expected the number of a task definition, got {key!r}")
        merged = {k: v for k, v in spec.items() if k not in ("days", "fails", "inactive")} | changes
        merged |= {name: spec.get(name, {}) | changes.get(name, {}) for name in ("environment", "labels")}
        days = float(changes.get("days", 0.02 if int(key) > number else (age / DAY) + 14 * (number - int(key))))
        _define(account, service, merged, int(key), now - days * DAY)


def _task_set(account: SimulatedEcsAccount, service: SimulatedEcsService, given: Table, now: float) -> None:
    """One beside the primary one."""
    held = account.families[service.primary.revision.definition.family]
    if service.controller != "EXTERNAL" or given["revision"] not in held:
        raise ValueError("task_sets: expected an EXTERNAL service, and task definitions that it has")
    revision = account.revise(service, held[given["revision"]], now - DAY)
    lay_rollout(account, service, revision, now - DAY, float(given.get("scale", 0.0)))


def past_events(account: SimulatedEcsAccount, service: SimulatedEcsService, now: float, count: int) -> list[Table]:
    """The event stream of the past: a steady state every six hours, newest first."""
    first = now - (now % 21600) - 900
    text = f"(service {service.name}) has reached a steady state."
    ats = [first - 21600 * index for index in range(count)]
    return [{"id": account.hex_id(), "createdAt": at, "message": text} for at in ats]


def _breaker(spec: Table) -> Breaker:
    return Breaker(bool(spec.get("enable", False)), bool(spec.get("rollback", False)), int(spec.get("threshold", 3)))


def _define(
    account: SimulatedEcsAccount, service: SimulatedEcsService, spec: Table, number: int, at: float
) -> TaskDefinition:
    family = service.name
    cpu, memory = int(spec.get("cpu", 512)), int(spec.get("memory", 1024))
    definition = TaskDefinition(
        account.arn(f"task-definition/{family}:{number}"),
        family,
        number,
        _containers(account, service, spec, cpu, memory),
        cpu,
        memory,
        at,
        f"arn:aws:sts::{account.number}:assumed-role/{spec.get('by', 'ci-deployer')}/deploy",
        not spec.get("inactive", False),
        _failure(spec.get("fails")),
        spec.get("targets", ""),
        spec.get("build", ""),
    )
    account.register(definition)
    return definition


def _containers(
    account: SimulatedEcsAccount, service: SimulatedEcsService, spec: Table, cpu: int, memory: int
) -> list[Table]:
    """The application; and a log router beside it, where it logs by way of FireLens."""
    app = _container(account, service, spec, cpu, memory)
    logged = app["logConfiguration"]
    if "log" in spec:
        app["logConfiguration"] = {"logDriver": spec["log"]["driver"], "options": dict(spec["log"].get("options", {}))}
    if app["logConfiguration"]["logDriver"] != "awsfirelens":
        return [app]
    router = {"cpu": 64, "memory": 64, "essential": True, "mountPoints": [], "volumesFrom": [], "portMappings": []}
    router |= {"name": "log_router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"}
    router |= {"environment": [], "logConfiguration": logged, "firelensConfiguration": {"type": "fluentbit"}}
    return [app, router]


def _container(account: SimulatedEcsAccount, service: SimulatedEcsService, spec: Table, cpu: int, memory: int) -> Table:
    registry = f"{account.number}.dkr.ecr.{account.region}.amazonaws.com"
    port = int(spec.get("port", 8080))
    environment = {"SERVICE": service.name, "LOG_LEVEL": "info"} | spec.get("environment", {})
    secret = f"arn:aws:ssm:{account.region}:{account.number}:parameter/{service.name}"
    secrets = {"DRILL_DATABASE": f"{secret}/drill-database"} | spec.get("secrets", {})
    return {
        "name": "app",
        "image": f"{registry}/{service.name}:{spec.get('image', 'v1.0.0')}",
        "cpu": cpu,
        "memory": memory,
        "essential": True,
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"}],
        "environment": [{"name": k, "value": str(v)} for k, v in environment.items()],
        "secrets": [{"name": k, "valueFrom": str(v)} for k, v in secrets.items()],
        "dockerLabels": {k: str(v) for k, v in spec.get("labels", {}).items()},
        "mountPoints": [],
        "volumesFrom": [],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/ecs/{service.cluster.name}/{service.name}",
                "awslogs-region": account.region,
                "awslogs-stream-prefix": "ecs",
            },
        },
    }


def _failure(spec: str | Table | None) -> SimulatedEcsFailure | None:
    if spec is None:
        return None
    if isinstance(spec, str):
        return FAILURES[spec]
    like = FAILURES[str(spec["like"])]
    after = float(spec.get("after_s", like.after_s))
    return replace(like, after_s=after)


def _earlier(image: str) -> str:
    """The patch release before: v1.8.3 -> v1.8.2."""
    head, _, last = image.rpartition(".")
    return f"{head}.{int(last) - 1}" if head and last.isdigit() and int(last) else f"{image}-before"
