"""Lines for the terminal once the board was left: the actions that go on without it, and how to follow them."""

from __future__ import annotations

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.engine.engine import Engine

OPEN = (OutcomeState.PENDING, OutcomeState.UNKNOWN)


def left_behind(engine: Engine) -> tuple[str, ...]:
    """One line for each action whose end is not known yet. Ask before the engine is stopped."""
    return tuple(_line(engine, outcome) for outcome in engine.actions.outcomes if outcome.state in OPEN)


def _line(engine: Engine, outcome: Outcome) -> str:
    plan = engine.actions.plan_of(outcome.plan_id)
    what = plan.title if plan is not None else f"{outcome.verb} {outcome.target}"
    if outcome.verb in FOLLOWED and plan is not None:
        deploy = engine.update.board.deploys.get(plan.target)
        service = deploy.service_id if deploy is not None else plan.target
        follow = f"follow it with `oncall-tui deploys {service} --watch`"
        if engine.actions.answered(plan.id):
            return f"{what}: goes on at AWS ({outcome.message}); {follow}"
        return f"{what}: may have been sent ({outcome.message}); {follow}"
    said = outcome.message or outcome.state
    if outcome.verb is Verb.RUN and outcome.state is OutcomeState.PENDING:
        return f"{what}: ended with the board; `oncall-tui journal --actions` has how, and what it printed first"
    return f"{what}: {said}; the next start reads its outcome, and `oncall-tui status` shows it"
