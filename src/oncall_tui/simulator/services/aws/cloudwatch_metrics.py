"""GetMetricData: a service's own metrics, and series that go with the alarms, so that a graph shows what an alarm says.

Times are epoch seconds. A period that is not over shows what is known of it.
"""

import random
from collections.abc import Callable, Iterable
from typing import Protocol

from oncall_tui.simulator.services.aws.ecs_metrics import Gauges
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json

QUERIES = 500  # a call, by the API reference
POINTS = 100_800  # a call, by the API reference; here it is a query's
SHORTEST = (1, 5, 10, 20, 30)  # periods in seconds; others are multiples of a minute


TASK_SHARE = "RunningTaskPercent"  # of the tasks that are wanted


class AlarmMetric(Protocol):
    """An alarm's metric."""

    metric: str
    namespace: str
    threshold: float
    dimensions: dict[str, str]
    changes: list[tuple[float, str]]
    """Since when it has been in which state, oldest first."""

    @property
    def low(self) -> bool:
        """Return whether it is in ALARM below its threshold."""
        ...


class MetricsApi:
    """GetMetricData alone, at the endpoint of an account's ECS: AWS JSON 1.0 as CloudWatch speaks it."""

    prefix = "GraniteServiceVersion20100801"
    version = "1.0"
    permission = "cloudwatch"

    def __init__(self, gauges: Gauges, alarms: Callable[[], Iterable[AlarmMetric]], now: Callable[[], float]) -> None:
        self._gauges, self._alarms, self._now = gauges, alarms, now

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation != "GetMetricData":
            raise AwsError("UnknownOperationException", f"{operation} is not simulated here")
        return metric_data(asked, self._alarms(), self._gauges, self._now())

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        return "*"


class _World:
    """The inputs of a datapoint."""

    def __init__(self, alarms: list[AlarmMetric], gauges: Gauges, now: float) -> None:
        self._alarms, self._gauges, self._now = alarms, gauges, now

    def value(self, metric: Json, stat: str, at: int, period: int) -> float | None:
        """None where there is no data."""
        name, space = metric.get("MetricName", ""), metric.get("Namespace", "")
        dimensions = {it["Name"]: it["Value"] for it in metric.get("Dimensions", [])}
        key = (space, name, dimensions)
        alarm = next((it for it in self._alarms if (it.namespace, it.metric, it.dimensions) == key), None)
        if alarm is None or stat == "SampleCount":
            return self._gauges.value(name, dimensions, stat, at, period) if space == "AWS/ECS" else None
        state = _state(alarm.changes, min(at + period, self._now))
        if state == "INSUFFICIENT_DATA":
            return None
        if alarm.low and name.endswith("HostCount"):  # of what is few: whole, and as many as there should be
            return 0.0 if state == "ALARM" else alarm.threshold
        if name == TASK_SHARE:
            return self._gauges.share(dimensions, at, period) if state == "ALARM" else 100.0
        wave = random.Random(f"{name} {sorted(dimensions.items())} {at}").uniform(0.95, 1.05)
        return round(_level(alarm, state == "ALARM") * wave, 2)


def _level(alarm: AlarmMetric, on: bool) -> float:
    """Beyond the threshold where it is in ALARM, and well on this side of it where it is not."""
    if on == alarm.low:  # below it
        return alarm.threshold * 0.4
    percent = "Utilization" in alarm.metric and alarm.threshold < 100
    return alarm.threshold + (100 - alarm.threshold) * 0.6 if percent else alarm.threshold * 1.6


def metric_data(asked: Json, alarms: Iterable[AlarmMetric], gauges: Gauges, now: float) -> Json:
    """The answer, or AwsError."""
    queries, start, end = asked["MetricDataQueries"], asked["StartTime"], asked["EndTime"]
    if not 1 <= len(queries) <= QUERIES:
        raise AwsError("ValidationError", f"MetricDataQueries: from 1 to {QUERIES}")
    if start >= end:
        raise AwsError("ValidationError", "The parameter EndTime must be later than StartTime.")
    world = _World(list(alarms), gauges, now)
    oldest_first = asked.get("ScanBy", "TimestampDescending") == "TimestampAscending"
    shown = [query for query in queries if query.get("ReturnData", True)]
    results = [_result(query, world, start, min(end, now), oldest_first) for query in shown]
    return {"MetricDataResults": results, "Messages": []}


def _result(query: Json, world: _World, start: float, end: float, oldest_first: bool) -> Json:
    if "MetricStat" not in query:
        raise AwsError("ValidationError", f"{query['Id']}: only MetricStat is simulated, and no Expression")
    asked = query["MetricStat"]
    metric, period, stat = asked["Metric"], asked["Period"], asked["Stat"]
    if period not in SHORTEST and (period < 60 or period % 60):
        raise AwsError("ValidationError", f"{query['Id']}: Period must be a multiple of 60")
    first = int(start - start % period)
    if (end - first) / period > POINTS:
        raise AwsError("ValidationError", f"{query['Id']}: at most {POINTS} datapoints")
    points = [
        (at, value)
        for at in range(first, int(end), period)
        if (value := world.value(metric, stat, at, period)) is not None
    ]
    if not oldest_first:
        points.reverse()
    return {
        "Id": query["Id"],
        "Label": query.get("Label", metric.get("MetricName", "")),
        "Timestamps": [float(at) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def _state(changes: list[tuple[float, str]], at: float) -> str:
    return next((state for since, state in reversed(changes) if since <= at), "OK")
