"""The entry point of actions: finds the handler, plans on the source's queue, starts executions, keeps outcomes."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial

import msgspec

from oncall_tui.actions.ack_renewer import AckRenewer
from oncall_tui.actions.batch import Batch, BatchItem
from oncall_tui.actions.execution import ActionExecution
from oncall_tui.actions.journal_handlers import handlers as local_handlers
from oncall_tui.actions.outcomes import Outcomes
from oncall_tui.actions.own_commands import OwnCommands
from oncall_tui.actions.seen_marks import SeenMarks, done_here
from oncall_tui.domain.action import LAPSES, Verb, unsupported
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import SENDS_AGAIN, ActionRequest, Choice, Confirm, Plan
from oncall_tui.errors import (
    ActionError,
    ActionFailed,
    OncallError,
    Refused,
    SourceError,
    WayOut,
    unexpected,
    unread_first,
)
from oncall_tui.journal import Intent, Journal
from oncall_tui.notifications.escalation import EscalateByNotification
from oncall_tui.providers.base import ActionHandler, Provider, Receipt, SupportsAckRenewal, SupportsBulk
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.runtime.secret import redact
from oncall_tui.text.time_format import local_time

log = logging.getLogger(__name__)
PROVIDER_PATIENCE_S = 5.0


class SourceHandle(msgspec.Struct, frozen=True):
    """One source, for actions: its queue, and its provider once that is built (raises SourceError before)."""

    name: str
    queue: JobQueue
    provider: Callable[[float], Provider]
    reread: Callable[[], None]


class ActionService:
    """Thread-safe. *told* is called (from a queue's thread) whenever an outcome changes.

    *dress* makes a handler's plan whole and *may* is asked again as it goes out: both raise Refused where a guardrail
    holds.
    """

    def __init__(
        self,
        sources: Mapping[str, SourceHandle],
        journal: Journal,
        clock: Clock,
        board: Callable[[Verb, str], Board],
        dress: Callable[[Plan], Plan],
        on_outcome: Callable[[], None],
        read_only: bool,
        steady_s: float,
        completion_note: Callable[[Plan], str],
        escalate: EscalateByNotification | None = None,
        claim: Callable[[Plan], None] = lambda plan: None,
        may: Callable[[Plan], None] = lambda plan: None,
        own_commands: OwnCommands | None = None,
        marks: SeenMarks | None = None,
    ) -> None:
        self._claim, self._allowed, self._own = claim, may, own_commands
        self.read_only = read_only
        self.steady_s = steady_s
        self._completion_note = completion_note
        self.marks = marks if marks is not None else SeenMarks(journal)
        self.ack_renewer = AckRenewer(journal, clock)
        self._sources, self._journal, self._clock = sources, journal, clock
        self._board, self._dress, self._told = board, dress, on_outcome
        self._local = local_handlers(self.marks, clock)
        self._escalate = escalate
        if escalate is not None:
            self._local[Verb.ESCALATE] = escalate
        self.observers: list[Callable[[ActionExecution, Outcome], None]] = []
        self._lock = threading.Lock()
        self._executions: dict[str, ActionExecution] = {}
        self._outcomes = Outcomes()
        self._waiting: dict[str, list[Future[Outcome]]] = {}
        self._numbers = itertools.count(1)

    # --- asking -------------------------------------------------------------------------------------------------------

    def choices(self, verb: Verb, target: str) -> Future[tuple[Choice, ...]]:
        """Read the choices (levels, revisions) now."""
        source = self._source(target, verb)
        return source.queue.run(lambda: self._handler(source, verb).choices(target, self._board(verb, target)))

    def plan(self, ask: ActionRequest) -> Future[Plan]:
        """The plan, to be shown and confirmed. The future raises Refused or ActionFailed; a refusal is journalled."""
        source = self._source(ask.target, ask.verb)
        return source.queue.run(lambda: self._planned(source, ask))

    def quick(self, ask: ActionRequest) -> Future[Plan | None]:
        """Plan, and go on at once where no confirm is wanted (None is returned); else the plan, to be confirmed.

        What goes wrong is shown as an outcome, but for a guardrail's refusal that can be overridden: the caller asks.
        """
        source = self._source(ask.target, ask.verb)
        ticket = f"ask-{next(self._numbers)}"
        self.show(_outcome(ticket, ask, OutcomeState.PENDING, "checking", self._clock.now()))

        def run() -> Plan | None:
            try:
                plan = self._planned(source, ask)
            except OncallError as error:
                if isinstance(error, Refused) and WayOut.OVERRIDE in error.ways:
                    self.dismiss(ticket)  # the engineer is asked about it
                else:
                    state = OutcomeState(error.outcome)
                    self.show(_outcome(ticket, ask, state, error.message, self._clock.now(), error.hint))
                raise
            except Exception as error:  # "checking" must not stand there for ever
                words, hint = unexpected(error)
                self.show(_outcome(ticket, ask, OutcomeState.FAILED, redact(words), self._clock.now(), hint))
                raise
            self.dismiss(ticket)
            if plan.confirm is not Confirm.NONE:
                return plan
            self.execute(plan)
            return None

        return source.queue.run(run)

    def plan_many(self, asks: Sequence[ActionRequest]) -> list[Future[Plan]]:
        """A plan for each of many rows; where their source can, with fewer readings than one each."""
        futures: list[Future[Plan]] = [Future() for _ in asks]
        groups: dict[tuple[str, Verb], list[int]] = {}
        for at, ask in enumerate(asks):
            groups.setdefault((ask.target.partition("/")[0], ask.verb), []).append(at)
        for places in groups.values():
            part, waiting = [asks[at] for at in places], [futures[at] for at in places]
            try:
                source = self._source(part[0].target, part[0].verb)
            except OncallError as error:
                for future in waiting:
                    future.set_exception(error)
                continue
            source.queue.run(partial(self._plan_group, source, part, waiting))
        return futures

    def execute_many(
        self, plans: Sequence[Plan], without_journal: bool = False, left_out: Sequence[Outcome] = ()
    ) -> list[Future[Outcome]]:
        """Carry out plans that were confirmed together; where their source can, many in one call.

        What came of them is shown as one, with *left_out*: of those that could not be planned.
        """
        self._outcomes.together([plan.id for plan in plans], left_out)
        groups: dict[tuple[str, Verb], list[Plan]] = {}
        for plan in plans:
            groups.setdefault((plan.source, plan.verb), []).append(plan)
        found: dict[str, Future[Outcome]] = {}
        for part in groups.values():
            found |= self._execute_group(part, without_journal)
        return [found[plan.id] for plan in plans]

    def execute(self, plan: Plan, without_journal: bool = False) -> Future[Outcome]:
        """Carry out a plan that was confirmed. The future ends with the first final (or unknown) outcome."""
        source = self._source(plan.target, plan.verb)
        done: Future[Outcome] = Future()
        with self._lock:
            if plan.id in self._executions:  # a key pressed twice is one action
                self._waiting.setdefault(plan.id, []).append(done)
                return done
            execution = self._executions[plan.id] = self._new_execution(source, plan)
            self._waiting[plan.id] = [done]
        execution.start(without_journal)
        return done

    def run_silently(
        self, ask: ActionRequest, told: Callable[[OutcomeState, str, str], None], over: Callable[[], None]
    ) -> None:
        """Carry out what belongs to another action, journalled by itself and shown nowhere. Returns at once.

        *told* is called with a state, a message and a hint where it did not end as done, and where it did after it was
        unknown; *over* once, when it has ended or is unknown.
        """

        left = True

        def failed(message: str, hint: str) -> None:
            told(OutcomeState.FAILED, message, hint)

        def on_outcome(outcome: Outcome) -> None:
            if outcome.state is OutcomeState.PENDING:
                return
            if outcome.state in (OutcomeState.REFUSED, OutcomeState.FAILED):
                failed(outcome.message, outcome.hint)
            elif outcome.state is OutcomeState.UNKNOWN or not left:
                told(outcome.state, outcome.message, outcome.hint)
            ended()

        def ended() -> None:
            nonlocal left
            if left:
                left = False
                over()

        def run() -> None:
            try:
                source = self._source(ask.target, ask.verb)
                plan = self._planned(source, ask)
                if plan.confirm is Confirm.NAME:
                    raise Refused(
                        f"{plan.confirm_why or plan.verb}: its name has to be typed, and nobody is asked here"
                    )
                self._new_execution(source, plan, on_outcome).start()
            except OncallError as error:
                failed(error.message, error.hint)
                ended()
            except Exception as error:
                log.exception("%s beside an action: bug", ask.verb)
                failed(*unexpected(error))
                ended()

        try:
            self._source(ask.target, ask.verb).queue.run(run)
        except OncallError as error:
            failed(error.message, error.hint)
            ended()

    def resume(self, intent: Intent) -> Future[Outcome]:
        """Follow an intent that an earlier session left open. Raises ActionFailed where its source is gone."""
        plan = intent.plan
        source = self._source(plan.target, plan.verb)
        done: Future[Outcome] = Future()
        receipt = Receipt(intent.receipt) if intent.receipt is not None else None
        with self._lock:
            if plan.id in self._executions:
                raise ActionFailed("it is followed already")
            execution = self._executions[plan.id] = self._new_execution(source, plan)
            self._waiting[plan.id] = [done]
        execution.resume(receipt, intent.at)
        return done

    # --- outcomes -----------------------------------------------------------------------------------------------------

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every outcome that was not dismissed, oldest first."""
        return self._outcomes.all()

    @property
    def writing(self) -> int:
        """Actions that may be on their way to the other side right now."""
        with self._lock:
            return sum(execution.before_answer for execution in self._executions.values())

    def unread(self, source: str = "") -> bool:
        """Tell whether anything that an earlier session left open (at *source*, where one is named) is still unread."""
        return any(source in ("", one.plan.source) for one in self._left_open() if not one.looked)

    def dismiss(self, plan_id: str) -> None:
        """Stop showing what came of a plan, or of a batch. What is pending goes on."""
        self._outcomes.dismiss(plan_id)
        self._told()

    def end_commands(self, why: str) -> None:
        """End the commands that still run, and journal how they ended: this program ends. Returns at once where none
        does.
        """
        if self._own is None or not self._own.running:
            return
        running = [plan.id for plan, _ in self._own.running]
        self._own.end_all(why)
        for plan_id in running:
            if (execution := self._executions.get(plan_id)) is not None:
                execution.read_now()

    def withdraw(self, plan_id: str, why: str) -> bool:
        """Take a plan back before it goes out; False where it may have been sent already."""
        execution = self._executions.get(plan_id)
        return execution is None or execution.withdraw(why)

    def answered(self, plan_id: str) -> bool:
        """Return whether the other side answered that it accepted the action."""
        execution = self._executions.get(plan_id)
        return execution is not None and execution.receipt is not None

    def read_on(self, plan_id: str) -> bool:
        """Return whether the outcome of a plan is unknown, and still read."""
        execution = self._executions.get(plan_id)
        return execution is not None and execution.read_on

    def plan_of(self, plan_id: str) -> Plan | None:
        execution = self._executions.get(plan_id)
        return execution.plan if execution else None

    # --- inside -------------------------------------------------------------------------------------------------------

    def _new_execution(
        self, source: SourceHandle, plan: Plan, on_outcome: Callable[[Outcome], None] | None = None
    ) -> ActionExecution:
        handler = self._handler(source, plan.verb)
        queue = self._escalate.queue_of(plan) if self._escalate and handler is self._escalate else source.queue
        on_outcome = on_outcome or self._on_outcome
        return ActionExecution(
            plan,
            handler,
            queue,
            self._journal,
            self._clock,
            on_outcome,
            self.steady_s,
            self._completion_note,
            self._claim,
            self._allowed,
        )

    def _execute_group(self, plans: list[Plan], without_journal: bool) -> dict[str, Future[Outcome]]:
        source = self._source(plans[0].target, plans[0].verb)
        handler = self._handler(source, plans[0].verb)
        again = any(plan.id in self._executions for plan in plans)  # a key pressed twice is one action
        if len(plans) == 1 or again or not isinstance(handler, SupportsBulk):
            return {plan.id: self.execute(plan, without_journal) for plan in plans}
        found: dict[str, Future[Outcome]] = {plan.id: Future() for plan in plans}
        parts = [
            BatchItem(
                plan,
                handler,
                source.queue,
                self._journal,
                self._clock,
                self._on_outcome,
                0.0,
                self._completion_note,
                may=self._allowed,
            )
            for plan in plans
        ]
        with self._lock:
            self._executions.update((part.plan.id, part) for part in parts)
            self._waiting.update((plan_id, [future]) for plan_id, future in found.items())
        for at in range(0, len(parts), handler.at_once):
            Batch(parts[at : at + handler.at_once], handler, source.queue, self._journal).start(without_journal)
        return found

    def _plan_group(self, source: SourceHandle, asks: list[ActionRequest], futures: list[Future[Plan]]) -> None:
        """Plan on the queue: set each future's plan, or the error that prevents it."""
        try:
            handler = self._handler(source, asks[0].verb)
            results = None
            if len(asks) > 1 and isinstance(handler, SupportsBulk):
                results = handler.plan_many(asks, self._board(asks[0].verb, asks[0].target))
        except (ActionError, SourceError) as error:
            results = [error if isinstance(error, ActionError) else unread_first(error)] * len(asks)
        except Exception as error:
            log.exception("planning several: bug")
            results = [ActionFailed(*unexpected(error))] * len(asks)
        for at, (ask, future) in enumerate(zip(asks, futures, strict=True)):
            try:
                future.set_result(self._planned(source, ask, results[at] if results is not None else None))
            except Exception as error:  # noqa: BLE001 - it is the asker's
                future.set_exception(error)

    def _pending(self) -> list[ActionExecution]:
        with self._lock:
            return [f for f in self._executions.values() if f.outcome.state is OutcomeState.PENDING]

    def _left_open(self) -> list[ActionExecution]:
        return [execution for execution in self._pending() if execution.resumed]

    def _may(self, ask: ActionRequest) -> None:
        """Raise Refused where it is already in progress, or nothing may be written.

        What an earlier session sent stands in the way only until it was read: from then on the handler itself sees
        how the other side stands, and nothing that never ends well blocks its target for good.
        """
        for execution in self._pending():
            if not _the_same(execution.plan, ask) or (execution.resumed and execution.looked):
                continue
            if not execution.resumed:
                raise Refused("it is already in progress")
            at = local_time(execution.sent_at, self._clock.now())
            sent = f"sent {at} by {execution.plan.actor.name}, not verified yet"
            raise Refused(f"{sent}: {execution.outcome.message}", "nothing was sent now; ask again in a moment")
        if self.read_only and not (ask.verb is Verb.RUN and self._own is not None and self._own.reads(ask.choice)):
            raise Refused("read only: nothing is written", "start without --read-only, and without read_only: true")

    def _planned(self, source: SourceHandle, ask: ActionRequest, made: Plan | ActionError | None = None) -> Plan:
        """The plan, dressed; *made* is what planning many together gave for this one."""
        try:
            self._may(ask)
            if isinstance(made, ActionError):
                raise made
            if made is None:
                made = self._handler(source, ask.verb).plan(ask, self._board(ask.verb, ask.target))
            made = msgspec.structs.replace(made, override=ask.override) if ask.override else made
            plan = self._with_unknown(self._dress(made))
        except ActionError as error:
            self._journal.record([self._refusal(ask, error)])
            raise
        except SourceError as error:
            refused = unread_first(error)
            self._journal.record([self._refusal(ask, refused)])
            raise refused from None
        return plan

    def _with_unknown(self, plan: Plan) -> Plan:
        """Warn, and ask, where the same was sent before and may still take effect: nothing is sent twice unawares."""
        with self._lock:
            found = [e for e in self._executions.values() if e.read_on and _same_write(e.plan, plan)]
        if not found:
            return plan
        before = found[-1].outcome
        at, who = local_time(before.sent_at, self._clock.now()), found[-1].plan.actor.name
        words = f"sent at {at} by {who}, and not known yet whether it takes effect: {before.message}{SENDS_AGAIN}"
        confirm = Confirm.YES if plan.confirm is Confirm.NONE else plan.confirm
        return msgspec.structs.replace(plan, warnings=(words, *plan.warnings), confirm=confirm)

    def _refusal(self, ask: ActionRequest, error: ActionError) -> Entry:
        data = {"verb": ask.verb, "state": error.outcome, "version": ask.version}
        text = f"{ask.verb}: {error.message}"
        return Entry(
            at=self._clock.now(), kind=EntryKind.REFUSED, subject=ask.target, actor=ask.actor.name, text=text, data=data
        )

    def _source(self, target: str, verb: Verb) -> SourceHandle:
        if verb is Verb.RUN:
            return self._of_commands()
        source = self._sources.get(target.partition("/")[0])
        if source is None:
            raise ActionFailed(f"no such source: {target}", "it is no longer in the configuration")
        return source

    def _of_commands(self) -> SourceHandle:
        """Return where commands of the configuration are run: a row's source need not even be readable for that."""
        if self._own is None:
            raise ActionFailed("no command is in the configuration", "add one under commands:")
        return SourceHandle("commands", self._own.queue, _no_provider, lambda: None)

    def _handler(self, source: SourceHandle, verb: Verb) -> ActionHandler:
        if verb is Verb.RUN and self._own is not None:
            return self._own
        found = source.provider(PROVIDER_PATIENCE_S).handlers().get(verb)
        if found is None and verb in self._local and done_here(source.provider(0).handlers(), verb):
            found = self._local[verb]
        if found is None:
            status = self._board(Verb.NOTE, "").sources.get(source.name)
            hint = "a destination under escalation: in the configuration can" if verb is Verb.ESCALATE else ""
            words = unsupported(verb, status.provider if status else "")
            hint = hint or ("its row says until when" if words.endswith(LAPSES) else "")
            raise Refused(words if words.endswith(LAPSES) else f"{words}: {source.name}", hint)
        return found

    @property
    def local_verbs(self) -> frozenset[Verb]:
        """Return the verbs kept here for any row whose source lacks them; acknowledge and its undo are apart."""
        return frozenset(self._local) - {Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE}

    def _on_outcome(self, outcome: Outcome) -> None:
        self._observed(self._executions[outcome.plan_id], outcome)  # first: a command ends with what waits below
        settled = outcome.state not in (OutcomeState.PENDING,)
        self._outcomes.put(outcome)
        with self._lock:
            waiting = self._waiting.pop(outcome.plan_id, []) if settled else []
        for future in waiting:
            future.set_result(outcome)
        if outcome.state is OutcomeState.DONE or (outcome.verb is Verb.RUN and settled):
            self._after_done(outcome)
        self._told()

    def _observed(self, execution: ActionExecution, outcome: Outcome) -> None:
        """Tell others of it; a bug in that does not touch the action."""
        for observe in self.observers:
            try:
                observe(execution, outcome)
            except Exception:
                log.exception("action %s: an observer's bug", execution.plan.id)

    def _after_done(self, outcome: Outcome) -> None:
        """Ask for a fresh reading; keep up, from now on, an acknowledgement that is short by nature."""
        execution = self._executions[outcome.plan_id]
        if execution.plan.verb is Verb.RUN:
            if (changed := self._sources.get(execution.plan.source)) is not None and execution.plan.writes:
                changed.reread()
            return
        source = self._source(execution.plan.target, execution.plan.verb)
        source.reread()
        provider = source.provider(0)
        if execution.plan.verb is Verb.ACKNOWLEDGE and execution.receipt is not None:
            if isinstance(provider, SupportsAckRenewal):
                self.ack_renewer.keep(execution.plan, execution.receipt, provider, source.queue)
        elif execution.plan.verb is Verb.UNACKNOWLEDGE:
            self.ack_renewer.drop(execution.plan.target)

    def show(self, outcome: Outcome) -> None:
        """Show an outcome that belongs to no execution."""
        self._outcomes.put(outcome)
        self._told()


def _the_same(plan: Plan, ask: ActionRequest) -> bool:
    """Tell whether *plan* does what is asked for again. A command that only reads may run as often as it is wanted."""
    if (plan.target, plan.verb) != (ask.target, ask.verb):
        return False
    return plan.verb is not Verb.RUN or (bool(plan.writes) and plan.request.get("command_name") == ask.choice)


def _same_write(one: Plan, other: Plan) -> bool:
    """Tell whether both do the same to a row, or to a service by way of whichever row."""
    if one.verb is not other.verb or one.source != other.source:
        return False
    if one.verb is Verb.NOTE:  # another note is no second one
        return one.target == other.target and one.request == other.request
    if one.verb is Verb.RUN:
        return one.target == other.target and one.request.get("command_name") == other.request.get("command_name")
    services = [(plan.request.get("cluster"), plan.request.get("service")) for plan in (one, other)]
    return one.target == other.target or (services[0] == services[1] and None not in services[0])


def _no_provider(_timeout_s: float) -> Provider:
    raise SourceError("commands of the configuration are of no source")


def _outcome(ticket: str, ask: ActionRequest, state: OutcomeState, message: str, at: float, hint: str = "") -> Outcome:
    return Outcome(plan_id=ticket, verb=ask.verb, target=ask.target, state=state, message=message, at=at, hint=hint)
