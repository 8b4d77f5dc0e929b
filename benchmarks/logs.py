"""A log of 100,000 lines streamed from the simulated world: how much memory, how many calls, and how soon keys answer.

One service of four tasks that log 4,000 lines a second together; the program in a pseudo-terminal follows them live,
over the real adapter with its own limit of two calls a second. At most 20,000 lines and 16 MB are kept. ``k`` and ``G``
are pressed in turn (off the newest line and back to it) with pauses of random length between: the answer of a key is
what is written until 60 ms of silence. What the stream itself writes within that counts too, a key in twenty or so,
so that only the p95 has a budget here. Memory is the program's VmRSS, less what it was before the log was opened. The
baseline is the same keys with the stream paused.
"""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path

from benchmarks.keys import words
from benchmarks.result import Effort, Result, percentile
from benchmarks.terminal import Terminal
from benchmarks.world import World

P95_MS = 15.0
MORE_MB = 40.0
LINES = 100_000
SCENARIO = """
name: flood
timezone: UTC
sources: [{name: prod, provider: ecs, clusters: [prod-main]}]
services: [{at: prod/prod-main/payments-web, desired: 4, log_per_s: 1000}]
"""


def counted(text: str) -> int:
    """How many lines the screen says that there were."""
    found = re.search(r"([\d,]+) lines(?:, ([\d,]+) dropped)?", text)
    return sum(int(part.replace(",", "")) for part in found.groups() if part) if found else 0


def press(terminal: Terminal, count: int) -> list[float]:
    """Seconds to the last byte of each of *count* keys."""
    times = []
    for i in range(count):
        times.append(terminal.answer_time("kG"[i % 2])[0])
        terminal.run(random.uniform(0.0, 0.05))
    return times


def run(effort: Effort) -> list[Result]:
    """Measure."""
    random.seed(1)
    lines = effort.runs(LINES // 2, LINES, 3 * LINES)
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "flood.yaml"
        scenario.write_text(SCENARIO)
        with World(str(scenario)) as world, world.program() as terminal:
            terminal.wait_screen(lambda text: "1/1 live" in text and "payments-web" in text, 60)
            terminal.run(3.0)
            before = terminal.rss()
            calls = world.calls()["prod"].get("FilterLogEvents", 0)
            terminal.press("2")
            terminal.run(0.5)
            terminal.press("l")
            began = terminal.wait_screen(lambda text: counted(text) > 0, 30)
            times: list[float] = []
            most = 0.0
            while counted("\n".join(terminal.display())) < lines:
                times += press(terminal, 4)
                most = max(most, terminal.rss())
                if len(times) > 4000:
                    raise TimeoutError("the lines do not come")
            took = times and terminal.chunks[-1].at - began
            calls = world.calls()["prod"]["FilterLogEvents"] - calls
            shown = counted("\n".join(terminal.display()))
            terminal.press(" ")
            terminal.run(1.0)
            idle = press(terminal, max(40, len(times) // 3))
    p95 = percentile(times, 95) * 1000
    return [
        Result(
            f"memory while {shown:,} log lines are streamed in {took:.0f} s (20,000 lines, 16 MB kept)",
            f"{most - before:.0f} MB more, at most ({before:.0f} before)",
            f"{MORE_MB:.0f} MB",
            most - before <= MORE_MB,
        ),
        Result("– calls a second meanwhile", f"{calls / max(took, 1.0):.1f}", "2", calls <= 2 * took + 5),
        Result(
            f"key to last byte while it streams, median / p95 / p99 of {len(times)}",
            words(times),
            f"p95 {P95_MS:.0f} ms",
            p95 <= P95_MS,
        ),
        Result("– the same with the stream paused", words(idle)),
    ]
