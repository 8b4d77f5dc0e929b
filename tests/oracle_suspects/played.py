"""A town as the program gets to see it: boards, one after the other, as alerts come and go and deploys move."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TypeVar

from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.revision import Revision
from oncall_tui.domain.service import Health, Service, ServiceKey
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager
from tests.oracle_suspects.town import Changed, Deployed, Problem, Town

Row = TypeVar("Row", Alert, Deploy, Change)
WHAT = {
    "failover": (ChangeKind.DATABASE, "RDS failover of {}"),
    "scale-in": (ChangeKind.SCALING, "desired count 4 → 2 of {}"),
    "scale-out": (ChangeKind.SCALING, "desired count 2 → 4 of {}"),
    "edit": (ChangeKind.CONFIGURATION, "edit of {}"),
    "release": (ChangeKind.RELEASE, "release 1.9.0 of {}"),
    "alarm": (ChangeKind.ALARM, "edit of the alarm {}"),
    "schedule": (ChangeKind.SCHEDULE, "override of {}"),
    "effect": (ChangeKind.PLACEMENT, "no room for a task of {}"),
}
ACCOUNT, ELSEWHERE, REGION = "111111111111", "222222222222", "ap-northeast-1"
PROVIDERS = {"prod": "ecs", "prom": "alertmanager", "alarms": "cloudwatch", "pager": "pagerduty"}


def played(town: Town) -> TriagedBoard:
    """What the program makes of it, once it has watched all of it."""
    products = tuple(
        Product(name=name, services=tuple(map(service_id, mine)), alerts={"team": name}, changes=(f"prod/*+{name}+*",))
        for name, mine in town.products.items()
    )
    triager = Triager(Rules(products=products, look_back_s=town.look_back))
    triaged = [triager.triage(board) for board in boards(town)]
    return triaged[-1]


def boards(town: Town) -> Iterator[Board]:
    """One a second after each thing that happened, and one now. Rows that did not change are the same objects."""
    kept: dict[str, Alert | Deploy | Change] = {}

    def same(row: Row) -> Row:
        known = kept.setdefault(row.id, row)
        if known != row:
            known = kept[row.id] = row
        return known  # type: ignore[return-value]

    services = {service_id(s): _service(s, town.now) for s in town.services}
    times = sorted({t + 1.0 for t in _happenings(town) if t + 1.0 < town.now} | {town.now})
    for version, at in enumerate(times, 1):
        alerts = [same(a) for p in town.problems for a in _alerts(town, p, at)]
        deploys = [same(_deploy(d, at)) for d in town.deploys if d.start <= at]
        changes = [same(_change(c, at)) for c in town.changes if c.start <= at]
        yield Board(
            version=version,
            at=at,
            sources=MappingProxyType(
                {n: SourceStatus(name=n, provider=p, state=SourceState.OK, read_at=at) for n, p in PROVIDERS.items()}
            ),
            alerts=MappingProxyType({a.id: a for a in alerts}),
            services=MappingProxyType(services),
            deploys=MappingProxyType({d.id: d for d in deploys}),
            changes=MappingProxyType({c.id: c for c in changes}),
        )


def service_id(name: str) -> str:
    return f"prod/main/{name}"


def deploy_id(name: str) -> str:
    return f"prod/{name}"


def alert_id(problem: Problem) -> str:
    return f"prom/{problem.name}"


def _happenings(town: Town) -> Iterator[float]:
    for d in (*town.deploys, *town.changes):
        yield d.start
        yield d.end or d.start
    for p in town.problems:
        for start, end in p.firings:
            yield from (start, *(start + late for _, late in p.seen), end or start)


def _service(name: str, now: float) -> Service:
    return Service(
        id=service_id(name),
        source="prod",
        key=ServiceKey("111111111111", "ap-northeast-1", "main", name),
        health=Health.HEALTHY,
        desired=2,
        running=2,
        pending=0,
        revision=Revision(task_definition=f"arn:aws:ecs:::task-definition/{name}:2"),
        read_at=now,
    )


def _deploy(told: Deployed, at: float) -> Deploy:
    """As it stands *at* then; of one of which nobody tells when it ended, that it is over."""
    over = not told.told or (told.end is not None and told.end <= at)
    return Deploy(
        id=deploy_id(told.name),
        source="prod",
        native_id=told.name,
        service_id=service_id(told.service),
        state=DeployState(told.how) if over else DeployState.IN_PROGRESS,
        old=Revision(task_definition=f"arn:aws:ecs:::task-definition/{told.service}:1"),
        new=Revision(task_definition=f"arn:aws:ecs:::task-definition/{told.service}:2"),
        started=told.start,
        finished=told.end if over else None,
        desired=2,
        failed_tasks=told.failed,
    )


def _change(told: Changed, at: float) -> Change:
    """As it stands *at* then. A thing's name holds the names of the products that own it."""
    kind, what = WHAT[told.what]
    thing = told.service or (f"alarm-{told.alarm}" if told.alarm else f"{told.name}+{'+'.join(told.products)}+db")
    over = told.end is not None and told.end <= at
    return Change(
        id=deploy_id(told.name),
        source="prod",
        kind=kind,
        what=what.format(thing),
        resource=thing,
        began=told.start,
        ended=told.end if over else None,
        by=told.by,
        service_id=service_id(told.service) if told.service else "",
        effect=told.what == "effect",
        not_before=told.since,
        account=(ELSEWHERE if told.elsewhere else ACCOUNT) if told.alarm else "",
        region=REGION if told.alarm else "",
    )


def _alerts(town: Town, problem: Problem, at: float) -> Iterator[Alert]:
    """Its alert at Alertmanager, and those of whoever else sees it by then."""
    now = [(i, start) for i, (start, end) in enumerate(problem.firings) if start <= at and (end is None or at < end)]
    for index, start in now:
        state = AlertState(problem.state) if at >= town.now else AlertState.FIRING
        yield _alert(problem, "prom", alert_id(problem), start, state)
        for source, late in problem.seen:
            if start + late <= at:
                of = f"{problem.name}-{index}" if source == "pager" else problem.name
                yield _alert(problem, source, f"{source}/{of}", start + late, state)


def _alert(problem: Problem, source: str, id: str, began: float, state: AlertState) -> Alert:
    labels = (("alertname", problem.name),) + ((("team", problem.product),) if problem.product else ())
    names = source != "pager" or len(problem.firings) > 1
    return Alert(
        id=id,
        source=source,
        provider=PROVIDERS[source],
        native_id=id.partition("/")[2],
        state=state,
        severity=Severity.CRITICAL,
        title=f"alarm-{problem.name}" if source == "alarms" else f"{problem.name} is on fire",
        began=began,
        labels=labels if source == "prom" else (),
        hint=ServiceHint(cluster="main", service=problem.service) if names and problem.service else ServiceHint(),
        keys=_keys(problem, source),
    )


def _keys(problem: Problem, source: str) -> tuple[str, ...]:
    """What joins it with what the others see; of an alarm its ARN too."""
    if not problem.seen:
        return ()
    arn = (f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:alarm-{problem.name}",) if source == "alarms" else ()
    return (f"key:{problem.name}", *arn)
