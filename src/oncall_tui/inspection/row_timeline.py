"""The past of one row: as its source remembers it, and as this machine's journal saw and did it. Newest first.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.errors import JournalError, SourceError
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Provider, SupportsTimeline, TimelineEvent

ENTRIES = 5_000
_KINDS = (
    EntryKind.ALERT,
    EntryKind.OUTCOME,
    EntryKind.REFUSED,
    EntryKind.SEEN,
    EntryKind.UNSEEN,
    EntryKind.NOTE,
    EntryKind.SHELL,
)


def read(ready: Callable[[], Provider], journal: Journal, target: str, now: float) -> tuple[TimelineEvent, ...]:
    """Both. What the source cannot tell just now is said as the newest line; *ready* gives its provider, or raises."""
    remembered: tuple[TimelineEvent, ...] = ()
    try:
        provider = ready()
        if isinstance(provider, SupportsTimeline):
            remembered = provider.timeline(target)
    except SourceError as error:
        why = error.message if error.hint == error.usual_hint else str(error)  # nothing asks for it again by itself
        remembered = (TimelineEvent(now, "", f"{target.partition('/')[0]}'s own part cannot be read: {why}"),)
    return merged(remembered, journal, target)


def merged(remembered: Iterable[TimelineEvent], journal: Journal, target: str) -> tuple[TimelineEvent, ...]:
    """Both, by time. Reads the disk; a journal that cannot be read has nothing to tell."""
    try:
        entries = journal.recent(ENTRIES, _KINDS)
    except JournalError:
        entries = []
    told_of = {entry.subject for entry in entries if entry.kind is EntryKind.OUTCOME}  # ids of plans
    marks = (EntryKind.SEEN, EntryKind.UNSEEN)  # which say no more than what came of their plans
    once = (entry for entry in entries if entry.kind not in marks or entry.data.get("plan") not in told_of)
    here = (told for entry in once if (told := _told(entry, target)) is not None)
    return tuple(sorted((*remembered, *here), key=lambda told: -told.at))


def _told(entry: Entry, target: str) -> TimelineEvent | None:
    if entry.kind is EntryKind.OUTCOME:
        state = entry.data.get("state")
        if entry.data.get("target") != target or state == OutcomeState.PENDING:
            return None
        over = state in (OutcomeState.DONE, OutcomeState.SENT) and entry.data.get("verb") not in FOLLOWED
        words = entry.text if over else f"{entry.data.get('verb')}: {state}: {entry.text}"
        override = entry.data.get("override")
        return TimelineEvent(entry.at, entry.actor, f"{words} ({override})" if override else words, "here")
    if entry.subject != target:
        return None
    if entry.kind is EntryKind.ALERT:
        if entry.data.get("old") == entry.data.get("new"):
            return None  # its details alone were kept
        return TimelineEvent(entry.at, "", f"{entry.data.get('old') or 'new'} → {entry.data.get('new')}", "here")
    word = "" if entry.kind in (EntryKind.NOTE, EntryKind.REFUSED) else f"{entry.kind}: "
    return TimelineEvent(entry.at, entry.actor, f"{word}{entry.text}", "here")
