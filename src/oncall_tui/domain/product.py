"""A product: a system with an owner, a runbook, services and alerts."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import cache

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*services* are globs over ``SOURCE/CLUSTER/SERVICE``; *alerts* label → glob, all of which have to match.

    *changes* are globs over ``SOURCE/RESOURCE``: the databases and the like that are its own.
    *compare* is the template of a link to what differs between two builds (see ``domain.comparison``).
    *tell* names the destinations that are told when a deploy of it is rolled back, stopped, restarted or continued.
    """

    name: str
    owner: str = ""
    runbook: str = ""
    services: tuple[str, ...] = ()
    alerts: dict[str, str] = {}
    changes: tuple[str, ...] = ()
    protected: bool = False
    rollback_note: str = ""
    compare: str = ""
    tell: tuple[str, ...] = ()

    def owns_service(self, service_id: str) -> bool:
        return any(_matcher(pattern)(service_id) for pattern in self.services)

    def owns_change(self, change: Change) -> bool:
        """Return whether it was done to one of its services, or to something that it names."""
        if change.service_id and self.owns_service(change.service_id):
            return True
        return any(_matcher(pattern)(change.path) for pattern in self.changes)

    def owns_alert(self, alert: Alert) -> bool:
        return bool(self.alerts) and all(_matcher(v)(alert.label(k)) for k, v in self.alerts.items())


@cache  # the configuration's patterns; fnmatch itself keeps 256 (Python 3.11), and compiles anew what is beyond them
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match
