"""What is told of an alert: what it is and who has it, whom to suspect, what else is near it. Pure."""

from __future__ import annotations

from oncall_tui.domain.alert import Alert
from oncall_tui.triage.look import AlertLook
from oncall_tui.tui.detail import pane
from oncall_tui.tui.detail.deploy_part import deploy_lines
from oncall_tui.tui.detail.subject import Subject
from oncall_tui.tui.detail.words import Scene, Section, hint, line
from oncall_tui.tui.lines import Line

RELATED = 12


def alert_section(of: Subject, scene: Scene) -> Section:
    """What it is, each source's state, who has it, why it stands where it does."""
    look = of.look
    assert look is not None
    alert = look.alert
    lines = [line("alert", alert.title, "bold")]
    for member in of.members:
        lines.append(line(member.source, _member(member, scene), _style(member)))
    if alert.assigned:
        lines.append(line("assigned", ", ".join(alert.assigned)))
    if alert.count > 1:
        lines.append(line("repeats", f"{alert.count} of the same"))
    lines += [line(name, text, "warning" if name == "flaps" else "") for name, text in _standing(look)]
    lines += pane.product_lines(of.product)
    lines += [line(name, text) for name, text in alert.annotations if name not in ("summary", "title")]
    return Section("alert", tuple(lines))


def _member(alert: Alert, scene: Scene) -> str:
    source = scene.update.board.sources.get(alert.source)
    known = "" if source is None or source.current else "? "
    title = f" · {alert.title}" if alert.provider == "pagerduty" else ""
    return f"{known}{pane.state(alert, scene.now, scene.tz)}{title}"


def _style(alert: Alert) -> str:
    return "bold" if alert.state.asks else ""


def _standing(look: AlertLook) -> list[tuple[str, str]]:
    """Why it stands where it does, and whether it flaps."""
    return [(name, text) for name, text in (("rank", look.why), ("flaps", look.flaps)) if text]


def suspect_section(of: Subject, scene: Scene, back: str) -> Section:
    """Which deploys are suspected and why, which are not, and what ``R`` would do (*back*)."""
    look = of.look
    assert look is not None
    lines: list[Line] = []
    found = look.suspicion
    for number, one in enumerate(found.suspects, 1):
        also = "also deployed: " if found.wide else ""
        lines.append(line(f"{number}.", also + one.words, "warning" if number == 1 and not found.wide else ""))
    if not found.suspects:
        lines.append(line("suspect", found.words(scene.now).replace("no suspect", "none", 1)))
    lines += [line("not", one.words) for one in found.innocent]
    lines.append(((f" {'R':<9} ", "key"), (back, "")))
    if look.suspect is not None:
        lines += deploy_lines(look.suspect, scene)
    return Section("suspect", tuple(lines))


def related_section(of: Subject, scene: Scene) -> Section:
    """Other alerts of the product, or of the service where there is no product: related, never acted on along."""
    mine = {a.id for a in of.members}
    service_id = of.service.id if of.service else ""
    near = [
        a
        for a in scene.update.look.alerts
        if a.alert.id not in mine
        and (
            (of.product is not None and a.product is not None and a.product.name == of.product.name)
            or (service_id and a.service is not None and a.service.id == service_id)
        )
    ]
    whose = f"product {of.product.name}" if of.product else service_id or "this row"
    lines = [alert_line(a, scene) for a in near[:RELATED]]
    if len(near) > RELATED:
        lines.append(line("", f"and {len(near) - RELATED} more: / product:{of.product.name if of.product else ''}"))
    if not near:
        unread = [s.name for s in scene.update.board.unread]
        lost = f"; not read: {', '.join(unread)}" if unread else ""
        lines.append(line("none", f"no other alert of {whose} in what was read{lost}"))
    return Section("related", tuple(lines), f"other alerts of {whose}" if near else "")


def alert_line(look: AlertLook, scene: Scene) -> Line:
    """One alert, beside others."""
    alert = look.alert
    where = f"{look.service.title}  " if look.service else ""
    words = f"{where}{alert.title} · {pane.state(alert, scene.now, scene.tz)} · {alert.source}"
    return line(str(alert.severity), words, _style(alert))


def labels_section(of: Subject, scene: Scene) -> Section:
    """Every label and link of each alert, as its source tells them."""
    lines: list[Line] = []
    for alert in of.members:
        lines.append(line(alert.source, alert.id, "dim"))
        lines += [line("", f"{name}={value}") for name, value in alert.labels]
        if alert.url:
            lines.append(line("link", alert.url))
    if not any(a.labels or a.url for a in of.members):
        lines.append(hint("its source tells no label and no link"))
    return Section("labels", tuple(lines))
