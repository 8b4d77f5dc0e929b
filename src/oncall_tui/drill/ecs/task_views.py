"""Tasks and task definitions, as the ECS API's shapes. Timestamps are epoch seconds."""

from typing import Any

from oncall_tui.drill.ecs.model import Account, Service, Task, TaskDefinition, image_digest
from oncall_tui.drill.ecs.views import present, tags

Json = dict[str, Any]


def task_definition(account: Account, it: TaskDefinition) -> Json:
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
    """What a pipeline puts on a task definition, so that it is known where it came from."""
    image = it.containers[0]["image"]
    return tags({"commit": image_digest(image)[-12:], "release": image.rpartition(":")[2]})


def task(account: Account, owner: Service, it: Task) -> Json:
    """A member of DescribeTasks."""
    definition = it.revision.definition
    return present(
        taskArn=it.arn,
        clusterArn=owner.cluster.arn,
        taskDefinitionArn=definition.arn,
        containers=[_container(owner, it, c) for c in definition.containers],
        attachments=[],
        availabilityZone=f"{account.region}a",
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
        healthStatus="UNKNOWN",
        group=f"service:{owner.name}",
        launchType="FARGATE",
        platformVersion="1.4.0",
        platformFamily="Linux",
        enableExecuteCommand=False,
        tags=[],
        version=1,
    )


def _container(owner: Service, it: Task, spec: Json) -> Json:
    return present(
        containerArn=f"{owner.cluster.arn.replace(':cluster/', ':container/')}/{it.arn.rsplit('/')[-1]}/{spec['name']}",
        taskArn=it.arn,
        name=spec["name"],
        image=spec["image"],
        imageDigest=it.revision.digests[spec["name"]] if it.started_at else None,
        lastStatus=it.last_status,
        exitCode=it.exit_code,
        reason=it.container_reason or None,
        healthStatus="UNKNOWN",
        networkInterfaces=[],
        cpu=str(spec["cpu"]),
        memory=str(spec["memory"]),
    )
