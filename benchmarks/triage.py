"""One look at a board: 5,000 alerts over 1,000 services joined, told apart, suspected and ranked, in this process.

From scratch, as at the first look; and when one alert changed, one deploy moved, or nothing did, as at every poll. A
third of the alerts is told by a second source, and a sixth by a pager too: one problem each. Ratios against a sort of
as many rows by the same kind of key in the same run, so that the machine does not matter; and how the cost grows: what
an alert costs among many against what it costs among a thousand (1.0: in proportion).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from types import MappingProxyType

import msgspec

from benchmarks.result import Effort, Result, middle
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.revision import Revision
from oncall_tui.domain.service import Health, Service, ServiceKey
from oncall_tui.triage.triager import Rules, Triager

NOW = 1_800_000_000.0
ALERTS, SERVICES = 5_000, 1_000
OF_A_PRODUCT = 8  # services
PAGES = ({"severity": "critical"}, {"provider": "pagerduty"})
SOURCES = {"prod": "ecs", "prom": "alertmanager", "alarms": "cloudwatch", "pager": "pagerduty"}


def board(alerts: int, services: int) -> Board:
    """So many alerts over so many services, each of which was deployed lately or is being deployed."""
    rng = Random(f"{alerts}/{services}")
    names = [f"p{number // OF_A_PRODUCT}-s{number}" for number in range(services)]
    rows = {f"prod/main/{name}": _service(name) for name in names}
    deploys = {d.id: d for d in (_deploy(rng, name) for name in names)}
    found: dict[str, Alert] = {}
    number = 0
    while len(found) < alerts:
        told = _problem(rng, number, names[number % services])
        found.update((a.id, a) for a in told[: alerts - len(found)])
        number += 1
    statuses = {n: SourceStatus(name=n, provider=p, state=SourceState.OK, read_at=NOW) for n, p in SOURCES.items()}
    return Board(
        version=1,
        at=NOW,
        sources=MappingProxyType(statuses),
        alerts=MappingProxyType(found),
        services=MappingProxyType(rows),
        deploys=MappingProxyType(deploys),
    )


def _service(name: str) -> Service:
    return Service(
        id=f"prod/main/{name}",
        source="prod",
        key=ServiceKey("111111111111", "ap-northeast-1", "main", name),
        health=Health.HEALTHY,
        desired=2,
        running=2,
        pending=0,
        revision=_revision(name, 42),
        read_at=NOW,
    )


def _revision(name: str, number: int) -> Revision:
    return Revision(task_definition=f"arn:aws:ecs:ap-northeast-1:111111111111:task-definition/{name}:{number}")


def _deploy(rng: Random, name: str) -> Deploy:
    started = NOW - rng.uniform(60, 86_400)
    over = rng.random() < 0.9
    return Deploy(
        id=f"prod/{name}-deploy",
        source="prod",
        native_id=name,
        service_id=f"prod/main/{name}",
        state=DeployState.SUCCEEDED if over else DeployState.IN_PROGRESS,
        old=_revision(name, 41),
        new=_revision(name, 42),
        started=started,
        finished=started + 50 if over else None,
        failed_tasks=0 if over else rng.choice((0, 3)),
    )


def _problem(rng: Random, number: int, name: str) -> list[Alert]:
    """One problem as one, two or three sources tell it."""
    began = NOW - rng.uniform(10, 7_200)
    labels = (("alertname", f"Alert{number % 40}"), ("instance", f"i{number}"), ("service", name))
    severity = rng.choice((Severity.CRITICAL, Severity.WARNING, Severity.WARNING, Severity.INFO))
    key, hint = f"key:{number}", ServiceHint(cluster="main", service=name)

    def alert(source: str, **more: object) -> Alert:
        return Alert(
            id=f"{source}/{number}",
            source=source,
            provider=SOURCES[source],
            native_id=str(number),
            state=AlertState.FIRING,
            severity=severity,
            title=f"{name} is on fire ({number})",
            began=began,
            **more,  # type: ignore[arg-type]
        )

    told = [alert("prom", labels=labels, hint=hint)]
    if number % 3 == 0:
        told = [alert("prom", labels=labels, hint=hint, keys=(key,)), alert("alarms", hint=hint, keys=(key,))]
    if number % 6 == 0:
        told.append(alert("pager", keys=(key,), label_sets=(labels,), urgency="high"))
    return told


def rules(services: int) -> Rules:
    """Products of eight services each, by a glob and a label."""
    names = (f"p{number}" for number in range(-(-services // OF_A_PRODUCT)))
    products = tuple(Product(name=n, services=(f"prod/*/{n}-*",), alerts={"team": n}) for n in names)
    return Rules(pages=PAGES, products=products)


def timed(runs: int, work: Callable[[], object], before: Callable[[], None] = lambda: None) -> float:
    """The median of *runs*, in seconds of this thread alone; *before* each is not counted."""
    spent = []
    for _ in range(runs):
        before()
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return middle(spent)


def scratch(alerts: int, services: int, runs: int) -> float:
    """The first look, in seconds."""
    whole, told = board(alerts, services), rules(services)
    return timed(runs, lambda: Triager(told).triage(whole))


class Followed:
    """A triager that has seen a board, and boards that differ from it in one row."""

    def __init__(self, alerts: int, services: int) -> None:
        self.board = board(alerts, services)
        self.triager = Triager(rules(services))
        self.triager.triage(self.board)
        self._turn = 0

    def next_board(self, alert: bool = False, deploy: bool = False) -> None:
        """The next one: another title of one alert, one more failed task of one deploy, or the same rows again."""
        self._turn += 1
        alerts, deploys = self.board.alerts, self.board.deploys
        if alert:
            row = next(iter(alerts.values()))
            alerts = {**alerts, row.id: msgspec.structs.replace(row, title=f"turn {self._turn}")}
        if deploy:
            moved = next(iter(deploys.values()))
            deploys = {**deploys, moved.id: msgspec.structs.replace(moved, failed_tasks=self._turn)}
        self.board = msgspec.structs.replace(
            self.board, version=self._turn + 1, at=NOW + self._turn, alerts=alerts, deploys=deploys
        )

    def triage(self) -> object:
        return self.triager.triage(self.board)


def sort(alerts: int, runs: int) -> float:
    """As many rows sorted by a key like a row's rank: what to compare with."""
    rows = list(board(alerts, 100).alerts.values())
    return timed(
        runs, lambda: sorted(rows, key=lambda a: (a.severity != "critical", 0, a.severity.rank, -a.began, a.id))
    )


def grown(costs: dict[int, float], per_row: bool) -> str:
    """``1,000: 1.0 · 5,000: 1.1``: against the first; *per_row*: each divided by how many there are."""
    first_count, first = next(iter(costs.items()))
    told = []
    for count, cost in costs.items():
        ratio = cost / first / (count / first_count if per_row else 1)
        told.append(f"{count:,}: {ratio:.2f}")
    return " · ".join(told)


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs = effort.runs(5, 11, 31)
    base = sort(ALERTS, runs)
    whole = scratch(ALERTS, SERVICES, runs)
    followed = Followed(ALERTS, SERVICES)
    changed = {
        "one alert changed": timed(runs, followed.triage, lambda: followed.next_board(alert=True)),
        "one deploy moved": timed(runs, followed.triage, lambda: followed.next_board(deploy=True)),
        "nothing changed": timed(runs, followed.triage, followed.next_board),
    }
    what = f"look at {ALERTS:,} alerts, {SERVICES:,} services"
    results = [
        Result(
            f"{what}: from scratch",
            f"{whole * 1000:.0f} ms; {whole / base:.1f} × a sort of them ({base * 1000:.1f} ms)",
        )
    ]
    for name, cost in changed.items():
        results.append(Result(f"{what}: {name}", f"{cost * 1000:.1f} ms; {cost / whole:.2f} × from scratch"))
    by_alerts = {count: scratch(count, SERVICES, runs) for count in (1_000, 2_000, 5_000, 10_000)}
    by_services = {count: scratch(ALERTS, count, runs) for count in (100, 500, 1_000, 2_000)}
    kept = {}
    for count in by_alerts:
        one = Followed(count, SERVICES)
        kept[count] = timed(runs, one.triage, lambda one=one: one.next_board(alert=True))  # type: ignore[misc]
    results.append(Result("from scratch: an alert's cost, by how many", grown(by_alerts, True)))
    results.append(Result(f"from scratch: {ALERTS:,} alerts, by how many services", grown(by_services, False)))
    results.append(Result("one alert changed: an alert's cost, by how many", grown(kept, True)))
    return results
