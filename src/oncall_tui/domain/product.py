"""A product: a system with an owner, a runbook, services and alerts."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.alert import Alert


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*services* are globs over ``SOURCE/CLUSTER/SERVICE``; *alerts* label → glob, all of which have to match.

    *tell* names the destinations that are told when a deploy of it is rolled back, stopped, restarted or let go on.
    """

    name: str
    owner: str = ""
    runbook: str = ""
    services: tuple[str, ...] = ()
    alerts: dict[str, str] = {}
    protected: bool = False
    rollback_note: str = ""
    tell: tuple[str, ...] = ()

    def owns_service(self, service_id: str) -> bool:
        return any(fnmatchcase(service_id, pattern) for pattern in self.services)

    def owns_alert(self, alert: Alert) -> bool:
        return bool(self.alerts) and all(fnmatchcase(alert.label(k), v) for k, v in self.alerts.items())
