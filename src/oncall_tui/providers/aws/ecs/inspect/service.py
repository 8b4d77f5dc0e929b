"""A service from inside, read when an engineer opens it: its tasks, its targets, its newest events.

Calls of one reading: DescribeServices, ListTasks twice, DescribeTasks once a hundred tasks, DescribeTargetHealth once a
target group; and DescribeServiceRevisions where the revision is not known yet, which tells how often ECS sends its
metrics. Six at the most where there are a hundred tasks or fewer and one target group. Each part may fail alone.

Facts: ECS's API reference (ListTasks: a hundred ARNs a page, in no promised order; stopped tasks for about an hour;
DescribeTasks: a hundred tasks a call) and Elastic Load Balancing's (DescribeTargetHealth).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from oncall_tui import errors
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service_detail import Container, ServiceDetail, TargetHealth, Task
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import revision_cache
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.inspect import schema as d
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.lists import Damage
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.short_ids import short_ids

T = TypeVar("T")
TASKS = 100  # of those that run, and of those that stopped
GROUPS = 8  # target groups: a call each
EVENTS = 20
TIMEOUTS = 2  # after so many nothing more is asked: each takes seconds
NO_LOGIN = (errors.Expired, errors.NoCredentials)


def place(source: str, service_id: str) -> tuple[str, str]:
    """(cluster, name) of a service's id. Raises SourceError where it is none of *source*'s."""
    parts = service_id.removeprefix(f"{source}/").split("/")
    if len(parts) != 2 or not all(parts):
        raise Gone(f"{service_id} is not a service of {source}")
    return parts[0], parts[1]


class ServiceInspection:
    """Reads services of one source from inside. Used by the queue of on-demand readings; keeps revisions alone."""

    def __init__(self, source: str, ecs: AwsClient, elb: AwsClient, known: RevisionCache, clock: Clock) -> None:
        self._source, self._ecs, self._elb, self._known, self._clock = source, ecs, elb, known, clock
        self._ran: tuple[str, tuple[str, ...]] = ("", ())  # the service that was read last, and its revisions

    def revisions_of(self, service_id: str) -> tuple[str, ...]:
        """Return the ARNs of the revisions that the service ran when it was read last; empty: another was."""
        of, arns = self._ran
        return arns if of == service_id else ()

    def inspect(self, service_id: str) -> ServiceDetail:
        """Read one service from inside (base.SupportsInspect). Raises SourceError where none of it can be read."""
        cluster, name = place(self._source, service_id)
        parts = InspectedParts()
        at = self._clock.now()
        seen = parts.read("events and target groups", lambda: self._describe(parts, cluster, name), None)
        arns = [*self._list(parts, cluster, name, "RUNNING"), *self._list(parts, cluster, name, "STOPPED")]
        tasks: list[Task] = []
        for start in range(0, len(arns), TASKS):
            some = arns[start : start + TASKS]
            tasks += parts.read("tasks", partial(self._tasks, parts, cluster, some), [])
        arns = [s.arn for s in seen.current_service_revisions] if seen else []
        self._ran = (service_id, tuple(arns))
        if any(one not in self._known.revisions for one in arns):
            parts.read("service revision", partial(self._revisions, parts, arns), None)
        made = (self._known.revisions.get(one) for one in arns)
        managed = [g for one in made if one and one.ecs_managed_resources for g in one.ecs_managed_resources.groups()]
        groups = [*(seen.groups() if seen else []), *managed]
        targets = self._targets(parts, [g for g in dict.fromkeys(groups) if g])
        parts.raise_if_nothing()
        return ServiceDetail(
            service_id=service_id,
            at=at,
            tasks=tuple(sorted(tasks, key=_order)),
            targets=tuple(targets),
            events=tuple((e.created_at, short_ids(e.message)) for e in seen.events[:EVENTS]) if seen else (),
            problems=tuple(parts.problems),
            calls=parts.calls,
        )

    def _describe(self, parts: InspectedParts, cluster: str, name: str) -> d.EcsServiceTargets:
        parts.calls += 1
        answer = self._ecs.read(
            d.DescribeServiceTargets, "DescribeServices", Priority.ACT, cluster=cluster, services=[name]
        )
        if not answer.services:
            raise Gone(f"{cluster}/{name} is not there any more")
        return answer.services[0]

    def _revisions(self, parts: InspectedParts, arns: list[str]) -> None:
        parts.calls += 1
        self._known.read_revisions(arns[: revision_cache.REVISIONS_A_CALL], Priority.ACT)

    def _list(self, parts: InspectedParts, cluster: str, name: str, wanted: str) -> list[str]:
        scope = f"{wanted.lower()} tasks"

        def ask() -> list[str]:
            parts.calls += 1
            page = self._ecs.read(
                w.ListTasks,
                "ListTasks",
                Priority.ACT,
                damage := Damage(),
                cluster=cluster,
                serviceName=name,
                desiredStatus=wanted,
                maxResults=TASKS,
            )
            parts.problems += damage.problems(scope)
            if page.next_token:
                parts.problems.append(
                    PartialFailure(SourceState.OK, scope, f"there are more than {TASKS}: these are some")
                )
            return page.task_arns

        return parts.read(scope, ask, [])

    def _tasks(self, parts: InspectedParts, cluster: str, arns: list[str]) -> list[Task]:
        """DescribeTasks. What is MISSING there went away since it was listed; other failures are told."""
        parts.calls += 1
        damage = Damage()
        answer = self._ecs.read(w.DescribeTasks, "DescribeTasks", Priority.ACT, damage, cluster=cluster, tasks=arns)
        parts.problems += damage.problems("tasks")
        for failure in answer.failures:
            if failure.reason != "MISSING":
                words = f"{arn.parse(failure.arn).name}: {failure.detail or failure.reason}"
                parts.problems.append(PartialFailure(SourceState.MALFORMED, "tasks", words))
        return [to_task(task) for task in answer.tasks]

    def _targets(self, parts: InspectedParts, groups: list[str]) -> list[TargetHealth]:
        found: list[TargetHealth] = []
        for group in groups[:GROUPS]:
            found += parts.read("targets", partial(self._targets_of, parts, group), [])
        if len(groups) > GROUPS:
            words = f"{GROUPS} of {len(groups)} target groups were read"
            parts.problems.append(PartialFailure(SourceState.OK, "targets", words))
        return sorted(found, key=lambda t: (t.group, t.state == "healthy", t.id, t.port))

    def _targets_of(self, parts: InspectedParts, group: str) -> list[TargetHealth]:
        parts.calls += 1
        damage = Damage()
        answer = self._elb.read(
            d.DescribeTargetHealth, "DescribeTargetHealth", Priority.ACT, damage, TargetGroupArn=group
        )
        parts.problems += damage.problems("targets")
        return [to_target(group, one) for one in answer.target_health_descriptions]


class InspectedParts:
    """The parts of one inspection: the failed ones, and the number of calls."""

    def __init__(self) -> None:
        self.problems: list[PartialFailure] = []
        self.calls = 0
        self._good = self._timeouts = 0
        self._first: errors.SourceError | None = None
        self._lost: errors.SourceError | None = None

    def read(self, scope: str, ask: Callable[[], T], nothing: T) -> T:
        """Return the answer of *ask*, or *nothing* and note a problem. A lost login or two time-outs end the calls."""
        try:
            if self._lost is not None:
                raise self._lost
            found = ask()
        except errors.SourceError as error:
            self._first = self._first or error
            self._timeouts += isinstance(error, errors.Offline)
            if isinstance(error, NO_LOGIN) or self._timeouts >= TIMEOUTS:
                self._lost = error
            problem = PartialFailure(SourceState(error.state), scope, error.message, error.hint)
            if problem not in self.problems:  # a target group each, and the same words
                self.problems.append(problem)
            return nothing
        self._good += 1
        return found

    def raise_if_nothing(self) -> None:
        """Raise the first error where no part could be read."""
        if self._first is not None and not self._good:
            raise self._first


def to_task(task: w.EcsTask) -> Task:
    """The domain's task."""
    return Task(
        id=arn.parse(task.task_arn).name,
        arn=task.task_arn,
        task_definition=task.task_definition_arn,
        status=task.last_status,
        desired=task.desired_status,
        health=task.health_status,
        started_by=task.started_by,
        created=task.created_at,
        started=task.started_at,
        stopped=task.stopped_at,
        stop_code=task.stop_code,
        reason=short_ids(task.stopped_reason),
        zone=task.availability_zone,
        can_exec=task.enable_execute_command,
        containers=tuple(_container(c) for c in task.containers),
    )


def _container(container: w.EcsTaskContainer) -> Container:
    return Container(
        name=container.name,
        status=container.last_status,
        health=container.health_status,
        exit_code=container.exit_code,
        reason=short_ids(container.reason),
        runtime_id=container.runtime_id,
    )


def to_target(group: str, told: d.EcsTargetHealth) -> TargetHealth:
    """The domain's target. *group* is its ARN, ``…:targetgroup/NAME/ID``."""
    path = arn.parse(group).path
    health = told.target_health
    return TargetHealth(
        group=path[0] if path else group,
        id=told.target.id,
        port=told.target.port,
        state=health.state,
        reason=short_ids(": ".join(part for part in (health.reason, health.description) if part)),
        zone=told.target.availability_zone,
    )


def _order(task: Task) -> tuple[bool, float]:
    """Sort running and starting tasks before stopped ones, each newest first."""
    if task.status == "STOPPED":
        return True, -(task.stopped or task.created or 0.0)
    return False, -(task.created or 0.0)
