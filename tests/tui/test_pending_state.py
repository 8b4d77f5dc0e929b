"""A row's state while a write is under way: a word that stands there whole, however wide the column is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState

LONG = "sent, but 127.0.0.1:39215 did not answer in 10 s: reading whether it was done"
VERBS = (Verb.ACKNOWLEDGE, Verb.SILENCE, Verb.UNACKNOWLEDGE, Verb.ESCALATE, Verb.RESOLVE)


@pytest.mark.parametrize("message", [LONG, "checking"])
@pytest.mark.parametrize("size", [(80, 24), (60, 20), (100, 30), (120, 40), (200, 50)])
async def test_no_state_is_a_fragment_of_what_is_under_way(tmp_path: Path, size: tuple[int, int], message: str) -> None:
    rig = Rig(tmp_path, Able("prod"))
    for number, verb in enumerate(VERBS):
        rig.provider.add(f"a{number}", title=f"a title that is long enough to want room {verb}", began=900.0 - number)
    async with on_screen(rig, size):
        for number, verb in enumerate(VERBS):
            one = Outcome(
                plan_id=f"p{number}",
                verb=verb,
                target=f"prod/a{number}",
                state=OutcomeState.PENDING,
                message=message,
                at=rig.clock.now(),
            )
            rig.engine.actions.show(one)
        await rig.settle()
        table = rig.board.session.tables["alerts"]
        lines = [table.render_line(y).text.rstrip() for y in range(table.size.height)]
        for number, verb in enumerate(VERBS):
            top = table._stack.top(number) + table._head
            assert lines[top].endswith((f" {verb}…", f" {verb}… checking")), lines[top]
            assert "sent" not in lines[top]
