"""What a benchmark says, and how much effort it takes over it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Result(NamedTuple):
    """One line of the table. *met* is None where there is no budget: the line is there to compare with."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None


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


def markdown(results: Sequence[Result]) -> str:
    """The table."""
    word = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | measured | budget | met |", "|---|---|---|---|"]
    lines += [f"| {r.what} | {r.measured} | {r.budget} | {word[r.met]} |" for r in results]
    return "\n".join(lines)
