"""Telling others: a line to a product's destinations, and a note on the joined incident, when an action that takes
minutes was sent and when it ended.

Never in the action's way: each destination is told on its own thread, and what goes wrong there is said once an action
and destination, in the outcome strip and the journal. Nothing is told of what was refused, or not sent.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.errors import ActionError, ActionFailed, OutcomeUnknown, unexpected
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import Destinations
from oncall_tui.providers.base import Message
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact
from oncall_tui.text.history_words import going_back

log = logging.getLogger(__name__)

# verb: how the plan's title begins, what the line says while it goes on, and after it was done
_WORDS = {
    Verb.ROLL_BACK: ("Roll back", "is rolling back", "rolled back"),
    Verb.UNDO_ROLLBACK: ("Redeploy", "is redeploying", "redeployed"),
    Verb.CONTINUE: ("Continue the deploy of", "is continuing the deploy of", "continued the deploy of"),
    Verb.RESTART: ("Restart", "is restarting", "restarted"),
}
_FORWARD = ("Deploy", "is deploying", "deployed")  # a newer revision that was picked
# What an outcome of this program says first, and the line has said already
_AGAIN = (
    r"^(?:(?:rolled back|redeployed|deployed|restarted)(?: from \S+ to)? :?[\w.-]+(?:[,;] |$)"
    r"|the deploy(?:ment)? of \S+ continues(?:: |$))"
)
_BAD = {OutcomeState.FAILED: Severity.ERROR, OutcomeState.UNKNOWN: Severity.WARNING}


class FollowedAction(Protocol):
    """An action as others hear of it: its plan, whether it was sent, whether an earlier session began it, and whether
    it is unknown and still read.
    """

    plan: Plan
    resumed: bool

    @property
    def sent(self) -> bool: ...

    @property
    def read_on(self) -> bool: ...


class Recipients(msgspec.Struct, frozen=True):
    """Listeners of an action: *destinations* by name, *incidents* by the ids of their rows; *about* is its service."""

    destinations: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    about: str = ""

    @property
    def summary(self) -> str:
        """Return the recipients in words, for the plan; empty where nobody is notified."""
        return ", ".join((*self.destinations, *(f"a note on {incident}" for incident in self.incidents)))


class _NotifiedAction(msgspec.Struct):
    """State of telling others of one action: the audience (None: nobody was told yet), the thread of it all."""

    audience: Recipients | None = None
    thread: str = ""
    ended: OutcomeState = OutcomeState.PENDING


def _both(first: Recipients | None, now: Recipients) -> Recipients:
    """Join both audiences: those told of the beginning, and an incident that came meanwhile, hear of the end."""
    if first is None:
        return now
    return msgspec.structs.replace(first, incidents=tuple(dict.fromkeys((*first.incidents, *now.incidents))))


def started_line(plan: Plan) -> str:
    """``Alice is rolling back prod/payments-api from :42 to :41``."""
    stem, now, _ = _words(plan)
    if not plan.title.startswith(stem):
        return f"{plan.actor.name}: {plan.title}"
    return f"{plan.actor.name} {now} {_what(plan)}"


def _words(plan: Plan) -> tuple[str, str, str]:
    return _FORWARD if plan.title.startswith("Deploy ") else _WORDS[plan.verb]


def _what(plan: Plan) -> str:
    """``prod/payments-api from :42 to :41``: an arrow is kept for what a deploy brings."""
    what = plan.title.removeprefix(_words(plan)[0]).strip()
    return what if plan.verb is Verb.CONTINUE else going_back(what)


def ended_line(plan: Plan, outcome: Outcome) -> str:
    """``Alice rolled back prod/payments-api from :42 to :41: …``; else ``failed: …`` or ``unknown: …``."""
    done, what = _words(plan)[2], _what(plan)
    if outcome.state in (OutcomeState.DONE, OutcomeState.SENT):
        rest = re.sub(_AGAIN, "", outcome.message, count=1)
        return f"{plan.actor.name} {done} {what}" + (f": {rest}" if rest else "")
    return f"{outcome.state}: {plan.verb} of {what} by {plan.actor.name}: {outcome.message}"


class Notifier:
    """Hears of every outcome, and tells. Thread-safe; nothing here waits for a network.

    *audience* says who hears of a plan, *run_silently* carries out a note and calls one function where that was not
    done, or was known late, and another when it is over, *show* puts an outcome into the strip.
    """

    def __init__(
        self,
        destinations: Destinations,
        journal: Journal,
        clock: Clock,
        board: Callable[[], Board],
        audience: Callable[[Plan], Recipients],
        run_silently: Callable[[ActionRequest, Callable[[OutcomeState, str, str], None], Callable[[], None]], None],
        show: Callable[[Outcome], None],
    ) -> None:
        self._destinations, self._journal, self._clock = destinations, journal, clock
        self._board, self._audience, self._run_silently, self._show = board, audience, run_silently, show
        self._heard: dict[str, _NotifiedAction] = {}
        self._said: set[tuple[str, str, bool]] = set()
        self._under_way = 0
        self._changed = threading.Condition()

    def observe(self, execution: FollowedAction, outcome: Outcome) -> None:
        """Take one action's newest outcome, and notify others where it was sent or has ended."""
        plan = execution.plan
        if plan.verb not in FOLLOWED or not execution.sent:
            return
        if execution.resumed and execution.read_on:
            return  # each start would tell again what the first session told: its end is told
        with self._changed:
            heard = self._heard.get(plan.id)
            first = heard is None
            if heard is None:
                heard = self._heard[plan.id] = _NotifiedAction()
            over = outcome.state is not OutcomeState.PENDING and outcome.state is not heard.ended
            if over:
                heard.ended = outcome.state
        if first and not execution.resumed:  # an earlier session told that it began
            self._tell(plan, heard, started_line(plan), plan.overridden, Severity.INFO)
        if over:
            self._tell(plan, heard, ended_line(plan, outcome), outcome.hint, _BAD.get(outcome.state, Severity.INFO))

    @property
    def pending(self) -> int:
        """How many words to others are not out yet."""
        return self._under_way

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything was told; False after *timeout_s* seconds. For commands, which end right after."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_s)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _tell(self, plan: Plan, heard: _NotifiedAction, line: str, more: str, severity: Severity) -> None:
        to = heard.audience = _both(heard.audience, self._audience(plan))
        heard.thread = heard.thread or (to.incidents[0] if to.incidents else plan.id)
        message = Message(
            thread=heard.thread,
            title=redact(line),
            text=redact(more),
            severity=severity,
            about=to.about,
            actor=plan.actor.name,
        )
        for name in to.destinations:
            self._post(plan, name, message)
        for incident in to.incidents:
            self._note(plan, incident, f"{message.title}\n{message.text}".strip())

    def _post(self, plan: Plan, name: str, message: Message) -> None:
        def post() -> None:
            try:
                self._destinations.find(name).get().send(message)
                self._record(plan, name, message.title, OutcomeState.SENT)
            except ActionError as error:
                self._record(plan, name, message.title, OutcomeState(error.outcome), error)
            except Exception as error:
                log.exception("destination %s: bug", name)
                bug = OutcomeUnknown(*unexpected(error))
                self._record(plan, name, message.title, OutcomeState.UNKNOWN, bug)
            finally:
                self._count(-1)

        try:
            queue = self._destinations.find(name).queue
        except ActionFailed as error:  # a product names what the configuration has not: it was changed under a session
            self._record(plan, name, message.title, OutcomeState.FAILED, error)
            return
        self._count(1)
        queue.run(post)

    def _note(self, plan: Plan, incident: str, text: str) -> None:
        alert = self._board().alerts.get(incident)
        if alert is None or alert.state is AlertState.RESOLVED:
            return  # it is over: nobody waits for a note on it
        ask = ActionRequest(verb=Verb.NOTE, target=incident, version=alert.version, actor=plan.actor, text=text)
        self._count(1)
        self._run_silently(
            ask,
            lambda state, message, hint: self._fail(plan, incident, state, message, hint),
            lambda: self._count(-1),
        )

    def _record(self, plan: Plan, name: str, line: str, state: OutcomeState, error: ActionError | None = None) -> None:
        text = f"{name}: {line}" if error is None else f"{name}: {error.message}: {line}"
        data = {"destination": name, "state": state, "target": plan.target}
        entry = Entry(
            at=self._clock.now(), kind=EntryKind.TOLD, subject=plan.id, actor=plan.actor.name, text=text, data=data
        )
        self._journal.record([entry])
        if error is not None:
            log.warning("destination %s: %s", name, error)
            self._fail(plan, name, state, error.message, error.hint)

    def _fail(self, plan: Plan, name: str, state: OutcomeState, message: str, hint: str) -> None:
        """Show the failure, once for each action and destination; of one that was unknown also how it ended."""
        with self._changed:
            if (plan.id, name, state.final) in self._said or (plan.id, name, True) in self._said:
                return
            self._said.add((plan.id, name, state.final))
        self._show(
            Outcome(
                plan_id=f"tell-{plan.id}-{name}",
                verb=Verb.TELL,
                target=plan.target,
                state=state,
                message=redact(
                    f"{name} was not notified: {message}" if state is OutcomeState.FAILED else f"{name}: {message}"
                ),
                at=self._clock.now(),
                hint=redact(hint),
            )
        )

    def _count(self, change: int) -> None:
        with self._changed:
            self._under_way += change
            self._changed.notify_all()
