"""``status``: alerts, services and deploys once, as text or as one JSON object.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, keep_names, running
from oncall_tui.cli.history_json import history_object
from oncall_tui.cli.output import put_json, put_text
from oncall_tui.cli.text_board import text_board
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Update
from oncall_tui.text.time_format import configured_zone, stamp
from oncall_tui.triage.counts import nothing_read
from oncall_tui.triage.multi_service import MultiServiceIncident
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Read every source once and print alerts, services and deploys. Exits 1 if a source could not be read."""
    with running(context) as engine:  # not read only: it reads what came of what was sent
        engine.settle_earlier(EARLIER_TIMEOUT_S)
        update = engine.first_read(READ_TIMEOUT_S)
        now = engine.clock.now()
        if as_json:
            put_json(as_object(update, now))
        else:
            put_text(text_board(update, now))
        keep_names(context, engine)
    sys.exit(DONE if all(s.live for s in update.board.sources.values()) else NOT_DONE)


def as_object(update: Update, now: float) -> dict[str, Any]:
    """The board as the one documented object."""
    triaged = update.triaged
    return {
        "at": stamp(now),
        "sources": [_source(s, now) for s in update.board.sources.values()],
        "alerts": [_alert(row, alert, now) for row in triaged.alerts for alert in row.members],
        "wide": _wide(triaged.multi_service_incident),
        "not_known": sorted(nothing_read(triaged)),
        "services": [_service(s, now) for s in triaged.services],
        "deploys": [_deploy(d) for d in triaged.deploys],
    }


def _source(source: SourceStatus, now: float) -> dict[str, Any]:
    waiting = source.state is SourceState.WAITING  # not answered in all this time: for a script that is offline
    age = source.age_s(now)
    return {
        "name": source.name,
        "provider": source.provider,
        "state": (SourceState.STALE if source.partial else SourceState.OFFLINE) if waiting else source.state,
        "age_s": None if age is None else round(age, 1),
        "message": source.message,
        "hint": source.hint,
    }


def _wide(event: MultiServiceIncident | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {"since": stamp(event.since), "services": event.services, "products": event.products}


def _alert(row: TriagedAlert, alert: Alert, now: float) -> dict[str, Any]:
    """One alert; those with the same *problem* are one row of the board, which the one that *leads* stands for."""
    return {
        "id": alert.id,
        "source": alert.source,
        "state": alert.state,
        "severity": alert.severity,
        "pages": row.pages,
        "problem": row.id,
        "leads": alert is row.alert,
        "title": alert.title,
        "since": stamp(alert.began),
        "service": row.service.id if row.service else None,
        "product": row.product.name if row.product else None,
        "acknowledged_by": list(alert.by) if alert.state in ("acknowledged", "seen") else [],
        "by": list(alert.by),
        "by_at": stamp(alert.by_at),
        "reason": alert.comment,
        "until": stamp(alert.until),
        "assigned": _assigned(alert, now),
        "after_incident": aftermath(row, now),
        "episode_since": stamp(row.began),
        "flapping": row.flapping,
        "rank": row.why,
        "suspects": [_suspect(s, now) for s in row.suspicion.suspects],
        "not_suspect": [_suspect(s, now) for s in row.suspicion.innocent],
        "suspicion": row.suspicion.words(now, configured_zone()),
    }


def _assigned(alert: Alert, now: float) -> dict[str, Any] | None:
    """Return the people whom the pager notifies. *level* 0 is not known; *before* comes from this program's polls."""
    if not alert.assigned:
        return None
    return {
        "to": list(alert.assigned),
        "level": alert.level,
        "since": stamp(alert.assigned_at),
        "before": [{"to": one.name, "level": one.level, "since": stamp(one.since)} for one in alert.had],
        "escalates_at": stamp(alert.escalates_at),
        "words": assignment(alert, now),
    }


def _suspect(suspect: Suspect | SuspectChange, now: float) -> dict[str, Any]:
    """One suspect. *deploy* is null of a change, and *change* of a deploy: a script that goes back rolls none back."""
    deploy = suspect.deploy if isinstance(suspect, Suspect) else None
    change = suspect.change if isinstance(suspect, SuspectChange) else None
    return {
        "kind": change.kind if change else "deploy",
        "deploy": deploy.id if deploy else None,
        "change": change.id if change else None,
        "service": (deploy.service_id if deploy else change.service_id if change else "") or None,
        "words": suspect.told(configured_zone(), now),
    }


def _service(service: Service, now: float) -> dict[str, Any]:
    key = service.key
    return {
        "id": service.id,
        "account": key.account,
        "region": key.region,
        "cluster": key.cluster,
        "name": key.name,
        "health": service.health,
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "revision": service.revision.family_revision,
        "to_run": service.to_run.family_revision,
        "since": stamp(service.since),
        "age_s": None if service.since is None else round(max(0.0, now - service.since), 1),
        "note": service.note,
    }


def _deploy(deploy: Deploy) -> dict[str, Any]:
    return {
        "id": deploy.id,
        "service": deploy.service_id,
        "state": deploy.state,
        "strategy": deploy.strategy,
        "from": deploy.old.family_revision if deploy.old else None,
        "to": deploy.new.family_revision,
        "started": stamp(deploy.started),
        "finished": stamp(deploy.finished),
        "progress": deploy.progress,
        "running": deploy.running,
        "desired": deploy.desired,
        "failed_tasks": deploy.failed_tasks,
        **history_object(deploy),
        "reason": deploy.reason,
    }
