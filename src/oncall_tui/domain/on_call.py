"""An on-call shift: one person for a policy at one level, and the next. A roster: all shifts of one source.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.product import Product

SERVICE_LABEL = "pagerduty_service"  # the label that tells a pager's service, on its rows and in a product's alerts
OLD_S = 900.0  # what was read longer ago than that says nothing of now: three readings were missed
SET_S = 5.0  # read so far in the future, the clock was set back since: how old it is is not known


class OnCallShift(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One person at one level of an escalation policy, now. Times in seconds since the epoch, UTC.

    *policy* is a name, which two policies may have: *policy_id* tells them apart (empty: the name does).
    *person* is empty where nobody is on call there. *since* and *until* are None where it is always so. *services* are
    the pager's services that page this policy. *next_person* takes over at *next_at*; empty: it is not told.
    """

    policy: str
    level: int
    policy_id: str = ""
    person: str = ""
    email: str = ""
    since: float | None = None
    until: float | None = None
    services: tuple[str, ...] = ()
    next_person: str = ""
    next_at: float | None = None

    @property
    def policy_key(self) -> str:
        """The policy's id, else its name: the same for the same policy of a source."""
        return self.policy_id or self.policy

    def over(self, now: float) -> bool:
        """Return whether the shift's end has passed since it was read."""
        return any(at is not None and at <= now for at in (self.until, self.next_at))

    def is_for(self, product: Product) -> bool:
        """Return whether it pages for *product*: the product's alerts name its service, or the names are the same."""
        wanted = product.alerts.get(SERVICE_LABEL)
        if wanted is not None:
            return any(fnmatchcase(service, wanted) for service in self.services)
        names = {name.casefold() for name in (self.policy, *self.services)}
        return product.name.casefold() in names


def policy_titles(shifts: Iterable[OnCallShift]) -> dict[str, str]:
    """Each policy's name by its key; with its id where another policy of these has the same name."""
    names = {shift.policy_key: shift.policy for shift in shifts}
    twice = {name for name, n in Counter(names.values()).items() if n > 1}
    return {key: f"{name} ({key})" if name in twice else name for key, name in names.items()}


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """One source's on-call shifts at its last good reading, *read_at* (None: never).

    *mine*: was whoever uses the program on call then? None: not known. *message* and *hint* are of the last attempt,
    where it failed. *asking*: an attempt is under way. *lacks*: what the last reading left out, in words.
    """

    source: str
    shifts: tuple[OnCallShift, ...] = ()
    mine: bool | None = None
    read_at: float | None = None
    message: str = ""
    hint: str = ""
    asking: bool = False
    lacks: str = ""

    def known_mine(self, now: float) -> bool | None:
        """Return whether the user is on call *now*. None: not known, or somebody may have taken over since."""
        if self.read_at is None or not -SET_S <= now - self.read_at <= OLD_S or any(d.over(now) for d in self.shifts):
            return None
        return self.mine


def on_call(rosters: Iterable[Roster], email: str, now: float) -> tuple[bool | None, int]:
    """Return whether the person of this address is on call, and the lowest level (0: not told).

    False only where every source says so; None: not known.
    """
    known = [(roster, roster.known_mine(now)) for roster in rosters]
    mine = [roster for roster, answer in known if answer]
    if mine:
        levels = [d.level for roster in mine for d in roster.shifts if email and d.email.casefold() == email.casefold()]
        return True, min(levels, default=0)
    return (False if known and all(answer is False for _, answer in known) else None), 0


def is_of_now(rosters: Iterable[Roster], lost: Container[str], now: float) -> bool:
    """Return whether what ``on_call`` says was told by sources that are read now; *lost* are the others.

    One source that is read is enough for "on call"; "not on call" needs every one.
    """
    known = [(roster, roster.known_mine(now)) for roster in rosters]
    if any(answer for _, answer in known):
        return any(answer and roster.source not in lost for roster, answer in known)
    return all(roster.source not in lost for roster, _ in known)
