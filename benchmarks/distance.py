"""Data on screen at a distance: 60 ms a call to AWS, 150 ms a call to the pager and to every other source.

The program runs in a pseudo-terminal of 120×40 on the simulated world; a proxy before each endpoint makes the distance
(``delay``), and none of the time is taken off again. Each start is followed by one without the distance, so that what
else the machine does falls on both.

Services: 200 of them, in two accounts with two clusters each, and in one account alone: the time from the start to the
first row of a service, and to the title that counts them all, with nothing left to be read. Incidents: 5,000 open ones
at the pager, which gives a hundred a page: to the first row, and to the title that counts them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.delay import Delays
from benchmarks.paging import KINDS, MARK, ROWS, serve
from benchmarks.result import Effort, Result, middle, spread
from benchmarks.terminal import Terminal
from benchmarks.world import World, command

AWS_S, PAGER_S = 0.060, 0.150
BUDGET_S = 1.5
GIVEN_UP_S = 90.0
SERVICES = 200
AWS = ("ecs", "cloudwatch")
A_SERVICE = re.compile(r"SERVICES [1-9]")


class Start(NamedTuple):
    """Seconds from the start to the first row, and to all of them."""

    first: float
    all: float


def far(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the round trip of each endpoint."""
    return {s.get("endpoint_url") or s["url"]: AWS_S if s["provider"] in AWS else PAGER_S for s in config["sources"]}


def start(world: World, config: Mapping[str, Any], *shown: Callable[[str], object]) -> Start:
    """Start the program; when the first and when the last of *shown* held of its screen."""
    path = world.write_config("start.json", **config)
    with Terminal(command(path), world.env) as terminal:
        at = [terminal.wait_screen(test, GIVEN_UP_S, every_s=0.01) - terminal.started for test in shown]
    return Start(at[0], at[-1])


def services(where: str, world: World, config: Mapping[str, Any], runs: int) -> list[Result]:
    """Measure the services of *config*'s sources."""
    live = len(config["sources"])

    def first(text: str) -> object:
        return A_SERVICE.search(text)

    def whole(text: str) -> bool:
        return f"SERVICES {SERVICES}" in text and f"{live}/{live} live" in text

    pairs = _pairs(world, config, runs, first, whole)
    return _told(f"{SERVICES} services in {where}, {AWS_S * 1000:.0f} ms a call", pairs, budget_all=True)


def incidents(runs: int) -> list[Result]:
    """Measure the pager's."""
    kind = next(k for k in KINDS if k.provider == "pagerduty")
    with serve(kind, ROWS) as world:
        pairs = _pairs(world, world.config, runs, lambda text: MARK in text, lambda text: f"ALERTS {ROWS}" in text)
    return _told(f"{ROWS:,} incidents, {PAGER_S * 1000:.0f} ms a page of 100", pairs, budget_all=False)


def _pairs(
    world: World, config: Mapping[str, Any], runs: int, *shown: Callable[[str], object]
) -> list[tuple[Start, Start]]:
    with Delays(far(config)) as delays:
        moved = delays.moved(config)
        start(world, config, *shown)  # not counted: files are read from disk there
        return [(start(world, moved, *shown), start(world, config, *shown)) for _ in range(runs)]


def _told(what: str, pairs: list[tuple[Start, Start]], budget_all: bool) -> list[Result]:
    first, near = [a.first for a, _ in pairs], [b.first for _, b in pairs]
    last, near_last = [a.all for a, _ in pairs], [b.all for _, b in pairs]
    told = f"{middle(first):.2f} s ({spread(first)}; without the distance {middle(near):.2f} s; {len(pairs)} runs)"
    whole = f"{middle(last):.2f} s ({spread(last)}; without the distance {middle(near_last):.2f} s)"
    results = [Result(f"{what}: start to first row", told, f"{BUDGET_S} s", middle(first) <= BUDGET_S)]
    if budget_all:
        return [*results, Result("– all of them", whole, f"{BUDGET_S} s", middle(last) <= BUDGET_S)]
    return [*results, Result("– all of them", whole)]


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs = effort.runs(3, 5, 9)
    with World("scale", SERVICES, 50) as world:
        found = services("two accounts", world, world.config, runs)
    with World("scale", 2 * SERVICES, 50) as world:  # half of them are in each account
        one = [s for s in world.config["sources"] if s["name"] != "edge"]
        found += services("one account", world, {**world.config, "sources": one}, runs)
    return [*found, *incidents(runs)]
