"""CodeDeploy's model of ECS services: deployment groups, deployments, their AppSpecs. Times are epoch seconds.

The names of statuses and lifecycle events are those of CodeDeploy's API model and of its AppSpec reference for ECS.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from oncall_tui.simulator.services.aws.ecs.model import Rollout, SimulatedEcsService, TaskDefinition
from oncall_tui.simulator.services.aws.ecs.strategy import MINUTE

Json = dict[str, Any]

EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
ENDED = ("Succeeded", "Failed", "Stopped")
ALL_AT_ONCE = "CodeDeployDefault.ECSAllAtOnce"


@dataclass
class SimulatedCodeDeployGroup:
    """A deployment group: one ECS service, and how it is deployed."""

    application: str
    name: str
    service: SimulatedEcsService
    config: str = ALL_AT_ONCE
    wait_minutes: int = 60
    """How long the original task set is kept after the traffic has moved."""
    ready_minutes: int = 0
    """How long a deploy waits to be continued before the traffic moves; 0: it does not wait."""
    rollback_events: tuple[str, ...] = ("DEPLOYMENT_FAILURE",)
    alarms: tuple[str, ...] = ()
    id: str = ""
    deployments: list["CodeDeployment"] = field(default_factory=list)
    """Newest first."""

    def last(self, ended: bool) -> "CodeDeployment | None":
        """The newest, or the newest that succeeded."""
        return next((it for it in self.deployments if not ended or it.status == "Succeeded"), None)


@dataclass
class CodeDeployment:
    """One CodeDeploy deployment. `turn` grows with every decision that makes what was due void."""

    id: str
    group: SimulatedCodeDeployGroup
    content: str
    created_at: float
    definition: TaskDefinition | None = None
    config: str = ALL_AT_ONCE
    status: str = "Created"
    creator: str = "user"
    description: str = ""
    started_at: float | None = None
    completed_at: float | None = None
    updated_at: float = 0.0
    green: Rollout | None = None
    blue: Rollout | None = None
    events: dict[str, Json] = field(default_factory=dict)
    """By name: status, startTime, endTime."""
    waits: str = ""
    """READY_WAIT, TERMINATION_WAIT, or nothing."""
    stopping: bool = False
    rolled_back_by: str = ""
    rollback_of: str = ""
    message: str = ""
    """About its rollback."""
    error: Json | None = None
    turn: int = 0

    @property
    def sha256(self) -> str:
        """Return the digest of the AppSpec."""
        return digest(self.content)


def digest(content: str) -> str:
    """How a revision is known."""
    return hashlib.sha256(content.encode()).hexdigest()


def appspec(definition: TaskDefinition, port: int) -> str:
    """The AppSpec that deploys a task definition."""
    properties = {
        "TaskDefinition": definition.arn,
        "LoadBalancerInfo": {"ContainerName": definition.containers[0]["name"], "ContainerPort": port},
        "PlatformVersion": "LATEST",
    }
    target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    return json.dumps({"version": 0.0, "Resources": [target]})


def task_definition_of(content: str) -> str:
    """The task definition's ARN that an AppSpec names, in YAML or JSON. ValueError where it names none."""
    try:
        found = yaml.safe_load(content)["Resources"][0]
        return str(next(iter(found.values()))["Properties"]["TaskDefinition"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError, StopIteration):
        raise ValueError("the AppSpec names no task definition") from None


def weights(config: str) -> list[tuple[float, float]]:
    """The replacement task set's traffic in percent, and how many seconds that stays, by a configuration's name.

    ValueError where there is none of this name.
    """
    if found := re.fullmatch(r"CodeDeployDefault\.ECSLinear(\d+)PercentEvery(\d+)Minutes", config):
        percent, minutes = int(found[1]), int(found[2])
        return [(float(it), minutes * MINUTE) for it in range(percent, 100, percent)] + [(100.0, 2.0)]
    if found := re.fullmatch(r"CodeDeployDefault\.ECSCanary(\d+)Percent(\d+)Minutes", config):
        return [(float(found[1]), int(found[2]) * MINUTE), (100.0, 2.0)]
    if config == ALL_AT_ONCE:
        return [(100.0, 2.0)]
    raise ValueError(f"no deployment configuration is named {config!r}")
