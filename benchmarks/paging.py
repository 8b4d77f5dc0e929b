"""One source of 5,000 rows, each kind in turn: the time to its first row, the calls, and the memory after 30 s.

The program has that one source and nothing else, in a pseudo-terminal of 120×40: 5,000 open PagerDuty incidents, firing
Alertmanager alerts, alerting Datadog monitors, unresolved Sentry issues. The baseline is the same program on the same
kind of source with 10 rows; the two are started in turn, so that what else the machine does falls on both.

First row: from the start to the first text of a row. All: until the pane's title counts them all; a source's list is
shown when it was read whole, so the two fall together. The drill's answers are in both times: the processor time that
it took meanwhile is told. Memory is VmRSS of the program (never of the drill), in millions of bytes, so many seconds
after its start; it is taken when no time is measured, of all programs side by side. PagerDuty's incidents are also
asked for their alerts, one by one and a few a poll: those calls are told, and go on after the list is whole.

Alone, in about a minute and a half: ``python -m benchmarks paging --quick``.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.result import Effort, Result, middle, spread
from benchmarks.terminal import Terminal
from benchmarks.world import World

ROWS, FEW = 5_000, 10
BUDGET_MB = 110.0  # as for 1,000 services and 5,000 alerts
MARK = "is over its limit"
_TEAMS = ("payments", "auth", "search", "catalog", "cart", "orders", "shipping", "media", "mail", "reports")

Table = dict[str, Any]


class Kind(NamedTuple):
    """A kind of source, and how a scenario gets *rows* of it."""

    provider: str
    rows: str
    lay: Callable[[int], Table]


class Start(NamedTuple):
    """One start: seconds to the first row and to all of them, the drill's processor seconds, and the calls of that."""

    first: float
    all: float
    drill: float
    calls: Counter[str]


def _title(index: int) -> str:
    return f"{_TEAMS[index % len(_TEAMS)]}: check {index} {MARK}"


def _pagerduty(rows: int) -> Table:
    people = [{"name": "Alice", "email": "alice@example.com"}, {"name": "Bob", "email": "bob@example.com"}]
    levels = [{"people": ["Alice"], "after": 1800}, {"people": ["Bob"]}]
    services = [{"name": team, "policy": "Drill"} for team in _TEAMS]
    pages = [
        {
            "key": f"check-{index}",
            "title": _title(index),
            "service": _TEAMS[index % len(_TEAMS)],
            "urgency": "low" if index % 50 else "high",
            "details": {"ecs_cluster": "prod-main", "ecs_service": f"service-{index % 200}"},
            "minutes_ago": 1 + index % 3000,
        }
        for index in range(rows)
    ]
    account = {"people": people, "policies": [{"name": "Drill", "levels": levels}], "services": services}
    return {"pagerduty": account, "events": [{"page": page} for page in pages]}


def _alertmanager(rows: int) -> Table:
    def alert(index: int) -> Table:
        labels = {"alertname": f"Drill{index % 20:02d}", "severity": "warning" if index % 50 else "critical"}
        labels |= {"team": _TEAMS[index % len(_TEAMS)], "instance": f"10.0.{index // 250}.{index % 250}:9100"}
        return {"labels": labels, "annotations": {"summary": _title(index)}, "minutes_ago": 1 + index % 3000}

    return {"events": [{"fire": alert(index)} for index in range(rows)]}


def _datadog(rows: int) -> Table:
    monitors = [
        {
            "name": _title(index),
            "priority": 1 + index % 5,
            "tags": [f"service:service-{index % 200}", f"team:{_TEAMS[index % len(_TEAMS)]}"],
            "groups": {f"cluster_name:prod-{index % 4}": "Warn" if index % 50 else "Alert"},
            "minutes": 1 + index % 3000,
        }
        for index in range(rows)
    ]
    return {"datadog": {"monitors": monitors}}


def _sentry(rows: int) -> Table:
    issues = [
        {
            "key": f"check-{index}",
            "title": _title(index),
            "project": _TEAMS[index % len(_TEAMS)],
            "level": "error" if index % 50 else "fatal",
            "count": 1 + index % 700,
            "users": index % 90,
            "minutes_ago": 1 + index % 3000,
        }
        for index in range(rows)
    ]
    return {"events": [{"issue": issue} for issue in issues]}


KINDS = (
    Kind("pagerduty", "incidents", _pagerduty),
    Kind("alertmanager", "alerts", _alertmanager),
    Kind("datadog", "monitors", _datadog),
    Kind("sentry", "issues", _sentry),
)


def scenario(kind: Kind, rows: int) -> Table:
    """A world whose one source has *rows* rows and nothing else."""
    return {
        "name": f"{rows} of {kind.provider}",
        "timezone": "UTC",
        "me": {"name": "Alice", "email": "alice@example.com"},
        "sources": [{"name": "one", "provider": kind.provider}],
        **kind.lay(rows),
    }


def serve(kind: Kind, rows: int) -> World:
    """That world, started. Its scenario is a file, since JSON is YAML."""
    with tempfile.TemporaryDirectory(prefix="oncall-tui-bench-") as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(json.dumps(scenario(kind, rows)))
        return World(str(path))  # it has read the file when it says where it listens


def processor_s(pid: int) -> float:
    """The processor time that a process has taken, seconds (``proc_pid_stat(5)``: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shown(terminal: Terminal, rows: int) -> float:
    """Wait until the pane's title counts *rows*; when that was."""
    return terminal.wait_text(f"ALERTS {rows}", timeout_s=120)


def start(world: World, rows: int) -> Start:
    """Start the program on *world* once."""
    world.ask("calls/reset", {})
    before = processor_s(world.process.pid)
    with world.program() as terminal:
        first = terminal.wait_text(MARK, timeout_s=120)
        whole = max(first, shown(terminal, rows))
        drill = processor_s(world.process.pid) - before
        calls = Counter(world.calls()["one"])
        return Start(first - terminal.started, whole - terminal.started, drill, calls)


def times(kind: Kind, many: World, few: World, runs: int) -> list[Result]:
    """Start the program on both worlds in turn."""
    start(many, ROWS), start(few, FEW)  # not counted: files are read from disk there
    pairs = [(start(many, ROWS), start(few, FEW)) for _ in range(runs)]
    large, small = [a.first for a, _ in pairs], [b.first for _, b in pairs]
    whole, drill = middle([a.all for a, _ in pairs]), middle([a.drill for a, _ in pairs])
    told = f"{middle(large) / middle(small):.2f} × that of {FEW} ({middle(large):.2f} against {middle(small):.2f} s;"
    told += f" {runs} runs each, {spread(large)} and {spread(small)})"
    told += f"; all after {whole:.2f} s; the drill computed {drill:.2f} s of it"
    return [
        Result(f"{ROWS:,} {kind.rows}: start to first row", told),
        Result("– calls until then", _listed(pairs[-1][0].calls)),
    ]


def memory(kind: Kind, many: World, few: World, seconds: float) -> list[Result]:
    """Leave the program alone on both worlds at the same time."""
    many.ask("calls/reset", {})
    with many.program() as large, few.program() as small:
        while (left := large.started + seconds - time.monotonic()) > 0:
            large.run(min(0.5, left))
            small.quiet(0.0)
        if f"ALERTS {ROWS}" not in "\n".join(large.display()):
            raise RuntimeError(f"not all {kind.rows} were read after {seconds:.0f} s")
        most, least = large.rss(), small.rss()
    told = f"{most:.0f} MB after {seconds:.0f} s ({least:.0f} MB with {FEW})"
    return [
        Result(f"{ROWS:,} {kind.rows}: memory", told, f"{BUDGET_MB:.0f} MB", most <= BUDGET_MB),
        Result("– calls until then", _listed(Counter(many.calls()["one"]))),
    ]


def _listed(calls: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in calls.most_common())


def run(effort: Effort) -> list[Result]:
    """Measure: each kind's times alone, then the memory of all kinds side by side."""
    runs, seconds = effort.runs(3, 5, 9), effort.length(30, 30, 120)
    with ExitStack() as stack:
        worlds = [tuple(stack.enter_context(serve(kind, rows)) for rows in (ROWS, FEW)) for kind in KINDS]
        found = [times(kind, many, few, runs) for kind, (many, few) in zip(KINDS, worlds, strict=True)]
        with ThreadPoolExecutor(len(KINDS)) as pool:
            parts = [pool.submit(memory, k, many, few, seconds) for k, (many, few) in zip(KINDS, worlds, strict=True)]
            found += [part.result() for part in parts]
    return [result for part in found for result in part]
