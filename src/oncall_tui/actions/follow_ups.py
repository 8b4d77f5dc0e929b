"""Follow-ups: opened, changed and closed in the journal, where every engineer who shares it finds them.

Each change reads the follow-up again before it is written, and is refused where somebody else changed it meanwhile.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind, next_at
from oncall_tui.domain.follow_up import FollowUp, FollowUpState, by_alert, follow_ups
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import Clock

ID_LETTERS = 8
READ_ONLY = "read only: nothing is written"


class FollowUps:
    """Thread-safe. Everything but *current* and *of_alerts* reads or writes the disk: never on the screen's thread."""

    def __init__(self, journal: Journal, clock: Clock, read_only: bool = False) -> None:
        self._journal, self._clock, self._read_only = journal, clock, read_only
        self._lock = threading.Lock()
        self.current: Mapping[str, FollowUp] = {}
        self.of_alerts: Mapping[str, tuple[FollowUp, ...]] = {}  # the open ones, by an alert's key

    def load(self) -> None:
        """Read them from the journal. Raises JournalError; they stay what they were."""
        with self._lock:
            self._load()

    def _load(self) -> None:
        self.current = follow_ups(self._journal.since(0.0, (EntryKind.FOLLOW_UP,)))
        self.of_alerts = by_alert(self.current)

    def find(self, wanted: str) -> FollowUp:
        """Return the follow-up with this id, or the only one whose id begins so. Raises Refused."""
        found = [f for f in self.current.values() if f.id.startswith(wanted)] if wanted else []
        exact = self.current.get(wanted)
        if exact is not None or len(found) == 1:
            return exact or found[0]
        why = f"{len(found)} follow-ups have an id that begins so" if found else "no follow-up has this id"
        raise Refused(f"{wanted!r}: {why}")

    def add(self, title: str, owner: str, alerts: Iterable[str], actor: str) -> FollowUp:
        """Open one, and return it once it is on disk. Raises Refused without a title, ActionFailed."""
        if not title.strip():
            raise Refused("a follow-up needs a title")
        now = self._clock.now()
        made = FollowUp(
            id=uuid.uuid4().hex[:ID_LETTERS],
            title=title.strip(),
            owner=owner.strip(),
            state=FollowUpState.OPEN,
            alerts=tuple(dict.fromkeys(alerts)),
            opened_at=now,
            opened_by=actor,
            changed_at=now,
            changed_by=actor,
        )
        with self._lock:
            self._write(made, actor, "")
        return self.current[made.id]

    def change(
        self,
        seen: FollowUp,
        actor: str,
        *,
        title: str | None = None,
        owner: str | None = None,
        state: FollowUpState | None = None,
        alerts: Iterable[str] | None = None,
        said: str = "",
    ) -> FollowUp:
        """Change what is given of the follow-up that was *seen*, and return it once it is on disk.

        Raises Refused where it is another by now, or where nothing would change, ActionFailed.
        """
        with self._lock:
            self._read_again()
            now = self.current.get(seen.id)
            if now is None:
                raise Refused("the follow-up is not in the journal any more")
            if now.data() != seen.data():
                raise Refused(
                    f"{now.changed_by} changed it meanwhile: it is {now.state}, owner {now.owner or 'nobody'}"
                )
            wanted = msgspec.structs.replace(
                now,
                title=now.title if title is None or not title.strip() else title.strip(),
                owner=now.owner if owner is None else owner.strip(),
                state=state or now.state,
                alerts=now.alerts if alerts is None else tuple(dict.fromkeys(alerts)),
            )
            if wanted == now and not said.strip():
                raise Refused(f"nothing would change: it is {now.state}, owner {now.owner or 'nobody'}")
            self._write(wanted, actor, said.strip())
        return self.current[seen.id]

    def _read_again(self) -> None:
        try:
            self._load()
        except JournalError as error:
            raise ActionFailed(f"not recorded: {error.message}", error.hint) from None

    def _write(self, wanted: FollowUp, actor: str, said: str) -> None:
        if self._read_only:
            raise Refused(READ_ONLY)
        old = self.current.get(wanted.id)
        entry = Entry(
            at=next_at(self._clock.now(), old.changed_at if old is not None else None),
            kind=EntryKind.FOLLOW_UP,
            subject=wanted.id,
            actor=actor,
            text=said,
            data=wanted.data(),
        )
        try:
            self._journal.must(entry)
        except JournalError as error:
            raise ActionFailed(f"not recorded: {error.message}", error.hint) from None
        self._read_again()
