"""Service revisions: what a deploy puts there, of which the task definition is a part.

Fields: botocore's ``ecs/2014-11-13`` service model, ServiceRevision. A rollback within a deploy goes back to the whole
revision, ``UpdateService`` with an earlier task definition to that alone: so the rest is compared, to be told.
"""

from __future__ import annotations

from hashlib import blake2b
from sys import intern
from typing import Any

import msgspec

from oncall_tui.providers.aws.ecs.schema import EcsAnswer, EcsFailure
from oncall_tui.providers.lists import Damage, Epoch, converted


class EcsContainerImage(EcsAnswer):
    container_name: str = ""
    image_digest: str = ""
    image: str = ""


class EcsMetricConfiguration(EcsAnswer):
    metric_names: list[str] = []
    resolution_seconds: int = 60


class EcsMonitoring(EcsAnswer):
    metric_configurations: list[EcsMetricConfiguration] = []


class EcsManagedTargets(EcsAnswer):
    arn: str = ""


class EcsIngressPath(EcsAnswer):
    target_groups: list[EcsManagedTargets] = []


class EcsSharedBalancer(EcsAnswer):
    target_group_arn: str = ""
    alternate_target_group_arn: str = ""


class EcsConnectionResources(EcsAnswer):
    host_shared_alb: list[EcsSharedBalancer] = []


class EcsGatewayConnection(EcsAnswer):
    resources: EcsConnectionResources | None = None


class EcsManagedResources(EcsAnswer):
    """The resources that ECS itself made for a service of Express Mode, or for its gateway connectors."""

    ingress_paths: list[EcsIngressPath] = []
    gateway_connections: list[EcsGatewayConnection] = []

    def groups(self) -> list[str]:
        """The ARN of each target group."""
        found = [g.arn for path in self.ingress_paths for g in path.target_groups]
        shared = [b for c in self.gateway_connections if c.resources for b in c.resources.host_shared_alb]
        return [*found, *(arn for b in shared for arn in (b.target_group_arn, b.alternate_target_group_arn))]


# A service revision's members that no update restores with a task definition, as a plan names them
BESIDE = {
    "networkConfiguration": "network",
    "loadBalancers": "load balancers",
    "capacityProviderStrategy": "capacity providers",
    "launchType": "launch type",
    "platformVersion": "platform version",
    "platformFamily": "platform family",
    "serviceConnectConfiguration": "Service Connect",
    "volumeConfigurations": "volumes",
    "serviceRegistries": "service discovery",
    "vpcLatticeConfigurations": "VPC Lattice",
    "fargateEphemeralStorage": "ephemeral storage",
    "guardDutyEnabled": "GuardDuty",
    "gatewayConnectors": "gateway connectors",
    "monitoring": "monitoring",
}
# … those that name it, its task definition and images; and those that ECS derives by itself
OF_REVISION = frozenset(
    {"serviceRevisionArn", "serviceArn", "clusterArn", "taskDefinition", "containerImages", "createdAt"}
)
DERIVED = frozenset({"resolvedConfiguration", "ecsManagedResources", "overrides"})


class EcsServiceRevision(EcsAnswer):
    """A service revision. *beside* holds a digest of each member that is no part of its task definition, to compare:
    also of those that are newer than this program.
    """

    service_revision_arn: str
    task_definition: str = ""
    container_images: list[EcsContainerImage] = []
    created_at: Epoch = 0.0
    monitoring: EcsMonitoring | None = None
    ecs_managed_resources: EcsManagedResources | None = None
    beside: dict[str, bytes] = msgspec.field(name="(beside)", default_factory=dict)  # no name that an answer has

    def resolution_s(self, metric: str) -> int:
        """How often ECS sends this metric of the service: every 60 s, or 20 where that was asked for."""
        told = self.monitoring.metric_configurations if self.monitoring else []
        return next((one.resolution_seconds for one in told if metric in one.metric_names), 60)


class DescribeServiceRevisions(EcsAnswer):
    """*service_revisions* are kept whole: what differs between two of them is told also where its name is not known."""

    service_revisions: list[dict[str, Any]]
    failures: list[EcsFailure] = []

    def typed(self, damage: Damage | None = None) -> list[EcsServiceRevision]:
        """The revisions, each with its digests. One that is not as ECS promises is noted in *damage*; without it,
        raises msgspec.ValidationError.
        """
        return [_typed(raw, found) for raw, found in converted(self.service_revisions, EcsServiceRevision, damage)]


def _typed(raw: dict[str, Any], found: EcsServiceRevision) -> EcsServiceRevision:
    told = {k: v for k, v in raw.items() if k not in OF_REVISION and k not in DERIVED and v}  # False is as good as none
    found.beside = {intern(k): _digest(v) for k, v in told.items()}
    return found


def _digest(value: Any) -> bytes:
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=8).digest()


def beside_words(member: str) -> str:
    """Return the words for a member of a service revision: ``VPC Lattice``; of one that is not known its own name."""
    return BESIDE.get(member) or "".join(f" {c.lower()}" if c.isupper() else c for c in member).strip()
