"""After the board was left the terminal says what goes on without it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.support.fakes import deploy

from oncall_tui.cli.farewell import left_behind
from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState


def outcome(verb: Verb, state: OutcomeState, target: str, message: str = "0/4 running") -> Outcome:
    return Outcome(plan_id=f"{verb}-{target}", verb=verb, target=target, state=state, message=message, at=0.0)


def engine(*outcomes: Outcome, answered: bool = True) -> Any:
    plans = {o.plan_id: SimpleNamespace(id=o.plan_id, title=f"{o.verb} it", target=o.target) for o in outcomes}
    actions = SimpleNamespace(outcomes=outcomes, plan_of=plans.get, answered=lambda plan_id: answered)
    board = SimpleNamespace(deploys={"prod/d42": deploy("prod/d42", "prod/main/api")})
    return SimpleNamespace(actions=actions, update=SimpleNamespace(board=board))


def test_a_rollback_that_goes_on_is_said_with_how_to_follow_it() -> None:
    for target in ("prod/d42", "prod/main/api"):
        (line,) = left_behind(engine(outcome(Verb.ROLL_BACK, OutcomeState.PENDING, target)))
        assert line == (
            "roll back it: goes on at AWS (0/4 running); follow it with `oncall-tui deploys prod/main/api --watch`"
        )
    for state in (OutcomeState.PENDING, OutcomeState.UNKNOWN):
        (line,) = left_behind(engine(outcome(Verb.RESTART, state, "prod/main/api"), answered=False))
        assert "may have been sent" in line


def test_a_command_that_ends_with_the_board_is_said() -> None:
    (line,) = left_behind(engine(outcome(Verb.RUN, OutcomeState.PENDING, "prod/main/api", "deploy: running")))
    assert line.startswith("run it: ended with the board; `oncall-tui journal --actions` has how")


def test_what_is_not_confirmed_is_said_and_what_ended_is_not() -> None:
    said = left_behind(
        engine(
            outcome(Verb.ACKNOWLEDGE, OutcomeState.UNKNOWN, "pager/Q1", "the answer was lost"),
            outcome(Verb.ROLL_BACK, OutcomeState.DONE, "prod/main/api"),
            outcome(Verb.NOTE, OutcomeState.FAILED, "pager/Q1"),
            outcome(Verb.ESCALATE, OutcomeState.SENT, "prom/1"),
        )
    )
    assert len(said) == 1
    assert "the answer was lost; the next start reads its outcome" in said[0]
