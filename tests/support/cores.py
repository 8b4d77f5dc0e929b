"""How many processors the tests may use: a container often may use fewer than its machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cores(cgroups: Path = CGROUPS) -> float:
    """Return what this process may run on at once, as its affinity and its control group bound it; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1.0, min(float(allowed), *_quotas(cgroups)))


def _quotas(cgroups: Path) -> Iterator[float]:
    """Yield what a group's file says, in processors: of cgroup v2 (``cpu.max``: quota and period), and of v1."""
    yield float("inf")
    for quota, period in (
        _numbers(cgroups / "cpu.max"),
        _numbers(cgroups / "cpu" / "cpu.cfs_quota_us", cgroups / "cpu" / "cpu.cfs_period_us"),
    ):
        if quota > 0 and period > 0:  # v1 says -1, v2 "max", where there is no bound
            yield quota / period


def _numbers(*files: Path) -> tuple[float, float]:
    """Return the two numbers that stand in these files; zeros where they do not."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return float(quota), float(period)
    except (OSError, ValueError):  # such as the word max
        return 0.0, 0.0
