"""All that a journal does beside this machine's file, behind one object with one life: exchange, and who is where."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from oncall_tui.domain.shared import Held
from oncall_tui.journal.claims import Claims
from oncall_tui.journal.journal import Journal
from oncall_tui.journal.lease import Lease
from oncall_tui.journal.replicator import Exchange, Replicator
from oncall_tui.journal.shared import SharedStore, Slots
from oncall_tui.journal.slots import FileSlots
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker

LOOKS_S = 3.0  # between two looks at who is where


class TeamJournal:
    """*build* makes the shared store, on a thread here; None: the file alone is shared, by those on this machine.

    *merged* is called after others' entries came, with their number, on a thread here.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        who: str,
        build: Callable[[], SharedStore] | None = None,
        merged: Callable[[int], None] = lambda count: None,
        lease: Lease | None = None,
    ) -> None:
        self._making = threading.Lock()
        self._build = build
        self._store: SharedStore | None = None
        self._wake, self._stopped = threading.Event(), False
        self.replicator = Replicator(journal, self._shared, clock, merged, lease) if build else None
        self.claims = Claims(self._slots_of(journal), clock, who)
        self._worker = Worker("who is where", self._run)

    def start(self) -> None:
        """Begin to exchange entries, and to look who is where."""
        if self.replicator is not None:
            self.replicator.start()
        self._worker.start()

    def settle(self, timeout_s: float) -> bool:
        """Wait until the team has what this file has, at most so long; see ``Replicator.settle``."""
        return self.replicator is None or self.replicator.settle(timeout_s)

    def stop(self, timeout_s: float = 0.1) -> None:
        """Ask the threads to end: what is held here is given up, if that takes no longer than *timeout_s* seconds."""
        self._stopped = True
        self._wake.set()
        self._worker.stop()
        if self.replicator is not None:
            self.replicator.stop()
        self._worker.join(timeout_s)

    @property
    def workers(self) -> Iterable[Worker]:
        """The threads, whose bugs are told."""
        return (self._worker, *((self.replicator.worker,) if self.replicator is not None else ()))

    @property
    def exchange(self) -> Exchange | None:
        """How the exchange goes; None: nothing is exchanged."""
        return self.replicator.now if self.replicator is not None else None

    def others(self) -> tuple[Held, ...]:
        """Return where others are, and what they do, as far as is known here."""
        return self.claims.others()

    def open(self, subject: str) -> None:
        """Note which row this session has open; empty: none. Returns at once."""
        self.claims.open(subject)
        self._wake.set()

    def announce(self, key: str, subject: str, what: str = "") -> None:
        """Note what this session does to *subject* (empty: it has ended). Returns at once."""
        self.claims.announce(key, subject, what)
        self._wake.set()

    def give_back(self, subject: str) -> None:
        """Give up the claim on *subject*. Returns at once."""
        self.claims.let_go(subject)
        self._wake.set()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _shared(self) -> SharedStore:
        """The shared store, made once. Raises SourceError."""
        with self._making:
            if self._store is None:
                assert self._build is not None
                self._store = self._build()
            return self._store

    def _slots_of(self, journal: Journal) -> Callable[[], Slots]:
        if self.replicator is None:
            local = FileSlots(journal)
            return lambda: local
        heard = self.replicator.heard
        return lambda: _Heard(self._shared(), heard)

    def _run(self) -> None:
        while not self._stopped:
            self.claims.tick()
            self._wake.wait(LOOKS_S)
            self._wake.clear()
        self.claims.leave()


class _Heard:
    """The slots of a shared store. Whoever looks at them hears how far each log goes: the replicator is told."""

    def __init__(self, store: SharedStore, heard: Callable[[dict[str, int]], None]) -> None:
        self._store, self._heard = store, heard
        self.take, self.free = store.take, store.free

    def held(self) -> tuple[Held, ...]:
        found = self._store.snapshot()
        self._heard(dict(found.heads))
        return found.held
