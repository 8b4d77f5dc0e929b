"""How long ago a write went out, measured on the clock that nobody sets: what is missing so soon may still come."""

from __future__ import annotations

from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.runtime.clock import Clock

SETTLE_S = 10.0  # what was sent shows within so long; where the answer was lost, "not there" is never an answer


class WriteGrace:
    """When each plan was sent, so that a verify knows how long a missing effect has had to appear."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, float] = {}
        self._first: dict[tuple[str, str], float] = {}

    def note(self, plan: Plan) -> None:
        """Note that *plan* is sent now."""
        self._sent[plan.id] = self._clock.monotonic()

    def waited_s(self, plan: Plan, at: float | None = None) -> float:
        """Return the seconds since *plan* was sent.

        What an earlier session sent (*at*; None: not before it was planned) is as old as the wall clock, which both
        sessions saw, says; and at least as old as this session has followed it, where somebody set that clock back.
        """
        if (sent := self._sent.get(plan.id)) is not None:
            return self._clock.monotonic() - sent
        return max(self._clock.now() - (plan.made_at if at is None else at), self.lasting_s(plan, "sent before"))

    def lasting_s(self, plan: Plan, what: str) -> float:
        """Return the seconds since *what* was first asked about *plan*: 0 the first time."""
        now = self._clock.monotonic()
        return now - self._first.setdefault((plan.id, what), now)

    def absent(
        self,
        plan: Plan,
        waiting: str,
        missing: str,
        hint: str = "",
        within_s: float = SETTLE_S,
        excludes: bool = False,
    ) -> Check:
        """The effect does not show: PENDING for *within_s* after the write, then FAILED.

        Nothing but time says so, unless the other side *excludes* it: an answer that was lost leaves it unknown.
        """
        if self.waited_s(plan) < within_s:
            return Check(OutcomeState.PENDING, waiting)
        return Check(OutcomeState.FAILED, missing, hint=hint, absent=not excludes)
