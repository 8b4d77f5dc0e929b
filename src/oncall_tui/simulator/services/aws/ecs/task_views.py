"""Tasks and task definitions, as the ECS API's shapes. Timestamps are epoch seconds."""

from typing import Any

from oncall_tui.simulator.services.aws.ecs.model import (
    SimulatedEcsAccount,
    SimulatedEcsService,
    SimulatedEcsTask,
    TaskDefinition,
    image_digest,
)
from oncall_tui.simulator.services.aws.ecs.views import present, tags

Json = dict[str, Any]


def task_definition(account: SimulatedEcsAccount, it: TaskDefinition) -> Json:
    """DescribeTaskDefinition's taskDefinition."""
    role = f"arn:aws:iam::{account.number}:role/{it.family}"
    return {
        "taskDefinitionArn": it.arn,
        "containerDefinitions": it.containers,
        "family": it.family,
        "taskRoleArn": f"{role}-task",
        "executionRoleArn": f"{role}-execution",
        "networkMode": "awsvpc",
        "revision": it.number,
        "volumes": [],
        "status": "ACTIVE" if it.active else "INACTIVE",
        "requiresAttributes": [],
        "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"],
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(it.cpu),
        "memory": str(it.memory),
        "registeredAt": it.registered_at,
        "registeredBy": it.registered_by,
    }


def definition_tags(it: TaskDefinition) -> list[Json]:
    """Return a pipeline's tags on a task definition, which name its origin."""
    image = it.containers[0]["image"]
    held = {"commit": image_digest(image)[-12:], "release": image.rpartition(":")[2]}
    return tags(held | ({"genova.build": it.build} if it.build else {}))


def task(account: SimulatedEcsAccount, owner: SimulatedEcsService, it: SimulatedEcsTask) -> Json:
    """A member of DescribeTasks."""
    definition = it.revision.definition
    return present(
        taskArn=it.arn,
        clusterArn=owner.cluster.arn,
        taskDefinitionArn=definition.arn,
        containers=[_container(owner, it, c) for c in definition.containers],
        attachments=[_network(it)],
        availabilityZone=zone(account, it),
        connectivity="CONNECTED" if it.started_at else None,
        connectivityAt=it.started_at,
        cpu=str(definition.cpu),
        memory=str(definition.memory),
        createdAt=it.created_at,
        startedAt=it.started_at,
        startedBy=it.rollout_id,
        stoppingAt=it.stopped_at,
        stoppedAt=it.stopped_at,
        executionStoppedAt=it.stopped_at,
        stopCode=it.stop_code or None,
        stoppedReason=it.stopped_reason or None,
        desiredStatus=it.desired_status,
        lastStatus=it.last_status,
        healthStatus=health(owner, it),
        group=f"service:{owner.name}",
        launchType="FARGATE",
        platformVersion="1.4.0",
        platformFamily="Linux",
        enableExecuteCommand=owner.exec,
        tags=[],
        version=1,
    )


def task_id(it: SimulatedEcsTask) -> str:
    """The last part of its ARN."""
    return it.arn.rsplit("/")[-1]


def number(it: SimulatedEcsTask) -> int:
    """The same for the same task: what is made of it looks random and is not."""
    return int(task_id(it)[:12], 16)


def address(it: SimulatedEcsTask) -> str:
    """Its private address, which is also its load balancer's target."""
    n = number(it)
    return f"10.0.{n % 250}.{n // 250 % 250 + 4}"


def zone(account: SimulatedEcsAccount, it: SimulatedEcsTask) -> str:
    """One of the region's first three."""
    return f"{account.region}{'abc'[number(it) % 3]}"


def health(owner: SimulatedEcsService, it: SimulatedEcsTask) -> str:
    """As its containers' health check says; a service of whose revisions one dies of it has such a check."""
    checked = any(_unwell(r.definition) for r in owner.revisions.values())
    if not checked or it.started_at is None:
        return "UNKNOWN"
    return "UNHEALTHY" if _unwell(it.revision.definition) else "HEALTHY"


def _unwell(definition: TaskDefinition) -> bool:
    return definition.fails is not None and "container health checks" in definition.fails.stopped_reason


def _network(it: SimulatedEcsTask) -> Json:
    details = {"networkInterfaceId": f"eni-{task_id(it)[:17]}", "privateIPv4Address": address(it)}
    told = [{"name": name, "value": value} for name, value in details.items()]
    status = "ATTACHED" if it.last_status == "RUNNING" else "DELETED" if it.last_status == "STOPPED" else "ATTACHING"
    return {"id": task_id(it)[:8], "type": "ElasticNetworkInterface", "status": status, "details": told}


def _agents(it: SimulatedEcsTask) -> list[Json]:
    status = it.last_status if it.last_status in ("PENDING", "RUNNING", "STOPPED") else "PENDING"
    return [present(name="ExecuteCommandAgent", lastStatus=status, lastStartedAt=it.started_at)]


def _container(owner: SimulatedEcsService, it: SimulatedEcsTask, spec: Json) -> Json:
    main = spec is it.revision.definition.containers[0]  # a log router beside it ends well
    return present(
        containerArn=f"{owner.cluster.arn.replace(':cluster/', ':container/')}/{it.arn.rsplit('/')[-1]}/{spec['name']}",
        taskArn=it.arn,
        name=spec["name"],
        image=spec["image"],
        imageDigest=it.revision.digests[spec["name"]] if it.started_at else None,
        lastStatus=it.last_status,
        runtimeId=f"{task_id(it)}-{number(it) % 10**10:010d}" if it.started_at else None,
        exitCode=it.exit_code if main else 0 if it.exit_code is not None else None,
        reason=(it.container_reason or None) if main else None,
        healthStatus=health(owner, it) if main else "UNKNOWN",
        networkInterfaces=[{"attachmentId": task_id(it)[:8], "privateIpv4Address": address(it)}],
        managedAgents=_agents(it) if owner.exec and main else None,
        cpu=str(spec["cpu"]),
        memory=str(spec["memory"]),
    )
