"""The merged timeline as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.inspection import timeline, who
from oncall_tui.inspection.timeline import TimelineEntry
from oncall_tui.text.cells import clean
from oncall_tui.text.time_format import moment
from oncall_tui.tui.commands import named
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene, Section, as_of, line, standing
from oncall_tui.tui.widgets.text_lines import Line

MOST = 80
_STYLES = {
    timeline.ACTION: "bold",
    timeline.ALERT: "",
    timeline.DEPLOY: "warning",
    timeline.CHANGE: "warning",
    timeline.TASK: "",
    timeline.EVENT: "dim",
}


def story_section(
    of: Subject,
    told: Part,  # type: ignore[type-arg]
    inside: Part[ServiceDetail],
    audit: Part[WhoAnswer],
    scene: Scene,
) -> Section:
    """Alert, deploys, tasks and actions, newest first, with who and where."""
    known = dict(told.value or {})
    if audit.value is not None:
        known[f"{audit.value.source}/{audit.value.log}"] = who.events(audit.value)
    moments = timeline.merge_timeline(of.members, known, of.deploys, of.service, inside.value, of.changes)
    lines: list[Line] = standing(told, "past", scene)
    if inside.failure is not None:
        lines.append(line("tasks", "could not be read: their stops may be missing here", "warning"))
    lines += who_lines(of, audit, scene)
    lines += moment_lines(moments[:MOST], scene.tz, scene.now)
    if len(moments) > MOST:
        lines.append(line("", f"and {len(moments) - MOST} more, older"))
    return Section("timeline", tuple(lines), as_of(told, scene))


def who_lines(of: Subject, audit: Part[WhoAnswer], scene: Scene) -> list[Line]:
    """Return how far the audit log was read, where a key asked for it; what it tells stands among the rest."""
    if not audit.asked:
        asks = f"{named('who')} asks CloudTrail who changed it, in the hour before"
        return [line("who", asks, "dim")] if of.service is not None else []
    lines: list[Line] = standing(audit, "who", scene)
    if audit.value is not None:
        lines.append(line("who", who.words(audit.value, scene.tz, scene.now)))
        lines += [line("but", clean(note), "warning") for note in audit.value.notes]
    return lines


def moment_lines(moments: Sequence[TimelineEntry], tz: tzinfo, now: float) -> list[Line]:
    """``02:41:07 deploy  deploy payments-api :41→:42 started  (prod)``: when, who, what, who says so."""
    lines: list[Line] = []
    for one in moments:
        where = "recorded by this board" if one.where == timeline.HERE else one.where
        by = f"{one.by}: " if one.by and one.by not in one.text else ""
        many = f"{one.times}× " if one.times > 1 else ""
        since = f", since {moment(one.since, tz, now, seconds=True)}" if one.times > 1 else ""
        text = f"{by}{many}{clean(one.text)}{since}{f'  ({where})' if where else ''}"
        when = f" {moment(one.at, tz, now, seconds=True)} "
        lines.append(((when, "dim"), (f"{one.kind:<7}", "dim"), (text, _STYLES[one.kind])))
    return lines
