"""The merged timeline as lines. Pure."""

from __future__ import annotations

from oncall_tui.domain.inside import Inside
from oncall_tui.evidence import story as stories
from oncall_tui.tui.detail.parts import Part
from oncall_tui.tui.detail.subject import Subject
from oncall_tui.tui.detail.words import Scene, Section, as_of, at, line, standing
from oncall_tui.tui.lines import Line

MOST = 80
_STYLES = {stories.ACTION: "bold", stories.ALERT: "", stories.DEPLOY: "warning", stories.TASK: "", stories.EVENT: "dim"}


def story_section(of: Subject, told: Part, inside: Part[Inside], scene: Scene) -> Section:  # type: ignore[type-arg]
    """Alert, deploys, tasks and actions, newest first, with who and where."""
    moments = stories.story(of.members, told.value, of.deploys, of.service, inside.value)
    lines: list[Line] = standing(told, "past", scene)
    if inside.failure is not None:
        lines.append(line("tasks", "could not be read: their stops may be missing here", "warning"))
    for moment in moments[:MOST]:
        here = "done here" if moment.kind == stories.ACTION else "seen here"
        where = here if moment.where == stories.HERE else moment.where
        by = f"{moment.by}: " if moment.by and moment.by not in moment.text else ""
        when = f" {at(moment.at, scene.now, scene.tz)} "
        many = f"{moment.times}× " if moment.times > 1 else ""
        since = f", since {at(moment.since, scene.now, scene.tz)}" if moment.times > 1 else ""
        text = f"{by}{many}{moment.text}{since}{f'  ({where})' if where else ''}"
        lines.append(((when, "dim"), (f"{moment.kind:<7}", "dim"), (text, _STYLES[moment.kind])))
    if len(moments) > MOST:
        lines.append(line("", f"and {len(moments) - MOST} more, older"))
    return Section("timeline", tuple(lines), as_of(told, scene))
