"""The board once, as plain text: for ``status``, and for a demo without a terminal."""

from __future__ import annotations

from oncall_tui.domain.alert import Alert
from oncall_tui.engine import Update
from oncall_tui.history_words import back_of, fate
from oncall_tui.text import clean, fit
from oncall_tui.time_format import age, ago, here, told
from oncall_tui.triage.holding import aftermath, escalation, left
from oncall_tui.triage.look import AlertLook, page_words
from oncall_tui.triage.rank import severity_word
from oncall_tui.triage.words import last_read, nothing


def text_board(update: Update, now: float) -> str:
    """Sources, alerts, services and deploys, one line each."""
    look = update.look
    hidden = f" · {look.hidden} hidden" if look.hidden else ""
    lines = [_sources(update, now), "", f"ALERTS {len(look.alerts)} · {page_words(look)}{hidden}"]
    unread = [s.name for s in update.board.unread]
    lines[-1] += f" · not read: {', '.join(unread)}" if unread else ""
    if look.wide:
        lines.append(f"  wide: {look.wide.words} since {told(look.wide.since, now)}, probably not one deploy")
    lines += [_alert(row, now) for row in look.alerts] or [f"  {clean(nothing(update.board, now))}"]
    faults = sum(s.health.is_fault for s in look.services)
    lines += ["", f"SERVICES {len(look.services)} · {faults} unhealthy"]
    for service in look.services:
        counts = f"{service.running}/{service.desired}" + (f" +{service.pending}" if service.pending else "")
        when = age(now - service.last_deploy) if service.last_deploy else ""
        cells = ((service.id, 44), (counts, 9), (service.revision.short, 7), (service.health, 11), (when, 5))
        lines.append("  " + _row(cells) + clean(service.note))
    running = sum(d.state.running for d in look.deploys)
    lines += ["", f"DEPLOYS {running} running · {len(look.deploys)} in the last day"]
    for deploy in look.deploys:
        why = deploy.failures[0].words if deploy.failures else deploy.reason
        why = " · ".join(part for part in (fate(deploy, here(), now) if back_of(deploy) else "", why) if part)
        shown = ((deploy.service_id, 44), (deploy.arrow, 12), (str(deploy.state), 14), (deploy.progress, 7))
        lines.append("  " + _row((*shown, (age(now - deploy.started), 5))) + clean(why))
    return "\n".join(line.rstrip() for line in lines)


def who(alert: Alert, now: float) -> str:
    """``acknowledged Bob 2m, 1h left``, ``firing, escalates in 2m``: the state, who, since when, and what comes."""
    words = [str(alert.state), *alert.by[:2]]
    if alert.by_at and alert.by:
        words.append(ago(now - alert.by_at))
    return ", ".join(part for part in (" ".join(words), left(alert.until, now), escalation(alert, now)) if part)


def _sources(update: Update, now: float) -> str:
    board = update.board
    told = [f"{board.live}/{len(board.sources)} sources live"]
    for source in board.sources.values():
        since = last_read(source, now)
        hint = f" → {source.hint}" if source.hint else ""
        told.append(clean(f"  {source.name:<12} {source.state.label:<15} {since:<22} {source.message}{hint}"))
    return "\n".join(told)


def _alert(row: AlertLook, now: float) -> str:
    alert = row.alert
    product = row.product.name if row.product else "–"
    service = row.service.title if row.service else "–"
    cells = (
        (severity_word(row.severity, row.pages), 5),
        (age(now - row.began), 5),
        (product, 10),
        (service, 24),
        (alert.title, 44),
    )
    also = f"  also {', '.join(clean(o.id) for o in row.others)}" if row.others else ""
    over = f"  {clean(words)}" if (words := aftermath(row, now)) else ""
    suspect = f"  ◂ {clean(row.suspicion.words(now, here()))}" if row.suspect else ""
    return "  " + _row((*cells, (who(alert, now), 26))) + clean(alert.id) + also + over + suspect


def _row(cells: tuple[tuple[str, int], ...]) -> str:
    return "".join(fit(text, width) + " " for text, width in cells)
