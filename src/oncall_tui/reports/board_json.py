"""The object of ``status --json``: the board once, as structs. *now* is in seconds since the epoch."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.service import Health, Service
from oncall_tui.reports.history_json import RolledBackOutput, rolled_back
from oncall_tui.text.history_words import deploy_summary, noun
from oncall_tui.text.json_types import JsonTime
from oncall_tui.text.time_format import configured_zone, rfc3339, stamp
from oncall_tui.triage.counts import nothing_read
from oncall_tui.triage.multi_service import MultiServiceIncident
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard


class SourceOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A source. *age_s*: seconds since it was read well; null: never."""

    name: str
    provider: str
    state: SourceState
    age_s: float | None
    message: str
    hint: str


class WideOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How many services of how many products began to fire together."""

    since: JsonTime
    services: int
    products: int


class FormerAssigneeOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A person who was assigned before, as this program's polls saw it."""

    to: str
    level: int
    since: JsonTime | None


class AssignedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The people whom the pager notifies. *level* 0 is not known."""

    to: tuple[str, ...]
    level: int
    since: JsonTime | None
    before: tuple[FormerAssigneeOutput, ...]
    escalates_at: JsonTime | None
    words: str


class SuspectOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A deploy or a change that may have caused an alert, or that did not, with the evidence in words.

    *deploy* is null of a change, and *change* of a deploy: a script that goes back rolls none back.
    """

    kind: str
    deploy: str | None
    change: str | None
    service: str | None
    words: str


class AlertOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. Those with the same *problem* are one row of the board, which the one that *leads* stands for."""

    id: str
    source: str
    state: AlertState
    severity: Severity
    pages: bool
    problem: str
    leads: bool
    title: str
    since: JsonTime
    service: str | None
    product: str | None
    acknowledged_by: tuple[str, ...]
    by: tuple[str, ...]
    by_at: JsonTime | None
    reason: str
    until: JsonTime | None
    assigned: AssignedOutput | None
    after_incident: str
    episode_since: JsonTime
    flapping: bool
    rank: str
    suspects: tuple[SuspectOutput, ...]
    not_suspect: tuple[SuspectOutput, ...]
    suspicion: str


class ServiceOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An ECS service. *revision* is what most of its tasks run, *to_run* what ECS is to run."""

    id: str
    account: str
    region: str
    cluster: str
    name: str
    health: Health
    desired: int
    running: int
    pending: int
    revision: str
    to_run: str
    since: JsonTime | None
    age_s: float | None
    note: str


class BoardDeployOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A deploy on the board; *says* is all of it in one sentence."""

    id: str
    service: str
    state: DeployState
    strategy: str
    from_: str | None = msgspec.field(name="from")
    to: str
    started: JsonTime
    finished: JsonTime | None
    progress: str
    running: int
    desired: int
    failed_tasks: int
    kind: str
    started_by: str | None
    rolled_back: RolledBackOutput | None
    says: str
    reason: str


class StatusOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The board once. *not_known*: the lists (alerts, services, deploys) of which nothing was ever read."""

    at: JsonTime
    sources: tuple[SourceOutput, ...]
    alerts: tuple[AlertOutput, ...]
    wide: WideOutput | None
    not_known: tuple[str, ...]
    services: tuple[ServiceOutput, ...]
    deploys: tuple[BoardDeployOutput, ...]


def status_output(triaged: TriagedBoard, now: float) -> StatusOutput:
    """Return the board as the documented object."""
    return StatusOutput(
        at=rfc3339(now),
        sources=tuple(_source(s, now) for s in triaged.board.sources.values()),
        alerts=tuple(alert_output(row, alert, now) for row in triaged.alerts for alert in row.members),
        wide=_wide(triaged.multi_service_incident),
        not_known=tuple(sorted(nothing_read(triaged))),
        services=tuple(service_output(s, now) for s in triaged.services),
        deploys=tuple(board_deploy_output(d) for d in triaged.deploys),
    )


def _source(source: SourceStatus, now: float) -> SourceOutput:
    waiting = source.state is SourceState.WAITING  # not answered in all this time: for a script that is offline
    age = source.age_s(now)
    return SourceOutput(
        name=source.name,
        provider=source.provider,
        state=(SourceState.STALE if source.partial else SourceState.OFFLINE) if waiting else source.state,
        age_s=None if age is None else round(age, 1),
        message=source.message,
        hint=source.hint,
    )


def _wide(event: MultiServiceIncident | None) -> WideOutput | None:
    if event is None:
        return None
    return WideOutput(since=rfc3339(event.since), services=event.services, products=event.products)


def alert_output(row: TriagedAlert, alert: Alert, now: float) -> AlertOutput:
    """Return one alert of a row. *now* is in seconds since the epoch."""
    return AlertOutput(
        id=alert.id,
        source=alert.source,
        state=alert.state,
        severity=alert.severity,
        pages=row.pages,
        problem=row.id,
        leads=alert is row.alert,
        title=alert.title,
        since=rfc3339(alert.began),
        service=row.service.id if row.service else None,
        product=row.product.name if row.product else None,
        acknowledged_by=alert.by if alert.state in (AlertState.ACKNOWLEDGED, AlertState.SEEN) else (),
        by=alert.by,
        by_at=stamp(alert.by_at),
        reason=alert.comment,
        until=stamp(alert.until),
        assigned=_assigned(alert, now),
        after_incident=aftermath(row, now),
        episode_since=rfc3339(row.began),
        flapping=row.flapping,
        rank=row.why,
        suspects=tuple(_suspect(s, now) for s in row.suspicion.suspects),
        not_suspect=tuple(_suspect(s, now) for s in row.suspicion.innocent),
        suspicion=row.suspicion.words(now, configured_zone()),
    )


def _assigned(alert: Alert, now: float) -> AssignedOutput | None:
    if not alert.assigned:
        return None
    return AssignedOutput(
        to=alert.assigned,
        level=alert.level,
        since=stamp(alert.assigned_at),
        before=tuple(FormerAssigneeOutput(to=o.name, level=o.level, since=stamp(o.since)) for o in alert.had),
        escalates_at=stamp(alert.escalates_at),
        words=assignment(alert, now),
    )


def _suspect(suspect: Suspect | SuspectChange, now: float) -> SuspectOutput:
    deploy = suspect.deploy if isinstance(suspect, Suspect) else None
    change = suspect.change if isinstance(suspect, SuspectChange) else None
    return SuspectOutput(
        kind=change.kind if change else "deploy",
        deploy=deploy.id if deploy else None,
        change=change.id if change else None,
        service=(deploy.service_id if deploy else change.service_id if change else "") or None,
        words=suspect.told(configured_zone(), now),
    )


def service_output(service: Service, now: float) -> ServiceOutput:
    """Return a service. *now* is in seconds since the epoch."""
    key = service.key
    return ServiceOutput(
        id=service.id,
        account=key.account,
        region=key.region,
        cluster=key.cluster,
        name=key.name,
        health=service.health,
        desired=service.desired,
        running=service.running,
        pending=service.pending,
        revision=service.revision.family_revision,
        to_run=service.to_run.family_revision,
        since=stamp(service.since),
        age_s=None if service.since is None else round(max(0.0, now - service.since), 1),
        note=service.note,
    )


def board_deploy_output(deploy: Deploy) -> BoardDeployOutput:
    """Return a deploy as the board has it."""
    return BoardDeployOutput(
        id=deploy.id,
        service=deploy.service_id,
        state=deploy.state,
        strategy=deploy.strategy,
        from_=deploy.old.family_revision if deploy.old else None,
        to=deploy.new.family_revision,
        started=rfc3339(deploy.started),
        finished=stamp(deploy.finished),
        progress=deploy.progress,
        running=deploy.running,
        desired=deploy.desired,
        failed_tasks=deploy.failed_tasks,
        kind=noun(deploy),
        started_by=deploy.started_by or None,
        rolled_back=rolled_back(deploy),
        says=deploy_summary(deploy),
        reason=deploy.reason,
    )
