"""A follow-up: what somebody still wants to find out, or to mend, after an alert. Pure.

A follow-up is derived from the journal's entries of its kind, each of which holds all of it as it is from then on.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind


class FollowUpState(StrEnum):
    """How far a follow-up is; the value is the word in the journal and on screen."""

    OPEN = "open"
    LOOKING = "looking"
    DONE = "done"

    @property
    def next(self) -> FollowUpState:
        """Return the state that one step leads to: open, looking, done, and open again."""
        return _NEXT[self]


_NEXT = {
    FollowUpState.OPEN: FollowUpState.LOOKING,
    FollowUpState.LOOKING: FollowUpState.DONE,
    FollowUpState.DONE: FollowUpState.OPEN,
}
_STATES = {state.value: state for state in FollowUpState}


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """*alerts* are the keys that all firings of an alert share (``triage.episodes.key_of``).

    *opened_at* is its first entry's time, *changed_at* its newest one's, *changed_by* who wrote that. *said* is the
    last word that was written with a change; empty: none.
    """

    id: str
    title: str
    owner: str
    state: FollowUpState
    alerts: tuple[str, ...] = ()
    opened_at: float
    opened_by: str
    changed_at: float
    changed_by: str
    said: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether it is not done yet."""
        return self.state is not FollowUpState.DONE

    def data(self) -> dict[str, object]:
        """Return what an entry of it holds."""
        return {"title": self.title, "owner": self.owner, "state": str(self.state), "alerts": list(self.alerts)}


def take_up(found: dict[str, FollowUp], entry: Entry) -> None:
    """Apply one entry, in the order in which they were written; other kinds are skipped. Of a state that this version
    does not know the follow-up stays open, because nothing that is open may be lost.
    """
    if entry.kind is not EntryKind.FOLLOW_UP:
        return
    old, data = found.get(entry.subject), entry.data
    word = str(data.get("state", ""))
    found[entry.subject] = FollowUp(
        id=entry.subject,
        title=str(data.get("title", "")),
        owner=str(data.get("owner", "")),
        state=_STATES.get(word, FollowUpState.OPEN),
        alerts=tuple(str(key) for key in data.get("alerts", ())),
        opened_at=old.opened_at if old else entry.at,
        opened_by=old.opened_by if old else entry.actor,
        changed_at=entry.at,
        changed_by=entry.actor,
        said=entry.text or (old.said if old else ""),
    )


def follow_ups(entries: Iterable[Entry]) -> dict[str, FollowUp]:
    """Return every follow-up by its id, from the journal's entries; another machine's may have arrived late."""
    found: dict[str, FollowUp] = {}
    for entry in sorted(entries, key=lambda one: one.at):
        take_up(found, entry)
    return found


def ordered(found: Iterable[FollowUp]) -> tuple[FollowUp, ...]:
    """Return those that are open, the oldest first, then those that are done, the newest first."""
    return tuple(sorted(found, key=lambda f: (not f.is_open, f.opened_at if f.is_open else -f.changed_at, f.id)))


def by_alert(found: Mapping[str, FollowUp]) -> dict[str, tuple[FollowUp, ...]]:
    """Return the open follow-ups of each alert, by its key."""
    keyed: dict[str, tuple[FollowUp, ...]] = {}
    for one in ordered(found.values()):
        for key in one.alerts if one.is_open else ():
            keyed[key] = (*keyed.get(key, ()), one)
    return keyed
