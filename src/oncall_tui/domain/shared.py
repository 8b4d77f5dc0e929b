"""Values that the journals of a team exchange, and who is where. No clock is compared with another machine's here.

A journal's own entries are a log: batch follows batch, each named by the number that it comes after. Whoever has all up
to a number asks for what comes after it, so that nothing is missed however late it arrives, and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class SharedRow(msgspec.Struct, frozen=True, array_like=True):
    """One entry as its journal stored it. *at* in seconds since the epoch, UTC; *data* is JSON as it was written, so
    that an entry of a later version passes through an earlier one unharmed.
    """

    number: int
    at: float
    kind: str
    subject: str
    actor: str
    text: str
    data: str


class SharedBatch(msgspec.Struct, frozen=True):
    """Entries of *origin* that come after its number *after*; *last* is the number of the last one."""

    origin: str
    after: int
    last: int
    rows: tuple[SharedRow, ...]


OPEN = "has this open"  # what a session does with the row that it looks at


class Held(msgspec.Struct, frozen=True):
    """One slot that somebody holds: a claim on a subject, or where a session is.

    *holder* names the session, *who* the person. *version* is another one at each renewal: who sees the same one for as
    long as a lease lasts knows that nobody renews it. *since* and *renewed* (seconds since the epoch, UTC, by the
    holder's clock) are for words alone.
    """

    slot: str
    subject: str
    what: str
    holder: str
    who: str
    since: float
    renewed: float
    version: str


class Snapshot(msgspec.Struct, frozen=True):
    """The shared store's small part: up to which number each origin's log goes, and the slots that are held."""

    heads: Mapping[str, int]
    held: tuple[Held, ...] = ()
