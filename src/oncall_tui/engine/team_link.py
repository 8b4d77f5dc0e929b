"""The engine's way to its team: entries that others wrote, who is where, and a claim before a service is changed.

Nothing of it is imported or asked before the first board is there. Where the team's store cannot be asked, nothing
waits for it: an action goes out without a claim, and its plan says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from oncall_tui.actions.execution import ActionExecution
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.domain.shared import Held
from oncall_tui.errors import OncallError, Refused
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker
from oncall_tui.text.team_words import doing
from oncall_tui.text.time_format import ago

if TYPE_CHECKING:
    from oncall_tui.journal.team import TeamJournal

MakeTeam = Callable[[Callable[[int], None]], "TeamJournal"]
DOES = {
    Verb.ROLL_BACK: "is rolling this back",
    Verb.UNDO_ROLLBACK: "is undoing a rollback of this",
    Verb.CONTINUE: "is continuing its deploy",
    Verb.RESTART: "is restarting this",
    Verb.RUN: "is running a command on this",
}


class TeamLink:
    """*make* builds the team's journal when it is first needed; None: nothing is shared. *merged* is called, on a
    thread of the team's, after others' entries came; *changed* when somebody else came, went, or did something.
    """

    def __init__(
        self,
        make: MakeTeam | None,
        clock: Clock,
        merged: Callable[[], None],
        changed: Callable[[], None],
        service_of: Callable[[Plan], str],
    ) -> None:
        self._make, self._clock, self._service_of = make, clock, service_of
        self._merged, self._changed = merged, changed
        self._team: TeamJournal | None = None
        self._lock = threading.Lock()
        self._known: tuple[Held, ...] = ()

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, once. Imports what it needs: not before the first board."""
        if self._make is not None and self._team is None:
            self._opened()

    def stop(self) -> None:
        """End it, in 0.1 s at the most."""
        if self._team is not None:
            self._team.stop()

    def settle(self, timeout_s: float) -> bool:
        """Wait until the team has what was written here, at most so long; at once where it cannot be reached."""
        return self._team is None or self._team.settle(timeout_s)

    def _opened(self) -> TeamJournal | None:
        with self._lock:
            if self._team is None and self._make is not None:
                self._team = self._make(lambda count: self._merged())
                self._team.claims.heard.append(self._read_others)
                self._team.start()
            return self._team

    @property
    def workers(self) -> Iterable[Worker]:
        """The threads, whose bugs are told."""
        return self._team.workers if self._team is not None else ()

    # --- what is known ------------------------------------------------------------------------------------------------

    @property
    def failure(self) -> str:
        """Why entries are not exchanged now, and whether some wait here; empty: they are, or there is no team."""
        now = self._team.exchange if self._team is not None else None
        if now is None or not now.failure:
            return ""
        waits = "; entries wait here until it is back" if now.waiting else ""
        return f"{now.failure}{waits}" + (f" ({now.hint})" if now.hint else "")

    @property
    def others(self) -> tuple[Held, ...]:
        """Return where others are and what they do, as it was read last."""
        return self._known

    def words(self, *subjects: str) -> tuple[str, ...]:
        """``Bob is rolling this back, 12 s ago``: what others do with any of *subjects*, the gravest first."""
        return doing(self._known, subjects, self._clock.now())

    def open(self, subject: str) -> None:
        """Note which row this session has open; empty: none. Returns at once."""
        if self._team is not None:
            self._team.open(subject)

    def _read_others(self) -> None:
        known = self._team.others() if self._team is not None else ()
        if known != self._known:
            self._known = known
            self._changed()

    # --- claims -------------------------------------------------------------------------------------------------------

    def claim(self, plan: Plan) -> None:
        """Claim the service that *plan* changes, on its source's queue. Raises Refused where somebody else has it."""
        team = self._opened() if _changes(plan) else None
        subject = self._service_of(plan)
        if team is None or not subject or team.claims.failure:
            return
        try:
            other = team.claims.take(subject, DOES[plan.verb])
        except OncallError:
            return  # nobody knows who has it: nothing waits for that
        if other is not None:
            told = f"{other.who} {other.what or 'has it'}, {ago(max(0.0, self._clock.now() - other.since))}"
            raise Refused(told, "nothing was sent: see how it ends there")

    def heard(self, execution: ActionExecution, outcome: Outcome) -> None:
        """Tell the others what is being done until it has ended, and give the claim back once it was sent: from then on
        the service itself shows it. Called from queues.
        """
        plan = execution.plan
        if self._team is None or not _changes(plan):
            return
        subject, ended = self._service_of(plan), outcome.state.final or _is_over(plan, outcome)
        shows = execution.sent and plan.verb in FOLLOWED
        if subject and (ended or shows) and self._team.claims.holds(subject):
            self._team.give_back(subject)
        if ended or not execution.resumed:
            self._team.announce(plan.id, "" if ended else subject, DOES[plan.verb])

    def unknown(self) -> str:
        """Say that it is not known who else acts, where that is so."""
        if self._team is None or not self._team.claims.failure:
            return ""
        return f"whether somebody else acts on it is not known: {self._team.claims.failure}"


def _changes(plan: Plan) -> bool:
    """Tell whether it changes a service: a verb that deploys, or a command that its configuration says to write."""
    return plan.verb in FOLLOWED or (plan.verb is Verb.RUN and bool(plan.writes) and bool(plan.request.get("service")))


def _is_over(plan: Plan, outcome: Outcome) -> bool:
    """Tell whether it has ended though nobody knows how: a command that was ended is not looked at again."""
    return plan.verb is Verb.RUN and outcome.state is OutcomeState.UNKNOWN
