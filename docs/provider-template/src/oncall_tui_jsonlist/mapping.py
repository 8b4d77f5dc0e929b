"""The API's words, and what they become on the board. Pure.

The API: ``GET /alerts?page=TOKEN`` gives ``{"alerts": […], "next": TOKEN or null}``, ``GET /alerts/ID`` one alert, and
``POST /alerts/ID/acknowledge`` with ``{"by": NAME}`` acknowledges it. An alert:
``{"id", "title", "state": "open" | "acknowledged" | "closed", "severity", "since": seconds, "by", "link", "service"}``.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint
from oncall_tui.providers.http import severity
from oncall_tui.providers.lists import Epoch, Items, Spared

STATES = {"open": AlertState.FIRING, "acknowledged": AlertState.ACKNOWLEDGED, "closed": AlertState.RESOLVED}


class ListedAlert(msgspec.Struct, frozen=True):
    """One alert as it comes. What may be missing or null has a default; ``Spared`` may also be of another type."""

    id: str
    state: str
    since: Epoch
    title: Spared[str | None] = None
    severity: Spared[str | None] = None
    by: Spared[str | None] = None
    link: Spared[str | None] = None
    service: Spared[str | None] = None


class AlertPage(msgspec.Struct, frozen=True):
    """A page; *next* names the one after it."""

    alerts: Items[ListedAlert]
    next: str | None = None


def row(source: str, item: ListedAlert, read_only: bool) -> Alert:
    """Return the row. A state that is not known asks for a person: not known is not harmless."""
    state = STATES.get(item.state, AlertState.UNKNOWN)
    cluster, _, service = (item.service or "").partition("/")
    can = frozenset({Verb.ACKNOWLEDGE}) if state.asks and not read_only else frozenset()
    return Alert(
        id=f"{source}/{item.id}",
        source=source,
        provider="jsonlist",
        native_id=item.id,
        state=state,
        severity=severity(item.severity or ""),
        title=item.title or item.id,
        began=item.since,
        by=(item.by,) if item.by and state is AlertState.ACKNOWLEDGED else (),
        comment=f"state {item.state}" if state is AlertState.UNKNOWN else "",
        url=item.link or "",
        hint=ServiceHint(cluster=cluster, service=service),
        verbs=can,
    )
