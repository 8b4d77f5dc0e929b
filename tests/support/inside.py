"""A provider that can be looked into, and counts what it is asked on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.service_detail import Container, ServiceDetail, TargetHealth, Task
from oncall_tui.providers.base import TimelineEvent
from tests.support.fakes import Able

CPU = Metric(name="CPUUtilization", namespace="AWS/ECS", period_s=60)
ALARM = Metric(
    name="HTTPCode_Target_5XX_Count",
    namespace="AWS/ApplicationELB",
    statistic="Sum",
    threshold=20.0,
    comparison="GreaterThanThreshold",
)


def task(number: int, **fields: Any) -> Task:
    """A task that runs :42 and is well."""
    values: dict[str, Any] = {
        "id": f"{number:08x}aa",
        "arn": f"arn:aws:ecs:ap-northeast-1:111111111111:task/main/{number:08x}aa",
        "task_definition": "arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:42",
        "status": "RUNNING",
        "desired": "RUNNING",
        "health": "HEALTHY",
        "started": 1_799_999_500.0,
        "zone": "ap-northeast-1a",
    }
    return Task(**{**values, **fields})


def stopped(number: int, code: int | None = 137, reason: str = "OutOfMemoryError", **fields: Any) -> Task:
    """A task whose container died."""
    return task(
        number,
        **{
            "status": "STOPPED",
            "desired": "STOPPED",
            "health": "UNKNOWN",
            "stopped": 1_799_999_950.0,
            "stop_code": "EssentialContainerExited",
            "reason": "Essential container in task exited",
            "containers": (Container(name="app", status="STOPPED", exit_code=code, reason=reason),),
            **fields,
        },
    )


def target(number: int, state: str = "healthy", reason: str = "") -> TargetHealth:
    return TargetHealth(group="tg-api", id=f"10.0.1.{number}", port=8080, state=state, reason=reason)


class Inspected(Able):
    """*asked* is every call on demand, in order; ``raises`` fails the next of a kind."""

    def __init__(self, source: str = "prod") -> None:
        super().__init__(source)
        self.asked: list[tuple[str, Any]] = []
        self.raises: dict[str, list[Exception]] = {}
        self.within = ServiceDetail(
            service_id=f"{source}/main/api", at=0.0, tasks=(task(1), task(2)), targets=(target(1), target(2))
        )
        self.points: tuple[tuple[float, float], ...] = ((1_799_999_000.0, 20.0), (1_799_999_060.0, 95.0))
        self.remembers: tuple[TimelineEvent, ...] = ()

    def calls(self, kind: str) -> int:
        return sum(name == kind for name, _ in self.asked)

    def _asked(self, kind: str, what: Any) -> None:
        self.asked.append((kind, what))
        if self.raises.get(kind):
            raise self.raises[kind].pop(0)

    def inspect(self, service_id: str) -> ServiceDetail:
        self._asked("inspect", service_id)
        return msgspec.structs.replace(self.within, service_id=service_id, at=self.clock.now())

    def service_metrics(self, service_id: str) -> tuple[tuple[str, Metric], ...]:
        return (("cpu %", CPU),)

    def measure(self, wanted: Sequence[tuple[str, Metric]], since: float, until: float) -> tuple[Series, ...]:
        self._asked("measure", tuple(title for title, _ in wanted))
        return tuple(Series(title=title, metric=metric, points=self.points) for title, metric in wanted)

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        self._asked("timeline", target)
        return self.remembers
