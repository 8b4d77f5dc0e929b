"""Lines about an alert: what it is and who has it, whom to suspect, what else is near it. Pure."""

from __future__ import annotations

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.comparison import CommitRange
from oncall_tui.text.cells import fit
from oncall_tui.text.time_format import ago, moment
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.suspects import SuspectChange, Suspicion
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.commands import named
from oncall_tui.tui.presenters.group_cells import repeats
from oncall_tui.tui.screens.detail import pane
from oncall_tui.tui.screens.detail.contents_part import contents
from oncall_tui.tui.screens.detail.deploy_part import deploy_lines
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Keys, Scene, Section, line
from oncall_tui.tui.widgets.text_lines import Line

RELATED = 12
DESCRIPTIONS = ("description", "message", "summary")  # what an alert says of itself


def alert_section(of: Subject, scene: Scene, keys: Keys, health: Line | None) -> Section:
    """Its title, each source's state, who has it; *health* says in one line how its service is."""
    row = of.triaged_alert
    assert row is not None
    alert = row.alert
    lines = [line("alert", alert.title, "bold")]
    if scene.update.triaged.multi_service_incident is not None and row.suspicion.wide:
        wide = scene.update.triaged.multi_service_incident
        lines.append(
            line(
                "incident",
                f"{wide.summary} since {moment(wide.since, scene.tz, scene.now)}, probably not one deploy",
                "warning",
            )
        )
    for member in of.members:
        lines.append(line(member.source, _member(member, alert, scene), _style(member)))
    if keys.ack and len(of.members) > 1:
        lines.append(((f" {named('ack'):<9} ", "key"), (keys.ack, "")))
    if words := aftermath(row, scene.now):
        lines.append(line("pager", words))
    if held := assignment(alert, scene.now):
        lines.append(line("assigned", held))
    if alert.began - row.began >= 1:
        began = moment(row.began, scene.tz, scene.now, seconds=True)
        words = f"began {began}, {ago(scene.now - row.began)}, with the first of its alerts"
        lines.append(line("episode", f"{words}: deploys are compared with that time"))
    lines += pane.memory_lines(row, scene.update, scene.now, scene.tz)
    if row.flaps:
        lines.append(line("flaps", row.flaps, "warning"))
    if times := repeats(row):
        lines.append(line("repeats", " · ".join(f"{one[1:]} alerts" if one.startswith("×") else one for one in times)))
    if says := next(
        (v for m in of.members for k, v in m.annotations if k in DESCRIPTIONS and v not in alert.title), ""
    ):
        lines.append(line("description", fit(says, max(40, scene.cells - 14)).rstrip()))
    return Section("alert", (*lines, health) if health else tuple(lines))


def _member(alert: Alert, leading: Alert, scene: Scene) -> str:
    """How one source has it; what is not known to be so now has a sign."""
    known = "" if scene.update.board.is_of_now(alert.source) else "? "
    title = f" · {alert.title}" if alert.title != leading.title else ""
    return f"{known}{pane.state(alert, scene.now, scene.tz)}{title}"


def _style(alert: Alert) -> str:
    return "bold" if alert.state.asks else ""


def suspect_section(of: Subject, commits: Part[CommitRange], scene: Scene, keys: Keys) -> Section:
    """Return the suspected deploys and the reasons, the others, and the effect of ``R``."""
    row = of.triaged_alert
    assert row is not None
    found = row.suspicion
    lines: list[Line] = []
    if found.wide and found.suspects:
        lines.append(line("incident", "many services are affected: these were also deployed or changed", "warning"))
    if found.in_doubt:  # before what is only weak evidence
        lines.append(line("suspect", f"not known: {found.in_doubt}", "warning"))
    for number, one in enumerate(found.suspects, 1):
        lines.append(
            line(
                f"{number}." if number > 1 or found.in_doubt else "suspect",
                one.told(scene.tz, scene.now),
                "warning" if number == 1 and not found.wide and not found.in_doubt else "",
            )
        )
        if number == 1 and isinstance(one, SuspectChange):
            told = (("text", one.change.text), ("link", one.change.url))
            lines += [line(name, text) for name, text in told if text]
    if not found.suspects:
        lines.append(line("suspect", found.words(scene.now, scene.tz)))
    elif found.not_known and not found.in_doubt:
        lines.append(line("but", f"not all is known: {found.not_known}", "warning"))
    lines += [line("later", one.words) for one in found.innocent]
    lines.append(((f" {named('rollback'):<9} ", "key"), (keys.back, "")))
    shown = row.suspect or found.last
    if shown is not None:
        inside = contents(of, shown, commits, scene)
        lines += deploy_lines(shown, scene, inside, row.alert.state is not AlertState.RESOLVED)
    return Section("suspect", tuple(lines), _how_known(found))


def _how_known(found: Suspicion) -> str:
    """``not known`` or ``none`` beside the section's name; empty where a suspect stands."""
    if found.suspects and not found.in_doubt:
        return ""
    return "not known" if found.not_known else "none"


def related_section(of: Subject, scene: Scene) -> Section:
    """Other alerts of the product, or of the service where there is no product: related, never acted on along."""
    assert of.triaged_alert is not None
    service_id = of.service.id if of.service else ""
    near = scene.update.triaged.related(of.triaged_alert)
    whose = f"product {of.product.name}" if of.product else service_id or "this row"
    lines = [alert_line(a, scene) for a in near[:RELATED]]
    if len(near) > RELATED:
        lines.append(line("", f"and {len(near) - RELATED} more: / product:{of.product.name if of.product else ''}"))
    if not near:
        unread = unread_words(scene.update.board.unread)
        lost = f"; {unread}" if unread else ""
        lines.append(line("none", f"no other alert of {whose} in what was read{lost}"))
    return Section("related", tuple(lines), f"other alerts of {whose}" if near else "")


def alert_line(row: TriagedAlert, scene: Scene) -> Line:
    """One alert, beside others."""
    alert = row.alert
    where = f"{row.service.title}  " if row.service else ""
    known = "" if scene.update.board.is_of_now(alert.source) else "? "
    words = f"{where}{alert.title} · {known}{pane.state(alert, scene.now, scene.tz)} · {alert.source}"
    return line(str(alert.severity), words, _style(alert))


def about_section(of: Subject, scene: Scene) -> Section:
    """Why the row stands where it does, whose it is, and all that each source tells of its alert."""
    row = of.triaged_alert
    assert row is not None
    lines = [line("sort reason", row.why), *pane.product_lines(of.product)]
    for alert in of.members:
        lines.append(line(alert.source, alert.id, "dim"))
        lines += [line(name, text) for name, text in alert.annotations]
        lines += [line("label", f"{name}={value}") for name, value in alert.labels]
        if alert.url:
            lines.append(line("link", alert.url))
    return Section("about", tuple(lines))
