"""The bytes of a refresh that changes one visible cell, with 5,000 alerts and 200 services loaded.

An alert whose row is on screen, and not under the cursor, gets another summary in the simulated Alertmanager. The poll
that reads it, when it is due, makes the program write; all that it writes within 50 ms of the new text counts. The
measure is the median over several changes; the most that one took is told too (a tick of the ages may fall together
with one).
"""

from __future__ import annotations

from benchmarks.result import Effort, Result, middle
from benchmarks.terminal import Terminal, bursts, plain
from benchmarks.world import World

BUDGET = 1_024
ALERTS, SERVICES = 5_000, 200


def changed(world: World, terminal: Terminal, alert: dict[str, dict[str, str]], mark: str) -> int:
    """Change the alert's title to *mark*; the bytes of the write that shows it."""
    before = len(terminal.chunks)
    world.do(fire={"labels": alert["labels"], "annotations": {"summary": mark}, "minutes_ago": 51})
    terminal.wait_screen(lambda text: mark in text, 60)
    terminal.quiet(0.3)
    pieces = bursts(terminal.chunks[before:])
    return next((len(p) for p in pieces if mark in plain(p)), sum(map(len, pieces)))


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs = effort.runs(3, 7, 15)
    with World("scale", SERVICES, ALERTS) as world:
        alerts = world.ask("/api/v2/alerts", base=world.endpoints["prom"])
        alert = next(a for a in alerts if a["labels"]["instance"] == "10.0.0.50:9100")
        with world.program() as terminal:
            terminal.wait_screen(lambda text: f"ALERTS {ALERTS}" in text and f"SERVICES {SERVICES}" in text, 90)
            terminal.quiet(3.0)
            sizes = []
            for turn in range(runs):
                sizes.append(changed(world, terminal, alert, f"turn {turn:02d} of the title"))
                terminal.quiet(1.0)
    told = f"{middle(sizes):.0f} B (median of {runs}; at most {max(sizes)} B)"
    return [Result("one visible cell changed, 5,000 alerts", told, f"{BUDGET} B", middle(sizes) <= BUDGET)]
