"""The reader for a program that only reads: the board, a row's past, the record. Each method reads, and writes nothing.

It is the one object that such a program's other end (``mcp_server``) is given, and it is asked through that package's
own narrow interface. Times are seconds since the epoch, UTC; durations are seconds.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeout
from datetime import tzinfo
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.follow_up import follow_ups
from oncall_tui.domain.incident import incidents
from oncall_tui.domain.record import RecordPage, RecordScope
from oncall_tui.engine.read_engine import BoardView, ReadEngine
from oncall_tui.errors import JournalError, SourceError
from oncall_tui.inspection.timeline import TimelineEntry, merge_timeline
from oncall_tui.journal.history import History, history_path
from oncall_tui.reports.handover import KINDS, Handover, handover
from oncall_tui.triage.triager import TriagedAlert

if TYPE_CHECKING:
    from oncall_tui.providers.base import TimelineEvent
    from oncall_tui.reports.statistics import Statistics

TIMELINE_S = 6.0  # a source's answer takes at most two seconds to connect and five to read
MEMBERS = 4  # alerts of one problem whose sources are asked


class RowPast(msgspec.Struct, frozen=True):
    """A row's timeline, newest first, and what could not be read of it, in words."""

    entries: tuple[TimelineEntry, ...]
    not_read: tuple[str, ...] = ()


class BoardReader:
    """Thread-safe. *names* are what the configuration calls its sources and products.

    *alerts* and *deploys*: whether any source could tell of them at all.
    """

    def __init__(self, engine: ReadEngine, names: frozenset[str], tz: tzinfo, alerts: bool, deploys: bool) -> None:
        self.names = names
        self._engine, self._tz = engine, tz
        self._able = (alerts, deploys)
        self._history = History(engine.journal, history_path(engine.journal.path))

    def start(self) -> None:
        """Start to read the sources."""
        self._engine.start()

    def stop(self) -> None:
        """Stop in well under half a second, whatever hangs."""
        self._engine.stop()

    def now(self) -> float:
        """Return the time: seconds since the epoch, UTC."""
        return self._engine.clock.now()

    def monotonic(self) -> float:
        """Return the time on the clock that nobody sets: seconds."""
        return self._engine.clock.monotonic()

    @property
    def view(self) -> BoardView:
        """Return the newest board. It asks nothing of any source."""
        return self._engine.view

    def wait_for_answers(self, timeout_s: float) -> None:
        """Wait until each source has answered or failed once, at most *timeout_s* seconds."""
        self._engine.wait_for_answers(timeout_s)

    # --- one row ------------------------------------------------------------------------------------------------------

    def past(self, row: TriagedAlert) -> RowPast:
        """Read a row's timeline: its sources' part, one call or two each, and what the board and the journal know."""
        told: dict[str, tuple[TimelineEvent, ...]] = {}
        not_read = []
        asked = {member.id: self._engine.on_demand.timeline(member.id) for member in row.members[:MEMBERS]}
        for alert_id, future in asked.items():
            source = alert_id.partition("/")[0]
            try:
                told[alert_id] = future.result(TIMELINE_S)
            except FutureTimeout:
                not_read.append(f"{source}: no answer within {TIMELINE_S:.0f} s")
            except SourceError as error:
                not_read.append(f"{source}: {error}")
        if len(row.members) > MEMBERS:
            not_read.append(f"{len(row.members) - MEMBERS} more alerts of this problem were not asked for")
        board = self.view.triaged.board
        service = row.service
        deploys = [d for d in board.deploys.values() if service is not None and d.service_id == service.id]
        changed = self.view.triaged.changes_of(service, row.product, row.members)
        return RowPast(merge_timeline(row.members, told, deploys, service, changes=changed), tuple(not_read))

    # --- the record ---------------------------------------------------------------------------------------------------

    def handover(self, back_s: float) -> Handover:
        """Return the handover of the last *back_s* seconds; what the journal lacks is said in it. Reads the disk."""
        view, now = self.view, self.now()
        journal = self._engine.journal
        try:
            entries = journal.since(now - back_s, KINDS)
            kept = follow_ups(journal.since(0.0, (EntryKind.FOLLOW_UP,))).values()
            opened = incidents(journal.since(0.0, (EntryKind.INCIDENT,))).values()
        except JournalError as error:
            return handover([], view.triaged, now - back_s, now, str(error))
        return handover(entries, view.triaged, now - back_s, now, view.journal_failure, kept, opened)

    def statistics(self, back_s: float) -> Statistics:
        """Return the numbers of the last *back_s* seconds and of those before. Reads the disk. Raises JournalError."""
        from oncall_tui.reports.periods import last
        from oncall_tui.reports.statistics import StatisticsReader

        self._history.catch_up()
        now, (alerts, deploys) = self.now(), self._able
        reader = StatisticsReader(self._history, self._tz, now, alerts=alerts, deploys=deploys)
        return reader.statistics(*last(back_s, now))

    def search(self, words: str, until: float, most: int) -> RecordPage:
        """Find the record's newest *most* events before *until* that match the filter *words*. Reads the disk.

        Raises OncallError for words that can match nothing, and JournalError.
        """
        from oncall_tui.inspection.record_search import search

        self._history.catch_up()
        return search(self._history, self._engine.journal, RecordScope(), words, until, most)
