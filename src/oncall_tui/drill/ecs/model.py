"""What an ECS account holds. Times are epoch seconds, memory is MiB, cpu is CPU units (1024 to a vCPU)."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EVENTS_KEPT = 100  # DescribeServices: "the event stream … a maximum of 100"

UNDER_WAY = ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")


@dataclass(frozen=True)
class Failure:
    """How every task of a bad task definition ends. `after_s` is counted from its start, in unscaled seconds."""

    after_s: float
    exit_code: int | None
    reason: str
    """The container's reason, as DescribeTasks gives it."""
    stopped_reason: str
    stop_code: str


# Shorter than the 10 s until a deploy counts as steady; one that fails later ends well first, as it would at AWS.
FAILURES = {
    "oom": Failure(
        7.0,
        137,
        "OutOfMemoryError: Container killed due to memory usage",
        "OutOfMemoryError: Container killed due to memory usage",
        "EssentialContainerExited",
    ),
    "exit": Failure(6.0, 1, "", "Essential container in task exited", "EssentialContainerExited"),
    "pull": Failure(
        0.0,
        None,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found",
        "TaskFailedToStart",
    ),
    "health": Failure(7.0, 137, "", "Task failed container health checks", "ServiceSchedulerInitiated"),
}


@dataclass
class TaskDefinition:
    """One revision of a family."""

    arn: str
    family: str
    number: int
    containers: list[dict[str, Any]]
    """As DescribeTaskDefinition's containerDefinitions."""
    cpu: int
    memory: int
    registered_at: float
    registered_by: str
    active: bool = True
    fails: Failure | None = None


@dataclass
class Revision:
    """A service revision: what a deploy puts there."""

    arn: str
    definition: TaskDefinition
    digests: dict[str, str]
    """Container name -> image digest."""
    created_at: float


@dataclass
class Task:
    """One task: PENDING, then RUNNING, then STOPPED for good."""

    arn: str
    revision: Revision
    rollout_id: str
    created_at: float
    last_status: str = "PENDING"
    desired_status: str = "RUNNING"
    started_at: float | None = None
    stopped_at: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    exit_code: int | None = None
    container_reason: str = ""

    @property
    def live(self) -> bool:
        """Not stopped."""
        return self.last_status != "STOPPED"


@dataclass
class Rollout:
    """One entry of DescribeServices' `deployments[]`: a set of tasks of one revision that is wanted."""

    id: str
    revision: Revision
    created_at: float
    updated_at: float
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0


@dataclass
class Deployment:
    """A service deployment, in the words of DescribeServiceDeployments."""

    arn: str
    target: Revision
    sources: list[Revision]
    created_at: float
    status: str = "IN_PROGRESS"
    reason: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    stopped_at: float | None = None
    updated_at: float = 0.0
    failures: int = 0
    breaker_status: str = "MONITORING"
    rollback: dict[str, Any] | None = None


@dataclass(frozen=True)
class Breaker:
    """The deployment circuit breaker; `threshold` is a number of failed tasks."""

    enable: bool = False
    rollback: bool = False
    threshold: int = 3


@dataclass
class Service:
    """One ECS service and all that belongs to it. `version` grows with every change that an answer shows."""

    name: str
    cluster: "Cluster"
    arn: str
    desired: int
    created_at: float
    created_by: str
    breaker: Breaker
    start_s: float = 4.0
    steady_s: float = 10.0
    port: int = 8080
    status: str = "ACTIVE"
    tags: dict[str, str] = field(default_factory=dict)
    version: int = 0
    rollouts: list[Rollout] = field(default_factory=list)
    """PRIMARY first, then those that are still drained."""
    deployments: list[Deployment] = field(default_factory=list)
    """Newest first."""
    revisions: dict[str, Revision] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    stopped: deque[Task] = field(default_factory=lambda: deque(maxlen=200))
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    """Newest first, since the world began; what was before is made when it is first asked for."""
    past: Callable[[], list[dict[str, Any]]] | None = None
    good: Revision | None = None
    """The last that reached a steady state: where a rollback goes."""
    not_before: float = 0.0
    """No new task is started before this: the scheduler's pause after a failed one."""
    cached: tuple[int, bytes] = (-1, b"")

    @property
    def primary(self) -> Rollout:
        """The rollout that is wanted now."""
        return self.rollouts[0]

    def counted(self, rollout: Rollout, status: str) -> int:
        """How many tasks of a rollout are in this state."""
        return sum(1 for task in self.tasks if task.rollout_id == rollout.id and task.last_status == status)

    def all_events(self) -> list[dict[str, Any]]:
        """The event stream, newest first."""
        if self.past is not None:
            self.events.extend(self.past()[: EVENTS_KEPT - len(self.events)])
            self.past = None
        return list(self.events)

    def running(self) -> int:
        """How many tasks run, of any revision."""
        return sum(1 for task in self.tasks if task.last_status == "RUNNING")

    def pending(self) -> int:
        """How many tasks start."""
        return sum(1 for task in self.tasks if task.last_status == "PENDING")

    def healthy(self) -> bool:
        """Whether as many tasks as wanted run a revision that does not fail."""
        good = sum(1 for t in self.tasks if t.last_status == "RUNNING" and t.revision.definition.fails is None)
        return good >= self.desired


@dataclass
class Cluster:
    """One cluster."""

    name: str
    arn: str
    services: dict[str, Service] = field(default_factory=dict)


class Account:
    """One AWS account in one region, as ECS sees it."""

    def __init__(self, number: str, region: str, rng: random.Random) -> None:
        self.number = number
        self.region = region
        self.clusters: dict[str, Cluster] = {}
        self.families: dict[str, dict[int, TaskDefinition]] = {}
        self.deployments: dict[str, tuple[Service, Deployment]] = {}
        self.revisions: dict[str, tuple[Service, Revision]] = {}
        self._rng = rng

    def arn(self, rest: str) -> str:
        """An ECS ARN of this account."""
        return f"arn:aws:ecs:{self.region}:{self.number}:{rest}"

    def hex_id(self, digits: int = 32) -> str:
        """A seeded id like those that tasks have."""
        return f"{self._rng.getrandbits(4 * digits):0{digits}x}"

    def decimal_id(self) -> str:
        """A seeded id like those that rollouts and service revisions have."""
        return f"{self._rng.randrange(10**18, 10**19)}"

    def uncertain(self, seconds: float, share: float = 0.25) -> float:
        """`seconds`, give or take a share of it."""
        return seconds * self._rng.uniform(1 - share, 1 + share)

    def cluster(self, name: str) -> Cluster:
        """The cluster of this name, made where it is new."""
        if name not in self.clusters:
            self.clusters[name] = Cluster(name, self.arn(f"cluster/{name}"))
        return self.clusters[name]

    def register(self, definition: TaskDefinition) -> None:
        """Keep a task definition."""
        self.families.setdefault(definition.family, {})[definition.number] = definition

    def revise(self, service: Service, definition: TaskDefinition, created_at: float) -> Revision:
        """A new revision of a service."""
        arn = self.arn(f"service-revision/{service.cluster.name}/{service.name}/{self.decimal_id()}")
        digests = {c["name"]: image_digest(c["image"]) for c in definition.containers}
        revision = Revision(arn, definition, digests, created_at)
        service.revisions[arn] = revision
        self.revisions[arn] = (service, revision)
        return revision

    def record(self, service: Service, deployment: Deployment) -> None:
        """Keep a deployment as the service's newest."""
        service.deployments.insert(0, deployment)
        self.deployments[deployment.arn] = (service, deployment)


def image_digest(image: str) -> str:
    """The digest of an image's reference: the same for the same text, as long as nobody moves the tag."""
    return "sha256:" + f"{random.Random(image).getrandbits(256):064x}"
