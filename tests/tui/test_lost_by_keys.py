"""An acknowledge whose answer was lost, on the board: unknown, and the same key again warns and asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.errors import OutcomeUnknown


async def later(rig: Rig, seconds: float) -> None:
    """Let time pass, with the readings that are due by then."""
    rig.clock.advance(seconds)
    for queue in rig.engine._acting().queues.values():
        with queue._wake:
            queue._wake.notify()
    await rig.settle()


@pytest.mark.parametrize("marked", [False, True])
async def test_the_same_key_again_warns_and_asks(tmp_path: Path, marked: bool) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig, size=(200, 40)) as rig:
        rig.provider.acknowledge.send_raises = [OutcomeUnknown("sent, but no answer within 5 s")]
        await rig.press("a")
        await later(rig, 15.0)
        await later(rig, 10.0)
        assert "acknowledge: unknown: title of a: sent, but no answer within 5 s: no effect is seen yet" in rig.text()
        assert "it may still take effect, and is read on" in rig.text()
        if marked:
            await rig.press("asterisk")
        await rig.pilot.press("a")
        await rig.modal()
        words = " ".join(rig.text().split())
        said = "sent before, not known yet: sent again" if marked else "by Alice, and not known yet whether it takes"
        assert said in words
        assert rig.provider.acknowledge.sent == []
        await rig.press("y")
        await later(rig, 30.0)
        assert {o.state for o in rig.engine.actions.outcomes} == {OutcomeState.DONE}
        assert len(rig.provider.acknowledge.sent) == 1
