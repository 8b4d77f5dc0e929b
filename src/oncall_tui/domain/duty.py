"""A duty: who is on call for a policy at one level, and who is next."""

from __future__ import annotations

import msgspec


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
