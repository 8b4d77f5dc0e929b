"""A service from inside: its tasks and its load balancer's targets, as read when somebody looks.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re

import msgspec

from oncall_tui.domain.reading import PartialFailure


class Container(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One container of a task. *exit_code* is None while it runs, or where ECS has none (it never started)."""

    name: str
    status: str = ""
    health: str = ""  # HEALTHY, UNHEALTHY or UNKNOWN, as its own health check says
    exit_code: int | None = None
    reason: str = ""
    runtime_id: str = ""


# ECS's stop codes that are no failure of the task (API reference, Task.stopCode): scaling in, a deploy's end, a person,
# a machine that was reclaimed or is not well
NOT_FAILED = (
    "ServiceSchedulerInitiated",
    "UserInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
)
# … but for tasks that the scheduler stops since they are not healthy (developer guide, "stopped tasks error messages")
_UNHEALTHY = re.compile(r"Task failed .*health checks")


def stop_failed(stop_code: str, reason: str, exit_code: int | None) -> bool:
    """Return whether a task that stopped so failed by itself. Where ECS gives no code, its exit code tells."""
    if stop_code in NOT_FAILED:
        return stop_code == "ServiceSchedulerInitiated" and bool(_UNHEALTHY.match(reason))
    return bool(stop_code) or exit_code != 0


def short_task(task: str) -> str:
    """A task's id as it is told everywhere: the first eight characters of the last part of its ARN."""
    return task.rpartition("/")[2][:8]


class Task(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One task. *id* is the last part of its ARN; times are seconds since the epoch, UTC (None: not yet, not told)."""

    id: str
    arn: str
    task_definition: str
    status: str  # lastStatus: PROVISIONING … RUNNING … STOPPED
    desired: str  # desiredStatus: what ECS wants it to be
    health: str = ""
    started_by: str = ""  # the id of the deployment in ``deployments[]`` that started it
    created: float | None = None
    started: float | None = None
    stopped: float | None = None
    stop_code: str = ""
    reason: str = ""  # stoppedReason
    zone: str = ""
    can_exec: bool = False  # enableExecuteCommand
    containers: tuple[Container, ...] = ()

    @property
    def revision(self) -> str:
        """``:42``"""
        number = self.task_definition.rpartition(":")[2]
        return f":{number}" if number.isdigit() else self.task_definition

    @property
    def exit_code(self) -> int | None:
        """The first exit code that is not 0, else the first."""
        codes = [c.exit_code for c in self.containers if c.exit_code is not None]
        return next((code for code in codes if code), codes[0] if codes else None)

    @property
    def failed(self) -> bool:
        """Return whether it failed, of a task that stopped, rather than being replaced."""
        return stop_failed(self.stop_code, self.reason, self.exit_code)


class TargetHealth(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One target of a load balancer's target group, apart from the tasks: what runs may still be unhealthy there."""

    group: str
    id: str
    port: int = 0
    state: str = ""  # healthy, unhealthy, initial, draining, unused, unavailable
    reason: str = ""
    zone: str = ""


class ServiceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The inside of one service, read *at* that time. *problems* names the parts that could not be read.

    A problem whose state is OK says that there is more than was read. *calls* is how many calls it took.

    *tasks* are those that run or start first, then the stopped ones, newest first (ECS keeps them for about an hour).
    *events* are newest first.
    """

    service_id: str
    at: float
    tasks: tuple[Task, ...] = ()
    targets: tuple[TargetHealth, ...] = ()
    events: tuple[tuple[float, str], ...] = ()
    problems: tuple[PartialFailure, ...] = ()
    calls: int = 0
