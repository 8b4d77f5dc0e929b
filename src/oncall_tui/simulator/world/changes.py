"""Events that are changes and no deploys: of databases, desired counts and alarms, and who did them.

Times are seconds since the epoch, UTC.
"""

from typing import Any, Protocol

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.services.aws.autoscaling import AutoScaling
from oncall_tui.simulator.services.aws.cloudtrail import AUTOSCALING, CloudTrail
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsService
from oncall_tui.simulator.services.aws.rds import CLUSTER, COURSES, INSTANCE, OF_CLUSTERS, Databases
from oncall_tui.simulator.world.deploy_events import SimulatedDeploys
from oncall_tui.simulator.world.world import World

BY_ITSELF = "autoscaling"  # who scales where no person does
MINUTE = 60.0


class EditableAlarms(Protocol):
    """This module's view of the simulated CloudWatch."""

    def edit(self, name: str, threshold: float | None, delete: bool, at: float) -> Table:
        """Edit an alarm, or delete it; what PutMetricAlarm or DeleteAlarms was called with."""
        ...

    def check(self, name: str) -> None:
        """ValueError where there is none of this name."""


class SimulatedChanges(SimulatedDeploys):
    """The doer of changes."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.databases: dict[str, tuple[Databases, CloudTrail]] = {}
        """By the name of the rds source."""
        self.autoscaling: dict[str, AutoScaling] = {}
        """By the name of the ecs source."""
        self.edited: tuple[EditableAlarms, CloudTrail] | None = None

    def check_change(self, verb: str, given: Table) -> None:
        """ValueError where an event names a source or an alarm that is not there."""
        if verb == "rds":
            self._found(self.databases, given, "an rds")
            if given.get("cluster") and given["what"] not in OF_CLUSTERS:
                raise ValueError(f"what: of a cluster expected one of {', '.join(OF_CLUSTERS)}")
        elif verb == "edit_alarm":
            self._edited()[0].check(given["name"])
        elif verb == "cloudtrail":
            self._found(self.trails, given, "an ecs")

    # -- the verbs

    def _rds(self, given: Table) -> None:
        databases, trail = self._found(self.databases, given, "an rds")
        name, cluster = given["name"], bool(given.get("cluster"))
        course = (OF_CLUSTERS if cluster else COURSES)[given["what"]]
        kind, began = CLUSTER if cluster else INSTANCE, self._began_at(given)
        databases.tell(began, name, kind, *course.begin)
        if course.end[1]:
            takes = float(given.get("takes_s", 40.0))
            if began < self.world.timeline.now():
                databases.tell(began + takes, name, kind, *course.end)
            else:
                ends = began + takes / self.world.timeline.speed
                self.world.timeline.after(takes, lambda: databases.tell(ends, name, kind, *course.end))
        if "by" in given and course.api:
            request: Table = {"dBClusterIdentifier" if cluster else "dBInstanceIdentifier": name}
            request |= {"forceFailover": True} if given["what"] == "failover" and not cluster else {}
            trail.tell(course.api, given["by"], request, at=began)

    def _scale(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        source, by = given["service"].partition("/")[0], given.get("by", "")
        old, new = service.desired, given["desired"]
        mover.scale(service, new)
        if by == BY_ITSELF:
            self.autoscaling[source].scaled(service, old, new)
        if by:
            self._told_of(source, service, by, {"desiredCount": new})

    def _told_of(self, source: str, service: SimulatedEcsService, by: str, more: Table) -> None:
        request = {"cluster": service.cluster.name, "service": service.name, **more}
        self.trails[source].tell("UpdateService", AUTOSCALING if by == BY_ITSELF else by, request)

    def _edit_alarm(self, given: Table) -> None:
        alarms, trail = self._edited()
        at, threshold = self._began_at(given), given.get("threshold")
        deleted = bool(given.get("delete"))
        request = alarms.edit(given["name"], None if threshold is None else float(threshold), deleted, at)
        if "by" in given:
            trail.tell("DeleteAlarms" if deleted else "PutMetricAlarm", given["by"], request, at=at)

    def _cloudtrail(self, given: Table) -> None:
        trail = self._found(self.trails, given, "an ecs")
        at, request = self._began_at(given), given.get("request")
        trail.tell(given["event"], given["by"], request, given.get("error", ""), at, given.get("api", ""))

    def _began_at(self, given: Table) -> float:
        return self.world.timeline.now() - MINUTE * float(given.get("minutes_ago", 0.0))

    def _edited(self) -> tuple[EditableAlarms, CloudTrail]:
        if self.edited is None:
            raise ValueError("no source is a cloudwatch")
        return self.edited

    def _found(self, held: dict[str, Any], given: Table, what: str) -> Any:
        """The source that an event names, else the first of its kind. Raises ValueError."""
        name = given.get("source", next(iter(held), ""))
        if name not in held:
            raise ValueError(f"source: expected the name of {what} source, got {name!r}")
        return held[name]
