"""Resident memory after ten minutes with 1,000 services and 5,000 alerts, the drill's process not counted.

The program runs in a pseudo-terminal on the simulated world's scale scenario and is left alone. Every ten seconds the
resident memory of the program with all its children is read; the measure is the last value, in millions of bytes, and
the most that was seen is told too. The time counts from the moment at which every service was read: ten minutes with
``--full``, by default a minute and a half.
"""

from __future__ import annotations

from benchmarks.processes import memory
from benchmarks.result import Effort, Result
from benchmarks.world import World

BUDGET_MB = 110.0
SERVICES, ALERTS = 1_000, 5_000
EVERY_S = 10.0
TOLD_S = (0.0, 90.0, 300.0)


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(30, 90, 600)
    with World("scale", SERVICES, ALERTS) as world, world.program() as terminal:
        ready = (f"ALERTS {ALERTS}", f"SERVICES {SERVICES}", "5/5 live")
        terminal.wait_screen(lambda text: all(word in text for word in ready), 240, every_s=0.5)
        seen = [memory(terminal.process.pid)]
        for _ in range(max(1, round(seconds / EVERY_S))):
            terminal.run(EVERY_S)
            seen.append(memory(terminal.process.pid))
    before = [f"{seen[i].rss:.0f} after {at / 60:g}" for at in TOLD_S if (i := round(at / EVERY_S)) < len(seen) - 1]
    told = f"{seen[-1]} after {seconds / 60:g} min ({', '.join(before)}, at most {max(m.rss for m in seen):.0f})"
    met = seen[-1].rss <= BUDGET_MB
    return [Result("memory, 1,000 services and 5,000 alerts", told, f"{BUDGET_MB:.0f} MB", met)]
