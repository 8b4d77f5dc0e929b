"""A metric, and what was read of it."""

from __future__ import annotations

import msgspec


class Metric(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One metric of CloudWatch. *threshold* is an alarm's, in the metric's unit (None: none); *period_s* seconds."""

    name: str
    namespace: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Average"  # or p99, Sum, SampleCount …
    period_s: int = 60
    threshold: float | None = None
    comparison: str = ""  # the alarm's ComparisonOperator
    account: str = ""
    region: str = ""


class Series(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The values of *metric*: (seconds since the epoch UTC, value), oldest first. Empty: there was no data.

    *title* is for a person (``cpu %``, ``running tasks``); *unread* says why it could not be read.
    """

    title: str
    metric: Metric
    points: tuple[tuple[float, float], ...] = ()
    unread: str = ""
