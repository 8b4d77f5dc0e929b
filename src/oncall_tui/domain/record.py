"""The record as it is searched: the part that is wanted, and what is found, as one kind of value. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from oncall_tui.domain.history import PastEpisode

Kind = Literal["alert", "service", "product", "everything"]


class RecordScope(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the record that is searched. *alerts* are the keys of one problem's alerts, *ids* the ids that it
    has on the board; *service* is a service's id, and *services* are the ids of those that a service's or a product's
    part has: what was done to them belongs to it.
    """

    kind: Kind = "everything"
    title: str = ""
    alerts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    service: str = ""
    product: str = ""
    services: tuple[str, ...] = ()


class RecordEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing of the record. *at* in seconds since the epoch, UTC; *kind* is ``alert``, ``deploy``, ``change``,
    ``action``, ``note``, ``mark``, ``follow-up`` or ``incident``; *state* is its word for how it ended.
    *alert* is an alert's key; *fires*: it is known to fire now.
    """

    id: str
    at: float
    kind: str
    text: str
    state: str = ""
    by: str = ""
    service: str = ""
    product: str = ""
    source: str = ""
    alert: str = ""
    page: bool = False
    imported: bool = False
    fires: bool = False
    episode: PastEpisode | None = None

    @property
    def fields(self) -> Mapping[str, str]:
        """Return it as a filter sees it."""
        return {
            "title": self.text,
            "state": self.state,
            "by": self.by,
            "service": self.service,
            "product": self.product,
            "source": self.source,
            "page": "yes" if self.page else "no",
            "kind": self.kind,
            "mark": str(self.episode.mark) if self.episode is not None else "",
        }


class RecordPage(msgspec.Struct, frozen=True):
    """*events*, newest first, of the time from *since* to *until* (seconds since the epoch, UTC). *whole*: there is
    nothing older in the record.
    """

    events: tuple[RecordEvent, ...]
    since: float
    until: float
    whole: bool
