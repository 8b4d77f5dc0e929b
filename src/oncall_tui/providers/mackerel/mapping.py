"""Mackerel's alerts -> rows. Pure."""

from __future__ import annotations

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import MackerelAlert, MackerelMonitor

_SEVERITIES = {"CRITICAL": Severity.CRITICAL, "WARNING": Severity.WARNING, "UNKNOWN": Severity.UNKNOWN}


def row(
    options: MackerelOptions, wire: MackerelAlert, monitor: MackerelMonitor | None, read_only: bool = False
) -> Alert:
    """One row. *monitor* is None where it is not known: the row then goes by its id."""
    state = state_of(wire)
    watched = (monitor.service if monitor else None) or ""
    cluster, _, service = options.services.get(watched, "").partition("/")
    labels = {
        "host": wire.hostId,
        "monitor": monitor.name if monitor else wire.monitorId,
        "service": watched,
        "type": wire.type,
        "value": f"{wire.value:g}" if wire.value is not None else "",
    }
    return Alert(
        id=f"{options.name}/{wire.id}",
        source=options.name,
        provider="mackerel",
        native_id=wire.id,
        state=state,
        severity=_SEVERITIES.get(wire.status, Severity.UNKNOWN),
        title=_title(wire, monitor),
        began=wire.openedAt,
        changed=wire.closedAt,
        comment=f"status {wire.status or 'missing'}" if state is AlertState.UNKNOWN else "",
        url=f"https://mackerel.io/orgs/{options.organization}/alerts/{wire.id}" if options.organization else "",
        labels=tuple((name, value) for name, value in labels.items() if value),
        hint=ServiceHint(cluster=cluster, service=service),
        verbs=frozenset() if read_only or state is AlertState.RESOLVED else frozenset({Verb.RESOLVE}),
    )


def state_of(wire: MackerelAlert) -> AlertState:
    """An ``UNKNOWN`` status is a check that could not tell: it fires. A word that nobody knows is unknown."""
    if wire.closedAt is not None or wire.status == "OK":
        return AlertState.RESOLVED
    return AlertState.FIRING if wire.status in _SEVERITIES else AlertState.UNKNOWN


def _title(wire: MackerelAlert, monitor: MackerelMonitor | None) -> str:
    name = (monitor.name if monitor else None) or wire.type or "monitor"
    where = wire.message or wire.hostId or ("" if monitor else wire.monitorId)
    return f"{name}: {where}" if where else name
