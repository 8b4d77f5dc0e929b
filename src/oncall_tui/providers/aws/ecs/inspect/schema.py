"""What is read of one service when somebody looks inside: its events, its target groups, and how the targets are.

Fields and enums: botocore's models ``ecs/2014-11-13`` and ``elbv2/2015-12-01``. As in ``ecs_decode``, an answer's own
list has no default.
"""

from __future__ import annotations

import msgspec

from oncall_tui.providers.aws.ecs.schema import Answer, EventW, SummaryW


class AdvancedW(Answer):
    """Of a service that shifts traffic between two target groups."""

    alternate_target_group_arn: str = ""


class LoadBalancerW(Answer):
    target_group_arn: str = ""
    advanced_configuration: AdvancedW | None = None


class SetW(Answer):
    """A task set: under CodeDeploy and EXTERNAL the load balancers are its."""

    load_balancers: list[LoadBalancerW] = []


class InsideW(Answer):
    service_arn: str
    events: list[EventW] = []
    load_balancers: list[LoadBalancerW] = []
    task_sets: list[SetW] = []
    current_service_revisions: list[SummaryW] = []

    def groups(self) -> list[str]:
        """The ARN of each target group, once."""
        found = [*self.load_balancers, *(b for s in self.task_sets for b in s.load_balancers)]
        also = [b.advanced_configuration.alternate_target_group_arn for b in found if b.advanced_configuration]
        return [arn for arn in dict.fromkeys([*(b.target_group_arn for b in found), *also]) if arn]


class DescribeInside(Answer):
    """DescribeServices, of one."""

    services: list[InsideW]


class ElbAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """What Elastic Load Balancing answers: unknown fields are passed over."""


class TargetW(ElbAnswer):
    id: str = ""
    port: int = 0
    availability_zone: str = ""


class HealthW(ElbAnswer):
    state: str = ""
    reason: str = ""
    description: str = ""


class TargetHealthW(ElbAnswer):
    target: TargetW = msgspec.field(default_factory=TargetW)
    target_health: HealthW = msgspec.field(default_factory=HealthW)


class DescribeTargetHealth(ElbAnswer):
    target_health_descriptions: list[TargetHealthW]
