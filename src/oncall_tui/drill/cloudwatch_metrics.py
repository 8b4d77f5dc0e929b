"""GetMetricData: series that go with the alarms, so that a graph shows what the alarm says. Times are epoch seconds."""

import random
from collections.abc import Iterable
from typing import Protocol

from oncall_tui.drill.aws import AwsError, Json

QUERIES = 500  # a call, by the API reference
POINTS = 100_800  # a call, by the API reference; here it is a query's
SHORTEST = (1, 5, 10, 30)  # periods in seconds; others are multiples of a minute

_AT_REST = {"CPUUtilization": 35.0, "MemoryUtilization": 60.0}
"""Percent: what every ECS service uses where no alarm says otherwise."""


class Watched(Protocol):
    """What is known of an alarm's metric."""

    metric: str
    namespace: str
    threshold: float
    dimensions: dict[str, str]
    changes: list[tuple[float, str]]
    """Since when it has been in which state, oldest first."""

    @property
    def low(self) -> bool:
        """Whether it is in ALARM below its threshold."""
        ...


def metric_data(asked: Json, alarms: Iterable[Watched], now: float) -> Json:
    """The answer, or AwsError."""
    queries, start, end = asked["MetricDataQueries"], asked["StartTime"], asked["EndTime"]
    if not 1 <= len(queries) <= QUERIES:
        raise AwsError("ValidationError", f"MetricDataQueries: from 1 to {QUERIES}")
    if start >= end:
        raise AwsError("ValidationError", "The parameter EndTime must be later than StartTime.")
    watched = list(alarms)
    oldest_first = asked.get("ScanBy", "TimestampDescending") == "TimestampAscending"
    shown = [query for query in queries if query.get("ReturnData", True)]
    results = [_result(query, watched, start, min(end, now), oldest_first) for query in shown]
    return {"MetricDataResults": results, "Messages": []}


def _result(query: Json, alarms: list[Watched], start: float, end: float, oldest_first: bool) -> Json:
    if "MetricStat" not in query:
        raise AwsError("ValidationError", f"{query['Id']}: only MetricStat is simulated, and no Expression")
    asked = query["MetricStat"]
    metric, period = asked["Metric"], asked["Period"]
    if period not in SHORTEST and (period < 60 or period % 60):
        raise AwsError("ValidationError", f"{query['Id']}: Period must be a multiple of 60")
    first = int(start - start % period)
    if (end - first) / period > POINTS:
        raise AwsError("ValidationError", f"{query['Id']}: at most {POINTS} datapoints")
    points = [(at, value) for at in range(first, int(end), period) if (value := _value(metric, alarms, at)) is not None]
    if not oldest_first:
        points.reverse()
    return {
        "Id": query["Id"],
        "Label": query.get("Label", metric.get("MetricName", "")),
        "Timestamps": [float(at) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def _value(metric: Json, alarms: list[Watched], at: int) -> float | None:
    """None where there is no data."""
    name = metric.get("MetricName", "")
    dimensions = {it["Name"]: it["Value"] for it in metric.get("Dimensions", [])}
    wave = random.Random(f"{name} {sorted(dimensions.items())} {at}").uniform(0.9, 1.1)
    key = (metric.get("Namespace", ""), name, dimensions)
    watching = next((it for it in alarms if (it.namespace, it.metric, it.dimensions) == key), None)
    if watching is None:
        return _rounded(_AT_REST.get(name), wave) if "ServiceName" in dimensions else None
    state = _state(watching.changes, at)
    if state == "INSUFFICIENT_DATA":
        return None
    far, near = (1.6, 0.4) if not watching.low else (0.4, 1.6)
    return _rounded(watching.threshold * (far if state == "ALARM" else near), wave)


def _state(changes: list[tuple[float, str]], at: float) -> str:
    return next((state for since, state in reversed(changes) if since <= at), "OK")


def _rounded(value: float | None, wave: float) -> float | None:
    return None if value is None else round(value * wave, 2)
