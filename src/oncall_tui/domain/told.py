"""The past as a source tells it afterwards: firings of alerts and deploys, one page at a time.

A page of it becomes ``PastEpisode`` and ``PastDeploy`` (``triage.past_episodes``). Times are seconds since the epoch,
UTC.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.history import PastDeploy
from oncall_tui.domain.reading import PartialFailure
from oncall_tui.domain.service import ServiceKey


class ToldFiring(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One firing of an alert. *alert* is the row that the board would make of it, and its *began* this firing's.

    *ended* is None while it goes on, or where a later page tells its end; *end_known* is False where it ended before
    that, and nobody tells when. *only_end*: nothing but its end is told here; an earlier page had its beginning, or it
    began before what is read. *acknowledged_at* is the first acknowledgement (None: none, or not known).
    """

    alert: Alert
    ended: float | None = None
    end_known: bool = True
    only_end: bool = False
    acknowledged_at: float | None = None
    acknowledged_by: str = ""


class HistorySpan(msgspec.Struct, frozen=True):
    """The time of which the past is read: what began from *since* on, and before *until*."""

    since: float
    until: float


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a source's past. The firings of one alert come in their order, from page to page too.

    Where the newest come first, *read_to* stays before them all until the last page.

    *after* is what names the next page (None: this was the last one), as plain text that another run of the program may
    go on with. Up to *read_to* nothing more will come; *how_far* says it in words where that is no time. *problems* is
    what the page lacks. What began from *may_change_from* on is read again by the next run (None: what has ended stays
    as it is). *wait_s* (seconds) is to pass before the next page, and *calls* is how many calls this one took.
    """

    after: str | None
    read_to: float
    how_far: str = ""
    firings: tuple[ToldFiring, ...] = ()
    deploys: tuple[PastDeploy, ...] = ()
    problems: tuple[PartialFailure, ...] = ()
    may_change_from: float | None = None
    wait_s: float = 0.0
    calls: int = 0


class ServiceName(msgspec.Struct, frozen=True, gc=False):
    """A service by its *id*, its *source*, and what alerts say of it (*key*)."""

    id: str
    source: str
    key: ServiceKey


class ServicePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a source's services. *after*, *wait_s* and *calls* as in ``HistoryPage``."""

    after: str | None
    services: tuple[ServiceName, ...] = ()
    problems: tuple[PartialFailure, ...] = ()
    wait_s: float = 0.0
    calls: int = 0
