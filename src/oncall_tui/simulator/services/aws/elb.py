"""Load balancers' target groups: the service model of 2015-12-01, of which DescribeTargetHealth alone is simulated.

A target is a task's private address. It is as the task is: initial for a while after its start, healthy, draining for a
while after its end; unhealthy where a scenario says so, or where the task is about to die of its health check.
"""

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

from oncall_tui.simulator.services.aws.ecs import task_views
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount, SimulatedEcsService, SimulatedEcsTask
from oncall_tui.simulator.services.aws.ecs.views import load_balancers
from oncall_tui.simulator.services.aws.endpoint import AwsError

INITIAL_S, DRAINING_S = 3.0, 15.0  # unscaled: of a target that is new, and of one that goes
ALTERNATE = "-alternate"

_SAYS = {
    "healthy": ("", ""),
    "unhealthy": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unused": ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
    "unavailable": ("Target.HealthCheckDisabled", "Health checks are disabled for this target"),
}
"""State -> (Reason, Description)."""


class TargetGroups:
    """One account's, in one region: those that its services' loadBalancers[] name."""

    space = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
    permission = "elasticloadbalancing"
    operations = frozenset({"DescribeTargetHealth"})

    def __init__(
        self, account: SimulatedEcsAccount, now: Callable[[], float], scaled: Callable[[float], float]
    ) -> None:
        self._account, self._now, self._scaled = account, now, scaled

    def resource(self, asked: dict[str, str]) -> str:
        """The ARN that a denied call names."""
        return asked.get("TargetGroupArn", "*")

    def answer(self, operation: str, asked: dict[str, str]) -> str:
        """DescribeTargetHealth's result, or AwsError."""
        given = asked.get("TargetGroupArn", "")
        name = given.partition(":targetgroup/")[2].partition("/")[0]
        for cluster in self._account.clusters.values():
            for service in (cluster.services.get(name), cluster.services.get(name.removesuffix(ALTERNATE))):
                if service is not None and given in _groups(service):
                    members = self._targets(service, name.endswith(ALTERNATE) and name != service.name)
                    return f"<TargetHealthDescriptions>{''.join(members)}</TargetHealthDescriptions>"
        raise AwsError("TargetGroupNotFound", "One or more target groups not found")

    def _targets(self, service: SimulatedEcsService, alternate: bool) -> Iterator[str]:
        """While two revisions are kept, the new one's tasks are in the alternate group."""
        both = service.kept is not None and len(_groups(service)) > 1
        going = (t for t in service.stopped if (t.stopped_at or 0.0) > self._now() - self._scaled(DRAINING_S))
        for task in (*service.tasks, *going):
            new = both and task.rollout_id == service.primary.id
            if task.started_at is not None and new == alternate:
                yield self._target(service, task)

    def _target(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> str:
        state = self._state(service, task)
        reason, description = _SAYS[state]
        if service.targets[1] and state == service.targets[0]:
            description = service.targets[1]
        health = _element("State", state) + _element("Reason", reason) + _element("Description", description)
        at = _element("Id", task_views.address(task)) + _element("Port", str(service.port))
        at += _element("AvailabilityZone", task_views.zone(self._account, task))
        port = _element("HealthCheckPort", str(service.port))
        return f"<member><Target>{at}</Target>{port}<TargetHealth>{health}</TargetHealth></member>"

    def _state(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> str:
        if not task.live:
            return "draining"
        said = service.targets[0] or task.revision.definition.targets
        if said:
            return said
        if self._now() - (task.started_at or 0.0) < self._scaled(INITIAL_S):
            return "initial"
        fails = task.revision.definition.fails
        return "unhealthy" if fails is not None and "health checks" in fails.stopped_reason else "healthy"


def _groups(service: SimulatedEcsService) -> list[str]:
    told = load_balancers(service)
    also = [it["advancedConfiguration"]["alternateTargetGroupArn"] for it in told if "advancedConfiguration" in it]
    return [*(it["targetGroupArn"] for it in told), *also]


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""
