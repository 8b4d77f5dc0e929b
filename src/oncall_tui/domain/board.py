"""The board: the newest reading of every source, merged into one immutable value with a version number.

Times are seconds since the epoch, UTC, but for *due*: monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.reading import Reading, SourceStatus
from oncall_tui.domain.remembered import ServiceHistory
from oncall_tui.domain.service import Service


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """All rows by id, in their sources' order, and how each source is. *at* is when it was put together; *due* the same
    moment on the clock that nobody sets (0: nobody told it), for what waits.

    *recall* is what is remembered of the one service that a plan is made for; empty on the boards that a screen shows.
    """

    version: int
    at: float
    due: float = 0.0
    sources: Mapping[str, SourceStatus] = MappingProxyType({})
    alerts: Mapping[str, Alert] = MappingProxyType({})
    services: Mapping[str, Service] = MappingProxyType({})
    deploys: Mapping[str, Deploy] = MappingProxyType({})
    changes: Mapping[str, Change] = MappingProxyType({})
    recall: ServiceHistory = ServiceHistory()

    @property
    def live(self) -> int:
        """How many sources are OK now."""
        return sum(s.live for s in self.sources.values())

    @property
    def unread(self) -> tuple[SourceStatus, ...]:
        """The sources whose rows may not be the truth now."""
        return tuple(s for s in self.sources.values() if not s.live)

    def is_of_now(self, source: str) -> bool:
        """Return whether what *source* told is so now, as far as it was read; what is made here is of no source."""
        read = self.sources.get(source)
        return read is None or read.current


def unread_words(sources: Collection[SourceStatus], called: Callable[[SourceStatus], str] = lambda s: s.name) -> str:
    """``not read: pager; read in part: prod``, of the sources that are not live; empty where all was read.

    A source that was read but for a part is never called unread: its rows are current.
    """
    lost = ", ".join(called(s) for s in sources if not s.current)
    partly = ", ".join(called(s) for s in sources if s.current and not s.live)
    return "; ".join(words for words in (lost and f"not read: {lost}", partly and f"read in part: {partly}") if words)


def merge(
    version: int, at: float, statuses: Iterable[SourceStatus], readings: Iterable[Reading], due: float = 0.0
) -> Board:
    """One board from each source's status and its last good reading."""
    alerts: dict[str, Alert] = {}
    services: dict[str, Service] = {}
    deploys: dict[str, Deploy] = {}
    changes: dict[str, Change] = {}
    for reading in readings:
        alerts.update((a.id, a) for a in reading.alerts)
        services.update((s.id, s) for s in reading.services)
        deploys.update((d.id, d) for d in reading.deploys)
        changes.update((c.id, c) for c in reading.changes)
    return Board(
        version=version,
        at=at,
        due=due,
        sources=MappingProxyType({s.name: s for s in statuses}),
        alerts=MappingProxyType(alerts),
        services=MappingProxyType(services),
        deploys=MappingProxyType(deploys),
        changes=MappingProxyType(changes),
    )
