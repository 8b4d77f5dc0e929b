"""The memory and the processor time of a program with all its children (``proc(5)``)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """Megabytes (10⁶ bytes), the sum over all processes. *pss* counts a page that two of them share once."""

    rss: float
    pss: float
    processes: int

    def __str__(self) -> str:
        more = f" in {self.processes} processes" if self.processes > 1 else ""
        return f"{self.rss:.0f} MB (PSS {self.pss:.0f} MB){more}"


def tree(pid: int) -> Iterator[int]:
    """Yield *pid* and what it started, and what that did."""
    yield pid
    for task in _listed(f"/proc/{pid}/task"):
        for child in _text(f"/proc/{pid}/task/{task}/children").split():
            yield from tree(int(child))


def memory(pid: int) -> Memory:
    """Return what the program holds now."""
    rss = pss = 0.0
    count = 0
    for one in tree(pid):
        told = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", _text(f"/proc/{one}/smaps_rollup"), re.MULTILINE))
        rss += int(told.get("Rss", 0)) * 1024 / 1e6
        pss += int(told.get("Pss", 0)) * 1024 / 1e6
        count += bool(told)
    return Memory(rss, pss, count)


def processor_s(pid: int) -> float:
    """Return the processor time that it has taken, in seconds (``proc_pid_stat(5)``: utime and stime)."""
    ticks = 0
    for one in tree(pid):
        fields = _text(f"/proc/{one}/stat").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # it is gone
        return ""
