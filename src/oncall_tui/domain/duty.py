"""A duty: who is on call for a policy at one level, and who is next."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.product import Product

SERVICE_LABEL = "pagerduty_service"  # the label that tells a pager's service, on its rows and in a product's alerts


class Duty(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One person at one level of an escalation policy, now. Times in seconds since the epoch, UTC.

    *person* is empty where nobody is on call there. *since* and *until* are None where it is always so. *services* are
    the pager's services that page this policy. *next_person* takes over at *next_at*; empty: it is not told.
    """

    policy: str
    level: int
    person: str = ""
    email: str = ""
    since: float | None = None
    until: float | None = None
    services: tuple[str, ...] = ()
    next_person: str = ""
    next_at: float | None = None

    def is_for(self, product: Product) -> bool:
        """Does it page for *product*: by the pager's service that the product's alerts name, or by the same name?"""
        wanted = product.alerts.get(SERVICE_LABEL)
        if wanted is not None:
            return any(fnmatchcase(service, wanted) for service in self.services)
        names = {name.casefold() for name in (self.policy, *self.services)}
        return product.name.casefold() in names
