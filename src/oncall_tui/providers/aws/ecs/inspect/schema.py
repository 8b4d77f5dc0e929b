"""The answers behind one service's inside: its events, its target groups, and the health of its targets.

Fields and enums: botocore's models ``ecs/2014-11-13`` and ``elbv2/2015-12-01``. As in
``aws/ecs/schema.py``, an answer's own list has no default.
"""

from __future__ import annotations

import msgspec

from oncall_tui.providers.aws.ecs.schema import EcsAnswer, EcsEvent, EcsSummary


class EcsAlternateTargets(EcsAnswer):
    """The two target groups of a service that shifts traffic between them."""

    alternate_target_group_arn: str = ""


class EcsLoadBalancer(EcsAnswer):
    target_group_arn: str = ""
    advanced_configuration: EcsAlternateTargets | None = None


class EcsTaskSetTargets(EcsAnswer):
    """A task set: under CodeDeploy and EXTERNAL the load balancers are those of the task set."""

    load_balancers: list[EcsLoadBalancer] = []


class EcsServiceTargets(EcsAnswer):
    service_arn: str
    task_definition: str = ""
    events: list[EcsEvent] = []
    load_balancers: list[EcsLoadBalancer] = []
    task_sets: list[EcsTaskSetTargets] = []
    current_service_revisions: list[EcsSummary] = []

    def groups(self) -> list[str]:
        """The ARN of each target group, once."""
        found = [*self.load_balancers, *(b for s in self.task_sets for b in s.load_balancers)]
        also = [b.advanced_configuration.alternate_target_group_arn for b in found if b.advanced_configuration]
        return [arn for arn in dict.fromkeys([*(b.target_group_arn for b in found), *also]) if arn]


class DescribeServiceTargets(EcsAnswer):
    """DescribeServices, of one."""

    services: list[EcsServiceTargets]


class ElbAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer of Elastic Load Balancing: unknown fields are ignored."""


class EcsTarget(ElbAnswer):
    id: str = ""
    port: int = 0
    availability_zone: str = ""


class EcsHealth(ElbAnswer):
    state: str = ""
    reason: str = ""
    description: str = ""


class EcsTargetHealth(ElbAnswer):
    target: EcsTarget = msgspec.field(default_factory=EcsTarget)
    target_health: EcsHealth = msgspec.field(default_factory=EcsHealth)


class DescribeTargetHealth(ElbAnswer):
    target_health_descriptions: list[EcsTargetHealth]
