"""The protocol of a team's journal, whatever it is kept in: a log for each file, and slots that one session holds."""

from __future__ import annotations

from typing import Protocol

from oncall_tui.domain.shared import Held, SharedBatch, Snapshot


class Slots(Protocol):
    """Slots that at most one session holds, each written under a condition. Every method raises OncallError."""

    def held(self) -> tuple[Held, ...]:
        """The slots that are taken, the abandoned ones too."""

    def take(self, held: Held, over: str = "") -> bool:
        """Put it into its slot where that is free; with *over*, where it has that version. False: it is not so."""

    def free(self, slot: str, version: str) -> bool:
        """Empty the slot where it still has that version. False: it has not."""


class SharedStore(Protocol):
    """A team's store. Every method makes one attempt, and raises SourceError where it failed or nobody knows.

    A write that nobody knows of may have taken effect, and may yet: it is safe to send again.
    """

    def snapshot(self) -> Snapshot:
        """Up to where each log goes, at least; and the slots. What was written before is seen."""

    def append(self, batch: SharedBatch) -> bool:
        """Put *batch* behind the number that it comes after. False: something stands there already."""

    def read(self, origin: str, after: int) -> list[SharedBatch]:
        """The next batches of a log, in order; none where it ends there. What was appended before is seen."""

    def announce(self, origin: str, last: int) -> None:
        """Tell others that the log goes up to *last*."""

    def renew(self, entry: SharedBatch) -> None:
        """Have the log's batch that has this one *entry* expire no sooner than one that is put there now, and how far
        the log goes too. Where it has expired, put the entry there anew, alone. Harmless however often it is done.
        """

    def take(self, held: Held, over: str = "") -> bool:
        """As ``Slots.take``."""

    def free(self, slot: str, version: str) -> bool:
        """As ``Slots.free``."""

    def close(self) -> None:
        """Drop its connections."""
