"""A team's store in memory, and faults in front of any store: throttling, lost answers, late writes, a partition.

A write that is lost may have taken effect, or take effect later, as over a real network.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

from oncall_tui import errors
from oncall_tui.domain.shared import Held, SharedBatch, Snapshot

T = TypeVar("T")


class MemoryStore:
    """Logs and slots as a table would keep them: each write is one step, under its condition."""

    def __init__(self) -> None:
        self.logs: dict[str, dict[int, SharedBatch]] = {}
        self.heads: dict[str, int] = {}
        self.slots: dict[str, Held] = {}
        self.renewed: list[tuple[str, int]] = []  # each batch that expires later now, by the number that it comes after
        self.calls: list[str] = []

    def snapshot(self) -> Snapshot:
        self.calls.append("snapshot")
        return Snapshot(dict(self.heads), tuple(self.slots.values()))

    def append(self, batch: SharedBatch) -> bool:
        self.calls.append("append")
        log = self.logs.setdefault(batch.origin, {})
        if batch.after in log:
            return False
        log[batch.after] = batch
        return True

    def read(self, origin: str, after: int) -> list[SharedBatch]:
        self.calls.append("read")
        log = self.logs.get(origin, {})
        return [log[key] for key in sorted(log) if key >= after][:3]  # a page is small

    def announce(self, origin: str, last: int) -> None:
        self.calls.append("announce")
        self.heads[origin] = max(last, self.heads.get(origin, 0))

    def renew(self, entry: SharedBatch) -> None:
        self.calls.append("renew")
        log = self.logs.setdefault(entry.origin, {})
        holds = next((at for at, one in log.items() if at < entry.last <= one.last), entry.after)
        log.setdefault(holds, entry)
        self.heads.setdefault(entry.origin, entry.last)
        self.renewed.append((entry.origin, holds))

    def expire(self, origin: str, after: int) -> None:
        """Remove a batch, and how far its log goes where nothing else is in it, as a table's time to live does."""
        del self.logs[origin][after]
        if not self.logs[origin]:
            self.heads.pop(origin, None)

    def take(self, held: Held, over: str = "") -> bool:
        self.calls.append("take")
        there = self.slots.get(held.slot)
        if (there.version if there is not None else "") != over:
            return False
        self.slots[held.slot] = held
        return True

    def free(self, slot: str, version: str) -> bool:
        self.calls.append("free")
        there = self.slots.get(slot)
        if there is None or there.version != version:
            return False
        del self.slots[slot]
        return True

    def close(self) -> None:
        """Nothing is open."""


class Faulty:
    """One engineer's way to *store*. *rate* is how many of its calls fail; *cut* lets none through."""

    def __init__(self, store: Any, chance: random.Random, rate: float = 0.0) -> None:
        self._store, self._chance = store, chance  # a SharedStore, or Slots
        self.rate, self.cut = rate, False
        self._late: list[Callable[[], object]] = []

    def snapshot(self) -> Snapshot:
        return self._call(self._store.snapshot)

    def append(self, batch: SharedBatch) -> bool:
        return self._call(lambda: self._store.append(batch), writes=True)

    def read(self, origin: str, after: int) -> list[SharedBatch]:
        return self._call(lambda: self._store.read(origin, after))

    def announce(self, origin: str, last: int) -> None:
        return self._call(lambda: self._store.announce(origin, last), writes=True)

    def renew(self, entry: SharedBatch) -> None:
        return self._call(lambda: self._store.renew(entry), writes=True)

    def take(self, held: Held, over: str = "") -> bool:
        return self._call(lambda: self._store.take(held, over), writes=True)

    def free(self, slot: str, version: str) -> bool:
        return self._call(lambda: self._store.free(slot, version), writes=True)

    def held(self) -> tuple[Held, ...]:
        return self._call(self._store.held)

    def close(self) -> None:
        self._store.close()

    def arrive(self) -> None:
        """Let what hangs in the network arrive now."""
        late, self._late = self._late, []
        for call in late:
            call()

    def _call(self, ask: Callable[[], T], writes: bool = False) -> T:
        if self.cut:
            raise errors.Offline("no way to the store")
        if self._chance.random() < self.rate:
            self._fail(ask, writes)
        found = ask()
        if self._late and self._chance.random() < 0.5:
            self.arrive()
        return found

    def _fail(self, ask: Callable[[], object], writes: bool) -> None:
        how = self._chance.choice(
            ("throttled", "refused", "lost answer", "late") if writes else ("throttled", "refused")
        )
        if how == "throttled":
            raise errors.Throttled("too many calls", retry_after_s=1.0)
        if how == "lost answer":
            ask()
        if how == "late":
            self._late.append(ask)
        raise errors.Offline(f"no answer came ({how})")
