"""The titles of the panes, and the tabs that stand for them where one pane is shown at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.triage import counts
from oncall_tui.triage.counts import number
from oncall_tui.triage.triager import TriagedBoard, unacknowledged_count
from oncall_tui.tui.commands import named
from oncall_tui.tui.widgets.footer import Part


def titles(triaged: TriagedBoard, said: Mapping[str, str]) -> dict[str, str]:
    """The title of each pane. *said*: what follows it: the filter, the new rows, the order."""
    hidden = f" · {triaged.hidden} hidden" if triaged.hidden else ""
    return {
        "alerts": f"{counts.alerts_title(triaged)}{hidden}{said['alerts']}",
        "services": f"{counts.services_title(triaged, deploying=True)}{said['services']}",
        "deploys": f"{counts.deploys_title(triaged)}{said['deploys']}",
        "detail": "DETAIL",
    }


def tabs(triaged: TriagedBoard, pane: str) -> list[Part]:
    """The panes' names with their counts, the active one marked, and a sign where one needs the engineer."""
    sick = sum(s.health.is_fault for s in triaged.services)
    running = sum(d.state.running for d in triaged.deploys)
    unacked = unacknowledged_count(triaged)
    found = (
        (
            "alerts",
            f"{named('alerts')} ALERTS {number(triaged, 'alerts', len(triaged.alerts))}",
            f" {unacked}!" if unacked else "",
        ),
        (
            "services",
            f"{named('services')} services {number(triaged, 'services', len(triaged.services))}",
            f" {sick}✗" if sick else "",
        ),
        ("deploys", f"{named('deploys')} deploys {number(triaged, 'deploys', running)} running", ""),
        ("detail", f"{named('details')} detail", ""),
    )
    parts: list[Part] = []
    for name, text, sign in found:
        active = "cursor" if name == pane else ""
        parts.append((f" {text}", active))
        parts.append((f"{sign} ", "critical" if sign else active))
    return parts
