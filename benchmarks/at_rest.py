"""At rest: calls to AWS by operation, the processor, the bytes; and what deploys that never end add.

The program is left alone in a pseudo-terminal of 120×40 on worlds of one account, because AWS's limits are an
account's: 200 healthy services, 200 that deploy for ever (no task of theirs moves), and 1,000 of which 50 do. It is
counted from when everything was read and, where something deploys, has stood still for more than a minute: a young
deploy that moves is read each 3 s. The processor time is that of the program with all its children, and of no drill.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks import fleet
from benchmarks.processes import processor_s
from benchmarks.result import Effort, Result
from benchmarks.terminal import Terminal
from benchmarks.world import World

CPU_PERCENT = 3.0
SETTLES_S = 15.0
STILL_S = 80.0  # attention.LIVELY_S is over, and what was due then was read
GIVEN_UP_S = 300.0
ACCOUNTS = 1


def counted(world: World) -> Counter[str]:
    """Return the AWS calls so far, by operation."""
    total: Counter[str] = Counter()
    for source, operations in world.calls().items():
        if source != "prom":
            total.update(operations)
    return total


def ready(terminal: Terminal, services: int, sources: int) -> None:
    """Wait until everything was read once."""
    words = (f"SERVICES {services}", f"{sources}/{sources} live")
    terminal.wait_screen(lambda text: all(word in text for word in words), 300, every_s=0.25)


def all_told(world: World, terminal: Terminal) -> None:
    """Wait until every task definition was read once: that is asked for but once, and is no rest."""
    until, known = time.monotonic() + GIVEN_UP_S, -1
    while (read := counted(world)["DescribeTaskDefinition"]) != known and time.monotonic() < until:
        known = read
        terminal.run(10.0)


def watch(what: str, services: int, deploying: range, per_s: float, seconds: float) -> list[Result]:
    """Measure one world."""
    with fleet.serve(services, 50, ACCOUNTS, deploying) as world, world.program() as terminal:
        ready(terminal, services, ACCOUNTS + 1)
        terminal.run(STILL_S if deploying else SETTLES_S)
        all_told(world, terminal)
        before, size, cpu, at = counted(world), terminal.size, processor_s(terminal.process.pid), time.monotonic()
        terminal.run(seconds)
        took = time.monotonic() - at
        made, used = counted(world) - before, processor_s(terminal.process.pid) - cpu
        written = terminal.size - size
    rate, percent = sum(made.values()) / took, 100 * used / took
    table = ", ".join(f"{name} {count / took:.3f}" for name, count in made.most_common())
    told = f"{rate:.2f}/s over {took:.0f} s: {table}"
    busy = f"{percent:.1f} % of a core over {took:.0f} s"
    budget = CPU_PERCENT if services == 200 and not deploying else None
    return [
        Result(f"at rest, {what}: AWS calls", told, f"{per_s}/s", rate <= per_s),
        Result("– processor", busy, f"{budget:.0f} %" if budget else "", percent <= budget if budget else None),
        Result("– bytes to the terminal", f"{written / took:.0f} B/s"),
    ]


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(60, 120, 120)
    worlds = (
        ("200 healthy services", 200, range(0), 0.5),
        ("200 services that deploy for ever", 200, range(200), 1.5),
        ("1,000 services, 50 of them deploying for ever", 1_000, range(0, 1_000, 20), 2.0 + 1.5),
    )
    with ThreadPoolExecutor(len(worlds)) as pool:
        parts = [pool.submit(watch, *world, seconds) for world in worlds]
        return [result for part in parts for result in part.result()]
