"""Pollers, board, actions and journal with one life cycle. The screen and the commands both stand on it.

Threads: two a source (its poller, its lane), the journal's writer, and one that puts the board together. All are
daemons: quitting asks them to stop and waits for the journal alone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from operator import is_
from types import MappingProxyType

import msgspec

from oncall_tui.actions.desk import Desk, Side
from oncall_tui.actions.recall import recall
from oncall_tui.clock import Clock
from oncall_tui.contract import Provider, ReadRequest
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.changes import Change, changes
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome
from oncall_tui.domain.plan import Actor, Confirm, Plan
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.recall import Began
from oncall_tui.errors import ActionError, JournalError, SourceError
from oncall_tui.journal import Intent, Journal
from oncall_tui.polling.gate import Gate
from oncall_tui.polling.lane import Lane
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.status import status_of
from oncall_tui.triage.caution import cautions
from oncall_tui.triage.look import Look, Looker, Rules

log = logging.getLogger(__name__)
TICK_S = 1.0
POLLS_AT_ONCE = 4
AT_MOST_EVERY_S = 0.2  # boards: one screen shows at most four a second


class SourceSpec(msgspec.Struct, frozen=True):
    """One configured source: *build* makes its provider (slow imports included) and is called on its own thread."""

    name: str
    provider: str
    build: Callable[[], Provider]
    interval_s: float | None = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen needs to draw: one value, newest only."""

    look: Look
    outcomes: tuple[Outcome, ...] = ()
    journal_failure: str = ""

    @property
    def board(self) -> Board:
        return self.look.board


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
    ) -> None:
        self.actor, self.clock, self.journal = actor, clock, journal
        gate = Gate(POLLS_AT_ONCE, clock)
        self._dirty = threading.Event()
        self._pollers = {
            s.name: Poller(s.name, s.provider, s.build, clock, gate, self._dirty.set, s.interval_s) for s in specs
        }
        self._lanes = {s.name: Lane(s.name, clock) for s in specs}
        sides = {name: Side(name, self._lanes[name], p.ready, p.ask) for name, p in self._pollers.items()}
        self.desk = Desk(
            sides,
            journal,
            clock,
            self._board_for,
            self._dress,
            self._dirty.set,
            read_only,
            steady_s,
            self._epilogue,
        )
        self.looker = Looker(rules)
        waiting = [status_of(p.seen, clock.now()) for p in self._pollers.values()]
        self.update = Update(look=self.looker.look(merge(0, clock.now(), waiting, ())))
        self.show_hidden = False
        self._known: dict[str, str] | None = None
        self._overlaid: dict[str, tuple[Alert, object, Alert]] = {}
        self._looked_at: tuple[list[object], tuple[object, ...]] = ([], ())
        self._left_open: list[Intent] = []
        self._listeners: set[Callable[[], None]] = set()
        self._composed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start to read every source."""
        for poller in self._pollers.values():
            poller.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop asking; write what the journal still holds (at most 0.3 s); leave hung calls behind."""
        self._stopped = True
        self._dirty.set()
        for poller in self._pollers.values():
            poller.stop()
        for lane in self._lanes.values():
            lane.stop()
        self.journal.close(0.3)

    # --- asking -------------------------------------------------------------------------------------------------------

    def refresh(self, source: str | None = None, watch: frozenset[str] = frozenset()) -> None:
        """Read again now."""
        for name, poller in self._pollers.items():
            if source in (None, name):
                poller.ask(ReadRequest(fresh=True, watch=watch))

    def renew(self, source: str) -> None:
        """The login of *source* was renewed: rebuild its credentials and read. Those that share it are asked too."""
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
        """A key was pressed: an engineer is awake."""
        self.desk.keeper.pressed()

    def recompose(self) -> None:
        """Look again (what is hidden was asked for)."""
        self._dirty.set()

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

    def first_read(self, timeout_s: float) -> Update:
        """Block until each source has answered or failed, or *timeout_s* seconds went by."""
        self.wait(
            lambda u: (
                all(s.state is not SourceState.WAITING for s in u.board.sources.values())
                and bool(u.board.sources or not self._pollers)
            ),
            timeout_s,
        )
        return self.update

    # --- the board's thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.desk.marks.load()
        self._left_open = self.desk.left_open()
        while not self._stopped:
            self._dirty.wait(TICK_S)
            self._dirty.clear()
            try:
                self._compose()
                self._resume()
                self.desk.keeper.tick()
            except Exception:  # the board must go on; the log has it
                log.exception("board: bug")
            threading.Event().wait(AT_MOST_EVERY_S)

    def _compose(self) -> None:
        now = self.clock.now()
        seen = [p.seen for p in self._pollers.values()]
        statuses = [status_of(s, now) for s in seen]
        readings = [s.reading for s in seen if s.reading]
        look = self._look(readings, statuses, now)
        update = Update(look=look, outcomes=self.desk.outcomes, journal_failure=self.journal.failure)
        if self._differs(update):
            with self._composed:
                self.update = update
                self._composed.notify_all()
            for wake in tuple(self._listeners):
                wake()

    def _look(self, readings: list[Reading], statuses: list[SourceStatus], now: float) -> Look:
        """The look at these readings; where their rows are what they were, the last one with the newest sources."""
        rows: list[object] = [row for r in readings for row in (*r.alerts, *r.services, *r.deploys)]
        able = tuple(p.provider is not None for p in self._pollers.values())
        beside = (self.desk.marks.current, self.show_hidden, able, tuple(s.current for s in statuses))
        old_rows, old_beside = self._looked_at
        version = self.update.board.version + 1
        if beside == old_beside and len(rows) == len(old_rows) and all(map(is_, rows, old_rows)):
            sources = MappingProxyType({s.name: s for s in statuses})
            board = msgspec.structs.replace(self.update.board, version=version, at=now, sources=sources)
            return msgspec.structs.replace(self.update.look, board=board)
        board = merge(version, now, statuses, readings)
        if len(self._overlaid) > 2 * len(board.alerts) + 100:
            self._overlaid.clear()
        board = msgspec.structs.replace(board, alerts={a.id: self._overlay(a) for a in board.alerts.values()})
        look = self.looker.look(board, self.show_hidden)
        self._journal_changes(look, now)
        self._looked_at = (rows, beside)  # only now: had a step failed, these rows would never be looked at again
        return look

    def _differs(self, new: Update) -> bool:
        old = self.update
        return (
            new.outcomes != old.outcomes
            or new.journal_failure != old.journal_failure
            or dict(new.board.sources) != dict(old.board.sources)
            or new.look.hidden != old.look.hidden
            or not _same_rows(old.look, new.look)
        )

    def _overlay(self, alert: Alert) -> Alert:
        """The alert with what is known here alone: who has seen it, and the verbs that are done in the journal."""
        mark = self.desk.marks.current.get(alert.id)
        cached = self._overlaid.get(alert.id)
        if cached and cached[0] is alert and cached[1] == mark:
            return cached[2]
        result = alert
        provider = self._pollers[alert.source].provider
        handlers = provider.handlers() if provider else {}
        seen = mark is not None and mark.began == alert.began and alert.state is AlertState.FIRING
        if provider and not self.desk.read_only:
            verbs = {Verb.NOTE} if self.desk.local_here(handlers, Verb.NOTE) else set()
            if self.desk.local_here(handlers, Verb.UNACKNOWLEDGE):
                verbs.add(Verb.UNACKNOWLEDGE if seen else Verb.ACKNOWLEDGE)
            result = msgspec.structs.replace(alert, verbs=_together(alert.verbs, frozenset(verbs)))
        elif self.desk.read_only:
            result = msgspec.structs.replace(alert, verbs=frozenset())
        if seen and mark:
            result = msgspec.structs.replace(result, state=AlertState.SEEN, by=(mark.by,), changed=mark.at)
        self._overlaid[alert.id] = (alert, mark, result)
        return result

    def _journal_changes(self, look: Look, now: float) -> None:
        if self._known is None:
            self._known = self._journalled_states()
        found = changes(self._known, look.board)
        if not found:
            return
        self._known.update((c.id, c.new) for c in found)
        services = {a.alert.id: a.service.id for a in look.alerts if a.service}
        alerts = look.board.alerts
        self.journal.record([_entry(c, self._title(c), now, alerts.get(c.id), services.get(c.id, "")) for c in found])

    def _title(self, change: Change) -> str:
        """What is gone is named as the last update had it."""
        gone = self.update.board.alerts.get(change.id)
        return change.title or (gone.title if gone else "")

    def _journalled_states(self) -> dict[str, str]:
        try:
            entries = self.journal.recent(20_000, (EntryKind.ALERT, EntryKind.DEPLOY))
        except JournalError as error:
            self.journal.failure = str(error)
            return {}
        return {e.subject: str(e.data.get("new", "")) for e in entries}

    def _resume(self) -> None:
        """Take up what earlier sessions left open, as soon as its source is there."""
        for intent in tuple(self._left_open):
            poller = self._pollers.get(intent.plan.source)
            if poller is None or poller.provider is None:
                continue
            self._left_open.remove(intent)
            try:
                self.desk.resume(intent)
            except (ActionError, SourceError) as error:
                log.warning("intent %s: %s", intent.plan.id, error)

    # --- plans --------------------------------------------------------------------------------------------------------

    def _dress(self, plan: Plan) -> Plan:
        """Add what only the whole board and the configuration tell: protection, notes, who else deploys."""
        warnings = list(plan.warnings)
        changed: dict[str, object] = {}
        if plan.verb in FOLLOWED:
            look, service_id = self.update.look, self._service_of(plan)
            product = look.products.get(service_id)
            if product and product.rollback_note and plan.verb is not Verb.GO_ON:
                warnings.insert(0, product.rollback_note)
            if product and product.protected:
                changed = {"confirm": Confirm.NAME, "confirm_name": service_id.rsplit("/", 1)[-1]}
            warnings += cautions(look, service_id, self._deploy_of(plan) if plan.verb is Verb.ROLL_BACK else None)
        if self.actor.guessed:
            warnings.append(f"acting as {self.actor.name}, taken from the Unix account: set me: in the configuration")
        if self.journal.failure:
            warnings.append(f"acting without a journal: {self.journal.failure}")
            if plan.confirm is Confirm.NONE:
                changed["confirm"] = Confirm.YES
        return msgspec.structs.replace(plan, warnings=tuple(warnings), **changed)

    def _deploy_of(self, plan: Plan) -> Deploy | None:
        """The deploy that a rollback goes away from: the one that was picked, or the service's last."""
        board = self.update.board
        service = board.services.get(plan.target)
        return board.deploys.get(service.deploy_id if service else plan.target)

    def _with_recall(self, target: str) -> Board:
        """The board for a plan about one service: with what is remembered of it. Reads the journal's disk."""
        look = self.update.look
        deploy = look.board.deploys.get(target)
        service_id = deploy.service_id if deploy else target
        on_board = [
            Began(a.alert.began, a.alert.title) for a in look.alerts if a.service and a.service.id == service_id
        ]
        return msgspec.structs.replace(look.board, recall=recall(self.journal, service_id, on_board))

    def _epilogue(self, plan: Plan) -> str:
        """Apart from whether a rollback is done: does an alert of the service still fire?"""
        if plan.verb not in (Verb.ROLL_BACK, Verb.RESTART):
            return ""
        firing = self.still_firing(self._service_of(plan))
        return f"still firing: {', '.join(firing)}" if firing else "no alert of it fires"

    def _board_for(self, verb: Verb, target: str) -> Board:
        return self._with_recall(target) if verb in FOLLOWED else self.update.board

    def _service_of(self, plan: Plan) -> str:
        """A rollback's target is a service, or one of its deploys."""
        deploy = self.update.board.deploys.get(plan.target)
        return deploy.service_id if deploy else plan.target

    def still_firing(self, service_id: str) -> list[str]:
        """Titles of alerts of this service that fire now: said apart from whether a rollback is done."""
        rows = self.update.look.alerts
        return [a.alert.title for a in rows if a.service and a.service.id == service_id and a.alert.state.asks]


@lru_cache(maxsize=256)
def _together(some: frozenset[Verb], more: frozenset[Verb]) -> frozenset[Verb]:
    """Both, as one object for the thousands of alerts that have the same."""
    return some | more


def _same_rows(old: Look, new: Look) -> bool:
    for a, b in ((old.services, new.services), (old.deploys, new.deploys), (old.alerts, new.alerts)):
        if len(a) != len(b) or any(x is not y for x, y in zip(a, b, strict=True)):
            return False
    return True


def _entry(change: Change, title: str, now: float, alert: Alert | None, service_id: str) -> Entry:
    kind = EntryKind.ALERT if change.what == "alert" else EntryKind.DEPLOY
    data: dict[str, object] = {"old": str(change.old), "new": str(change.new)}
    if service_id:
        data["service"] = service_id
    if alert is not None:
        data["began"] = alert.began
    return Entry(at=now, kind=kind, subject=change.id, text=title, data=data)
