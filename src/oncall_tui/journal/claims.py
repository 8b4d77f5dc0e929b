"""Claims that at most one session holds, and what each session has open: leases, without a common clock.

A holder renews its slot, each time with another version. Whoever sees one version for as long as a lease lasts, by its
own monotonic clock, may take the slot over, under the condition that it has that version still. The holder counts from
the moment before it renewed, so that it has stopped to hold before anybody else can begin: no wall clock, which may be
set at any moment and differs between machines, decides anything.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping

import msgspec

from oncall_tui.domain.shared import OPEN, Held
from oncall_tui.errors import OncallError
from oncall_tui.journal.shared import Slots
from oncall_tui.runtime.clock import Clock

LEASE_S = 30.0
RENEWED_S = 8.0  # three attempts within a lease
SWEPT_S = 600.0  # an abandoned slot is emptied by whoever sees it for so long
HERE = "here "  # in front of a session's name: the slot that says what it has open
CLAIM = "claim "


class _Mine(msgspec.Struct):
    """A slot of this session: as it was written last, and until when it is held (monotonic)."""

    held: Held
    until: float
    renew_at: float


class Claims:
    """Thread-safe. *slots* gives the store, and may raise OncallError while it cannot be had; so may what asks it."""

    def __init__(self, slots: Callable[[], Slots], clock: Clock, who: str) -> None:
        self.session = f"{socket.gethostname()} {os.getpid()} {os.urandom(4).hex()}"
        self.failure = ""  # why it is not known who is where; empty: it is known
        self._slots, self._clock, self._who = slots, clock, who
        self._lock = threading.Lock()  # of all below; never held over a call
        self._asking = threading.Lock()  # one call that writes at a time: versions follow each other
        self._mine: dict[str, _Mine] = {}
        self._seen: dict[str, tuple[str, float]] = {}  # slot -> its version, and since when it is seen (monotonic)
        self._last: tuple[Held, ...] = ()
        self._count = 0
        self._wanted: dict[str, tuple[str, str]] = {}  # slots that tell what this session does: subject, and what
        self._let_go: set[str] = set()  # claims that are given back at the next look
        self.heard: list[Callable[[], None]] = []  # called after each look, on its thread

    # --- claims -------------------------------------------------------------------------------------------------------

    def take(self, subject: str, what: str, slot: str = "") -> Held | None:
        """Take the claim on *subject*; None: it is held now. Otherwise who holds it. Raises OncallError where nobody
        knows: it is not held then. Blocks for one or two calls.
        """
        slot = slot or CLAIM + subject
        with self._asking:
            for _ in range(2):  # somebody may be quicker once
                there = {one.slot: one for one in self._read_slots()}.get(slot)
                if there is not None and not self._may_take(there):
                    return there
                since = self._since(slot)
                if self._put(slot, subject, what, there.version if there else "", since):
                    return None
            return there or self._nobody(slot, subject)

    def holds(self, subject: str) -> bool:
        """Return whether this session holds the claim at this moment."""
        with self._lock:
            mine = self._mine.get(CLAIM + subject)
            return mine is not None and self._clock.monotonic() < mine.until

    def release(self, subject: str, slot: str = "") -> bool:
        """Give up a claim of this session. False: it had none. Raises OncallError: it lapses by itself then."""
        return self._free(slot or CLAIM + subject)

    # --- presence -----------------------------------------------------------------------------------------------------

    def open(self, subject: str, what: str = OPEN) -> None:
        """Note what this session has open (empty: nothing). Returns at once: ``tick`` tells the others."""
        self.announce("", subject, what)

    def announce(self, key: str, subject: str, what: str = "") -> None:
        """Note that this session does *what* to *subject* (empty: not any more). Several may do so, each by its *key*.

        Returns at once: ``tick`` tells the others.
        """
        slot = f"{HERE}{self.session} {key}".rstrip()
        with self._lock:
            if subject:
                self._wanted[slot] = (subject, what)
            else:
                self._wanted.pop(slot, None)

    def let_go(self, subject: str) -> None:
        """Give up a claim at the next look. Returns at once; it is not held from now on."""
        with self._lock:
            self._let_go.add(CLAIM + subject)
            if (mine := self._mine.get(CLAIM + subject)) is not None:
                mine.until = self._clock.monotonic()

    def others(self) -> tuple[Held, ...]:
        """The slots that other sessions hold, as far as is known here: the live ones."""
        with self._lock:
            now = self._clock.monotonic()
            return tuple(
                one
                for one in self._last
                if one.holder != self.session and now - self._seen.get(one.slot, ("", now))[1] < LEASE_S
            )

    # --- by its thread ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Look who is where, renew what is held, and say what is open. Sets *failure*; raises nothing of a store's."""
        try:
            with self._asking:
                found = self._read_slots()
                self._give_back()
                self._tell_what_is_done(found)
                self._renew({one.slot: one for one in found})
                self._sweep(found)
            self.failure = ""
        except OncallError as error:
            self.failure = str(error)
        for told in self.heard:
            told()

    def saw(self, found: Iterable[Held]) -> None:
        """Take note of the slots as somebody else has just read them."""
        now = self._clock.monotonic()
        with self._lock:
            self._last = tuple(found)
            self._seen = {
                one.slot: old if (old := self._seen.get(one.slot)) and old[0] == one.version else (one.version, now)
                for one in self._last
            }

    def leave(self) -> None:
        """Give up everything, as far as that is possible. Raises nothing."""
        with self._lock:
            self._wanted = {}
        for slot in tuple(self._mine):
            try:
                self._free(slot)
            except OncallError as error:
                self.failure = str(error)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _read_slots(self) -> tuple[Held, ...]:
        found = self._slots().held()
        self.saw(found)
        return found

    def _may_take(self, there: Held) -> bool:
        """Return whether it is this session's, or abandoned: nobody renewed it for a whole lease."""
        if there.holder == self.session:
            return True
        with self._lock:
            version, since = self._seen.get(there.slot, ("", 0.0))
        return version == there.version and self._clock.monotonic() - since >= LEASE_S

    def _since(self, slot: str) -> float:
        with self._lock:
            mine = self._mine.get(slot)
        return mine.held.since if mine is not None else self._clock.now()

    def _put(self, slot: str, subject: str, what: str, over: str, since: float) -> bool:
        with self._lock:
            self._count += 1
            version = f"{self.session} {self._count}"
        held = Held(slot, subject, what, self.session, self._who, since, self._clock.now(), version)
        began = self._clock.monotonic()
        taken = self._slots().take(held, over)
        with self._lock:
            if taken:
                self._mine[slot] = _Mine(held, began + LEASE_S, began + RENEWED_S)
            else:
                self._mine.pop(slot, None)
        return taken

    def _free(self, slot: str) -> bool:
        with self._asking:
            with self._lock:
                mine = self._mine.pop(slot, None)  # not held from now on, whatever the answer is
            return mine is not None and self._slots().free(slot, mine.held.version)

    def _nobody(self, slot: str, subject: str) -> Held:
        return Held(slot, subject, "", "", "somebody", self._clock.now(), self._clock.now(), "")

    def _renew(self, there: Mapping[str, Held]) -> None:
        """Renew what is due. Where an answer was lost, what stands *there* is this session's with another version."""
        now = self._clock.monotonic()
        with self._lock:
            due = [mine.held for mine in self._mine.values() if now >= mine.renew_at]
        for held in due:
            if not self._put(held.slot, held.subject, held.what, held.version, held.since):
                now_there = there.get(held.slot)
                if now_there is not None and now_there.holder == self.session and now_there.version != held.version:
                    self._put(held.slot, held.subject, held.what, now_there.version, held.since)

    def _give_back(self) -> None:
        with self._lock:
            given, self._let_go = self._let_go, set()
            mine = [self._mine.pop(slot) for slot in given if slot in self._mine]
        for one in mine:
            self._slots().free(one.held.slot, one.held.version)

    def _tell_what_is_done(self, found: Iterable[Held]) -> None:
        there = {one.slot: one.version for one in found}  # after a lost answer more than is known here
        with self._lock:
            wanted = dict(self._wanted)
            over = [mine for slot, mine in self._mine.items() if slot.startswith(HERE) and slot not in wanted]
            for mine in over:
                del self._mine[mine.held.slot]
            told = {slot: (mine.held.subject, mine.held.what) for slot, mine in self._mine.items()}
        for mine in over:
            self._slots().free(mine.held.slot, mine.held.version)
        for slot, (subject, what) in wanted.items():
            if told.get(slot) != (subject, what):
                self._put(slot, subject, what, there.get(slot, ""), self._clock.now())

    def _sweep(self, found: Iterable[Held]) -> None:
        """Empty what nobody renews any more, and what is this session's unknown to it: a write that came late."""
        now = self._clock.monotonic()
        with self._lock:
            seen = {one.slot: now - self._seen[one.slot][1] for one in found if one.slot in self._seen}
            stray = [one for one in found if one.holder == self.session and one.slot not in self._mine]
        for one in found:
            if one in stray or (one.holder != self.session and seen.get(one.slot, 0.0) >= SWEPT_S):
                self._slots().free(one.slot, one.version)
