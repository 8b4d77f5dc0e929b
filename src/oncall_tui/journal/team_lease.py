"""The lease of a team's recorder: a slot of the team's store, so that of several machines one records.

As with every slot, no two machines' clocks are compared: a holder renews it with another version each time, and who
sees one version for ``LOST_S`` by its own monotonic clock may take it over, where it has that version still.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from oncall_tui.domain.shared import Held
from oncall_tui.errors import JournalError, OncallError
from oncall_tui.journal.lease import LOST_S, LeaseHolder
from oncall_tui.journal.shared import SharedStore
from oncall_tui.runtime.clock import Clock

SLOT = "recorder"
READ_AGAIN_S = 30.0  # between two reads for those who only want to know: each is a call


class TeamLease:
    """As ``journal.lease.Lease``. *store* gives the team's store, and may raise OncallError, as every call to it may.

    Where the store cannot be asked, who records goes on: what it writes is kept here and exchanged later, and two
    records of an hour are better than none. Who stands by does not begin then.
    """

    def __init__(self, store: Callable[[], SharedStore], clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._mine: Held | None = None
        self._session = f"{socket.gethostname()} {os.getpid()} {os.urandom(4).hex()}"
        self._seen: tuple[str, float] = ("", 0.0)  # a version, and since when it is seen (monotonic)
        self._told: tuple[float, LeaseHolder | None] | None = None  # what was read last, and when (monotonic)

    def take(self) -> bool:
        """As the protocol says. Raises JournalError where it is held, and cannot be renewed now."""
        try:
            return self._renew(self._mine) if self._mine is not None else self._take()
        except OncallError as error:
            if self._mine is None:
                return False  # ``holder`` says why it is not known
            raise JournalError(f"the recorder's lease cannot be renewed: {error.message}", error.hint) from None

    def release(self) -> None:
        """As the protocol says."""
        mine, self._mine = self._mine, None
        if mine is not None:
            try:
                self._store().free(SLOT, mine.version)
            except OncallError:
                return  # it lapses by itself

    def holder(self) -> LeaseHolder | None:
        """As the protocol says; at most ``READ_AGAIN_S`` old. Raises JournalError."""
        with self._lock:
            now = self._clock.monotonic()
            if self._told is None or now - self._told[0] >= READ_AGAIN_S:
                try:
                    there = self._there()
                except OncallError as error:
                    raise JournalError(f"the team's journal does not say who records: {error.message}") from None
                self._told = (now, None if there is None else self._as_holder(there, now))
            return self._told[1]

    # --- inside -------------------------------------------------------------------------------------------------------

    def _take(self) -> bool:
        there, now = self._there(), self._clock.monotonic()
        if there is not None and there.holder != self._session and self._watched(there, now) < LOST_S:
            return False  # one of this session is an earlier write whose answer was lost
        return self._put(there.version if there is not None else "", self._clock.now())

    def _renew(self, mine: Held) -> bool:
        if self._put(mine.version, mine.since):
            return True
        there = self._there()
        if there is not None and there.holder == self._session:
            self._mine = there  # an earlier write whose answer was lost
            return self._put(there.version, there.since)
        self._mine = None
        return False

    def _put(self, over: str, since: float) -> bool:
        host, pid, _ = self._session.rsplit(" ", 2)
        held = Held(SLOT, host, pid, self._session, host, since, self._clock.now(), os.urandom(8).hex())
        if not self._store().take(held, over):
            return False
        self._mine = held
        return True

    def _there(self) -> Held | None:
        return next((one for one in self._store().snapshot().held if one.slot == SLOT), None)

    def _watched(self, there: Held, now: float) -> float:
        """Seconds for which this version is seen, by this process's clock. *now* in monotonic seconds."""
        if self._seen[0] != there.version:
            self._seen = (there.version, now)
        return now - self._seen[1]

    def _as_holder(self, there: Held, now: float) -> LeaseHolder:
        """Return the slot's holder; one whose version stays has not answered since it was seen first."""
        at = self._clock.now() - self._watched(there, now)
        return LeaseHolder(there.subject, int(there.what) if there.what.isdigit() else 0, there.since, at)
