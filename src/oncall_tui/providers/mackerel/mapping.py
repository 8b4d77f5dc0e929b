"""Mackerel's alerts -> rows. Pure."""

from __future__ import annotations

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import MackerelAlert, MackerelDowntime, MackerelMonitor

SEVERITIES = {"CRITICAL": Severity.CRITICAL, "WARNING": Severity.WARNING, "UNKNOWN": Severity.UNKNOWN}


VERBS = frozenset({Verb.RESOLVE, Verb.NOTE})


def row(
    options: MackerelOptions,
    item: MackerelAlert,
    monitor: MackerelMonitor | None,
    read_only: bool = False,
    host: str = "",
    quiet: tuple[float, MackerelDowntime] | None = None,
) -> Alert:
    """One row. *monitor* is None where it is not known: the row then goes by its id. *host* is its host's name.

    *quiet*: the end of the downtime that it is in (seconds since the epoch), and that downtime.
    """
    state = state_of(item)
    muted = state is AlertState.FIRING and ((monitor is not None and bool(monitor.isMute)) or quiet is not None)
    comment = _unknown(item) if state is AlertState.UNKNOWN else ""
    if muted:
        comment = "its monitor is muted" if quiet is None else f"in the downtime {quiet[1].name or quiet[1].id}"
    watched = (monitor.service if monitor else None) or ""
    cluster, _, service = options.services.get(watched, "").partition("/")
    labels = {
        "host": host or item.hostId,
        "host_id": item.hostId if host else "",
        "monitor": monitor.name if monitor else item.monitorId,
        "service": watched,
        "type": item.type,
        "value": f"{item.value:g}" if item.value is not None else "",
    }
    return Alert(
        id=f"{options.name}/{item.id}",
        source=options.name,
        provider="mackerel",
        native_id=item.id,
        state=AlertState.SILENCED if muted else state,
        severity=SEVERITIES.get(item.status, Severity.UNKNOWN),
        title=_title(item, monitor, host),
        began=item.openedAt,
        changed=item.closedAt,
        until=quiet[0] if muted and quiet is not None else None,
        comment=comment,
        url=f"https://mackerel.io/orgs/{options.organization}/alerts/{item.id}" if options.organization else "",
        labels=tuple((name, value) for name, value in labels.items() if value),
        hint=ServiceHint(cluster=cluster, service=service),
        keys=(f"monitor:{item.monitorId}:{item.hostId or ''}",) if item.monitorId else (),
        annotations=tuple(
            (name, text)
            for name, text in (("memo", item.memo), ("monitor memo", monitor.memo if monitor else ""))
            if text
        ),
        verbs=frozenset() if read_only or state is AlertState.RESOLVED else VERBS,
    )


def state_of(item: MackerelAlert) -> AlertState:
    """Return the state. ``UNKNOWN`` is a check that could not tell: it fires. A word that is not listed is unknown."""
    if item.closedAt is not None or item.status == "OK":
        return AlertState.RESOLVED
    return AlertState.FIRING if item.status in SEVERITIES else AlertState.UNKNOWN


def _unknown(item: MackerelAlert) -> str:
    return f"status {item.status or 'missing'}"


def _title(item: MackerelAlert, monitor: MackerelMonitor | None, host: str) -> str:
    name = (monitor.name if monitor else None) or item.type or "monitor"
    where = item.message or host or item.hostId or ("" if monitor else item.monitorId)
    return f"{name}: {where}" if where else name
