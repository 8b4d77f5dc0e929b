"""An ECS account's model. Times are epoch seconds, memory is MiB, cpu is CPU units (1024 to a vCPU)."""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oncall_tui.simulator.services.aws.ecs.strategy import HookDetail, Step, Strategy

EVENTS_KEPT = 100  # DescribeServices: "the event stream … a maximum of 100"

UNDER_WAY = ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")


@dataclass(frozen=True)
class SimulatedEcsFailure:
    """How every task of a bad task definition ends. `after_s` is counted from its start, in unscaled seconds."""

    after_s: float
    exit_code: int | None
    reason: str
    """The container's reason, as DescribeTasks gives it."""
    stopped_reason: str
    """The task's. TARGET_GROUP stands for the ARN of the service's target group, here and in `event`."""
    stop_code: str
    event: str = ""
    """The service's event about it, after the service's and the task's names."""


# Shorter than the 10 s until a deploy counts as steady; one that fails later ends well first, as it would at AWS.
FAILURES = {
    "oom": SimulatedEcsFailure(
        7.0,
        137,
        "OutOfMemoryError: Container killed due to memory usage",
        "OutOfMemoryError: Container killed due to memory usage",
        "EssentialContainerExited",
    ),
    "exit": SimulatedEcsFailure(6.0, 1, "", "Essential container in task exited", "EssentialContainerExited"),
    "pull": SimulatedEcsFailure(
        0.0,
        None,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found",
        "TaskFailedToStart",
    ),
    "health": SimulatedEcsFailure(
        7.0,
        137,
        "",
        "Task failed container health checks",
        "ServiceSchedulerInitiated",
        "failed container health checks.",
    ),
    "elb": SimulatedEcsFailure(
        7.0,
        143,
        "",
        "Task failed ELB health checks in (target-group TARGET_GROUP)",
        "ServiceSchedulerInitiated",
        "(port 8080) is unhealthy in (target-group TARGET_GROUP) due to "
        "(reason Health checks failed with these codes: [503]).",
    ),
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
    fails: SimulatedEcsFailure | None = None
    targets: str = ""
    """How a load balancer sees its tasks, where that is not as they are."""
    build: str = ""
    """The tag genova.build, which the deploy tool of that name gives a task definition."""


@dataclass
class SimulatedEcsRevision:
    """A service revision: what a deploy puts there."""

    arn: str
    definition: TaskDefinition
    digests: dict[str, str]
    """Container name -> image digest."""
    created_at: float
    settings: dict[str, Any] = field(default_factory=dict)
    """Members of DescribeServiceRevisions that are not the drill's usual ones: networkConfiguration, …"""


@dataclass
class SimulatedEcsTask:
    """One task: PENDING, then RUNNING, then STOPPED for good."""

    arn: str
    revision: SimulatedEcsRevision
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
    revision: SimulatedEcsRevision
    created_at: float
    updated_at: float
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    scaled: bool = True
    """Whether its tasks are wanted already."""
    weight: float = 0.0
    """Its share of production traffic in percent, where the service shifts traffic."""
    test_weight: float = 0.0
    scale: float = 100.0
    """Of a task set: the share of the desired count, in percent."""
    external_id: str = ""
    """Of a task set: who made it."""
    draining: bool = False
    """Of a task set: going."""


@dataclass
class Deployment:
    """A service deployment, in the words of DescribeServiceDeployments."""

    arn: str
    target: SimulatedEcsRevision
    sources: list[SimulatedEcsRevision]
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
    stage: str | None = None
    """lifecycleStage, of a deploy that shifts traffic."""
    hooks: list[HookDetail] = field(default_factory=list)
    triggered: list[str] = field(default_factory=list)
    """Names of the alarms that went off in it."""
    watched: str = "DISABLED"
    """The status of its alarms."""


@dataclass
class TrafficShift:
    """A deploy under way that keeps two revisions. `turn` grows with every decision that makes what was due void."""

    deployment: Deployment
    green: Rollout
    blue: Rollout | None
    steps: list[Step]
    at: int = 0
    turn: int = 0


@dataclass(frozen=True)
class Breaker:
    """The deployment circuit breaker; `threshold` is a number of failed tasks."""

    enable: bool = False
    rollback: bool = False
    threshold: int = 3


@dataclass
class Says:
    """Extra log lines of a service's tasks, with start and end; `{n}` in the text becomes a number."""

    level: str
    text: str
    share: float
    """Of its lines."""
    begin: float
    end: float = math.inf


@dataclass
class SimulatedEcsService:
    """One ECS service and all that belongs to it. `version` grows with every change that an answer shows."""

    name: str
    cluster: "SimulatedEcsCluster"
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
    revisions: dict[str, SimulatedEcsRevision] = field(default_factory=dict)
    tasks: list[SimulatedEcsTask] = field(default_factory=list)
    stopped: deque[SimulatedEcsTask] = field(default_factory=lambda: deque(maxlen=200))
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    """Newest first, since the world began; what was before is made when it is first asked for."""
    past: Callable[[], list[dict[str, Any]]] | None = None
    good: SimulatedEcsRevision | None = None
    """The last that reached a steady state: where a rollback goes."""
    room: int | None = None
    """How many tasks of it there is capacity for; None: for all that are wanted."""
    crowded: bool = False
    """Whether the event stream says that a task found no place: said once, until it does."""
    not_before: float = 0.0
    """No new task is started before this: the scheduler's pause after a failed one."""
    cached: tuple[int, bytes] = (-1, b"")
    strategy: Strategy = field(default_factory=Strategy)
    controller: str = "ECS"
    kept: Rollout | None = None
    """The rollout that is kept beside the primary one: blue, or the old one while the new one is PENDING."""
    shift: TrafficShift | None = None
    awaits: tuple[Rollout, Callable[[], None]] | None = None
    """A rollout, and what happens once it is steady; where None, the primary one's steady state ends the deploy."""
    hold: dict[str, float] = field(default_factory=dict)
    """Status or stage -> how long the next deploy stays in it, in unscaled seconds; infinite: until released."""
    exec: bool = False
    """Whether ECS Exec is enabled for its tasks."""
    express: bool = False
    """Whether it is a service of Express Mode."""
    targets: tuple[str, str] = ("", "")
    """How a load balancer sees its tasks from now on, whatever they run, and why; empty: as they are."""
    log_per_s: float = 1.5
    """Lines of traffic that each of its tasks logs in a second of the world's time."""
    log_says: list[Says] = field(default_factory=list)
    waiting: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    """(deploy, status or stage) that is held -> what happens when it is released."""
    ends: tuple[str, float] | None = None
    """How the deploy ends that is stopped next, and how soon after the stop: a race."""

    @property
    def primary(self) -> Rollout:
        """The rollout that is wanted now."""
        return self.rollouts[0]

    def wanted(self, rollout: Rollout) -> int:
        """How many tasks a rollout is to have."""
        if self.controller != "ECS":
            return 0 if rollout.draining else math.ceil(self.desired * rollout.scale / 100)
        if rollout is self.kept or (rollout is self.primary and rollout.scaled):
            return self.desired
        return 0

    def traffic(self) -> dict[str, float]:
        """Revision ARN -> its share of production traffic in percent: its tasks' share where none is shifted."""
        if not self.shifts:
            running = [t.revision.arn for t in self.tasks if t.last_status == "RUNNING"]
            return {arn: round(100 * running.count(arn) / len(running), 1) for arn in dict.fromkeys(running)}
        shares: dict[str, float] = {}
        for it in self.rollouts:
            if it.weight:
                shares[it.revision.arn] = shares.get(it.revision.arn, 0.0) + it.weight
        return shares

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

    @property
    def shifts(self) -> bool:
        """Return whether traffic is moved between revisions, instead of tasks being replaced."""
        return self.controller != "ECS" or self.strategy.shifts

    def healthy(self) -> bool:
        """Return whether as many tasks as wanted run a good revision, and none that fails gets traffic."""
        if any(self.revisions[arn].definition.fails for arn in self.traffic()) and self.shifts:
            return False
        good = sum(1 for t in self.tasks if t.last_status == "RUNNING" and t.revision.definition.fails is None)
        return good >= self.desired


@dataclass
class SimulatedEcsCluster:
    """One cluster."""

    name: str
    arn: str
    services: dict[str, SimulatedEcsService] = field(default_factory=dict)


class SimulatedEcsAccount:
    """One AWS account in one region, as ECS sees it."""

    def __init__(self, number: str, region: str, rng: random.Random) -> None:
        self.number = number
        self.region = region
        self.clusters: dict[str, SimulatedEcsCluster] = {}
        self.families: dict[str, dict[int, TaskDefinition]] = {}
        self.deployments: dict[str, tuple[SimulatedEcsService, Deployment]] = {}
        self.revisions: dict[str, tuple[SimulatedEcsService, SimulatedEcsRevision]] = {}
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

    def cluster(self, name: str) -> SimulatedEcsCluster:
        """The cluster of this name, made where it is new."""
        if name not in self.clusters:
            self.clusters[name] = SimulatedEcsCluster(name, self.arn(f"cluster/{name}"))
        return self.clusters[name]

    def register(self, definition: TaskDefinition) -> None:
        """Keep a task definition."""
        self.families.setdefault(definition.family, {})[definition.number] = definition

    def revise(
        self,
        service: SimulatedEcsService,
        definition: TaskDefinition,
        created_at: float,
        settings: dict[str, Any] | None = None,
        push: str = "",
    ) -> SimulatedEcsRevision:
        """A new revision of a service. `settings`: instead of the service's; `push`: tells pushes of one tag apart."""
        arn = self.arn(f"service-revision/{service.cluster.name}/{service.name}/{self.decimal_id()}")
        digests = {c["name"]: image_digest(c["image"] + push) for c in definition.containers}
        if settings is None:
            settings = service.primary.revision.settings if service.rollouts else {}
        revision = SimulatedEcsRevision(arn, definition, digests, created_at, settings)
        service.revisions[arn] = revision
        self.revisions[arn] = (service, revision)
        return revision

    def record(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        """Keep a deployment as the service's newest."""
        service.deployments.insert(0, deployment)
        self.deployments[deployment.arn] = (service, deployment)


def image_digest(image: str) -> str:
    """The digest of an image's reference: the same for the same text, as long as nobody moves the tag."""
    return "sha256:" + f"{random.Random(image).getrandbits(256):064x}"
