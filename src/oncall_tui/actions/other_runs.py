"""The runs of own commands that other sessions of one journal began: another board of the machine, or a command.

Only for a queue: the journal is read. Times are seconds since the epoch.
"""

from __future__ import annotations

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError, Refused
from oncall_tui.journal import Intent, Journal
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import local_time

PAST_ITS_TIME_S = (
    3600.0  # a run that should have ended so long ago: its session was stopped, or its number is another's
)
_THERE = "see how it ends there"


class OtherRuns:
    """An intent stands in the way while its session lives and nothing tells how it ended. What a dead session left
    open does not: nobody here can end it or see its end, and the next start tells that it is not known.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._own: set[str] = set()

    def begin(self, plan: Plan) -> None:
        """Take *plan* for this session's own from now on, so that it never stands in its own way."""
        self._own.add(plan.id)

    def refuse(self, plan: Plan) -> None:
        """Raise Refused where another session runs the same.

        Where *plan*'s own intent is in the journal, only what was written before it counts: of two that were confirmed
        at once one runs. A journal that cannot be read refuses nothing here: no intent can be written to it either.
        """
        try:
            found = self._journal.under_way(Verb.RUN)
        except JournalError:
            return
        for other in found:
            if other.plan.id == plan.id:
                return
            if self._stands_in_the_way(other) and same_run(other.plan, plan):
                raise Refused(self._words(other), _THERE)

    def left_open(self, plan: Plan) -> tuple[str, ...]:
        """Warn of what a session that ended without a word left open of the same: it may still run."""
        try:
            found = self._journal.under_way(Verb.RUN)
        except JournalError as error:
            return (f"whether another session runs it is not known: {error.message}",)
        now = self._clock.now()
        gone = "and how it ended is not known: that session is gone"
        return tuple(
            f"{one.plan.actor.name} ran it at {local_time(one.at, now)}, {gone}"
            for one in found
            if not one.alive and self._in_time(one) and same_run(one.plan, plan)
        )

    def _stands_in_the_way(self, other: Intent) -> bool:
        return other.alive and other.plan.id not in self._own and self._in_time(other)

    def _in_time(self, other: Intent) -> bool:
        allowed_s = float(other.plan.request.get("timeout_s") or 0.0)
        return self._clock.now() - other.at < allowed_s + PAST_ITS_TIME_S

    def _words(self, other: Intent) -> str:
        name, since = other.plan.request.get("command_name"), local_time(other.at, self._clock.now())
        return (
            f"{name} is already running: {other.plan.actor.name} runs it since {since} ({other.host}, pid {other.pid})"
        )


def same_run(one: Plan, other: Plan) -> bool:
    """Tell whether both write, by one command for one row or with the same arguments by way of whichever."""
    if not (one.writes and other.writes):
        return False
    by_row = [(plan.request.get("command_name"), plan.target) for plan in (one, other)]
    return by_row[0] == by_row[1] or one.request.get("argv") == other.request.get("argv")
