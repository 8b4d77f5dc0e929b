"""An engineer's word on an episode, *actionable* or *noise*: written to the journal, where statistics count it.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from oncall_tui.actions.follow_ups import READ_ONLY
from oncall_tui.domain.entry import Entry, EntryKind, next_at
from oncall_tui.domain.history import EpisodeMark
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import Clock

KEPT = 20_000  # marks that a start reads
WORDS = {mark.value: mark for mark in EpisodeMark}


class MarkTarget(msgspec.Struct, frozen=True):
    """One episode to mark: its id, its alert's key, and the title to record with the mark."""

    id: str
    alert: str
    title: str


class GivenMark(msgspec.Struct, frozen=True):
    """One mark as the journal has it: *at* in seconds since the epoch, UTC."""

    mark: EpisodeMark
    by: str
    at: float


class EpisodeMarks:
    """Thread-safe. ``load`` and ``put`` read and write the disk: never on the screen's thread."""

    def __init__(self, journal: Journal, clock: Clock, read_only: bool = False) -> None:
        self._journal, self._clock, self._read_only = journal, clock, read_only
        self._lock = threading.Lock()
        self.current: Mapping[str, GivenMark] = {}  # by the episode's id

    def load(self) -> None:
        """Read the newest from the journal. Raises JournalError; they stay what they were."""
        with self._lock:
            self.current = given(self._journal.recent(KEPT, (EntryKind.MARK,)))

    def put(self, targets: Sequence[MarkTarget], mark: EpisodeMark, actor: str) -> int:
        """Mark every one of them, all or none, and return how many have another mark now than before.

        Raises Refused where there is none to mark, ActionFailed where the journal does not take them.
        """
        if self._read_only:
            raise Refused(READ_ONLY)
        if not targets:
            raise Refused("no episode to mark")
        with self._lock:
            once = {t.id: t for t in targets}.values()  # an alert and its incident may be one episode
            new = [t for t in once if mark is not self._known(t.id)]
            at = self._clock.now()
            known = [self.current.get(target.id) for target in new]
            times = [next_at(at, old.at if old is not None else None) for old in known]
            entries = [_entry(one, target, mark, actor) for one, target in zip(times, new, strict=True)]
            try:
                if entries:
                    self._journal.must(*entries)
            except JournalError as error:
                raise ActionFailed(f"not recorded: {error.message}", error.hint) from None
            self.current = {**self.current, **given(entries)}
        return len(new)

    def _known(self, episode: str) -> EpisodeMark:
        found = self.current.get(episode)
        return found.mark if found is not None else EpisodeMark.NONE


def _entry(at: float, target: MarkTarget, mark: EpisodeMark, actor: str) -> Entry:
    data = {"mark": str(mark), "alert": target.alert}
    return Entry(at=at, kind=EntryKind.MARK, subject=target.id, actor=actor, text=target.title, data=data)


def given(entries: Iterable[Entry]) -> dict[str, GivenMark]:
    """Return the newest mark of each episode; a word of another version is none. Entries may have arrived late."""
    found: dict[str, GivenMark] = {}
    for entry in sorted(entries, key=lambda one: one.at):
        if entry.kind is EntryKind.MARK:
            mark = WORDS.get(str(entry.data.get("mark", "")), EpisodeMark.NONE)
            found[entry.subject] = GivenMark(mark, entry.actor, entry.at)
    return found
