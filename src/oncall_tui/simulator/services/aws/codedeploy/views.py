"""CodeDeploy's model in its API's shapes (the service model of 2014-10-06). Timestamps are epoch seconds."""

from typing import Any

from oncall_tui.simulator.services.aws.codedeploy.model import EVENTS, CodeDeployment, SimulatedCodeDeployGroup
from oncall_tui.simulator.services.aws.ecs.model import Rollout, SimulatedEcsService
from oncall_tui.simulator.services.aws.ecs.views import present, set_status

Json = dict[str, Any]


def revision(sha256: str, content: str | None = None) -> Json:
    """A RevisionLocation. GetDeployment leaves the content out; GetApplicationRevision gives it."""
    return {"revisionType": "AppSpecContent", "appSpecContent": present(content=content, sha256=sha256)}


def deployment(it: CodeDeployment) -> Json:
    """DeploymentInfo."""
    group = it.group
    before = next((d for d in group.deployments if d.created_at < it.created_at and d.status == "Succeeded"), None)
    rollback = present(
        rollbackDeploymentId=it.rolled_back_by or None,
        rollbackTriggeringDeploymentId=it.rollback_of or None,
        rollbackMessage=it.message or None,
    )
    return present(
        applicationName=group.application,
        deploymentGroupName=group.name,
        deploymentConfigName=it.config,
        deploymentId=it.id,
        previousRevision=revision(before.sha256) if before else None,
        revision=revision(it.sha256),
        status=it.status,
        errorInformation=it.error,
        createTime=it.created_at,
        startTime=it.started_at,
        completeTime=it.completed_at,
        deploymentOverview=_overview(it),
        description=it.description or None,
        creator=it.creator,
        ignoreApplicationStopFailures=False,
        autoRollbackConfiguration=_rollback(group),
        updateOutdatedInstancesOnly=False,
        rollbackInfo=rollback or None,
        deploymentStyle=_STYLE,
        instanceTerminationWaitTimeStarted=it.waits == "TERMINATION_WAIT" or it.status == "Succeeded",
        blueGreenDeploymentConfiguration=_blue_green(group),
        loadBalancerInfo=_balancers(group.service),
        deploymentStatusMessages=[],
        computePlatform="ECS",
    )


def group(it: SimulatedCodeDeployGroup, number: str) -> Json:
    """DeploymentGroupInfo."""
    last, attempted = it.last(ended=True), it.last(ended=False)
    return present(
        applicationName=it.application,
        deploymentGroupId=it.id,
        deploymentGroupName=it.name,
        deploymentConfigName=it.config,
        serviceRoleArn=f"arn:aws:iam::{number}:role/codedeploy",
        targetRevision=revision(last.sha256) if last else None,
        triggerConfigurations=[],
        alarmConfiguration={
            "enabled": bool(it.alarms),
            "ignorePollAlarmFailure": False,
            "alarms": [{"name": name} for name in it.alarms],
        },
        autoRollbackConfiguration=_rollback(it),
        deploymentStyle=_STYLE,
        blueGreenDeploymentConfiguration=_blue_green(it),
        loadBalancerInfo=_balancers(it.service),
        lastSuccessfulDeployment=_last(last),
        lastAttemptedDeployment=_last(attempted),
        computePlatform="ECS",
        ecsServices=[{"serviceName": it.service.name, "clusterName": it.service.cluster.name}],
        terminationHookEnabled=False,
    )


def target(it: CodeDeployment) -> Json:
    """A DeploymentTarget."""
    service = it.group.service
    return {
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": it.id,
            "targetId": target_id(it),
            "targetArn": service.arn,
            "lastUpdatedAt": it.updated_at,
            "lifecycleEvents": [_event(it, name) for name in EVENTS],
            "status": _TARGET[it.status],
            "taskSetsInfo": [_task_set(it, rollout) for rollout in service.rollouts],
        },
    }


def target_id(it: CodeDeployment) -> str:
    """The only target of an ECS deployment: cluster:service."""
    return f"{it.group.service.cluster.name}:{it.group.service.name}"


_STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
_TARGET = {
    "Created": "Pending",
    "Queued": "Pending",
    "InProgress": "InProgress",
    "Ready": "Ready",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Failed",
}


def _overview(it: CodeDeployment) -> Json:
    told = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
    told[_TARGET[it.status]] = 1
    return told


def _rollback(it: SimulatedCodeDeployGroup) -> Json:
    return {"enabled": bool(it.rollback_events), "events": list(it.rollback_events)}


def _blue_green(it: SimulatedCodeDeployGroup) -> Json:
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": it.ready_minutes}
    if not it.ready_minutes:
        ready = {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0}
    ends = {"action": "TERMINATE", "terminationWaitTimeInMinutes": it.wait_minutes}
    return {"terminateBlueInstancesOnDeploymentSuccess": ends, "deploymentReadyOption": ready}


def _balancers(it: SimulatedEcsService) -> Json:
    _, _, _, region, number, *_ = it.arn.split(":")
    listener = f"arn:aws:elasticloadbalancing:{region}:{number}:listener/app/{it.name}/drill/production"
    pair = {
        "targetGroups": [{"name": f"{it.name}-blue"}, {"name": f"{it.name}-green"}],
        "prodTrafficRoute": {"listenerArns": [listener]},
    }
    return {"targetGroupPairInfoList": [pair]}


def _last(it: CodeDeployment | None) -> Json | None:
    if it is None:
        return None
    return present(deploymentId=it.id, status=it.status, endTime=it.completed_at, createTime=it.created_at)


def _event(it: CodeDeployment, name: str) -> Json:
    return {"lifecycleEventName": name, **it.events.get(name, {"status": "Pending"})}


def _task_set(it: CodeDeployment, rollout: Rollout) -> Json:
    service = it.group.service
    original = rollout is (it.blue or service.rollouts[0])
    return {
        "identifer": rollout.id,  # as the model spells it
        "desiredCount": service.wanted(rollout),
        "pendingCount": service.counted(rollout, "PENDING"),
        "runningCount": service.counted(rollout, "RUNNING"),
        "status": set_status(service, rollout),
        "trafficWeight": rollout.weight,
        "targetGroup": {"name": f"{service.name}-{'blue' if original else 'green'}"},
        "taskSetLabel": "Blue" if original else "Green",
    }
