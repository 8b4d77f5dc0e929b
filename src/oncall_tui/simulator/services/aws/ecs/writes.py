"""The ECS API's writes: UpdateService, StopServiceDeployment and StopTask."""

from typing import Protocol

from oncall_tui.simulator.services.aws.ecs import task_views, views
from oncall_tui.simulator.services.aws.ecs.model import (
    Deployment,
    SimulatedEcsAccount,
    SimulatedEcsCluster,
    SimulatedEcsService,
    SimulatedEcsTask,
    TaskDefinition,
)
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, required

SETTINGS = (
    "networkConfiguration",
    "loadBalancers",
    "capacityProviderStrategy",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "serviceRegistries",
    "vpcLatticeConfigurations",
)  # members of UpdateService that make a new service revision, and are kept until they are given anew


class Finder(Protocol):
    """Finds what a request names, or raises the AwsError that says that it is not there."""

    def find_cluster(self, asked: Json) -> SimulatedEcsCluster:
        """Find it by the member `cluster`."""
        ...

    def find_service(self, asked: Json) -> SimulatedEcsService:
        """Find it by the members `cluster` and `service`."""
        ...

    def find_definition(self, given: str) -> TaskDefinition:
        """Find it by ARN, `family:revision` or `family`."""
        ...

    def find_tasks(self, cluster: SimulatedEcsCluster) -> dict[str, tuple[SimulatedEcsService, SimulatedEcsTask]]:
        """All of a cluster, by id."""
        ...


class Writes:
    """The writes of one account."""

    def __init__(self, account: SimulatedEcsAccount, mover: Mover, finder: Finder) -> None:
        self._account = account
        self._mover = mover
        self._finder = finder

    def update_service(self, asked: Json) -> Json:
        """Another task definition or a forced deploy starts a deploy; desiredCount alone only scales.

        Raises AwsError.
        """
        service = self._finder.find_service(asked)
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        self._check_controller(service, asked)
        current = service.primary.revision.definition
        wanted = self._finder.find_definition(asked["taskDefinition"]) if asked.get("taskDefinition") else current
        if not wanted.active:
            raise AwsError("ClientException", "TaskDefinition is inactive")
        desired = asked.get("desiredCount")
        if desired is not None and (not isinstance(desired, int) or desired < 0):
            raise AwsError("InvalidParameterException", "desiredCount must be at least 0.")
        if desired is not None:
            self._mover.scale(service, desired)
        held = service.primary.revision.settings
        settings = held | {key: asked[key] for key in SETTINGS if key in asked}
        if wanted is not current or settings != held or asked.get("forceNewDeployment"):
            now = self._mover.now()
            self._mover.deploy(service, self._account.revise(service, wanted, now, settings))
        return {"service": views.service(self._account, service)}

    def _check_controller(self, service: SimulatedEcsService, asked: Json) -> None:
        """Refuse other controllers: the words for CODE_DEPLOY are reported by people, those for EXTERNAL a guess."""
        if service.controller == "ECS":
            return
        codedeploy = service.controller == "CODE_DEPLOY"
        of = "a CODE_DEPLOY" if codedeploy else "an EXTERNAL"
        instead = "Use AWS CodeDeploy to trigger a new deployment." if codedeploy else "Create a new task set instead."
        what = "force a new deployment" if asked.get("forceNewDeployment") else ""
        what = "update task definition" if asked.get("taskDefinition") else what
        if not what and any(key in asked for key in SETTINGS):
            what = "update the network configuration, load balancers or platform"
        if what:
            told = f"Unable to {what} on services with {of} deployment controller. {instead}"
            raise AwsError("InvalidParameterException", told)

    def stop_deployment(self, asked: Json) -> Json:
        """Only ROLLBACK: the prose of the reference offers no other, though the enumeration has ABORT.

        Raises AwsError.
        """
        if asked.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise AwsError("InvalidParameterException", "stopType must be ROLLBACK.")
        arn, service, deployment = self._deployment(asked)
        if deployment.status in ("STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"):
            return {"serviceDeploymentArn": arn}  # documented: it goes on with what it does
        refuses = deployment.stage == "CLEAN_UP" and service.strategy.clean_up_stop == "refused"
        if deployment.status not in ("PENDING", "IN_PROGRESS") or refuses:
            status = deployment.status
            raise AwsError("ConflictException", f"The service deployment is in {status} and cannot be stopped.")
        if service.good is None:
            raise AwsError("InvalidParameterException", "The service deployment has no source service revision.")
        self._mover.request_rollback(service, deployment)
        return {"serviceDeploymentArn": arn}

    def continue_deployment(self, asked: Json) -> Json:
        """Continue a paused deploy, or roll it back. That its hook has to wait is documented; the wording is not.

        Raises AwsError.
        """
        arn, service, deployment = self._deployment(asked)
        id, action = required(asked, "hookId"), asked.get("action", "CONTINUE")
        if action not in ("CONTINUE", "ROLLBACK"):
            raise AwsError("InvalidParameterException", "action must be CONTINUE or ROLLBACK.")
        hook = next((it for it in deployment.hooks if it.id == id), None)
        if hook is None:
            raise AwsError(
                "InvalidParameterException", "The service deployment has no lifecycle hook with this hookId."
            )
        if deployment.status != "IN_PROGRESS" or hook.status != "AWAITING_ACTION":
            raise AwsError("InvalidParameterException", "The lifecycle hook is not in the AWAITING_ACTION status.")
        if action == "ROLLBACK" and service.good is None:
            raise AwsError("InvalidParameterException", "The service deployment has no source service revision.")
        self._mover.shifter.answer(service, deployment, hook, action)
        return {"serviceDeploymentArn": arn}

    def _deployment(self, asked: Json) -> tuple[str, SimulatedEcsService, Deployment]:
        arn = required(asked, "serviceDeploymentArn")
        if not arn.startswith(self._account.arn("service-deployment/")):
            raise AwsError("InvalidParameterException", "Invalid ARN.")
        if arn not in self._account.deployments:
            raise AwsError("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
        return arn, *self._account.deployments[arn]

    def stop_task(self, asked: Json) -> Json:
        """One task, by id or ARN; a task that has stopped already is answered as it is. Raises AwsError."""
        cluster = self._finder.find_cluster(asked)
        held = self._finder.find_tasks(cluster).get(required(asked, "task").rsplit("/")[-1])
        if held is None:
            raise AwsError("InvalidParameterException", "The referenced task was not found.")
        service, task = held
        if task.live:
            self._mover.stop_task(service, task, str(asked.get("reason", "")))
        return {"task": task_views.task(self._account, service, task)}
