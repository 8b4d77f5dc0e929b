"""From a plan to what came of it. Once something may have been sent, the exit code is that of the outcome.

Ctrl+C (and the signals that end a program) is only noted from then on: it ends the waiting, never the telling.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import NoReturn

import msgspec

from oncall_tui.cli import DONE, NOT_DONE, UNKNOWN, OutcomeExit, sent
from oncall_tui.cli.output import put, say
from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import ActionError, SourceError

PAUSE_S = 0.25
WAIT_S = 120.0
UNKNOWN_S = 45.0  # how long what is seen at once is waited for where its answer was lost
WITHDRAWN_S = 1.0  # how long to wait for the word on what was taken back in time


class Interrupts:
    """Signals that ask the program to end, noted instead of obeyed once ``hold`` was called."""

    def __init__(self) -> None:
        self.pressed = False

    def hold(self) -> None:
        """Note the signals from here on."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._note)

    def _note(self, _number: int, _frame: object) -> None:
        self.pressed = True


interrupts = Interrupts()


def carry(
    engine: Engine,
    plan: Plan,
    *,
    wait_s: float = WAIT_S,
    unknown_s: float = UNKNOWN_S,
    until_answered: bool = False,
    step: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Send the plan and wait for what comes of it; with *until_answered* only until the other side has taken it.

    An outcome that is unknown is waited for up to *unknown_s*: it is read on, and may become known.

    *step* is called with each new outcome. An interrupt takes back what was not sent yet.
    """
    interrupts.hold()
    future = engine.actions.execute(plan)
    sent.code = UNKNOWN
    unknown_s = 0.0 if until_answered else min(wait_s, unknown_s)
    outcome = _awaited(engine, plan, future, wait_s, unknown_s, until_answered, step)
    sent.code = exit_code(outcome)
    return outcome


def _awaited(
    engine: Engine,
    plan: Plan,
    future: Future[Outcome],
    wait_s: float,
    unknown_s: float,
    until_answered: bool,
    step: Callable[[Outcome], None],
) -> Outcome:
    began, shown = time.monotonic(), None
    end_at = began + wait_s

    def over() -> bool:
        return future.done() and (time.monotonic() > began + unknown_s or not engine.actions.read_on(plan.id))

    while not over() and not interrupts.pressed and time.monotonic() < end_at:
        engine.wait(lambda _: over() or interrupts.pressed, PAUSE_S)
        outcome = _shown(engine, plan)
        if outcome is not None and outcome is not shown:
            shown = outcome
            step(outcome)
        if outcome is not None and until_answered and engine.actions.answered(plan.id):
            return outcome
    if future.done():
        return _known(engine, plan, future.result())
    why = "interrupted" if interrupts.pressed else f"not known after {wait_s:.0f} s"
    if engine.actions.withdraw(plan.id, why):
        try:
            return future.result(WITHDRAWN_S)
        except FutureTimeout:
            return _outcome(engine, plan, OutcomeState.REFUSED, f"{why}: nothing was sent")
    last = _shown(engine, plan)
    if last is not None and last.state is not OutcomeState.PENDING:
        return last
    saw = f" (last seen: {last.message})" if last is not None and last.message else ""
    return _outcome(engine, plan, OutcomeState.UNKNOWN, f"{why}: it was sent and continues{saw}", follow(plan))


def _known(engine: Engine, plan: Plan, first: Outcome) -> Outcome:
    """Return how it stands by now; where that is unknown, with the words on who reads on once this program ended."""
    outcome = _shown(engine, plan) or first
    if not engine.actions.read_on(plan.id):
        return outcome
    return msgspec.structs.replace(outcome, hint=f"it may still take effect: {follow(plan)}")


def follow(plan: Plan) -> str:
    """The words on how to learn what came of it."""
    if plan.verb in FOLLOWED:
        return f"follow it with `oncall-tui deploys {plan.target} --watch`"
    return "`oncall-tui status` shows its state; the next start reads its outcome"


def deliver(future: Future[str], to: str) -> str:
    """Wait for a message to *to*: the words on it. Ends the program where it is not known to be sent.

    Call ``interrupts.hold`` before the message is handed over.
    """
    end_at = time.monotonic() + WAIT_S
    while not future.done() and not interrupts.pressed and time.monotonic() < end_at:
        try:
            future.exception(PAUSE_S)
        except FutureTimeout:
            continue
    if not future.done():
        why = "interrupted" if interrupts.pressed else f"no answer within {WAIT_S:.0f} s"
        say(f"unknown: {why}: it may have been sent to {to}; check there before sending it again")
        raise OutcomeExit(UNKNOWN)
    try:
        words = future.result()
        sent.code = DONE
        return words
    except (ActionError, SourceError) as error:
        state = error.outcome
        say(f"{state}: {error}")
        raise OutcomeExit(UNKNOWN if state == OutcomeState.UNKNOWN else NOT_DONE) from None


def tell(outcome: Outcome) -> None:
    """Say how it ended."""
    put(f"{outcome.state}: {outcome.target}: {outcome.message}")
    if outcome.hint:
        say(f"  {outcome.hint}")


def end(outcome: Outcome) -> NoReturn:
    """Say how it ended and exit with its code."""
    tell(outcome)
    leave([outcome])


def leave(outcomes: Sequence[Outcome]) -> NoReturn:
    """Exit with the code of the worst: not done, then not known."""
    codes = {exit_code(outcome) for outcome in outcomes}
    raise OutcomeExit(next((code for code in (NOT_DONE, UNKNOWN) if code in codes), DONE))


def exit_code(outcome: Outcome) -> int:
    """0 done or sent, 3 not known, 1 all else."""
    return {OutcomeState.DONE: DONE, OutcomeState.SENT: DONE, OutcomeState.UNKNOWN: UNKNOWN}.get(
        outcome.state, NOT_DONE
    )


def _shown(engine: Engine, plan: Plan) -> Outcome | None:
    return next((o for o in engine.actions.outcomes if o.plan_id == plan.id), None)


def _outcome(engine: Engine, plan: Plan, state: OutcomeState, message: str, hint: str = "") -> Outcome:
    return Outcome(
        plan_id=plan.id,
        verb=plan.verb,
        target=plan.target,
        state=state,
        message=message,
        at=engine.clock.now(),
        hint=hint,
    )
