"""An ECS account's model in its API's shapes (the service model of 2014-11-13). Timestamps are epoch seconds."""

import json
from typing import Any

from oncall_tui.simulator.services.aws.ecs.model import (
    Deployment,
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsCluster,
    SimulatedEcsRevision,
    SimulatedEcsService,
)
from oncall_tui.simulator.services.aws.ecs.strategy import Hook, HookDetail

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


def cluster(it: SimulatedEcsCluster, statistics: bool, tagged: bool) -> Json:
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


def configuration(it: SimulatedEcsService) -> Json:
    """A deploymentConfiguration."""
    breaker: Json = {"enable": it.breaker.enable, "rollback": it.breaker.rollback}
    if it.breaker.enable:
        breaker["thresholdConfiguration"] = {"type": "COUNT", "value": it.breaker.threshold}
    how = it.strategy
    told: Json = {
        "deploymentCircuitBreaker": breaker,
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": how.name,
        "bakeTimeInMinutes": how.bake_minutes,
    }
    if how.alarms.enable:
        told["alarms"] = {"alarmNames": list(how.alarms.names), "rollback": how.alarms.rollback, "enable": True}
    if how.hooks:
        told["lifecycleHooks"] = [_hook(it, hook) for hook in how.hooks]
    if how.name == "LINEAR":
        steps = {"stepPercent": how.step_percent, "stepBakeTimeInMinutes": how.step_bake_minutes}
        told["linearConfiguration"] = steps
    if how.name == "CANARY":
        canary = {"canaryPercent": how.canary_percent, "canaryBakeTimeInMinutes": how.canary_bake_minutes}
        told["canaryConfiguration"] = canary
    return told


def _hook(it: SimulatedEcsService, hook: Hook) -> Json:
    timeout = {"timeoutInMinutes": hook.timeout_minutes, "action": hook.on_timeout}
    told = {"targetType": hook.target, "lifecycleStages": list(hook.stages), "timeoutConfiguration": timeout}
    return told | ({} if hook.target == "PAUSE" else {"hookTargetArn": _function(it)})


def _function(it: SimulatedEcsService) -> str:
    _, _, _, region, number, *_ = it.arn.split(":")
    return f"arn:aws:lambda:{region}:{number}:function:{it.name}-hook"


def hook_detail(it: SimulatedEcsService, detail: HookDetail) -> Json:
    """A member of lifecycleHookDetails[]."""
    return present(
        hookId=detail.id,
        targetType=detail.hook.target,
        targetArn=None if detail.hook.target == "PAUSE" else _function(it),
        status=detail.status,
        expiresAt=detail.expires_at,
        timeoutAction=detail.hook.on_timeout,
    )


def rollout(service: SimulatedEcsService, it: Rollout) -> Json:
    """A member of DescribeServices' deployments[]."""
    primary = it is service.primary
    told: Json = {
        "id": it.id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": it.revision.definition.arn,
        "desiredCount": service.wanted(it),
        "pendingCount": service.counted(it, "PENDING"),
        "runningCount": service.counted(it, "RUNNING"),
        "failedTasks": it.failed,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
        **_where(it.revision),
        "platformFamily": "Linux",
    }
    if service.strategy.rollout_state:
        told |= {"rolloutState": it.state, "rolloutStateReason": it.reason}
    kept = ("networkConfiguration", "serviceConnectConfiguration", "volumeConfigurations")
    return told | {key: value for key, value in _settings(service, it.revision).items() if key in kept}


def _settings(service: SimulatedEcsService, it: SimulatedEcsRevision) -> Json:
    """Return a service revision's settings besides the task definition."""
    return {"networkConfiguration": NETWORK, "loadBalancers": load_balancers(service)} | it.settings


def _where(it: SimulatedEcsRevision) -> Json:
    """Return the placement of its tasks; a capacity provider strategy leaves out the launch type."""
    given = it.settings.get("capacityProviderStrategy")
    return {"capacityProviderStrategy": given} if given else {"launchType": "FARGATE", "platformVersion": "1.4.0"}


def load_balancers(it: SimulatedEcsService) -> list[Json]:
    """loadBalancers[]; a service that shifts traffic has two target groups."""
    if not it.cluster.name.endswith("main") and not it.shifts:
        return []
    _, _, _, region, number, *_ = it.arn.split(":")
    elb = f"arn:aws:elasticloadbalancing:{region}:{number}"
    told: Json = {"targetGroupArn": f"{elb}:targetgroup/{it.name}/drill", "containerName": "app"}
    told["containerPort"] = it.port
    if it.controller == "ECS" and it.strategy.shifts:
        told["advancedConfiguration"] = {
            "alternateTargetGroupArn": f"{elb}:targetgroup/{it.name}-alternate/drill",
            "productionListenerRule": f"{elb}:listener-rule/app/{it.name}/drill/production",
            "roleArn": f"arn:aws:iam::{number}:role/ecs-load-balancing",
        }
    return [told]


def set_status(service: SimulatedEcsService, it: Rollout) -> str:
    """Return the status of a task set."""
    return "DRAINING" if it.draining else "PRIMARY" if it is service.primary else "ACTIVE"


def task_set(service: SimulatedEcsService, it: Rollout) -> Json:
    """A member of DescribeServices' taskSets[]."""
    running, pending = service.counted(it, "RUNNING"), service.counted(it, "PENDING")
    steady = running == service.wanted(it) and not pending
    settings = _settings(service, it.revision)
    return present(
        id=it.id,
        taskSetArn=f"{service.arn.replace(':service/', ':task-set/')}/{it.id}",
        serviceArn=service.arn,
        clusterArn=service.cluster.arn,
        startedBy="CODE_DEPLOY" if service.controller == "CODE_DEPLOY" else None,
        externalId=it.external_id or None,
        status=set_status(service, it),
        taskDefinition=it.revision.definition.arn,
        computedDesiredCount=service.wanted(it),
        pendingCount=pending,
        runningCount=running,
        createdAt=it.created_at,
        updatedAt=it.updated_at,
        **_where(it.revision),
        platformFamily="Linux",
        networkConfiguration=settings["networkConfiguration"],
        loadBalancers=settings["loadBalancers"],
        serviceRegistries=[],
        scale={"value": it.scale, "unit": "PERCENT"},
        stabilityStatus="STEADY_STATE" if steady else "STABILIZING",
        stabilityStatusAt=it.updated_at,
        tags=[],
    )


def current_revisions(service: SimulatedEcsService) -> list[Json]:
    """currentServiceRevisions[]: those that have tasks, and the wanted one."""
    arns = dict.fromkeys([service.primary.revision.arn, *(t.revision.arn for t in service.tasks)])
    counted = [revision_counts(service, service.revisions[arn]) for arn in arns]
    return [{key: it[key] for key in it if not key.endswith("Weight")} for it in counted]


def revision_counts(service: SimulatedEcsService, it: SimulatedEcsRevision) -> Json:
    """How many tasks of a revision are wanted, run and start."""
    mine = [t.last_status for t in service.tasks if t.revision.arn == it.arn]
    rollouts = [rollout for rollout in service.rollouts if rollout.revision.arn == it.arn]
    told: Json = {
        "arn": it.arn,
        "requestedTaskCount": sum(service.wanted(rollout) for rollout in rollouts),
        "runningTaskCount": mine.count("RUNNING"),
        "pendingTaskCount": mine.count("PENDING"),
    }
    if service.strategy.shifts:
        told["requestedProductionTrafficWeight"] = sum(rollout.weight for rollout in rollouts)
        told["requestedTestTrafficWeight"] = sum(rollout.test_weight for rollout in rollouts)
    return told


def service(account: SimulatedEcsAccount, it: SimulatedEcsService) -> Json:
    """A member of DescribeServices' services[]."""
    revision = it.primary.revision
    settings, ours = _settings(it, revision), it.controller == "ECS"
    return present(
        serviceArn=it.arn,
        serviceName=it.name,
        clusterArn=it.cluster.arn,
        loadBalancers=settings["loadBalancers"],
        serviceRegistries=[],
        status=it.status,
        desiredCount=it.desired,
        runningCount=it.running(),
        pendingCount=it.pending(),
        **_where(revision) | ({} if "capacityProviderStrategy" in revision.settings else {"platformVersion": "LATEST"}),
        platformFamily="Linux",
        taskDefinition=revision.definition.arn,
        deploymentConfiguration=configuration(it),
        taskSets=None if ours else [task_set(it, r) for r in it.rollouts],
        deployments=[rollout(it, r) for r in it.rollouts] if ours else [],
        events=it.all_events(),
        createdAt=it.created_at,
        currentServiceDeployment=it.deployments[0].arn if it.deployments else None,
        currentServiceRevisions=current_revisions(it) if ours else [],
        placementConstraints=[],
        placementStrategy=[],
        networkConfiguration=settings["networkConfiguration"],
        healthCheckGracePeriodSeconds=0,
        schedulingStrategy="REPLICA",
        deploymentController={"type": it.controller},
        createdBy=it.created_by,
        enableECSManagedTags=True,
        propagateTags="SERVICE",
        enableExecuteCommand=it.exec,
        availabilityZoneRebalancing="ENABLED",
        resourceManagementType="ECS" if it.express else "CUSTOMER",
    )


def service_bytes(account: SimulatedEcsAccount, it: SimulatedEcsService) -> bytes:
    """The same, encoded; kept until the service changes, as a thousand at rest are asked for again and again."""
    version, body = it.cached
    if version != it.version:
        body = json.dumps(service(account, it), ensure_ascii=False, separators=(",", ":")).encode()
        it.cached = (it.version, body)
    return body


def tagged_bytes(account: SimulatedEcsAccount, it: SimulatedEcsService) -> bytes:
    """The same with the tags, which are sent only where they are asked for."""
    told = json.dumps(tags(it.tags), ensure_ascii=False).encode()
    return service_bytes(account, it)[:-1] + b',"tags":' + told + b"}"


def deployment_brief(owner: SimulatedEcsService, it: Deployment) -> Json:
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


def deployment(owner: SimulatedEcsService, it: Deployment) -> Json:
    """A member of DescribeServiceDeployments."""
    breaker = {"status": it.breaker_status, "failureCount": it.failures, "threshold": owner.breaker.threshold}
    names = list(owner.strategy.alarms.names)
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
        lifecycleStage=it.stage,
        lifecycleHookDetails=[hook_detail(owner, hook) for hook in it.hooks] or None,
        deploymentConfiguration=configuration(owner),
        rollback=it.rollback,
        deploymentCircuitBreaker=breaker,
        alarms={"status": it.watched, "alarmNames": names, "triggeredAlarmNames": it.triggered},
    )


def revision(owner: SimulatedEcsService, it: SimulatedEcsRevision) -> Json:
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
        **_where(it),
        "platformFamily": "Linux",
        **_settings(owner, it),
        "containerImages": images,
        "guardDutyEnabled": False,
        "createdAt": it.created_at,
    }
