"""``q`` to the end of the process, while every source hangs, and while every name lookup hangs.

Hung sources: the simulated world accepts each call and never answers; ``q`` is pressed when each source was asked. Hung
lookups: the sources are at a name whose lookup does not return for a minute (``socket.getaddrinfo`` is replaced by a
``sitecustomize`` module on the program's path); ``q`` is pressed when lookups were begun. The baseline is the same
program with every source well. Medians of several runs, in turn.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.result import Effort, Result, middle, spread
from benchmarks.world import World

BUDGET_S = 0.5
HUNG_NAME = "hung.invalid"
SITE = f"""
import os, socket, time
_real = socket.getaddrinfo
def _hung(host, *rest, **more):
    if host == {HUNG_NAME!r}:
        open(os.environ["LOOKUPS"], "a").write("x")
        time.sleep(60)
    return _real(host, *rest, **more)
socket.getaddrinfo = _hung
"""


def well(world: World) -> float:
    """Seconds to leave with every source well."""
    with world.program() as terminal:
        terminal.wait_screen(lambda text: "5/5 live" in text, 60)
        terminal.run(0.5)
        return terminal.leave()


def hung(world: World) -> float:
    """Seconds to leave while each source holds a call."""
    world.ask("faults", {"kind": "hang"})
    try:
        world.ask("calls/reset", {})
        with world.program() as terminal:
            until = time.monotonic() + 30
            while not all(world.calls().values()) and time.monotonic() < until:
                terminal.run(0.1)
            terminal.run(0.5)
            return terminal.leave()
    finally:
        world.do(clear_faults=True)


def lookups(world: World) -> float:
    """Seconds to leave while names are looked up."""
    site = world.folder / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(SITE)
    marks = world.folder / "lookups"
    marks.unlink(missing_ok=True)
    sources = []
    for source in world.config["sources"]:
        key = "url" if "url" in source else "endpoint_url"
        sources.append({**source, key: f"http://{HUNG_NAME}:9999"})
    config = world.write_config("lookups.json", sources=sources)
    with world.program(config, {"PYTHONPATH": str(site), "LOOKUPS": str(marks)}) as terminal:
        until = time.monotonic() + 30
        while _size(marks) < len(sources) and time.monotonic() < until:
            terminal.run(0.1)
        if not _size(marks):
            raise RuntimeError("no lookup was begun")
        terminal.run(0.5)
        return terminal.leave()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs = effort.runs(3, 5, 9)
    with World("quiet") as world:
        turns = [(hung(world), lookups(world), well(world)) for _ in range(runs)]
    names = ("quit with every source hung", "quit with every name lookup hung", "– quit with every source well")
    results = []
    for name, times in zip(names, zip(*turns, strict=True), strict=True):
        told = f"{middle(times) * 1000:.0f} ms (median of {runs}, {spread(times)})"
        if name.startswith("–"):
            results.append(Result(name, told))
        else:
            results.append(Result(name, told, f"{BUDGET_S} s", middle(times) <= BUDGET_S))
    return results
