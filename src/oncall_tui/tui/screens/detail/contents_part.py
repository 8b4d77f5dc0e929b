"""Lines about what is in a deploy: its build, the link that compares it with the one before, the commits. Pure."""

from __future__ import annotations

from oncall_tui.domain.comparison import CommitRange
from oncall_tui.domain.deploy import Deploy
from oncall_tui.text.time_format import ago
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene, line, link_line, standing
from oncall_tui.tui.widgets.text_lines import Line

COMMITS = 8  # that are listed; the others are behind the link


def build_line(deploy: Deploy) -> Line:
    """The build: version, commit, repository and author, as its task definition names them."""
    build = deploy.new.build
    if build is None:
        return line("build", "not known: its task definition was not read")
    if build.words:
        return line("build", build.words)
    why = build.lacks or "its task definition names no repository, commit or version (build_info:)"
    return line("build", f"not known: {why}", "dim")


def contents(of: Subject, deploy: Deploy, part: Part[CommitRange], scene: Scene) -> list[Line]:
    """The build of *deploy*; of the one that the row is about the link and the commits too."""
    lines, compared = [build_line(deploy)], of.comparison if deploy is of.deploy else None
    if compared is None:
        return lines
    if compared.not_known:
        return [*lines, line("compare", f"no link: {compared.not_known}", "dim")]
    lines.append(link_line("compare", compared.url))
    if not part.asked:
        return lines
    lines += standing(part, "commits", scene)
    return lines if part.value is None else [*lines, *_commits(part.value, scene)]


def _commits(found: CommitRange, scene: Scene) -> list[Line]:
    """How many, by whom, and the newest one by one."""
    lines = [line("commits", found.words, "warning" if found.behind else "")]
    for one in found.commits[:COMMITS]:
        when = f" {ago(scene.now - one.at)}" if one.at is not None else ""
        lines.append(line("", f"{one.sha[:7]} {one.title} · {one.author or 'unknown'}{when}", "dim"))
    more = found.total - COMMITS
    return [*lines, line("", f"and {more} more: the link has them", "dim")] if more > 0 else lines
