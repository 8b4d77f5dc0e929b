"""A month of a team's journal, in bytes and in DynamoDB's units: ``python -m benchmarks journal_size``.

The entries are as many, and as long, as they are assumed to be (``Month``): their lengths are those of the drill's
night as a recorder writes it, their texts are random, so that packing them gains no more than it would. Units are
counted as the developer guide of DynamoDB says: a write unit for each begun 1 KB, a consistent read unit for each begun
4 KB.
"""

from __future__ import annotations

import random
import string
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from tests.support.shared_store import MemoryStore

from benchmarks.result import Effort, Result
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.shared import SharedBatch, Snapshot
from oncall_tui.journal import Journal
from oncall_tui.journal.claims import RENEWED_S
from oncall_tui.journal.replicator import Replicator
from oncall_tui.journal.team import LOOKS_S
from oncall_tui.providers.aws.dynamodb import schema
from oncall_tui.runtime.clock import SystemClock

DAYS = 30
BOARDS, HOURS_A_DAY = 5, 8  # that are open; a recorder runs all the time
WATCHED_S = 300.0
SAMPLE = 10  # one entry of so many is written, and what it takes is multiplied
KEPT_MONTHS = 400 / DAYS


class Month(msgspec.Struct, frozen=True):
    """A team's month: *notifications* of alerts, each with five changes of state, and *deploys* with eight entries."""

    services: int
    notifications: int
    deploys: int

    @property
    def watches(self) -> int:
        return int(DAYS * (86_400 + BOARDS * HOURS_A_DAY * 3600) / WATCHED_S)


MONTHS = (Month(200, 224, 1_600), Month(1_000, 1_120, 8_000))


def entries(month: Month, chance: random.Random) -> Iterator[Entry]:
    """The month's entries, in an order of no meaning."""
    kinds = (
        [(EntryKind.ALERT, 690)] * (5 * month.notifications)
        + [(EntryKind.DEPLOY, 740)] * (8 * month.deploys)
        + [(EntryKind.WATCH, 46)] * month.watches
    )
    chance.shuffle(kinds)
    letters = string.ascii_lowercase + string.digits + " "
    for number, (kind, length) in enumerate(kinds):
        text = "".join(chance.choices(letters, k=length))
        data = (
            {"state": "watching", "unread": []} if kind is EntryKind.WATCH else {"new": "firing", "detail": text[40:]}
        )
        yield Entry(at=1.8e9 + number, kind=kind, subject=f"prod/{text[:12]}", text=text[:28], data=data)


class CountingStore(MemoryStore):
    """Counts what an item of each batch would cost."""

    def __init__(self) -> None:
        super().__init__()
        self.stored = self.write_units = 0

    def append(self, batch: SharedBatch) -> bool:
        item = schema.batch_item(batch, 1_900_000_000)
        size = sum(len(name) + len(value.get("B") or value.get("S") or b"1234567") for name, value in item.items())
        self.stored += size + 100  # what DynamoDB adds to each item
        self.write_units += -(-size // 1024) + 1  # and the head's
        return super().append(batch)

    def snapshot(self) -> Snapshot:
        return Snapshot({})


def run(effort: Effort) -> list[Result]:
    """Measure each month; *effort* is not asked, since counting takes no repetition."""
    return [result for month in MONTHS for result in measure(month)]


def measure(month: Month) -> list[Result]:
    """Write it entry by entry, as a team does that is online; each write is shared at once."""
    store = CountingStore()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.db", time.time, keep_days=36_500)
        replicator = Replicator(journal, lambda: store, SystemClock())
        found = list(entries(month, random.Random(month.services)))[::SAMPLE]
        began = time.monotonic()
        for start in range(0, len(found), 2):  # an alert's change rarely comes alone
            journal.must(*found[start : start + 2])
            assert replicator.step(), replicator.now
        took = time.monotonic() - began
        journal.close(5)
        size = SAMPLE * journal.path.stat().st_size
    looks = DAYS * (86_400 + BOARDS * HOURS_A_DAY * 3600) / LOOKS_S
    renewals = DAYS * BOARDS * HOURS_A_DAY * 3600 / RENEWED_S
    stored = SAMPLE * store.stored
    name = f"journal, a month of {month.services} services ({SAMPLE * len(found):,} entries)"
    return [
        Result(f"{name}: SQLite", f"{size / 1e6:.1f} MB ({KEPT_MONTHS * size / 1e6:.0f} MB in 400 days)"),
        Result(f"{name}: DynamoDB, stored", f"{stored / 1e6:.1f} MB"),
        Result(f"{name}: DynamoDB, write units", f"{SAMPLE * store.write_units + renewals:,.0f}"),
        Result(f"{name}: DynamoDB, read units", f"{looks + BOARDS * stored / 4096:,.0f}"),
        Result(f"{name}: to write and share one entry", f"{1000 * took / len(found):.1f} ms"),
    ]
