"""A team's journal: this file's entries go to a shared store, and others' come into this file. On a thread of its own.

Entries are on the local disk first, and nothing waits for the network: where it is away they wait in the file, and are
exchanged once it is back. One program a file does it (a lease in the file); the others' entries go the same way.
Waiting and back-off are monotonic seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.domain.shared import SharedBatch, Snapshot
from oncall_tui.errors import JournalError, SourceError
from oncall_tui.journal.journal import Journal
from oncall_tui.journal.lease import Lease
from oncall_tui.journal.shared import SharedStore
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker

if TYPE_CHECKING:
    from oncall_tui.journal.peers import Peers

log = logging.getLogger(__name__)
EVERY_S = 15.0  # between two looks at the shared store, where nobody tells that there is something new
PAUSE_MOST_S = 60.0
FIRST_RENEWAL_S = 60.0  # after the start: a command that ends at once renews nothing
RENEWED_S = 86_400.0  # between two looks at what is open and may expire; where little is kept, oftener
PAGES_AT_ONCE = 20  # of one peer's log, before the other peers' and the own entries have their turn


class Exchange(msgspec.Struct, frozen=True):
    """How the exchange goes. *failure* says why it stands still (empty: it does not), *hint* what to do about it,
    *state* the word for it; *waiting*: some own entries are here alone. *since* is monotonic: when it went well last;
    None: never.
    """

    state: str = "waiting"
    failure: str = ""
    hint: str = ""
    waiting: bool = False
    since: float | None = None


class Replicator:
    """*build* makes the shared store, on the thread here. *merged* is called, there too, after others' entries came."""

    def __init__(
        self,
        journal: Journal,
        build: Callable[[], SharedStore],
        clock: Clock,
        merged: Callable[[int], None] = lambda count: None,
        lease: Lease | None = None,
    ) -> None:
        self.now = Exchange()
        self._journal, self._build, self._clock = journal, build, clock
        self._merged, self._lease = merged, lease
        self._store: SharedStore | None = None
        self._behind = 0
        self._announced = ""  # name and number that others were told last
        self._wake = threading.Event()
        self._stopped = False
        self._failures = 0
        self._steps = 0
        self._wait_s = 0.0
        self._renewal_due = clock.monotonic() + FIRST_RENEWAL_S
        self.snapshot = Snapshot({})
        self.worker = Worker("team's journal", self._run)
        journal.written.append(self._wake.set)

    def start(self) -> None:
        self.worker.start()

    def stop(self) -> None:
        """Ask the thread to end; a call in flight is left behind."""
        self._stopped = True
        self._wake.set()
        self.worker.stop()

    def heard(self, heads: Mapping[str, int]) -> None:
        """Look now, where another's log goes farther than it was read. From any thread."""
        if any(last > self.snapshot.heads.get(origin, 0) for origin, last in heads.items()):
            self._wake.set()

    def shared_store(self) -> SharedStore:
        """The store, made once. Raises SourceError."""
        if self._store is None:
            self._store = self._build()
        return self._store

    def settle(self, timeout_s: float) -> bool:
        """Wait until what is in the file now is shared; False where it is not, after *timeout_s* seconds at the most.

        Nothing is waited for where the store cannot be reached, or another program of this machine shares the file.
        """
        end_at, steps = time.monotonic() + timeout_s, self._steps + 2  # one may be under way, which began before
        while self._steps < steps and not self._stopped:
            if self.now.failure or self.now.state == "standby" or time.monotonic() >= end_at:
                return False
            self._wake.set()
            time.sleep(0.01)
        return not self.now.failure

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Exchange what there is; False where it failed, and ``now`` says why. Called by the thread, or by tests."""
        done = self._stepped()
        self._steps += 1
        return done

    def _stepped(self) -> bool:
        try:
            if self._lease is not None and not self._lease.take():
                self.now = Exchange("standby", since=self.now.since)
                return True
            self._exchange()
        except SourceError as error:
            return self._failed(error.state, error.message, error.hint, getattr(error, "retry_after_s", None))
        except JournalError as error:
            return self._failed("journal", error.message, error.hint)
        self._failures, self._wait_s = 0, EVERY_S
        self.now = Exchange("ok", since=self._clock.monotonic())
        return True

    def _exchange(self) -> None:
        store = self.shared_store()
        while (batch := self._unshared()) is not None and not self._stopped:
            self._send(store, batch)
        self._announce(store)
        self.snapshot = store.snapshot()
        known = self._journal.exchange(lambda peers: peers.known())
        own, _ = self._journal.exchange(lambda peers: peers.head())
        for origin, last in sorted(self.snapshot.heads.items()):
            if origin != own and last > known.get(origin, 0):
                self._fetch(store, origin, known.get(origin, 0))
        if self._clock.monotonic() >= self._renewal_due:
            self._renew(store)

    def _unshared(self) -> SharedBatch | None:
        batch, self._behind = self._journal.exchange(lambda peers: peers.unshared(self._behind))
        return batch

    def _send(self, store: SharedStore, batch: SharedBatch) -> None:
        if batch.rows and not store.append(batch):
            self._settle(store, batch)
            return
        self._journal.exchange(lambda peers: peers.shared(batch.origin, batch.last))

    def _settle(self, store: SharedStore, mine: SharedBatch) -> None:
        """Something stands where *mine* belongs: this file's own, whose answer was lost; or that of a copy of it."""
        there = next(iter(store.read(mine.origin, mine.after)), None)
        if there is None or there.after > mine.after:
            raise SourceError("the shared journal changes while it is read")  # expired just now: asked again
        if self._journal.exchange(lambda peers: peers.wrote(there)):
            self._journal.exchange(lambda peers: peers.shared(there.origin, there.last))
            return
        new = self._journal.exchange(lambda peers: peers.rename(mine.origin))
        self._behind = 0
        log.warning("another file shares its entries as %s: this one, a copy, goes on as %s", mine.origin, new)

    def _announce(self, store: SharedStore) -> None:
        own, shared = self._journal.exchange(lambda peers: peers.head())
        told = f"{own} {shared}"
        if shared and told != self._announced:
            store.announce(own, shared)
            self._announced = told

    def _fetch(self, store: SharedStore, origin: str, after: int) -> None:
        for _ in range(PAGES_AT_ONCE):
            batches = [batch for batch in store.read(origin, after) if batch.last > after]
            if not batches or self._stopped:
                return
            after = batches[-1].last
            count = self._journal.exchange(_merging(batches))
            if count:
                self._merged(count)

    def _renew(self, store: SharedStore) -> None:
        """Keep the entries of what is open from expiring, whoever wrote them: their machine may be gone. Whatever is
        closed expires in its time.
        """
        keep_s = self._journal.keep_s
        before = self._clock.now() - keep_s / 2
        for entry in self._journal.exchange(lambda peers: peers.open_since_before(before)):
            if self._stopped:
                return
            store.renew(entry)
        self._renewal_due = self._clock.monotonic() + min(RENEWED_S, keep_s / 8)

    def _failed(self, state: str, words: str, hint: str, retry_after_s: float | None = None) -> bool:
        self._failures += 1
        longer = min(PAUSE_MOST_S, EVERY_S * 2.0 ** min(self._failures - 1, 8))
        self._wait_s = max(longer, retry_after_s or 0.0)
        if words != self.now.failure:
            log.warning("the team's journal: %s", words)
        self.now = Exchange(state, words, hint, self._behind_others(), self.now.since)
        return False

    def _behind_others(self) -> bool:
        """Return whether own entries wait here; what cannot be read is not waited for."""
        try:
            return self._journal.exchange(lambda peers: peers.unshared(self._behind))[0] is not None
        except JournalError:
            return False

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped:
            self.step()
            self._rest()
        if self._lease is not None:
            self._lease.release()
        if self._store is not None:
            self._store.close()

    def _rest(self) -> None:
        """Wait for the next look, or for an own entry; after a failure for the whole pause: entries do not hurry it."""
        until = self._clock.monotonic() + self._wait_s
        while not self._stopped and (left := until - self._clock.monotonic()) > 0:
            self._wake.wait(left)
            if self._wake.is_set() and not self._failures:
                break
        self._wake.clear()


def _merging(batches: list[SharedBatch]) -> Callable[[Peers], int]:
    return lambda peers: peers.merge(batches)
