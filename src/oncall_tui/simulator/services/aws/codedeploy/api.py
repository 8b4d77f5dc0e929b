"""The CodeDeploy API for ECS services: AWS JSON 1.1, with the errors of the API reference."""

import re
from collections.abc import Callable

from oncall_tui.simulator.services.aws.codedeploy import views
from oncall_tui.simulator.services.aws.codedeploy.deployments import CodeDeploy
from oncall_tui.simulator.services.aws.codedeploy.model import (
    ENDED,
    CodeDeployment,
    SimulatedCodeDeployGroup,
    digest,
    task_definition_of,
    weights,
)
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, page


class CodeDeployApi:
    """One account's CodeDeploy in one region."""

    prefix = "CodeDeploy_20141006"
    version = "1.1"
    permission = "codedeploy"

    def __init__(self, held: CodeDeploy) -> None:
        self._held = held
        self._operations: dict[str, Callable[[Json], Json]] = {
            "ListApplications": self._applications,
            "ListDeploymentGroups": self._groups,
            "GetDeploymentGroup": self._get_group,
            "ListDeployments": self._list,
            "GetDeployment": self._get,
            "BatchGetDeployments": self._batch,
            "ListDeploymentTargets": self._targets,
            "GetDeploymentTarget": self._target,
            "BatchGetDeploymentTargets": self._batch_targets,
            "GetApplicationRevision": self._revision,
            "StopDeployment": self._stop,
            "ContinueDeployment": self._continue,
            "CreateDeployment": self._create,
        }

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation not in self._operations:
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        return self._operations[operation](asked)

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        held = self._held.deployments.get(str(asked.get("deploymentId")))
        application = held.group.application if held else asked.get("applicationName")
        group = held.group.name if held else asked.get("deploymentGroupName")
        if application is None:
            return "*"
        account = self._held.account
        arn = f"arn:aws:codedeploy:{account.region}:{account.number}"
        return f"{arn}:deploymentgroup:{application}/{group}" if group else f"{arn}:application:{application}"

    # -- reading

    def _applications(self, asked: Json) -> Json:
        return {"applications": sorted({group.application for group in self._held.groups.values()})}

    def _groups(self, asked: Json) -> Json:
        application = self._application(asked)
        names = [group.name for group in self._held.groups.values() if group.application == application]
        return {"applicationName": application, "deploymentGroups": names}

    def _get_group(self, asked: Json) -> Json:
        return {"deploymentGroupInfo": views.group(self._group(asked), self._held.account.number)}

    def _list(self, asked: Json) -> Json:
        if bool(asked.get("applicationName")) != bool(asked.get("deploymentGroupName")):
            missing = "ApplicationName" if asked.get("deploymentGroupName") else "DeploymentGroupName"
            raise AwsError(f"{missing}RequiredException", f"{missing} is required.")
        found = list(self._held.deployments.values())
        if asked.get("applicationName"):
            found = list(self._group(asked).deployments)
        wanted, made = asked.get("includeOnlyStatuses") or [], asked.get("createTimeRange") or {}
        if set(wanted) - {*ENDED, "Created", "Queued", "InProgress", "Baking", "Ready"}:
            raise AwsError("InvalidDeploymentStatusException", "A deployment status is not valid.")
        after, before = made.get("start", 0.0), made.get("end", 1e12)
        found = [it for it in found if (not wanted or it.status in wanted) and after <= it.created_at <= before]
        found.sort(key=lambda it: -it.created_at)
        ids, more = page([it.id for it in found], asked, "-", "nextToken", 100, 100)
        return {"deployments": ids, **more}

    def _get(self, asked: Json) -> Json:
        return {"deploymentInfo": views.deployment(self._deployment(asked))}

    def _batch(self, asked: Json) -> Json:
        ids = asked.get("deploymentIds") or []
        if not ids:
            raise AwsError("DeploymentIdRequiredException", "At least one deployment ID must be specified.")
        if len(ids) > 25:
            raise AwsError("BatchLimitExceededException", "The maximum number of deployments is 25.")
        held = self._held.deployments
        return {"deploymentsInfo": [views.deployment(held[id]) for id in ids if id in held]}

    def _targets(self, asked: Json) -> Json:
        return {"targetIds": [views.target_id(self._started(asked))]}

    def _target(self, asked: Json) -> Json:
        deployment = self._started(asked)
        self._check_target(deployment, asked.get("targetId"))
        return {"deploymentTarget": views.target(deployment)}

    def _batch_targets(self, asked: Json) -> Json:
        deployment, ids = self._started(asked), asked.get("targetIds") or [None]
        if len(ids) > 25:
            raise AwsError("DeploymentTargetListSizeExceededException", "The maximum number of targets is 25.")
        for id in ids:
            self._check_target(deployment, id)
        return {"deploymentTargets": [views.target(deployment) for _ in ids]}

    def _revision(self, asked: Json) -> Json:
        application = self._application(asked)
        sha = self._location(asked).get("sha256", "")
        content = self._held.revisions.get((application, sha))
        if content is None:
            raise AwsError("RevisionDoesNotExistException", "The revision does not exist.")
        mine = [it for it in self._held.deployments.values() if it.group.application == application]
        used = [it.created_at for it in mine if it.sha256 == sha]
        times = {"firstUsedTime": min(used), "lastUsedTime": max(used), "registerTime": min(used)} if used else {}
        groups = [it for it in self._held.groups.values() if (last := it.last(ended=True)) and last.sha256 == sha]
        return {
            "applicationName": application,
            "revision": views.revision(sha, content),
            "revisionInfo": {"deploymentGroups": [group.name for group in groups], **times},
        }

    # -- writing

    def _stop(self, asked: Json) -> Json:
        """Documented: with no word on it, the group's own configuration decides about the rollback."""
        deployment = self._deployment(asked)
        if deployment.status in ENDED:
            raise AwsError("DeploymentAlreadyCompletedException", f"{deployment.id} is already completed.")
        rollback = asked.get("autoRollbackEnabled")
        if rollback is None:
            rollback = "DEPLOYMENT_STOP_ON_REQUEST" in deployment.group.rollback_events
        self._held.stop(deployment, bool(rollback))
        return {"status": "Pending", "statusMessage": "Stopping the deployment."}

    def _continue(self, asked: Json) -> Json:
        deployment, wait = self._deployment(asked), asked.get("deploymentWaitType", "READY_WAIT")
        if wait not in ("READY_WAIT", "TERMINATION_WAIT"):
            raise AwsError("InvalidDeploymentWaitTypeException", f"{wait} is not a valid deployment wait type.")
        if deployment.status in ENDED:
            raise AwsError("DeploymentAlreadyCompletedException", f"{deployment.id} is already completed.")
        if not deployment.waits or deployment.stopping:
            raise AwsError("DeploymentIsNotInReadyStateException", f"{deployment.id} is not in a ready state.")
        if deployment.waits != wait:
            raise AwsError("InvalidDeploymentWaitTypeException", f"{deployment.id} is not in {wait}.")
        self._held.proceed(deployment)
        return {}

    def _create(self, asked: Json) -> Json:
        group, location = self._group(asked), self._location(asked)
        content, sha = location.get("content"), location.get("sha256")
        if content is None:
            content = self._held.revisions.get((group.application, str(sha)))
            if content is None:
                raise AwsError("RevisionDoesNotExistException", "The revision does not exist.")
        if sha is not None and digest(content) != sha:
            raise AwsError("InvalidRevisionException", "The sha256 is not that of the content.")
        config = asked.get("deploymentConfigName") or group.config
        try:
            task_definition_of(content)
            weights(config)
        except ValueError as error:
            kind = "DeploymentConfigDoesNotExist" if "configuration" in str(error) else "InvalidRevision"
            raise AwsError(f"{kind}Exception", f"{error}") from None
        if other := self._held.active(group):
            told = f"The Deployment Group '{group.name}' already has an active Deployment '{other.id}'"
            raise AwsError("DeploymentLimitExceededException", told)
        deployment = self._held.record(group, content, self._held.now())
        deployment.config, deployment.description = config, str(asked.get("description", ""))
        return {"deploymentId": self._held.start(deployment).id}

    # -- finding

    def _application(self, asked: Json) -> str:
        name = asked.get("applicationName")
        if not name:
            raise AwsError("ApplicationNameRequiredException", "applicationName is required.")
        if name not in {group.application for group in self._held.groups.values()}:
            raise AwsError("ApplicationDoesNotExistException", f"No application found for name: {name}")
        return str(name)

    def _group(self, asked: Json) -> SimulatedCodeDeployGroup:
        application, name = self._application(asked), asked.get("deploymentGroupName")
        if not name:
            raise AwsError("DeploymentGroupNameRequiredException", "deploymentGroupName is required.")
        if (application, name) not in self._held.groups:
            raise AwsError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return self._held.groups[application, str(name)]

    def _deployment(self, asked: Json) -> CodeDeployment:
        id = asked.get("deploymentId")
        if not id:
            raise AwsError("DeploymentIdRequiredException", "deploymentId is required.")
        if not re.fullmatch(r"d-[A-Z0-9]{9}", str(id)):
            raise AwsError("InvalidDeploymentIdException", f"{id} is not a valid deployment ID.")
        if id not in self._held.deployments:
            raise AwsError("DeploymentDoesNotExistException", f"The deployment {id} could not be found")
        return self._held.deployments[str(id)]

    def _started(self, asked: Json) -> CodeDeployment:
        deployment = self._deployment(asked)
        if deployment.started_at is None:
            raise AwsError("DeploymentNotStartedException", f"{deployment.id} has not started.")
        return deployment

    def _check_target(self, deployment: CodeDeployment, id: str | None) -> None:
        if not id:
            raise AwsError("DeploymentTargetIdRequiredException", "A deployment target ID is required.")
        if id != views.target_id(deployment):
            raise AwsError("DeploymentTargetDoesNotExistException", f"{id} is no target of {deployment.id}.")

    def _location(self, asked: Json) -> Json:
        given = asked.get("revision")
        if not given:
            raise AwsError("RevisionRequiredException", "A revision is required.")
        if given.get("revisionType") != "AppSpecContent" or not given.get("appSpecContent"):
            raise AwsError("InvalidRevisionException", "For the ECS compute platform: expected AppSpecContent.")
        found: Json = given["appSpecContent"]
        return found
