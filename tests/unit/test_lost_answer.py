"""A write whose answer was lost, as the action service has it: others wait for nothing, and nothing is sent twice
unawares.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import ALICE
from tests.unit.test_batch import Bench

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import OutcomeUnknown


def ask(bench: Bench) -> ActionRequest:
    (alert,) = bench.provider.alerts.values()
    return ActionRequest(verb=Verb.ACKNOWLEDGE, target=alert.id, version=alert.version, actor=ALICE)


def pressed(bench: Bench, seconds: float = 0.0) -> Plan | None:
    """Press the key, and let time pass; the plan that wants a yes."""
    found = bench.actions.quick(ask(bench))
    bench.queue.settle(seconds)
    return found.result(0)


def states(bench: Bench) -> list[OutcomeState]:
    return [outcome.state for outcome in bench.actions.outcomes]


@pytest.fixture
def lost(tmp_path: Path) -> Bench:
    """An acknowledge that timed out half a minute ago, and shows no effect."""
    bench = Bench(tmp_path, 1)
    bench.handler.send_raises = [OutcomeUnknown("sent, but no answer within 5 s")]
    assert pressed(bench, 30.0) is None
    assert states(bench) == [OutcomeState.UNKNOWN]
    return bench


def test_the_same_key_again_warns_and_asks(lost: Bench) -> None:
    plan = pressed(lost)
    assert plan is not None
    assert plan.confirm is Confirm.YES
    (warning,) = plan.warnings
    assert warning.startswith("sent at ")
    assert "by Alice, and not known yet whether it takes effect: sent, but no answer within 5 s" in warning
    assert warning.endswith("; this sends it again")
    assert lost.handler.sent == []


def test_after_a_yes_it_is_sent_again_and_both_are_done(lost: Bench) -> None:
    plan = pressed(lost)
    assert plan is not None
    lost.actions.execute(plan)
    lost.queue.settle(60.0)
    assert states(lost) == [OutcomeState.DONE, OutcomeState.DONE]
    assert len(lost.handler.sent) == 1


def test_once_it_is_known_nothing_is_asked(lost: Bench) -> None:
    (outcome,) = lost.actions.outcomes
    plan = lost.actions.plan_of(outcome.plan_id)
    assert plan is not None
    assert lost.actions.read_on(plan.id)
    lost.handler.send(plan)  # it arrives after all
    lost.queue.settle(60.0)
    assert states(lost) == [OutcomeState.DONE]
    assert not lost.actions.read_on(plan.id)


def test_what_belongs_to_another_action_is_told_as_unknown_and_once_it_is_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    told: list[OutcomeState] = []
    over: list[bool] = []
    bench.actions.run_silently(ask(bench), lambda state, message, hint: told.append(state), lambda: over.append(True))
    bench.queue.settle(30.0)
    assert (told, over) == ([OutcomeState.UNKNOWN], [True])
    (alert,) = bench.provider.alerts.values()
    bench.handler.send(bench.handler.plan(ask(bench), bench.actions._board(Verb.ACKNOWLEDGE, alert.id)))
    bench.queue.settle(60.0)
    assert (told, over) == ([OutcomeState.UNKNOWN, OutcomeState.DONE], [True])
