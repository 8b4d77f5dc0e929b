"""An incident: the episodes, deploys and actions that people treat as one, with a lead. Pure.

An incident is derived from the journal's entries of its kind, each of which holds all of it as it is from then on.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind


class IncidentState(StrEnum):
    """How an incident stands; the value is the word in the journal."""

    OPEN = "open"
    CLOSED = "closed"


_STATES = {state.value: state for state in IncidentState}


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """*episodes* and *deploys* are ids of the history, *entries* ids of the journal's entries that belong to it too.

    *opened_at* is its first entry's time, *changed_at* its newest one's, *changed_by* who wrote that. *said* is the
    last word that was written with a change; empty: none.
    """

    id: str
    title: str
    lead: str = ""
    state: IncidentState = IncidentState.OPEN
    episodes: tuple[str, ...] = ()
    deploys: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    opened_at: float = 0.0
    opened_by: str = ""
    changed_at: float = 0.0
    changed_by: str = ""
    said: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether it is not closed yet."""
        return self.state is IncidentState.OPEN

    def data(self) -> dict[str, object]:
        """Return what an entry of it holds."""
        return {
            "title": self.title,
            "lead": self.lead,
            "state": str(self.state),
            "episodes": list(self.episodes),
            "deploys": list(self.deploys),
            "entries": list(self.entries),
        }


def incidents(entries: Iterable[Entry]) -> dict[str, Incident]:
    """Return every incident by its id, from the journal's entries; another machine's may have arrived late.

    Of a state that this version does not know the incident stays open, because nothing that is open may be lost.
    """
    found: dict[str, Incident] = {}
    for entry in sorted(entries, key=lambda one: one.at):
        if entry.kind is not EntryKind.INCIDENT:
            continue
        old, data = found.get(entry.subject), entry.data
        found[entry.subject] = Incident(
            id=entry.subject,
            title=str(data.get("title", "")),
            lead=str(data.get("lead", "")),
            state=_STATES.get(str(data.get("state", "")), IncidentState.OPEN),
            episodes=_ids(data.get("episodes")),
            deploys=_ids(data.get("deploys")),
            entries=_ids(data.get("entries")),
            opened_at=old.opened_at if old else entry.at,
            opened_by=old.opened_by if old else entry.actor,
            changed_at=entry.at,
            changed_by=entry.actor,
            said=entry.text or (old.said if old else ""),
        )
    return found


def newest_first(found: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return those that are open, then those that are closed, each the newest first."""
    return tuple(sorted(found, key=lambda i: (not i.is_open, -i.opened_at, i.id)))


def _ids(found: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in found or ())
