"""The sections of the Detail screen for a row, in the order that a tired person needs them. Pure."""

from __future__ import annotations

from oncall_tui.inspection.runbook.fetch import places
from oncall_tui.text.cells import width
from oncall_tui.tui.screens.detail import pane
from oncall_tui.tui.screens.detail.alert_part import about_section, alert_section, related_section, suspect_section
from oncall_tui.tui.screens.detail.deploy_part import deploy_section
from oncall_tui.tui.screens.detail.memory_part import memory_section
from oncall_tui.tui.screens.detail.metric_part import metrics_section
from oncall_tui.tui.screens.detail.parts import DetailParts
from oncall_tui.tui.screens.detail.runbook_part import runbook_section
from oncall_tui.tui.screens.detail.service_part import alerts_section, health_line, same_reading, service_section
from oncall_tui.tui.screens.detail.story_part import story_section
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Keys, Scene, Section
from oncall_tui.tui.widgets.text_lines import Line


def sections(of: Subject, parts: DetailParts, scene: Scene, keys: Keys) -> list[Section]:
    """Every section, in order."""
    of = same_reading(of, parts.inside.value)
    service = service_section(of, parts.inside, scene)
    metrics = metrics_section(of, parts.metrics, scene)
    story = story_section(of, parts.told, parts.inside, parts.who, scene)
    runbook = runbook_section(places(of.product, of.members), parts.runbook, scene)
    if of.triaged_alert is not None:
        head = [
            alert_section(of, scene, keys, health_line(of, parts.inside, scene)),
            suspect_section(of, parts.commits, scene, keys),
            service,
        ]
        memory = memory_section(parts.memory, scene)
        return [*head, metrics, story, memory, related_section(of, scene), runbook, about_section(of, scene)]
    deploy = deploy_section(of, parts.commits, scene, keys.back)
    head = [deploy, service] if of.pane == "deploys" else [service, deploy]
    return [*head, metrics, alerts_section(of, scene), story, runbook]


def lines(found: list[Section], of: Subject, scene: Scene) -> tuple[list[Line], list[int]]:
    """(every line, the number of each heading's line)."""
    told = [*pane.stale(scene.update, scene.tz, *of.sources), *pane.guardrail_lines(scene.held)]
    starts: list[int] = []
    for number, section in enumerate(found, 1):
        starts.append(len(told) if number > 1 else 0)
        told.append(_heading(number, section, scene.cells))
        told += section.lines
    return told, starts


def _heading(number: int, section: Section, cells: int) -> Line:
    name, said = f"━ {number} {section.name} ", f"{section.said} " if section.said else ""
    return ((name, "heading"), (said, "dim"), ("━" * max(1, cells - width(name) - width(said) - 2), "dim"))
