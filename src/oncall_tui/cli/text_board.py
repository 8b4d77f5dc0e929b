"""The board once, as plain text: for ``status``, and for a demo without a terminal. Nothing of it is cut.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import clean, count, width
from oncall_tui.text.history_words import UNKNOWN, back_of, deploy_status
from oncall_tui.text.time_format import age, ago, configured_zone, local_time
from oncall_tui.triage.causes import trouble
from oncall_tui.triage.counts import alerts_title, deploys_title, services_title
from oncall_tui.triage.empty_board import last_read, nothing
from oncall_tui.triage.ownership import aftermath, escalation, left
from oncall_tui.triage.ranking import ATTENTION, SILENT, severity_word
from oncall_tui.triage.triager import TriagedAlert

ALERTS = ("SEV", "AGE", "PRODUCT", "SERVICE", "ALERT", "STATE", "ID")
SERVICES = ("SERVICE", "TASKS", "REV", "HEALTH", "DEPLOYED", "ALERT", "NOTE")
DEPLOYS = ("SERVICE", "REVISION", "STATE", "TASKS", "AGE", "BY", "REASON")
ALIGNED = 60  # cells: a longer text moves the rest of its own line, and not that of every other


def text_board(update: Update, now: float, freezes: Sequence[str] = ()) -> str:
    """Sources, alerts, services and deploys, one line each; *freezes* are those of the guardrails, in words."""
    triaged = update.triaged
    title = alerts_title(triaged) + (f" · {triaged.hidden} hidden" if triaged.hidden else "")
    unread = unread_words(update.board.unread)
    held = [f"  ! {clean(words)}" for words in freezes]
    lines = [_sources(update, now), *held, "", title + (f" · {unread}" if unread else "")]
    if (incident := triaged.multi_service_incident) is not None:
        since = local_time(incident.since, now)
        lines.append(f"  multi-service: {incident.summary} since {since}, probably not one deploy")
    lines += _table(ALERTS, [_alert(row, update, now) for row in triaged.alerts]) or [
        f"  {clean(nothing(update.board, now))}"
    ]
    lines += ["", services_title(triaged)]
    firing = Counter(row.service.id for row in triaged.alerts if row.service and ATTENTION[row.alert.state] < SILENT)
    lines += _table(SERVICES, [_service(service, firing[service.id], update, now) for service in triaged.services])
    lines += ["", deploys_title(triaged)]
    lines += _table(DEPLOYS, [_deploy(deploy, update, now) for deploy in triaged.deploys])
    return "\n".join(line.rstrip() for line in lines)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """*rows* under their *titles*, each column as wide as what it holds; empty without rows."""
    if not rows:
        return []
    lines = [list(titles), *([clean(text) for text in row] for row in rows)]
    widths = [max(cells for line in lines if (cells := width(line[i])) <= ALIGNED) for i in range(len(titles))]
    return ["  " + "  ".join(t + " " * (w - width(t)) for t, w in zip(line, widths, strict=True)) for line in lines]


def who(alert: Alert, now: float) -> str:
    """``acknowledged Bob 2m, 1h left``, ``firing, escalates in 2m``: the state, who, since when, and what comes."""
    words = [str(alert.state), *alert.by[:2]]
    if alert.by_at and alert.by:
        words.append(ago(now - alert.by_at))
    reason = alert.comment if alert.state in (AlertState.SILENCED, AlertState.SNOOZED) else ""
    return ", ".join(part for part in (" ".join(words), left(alert.until, now), escalation(alert, now), reason) if part)


def _sources(update: Update, now: float) -> str:
    board = update.board
    told = [f"{board.live}/{len(board.sources)} sources live"]
    for source in board.sources.values():
        since = last_read(source, now)
        hint = f" → {source.hint}" if source.hint else ""
        told.append(clean(f"  {source.name:<12} {source.state.label:<15} {since:<22} {source.message}{hint}"))
    return "\n".join(told)


def _alert(row: TriagedAlert, update: Update, now: float) -> tuple[str, ...]:
    alert = row.alert
    more = [alert.id, f"reported by {', '.join(m.id for m in row.members)}" if row.others else "", aftermath(row, now)]
    more.append(_suspicion(row, now))
    return (
        severity_word(row.severity, row.pages),
        age(now - row.began),
        row.product.name if row.product else "–",
        row.service.title if row.service else "–",
        alert.title,
        who(alert, now) if update.board.is_of_now(alert.source) else f"? {who(alert, now)}",
        "  ".join(word for word in more if word),
    )


def _suspicion(row: TriagedAlert, now: float) -> str:
    """The suspect; of a page also that there is none, or that it is not known: neither looks like the other."""
    if row.alert.state is AlertState.RESOLVED or not (row.suspicion.first or row.pages):
        return ""
    words = row.suspicion.words(now, configured_zone())
    return f"◂ {words}" if row.suspicion.first and not row.suspicion.in_doubt else words


def _service(service: Service, alerts: int, update: Update, now: float) -> tuple[str, ...]:
    pending = f", {service.pending} pending" if service.pending else ""
    return (
        service.id,
        f"{service.running}/{service.desired}{pending}",
        service.revisions,
        str(service.health) if update.board.is_of_now(service.source) else f"? {service.health}",
        ago(now - service.since) if service.since else "",
        count(alerts, "alert") if alerts else "",
        " · ".join(word for word in (service.note, trouble(service, now)) if word),
    )


def _deploy(deploy: Deploy, update: Update, now: float) -> tuple[str, ...]:
    why = deploy.failures[0].summary if deploy.failures else deploy.reason
    why = " · ".join(
        part for part in (deploy_status(deploy, configured_zone(), now) if back_of(deploy) else "", why) if part
    )
    began = age(now - deploy.started)
    return (
        deploy.service_id,
        deploy.arrow,
        str(deploy.state) if update.board.is_of_now(deploy.source) else f"? {deploy.state}",
        deploy.progress,
        began,
        deploy.started_by or UNKNOWN,
        why,
    )
