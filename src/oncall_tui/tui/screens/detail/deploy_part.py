"""Lines about one deploy: where it stands, what failed, what it changed, who began it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from oncall_tui.domain.comparison import CommitRange
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.revision import changes
from oncall_tui.domain.service_detail import short_task
from oncall_tui.text.history_words import began_by, breaker, deploy_summary, stopped
from oncall_tui.text.time_format import ago, moment
from oncall_tui.tui.commands import named
from oncall_tui.tui.screens.detail import pane
from oncall_tui.tui.screens.detail.contents_part import contents
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene, Section, line
from oncall_tui.tui.widgets.text_lines import Line

FAILURES = 6


def deploy_lines(deploy: Deploy, scene: Scene, inside: Sequence[Line] = (), takes_keys: bool = True) -> list[Line]:
    """The deploy, whole; *inside* are the lines about what is in it."""
    now, tz = scene.now, scene.tz
    lines = pane.deploy_head(deploy, now, tz, takes_keys)
    ended = f", ended {moment(deploy.finished, tz, now)}" if deploy.finished and not deploy.state.running else ""
    lines.append(
        line("began", f"{moment(deploy.started, tz, now)}, {ago(now - deploy.started)} {began_by(deploy)}{ended}")
    )
    lines += [*_changes(deploy), *inside]
    counts = f"new {deploy.running} running, {deploy.pending} pending · old {deploy.old_running} left · "
    lines.append(line("tasks", f"{counts}{stopped(deploy.failed_tasks)}"))
    if deploy.breaker and not (deploy.failed_tasks or deploy.failures):
        lines.append(line("breaker", breaker(deploy)))
    others = [f for f in deploy.failures if f.summary != deploy.failures[0].summary]
    lines += [line("stopped", f"{moment(f.at, tz, now)} {short_task(f.task)} {f.summary}") for f in others[:FAILURES]]
    if deploy.alarms and deploy.state.running:
        lines.append(line("alarms", f"{', '.join(deploy.alarms)}: one that fires makes ECS roll it back"))
    return lines


def _changes(deploy: Deploy) -> list[Line]:
    """Differences from the revision before, one change a line."""
    if deploy.old is None:
        why = "it is the first deploy" if deploy.first else "not known: the previous revision was not read"
        return [line("changes", why)]
    head = f"{deploy.old.family_revision} → {deploy.new.family_revision}"
    return [line("changes", head), *(line("", words) for words in changes(deploy.old, deploy.new))]


def deploy_section(of: Subject, commits: Part[CommitRange], scene: Scene, back: str) -> Section:
    """The deploy that the row is about, what ``R`` would do, and the others of the service."""
    lines: list[Line] = []
    if of.deploy is None:
        note = of.service.note if of.service else ""
        lines.append(line("none", note or "no deploy of this service is known: the board keeps those of the last day"))
    else:
        lines += deploy_lines(of.deploy, scene, contents(of, of.deploy, commits, scene))
    lines.insert(len(pane.deploy_head(of.deploy, scene.now, scene.tz)) if of.deploy else 0, back_line(back))
    others = [d for d in of.deploys if of.deploy is None or d.id != of.deploy.id]
    for other in others:
        began = f"started {ago(scene.now - other.started)} {began_by(other)}"
        lines.append(line("other", f"{deploy_summary(other, scene.tz, scene.now)}; {began}"))
    if of.deploy is not None:
        lines.append(line("id", f"{of.deploy.native_id}  (read from {of.deploy.read_from})", "dim"))
    return Section("deploy", tuple(lines))


def back_line(back: str) -> Line:
    """The line of the key that rolls back."""
    return ((f" {named('rollback'):<9} ", "key"), (back, ""))
