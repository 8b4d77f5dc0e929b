"""An update may come at any moment: also while a screen's widgets are being mounted, or go as the program ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import Able, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.tui import drawing
from oncall_tui.tui.screens.detail import screen as detail
from oncall_tui.tui.screens.detail.screen import DetailScreen


def night(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/api"] = service("prod/main/api")
    rig.provider.add("w", title="disk fills", hint=ServiceHint(service="api"))
    return rig


@pytest.mark.core(4)
@pytest.mark.parametrize("gone", sorted(drawing.DRAWN_ON))
async def test_the_board_is_told_while_one_of_its_parts_is_not_there(tmp_path: Path, gone: str) -> None:
    rig = night(tmp_path)
    async with on_screen(rig):
        await rig.board.query_one(f"#{gone}").remove()
        rig.board.show(rig.engine.update)
        rig.board.tick()
        rig.board.session.say("a word")


@pytest.mark.core(2)
@pytest.mark.parametrize("gone", sorted(detail.DRAWN_ON))
async def test_the_detail_is_told_while_one_of_its_parts_is_not_there(tmp_path: Path, gone: str) -> None:
    rig = night(tmp_path)
    async with on_screen(rig):
        await rig.press("enter")
        screen = rig.pilot.app.screen
        assert isinstance(screen, DetailScreen)
        await screen.query_one(f"#{gone}").remove()
        rig.board.show(rig.engine.update)
        screen.draw()
