"""Slots in the journal's own file: for engineers who share one file on a bastion, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oncall_tui.domain.shared import Held
from oncall_tui.journal.journal import Journal
from oncall_tui.journal.sessions import is_gone

if TYPE_CHECKING:
    import sqlite3  # opened by the store, once that is needed

_NAMES = ", ".join(Held.__struct_fields__)
_MARKS = ", ".join("?" * len(Held.__struct_fields__))


class FileSlots:
    """The slots of the journal's file. Every method raises JournalError. Not for the UI's thread.

    A slot of a session of this machine that is gone is free: nobody waits until its lease is over, least of all a
    command, which does not live for so long.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def held(self) -> tuple[Held, ...]:
        """As the protocol says."""

        def read(db: sqlite3.Connection) -> tuple[Held, ...]:
            found = (Held(*row) for row in db.execute(f"SELECT {_NAMES} FROM held ORDER BY slot"))
            return tuple(one for one in found if not is_gone(one.holder))

        return self._journal.exchange(lambda peers: peers.reading(read))

    def take(self, held: Held, over: str = "") -> bool:
        """As the protocol says."""

        def write(db: sqlite3.Connection) -> bool:
            there = db.execute("SELECT version, holder FROM held WHERE slot = ?", (held.slot,)).fetchone()
            if there is not None and not over and is_gone(there[1]):
                there = None
            if (there[0] if there else "") != over:
                return False
            db.execute(f"INSERT OR REPLACE INTO held ({_NAMES}) VALUES ({_MARKS})", msgspec.structs.astuple(held))
            return True

        return self._journal.exchange(lambda peers: peers.transaction(write))

    def free(self, slot: str, version: str) -> bool:
        """As the protocol says."""

        def write(db: sqlite3.Connection) -> bool:
            return db.execute("DELETE FROM held WHERE slot = ? AND version = ?", (slot, version)).rowcount > 0

        return self._journal.exchange(lambda peers: peers.transaction(write))
