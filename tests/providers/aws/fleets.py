"""Random fleets before an AWS in memory, on a clock that its calls and waits alone move; how old what is read becomes.

No JSON and no row is made here: calls are answered with the structs that they are decoded to, so that a thousand fleets
take minutes. ``python -m tests.providers.aws.fleets_table 1000`` prints the figures.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.providers.aws.client.client import AwsClients
from oncall_tui.providers.aws.client.rate_limit import BURST, Priority, TokenBucket
from oncall_tui.providers.aws.ecs import revision_schema as r
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll.call_schedule import Promise
from oncall_tui.providers.aws.ecs.poll.reader import EcsReader
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

ARN = "arn:aws:ecs:eu-west-1:123456789012"
HANGS_S = 7.0
CREDIT = 8  # calls: what was begun (a page, a list of tasks) is ended at once, and those after it wait the longer
SETTLES_S = 90.0
REMEMBERS_S = 240.0  # an age is held against what was promised since
FAULTS = ("none", "none", "hung cluster", "hung statistics", "poison", "some fail", "throttled", "comes and goes")


class One(msgspec.Struct):
    """A service. *deploys*: a rollout is under way, and *moves* at each look."""

    cluster: str
    name: str
    desired: int = 2
    deploys: bool = False
    moves: bool = False
    lacks: bool = False
    began: float = 0.0
    looks: int = 0

    @property
    def deploy(self) -> str:
        return f"{ARN}:service-deployment/{self.cluster}/{self.name}/d1"


class Fleet(msgspec.Struct):
    """One random fleet."""

    seed: int
    ones: dict[tuple[str, str], One]
    rate: float
    latency_s: float
    fault: str
    bad: tuple[str, str]

    @property
    def words(self) -> str:
        clusters = len({one.cluster for one in self.ones.values()})
        deploying = sum(one.deploys for one in self.ones.values())
        return (
            f"{self.seed}: {len(self.ones)} services in {clusters} clusters, {deploying} deploying, "
            f"{self.rate:.0f}/s, {self.latency_s * 1000:.0f} ms, {self.fault}"
        )


def fleet(seed: int, most: int = 400) -> Fleet:
    """Return a fleet of 1 to *most* services in 1 to 40 clusters."""
    rng = random.Random(seed)
    clusters = rng.choice((1, 2, rng.randint(1, 40), rng.randint(1, 40)))
    services = rng.choice((rng.randint(1, 30), rng.randint(1, most), rng.randint(most // 2, most)))
    share = rng.choice((0.0, 0.02, 0.1, 0.5, 0.94, 1.0))
    forever = rng.random() < 0.5
    ones = {}
    for i in range(services):
        age = rng.choice((rng.uniform(0, 600), rng.uniform(600, 7_200), rng.uniform(7_200, 80_000)))
        one = One(f"c{i % clusters}" if rng.random() < 0.9 else "c0", f"s{i:03d}", rng.choice((0, 1, 2, 2, 9)))
        one.deploys = rng.random() < share
        one.moves = one.deploys and (forever or rng.random() < 0.5)
        one.lacks = not one.deploys and one.desired > 0 and rng.random() < 0.05
        one.began = -age
        ones[one.cluster, one.name] = one
    bad = rng.choice(list(ones))
    return Fleet(
        seed, ones, rng.choice((8.0, 8.0, 4.0, 2.0)), rng.choice((0.02, 0.05, 0.1, 0.25)), rng.choice(FAULTS), bad
    )


class Aws:
    """The client of one source: answers, hangs and throttles as the fleet has it."""

    def __init__(self, of: Fleet, clock: FakeClock) -> None:
        self.fleet, self.clock, self.rng = of, clock, random.Random(of.seed + 1)
        self.bucket = TokenBucket(clock, of.rate)
        self.calls: Counter[str] = Counter()
        self.at: list[float] = []
        self.looked_at = clock.monotonic()
        self.began, self.wall = clock.monotonic(), clock.now()

    @property
    def rate(self) -> float:
        return self.bucket.rate

    def read(self, answer: Any, operation: str, priority: Priority, damage: Any = None, **params: Any) -> Any:
        self.bucket.take(priority, self)
        self.calls[operation] += 1
        self.at.append(self.clock.monotonic())
        self._fail(operation, params)
        self.clock.advance(self.fleet.latency_s)
        return getattr(self, operation)(**params)

    def _fail(self, operation: str, params: dict[str, Any]) -> None:
        fault, (cluster, name) = self.fleet.fault, self.fleet.bad
        at = self.clock.monotonic() - self.began
        hangs = (fault == "hung cluster" and params.get("cluster") == cluster and operation == "DescribeServices") or (
            fault == "hung statistics" and operation == "DescribeClusters"
        )
        poison = (fault == "poison" and params.get("cluster") == cluster and name in params.get("services", ())) or (
            fault == "some fail" and self.rng.random() < 0.02
        )
        if hangs:
            self.clock.advance(HANGS_S)
            raise errors.Offline(f"{operation}: no answer")
        if poison:
            self.clock.advance(self.fleet.latency_s)
            raise errors.Offline(f"{operation}: internal error")
        if fault == "throttled" and self.rng.random() < (0.05 if 30 < at < 200 else 0.0):
            self.bucket.drain(5.0)
            raise errors.Throttled(f"{operation}: throttled")

    def ListClusters(self, **_: Any) -> Any:
        names = dict.fromkeys(c for c, _ in self.fleet.ones)
        return w.ListClusters(cluster_arns=[f"{ARN}:cluster/{c}" for c in names])

    def DescribeClusters(self, clusters: list[str], **_: Any) -> Any:
        self.looked_at = self.clock.monotonic()
        sizes = Counter(c for c, _ in self.fleet.ones)
        flaps = Counter(c for (c, _), one in self.fleet.ones.items() if one.moves)
        return w.DescribeClusters(
            clusters=[
                w.EcsCluster(
                    cluster_arn=f"{ARN}:cluster/{c}",
                    running_tasks_count=self.rng.randint(0, 3) if flaps[c] else 1,
                    active_services_count=sizes[c],
                )
                for c in clusters
            ]
        )

    def ListServices(self, cluster: str, nextToken: str = "0", **_: Any) -> Any:
        names = [n for c, n in self.fleet.ones if c == cluster]
        at = int(nextToken)
        arns = [f"{ARN}:service/{cluster}/{n}" for n in names[at : at + 100]]
        return w.ListServices(service_arns=arns, next_token=str(at + 100) if at + 100 < len(names) else "")

    def DescribeServices(self, cluster: str, services: list[str], **_: Any) -> Any:
        found = (self.fleet.ones.get((cluster, n)) for n in services)
        return w.DescribeServices(services=[self._service(one) for one in found if one])

    def _service(self, one: One) -> w.EcsService:
        one.looks += one.moves
        made = w.EcsDeployment(
            id="ecs-svc/2",
            status="PRIMARY",
            task_definition=f"{ARN}:task-definition/{one.name}:2",
            pending_count=one.looks % 2,
            rollout_state="IN_PROGRESS" if one.deploys else "COMPLETED",
            created_at=self.wall + one.began - (0 if one.deploys else 90_000),
            updated_at=self.wall + one.began,
            desired_count=one.desired,
            running_count=one.desired,
        )
        return w.EcsService(
            service_arn=f"{ARN}:service/{one.cluster}/{one.name}",
            service_name=one.name,
            cluster_arn=f"{ARN}:cluster/{one.cluster}",
            status="ACTIVE",
            desired_count=one.desired + one.lacks,
            running_count=one.desired,
            task_definition=made.task_definition,
            deployments=[made],
            current_service_deployment=one.deploy if one.deploys else "",
        )

    def ListServiceDeployments(self, service: str, cluster: str, **_: Any) -> Any:
        one = self.fleet.ones.get((cluster.rpartition("/")[2], service))
        briefs = [w.EcsBrief(one.deploy, self.wall + one.began, status="IN_PROGRESS")] if one and one.deploys else []
        return w.ListServiceDeployments(service_deployments=briefs)

    def DescribeServiceDeployments(self, serviceDeploymentArns: list[str]) -> Any:
        return w.DescribeServiceDeployments(
            service_deployments=[
                w.EcsServiceDeployment(
                    a,
                    created_at=self.wall - 60,
                    status="IN_PROGRESS",
                    target_service_revision=w.EcsSummary(arn=a.replace("service-deployment", "service-revision")),
                )
                for a in serviceDeploymentArns
            ]
        )

    def DescribeServiceRevisions(self, serviceRevisionArns: list[str]) -> Any:
        raws = [
            {"serviceRevisionArn": a, "taskDefinition": f"{ARN}:task-definition/{a.split('/')[-2]}:2"}
            for a in serviceRevisionArns
        ]
        return r.DescribeServiceRevisions(service_revisions=raws)

    def DescribeTaskDefinition(self, taskDefinition: str, include: tuple[str, ...] = ()) -> Any:
        return w.DescribeTaskDefinition(task_definition=w.EcsTaskDefinition(task_definition_arn=taskDefinition))


class Figures(msgspec.Struct):
    """A fleet's figures: ages by what was promised, as ratios; calls a second; and what was against the promise."""

    words: str
    rows_s: float = 0.0
    promised_s: float = 0.0
    ratios: dict[str, float] = {}
    calls_per_s: float = 0.0
    over_budget: float = 0.0  # calls more than there were
    never: int = 0  # services that were never read

    @property
    def worst(self) -> float:
        return max(self.ratios.values(), default=0.0)


class Watched:
    """A source over a fleet, polled for so long."""

    def __init__(self, of: Fleet) -> None:
        self.fleet, self.clock = of, FakeClock()
        self.aws = Aws(of, self.clock)
        clients = AwsClients(self.aws, self.aws)  # type: ignore[arg-type]
        self.reader = EcsReader("prod", clients, RevisionCache(self.aws), self.clock, ("*",), "", True, at_once=1)  # type: ignore[arg-type]
        self.figures = Figures(of.words, ratios={})
        self._born: dict[tuple[str, str], float] = {}
        self._rng = random.Random(of.seed + 2)
        self._changes_at = 40.0
        self._promises: deque[tuple[float, Promise]] = deque()

    def run(self, seconds: float) -> Figures:
        """Poll for *seconds*; ages count once it settled."""
        began = self.clock.monotonic()
        while (at := self.clock.monotonic() - began) < seconds:
            try:
                wait = self.reader.read(ReadRequest()).next_in_s or 0.0
            except errors.SourceError:
                wait = 5.0
            if at >= SETTLES_S:
                self._measure()
            if self.fleet.fault == "comes and goes" and at >= self._changes_at:
                self._changes_at = at + 20.0
                self._change()
            self.clock.advance(max(0.01, wait))
        self.figures.calls_per_s = len(self.aws.at) / seconds
        self.figures.over_budget = self._over_budget()
        slots = self.reader._schedule.queue.slots
        born = self.clock.monotonic() - 200.0  # one that came as another went is found by a sweep, then read
        self.figures.never = sum(
            f"prod/{c}/{n}" not in slots or slots[f"prod/{c}/{n}"].read_at is None
            for c, n in self.fleet.ones
            if self._counts(c, n) and self._born.get((c, n), 0.0) < born
        )
        return self.figures

    def _counts(self, cluster: str, name: str) -> bool:
        """Return whether the service can be read at all."""
        bad = self.fleet.bad
        return not (
            (self.fleet.fault == "hung cluster" and cluster == bad[0])
            or (self.fleet.fault == "poison" and (cluster, name) == bad)
        )

    def _slack(self) -> float:
        """Seconds on top of the promise: a poll's own work, a call that hangs, one that is tried again."""
        hangs = self.fleet.fault.startswith("hung")
        return (
            4.0
            + 2 * HANGS_S * hangs
            + {"some fail": 25.0, "poison": 60.0, "throttled": 15.0}.get(self.fleet.fault, 0.0)
        )

    def _measure(self) -> None:
        now, schedule, slack = self.clock.monotonic(), self.reader._schedule, self._slack()
        promise = self._promised(schedule.promise(self.aws.rate), now)
        ratios = self.figures.ratios
        for slot in schedule.queue.slots.values():
            if slot.read_at is None or not self._counts(slot.cluster, slot.name):
                continue
            age = now - slot.read_at
            if age > self.figures.rows_s:
                self.figures.rows_s, self.figures.promised_s = age, promise.rows
            ratios["rows"] = max(ratios.get("rows", 0.0), age / (promise.rows + slack))
            care = slot.attention
            if care is not None and self.fleet.fault in ("none", "comes and goes"):
                kind, within = ("lively", promise.lively) if care.lively else ("lingering", promise.lingering)
                ratios[kind] = max(ratios.get(kind, 0.0), age / (max(care.every, within) + slack))
        if self.fleet.fault != "hung statistics":
            age = now - self.aws.looked_at
            ratios["clusters"] = max(ratios.get("clusters", 0.0), age / (promise.clusters + slack))

    def _promised(self, newest: Promise, now: float) -> Promise:
        """Return the most that was promised of late: who deploys becomes fewer, and AWS throttles."""
        self._promises.append((now, newest))
        while now - self._promises[0][0] > REMEMBERS_S:
            self._promises.popleft()
        made = [promise for _, promise in self._promises]
        return Promise(
            rows=max(p.rows for p in made),
            lively=max(p.lively for p in made),
            lingering=max(p.lingering for p in made),
            clusters=max(p.clusters for p in made),
        )

    def _over_budget(self) -> float:
        left, before, worst = BURST + CREDIT, self.aws.began, 0.0
        for at in self.aws.at:
            left = min(BURST + CREDIT, left + (at - before) * self.fleet.rate) - 1.0
            before, worst = at, max(worst, -left)
        return worst

    def _change(self) -> None:
        ones = self.fleet.ones
        for _ in range(self._rng.randint(0, 3)):
            if len(ones) > 1:
                del ones[self._rng.choice(list(ones))]
        for _ in range(self._rng.randint(0, 3)):
            one = One(self._rng.choice(list(ones))[0], f"n{self._rng.randrange(10**6)}", 2)
            one.deploys, one.began = self._rng.random() < 0.5, self.clock.monotonic() - self.aws.began
            ones[one.cluster, one.name] = one
            self._born[one.cluster, one.name] = self.clock.monotonic()


def examine(seed: int, seconds: float = 260.0, most: int | None = None) -> Figures:
    """Return the figures of one random fleet; each tenth has up to 400 services, the others up to 80."""
    if most is None:
        most = 400 if seed % 10 == 0 else 80
    return Watched(fleet(seed, most)).run(seconds)
