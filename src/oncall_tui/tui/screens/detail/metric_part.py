"""Lines about metrics: each a line of blocks with its numbers, and one axis for all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.metric import Series
from oncall_tui.text.history_words import noun
from oncall_tui.text.time_format import moment
from oncall_tui.tui.screens.detail import spark
from oncall_tui.tui.screens.detail.parts import Measured, Part
from oncall_tui.tui.screens.detail.spark import SparkMark, SparkWindow
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene, Section, as_of, at, hint, line, no_service, standing
from oncall_tui.tui.widgets.text_lines import Line

INDENT = 11
LEAST, MOST = 24, 120  # cells of a sparkline


def metrics_section(of: Subject, part: Part[Measured], scene: Scene) -> Section:
    """Every metric around the beginning of what the row is about."""
    if not part.asked and of.service is None and not any(a.metric for a in of.members):
        none = no_service(of, "no known ECS service and no metric that can be drawn for this row")
        return Section("metrics", (none, *_not_drawn(of)))
    lines = standing(part, "metrics", scene)
    if part.value is not None:
        lines += _measured(of, part.value, scene)
    return Section("metrics", (*lines, *_not_drawn(of)), as_of(part, scene))


def _not_drawn(of: Subject) -> Iterable[Line]:
    """Name what an alert watches where that is no single metric: an expression over several, a query."""
    for alert in of.members:
        told = dict(alert.annotations)
        watched = told.get("expression") or told.get("query")
        if alert.metric is None and watched:
            yield line("not drawn", f"{alert.title} watches an expression: {watched}", "dim")


def _measured(of: Subject, found: Measured, scene: Scene) -> Iterable[Line]:
    cells = max(LEAST, min(MOST, scene.cells - INDENT - 2))
    window = SparkWindow(found.since, found.until, cells)
    for message, what in found.failures:
        yield line("not read", message, "critical")
        yield hint(what)
    if not found.series:
        yield line("none", "no metric is known for this row")
        return
    for series in found.series:
        yield from _series(series, window, scene)
    marked = marks(of, scene)
    row, times = spark.axis(window, marked, scene.tz)
    yield line("", row, "dim")
    yield line("", times, "dim")
    for mark in marked:
        seen = "" if window.cell(mark.at) is not None else " (not in this window)"
        yield line("", f"{mark.sign}  {at(mark.at, scene.now, scene.tz)} {mark.words}{seen}")
    gap = f"{spark.GAP}  not measured"
    end = "" if found.until >= scene.now - 600 else f" · ends {at(found.until, scene.now, scene.tz)}, not now"
    yield line("", f"{gap}{end}", "dim")


def _series(series: Series, window: SparkWindow, scene: Scene) -> Iterable[Line]:
    numbers = spark.numbers(series)
    if numbers is None or series.unread:
        yield line("", series.title, "bold")
    if series.unread:
        yield line("", f"not all of it could be read: {series.unread}" if numbers else series.unread, "critical")
    if numbers is None and series.unread:
        return
    if numbers is None:
        yield line("", "no data in this time (which is not zero)", "unknown")
        return
    low, high, last = (spark.number(n) for n in numbers)
    newest = at(series.points[-1][0], scene.now, scene.tz)
    words = f"min {low} · max {high} · last {last} at {newest} · {series.metric.statistic}"
    yield ((" " * INDENT, ""), (f"{series.title}  ", "bold"), (words, ""))
    if series.metric.threshold is not None:
        yield line("", _threshold(series, scene), "warning" if spark.crossings(series) else "")
    yield ((" " * INDENT, ""), *spark.blocks(series, window))


def _threshold(series: Series, scene: Scene) -> str:
    metric = series.metric
    limit = f"threshold {spark.sign(metric) or metric.comparison} {spark.number(metric.threshold or 0.0)}"
    crossed = spark.crossings(series)
    if not crossed:
        return f"{limit}: not crossed in this time"
    first = at(crossed[0], scene.now, scene.tz)
    if len(crossed) == 1:
        start = "beyond it from the first value" if crossed[0] == series.points[0][0] else f"crossed {first}"
        return f"{limit}: {start}"
    return f"{limit}: crossed {len(crossed)} times, first {first}, last {moment(crossed[-1], scene.tz, scene.now)}"


def marks(of: Subject, scene: Scene) -> list[SparkMark]:
    """When the deploy began and ended, and the alert began."""
    found = []
    if of.deploy is not None:
        deploy = of.deploy
        found.append(SparkMark(deploy.started, "D", f"{noun(deploy)} {deploy.arrow} started"))
        if deploy.finished is not None and not deploy.state.running:
            found.append(SparkMark(deploy.finished, "E", f"it ended: {deploy.state}"))
    if of.triaged_alert is not None:
        found.append(SparkMark(of.triaged_alert.began, "A", "the alert began"))
    return sorted(found, key=lambda m: m.at)
