"""Everything that the server is given: a reader of the board and the record. There is nothing in it that writes.

Times are seconds since the epoch, UTC, but for ``monotonic``; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oncall_tui.domain.record import RecordPage
from oncall_tui.reports.handover import Handover
from oncall_tui.reports.statistics import Statistics
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard


class View(Protocol):
    """The newest board, and what is said beside it, each in words."""

    @property
    def triaged(self) -> TriagedBoard: ...
    @property
    def journal_failure(self) -> str: ...
    @property
    def troubles(self) -> tuple[str, ...]: ...
    @property
    def recorder(self) -> tuple[str, ...]: ...
    @property
    def recalled(self) -> bool: ...


class PastEvent(Protocol):
    """One thing that happened to a row: *times* often, the last time at *at*; *where* it is known."""

    @property
    def at(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def times(self) -> int: ...


class Past(Protocol):
    """A row's timeline, newest first, and what could not be read of it, in words."""

    @property
    def entries(self) -> Sequence[PastEvent]: ...
    @property
    def not_read(self) -> tuple[str, ...]: ...


class Reader(Protocol):
    """Questions that may be asked, from any thread. *names*: the configuration's, of its sources and products."""

    names: frozenset[str]

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    @property
    def view(self) -> View:
        """Return the newest board. It asks nothing of any source."""

    def wait_for_answers(self, timeout_s: float) -> None:
        """Wait until each source has answered or failed once, at most *timeout_s* seconds."""

    def past(self, row: TriagedAlert) -> Past:
        """Ask a row's sources for its timeline: the one call to sources that an answer may cost."""

    def handover(self, back_s: float) -> Handover:
        """Read the disk; what the journal lacks is said in the handover."""

    def statistics(self, back_s: float) -> Statistics:
        """Read the disk. Raises JournalError."""

    def search(self, words: str, until: float, most: int) -> RecordPage:
        """Read the disk. Raises OncallError for words that can match nothing, and JournalError."""
