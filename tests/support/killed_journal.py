"""Kill programs that write one journal, and share it, at random moments.

Two programs write into one file, each with a clock that jumps by years, and exchange its entries with a store. Prints
how many entries were acknowledged, how many of them are lost, in the file and in that of an engineer who joins, how
many came twice, and how many journals were damaged: ``python -m tests.support.killed_journal 200 [SEED]``.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.shared import Held, SharedBatch, Snapshot
from oncall_tui.journal import Journal
from oncall_tui.journal import journal as journal_module
from oncall_tui.journal import peers as peers_module
from oncall_tui.journal import replicator as replicator_module
from oncall_tui.journal.replicator import Replicator
from oncall_tui.runtime.clock import SystemClock

WRITERS = 2
YEAR_S = 365 * 86_400.0


class FolderStore:
    """A team's store in a folder: an append is a link, which is made once and whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "half").mkdir(parents=True, exist_ok=True)

    def append(self, batch: SharedBatch) -> bool:
        beside = self._folder / "half" / f"{os.getpid()}.{time.monotonic_ns()}"
        beside.write_bytes(msgspec.json.encode(batch))
        try:
            os.link(beside, self._folder / f"{batch.origin}.{batch.after:012d}")
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        return True

    def read(self, origin: str, after: int) -> list[SharedBatch]:
        found = sorted(path for path in self._folder.glob(f"{origin}.*") if int(path.suffix[1:]) >= after)
        return [msgspec.json.decode(path.read_bytes(), type=SharedBatch) for path in found[:20]]

    def snapshot(self) -> Snapshot:
        heads: dict[str, int] = {}
        for path in self._folder.glob("*.*"):
            batch = msgspec.json.decode(path.read_bytes(), type=SharedBatch)
            heads[batch.origin] = max(batch.last, heads.get(batch.origin, 0))
        return Snapshot(heads)

    def announce(self, origin: str, last: int) -> None:
        """The folder tells it."""

    def take(self, held: Held, over: str = "") -> bool:
        raise NotImplementedError

    def free(self, slot: str, version: str) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def write(folder: Path, seed: int) -> None:
    """One of the programs: it prints what is on disk, line by line, until it is killed."""
    chance = random.Random(seed)
    journal_module.PRUNED_EVERY = 20
    replicator_module.EVERY_S = 0.01
    peers_module.MOST_ROWS = 5
    wrong_by = [0.0]
    journal = Journal(folder / "alice" / "journal.db", lambda: time.time() + wrong_by[0])
    Replicator(journal, lambda: FolderStore(folder / "store"), SystemClock()).start()
    number = 0
    while True:
        if chance.random() < 0.2:
            wrong_by[0] = chance.choice((0.0, 0.0, 10 * YEAR_S, -10 * YEAR_S))
        subjects = [f"{seed}.{number + n}" for n in range(chance.choice((1, 1, 4)))]
        number += len(subjects)
        at = time.time() + wrong_by[0]
        journal.must(
            *(Entry(at=at, kind=EntryKind.NOTE, subject=s, text="t" * chance.randrange(300)) for s in subjects)
        )
        os.write(1, "".join(f"{subject}\n" for subject in subjects).encode())


class Found(NamedTuple):
    """How it ended."""

    kills: int
    acknowledged: int
    lost: int
    lost_to_others: int
    doubled: int
    damaged: int


def kills(folder: Path, count: int, seed: int) -> Found:
    """Kill *count* programs, two at a time, and look at what is left."""
    chance, acknowledged = random.Random(seed), set[str]()
    done = 0
    while done < count:
        started = [_started(folder, seed * 100_000 + done + n) for n in range(min(WRITERS, count - done))]
        acknowledged |= _killed(started, chance.uniform(0.0, 0.15))
        done += len(started)
    return _left(folder, acknowledged, done)


def _started(folder: Path, seed: int) -> Any:
    from tests.support.forked import PIPE, popen

    return popen("tests.support.killed_journal", "write", str(folder), str(seed), stdout=PIPE)


def _killed(programs: list[Any], after_s: float) -> set[str]:
    """Kill them *after_s* seconds after the first entry was acknowledged, at whatever they do just then."""
    said: dict[int, bytes] = {}
    with selectors.DefaultSelector() as ready:
        for program in programs:
            ready.register(program.stdout.fileno(), selectors.EVENT_READ)
        until, first = time.monotonic() + 30.0, False
        while (left := until - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                text = os.read(key.fd, 65536)
                if not text:
                    ready.unregister(key.fd)
                said[key.fd] = said.get(key.fd, b"") + text
            if said and not first:
                first, until = True, time.monotonic() + after_s
            if not ready.get_map():
                break
    for program in programs:
        program.kill()
    for program in programs:
        rest = b""
        with contextlib.suppress(OSError):
            while more := os.read(program.stdout.fileno(), 65536):
                rest += more
        said[program.stdout.fileno()] = said.get(program.stdout.fileno(), b"") + rest
        program.wait(30)
    whole = {line for text in said.values() for line in text.decode().split("\n")[:-1]}
    for program in programs:
        program.stdout.close()
    return whole


def _left(folder: Path, acknowledged: set[str], done: int) -> Found:
    path = folder / "alice" / "journal.db"
    with sqlite3.connect(path) as db:
        sound = [row[0] for row in db.execute("PRAGMA integrity_check")] == ["ok"]
    db.close()
    alice, bob = Journal(path, time.time), Journal(folder / "bob" / "journal.db", time.time)
    for journal in (alice, bob):
        replicator = Replicator(journal, lambda: FolderStore(folder / "store"), SystemClock())
        known = -1
        while known != (known := len(journal.recent(10_000_000))):  # a step takes over so many entries
            for _ in range(5):
                if not replicator.step():
                    raise AssertionError(replicator.now)
    mine, others = alice.recent(10_000_000), bob.recent(10_000_000)
    damaged = len(list(folder.glob("*/*.damaged*"))) + (not sound)
    alice.close(5)
    bob.close(5)
    ids = [e.id for e in others]
    doubled = len(ids) - len(set(ids)) + len(set(ids) ^ {e.id for e in mine})
    lost = acknowledged - {e.subject for e in mine}
    return Found(done, len(acknowledged), len(lost), len(acknowledged - {e.subject for e in others}), doubled, damaged)


def main() -> int:
    if sys.argv[1:2] == ["write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10_000)
    with tempfile.TemporaryDirectory() as folder:
        found = kills(Path(folder), count, seed)
    sys.stdout.write(f"seed {seed}: " + ", ".join(f"{name} {value}" for name, value in found._asdict().items()) + "\n")
    return bool(found.lost or found.lost_to_others or found.doubled or found.damaged)


if __name__ == "__main__":
    sys.exit(main())
