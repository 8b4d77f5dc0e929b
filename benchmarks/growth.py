"""Growth: 200, 1,000 and 2,000 services (in 2, 2 and 10 accounts) against 1,000, 5,000 and 20,000 alerts.

The program runs in a pseudo-terminal of 120×40, each time on a world of its own. First rows: from the start to the
first row of an alert and of a service, also as a multiple of the start of a bare Textual app in the same run. Sweep:
from the start until every service was read. Key: ``j`` and ``k`` to the last byte, at rest. Memory: of the program with
all its children, so long after everything was read. Processor: the share of a core, at rest.

The largest is measured once more while 500 alerts a minute begin or end. ``--full`` takes all nine sizes, else three.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks import fleet
from benchmarks.processes import Memory, memory, processor_s
from benchmarks.result import Effort, Result, middle, percentile
from benchmarks.terminal import Terminal
from benchmarks.world import World

BARE = [sys.executable, "-m", "benchmarks.bare"]
MEMORY_MB = {(1_000, 5_000): 110.0}
CPU_PERCENT = {200: 3.0}
CHANGES_A_MINUTE = 500
GIVEN_UP_S = 420.0


class Size(NamedTuple):
    """A fleet."""

    services: int
    accounts: int
    alerts: int

    def __str__(self) -> str:
        return f"{self.services:,} services in {self.accounts} accounts, {self.alerts:,} alerts"


class Found(NamedTuple):
    """What was measured of one: seconds, but for *cpu* (per cent of a core)."""

    alert: float
    service: float
    sweep: float
    keys: list[float]
    memory: Memory
    cpu: float


SMALL, MIDDLE, LARGE = Size(200, 2, 1_000), Size(1_000, 2, 5_000), Size(2_000, 10, 20_000)
ALL = tuple(Size(s, a, n) for s, a in ((200, 2), (1_000, 2), (2_000, 10)) for n in (1_000, 5_000, 20_000))


def bare(runs: int) -> float:
    """Return the seconds that a bare app takes to its first frame."""
    with World("quiet") as world:
        times = []
        for _ in range(runs + 1):
            with Terminal(BARE, world.env) as terminal:
                times.append(terminal.wait_text("severity", "Quit") - terminal.started)
        return middle(times[1:])


def measure(size: Size, seconds: float, changes: bool = False) -> Found:
    """Start the program on a world of this size, and leave it alone but for keys."""
    with fleet.serve(size.services, size.alerts, size.accounts) as world, world.program() as terminal:
        live = f"{size.accounts + 1}/{size.accounts + 1} live"
        alert = terminal.wait_screen(lambda text: "is over its limit" in text, GIVEN_UP_S, 0.02) - terminal.started
        service = terminal.wait_screen(lambda text: "/main/" in text or "SERVICES " in text, GIVEN_UP_S, 0.02)
        words = (f"SERVICES {size.services}", live)
        swept = terminal.wait_screen(lambda text: all(word in text for word in words), GIVEN_UP_S, 0.1)
        terminal.run(10.0)
        with changing(world, size) if changes else _nothing():
            cpu, at = processor_s(terminal.process.pid), time.monotonic()
            terminal.run(seconds)
            cpu = 100 * (processor_s(terminal.process.pid) - cpu) / (time.monotonic() - at)
            keys = pressed(terminal, 60)
        return Found(
            alert, service - terminal.started, swept - terminal.started, keys, memory(terminal.process.pid), cpu
        )


def pressed(terminal: Terminal, count: int) -> list[float]:
    """Press keys with pauses of random length; seconds to the last byte of each."""
    random.seed(5)
    times = []
    for index in range(count):
        terminal.run(random.uniform(0.05, 0.2))
        times.append(terminal.answer_time("j" if index % 20 < 10 else "k")[0])
    return times


@contextmanager
def changing(world: World, size: Size) -> Iterator[None]:
    """Let alerts begin, and end, in turn, 500 a minute."""
    over = threading.Event()

    def change() -> None:
        pause, turn = 60 / CHANGES_A_MINUTE, 0
        while not over.wait(pause):
            told = fleet.alert(turn // 2 % size.alerts, size.services, size.accounts)
            labels = {**told["labels"], "alertname": "Changes"}
            if turn % 2:
                world.do(resolve={"labels": labels})
            else:
                world.do(fire={**told, "labels": labels, "minutes_ago": 0})
            turn += 1

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def told(what: str, size: Size, found: Found, start: float) -> list[Result]:
    """Return the lines of one size."""
    most, busiest = MEMORY_MB.get((size.services, size.alerts)), CPU_PERCENT.get(size.services)
    first = f"alert {found.alert:.2f} s ({found.alert / start:.1f} × a bare app's start), service {found.service:.2f} s"
    keys = ", ".join(f"p{percent} {percentile(found.keys, percent) * 1000:.0f} ms" for percent in (50, 95, 99))
    within = found.memory.rss <= most if most else None
    return [
        Result(f"{what}: first rows", first),
        Result("– every service read", f"{found.sweep:.1f} s"),
        Result("– key to last byte", keys),
        Result("– memory", str(found.memory), f"{most:.0f} MB" if most else "", within),
        Result(
            "– processor",
            f"{found.cpu:.1f} % of a core",
            f"{busiest:.0f} %" if busiest else "",
            found.cpu <= busiest if busiest else None,
        ),
    ]


def run(effort: Effort) -> list[Result]:
    """Measure, one after the other."""
    seconds = effort.length(20, 60, 600)
    sizes = ALL if effort.level == "full" else (SMALL, MIDDLE, LARGE)
    start = bare(effort.runs(3, 5, 9))
    results = [line for size in sizes for line in told(str(size), size, measure(size, seconds), start)]
    busy = measure(LARGE, seconds, changes=True)
    return [*results, *told(f"{LARGE}, {CHANGES_A_MINUTE} changes a minute", LARGE, busy, start)]
