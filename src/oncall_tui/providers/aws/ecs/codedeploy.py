"""CodeDeploy, for ECS services that it deploys: what is read of it, typed, and which revision an AppSpec names.

Fields and enums: botocore's ``codedeploy/2014-10-06`` service model. That a task set's ``externalId`` is the CodeDeploy
deployment's id, and an ECS target's id ``CLUSTER:SERVICE``: its API reference, TaskSet and ECSTarget.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import yaml

from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.lru import Lru
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.lists import Damage, Epoch
from oncall_tui.text.short_ids import short_ids

LISTED = 25  # BatchGetDeployments takes as many
OPEN = frozenset({"Created", "Queued", "InProgress", "Baking", "Ready"})
BAKING = "Baking"  # all traffic is on the new tasks, and alarms may still send it back
FELL = ("Failed", "Stopped")  # ended otherwise than meant
KNOWN = OPEN | {"Succeeded", *FELL}


class CodeDeployAppSpec(w.EcsAnswer):
    content: str = ""
    sha256: str = ""


class CodeDeployLocation(w.EcsAnswer):
    """A revision's location; *raw* bodies are kept elsewhere, as they were, to be sent again."""

    revision_type: str = ""
    app_spec_content: CodeDeployAppSpec | None = None
    string: CodeDeployAppSpec | None = None
    s3_location: dict[str, Any] | None = None
    git_hub_location: dict[str, Any] | None = None

    @property
    def spec(self) -> CodeDeployAppSpec | None:
        return self.app_spec_content or self.string

    @property
    def content(self) -> str:
        return self.spec.content if self.spec else ""


class CodeDeployRollbackInfo(w.EcsAnswer):
    rollback_deployment_id: str = ""
    rollback_triggering_deployment_id: str = ""
    rollback_message: str = ""


class CodeDeployError(w.EcsAnswer):
    code: str = ""
    message: str = ""


class CodeDeployTerminate(w.EcsAnswer):
    action: str = ""
    termination_wait_time_in_minutes: int = 0


class CodeDeployReady(w.EcsAnswer):
    action_on_timeout: str = ""
    wait_time_in_minutes: int = 0


class CodeDeployBlueGreen(w.EcsAnswer):
    terminate_blue_instances_on_deployment_success: CodeDeployTerminate | None = None
    deployment_ready_option: CodeDeployReady | None = None


class CodeDeployDeployment(w.EcsAnswer):
    deployment_id: str
    application_name: str = ""
    deployment_group_name: str = ""
    status: str = ""
    create_time: Epoch = 0.0
    start_time: Epoch | None = None
    complete_time: Epoch | None = None
    creator: str = ""
    description: str = ""
    revision: CodeDeployLocation | None = None
    previous_revision: CodeDeployLocation | None = None
    rollback_info: CodeDeployRollbackInfo | None = None
    error_information: CodeDeployError | None = None
    instance_termination_wait_time_started: bool = False
    blue_green_deployment_configuration: CodeDeployBlueGreen | None = None

    @property
    def open(self) -> bool:
        """Return whether it may still change: so may one in a state that is not known."""
        return self.status in OPEN or self.status not in KNOWN

    @property
    def is_rollback(self) -> bool:
        info = self.rollback_info
        return self.creator == "codeDeployRollback" or bool(info and info.rollback_triggering_deployment_id)

    @property
    def rolled_back_by(self) -> str:
        """The id of the deployment that rolls this one back; empty: there is none."""
        return self.rollback_info.rollback_deployment_id if self.rollback_info else ""

    @property
    def reason(self) -> str:
        """Why it went back, or went wrong, in CodeDeploy's words."""
        info, error = self.rollback_info, self.error_information
        return short_ids((info.rollback_message if info else "") or (error.message if error else ""))

    @property
    def definition(self) -> str:
        """The task definition's ARN that it puts there; empty where its AppSpec cannot be read from here."""
        return definition_in(self.revision.content) if self.revision else ""


class GetDeployment(w.EcsAnswer):
    deployment_info: CodeDeployDeployment


class BatchGetDeployments(w.EcsAnswer):
    deployments_info: list[CodeDeployDeployment]


class ListDeployments(w.EcsAnswer):
    deployments: list[str]
    next_token: str = ""


class CodeDeployTargetTaskSet(w.EcsAnswer):
    identifer: str = ""  # spelt so by the API
    desired_count: int = 0
    running_count: int = 0
    status: str = ""
    traffic_weight: float | None = None  # percent
    task_set_label: str = ""


class CodeDeployEvent(w.EcsAnswer):
    lifecycle_event_name: str = ""
    status: str = ""
    start_time: Epoch | None = None
    end_time: Epoch | None = None


class CodeDeployEcsTarget(w.EcsAnswer):
    status: str = ""
    lifecycle_events: list[CodeDeployEvent] = []
    task_sets_info: list[CodeDeployTargetTaskSet] = []


class CodeDeployTarget(w.EcsAnswer):
    ecs_target: CodeDeployEcsTarget | None = None


class BatchGetDeploymentTargets(w.EcsAnswer):
    deployment_targets: list[CodeDeployTarget]


def read(
    client: AwsClient, ids: list[str], priority: Priority, damage: Damage | None = None
) -> list[CodeDeployDeployment]:
    """BatchGetDeployments, 25 at most. Raises SourceError or RateLimited."""
    wanted = list(dict.fromkeys(i for i in ids if i))[:LISTED]
    if not wanted:
        return []
    answer = client.read(BatchGetDeployments, "BatchGetDeployments", priority, damage, deploymentIds=wanted)
    return answer.deployments_info


def read_one(client: AwsClient, deployment: str, priority: Priority = Priority.ACT) -> CodeDeployDeployment:
    """GetDeployment. Raises SourceError (Gone where CodeDeploy does not know it)."""
    return client.read(GetDeployment, "GetDeployment", priority, deploymentId=deployment).deployment_info


class GetApplicationRevision(w.EcsAnswer):
    revision: CodeDeployLocation


def with_specs(
    client: AwsClient, found: list[CodeDeployDeployment], contents: Lru[str, str], priority: Priority = Priority.ACT
) -> None:
    """Fill in the AppSpecs of *found*: GetDeployment leaves their content out, GetApplicationRevision tells it.

    *contents* keeps them by hash. One that cannot be had (it lies in S3, or is gone) stays empty. Raises SourceError
    where the call is throttled, or nobody answers.
    """
    newest = found[0].previous_revision if found else None  # what ran before may be older than what is listed
    named = [(made, made.revision) for made in found] + ([(found[0], newest)] if newest else [])
    for made, location in named:
        spec = location.spec if location else None
        if location is None or spec is None or not spec.sha256 or spec.content:
            continue
        kind = location.revision_type
        spec.content = contents.get(spec.sha256) or _read_spec(client, made, kind, spec.sha256, priority)
        contents.put(spec.sha256, spec.content)


def _read_spec(client: AwsClient, made: CodeDeployDeployment, kind: str, sha256: str, priority: Priority) -> str:
    named = {"revisionType": kind, "string" if kind == "String" else "appSpecContent": {"sha256": sha256}}
    with suppress(*NOT_OFFERED, Gone):
        answer = client.read(
            GetApplicationRevision,
            "GetApplicationRevision",
            priority,
            applicationName=made.application_name,
            revision=named,
        )
        return answer.revision.content
    return ""


def read_history(
    client: AwsClient, application: str, group: str, priority: Priority = Priority.ACT, damage: Damage | None = None
) -> list[CodeDeployDeployment]:
    """The newest 25 deployments of a group, newest first. Raises SourceError."""
    listed = client.read(
        ListDeployments, "ListDeployments", priority, damage, applicationName=application, deploymentGroupName=group
    )
    return sorted(read(client, listed.deployments, priority, damage), key=lambda d: d.create_time, reverse=True)


def read_target(
    client: AwsClient, deployment: str, service: w.EcsService, priority: Priority
) -> CodeDeployEcsTarget | None:
    """Read the ECS target of a deployment (traffic, stages); None where it has none yet. Raises SourceError."""
    name = f"{arn.parse(service.cluster_arn).name}:{service.service_name}"
    answer = client.read(
        BatchGetDeploymentTargets,
        "BatchGetDeploymentTargets",
        priority,
        deploymentId=deployment,
        targetIds=[name],
    )
    return next((t.ecs_target for t in answer.deployment_targets if t.ecs_target), None)


def external_id(service: w.EcsService) -> str:
    """The CodeDeploy deployment's id that the newest task set names; empty: none does."""
    sets = sorted(service.task_sets, key=lambda t: t.created_at, reverse=True)
    return next((t.external_id for t in sets if t.external_id), "")


def definition_in(content: str) -> str:
    """The task definition that an AppSpec (JSON or YAML) names; empty where it is not to be found.

    ``Resources[].TargetService.Properties.TaskDefinition``: CodeDeploy's user guide, "AppSpec file for ECS".
    """
    try:
        parsed = yaml.safe_load(content) if content else None  # JSON is YAML too
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ):  # other people's text: a date that is none, a thousand brackets
        return ""
    resources = parsed.get("Resources") if isinstance(parsed, dict) else None
    for resource in resources if isinstance(resources, list) else ():
        target = resource.get("TargetService") if isinstance(resource, dict) else None
        properties = target.get("Properties") if isinstance(target, dict) else None
        found = properties.get("TaskDefinition") if isinstance(properties, dict) else None
        if isinstance(found, str):
            return found
    return ""


def location_request(revision: CodeDeployLocation | None) -> dict[str, Any]:
    """A revision as CreateDeployment takes it: the very same AppSpec again. Empty where it is of no known kind."""
    revision = revision or CodeDeployLocation()
    if revision.content:
        digest = hashlib.sha256(revision.content.encode()).hexdigest()
        content = {"content": revision.content, "sha256": digest}
        return {"revisionType": "AppSpecContent", "appSpecContent": content}
    if revision.s3_location is not None:
        return {"revisionType": "S3", "s3Location": revision.s3_location}
    if revision.git_hub_location is not None:
        return {"revisionType": "GitHub", "gitHubLocation": revision.git_hub_location}
    return {}


def wait_of(made: CodeDeployDeployment) -> str:
    """``READY_WAIT`` (holds the traffic shift), ``TERMINATION_WAIT`` (keeps the way back), or empty.

    DeploymentInfo.status is ``Ready`` while a deployment waits for ContinueDeployment, or for its time-out (API
    reference, DeploymentReadyOption); instanceTerminationWaitTimeStarted tells that the old tasks' last wait runs.
    """
    if made.instance_termination_wait_time_started:
        return "TERMINATION_WAIT" if made.open else ""
    return "READY_WAIT" if made.status == "Ready" else ""
