"""Mackerel's own words, as far as they are used. What may be missing or null has a default."""

from __future__ import annotations

import msgspec


class MackerelAlert(msgspec.Struct, frozen=True):
    """One alert. Times are whole seconds since the epoch; *closedAt* is there once it is closed."""

    id: str
    status: str
    openedAt: float
    monitorId: str | None = None
    type: str | None = None
    hostId: str | None = None
    value: float | None = None
    message: str | None = None
    reason: str | None = None
    closedAt: float | None = None


class MackerelAlerts(msgspec.Struct, frozen=True):
    """A page; *nextId* is there where older ones follow."""

    alerts: list[msgspec.Raw]
    nextId: str | None = None


class MackerelMonitor(msgspec.Struct, frozen=True):
    """A monitor, which raises alerts. *service* is set where it watches one of Mackerel's services."""

    id: str
    name: str | None = None
    service: str | None = None


class MackerelMonitors(msgspec.Struct, frozen=True):
    monitors: list[msgspec.Raw]
