"""Incidents: opened, added to and closed in the journal, where every engineer who shares it finds them.

Each change reads the incident again before it is written. What is added is added to the incident as it is then, so that
two engineers who add at once lose nothing. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.actions.follow_ups import ID_LETTERS, READ_ONLY
from oncall_tui.domain.entry import Entry, EntryKind, next_at
from oncall_tui.domain.incident import Incident, IncidentState, incidents
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import Clock


class RecordedIncidents:
    """Thread-safe. Everything but *current* reads or writes the disk: never on the screen's thread."""

    def __init__(self, journal: Journal, clock: Clock, read_only: bool = False) -> None:
        self._journal, self._clock, self._read_only = journal, clock, read_only
        self._lock = threading.Lock()
        self.current: Mapping[str, Incident] = {}

    def load(self) -> None:
        """Read them from the journal. Raises JournalError; they stay what they were."""
        self.current = incidents(self._journal.since(0.0, (EntryKind.INCIDENT,)))

    def find(self, wanted: str) -> Incident:
        """Return the incident with this id, or the only one whose id begins so. Raises Refused."""
        found = [i for i in self.current.values() if i.id.startswith(wanted)] if wanted else []
        exact = self.current.get(wanted)
        if exact is not None or len(found) == 1:
            return exact or found[0]
        why = f"{len(found)} incidents have an id that begins so" if found else "no incident has this id"
        raise Refused(f"{wanted!r}: {why}", "`oncall-tui incident list --all` prints them")

    def open(
        self,
        title: str,
        lead: str,
        actor: str,
        *,
        episodes: Iterable[str] = (),
        deploys: Iterable[str] = (),
        entries: Iterable[str] = (),
    ) -> Incident:
        """Open one, and return it once it is on disk. Raises Refused without a title, ActionFailed."""
        if not title.strip():
            raise Refused("an incident needs a title")
        made = Incident(
            id=uuid.uuid4().hex[:ID_LETTERS],
            title=title.strip(),
            lead=lead.strip(),
            episodes=_once(episodes),
            deploys=_once(deploys),
            entries=_once(entries),
        )
        with self._lock:
            return self._write(made, actor, "")

    def change(
        self,
        wanted: str,
        actor: str,
        *,
        title: str = "",
        lead: str | None = None,
        state: IncidentState | None = None,
        episodes: Iterable[str] = (),
        deploys: Iterable[str] = (),
        entries: Iterable[str] = (),
        said: str = "",
    ) -> Incident:
        """Add these ids to the incident *wanted* (its id, or the beginning of it), set what else is given, and return
        it once it is on disk.

        Raises Refused where nothing would change, or where it is closed already; ActionFailed.
        """
        with self._lock:
            self._read_again()
            now = self.find(wanted)
            if state is IncidentState.CLOSED and not now.is_open:
                raise Refused(f"{now.changed_by} closed it already")
            made = msgspec.structs.replace(
                now,
                title=title.strip() or now.title,
                lead=now.lead if lead is None else lead.strip(),
                state=state or now.state,
                episodes=_once((*now.episodes, *episodes)),
                deploys=_once((*now.deploys, *deploys)),
                entries=_once((*now.entries, *entries)),
            )
            if made == now and not said.strip():
                raise Refused("nothing would change: all of that is in it")
            return self._write(made, actor, said.strip())

    def _read_again(self) -> None:
        try:
            self.load()
        except JournalError as error:
            raise ActionFailed(f"not recorded: {error.message}", error.hint) from None

    def _write(self, wanted: Incident, actor: str, said: str) -> Incident:
        if self._read_only:
            raise Refused(READ_ONLY)
        old = self.current.get(wanted.id)
        at = next_at(self._clock.now(), old.changed_at if old is not None else None)
        entry = Entry(at=at, kind=EntryKind.INCIDENT, subject=wanted.id, actor=actor, text=said, data=wanted.data())
        try:
            self._journal.must(entry)
        except JournalError as error:
            raise ActionFailed(f"not recorded: {error.message}", error.hint) from None
        self._read_again()
        return self.current[wanted.id]


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
