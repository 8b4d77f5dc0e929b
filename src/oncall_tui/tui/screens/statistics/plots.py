"""Plots of the numbers, drawn by plotext as lines of text. Imported when the screen opens.

plotext has one figure a process: the screen's thread alone draws.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import plotext

from oncall_tui.text.cells import clean, fit

LEAST_HEIGHT = 5
LABEL_CELLS = 28  # of a bar's name at its left
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_DECIMALS = re.compile(r"\.00$")


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """One plot: bars of *counts* by *labels*; those of *pages* stand in front. *sideways*: a bar is a line."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    pages: tuple[int, ...] = ()
    sideways: bool = False


def drawn(plot: Plot, cells: int, height: int) -> list[str]:
    """Return the plot as at most *height* lines of *cells* cells."""
    if height < LEAST_HEIGHT or not any(plot.counts):
        return []
    if plot.sideways:
        return _sideways(plot, cells, height)
    _begin()
    plotext.plotsize(cells, height)
    places = list(range(len(plot.counts)))
    plotext.bar(places, list(plot.counts), marker="█", width=0.7)
    if any(plot.pages):
        plotext.bar(places, list(plot.pages), marker="P", width=0.7)
    every = max(1, -(-len(places) * (max(map(len, plot.labels)) + 1) // max(1, cells - 8)))
    plotext.xticks(places[::every], [clean(label) for label in plot.labels[::every]])
    most = max(plot.counts)
    step = max(1, -(-most // max(1, height - 4)))
    plotext.yticks(list(range(0, most + 1, step)))
    plotext.ylim(0, most)
    return _lines(height)


def _sideways(plot: Plot, cells: int, height: int) -> list[str]:
    """The first of the bars, each on a line of its own, with its name and its number."""
    names, counts = plot.labels[:height], plot.counts[:height]
    wide = min(LABEL_CELLS, max(len(name) for name in names))
    _begin()
    plotext.simple_bar([fit(name, wide) for name in names], list(counts), width=cells - 2, marker="█")
    return [_DECIMALS.sub("", line) for line in _lines(height)]


def _begin() -> None:
    plotext.clear_figure()
    plotext.limit_size(False, False)  # the screen says how large it is, not the terminal
    plotext.theme("clear")


def _lines(height: int) -> list[str]:
    text = plotext.build()
    plotext.clear_figure()
    return [line.rstrip() for line in _ESCAPES.sub("", str(text)).rstrip().split("\n")][:height]


def of_hours(counts: Sequence[int], pages: Sequence[int], zone: str) -> Plot:
    """Return the plot by hour of the day."""
    names = tuple(f"{hour:02}" for hour in range(24))
    return Plot(title=f"by hour of the day, {zone}", labels=names, counts=tuple(counts), pages=tuple(pages))
