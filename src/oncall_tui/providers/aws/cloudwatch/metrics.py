"""Metrics, read when an engineer opens them: one GetMetricData for all that is wanted.

Facts: CloudWatch's API reference (GetMetricData: 500 queries and 100,800 points a call; a period of a minute or more is
a multiple of 60 s; what is finer is kept for 3 hours, minutes for 15 days, five of them for 63, an hour's for 455).
ECS's developer guide ("Amazon ECS CloudWatch metrics"): CPUUtilization and MemoryUtilization by ClusterName and
ServiceName, once a minute, and none where no task runs; Maximum is the task that uses most. Its edition of 2022
("Service RUNNING task count"): with a period of one minute the sample count of either is how many tasks run; later ones
name Container Insights alone, which costs more. Since June 2026 ("Faster auto scaling with high-resolution metrics") a
service may have either sent every 20 s (ServiceRevision.monitoring): then the sample count of 20 s is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil, lcm
from typing import Any

from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.service import ServiceKey
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock

CPU = "CPUUtilization"
QUERIES = 500
POINTS = 360  # of a series: more than a screen is wide; six hours of minutes
PAGES = 5
MINUTE, DAY = 60, 86_400
FINE_S = 3 * 3600  # how long points finer than a minute are kept
ADDED_UP = ("Sum", "SampleCount")  # grow with the period
_UNREAD = {
    "InternalError": "CloudWatch could not read it",
    "Forbidden": "denied: needs cloudwatch:GetMetricData",
    "PartialData": "only a part of it was read",
}


def service_metrics(of: ServiceKey, every_s: int = MINUTE) -> tuple[tuple[str, Metric], ...]:
    """ECS's own metrics of each service, as (title, metric). A service without tasks has no point, and no 0.

    *every_s* is how often it sends the service's CPU.
    """
    at = (("ClusterName", of.cluster), ("ServiceName", of.name))

    def made(name: str, statistic: str, period_s: int = MINUTE) -> Metric:
        return Metric(
            name=name,
            namespace="AWS/ECS",
            dimensions=at,
            statistic=statistic,
            period_s=period_s,
            account=of.account,
            region=of.region,
        )

    return (
        ("cpu %", made(CPU, "Average")),
        ("memory %", made("MemoryUtilization", "Maximum")),
        ("running tasks (estimate)", made(CPU, "SampleCount", every_s)),
    )


def period_s(metric: Metric, since: float, until: float, now: float) -> int:
    """How many seconds a point is to cover: the metric's own period, longer where there were too many points or where
    CloudWatch has thrown away those that are so fine."""
    age = now - since
    kept = 3600 if age > 63 * DAY else 300 if age > 15 * DAY else MINUTE if age > FINE_S else 1
    own = max(1, metric.period_s)
    least = max(own, kept, (until - since) / POINTS)
    if least <= own < MINUTE:  # 20 s is one of those that AWS takes
        return own
    step = lcm(own, max(kept, MINUTE))
    return ceil(least / step) * step


class Metrics:
    """Reads metrics of one account and region. Keeps nothing."""

    def __init__(self, client: AwsClient, clock: Clock, here: Callable[[], tuple[str, str]]) -> None:
        """*here* gives (account, region), either of them empty where it is not known."""
        self._client, self._clock, self._here = client, clock, here

    def measure(self, wanted: Sequence[tuple[str, Metric]], since: float, until: float) -> tuple[Series, ...]:
        """Measure (base.SupportsMetrics): one call, and one more for each further page, five at the most.

        Times are seconds since the epoch. Raises SourceError.
        """
        now = self._clock.now()
        until = max(until, since + MINUTE)
        asked: dict[str, tuple[Metric, int]] = {}
        for index, (_, metric) in enumerate(wanted):
            if not self._elsewhere(metric) and len(asked) < QUERIES:
                asked[f"m{index}"] = (metric, period_s(metric, since, until, now))
        found = self._read(asked, since, until) if asked else {}
        return tuple(self._series(title, metric, f"m{i}", asked, found) for i, (title, metric) in enumerate(wanted))

    def _elsewhere(self, metric: Metric) -> str:
        account, region = self._here()
        if metric.region and region and metric.region != region:
            return f"it is in {metric.region}, and this source reads {region}"
        if metric.account and account and metric.account != account:
            return f"it is in the account {metric.account}, and this source reads {account}"
        return ""

    def _read(self, asked: dict[str, tuple[Metric, int]], since: float, until: float) -> dict[str, MetricPage]:
        longest = max(period for _, period in asked.values())
        start = since - since % longest  # AWS answers faster where it is on a period's edge
        params: dict[str, Any] = {
            "MetricDataQueries": [_query(name, metric, period) for name, (metric, period) in asked.items()],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(until, UTC),
            "ScanBy": "TimestampAscending",
        }
        found: dict[str, MetricPage] = {}
        paging = Paging("", most=PAGES)
        for token in paging:
            more = {**params, **({"NextToken": token} if token else {})}
            page = self._client.read(w.GetMetricData, "GetMetricData", Priority.ACT, Damage(), **more)
            for result in page.metric_data_results:
                found.setdefault(result.id, MetricPage()).take(result)
            paging.follow(page.next_token)
        return found

    def _series(
        self, title: str, metric: Metric, name: str, asked: dict[str, tuple[Metric, int]], found: dict[str, MetricPage]
    ) -> Series:
        if name not in asked:
            why = self._elsewhere(metric) or f"at most {QUERIES} metrics are read at once"
            return Series(title=title, metric=metric, unread=why)
        told = found.get(name)
        if told is None:
            return Series(title=title, metric=metric, unread="CloudWatch did not answer for it")
        share = metric.period_s / asked[name][1] if metric.statistic in ADDED_UP else 1.0
        points = tuple((at, value * share) for at, value in sorted(told.points.items()))
        return Series(title=title, metric=metric, points=points, unread=told.why())


class MetricPage:
    """The pages of one query's values."""

    def __init__(self) -> None:
        self.points: dict[float, float] = {}
        self.status = ""
        self._said: list[str] = []

    def take(self, result: w.CloudWatchMetricResult) -> None:
        for stamp, value in zip(result.timestamps, result.values, strict=False):
            at = w.seconds(stamp)
            if at is not None:
                self.points[at] = value
        self.status = result.status_code  # the last page's counts: those before it are partial
        self._said += [m.value for m in result.messages if m.value and m.value not in self._said]

    def why(self) -> str:
        """Why it is not all there; empty: it is."""
        if self.status == "Complete":
            return ""
        words = _UNREAD.get(self.status, "only a part of it was read")
        return f"{words}: {'; '.join(self._said)[:200]}" if self._said else words


def _query(name: str, metric: Metric, period: int) -> dict[str, Any]:
    what = {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
    }
    return {"Id": name, "MetricStat": {"Metric": what, "Period": period, "Stat": metric.statistic}}
