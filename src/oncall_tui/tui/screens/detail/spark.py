"""A metric as a line of blocks, and the axis under it. Pure: text and the names of styles.

What was not measured is a gap (``·``), never a zero; where several values share a cell, the one that is nearest to the
threshold or furthest beyond it is drawn, so that a crossing is never hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from itertools import pairwise

import msgspec

from oncall_tui.domain.metric import Metric, Series
from oncall_tui.text.time_format import moment

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
_SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
}


class SparkWindow(msgspec.Struct, frozen=True, gc=False):
    """The time on screen: seconds since the epoch, and how many cells it takes."""

    since: float
    until: float
    cells: int

    def cell(self, at: float) -> int | None:
        """The cell that *at* is in; None where it is out of sight."""
        if not self.since <= at <= self.until or self.until <= self.since:
            return None
        return min(self.cells - 1, int((at - self.since) / (self.until - self.since) * self.cells))


class SparkMark(msgspec.Struct, frozen=True, gc=False):
    """Something that happened: *sign* is one letter on the axis, *words* say what it stands for."""

    at: float
    sign: str
    words: str


def sign(metric: Metric) -> str:
    """How the alarm compares: ``>``; another comparison (a band) has no sign here."""
    return _SIGNS.get(metric.comparison, "")


def beyond(metric: Metric, value: float) -> bool:
    """Tell whether *value* is where the alarm says it must not be."""
    if metric.threshold is None:
        return False
    return {
        ">": value > metric.threshold,
        "≥": value >= metric.threshold,
        "<": value < metric.threshold,
        "≤": value <= metric.threshold,
    }.get(sign(metric), False)


def crossings(series: Series) -> tuple[float, ...]:
    """When the metric went beyond its threshold, oldest first; the first point counts where it is there already."""
    found = []
    was = False
    for at, value in series.points:
        now = beyond(series.metric, value)
        if now and not was:
            found.append(at)
        was = now
    return tuple(found)


def cells(series: Series, window: SparkWindow) -> list[float | None]:
    """One value a cell; None where nothing was measured for it.

    A point stands for its period: where cells are finer than that, it fills those that it covers.
    """
    low = sign(series.metric) in ("<", "≤")
    step = _step(series)
    found: list[float | None] = [None] * window.cells
    for at, value in series.points:
        first = window.cell(max(at, window.since))
        last = window.cell(min(at + step - 0.001, window.until))
        if first is None or last is None:
            continue
        for cell in range(first, last + 1):
            old = found[cell]
            found[cell] = value if old is None else min(old, value) if low else max(old, value)
    return found


def _step(series: Series) -> float:
    """How long a point stands for: the period, or what it was read with where that is longer."""
    times = [at for at, _ in series.points]
    apart = min((b - a for a, b in pairwise(times) if b > a), default=0.0)
    return max(float(series.metric.period_s), apart)


def blocks(series: Series, window: SparkWindow) -> list[tuple[str, str]]:
    """(text, style) from left to right. The lowest block is 0, or the least; the highest the most, or 100 where it is a
    share of that: half a processor is no full block.
    """
    values = cells(series, window)
    there = [v for v in values if v is not None]
    if not there:
        return [(GAP * window.cells, "dim")]
    bottom, top = min(0.0, *there), max(100.0 if "%" in series.title else 0.0, *there)
    parts: list[tuple[str, str]] = []
    for value in values:
        if value is None:
            text, style = GAP, "dim"
        else:
            step = 0 if top <= bottom else round((value - bottom) / (top - bottom) * (len(BLOCKS) - 1))
            text, style = BLOCKS[step], "critical" if beyond(series.metric, value) else ""
        if parts and parts[-1][1] == style:
            parts[-1] = (parts[-1][0] + text, style)
        else:
            parts.append((text, style))
    return parts


def axis(window: SparkWindow, marks: Iterable[SparkMark], tz: tzinfo) -> tuple[str, str]:
    """Two lines: the marks at their cells, and the times at both ends.

    Where two fall on the same cell they stand beside each other, the earlier one first: the words say the times.
    """
    row = ["─"] * window.cells
    seen = [(cell, m.sign) for m in sorted(marks, key=lambda m: m.at) if (cell := window.cell(m.at)) is not None]
    last = -1
    for number, (cell, sign_) in enumerate(seen):
        last = min(max(cell, last + 1), window.cells - len(seen) + number)
        row[last] = sign_
    left, right = moment(window.since, tz, window.until), moment(window.until, tz, window.until)
    return "".join(row), left + " " * max(1, window.cells - len(left) - len(right)) + right


def number(value: float) -> str:
    """A value for a person: ``0.42``, ``93.1``, ``1,234``, ``5.2M``."""
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if size >= limit:
            scale = 1e3 if unit == "k" else limit
            return f"{value / scale:.3g}{unit}" if size / scale < 1000 else f"{value / scale:,.0f}{unit}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if size and (size < 100 or value != round(value)) else f"{value:.0f}"


def numbers(series: Series) -> tuple[float, float, float] | None:
    """(min, max, last) of what was measured."""
    values = [v for _, v in series.points]
    return (min(values), max(values), values[-1]) if values else None


def inside(points: Sequence[tuple[float, float]], window: SparkWindow) -> bool:
    """Tell whether anything was measured in the window."""
    return any(window.cell(at) is not None for at, _ in points)
