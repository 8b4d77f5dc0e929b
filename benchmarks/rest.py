"""Bytes a second to the terminal while nothing changes: the mean of two minutes, 120×40, truecolor.

The alerts pane alone is on screen (``z``), so that all of its visible rows age. Two worlds at rest are watched at the
same time: one whose 40 alerts began between one minute and 20 hours ago, half of them within the hour (the budget's),
and one whose 40 alerts all began within the last 40 minutes, so that each row changes every minute (the worst there
is). What was written is counted from the moment at which the terminal had been silent for three seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from benchmarks.result import Effort, Result
from benchmarks.terminal import bursts, plain
from benchmarks.world import World

BUDGET = 50.0
ROWS = 40
SPREAD = [1.3 + 3 * i for i in range(20)] + [64.0 + 57 * i for i in range(20)]  # minutes
RECENT = [1.3 + i for i in range(40)]


class Rest(NamedTuple):
    """What one terminal was sent: bytes a second, in how many pieces, and the texts of the largest of them."""

    rate: float
    pieces: int
    largest: list[tuple[int, str]]


def watch(minutes: Sequence[float], seconds: float) -> Rest:
    """One world with an alert of each age."""
    with World("quiet") as world:
        for i, ago in enumerate(minutes):
            labels = {"alertname": f"Drill{i:02d}", "severity": "warning", "team": "payments", "instance": f"i-{i}"}
            summary = {"summary": f"check {i} is over its limit"}
            world.do(fire={"labels": labels, "annotations": summary, "minutes_ago": ago})
        with world.program() as terminal:
            terminal.wait_screen(lambda text: "5/5 live" in text and f"ALERTS {len(minutes)}" in text, 60)
            terminal.press("z")
            terminal.quiet(3.0)
            before = len(terminal.chunks)
            terminal.run(seconds)
            written = terminal.chunks[before:]
    pieces = bursts(written)
    largest = sorted(((len(p), plain(p)[:160]) for p in pieces), reverse=True)[:5]
    return Rest(sum(len(p) for p in pieces) / seconds, len(pieces), largest)


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(30, 120, 120)
    with ThreadPoolExecutor(2) as pool:
        usual, worst = pool.map(lambda ages: watch(ages, seconds), (SPREAD, RECENT))
    told = f"{usual.rate:.0f} B/s over {seconds:.0f} s, {usual.pieces} writes"
    also = f"{worst.rate:.0f} B/s, {worst.pieces} writes"
    return [
        Result(f"bytes at rest, {ROWS} rows of 1 min to 20 h", told, f"{BUDGET:.0f} B/s", usual.rate <= BUDGET),
        Result("– the same, all rows younger than 41 min", also),
    ]
