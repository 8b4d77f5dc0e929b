"""Pollers, board, actions and journal with one life cycle. The screen and the commands both stand on it.

``board_builder`` builds the board; the engine runs it on a thread, and hands the newest update to whoever listens.

Threads: two a source (its poller, its queue), the journal's writer, and one that puts the board together. All are
daemons: quitting asks them to stop and waits for the journal alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.on_call import Roster
from oncall_tui.domain.outcome import Outcome
from oncall_tui.domain.plan import Actor, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.shared import Held
from oncall_tui.engine.board_builder import BoardBuilder, same_rows
from oncall_tui.engine.board_loop import BoardLoop
from oncall_tui.engine.change_asks import ChangeAsks
from oncall_tui.engine.earlier_sessions import EarlierSessions
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import ActionError, JournalError, SourceError
from oncall_tui.inspection.on_call import OnCallReader
from oncall_tui.journal import Journal
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.status import LATE_S, silence_s
from oncall_tui.providers.base import Provider, ReadRequest
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.once import Once
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

if TYPE_CHECKING:
    from oncall_tui.actions.command_programs import CommandSettings
    from oncall_tui.actions.guard import Guard
    from oncall_tui.actions.own_commands import OwnCommands
    from oncall_tui.actions.service import ActionService
    from oncall_tui.domain.comparison import CommitRange, Comparison
    from oncall_tui.domain.guardrail import Guardrail
    from oncall_tui.domain.memory import RowMemory
    from oncall_tui.domain.own_command import OwnCommand
    from oncall_tui.engine.acting import Acting
    from oncall_tui.engine.event_watch import EventWatch
    from oncall_tui.engine.memory import RecordMemory
    from oncall_tui.engine.recorder_watch import RecorderWatch
    from oncall_tui.engine.team_link import MakeTeam, TeamLink
    from oncall_tui.inspection.commits import CommitReader, Commits
    from oncall_tui.notifications.destinations import DestinationSpec

log = logging.getLogger(__name__)
REMEMBERS_S = 1.0  # the first board waits so long for what earlier sessions left in the journal
LONGEST_LIST_S = 300.0  # a command waits so long for a list whose pages come, one after the other
EXPLAINED_S = 5.0  # a command waits so long at the most for what its lines say beside the state of things
COMMITS_S = 2.0  # a plan waits so long for the commits that it takes back


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a screen draws: one value, newest only."""

    triaged: TriagedBoard
    outcomes: tuple[Outcome, ...] = ()
    journal_failure: str = ""
    rosters: tuple[Roster, ...] = ()
    troubles: tuple[str, ...] = ()  # bugs that this program's own threads met lately
    memory: Mapping[str, RowMemory] = MappingProxyType({})  # what the record says of rows, by their ids
    skipped: tuple[str, ...] = ()  # entries of the journal that could not be read
    notices: tuple[str, ...] = ()  # what happened to the journal's file since the start
    recalled: bool = False  # what earlier sessions left in the journal is part of it
    recorder: tuple[str, ...] = ()  # whether a recorder watches, and reads for this board, in words; as far as known
    recorder_since: float | None = None  # a recorder watches since then (seconds since the epoch); None: none does
    shared_failure: str = ""  # why entries are not exchanged with the team just now
    others: tuple[Held, ...] = ()  # where other engineers are, and what they do

    @property
    def board(self) -> Board:
        return self.triaged.board


class Engine:
    """See the module. ``start`` before anything else; ``stop`` ends it in well under half a second."""

    def __init__(
        self,
        specs: tuple[SourceSpec, ...],
        rules: Rules,
        journal: Journal,
        clock: Clock,
        actor: Actor,
        read_only: bool = False,
        steady_s: float = 60.0,
        destinations: tuple[DestinationSpec, ...] = (),
        watch: Callable[[Engine], RecorderWatch] | None = None,
        team: MakeTeam | None = None,
        commits: Callable[[], CommitReader] | None = None,
        github_url: str = "https://api.github.com",
        guardrails: tuple[Guardrail, ...] = (),
        zone: tzinfo = UTC,
        commands: CommandSettings | None = None,
    ) -> None:
        self.actor, self.clock, self.journal, self.rules = actor, clock, journal, rules
        self.read_only, self.guardrails = read_only, guardrails
        self.commands: tuple[OwnCommand, ...] = commands.commands if commands is not None else ()
        self.destinations = tuple(destination.name for destination in destinations)
        self._loop = BoardLoop(specs, journal, clock, self._run)
        self._pollers, self.on_demand = self._loop.pollers, self._loop.on_demand
        self.polled = self._loop.polled
        self._event_watch = self._follow_events([s.name for s in specs if s.tells_events])
        self._change_asks = ChangeAsks(rules.products)
        tell = {s.name: self._pollers[s.name].ready for s in specs if s.on_call}
        self.on_call = OnCallReader(tell, self.on_demand.run, clock, self.rebuild)
        past = self._past = PastActions(journal)
        marks = self._marks = SeenMarks(journal)

        def acting() -> Acting:
            from oncall_tui.engine.acting import Acting  # no first frame needs it

            return Acting(
                self._pollers,
                journal,
                clock,
                actor,
                marks=marks,
                past=past,
                triaged=lambda: self.update.triaged,
                changed=self.rebuild,
                commits=self._commits_of,
                merged=self._merged,
                read_only=read_only,
                steady_s=steady_s,
                destinations=destinations,
                guardrails=guardrails,
                zone=zone,
                commands=commands,
                team=team,
            )

        self._acting = Once(acting)
        self._memory = Once(self._make_memory)
        self.remembers = False  # the rows say how often they came: wanted by a screen alone
        self._commits = Once(lambda: self._make_commits(commits, github_url))
        triager = Triager(rules)
        self.recorder = ChangeRecorder(journal, triager.episodes)
        self.builder = BoardBuilder(triager, journal, self.recorder, lambda: self.actions, past, actor)
        self.update = Update(triaged=self.builder.first(self._pollers.values(), clock.now(), clock.monotonic()))
        self.show_hidden = False
        self._earlier = EarlierSessions(journal, marks, self.recorder, self.rebuild)
        self._watch_recorder = watch
        self._listeners: set[Callable[[], None]] = set()
        self._composed = threading.Condition()
        self.watched: list[Worker] = []  # threads of others whose bugs are told here too

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start to read every source, or to take what a recorder reads."""
        self._acting()
        self._loop.start(self._watch_recorder(self) if self._watch_recorder is not None else None)
        self._earlier.start()

    def stop(self) -> None:
        """Stop asking; write what the journal still holds (at most 0.3 s); leave hung calls behind."""
        acting = self._acting.made
        if acting is not None:
            acting.service.end_commands("the program ended")
        self._loop.stop()
        self._earlier.stop()
        if acting is not None:
            acting.stop()
        self.recorder.end(self.clock.now())
        if (memory := self._memory.made) is not None:
            memory.close(0.0)
        self.journal.close(0.3)

    # --- asking -------------------------------------------------------------------------------------------------------

    def refresh(self, source: str | None = None, watch: frozenset[str] = frozenset()) -> None:
        """Read again now."""
        for name, poller in self._pollers.items():
            if source in (None, name):
                poller.ask(ReadRequest(fresh=True, watch=watch))

    def renew(self, source: str) -> None:
        """Rebuild the credentials of *source*, whose login was renewed, and read. Those that share it are asked too."""
        for name, poller in self._pollers.items():
            if name == source or poller.seen.error_state in (SourceState.EXPIRED, SourceState.NO_CREDENTIALS):
                poller.renew()

    def provider(self, source: str, timeout_s: float = 0.0) -> Provider:
        """The built provider. Raises SourceError while it is not there."""
        return self._pollers[source].ready(timeout_s)

    @property
    def sources(self) -> tuple[str, ...]:
        """The configured sources' names."""
        return tuple(self._pollers)

    def pressed(self) -> None:
        """Note that a key was pressed: an engineer is awake."""
        self.actions.ack_renewer.pressed()

    @property
    def pollers(self) -> tuple[Poller, ...]:
        """The pollers, for a recorder that shares what they see, and a board that takes it."""
        return tuple(self._pollers.values())

    def _follow_events(self, tells: list[str]) -> EventWatch | None:
        """Return what follows from events for the other sources; None where no source tells any."""
        if not tells:
            return None
        from oncall_tui.engine.event_watch import EventWatch  # only where one is configured

        watch = EventWatch(self._pollers, tells, self.clock)
        self.polled.append(watch.polled)
        return watch

    def rebuild(self) -> None:
        """Build the board again soon: an engineer asked to see what is hidden, or more is known."""
        self._loop.changed()

    # --- what is made when it is first asked for ----------------------------------------------------------------------

    @property
    def actions(self) -> ActionService:
        """Return the entry point of every action."""
        return self._acting().service

    def plan_of(self, plan_id: str) -> Plan | None:
        """Return the plan that an outcome is of; None: it is of none that was carried out."""
        return self.actions.plan_of(plan_id)

    @property
    def guard(self) -> Guard:
        """Return what asks the guardrails."""
        return self._acting().guard

    @property
    def freezes(self) -> tuple[str, ...]:
        """Return the freezes of now in words."""
        return self.guard.freezes() if self.guardrails else ()

    @property
    def own_commands(self) -> OwnCommands:
        """Return the team's own commands, and their runs."""
        return self._acting().own_commands

    @property
    def team(self) -> TeamLink:
        """Return the way to others' boards."""
        return self._acting().team

    @property
    def memory(self) -> RecordMemory:
        """Return the record as the board uses it."""
        return self._memory()

    def _make_memory(self) -> RecordMemory:
        from oncall_tui.engine.memory import RecordMemory  # not needed for the first frame

        return RecordMemory(self.journal, self.clock, self.read_only, self.on_demand.run, self.rebuild)

    @property
    def record_read(self) -> RecordMemory | None:
        """Return the record where it was made already; None: nothing asked for it yet."""
        return self._memory.made

    @property
    def commits(self) -> Commits:
        """Return the reader of deploys' commits."""
        return self._commits()

    def _make_commits(self, make: Callable[[], CommitReader] | None, github_url: str) -> Commits:
        from oncall_tui.inspection.commits import Commits  # not needed for the first frame

        return Commits(make, self.on_demand.run, self.clock, github_url)

    # --- telling others -----------------------------------------------------------------------------------------------

    def wait_for_notifications(self, timeout_s: float) -> bool:
        """Wait until others were told of what was done; False after *timeout_s* seconds. For commands."""
        return self._acting().notifier.settle(timeout_s)

    def send_handover(self, name: str, title: str, text: str) -> Future[str]:
        """Send a handover to a destination that only tells; what came of it in words. The future raises ActionError.

        Raises Refused where a guardrail holds.
        """
        return self._acting().send_handover(name, title, text)

    @property
    def pending_notifications(self) -> int:
        """How many words to others are not out yet: they are lost where the program ends now."""
        return self._acting().notifier.pending

    # --- listening ----------------------------------------------------------------------------------------------------

    async def changes(self) -> AsyncIterator[Update]:
        """The newest update whenever it changed; what a slow reader missed is not told again."""
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop is closed: the screen is gone
                self._listeners.discard(wake)

        self._listeners.add(wake)
        try:
            last: Update | None = None
            while True:
                if self.update is not last:
                    last = self.update
                    yield last
                await event.wait()
                event.clear()
        finally:
            self._listeners.discard(wake)

    def wait(self, until: Callable[[Update], bool], timeout_s: float) -> bool:
        """Block until *until* holds for the newest update; False after *timeout_s* seconds. For commands."""
        with self._composed:
            return self._composed.wait_for(lambda: until(self.update), timeout_s)

    def wait_for_answers(self, until: Callable[[Update], bool], timeout_s: float) -> bool:
        """Do as ``wait``, and go on while a source that was never read whole still answers, page after page."""
        end_at = self.clock.monotonic() + LONGEST_LIST_S
        done = self.wait(until, timeout_s)
        while not done and self.clock.monotonic() < end_at and any(map(self._answers_come, self._pollers.values())):
            done = self.wait(until, 0.5)
        return done

    def _answers_come(self, poller: Poller) -> bool:
        seen = poller.seen
        whole = seen.reading is not None and seen.reading.complete
        reads = not whole and seen.error_state is None and seen.answered_at is not None
        return reads and seen.asking_since is not None and silence_s(seen, self.clock.monotonic()) <= LATE_S

    def first_read(self, timeout_s: float) -> Update:
        """Block until each source has answered or failed, with its deploys, or *timeout_s* seconds went by."""
        self.wait_for_answers(
            lambda u: (
                all(s.state is not SourceState.WAITING and not s.behind for s in u.board.sources.values())
                and bool(u.board.sources or not self._pollers)
            ),
            timeout_s,
        )
        self.wait_for_details()
        return self.update

    def wait_for_details(self) -> bool:
        """Wait a little for who deployed and why tasks stopped, and for what the journal knows of it. For commands."""
        return self.wait(
            lambda u: (
                (u.recalled or bool(u.journal_failure)) and not any(s.unexplained for s in u.board.sources.values())
            ),
            EXPLAINED_S,
        )

    def settle_earlier(self, timeout_s: float, source: str = "") -> bool:
        """Wait until what earlier sessions left open (at *source*, where one is named) was read once. For commands.

        False after *timeout_s* seconds. What cannot be read (a source that is gone, no journal) is not waited for.
        """
        end_at = time.monotonic() + timeout_s
        while self._awaits_earlier(source):
            if time.monotonic() >= end_at:
                return False
            self.wait(lambda _: not self._awaits_earlier(source), 0.1)
        with contextlib.suppress(JournalError):
            self.journal.must()  # what came of it is on disk
        return True

    def _awaits_earlier(self, source: str) -> bool:
        if not self._earlier.whole:
            return not self.journal.failure
        return self.actions.unread(source) or any(
            source in ("", intent.plan.source) and self._can_be_read(intent.plan.source)
            for intent in tuple(self._earlier.left_open)
        )

    def _can_be_read(self, source: str) -> bool:
        """Tell whether its provider is there, or still to come."""
        poller, status = self._pollers.get(source), self.update.board.sources.get(source)
        if poller is None:
            return False
        return poller.provider is not None or status is None or status.state is SourceState.WAITING

    # --- the board's thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._earlier.wait(REMEMBERS_S)
        for _ in self._loop.changes():
            for what, step in (
                ("the board's rows", self._build_board),
                ("the journal of what is watched", self._watch),
                ("what events tell", self._event_watch.tick if self._event_watch is not None else _nothing),
                ("open intents", self._resume),
                ("extending acknowledgements", self.actions.ack_renewer.tick),
                ("who is on call", self._ask_on_call),
                ("what the record says of the rows", self._remember),
                ("the team's journal", self.team.start),
            ):
                self._guarded(what, step)

    def _guarded(self, what: str, step: Callable[[], None]) -> None:
        """Run one step: a bug in it is told on screen, and holds up no other step."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the board must go on
            self._loop.worker.trouble.report(error, what)
            if what == "the board's rows":
                self._build_without_triage()

    def _watch(self) -> None:
        self.recorder.tick(self.update.board.sources.values(), self.clock.now(), self.clock.monotonic())

    def _merged(self) -> None:
        """Take up what others wrote: their marks, and that they acted."""
        with contextlib.suppress(JournalError):
            self._marks.load()
        self._past.read_anew()
        self.rebuild()

    def _commits_of(self, compared: Comparison) -> CommitRange | None:
        """Return the commits, which a plan waits for a little; None: nobody can be asked. Raises SourceError."""
        if not self.commits.can_read(compared):
            return None
        return self.commits.within(compared, COMMITS_S)

    def _ask_on_call(self) -> None:
        self.on_call.tick({s.name for s in self.update.board.sources.values() if s.whole})

    def _remember(self) -> None:
        if self.remembers and self.update.recalled:
            self.memory.follow(self.update.triaged, self.clock.monotonic())

    def _build_board(self) -> None:
        sources = tuple(self._pollers.values())
        now, monotonic = self.clock.now(), self.clock.monotonic()
        built = self.builder.build(self.update.triaged, sources, now, monotonic, self.show_hidden)
        self._publish(built)
        for name in self._change_asks.due(built, now, monotonic):
            self._pollers[name].ask()

    def _build_without_triage(self) -> None:
        """Publish the last rows with each source as it is now, and the bug."""
        now, monotonic = self.clock.now(), self.clock.monotonic()
        self._publish(self.builder.without_triage(self.update.triaged, self._pollers.values(), now, monotonic))

    def _publish(self, triaged: TriagedBoard) -> None:
        update = Update(
            triaged=triaged,
            outcomes=self.actions.outcomes,
            journal_failure=self.journal.failure,
            rosters=self.on_call.rosters,
            troubles=self._troubles(),
            memory=memory.rows if (memory := self._memory.made) is not None else self.update.memory,
            skipped=self.journal.skipped,
            notices=self.journal.notices,
            recalled=self.recorder.recalled,
            recorder=self._loop.recorder_words,
            recorder_since=self._loop.recorder_since,
            shared_failure=self.team.failure,
            others=self.team.others,
        )
        if self._differs(update):
            with self._composed:
                self.update = update
                self._composed.notify_all()
            for wake in tuple(self._listeners):
                wake()

    def _troubles(self) -> tuple[str, ...]:
        return self._loop.troubles([self._earlier.worker, *self.watched, *self._acting().workers])

    def _differs(self, new: Update) -> bool:
        old = self.update
        return (
            new.outcomes != old.outcomes
            or new.journal_failure != old.journal_failure
            or new.rosters != old.rosters
            or new.troubles != old.troubles
            or new.skipped != old.skipped
            or new.notices != old.notices
            or new.recalled != old.recalled
            or (new.shared_failure, new.others) != (old.shared_failure, old.others)
            or new.recorder != old.recorder
            or new.memory is not old.memory
            or dict(new.board.sources) != dict(old.board.sources)
            or new.triaged.hidden != old.triaged.hidden
            or not same_rows(old.triaged, new.triaged)
        )

    def _resume(self) -> None:
        """Take up what earlier sessions left open, as soon as its source is there."""
        for intent in tuple(self._earlier.left_open):
            poller = self._pollers.get(intent.plan.source)
            own = intent.plan.verb is Verb.RUN  # which needs no source to be read
            if poller is None and not own:
                continue
            if poller is not None and poller.provider is None and not own:
                poller.want()  # though a recorder reads the source
                continue
            try:
                self.actions.resume(intent)
            except (ActionError, SourceError) as error:
                log.warning("intent %s: %s", intent.plan.id, error)
            finally:
                self._earlier.left_open.remove(intent)

    def still_firing(self, service_id: str) -> list[str]:
        """Titles of alerts of this service that fire now: said apart from whether a rollback is done."""
        return self._acting().plan_enricher.still_firing(service_id)


def _nothing() -> None:
    """No source tells events."""
