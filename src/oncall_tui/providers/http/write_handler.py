"""What the actions of HTTP providers share: reads around a write, and how long a missing effect may still come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oncall_tui import errors
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.runtime.clock import Clock

SETTLE_S = 10.0  # a write that timed out may still be carried out: only after this long is "not there" an answer


@contextmanager
def before_sending() -> Iterator[None]:
    """A read that a plan or a check needs and that fails means: refused, nothing was sent."""
    try:
        yield
    except errors.SourceError as error:
        raise errors.ActionFailed(f"not sent, since it could not be read first: {error.message}", error.hint) from None


def read_back(look: Callable[[], Check]) -> Check:
    """*look*'s verdict on a write; while it cannot be read, PENDING, and why."""
    try:
        return look()
    except errors.SourceError as error:
        wait = error.retry_after_s if isinstance(error, errors.Throttled) else None
        return Check(OutcomeState.PENDING, f"not read back yet: {error.message}", wait or 3.0, error.hint)


class WriteGrace:
    """When each plan was sent, so that a verify knows how long a missing effect has had to appear."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: dict[str, float] = {}

    def note(self, plan: Plan) -> None:
        """*plan* is sent now."""
        self._at[plan.id] = self._clock.monotonic()

    def absent(self, plan: Plan, waiting: str, missing: str, hint: str = "") -> Check:
        """The effect does not show: PENDING for SETTLE_S after the write, then FAILED."""
        sent = self._at.get(plan.id)  # else an earlier session sent it: by the wall, which both have seen
        waited = self._clock.now() - plan.made_at if sent is None else self._clock.monotonic() - sent
        if waited < SETTLE_S:
            return Check(OutcomeState.PENDING, waiting)
        return Check(OutcomeState.FAILED, missing, hint=hint)
