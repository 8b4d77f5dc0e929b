"""An alert's changes ("Get Alert Logs"), newest first. Pure. A word that is not known is told as it is."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.providers.base import TimelineEvent
from oncall_tui.providers.mackerel.schema import MackerelLog

_TRIGGERS = {
    "monitor": "",
    "manual": "by hand",
    "monitorDelete": "its monitor was deleted",
    "hostRetire": "its host was retired",
}


def events(logs: Iterable[MackerelLog]) -> tuple[TimelineEvent, ...]:
    """Newest first."""
    return tuple(sorted((TimelineEvent(one.createdAt, "", _words(one)) for one in logs), key=lambda one: -one.at))


def _words(one: MackerelLog) -> str:
    """``CRITICAL, value 93.1: disk is full``, ``OK, by hand``"""
    detail = one.statusDetail.detail if one.statusDetail else None
    said = (detail.message or detail.memo or "") if detail else ""
    value = f"value {one.targetValue:g}" if one.targetValue is not None else ""
    words = ", ".join(
        part for part in (one.status or "changed", value, _TRIGGERS.get(one.trigger or "", one.trigger)) if part
    )
    return f"{words}: {said}" if said else words
