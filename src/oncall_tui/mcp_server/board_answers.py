"""The board as answers: plain values, whose texts ``marking`` marks. Pure; *now* is in seconds since the epoch.

A row is called by a reference that is made here from its id (``alert-3f9c2b1a04``): it is the same as long as the row
lasts, and no part of it comes from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from oncall_tui.domain.alert import Alert, Pairs
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.revision import changes
from oncall_tui.domain.service import Service
from oncall_tui.mcp_server.interface import View
from oncall_tui.mcp_server.marking import Own
from oncall_tui.text.history_words import deploy_summary
from oncall_tui.text.time_format import configured_zone, stamp
from oncall_tui.triage.causes import trouble
from oncall_tui.triage.counts import nothing_read
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard


def reference(kind: str, row_id: str) -> Own:
    """Return what a row is called in answers: ``alert-3f9c2b1a04``."""
    return Own(f"{kind}-{hashlib.sha256(row_id.encode('utf-8', 'replace')).hexdigest()[:10]}")


def find_alert(triaged: TriagedBoard, wanted: str) -> TriagedAlert | None:
    """Return the row that a reference, or an alert's id, names; None: there is none on the board."""
    if (row := triaged.find(wanted)) is not None:
        return row
    ids = ((row, name) for row in triaged.alerts for name in (row.id, *(m.id for m in row.members)))
    return next((row for row, name in ids if reference("alert", name) == wanted), None)


def head(view: View, now: float) -> dict[str, Any]:
    """Return what every answer begins with: its time, each source's state, and what is not known."""
    sources = [_source(s) for s in view.triaged.board.sources.values()]
    return {"at": Own(stamp(now) or ""), "sources": sources, "not_known": _not_known(view)}


def _source(source: SourceStatus) -> dict[str, Any]:
    told: dict[str, Any] = {"name": source.name, "provider": Own(source.provider), "state": source.state}
    told["read_at"] = stamp(source.read_at)
    told |= {"message": source.message} if source.message else {}
    told |= {"hint": source.hint} if source.hint else {}
    lacks = [f"{p.scope}: {p.message}" for p in source.problems]
    return told | ({"lacks": lacks} if lacks else {})


def _not_known(view: View) -> list[str]:
    triaged = view.triaged
    found: list[str] = [Own(f"{what}: nothing was ever read of them") for what in sorted(nothing_read(triaged))]
    for source in triaged.board.sources.values():
        if source.state is SourceState.WAITING:
            found.append(Own(f"{source.name}: it is being read, and not all of it has come yet"))
        elif not source.current:
            found.append(Own(f"{source.name}: it cannot be read now ({source.state}): its rows are as of read_at"))
        elif not source.live:
            found.append(Own(f"{source.name}: it was read but for a part"))
        if source.behind:
            found.append(Own(f"{source.name}: the deploys of {source.behind} services are not read yet"))
    if triaged.hidden:
        found.append(Own(f"alerts: {triaged.hidden} are hidden here, as on the board (target tracking)"))
    if view.journal_failure:
        found += [Own("this machine's journal cannot be read:"), view.journal_failure]
    elif not view.recalled:
        found.append(Own("this machine's journal is not read yet: since when a row fires may be earlier"))
    return [*found, *view.troubles]


# --- the lists --------------------------------------------------------------------------------------------------------


def board(view: View, now: float) -> dict[str, Any]:
    """Return alerts ranked as on the board, services in trouble, and deploys."""
    triaged = view.triaged
    sick = [s for s in triaged.services if s.health.is_fault]
    wide = triaged.multi_service_incident
    return {
        "pages": [alert_row(row, now) for row in triaged.alerts if row.pages],
        "notifications": [alert_row(row, now) for row in triaged.alerts if not row.pages],
        "multi_service_incident": None if wide is None else {"since": stamp(wide.since), "services": wide.services},
        "services_in_trouble": [service_row(s, now) for s in sick],
        "services": len(triaged.services),
        "deploys": [deploy_row(d, now) for d in triaged.deploys],
    }


def alert_row(row: TriagedAlert, now: float) -> dict[str, Any]:
    """Return one problem, as a row of the board says it."""
    alert = row.alert
    return {
        "ref": reference("alert", row.id),
        "state": alert.state,
        "severity": row.severity,
        "pages": row.pages,
        "title": alert.title,
        "source": alert.source,
        "since": stamp(row.began),
        "by": list(alert.by),
        "until": stamp(alert.until),
        "service": row.service.id if row.service else None,
        "product": row.product.name if row.product else None,
        "assigned": assignment(alert, now),
        "times": row.count,
        "suspicion": row.suspicion.words(now, configured_zone()),
    }


def service_row(service: Service, now: float) -> dict[str, Any]:
    """Return one service, and what its events say of its trouble."""
    return {
        "id": service.id,
        "health": service.health,
        "running": service.running,
        "desired": service.desired,
        "pending": service.pending,
        "revision": service.revisions,
        "since": stamp(service.since),
        "read_at": stamp(service.read_at),
        "note": service.note,
        "trouble": trouble(service, now),
    }


def deploy_row(deploy: Deploy, now: float) -> dict[str, Any]:
    """Return one deploy; its arrow is always old → new."""
    return {
        "ref": reference("deploy", deploy.id),
        "service": deploy.service_id,
        "state": deploy.state,
        "arrow": deploy.arrow,
        "started": stamp(deploy.started),
        "finished": stamp(deploy.finished),
        "by": deploy.started_by or None,
        "tasks": Own(deploy.progress),
        "failed_tasks": deploy.failed_tasks,
        "summary": deploy_summary(deploy),
        "reason": deploy.reason,
    }


# --- one alert --------------------------------------------------------------------------------------------------------


def alert_detail(triaged: TriagedBoard, row: TriagedAlert, now: float) -> dict[str, Any]:
    """Return everything that the board knows of one problem, without a call to any source."""
    service = row.service
    return {
        **alert_row(row, now),
        "id": row.alert.id,
        "why_here": Own(row.why),
        "flaps": Own(row.flaps),
        "after_incident": aftermath(row, now),
        "reported_by": [_member(m) for m in row.members],
        "service_now": None if service is None else service_row(triaged.board.services.get(service.id, service), now),
        "deploys_of_service": [deploy_row(d, now) for d in _of_service(triaged, service)],
        "related": [reference("alert", other.id) for other in triaged.related(row)],
        "runbook": Own(row.product.runbook) if row.product else None,
    }


def _member(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "source": alert.source,
        "state": alert.state,
        "title": alert.title,
        "began": stamp(alert.began),
        "changed": stamp(alert.changed),
        "by": list(alert.by),
        "by_at": stamp(alert.by_at),
        "comment": alert.comment,
        "url": alert.url,
        "labels": _pairs(alert.labels),
        "annotations": _pairs(alert.annotations),
        "count": alert.count,
    }


def _pairs(pairs: Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _of_service(triaged: TriagedBoard, service: Service | None) -> Iterable[Deploy]:
    return [] if service is None else [d for d in triaged.deploys if d.service_id == service.id]


def suspects(row: TriagedAlert, now: float) -> dict[str, Any]:
    """Return the deploys and changes that may have done it, with the evidence; and those that did not."""
    of = row.suspicion
    return {
        "alert": reference("alert", row.id),
        "title": row.alert.title,
        "since": stamp(row.began),
        "rule": Own(
            "a deploy or a change is a suspect where it had begun when the alert began, and was under way then or had "
            f"ended within the {of.look_back_s / 60:g} minutes before; or where it began while the alert was quiet, "
            "and that fired again after it: this is no proof that it did it"
        ),
        "words": of.words(now, configured_zone()),
        "suspects": [_suspect(s, now) for s in of.suspects],
        "began_after_the_alert": [_suspect(s, now) for s in of.innocent],
        "not_read": of.not_known or None,
        "of_a_multi_service_incident": of.wide,
    }


def _suspect(suspect: Suspect | SuspectChange, now: float) -> Mapping[str, Any]:
    if isinstance(suspect, SuspectChange):
        return _suspect_change(suspect)
    deploy = suspect.deploy
    differs = changes(deploy.old, deploy.new) if deploy.old else ("not known: what ran before is not told",)
    return {
        **deploy_row(deploy, now),
        "of_the_alerts_own_service": suspect.own,
        "evidence": suspect.told(configured_zone(), now),
        "changes": list(differs),
        "failures": [{"at": stamp(f.at), "why": f.summary} for f in deploy.failures],
    }


def _suspect_change(suspect: SuspectChange) -> Mapping[str, Any]:
    """Return a change as a suspect: no rollback takes it back."""
    change = suspect.change
    return {
        "change": Own(change.kind),
        "what": change.what,
        "by": change.by or None,
        "began": stamp(change.began),
        "began_not_before": stamp(change.not_before),
        "ended": stamp(change.ended),
        "text": change.text or None,
        "of_the_alerts_own_service": suspect.own,
        "evidence": suspect.words,
    }
