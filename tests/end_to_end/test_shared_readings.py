"""One recorder and five boards: they cost the sources what one board does; without it they poll, and say so."""

from __future__ import annotations

from collections.abc import Callable

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import ActionRequest
from tests.end_to_end.shared_readings import QUIET, board, ended, play, recorder, says, set_environment, whole
from tests.end_to_end.world import World, until


def test_five_boards_cost_what_one_does_and_poll_when_the_recorder_is_killed(
    make_world: Callable[..., World],
) -> None:
    world = make_world(*QUIET)
    found = play(world, world.configure(intervals=0.25), 3.0)
    assert found.alone > 20
    assert found.together <= 1.3 * found.alone + 5, found
    assert found.by_themselves_s < 15.0, found
    assert found.taken_again_s < 15.0, found


def test_a_row_that_a_recorder_read_is_acted_on_from_the_board(make_world: Callable[..., World]) -> None:
    """Its source's provider is built then, and no sooner; what came of it is read by the recorder, as it was asked."""
    world = make_world("--scenario", "night")
    config = world.configure(me={"name": "Alice", "email": "alice@example.com"})
    with set_environment(world.env):
        program = recorder(world, config)
        try:
            with board(config) as engine:
                until(lambda: says(engine, "reads for this board since "), "it takes readings")
                until(lambda: whole(engine), "it is whole")

                def row() -> object:
                    able = (a for a in engine.update.board.alerts.values() if Verb.ACKNOWLEDGE in a.verbs - a.here)
                    return next((a for a in able if a.provider == "alertmanager"), None)

                until(row, "an alert of the Alertmanager")
                alert = row()
                assert all(p.provider is None for p in engine.pollers)
                assert alert is not None
                asked = ActionRequest(
                    verb=Verb.ACKNOWLEDGE,
                    target=alert.id,  # type: ignore[attr-defined]
                    version=alert.version,  # type: ignore[attr-defined]
                    actor=engine.actor,
                )
                plan = engine.actions.plan(asked).result(20)
                engine.actions.execute(plan)
                until(
                    lambda: any(str(o.state) == "done" for o in engine.update.outcomes),
                    "it is acknowledged, and verified",
                )
                built = {p.name for p in engine.pollers if p.provider is not None}
                assert built == {plan.source}
                assert says(engine, "reads for this board since ")

                def held() -> bool:
                    shown = engine.update.board.alerts.get(plan.target)
                    return shown is not None and "Alice" in shown.by

                until(held, "the recorder read it again", 9.0)  # sooner than its interval of ten seconds
        finally:
            ended(program)
