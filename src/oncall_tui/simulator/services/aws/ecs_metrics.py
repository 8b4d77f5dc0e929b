"""ECS's metrics of a service, made from its past tasks: for the same world and minute the same.

A task uses what its service usually does; the fewer run, the more each has to do; one that dies of its memory climbs to
100 % until then. Times are epoch seconds, utilisation is in percent of what the task definition gives.
"""

import random
from collections.abc import Callable, Iterator

from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount, SimulatedEcsService, SimulatedEcsTask

MINUTE = 60
CPU, MEMORY = "CPUUtilization", "MemoryUtilization"
USUAL = {CPU: (18.0, 42.0), MEMORY: (46.0, 64.0)}
MOST = 99.6


class Gauges:
    """One account's services. *scaled* gives how long unscaled seconds take."""

    def __init__(
        self, account: SimulatedEcsAccount, now: Callable[[], float], scaled: Callable[[float], float]
    ) -> None:
        self._account, self._now, self._scaled = account, now, scaled

    def value(self, metric: str, dimensions: dict[str, str], stat: str, at: int, period: int) -> float | None:
        """The datapoint of the period that begins at *at*; None: there is none."""
        service = self._service(dimensions)
        if service is None or metric not in USUAL:
            return None
        minutes = [m for start in range(at, at + period, MINUTE) if (m := self._minute(service, metric, start))]
        if not minutes:
            return None
        if stat == "SampleCount":
            return float(sum(count for count, _, _ in minutes))
        if stat in ("Maximum", "p99", "p95", "p90"):
            return round(max(most for _, _, most in minutes), 2)
        mean = sum(mean for _, mean, _ in minutes) / len(minutes)
        return round(mean * (sum(c for c, _, _ in minutes) if stat == "Sum" else 1.0), 2)

    def share(self, dimensions: dict[str, str], at: int, period: int) -> float | None:
        """How many percent of the wanted tasks ran in the last minute of the period that has one; None: not known."""
        service = self._service(dimensions)
        if service is None or not service.desired:
            return None
        counts = [m[0] for start in range(at, at + period, MINUTE) if (m := self._minute(service, CPU, start))]
        return round(100 * min(counts[-1] / service.desired, 1.0), 2) if counts else 0.0

    def _service(self, dimensions: dict[str, str]) -> SimulatedEcsService | None:
        cluster = self._account.clusters.get(dimensions.get("ClusterName", ""))
        return cluster.services.get(dimensions.get("ServiceName", "")) if cluster and len(dimensions) == 2 else None

    def _minute(self, service: SimulatedEcsService, metric: str, start: int) -> tuple[int, float, float] | None:
        """(how many tasks ran, mean use, the most that one used) in one minute; None: none ran."""
        end = min(float(start + MINUTE), self._now())
        found = list(self._ran(service, start, end))
        spent = sum(until - since for _, since, until in found)
        if end <= start or not spent:
            return None
        count = max(1, round(spent / (end - start)))
        load = min(2.6, max(1.0, service.desired / count)) if metric == CPU else 1.0

        def use(task: SimulatedEcsTask, at: float) -> float:
            return min(MOST, self._use(service, task, metric, at, start) * load)

        mean = sum(use(task, (since + until) / 2) * (until - since) for task, since, until in found) / spent
        return count, mean, max(use(task, until) for task, _, until in found)

    def _ran(
        self, service: SimulatedEcsService, start: float, end: float
    ) -> Iterator[tuple[SimulatedEcsTask, float, float]]:
        """The tasks that ran, and from when to when within it; what ran before any that is known was like it."""
        known = [t for t in (*service.tasks, *service.stopped) if t.started_at is not None]
        first = min((t.started_at or 0.0 for t in known), default=end)
        if end <= first and service.created_at < start:
            for task in known[: service.desired]:
                yield task, start, end
        for task in known:
            since, until = max(start, task.started_at or 0.0), min(end, task.stopped_at or end)
            if since < until:
                yield task, since, until

    def _use(self, service: SimulatedEcsService, task: SimulatedEcsTask, metric: str, at: float, minute: int) -> float:
        usual = random.Random(f"{service.cluster.name}/{service.name} {metric}").uniform(*USUAL[metric])
        wave = random.Random(f"{task.arn} {metric} {minute}").uniform(0.94, 1.06)
        fails = task.revision.definition.fails
        if metric == MEMORY and fails is not None and "OutOfMemory" in fails.reason:
            lived = at - (task.started_at or 0.0)
            share = min(1.0, 1.4 * lived / max(0.001, self._scaled(fails.after_s)))
            return usual + (MOST - usual) * share
        return usual * wave
