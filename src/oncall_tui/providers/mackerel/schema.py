"""Mackerel's own words, as far as they are used. What may be missing or null has a default."""

from __future__ import annotations

import msgspec

from oncall_tui.providers.lists import Epoch, Items, Spared


class MackerelAlert(msgspec.Struct, frozen=True):
    """One alert. Times are whole seconds since the epoch; *closedAt* is there once it is closed."""

    id: str
    status: str
    openedAt: Epoch
    monitorId: Spared[str | None] = None
    type: Spared[str | None] = None
    hostId: Spared[str | None] = None
    value: Spared[float | None] = None
    message: Spared[str | None] = None
    reason: Spared[str | None] = None
    memo: Spared[str | None] = None
    closedAt: Epoch | None = None


class MackerelAlerts(msgspec.Struct, frozen=True):
    """A page; *nextId* is there where older ones follow."""

    alerts: Items[MackerelAlert]
    nextId: str | None = None


class MackerelMonitor(msgspec.Struct, frozen=True):
    """A monitor, which raises alerts. *service* is set where it watches one of Mackerel's services.

    One that is muted (*isMute*) opens alerts all the same, and notifies nobody.
    """

    id: str
    name: str | None = None
    service: str | None = None
    memo: str | None = None
    isMute: bool | None = None


class MackerelMonitors(msgspec.Struct, frozen=True):
    monitors: Items[MackerelMonitor]


class MackerelHost(msgspec.Struct, frozen=True):
    """A host; *displayName* is what people gave it besides."""

    id: str
    name: str | None = None
    displayName: str | None = None


class OneHost(msgspec.Struct, frozen=True):
    host: MackerelHost


class LogDetail(msgspec.Struct, frozen=True):
    message: str | None = None
    memo: str | None = None


class LogStatusDetail(msgspec.Struct, frozen=True):
    detail: LogDetail | None = None


class MackerelLog(msgspec.Struct, frozen=True):
    """One change of an alert: *trigger* is ``monitor``, ``manual``, ``monitorDelete``, ``hostRetire`` or another."""

    createdAt: Epoch
    status: str = ""
    trigger: str | None = None
    targetValue: float | None = None  # in the unit of the monitor's metric
    statusDetail: LogStatusDetail | None = None


class MackerelLogs(msgspec.Struct, frozen=True):
    """The newest hundred come first."""

    logs: Items[MackerelLog]


class MackerelRecurrence(msgspec.Struct, frozen=True):
    """*type*: ``hourly``, ``daily``, ``weekly``, ``monthly``, ``yearly``; *until* in seconds since the epoch."""

    type: str = ""
    interval: int = 1
    weekdays: tuple[str, ...] | None = None
    until: float | None = None


class MackerelDowntime(msgspec.Struct, frozen=True):
    """A downtime: *start* in seconds since the epoch, *duration* in minutes. Without scopes it is for everything."""

    id: str
    start: float
    duration: float
    name: str | None = None
    memo: str | None = None
    recurrence: MackerelRecurrence | None = None
    serviceScopes: tuple[str, ...] | None = None
    serviceExcludeScopes: tuple[str, ...] | None = None
    roleScopes: tuple[str, ...] | None = None
    roleExcludeScopes: tuple[str, ...] | None = None
    monitorScopes: tuple[str, ...] | None = None
    monitorExcludeScopes: tuple[str, ...] | None = None


class MackerelDowntimes(msgspec.Struct, frozen=True):
    downtimes: Items[MackerelDowntime]
