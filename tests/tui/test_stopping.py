"""Ctrl+Z stops nothing, and says so; what is typed to a shell after it acts on nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.fakes import Able
from tests.support.screen import Rig

from oncall_tui.config import Config
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.terminal.arrivals import REST_S, TO_SHELL_S, IgnoredInput


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Rig]:
    rig = Rig(folder, Able("prod"))
    for number, name in enumerate("abc"):
        rig.provider.add(name, began=1000.0 - number)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    rig.engine.start = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        rig.board, rig.pilot = app.board, pilot
        rig.refresh()
        await pilot.pause()
        yield rig
        app.exit()
    rig.engine.stop()


@pytest.mark.parametrize("pause", [0.1, REST_S + 1.0])
async def test_ctrl_z_says_how_to_leave_and_fg_after_it_acts_on_no_row(tmp_path: Path, pause: float) -> None:
    async with running(tmp_path) as rig:
        await rig.pilot.press("j", "j")
        session = rig.board.session
        row, shown = session.row_id, session.view_filter
        await rig.pilot.press("ctrl+z")
        assert "Ctrl+Z does not stop the board" in (session.notice or ("", ""))[0]
        assert "press q to leave it" in (session.notice or ("", ""))[0]
        for key in ("f", "g", "enter"):
            rig.clock.advance(pause)
            await rig.pilot.press(key)
        await rig.pilot.pause()
        assert rig.pilot.app.screen is rig.board
        assert (session.row_id, session.view_filter) == (row, shown)
        rig.clock.advance(REST_S + 0.1)
        await rig.pilot.press("enter")
        await rig.pilot.pause()
        assert rig.pilot.app.screen is not rig.board, "the next Enter is the board's"
        await rig.pilot.press("ctrl+z")
        assert rig.pilot.app.screen is not rig.board


async def test_it_answers_over_a_dialog_too(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.pilot.press("question_mark")
        await rig.modal()
        await rig.pilot.press("ctrl+z")
        await rig.pilot.pause()
        assert any("does not stop the board" in str(one.message) for one in rig.pilot.app._notifications)


def test_only_what_a_shell_would_be_told_is_kept_from_the_board_for_longer_than_a_pause() -> None:
    ignored = IgnoredInput()
    ignored.stopped("it stops nothing", 10.0)
    assert ignored.goes_on("f", 12.0)
    assert not ignored.goes_on("g", 12.0 + TO_SHELL_S)
    assert not ignored.goes_on("enter", 12.1 + TO_SHELL_S)
    ignored.stopped("it stops nothing", 30.0)
    assert not ignored.goes_on("a", 30.1 + REST_S)
    assert not ignored.goes_on("f", 31.5)
