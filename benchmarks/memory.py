"""Resident memory after ten minutes with 1,000 services and 5,000 alerts, the drill's process not counted.

The program runs in a pseudo-terminal on the simulated world's scale scenario and is left alone. Every ten seconds its
VmRSS
is read; the measure is the last value, in millions of bytes, and the most that was seen is told too. The time counts
from the moment at which every service was read.
"""

from __future__ import annotations

from benchmarks.result import Effort, Result
from benchmarks.world import World

BUDGET_MB = 110.0
SERVICES, ALERTS = 1_000, 5_000
EVERY_S = 10.0


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(30, 90, 600)
    with World("scale", SERVICES, ALERTS) as world, world.program() as terminal:
        ready = (f"ALERTS {ALERTS}", f"SERVICES {SERVICES}", "5/5 live")
        terminal.wait_screen(lambda text: all(word in text for word in ready), 240, every_s=0.5)
        first = terminal.rss()
        seen = [first]
        for _ in range(max(1, round(seconds / EVERY_S))):
            terminal.run(EVERY_S)
            seen.append(terminal.rss())
    told = f"{seen[-1]:.0f} MB after {seconds / 60:.1f} min ({first:.0f} when all was read, at most {max(seen):.0f})"
    return [Result("memory, 1,000 services and 5,000 alerts", told, f"{BUDGET_MB:.0f} MB", seen[-1] <= BUDGET_MB)]
