"""A bug in what a key does is logged and named, and the board goes on; one that draws the board ends it."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.handler_errors import noted_only_where
from tests.support.screen import Rig
from textual._context import active_message_pump
from textual.app import SystemCommand
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from oncall_tui.config import Config
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.board import BoardScreen
from oncall_tui.tui.handler_errors import WHERE, words
from oncall_tui.tui.widgets.table.table import Table


def broken(*_: Any) -> None:
    raise KeyError("planted")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[OncallApp, Pilot[None], Rig]]:
    rig = Rig(folder)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.1)
            rig.refresh()
            await pilot.pause(0.1)
            app.board.show(rig.engine.update)
            await pilot.pause()
            yield app, pilot, rig
    finally:
        rig.engine.stop()


def notice(app: OncallApp) -> str:
    assert app.board.session.notice is not None
    return app.board.session.notice[0]


async def goes_on(app: OncallApp, pilot: Pilot[None], rig: Rig) -> None:
    """Other keys do what they do."""
    before = app.board.session.bell_on
    rig.clock.advance(10.0)
    await pilot.press("m")
    await pilot.pause()
    assert app.board.session.bell_on is not before
    assert app.is_running


@pytest.mark.handler_error
async def test_a_key_that_fails_is_named_and_the_board_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as (app, pilot, rig):
        monkeypatch.setattr(BoardScreen, "action_act", broken)
        with caplog.at_level(logging.ERROR):
            await pilot.press("R")
            await pilot.pause()
        assert notice(app).startswith("R (roll back) failed by a bug: KeyError: 'planted'; check its outcome")
        assert WHERE in notice(app)
        (record,) = [one for one in caplog.records if one.name.endswith("handler_errors")]
        assert record.exc_info
        await goes_on(app, pilot, rig)


async def seen_by_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that presses a key that fails, and looks at nothing."""
    with noted_only_where(False):
        async with running(folder) as (_, pilot, _):
            monkeypatch.setattr(BoardScreen, "action_act", broken)
            await pilot.press("R")
            await pilot.pause()


@pytest.mark.handler_error
async def test_a_test_fails_in_which_a_key_fails_that_is_to_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = r"R \(roll back\) failed\n(?s:.*)KeyError: 'planted'"
    with caplog.at_level(logging.CRITICAL), pytest.raises(AssertionError, match=seen):  # whatever level is logged
        await seen_by_nobody(tmp_path, monkeypatch)
    with pytest.raises(AssertionError, match="no handler failed"), noted_only_where(True):
        pass


@pytest.mark.handler_error
async def test_a_message_that_a_widget_made_of_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as (app, pilot, rig):
        monkeypatch.setattr(BoardScreen, "on_table_opened", broken)
        table = app.board.session.tables["alerts"]
        table.post_message(Table.Opened(table, "x"))
        app._key = "enter"
        await pilot.pause()
        assert notice(app).startswith("enter failed by a bug")
        await goes_on(app, pilot, rig)


class Broken(Screen[None]):
    def compose(self) -> Any:
        yield Static("half")
        raise KeyError("planted")


class BrokenLater(Screen[None]):
    def on_mount(self) -> None:
        self.call_later(broken)


class BrokenTick(Screen[None]):
    def on_mount(self) -> None:
        self.set_interval(0.01, broken)


@pytest.mark.handler_error
@pytest.mark.parametrize("screen", [Broken, BrokenLater, BrokenTick])
async def test_a_screen_over_the_board_that_fails_is_closed(tmp_path: Path, screen: type[Screen[None]]) -> None:
    async with running(tmp_path) as (app, pilot, rig):
        app._key = "enter"
        app.push_screen(screen())
        for _ in range(20):
            await pilot.pause(0.02)
            if app.screen is app.board and app.board.session.notice:
                break
        assert app.screen is app.board
        assert notice(app).startswith("enter failed by a bug: KeyError")
        await goes_on(app, pilot, rig)


@pytest.mark.handler_error
async def test_an_error_of_a_screen_that_was_just_closed_does_not_end_the_board(tmp_path: Path) -> None:
    """What ticks in it may tick once more before it is gone."""
    async with running(tmp_path) as (app, pilot, rig):
        closed: Screen[None] = Screen()
        await app.push_screen(closed)
        await app.pop_screen()
        within = active_message_pump.set(closed)
        app._handle_exception(KeyError("planted"))
        active_message_pump.reset(within)
        await pilot.pause()
        assert app.is_running
        assert app._exception is None
        await goes_on(app, pilot, rig)


@pytest.mark.handler_error
async def test_an_entry_of_the_palette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as (app, pilot, rig):
        monkeypatch.setattr(app, "_possible", lambda screen: [SystemCommand("view payments", "a filter", broken)])
        (entry,) = app.get_system_commands(app.board)
        app.call_later(entry.callback)  # as the palette does
        await pilot.pause()
        assert notice(app).startswith("view payments failed by a bug")
        await goes_on(app, pilot, rig)


def test_what_the_machine_lacks_is_no_bug_and_nothing_of_it_is_obeyed() -> None:
    said = words("R (roll back)", OSError(errno.ENOSPC, "No space left on device"))
    assert said.startswith("R (roll back) failed: No space left on device (free space on the disk)")
    assert "\x1b" not in words("x", ValueError("\x1b[2J"))
