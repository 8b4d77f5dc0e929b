"""The budgets, measured: ``python -m benchmarks [NAME …] [--quick | --full] [--seconds N] [--keep]``.

Prints one Markdown table, the last release's figures beside it (``last_release.json``, which ``--keep`` writes); ends
with 1 where a budget is not met. ``--full`` takes the budgets' own durations (the hour of the night as long as it is),
``--quick`` about a quarter of an hour. What measures time runs alone; what counts bytes, calls, memory or processor
time runs side by side after it. ``peers`` installs another program and ``eventbridge`` takes seven minutes: they run
only where they are named. ``python -m benchmarks.table`` compares the table with Textual's.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from benchmarks.result import Effort, Result, keep, last_release, markdown

ALONE = (
    *("first_frame", "change", "keys", "quit", "triage", "paging", "logs", "slow_link", "statistics", "distance"),
    "growth",
)
TOGETHER = ("rest", "memory", "calls", "journal_size", "at_rest", "hour")
BY_NAME = ("peers", "eventbridge")  # the first installs another program; the other takes seven minutes
NAMES = ALONE + TOGETHER + BY_NAME


def measure(name: str, effort: Effort) -> list[Result]:
    """Run one; what breaks it is its result."""
    began = time.monotonic()
    try:
        found: list[Result] = import_module(f"benchmarks.{name}").run(effort)
    except Exception as error:  # noqa: BLE001 - one that breaks must not hide the others
        found = [Result(name, f"{error.__class__.__name__}: {str(error)[:200]}", "", False)]
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The budgets, measured.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    level = parser.add_mutually_exclusive_group()
    level.add_argument("--quick", action="store_const", const="quick", dest="level")
    level.add_argument("--full", action="store_const", const="full", dest="level")
    parser.add_argument("--seconds", type=float, help="instead of each duration")
    parser.add_argument("--keep", action="store_true", help="keep the figures as the last release's")
    asked = parser.parse_args()
    if wrong := [name for name in asked.names if name not in NAMES]:
        parser.error(f"there is no {wrong[0]!r}: expected one of {', '.join(NAMES)}")
    effort = Effort(asked.level or "default", asked.seconds)
    wanted = asked.names or [*ALONE, *TOGETHER]
    results = [result for name in ALONE + BY_NAME if name in wanted for result in measure(name, effort)]
    with ThreadPoolExecutor(len(TOGETHER)) as pool:
        for found in pool.map(lambda name: measure(name, effort), [n for n in TOGETHER if n in wanted]):
            results += found
    load = os.getloadavg()
    print(markdown(results, last_release()))
    if asked.keep:
        keep(results, effort)
    print(f"\n{effort.level}, {os.cpu_count()} cores, load {load[0]:.1f} {load[1]:.1f} {load[2]:.1f}")
    return 1 if any(r.met is False for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
