"""What is joined to which open incident of a pager."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.alert import Alert
from oncall_tui.triage.grouping import AlertGrouper


def incidents(alerts: Iterable[Alert]) -> dict[str, str]:
    """An alert's id -> the incident's that it is one problem with."""
    problems = AlertGrouper().groups({alert.id: alert for alert in alerts}, {})
    return {m.id: p.incident for p in problems for m in p.members if p.incident and m.id != p.incident}
