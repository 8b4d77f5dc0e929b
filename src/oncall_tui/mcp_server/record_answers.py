"""A row's past and the record as answers: plain values, whose texts ``marking`` marks. Pure.

*now* is in seconds since the epoch, UTC.
"""

from __future__ import annotations

from typing import Any

from oncall_tui.domain.record import RecordEvent, RecordPage
from oncall_tui.mcp_server.interface import Past
from oncall_tui.mcp_server.marking import Own
from oncall_tui.reports import handover_text, statistics_text
from oncall_tui.reports.handover import Handover
from oncall_tui.reports.statistics import Statistics
from oncall_tui.text.time_format import stamp

HERE = "here"


def timeline(past: Past) -> dict[str, Any]:
    """Return what happened, newest first, each with who and where that is known."""
    return {
        "events": [
            {
                "at": stamp(one.at),
                "kind": one.kind,
                "text": one.text,
                "by": one.by or None,
                "times": one.times,
                "known_from": Own("this machine's journal") if one.where == HERE else one.where,
            }
            for one in past.entries
        ],
        "not_read": list(past.not_read),
    }


def handover(of: Handover) -> dict[str, Any]:
    """Return the handover, as ``handover --json`` has it."""
    return handover_text.as_object(of)


def statistics(of: Statistics) -> dict[str, Any]:
    """Return the numbers, as ``stats --json`` has them: null is not known, never zero."""
    return statistics_text.as_object(of)


def record(page: RecordPage) -> dict[str, Any]:
    """Return what was found, newest first, and the span of time that was looked through."""
    return {
        "events": [_event(e) for e in page.events],
        "looked_from": stamp(page.since),
        "looked_until": stamp(page.until),
        "whole": page.whole,
    }


def _event(event: RecordEvent) -> dict[str, Any]:
    return {
        "at": stamp(event.at),
        "kind": event.kind,
        "text": event.text,
        "state": event.state,
        "by": event.by or None,
        "service": event.service or None,
        "product": event.product or None,
        "source": event.source or None,
        "page": event.page,
        "imported": event.imported,
    }
