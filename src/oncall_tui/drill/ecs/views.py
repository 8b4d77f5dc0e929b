"""What an ECS account holds, as its API's shapes (the service model of 2014-11-13). Timestamps are epoch seconds."""

import json
from typing import Any

from oncall_tui.drill.ecs.model import (
    Account,
    Cluster,
    Deployment,
    Revision,
    Rollout,
    Service,
    Task,
    TaskDefinition,
    image_digest,
)

Json = dict[str, Any]

NETWORK = {
    "awsvpcConfiguration": {
        "subnets": ["subnet-drill-a", "subnet-drill-c"],
        "securityGroups": ["sg-drill"],
        "assignPublicIp": "DISABLED",
    }
}


def present(**values: Any) -> Json:
    """The members that have a value: ECS leaves out those that have none."""
    return {name: value for name, value in values.items() if value is not None}


def tags(held: dict[str, str]) -> list[Json]:
    """tags[]."""
    return [{"key": key, "value": str(value)} for key, value in held.items()]


def cluster(it: Cluster, statistics: bool, tagged: bool) -> Json:
    """A member of DescribeClusters' clusters[]."""
    services = it.services.values()
    running, pending = sum(s.running() for s in services), sum(s.pending() for s in services)
    counted = {"runningFargateTasksCount": running, "pendingFargateTasksCount": pending}
    counted |= {"activeFargateServiceCount": len(it.services), "drainingFargateServiceCount": 0}
    counted |= {"runningEC2TasksCount": 0, "pendingEC2TasksCount": 0}
    counted |= {"activeEC2ServiceCount": 0, "drainingEC2ServiceCount": 0}
    return {
        "clusterArn": it.arn,
        "clusterName": it.name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": len(it.services),
        "statistics": [{"name": k, "value": str(v)} for k, v in counted.items()] if statistics else [],
        "tags": tags({"environment": it.name.partition("-")[0]}) if tagged else [],
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [],
    }


def configuration(it: Service) -> Json:
    """A deploymentConfiguration."""
    breaker: Json = {"enable": it.breaker.enable, "rollback": it.breaker.rollback}
    if it.breaker.enable:
        breaker["thresholdConfiguration"] = {"type": "COUNT", "value": it.breaker.threshold}
    return {
        "deploymentCircuitBreaker": breaker,
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }


def rollout(service: Service, it: Rollout) -> Json:
    """A member of DescribeServices' deployments[]."""
    primary = it is service.primary
    return {
        "id": it.id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": it.revision.definition.arn,
        "desiredCount": service.desired if primary else 0,
        "pendingCount": service.counted(it, "PENDING"),
        "runningCount": service.counted(it, "RUNNING"),
        "failedTasks": it.failed,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": NETWORK,
        "rolloutState": it.state,
        "rolloutStateReason": it.reason,
    }


def current_revisions(service: Service) -> list[Json]:
    """currentServiceRevisions[]: those that have tasks, and the wanted one."""
    arns = dict.fromkeys([service.primary.revision.arn, *(t.revision.arn for t in service.tasks)])
    return [revision_counts(service, service.revisions[arn]) for arn in arns]


def revision_counts(service: Service, it: Revision) -> Json:
    """How many tasks of a revision are wanted, run and start."""
    mine = [t.last_status for t in service.tasks if t.revision.arn == it.arn]
    wanted = service.desired if service.primary.revision.arn == it.arn else 0
    return {
        "arn": it.arn,
        "requestedTaskCount": wanted,
        "runningTaskCount": mine.count("RUNNING"),
        "pendingTaskCount": mine.count("PENDING"),
    }


def service(account: Account, it: Service) -> Json:
    """A member of DescribeServices' services[]."""
    targets = f"arn:aws:elasticloadbalancing:{account.region}:{account.number}:targetgroup/{it.name}/drill"
    balanced = [{"targetGroupArn": targets, "containerName": "app", "containerPort": it.port}]
    return present(
        serviceArn=it.arn,
        serviceName=it.name,
        clusterArn=it.cluster.arn,
        loadBalancers=balanced if it.cluster.name.endswith("main") else [],
        serviceRegistries=[],
        status=it.status,
        desiredCount=it.desired,
        runningCount=it.running(),
        pendingCount=it.pending(),
        launchType="FARGATE",
        platformVersion="LATEST",
        platformFamily="Linux",
        taskDefinition=it.primary.revision.definition.arn,
        deploymentConfiguration=configuration(it),
        deployments=[rollout(it, r) for r in it.rollouts],
        events=it.all_events(),
        createdAt=it.created_at,
        currentServiceDeployment=it.deployments[0].arn if it.deployments else None,
        currentServiceRevisions=current_revisions(it),
        placementConstraints=[],
        placementStrategy=[],
        networkConfiguration=NETWORK,
        healthCheckGracePeriodSeconds=0,
        schedulingStrategy="REPLICA",
        deploymentController={"type": "ECS"},
        createdBy=it.created_by,
        enableECSManagedTags=True,
        propagateTags="SERVICE",
        enableExecuteCommand=False,
        availabilityZoneRebalancing="ENABLED",
    )


def service_bytes(account: Account, it: Service) -> bytes:
    """The same, encoded; kept until the service changes, as a thousand at rest are asked for again and again."""
    version, body = it.cached
    if version != it.version:
        body = json.dumps(service(account, it), ensure_ascii=False, separators=(",", ":")).encode()
        it.cached = (it.version, body)
    return body


def tagged_bytes(account: Account, it: Service) -> bytes:
    """The same with the tags, which are sent only where they are asked for."""
    told = json.dumps(tags(it.tags), ensure_ascii=False).encode()
    return service_bytes(account, it)[:-1] + b',"tags":' + told + b"}"


def deployment_brief(owner: Service, it: Deployment) -> Json:
    """A member of ListServiceDeployments."""
    return present(
        serviceDeploymentArn=it.arn,
        serviceArn=owner.arn,
        clusterArn=owner.cluster.arn,
        startedAt=it.started_at,
        createdAt=it.created_at,
        finishedAt=it.finished_at,
        targetServiceRevisionArn=it.target.arn,
        status=it.status,
        statusReason=it.reason or None,
    )


def deployment(owner: Service, it: Deployment) -> Json:
    """A member of DescribeServiceDeployments."""
    breaker = {"status": it.breaker_status, "failureCount": it.failures, "threshold": owner.breaker.threshold}
    return present(
        serviceDeploymentArn=it.arn,
        serviceArn=owner.arn,
        clusterArn=owner.cluster.arn,
        createdAt=it.created_at,
        startedAt=it.started_at,
        finishedAt=it.finished_at,
        stoppedAt=it.stopped_at,
        updatedAt=it.updated_at,
        sourceServiceRevisions=[revision_counts(owner, r) for r in it.sources],
        targetServiceRevision=revision_counts(owner, it.target),
        status=it.status,
        statusReason=it.reason or None,
        deploymentConfiguration=configuration(owner),
        rollback=it.rollback,
        deploymentCircuitBreaker=breaker,
        alarms={"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []},
    )


def revision(owner: Service, it: Revision) -> Json:
    """A member of DescribeServiceRevisions."""
    images = [
        {"containerName": c["name"], "image": c["image"], "imageDigest": it.digests[c["name"]]}
        for c in it.definition.containers
    ]
    return {
        "serviceRevisionArn": it.arn,
        "serviceArn": owner.arn,
        "clusterArn": owner.cluster.arn,
        "taskDefinition": it.definition.arn,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": NETWORK,
        "containerImages": images,
        "guardDutyEnabled": False,
        "createdAt": it.created_at,
    }


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
