"""What a benchmark says, and how much effort it takes over it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

KEPT = Path(__file__).with_name("last_release.json")


class Result(NamedTuple):
    """One line of the table. *met* is None where there is no budget: the line is there to compare with."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None


class Release(NamedTuple):
    """The figures of the last release, by the lines' names, as a machine with so many *cores* measured them."""

    version: str
    commit: str
    level: str
    cores: int
    measured: dict[str, str]

    @property
    def words(self) -> str:
        """Say which release, and how it was measured."""
        return f"{self.version} ({self.commit}; {self.level}, {self.cores} cores)"


def last_release(path: Path = KEPT) -> Release | None:
    """Return the kept figures; None: there are none."""
    return Release(**json.loads(path.read_text())) if path.exists() else None


def keep(results: Sequence[Result], effort: Effort, path: Path = KEPT) -> Release:
    """Keep *results* as the last release's; lines that were not measured now stay as they are kept."""
    from oncall_tui import __version__

    git = ["git", "-C", str(path.parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    old = last_release(path)
    lines = {**(old.measured if old else {}), **{name: result.measured for name, result in named(results)}}
    made = Release(__version__, done.stdout.strip() or "no commit", effort.level, os.cpu_count() or 1, lines)
    path.write_text(json.dumps(made._asdict(), indent=1, ensure_ascii=False) + "\n")
    return made


class Effort(NamedTuple):
    """How often and how long. *seconds* overrides every duration."""

    level: str = "default"
    seconds: float | None = None

    def runs(self, quick: int, default: int, full: int) -> int:
        """How many runs at this level."""
        return {"quick": quick, "default": default, "full": full}[self.level]

    def length(self, quick: float, default: float, full: float) -> float:
        """How many seconds at this level."""
        if self.seconds is not None:
            return self.seconds
        return {"quick": quick, "default": default, "full": full}[self.level]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that *percent* % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100) - 1))]


def spread(values: Sequence[float]) -> str:
    """The least and the most, in milliseconds: the noise."""
    return f"{min(values) * 1000:.0f}–{max(values) * 1000:.0f} ms"


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def named(results: Sequence[Result]) -> list[tuple[str, Result]]:
    """Return each line under a name of its own: one that begins with a dash belongs to the line before."""
    found, parent = [], ""
    for result in results:
        if result.what.startswith("–"):
            found.append((f"{parent} {result.what}", result))
        else:
            parent = result.what
            found.append((parent, result))
    return found


def markdown(results: Sequence[Result], release: Release | None = None) -> str:
    """Return the table, with what *release* measured beside it."""
    word = {True: "yes", False: "**no**", None: ""}
    before = release.measured if release is not None else {}
    head, rule = "| what | measured | budget | met |", "|---|---|---|---|"
    if release is not None:
        head, rule = f"{head} {release.words} |", f"{rule}---|"
    lines = [head, rule]
    for name, r in named(results):
        line = f"| {r.what} | {r.measured} | {r.budget} | {word[r.met]} |"
        lines.append(f"{line} {before.get(name, 'not measured')} |" if release is not None else line)
    return "\n".join(lines)
