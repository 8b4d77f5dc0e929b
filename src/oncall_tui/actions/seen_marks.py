"""The alerts that an engineer has marked as seen, as the journal tells it. Reads; the handlers beside this one write.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Mapping

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.journal import Journal

LOCAL = frozenset({Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.NOTE})  # may change nothing but the journal


class SeenMark(msgspec.Struct, frozen=True):
    """An engineer's mark on an alert: by whom, when, and for which firing (*began*): a new firing is not seen."""

    by: str
    at: float
    began: float


class SeenMarks:
    """The seen marks, read from the journal, and kept up by whoever writes one (``take``)."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._marks: Mapping[str, SeenMark] = {}
        self._lock = threading.Lock()

    @property
    def current(self) -> Mapping[str, SeenMark]:
        return self._marks

    def load(self) -> None:
        """Read them from the journal. Raises JournalError; they stay what they were."""
        marks: dict[str, SeenMark] = {}
        with self._lock:
            found = self.journal.recent(5000, (EntryKind.SEEN, EntryKind.UNSEEN))
            for entry in sorted(found, key=lambda one: one.at):  # one of another machine's may have arrived later
                apply(marks, entry)
            self._marks = marks

    def take(self, entry: Entry) -> None:
        """Take up one that the journal holds on disk."""
        with self._lock:  # a reading of the journal that began before this was written ends before it is put here
            marks = dict(self.current)
            apply(marks, entry)
            self._marks = marks


def apply(marks: dict[str, SeenMark], entry: Entry) -> None:
    """Apply one journal entry to the marks."""
    if entry.kind is EntryKind.SEEN:
        marks[entry.subject] = SeenMark(entry.actor, entry.at, float(entry.data.get("began", 0.0)))
    elif entry.kind is EntryKind.UNSEEN:
        marks.pop(entry.subject, None)


def done_here(handlers: Container[Verb], verb: Verb) -> bool:
    """Tell whether *verb* is done in the journal: un-acknowledge only where acknowledge is."""
    return Verb.ACKNOWLEDGE not in handlers if verb is Verb.UNACKNOWLEDGE else verb not in handlers
