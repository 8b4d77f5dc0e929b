"""The engine of a program that only reads: pollers and board, and nothing that acts, tells others or journals.

It is not the board's engine with its actions switched off: it has none. An import contract holds that no path of
imports leads from here to the action service, its handlers, destinations, or the board's engine. The journal is read,
for what earlier sessions saw and did, and no entry is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Actor
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.board_builder import BoardBuilder
from oncall_tui.engine.board_loop import BoardLoop
from oncall_tui.engine.recorder_watch import RecorderWatch
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import JournalError
from oncall_tui.journal import Journal
from oncall_tui.polling.poller import Poller
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

REMEMBERED = 20_000  # entries that a start reads
JOURNAL_AGAIN_S = 15.0  # between two readings of what other programs marked and did here


class BoardView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest board, and what is said beside it, each in words."""

    triaged: TriagedBoard
    journal_failure: str = ""
    troubles: tuple[str, ...] = ()  # bugs that this program's own threads met lately
    recorder: tuple[str, ...] = ()  # whether a recorder watches, and reads for this program
    recalled: bool = False  # what earlier sessions left in the journal is part of it


class NoActions:
    """The local actions of a board on which nothing can be done: rows say what others marked, and offer no verb."""

    read_only = True
    local_verbs: frozenset[Verb] = frozenset()

    def __init__(self, marks: SeenMarks) -> None:
        self.marks = marks


class Recollection:
    """Memory of what earlier sessions saw, for a board's episodes. It journals nothing."""

    def __init__(self, journal: Journal, episodes: Episodes) -> None:
        self._journal, self._episodes = journal, episodes
        self._read: list[Entry] | None = None
        self.recalled = False

    def remember(self) -> None:
        """Read it, for ``recall`` to take up. Raises JournalError."""
        self._read = self._journal.recent(REMEMBERED, (EntryKind.ALERT, EntryKind.DEPLOY))

    def recall(self) -> bool:
        """Take it up; True: that was just now."""
        entries, self._read = self._read, None
        if entries is None:
            return False
        self._episodes.begin_again(entries)
        self.recalled = True
        return True

    def record(self, triaged: TriagedBoard, before: Board, now: float) -> None:
        """Do nothing: what changed is journalled by boards and recorders. *now* is in seconds since the epoch, UTC."""


class ReadEngine:
    """See the module. ``start`` before anything else; ``stop`` ends it in well under half a second.

    *watch* makes its view of the recorder, whose readings it takes where there is one.
    """

    def __init__(
        self,
        specs: tuple[SourceSpec, ...],
        rules: Rules,
        journal: Journal,
        clock: Clock,
        actor: Actor,
        watch: Callable[[ReadEngine], RecorderWatch] | None = None,
    ) -> None:
        self.clock, self.journal, self.rules = clock, journal, rules
        self._loop = BoardLoop(specs, journal, clock, self._run)
        self.on_demand = self._loop.on_demand
        triager = Triager(rules)
        self._marks, self._past = SeenMarks(journal), PastActions(journal)
        self._earlier = Recollection(journal, triager.episodes)
        none = NoActions(self._marks)
        self._builder = BoardBuilder(triager, journal, self._earlier, lambda: none, self._past, actor)
        self._triaged = self._builder.first(self.pollers, clock.now(), clock.monotonic())
        self._watch = watch
        self._built = threading.Condition()
        self._stopped = threading.Event()
        self._journal_worker = Worker("journal's memory", self._read_journal)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start to read every source, or to take what a recorder reads."""
        self._loop.start(self._watch(self) if self._watch is not None else None)
        self._journal_worker.start()

    def stop(self) -> None:
        """Stop asking; leave hung calls behind."""
        self._loop.stop()
        self._stopped.set()
        self._journal_worker.stop()
        self.journal.close(0.3)

    # --- asking -------------------------------------------------------------------------------------------------------

    @property
    def view(self) -> BoardView:
        """Return the newest board. It asks nothing of any source."""
        return BoardView(
            triaged=self._triaged,
            journal_failure=self.journal.failure,
            troubles=self._loop.troubles([self._journal_worker]),
            recorder=self._loop.recorder_words,
            recalled=self._earlier.recalled,
        )

    @property
    def pollers(self) -> tuple[Poller, ...]:
        """The pollers, for what takes a recorder's readings."""
        return tuple(self._loop.pollers.values())

    def rebuild(self) -> None:
        """Build the board again soon: something beside its rows is known now."""
        self._loop.changed()

    def wait_for_answers(self, timeout_s: float) -> bool:
        """Wait until each source has answered or failed; False after *timeout_s* seconds."""

        def answered() -> bool:
            sources = self._triaged.board.sources.values()
            return all(s.state is not SourceState.WAITING for s in sources)

        with self._built:
            return self._built.wait_for(answered, timeout_s)

    # --- the threads --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        for _ in self._loop.changes():
            self._build()

    def _build(self) -> None:
        now, monotonic = self.clock.now(), self.clock.monotonic()
        try:
            built = self._builder.build(self._triaged, self.pollers, now, monotonic, False)
        except Exception:
            built = self._builder.without_triage(self._triaged, self.pollers, now, monotonic)
            self._publish(built)
            raise
        self._publish(built)

    def _publish(self, triaged: TriagedBoard) -> None:
        with self._built:
            self._triaged = triaged
            self._built.notify_all()

    def _read_journal(self) -> None:
        """Take up what this machine's journal says: at the start whole, then what others marked and did since."""
        while not self._stopped.is_set():
            try:
                if not self._earlier.recalled:
                    self._earlier.remember()
                self._marks.load()
                self._past.read_anew()
                self._loop.changed()
            except JournalError:
                pass  # its failure stands on every answer
            self._stopped.wait(JOURNAL_AGAIN_S)
