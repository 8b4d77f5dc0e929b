"""The record as the board uses it: follow-ups and marks.

Built when it is first asked for, after the first frame. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from oncall_tui.actions.follow_ups import FollowUps
from oncall_tui.actions.marks import EpisodeMarks
from oncall_tui.domain.entry import EntryKind
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import Clock


class RecordMemory:
    """Thread-safe. What reads or writes the disk says so, and is never called on the screen's thread."""

    def __init__(self, journal: Journal, clock: Clock, read_only: bool = False) -> None:
        self._journal = journal
        self.follow_ups = FollowUps(journal, clock, read_only)
        self.marks = EpisodeMarks(journal, clock, read_only)

    def key_of(self, alert_id: str) -> str:
        """Return the key that all firings of the alert share, as it was recorded with this id; else the id itself: it
        is the key, but for a pager's incidents, whose ids are new each time. Reads the disk. Raises JournalError.
        """
        entries = (e for e in self._journal.of(alert_id) if e.kind is EntryKind.ALERT)
        return next((str(key) for e in entries if (key := e.data.get("key"))), alert_id)
