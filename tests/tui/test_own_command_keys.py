"""Commands of the configuration by key and by name: the row that was drawn, the plan, and the output's own screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import FakeProvider, service
from tests.support.screen import Rig
from textual.screen import Screen

from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.config import Config
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.own_command import OwnCommand, RowKind
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.commands import configure
from oncall_tui.tui.screens.dialogs.modals import Modal
from oncall_tui.tui.screens.run import RunScreen

API = "prod/main/api"
WAITS = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
SIZES = [(80, 24), (120, 40)]


def command(code: str, **more: Any) -> OwnCommand:
    return OwnCommand(**{"name": "fix", "argv": (sys.executable, "-S", "-E", "-c", code), "key": "f2", **more})


@asynccontextmanager
async def opened(
    folder: Path, *commands: OwnCommand, size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[Rig]:
    """The board of two alerts and a service, with the commands."""
    settings = CommandSettings(commands, {one.name: str(folder) for one in commands})
    rig = Rig(folder, FakeProvider("prod"), commands=settings, **more)
    rig.provider.add("a", title="first alert")
    rig.provider.add("b", title="second alert")
    rig.provider.services[API] = service(API)
    app = OncallApp(rig.engine, Config(commands=commands))
    async with app.run_test(size=size) as pilot:
        rig.pilot, rig.board = pilot, app.board
        await pilot.pause()
        rig.refresh()
        await pilot.pause()
        try:
            yield rig
        finally:
            rig.engine.own_commands.end_all("the test is over")
            configure({})  # help is every test's
    rig.engine.stop()


async def until(rig: Rig, found: Any, what: str) -> None:
    for _ in range(400):
        rig.engine._build_board()
        rig.clock.advance(0.3)
        if found():
            return
        await asyncio.sleep(0.02)
        await rig.pilot.pause()
    raise AssertionError(f"{what}:\n{rig.text()}")


async def press(rig: Rig, key: str) -> None:
    """Press a command's key, once it was seen where the cursor is."""
    rig.looked()
    await rig.pilot.press(key)


async def shown(rig: Rig) -> RunScreen:
    """The output's screen, once it is on top and has something to show."""
    await until(rig, lambda: isinstance(rig.pilot.app.screen, RunScreen), "no output on screen")
    screen = rig.pilot.app.screen
    assert isinstance(screen, RunScreen)
    await until(rig, lambda: screen._kept, "no line of output")
    screen.draw()
    await rig.pilot.pause()
    return screen


async def dialog(rig: Rig) -> Modal[Any]:
    await until(rig, lambda: isinstance(rig.pilot.app.screen, Modal), "no dialog")
    return await rig.modal()


def states(rig: Rig) -> list[str]:
    entries = rig.engine.journal.recent()
    return [str(e.data.get("state")) for e in entries if e.kind is EntryKind.OUTCOME]


@pytest.mark.parametrize("size", SIZES)
async def test_what_reads_runs_at_once_for_the_row_and_shows_its_output(tmp_path: Path, size: tuple[int, int]) -> None:
    code = "import json, sys; print('for', json.load(sys.stdin)['row']['title'])"
    async with opened(tmp_path, command(code), size=size) as rig:
        await rig.pilot.press("j")
        rig.looked()
        await press(rig, "f2")
        await shown(rig)
        text = rig.text()
        assert "RUN" in text.splitlines()[0]
        assert "fix" in text.splitlines()[0]
        assert "for second alert" in text
        await until(rig, lambda: "exit code 0 after" in rig.text(), "its end is not shown")
        assert "its first lines, are in the journal" in rig.text()
        assert "X end it" not in rig.text().splitlines()[-1]
        assert "c copy" in rig.text().splitlines()[-1]
        await rig.pilot.press("escape")
        assert rig.pilot.app.screen is rig.board


@pytest.mark.parametrize("size", SIZES)
async def test_what_writes_shows_its_plan_and_enter_runs_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    ran = tmp_path / "ran"
    wanted = command(f"open({str(ran)!r}, 'w'); print('did it')", writes=True, what="mend the alert")
    async with opened(tmp_path, wanted, size=size) as rig:
        await press(rig, "f2")
        await dialog(rig)
        text = rig.text()
        assert "Run fix: first alert" in text
        assert "mend the alert" in text
        assert "y run" in text
        await rig.pilot.press("enter")
        await rig.settle()
        assert rig.pilot.app.screen is rig.board
        assert not ran.exists()
        await press(rig, "f2")
        await dialog(rig)
        await rig.pilot.press("y")
        await shown(rig)
        assert "did it" in rig.text()
        assert ran.exists()


async def test_leaving_its_screen_lets_it_run_and_the_same_key_shows_it_again(tmp_path: Path) -> None:
    async with opened(tmp_path, command(WAITS, writes=True)) as rig:
        await press(rig, "f2")
        await dialog(rig)
        await rig.pilot.press("y")
        await shown(rig)
        assert "Esc q leaves it running; X ends it" in rig.text()
        await rig.pilot.press("escape")
        await until(rig, lambda: rig.pilot.app.screen is rig.board, "back on the board")
        assert len(rig.engine.own_commands.running) == 1
        assert [o.state for o in rig.engine.actions.outcomes] == [OutcomeState.PENDING]
        row = next(line for line in rig.text().splitlines() if line.startswith("▸"))
        assert row.endswith("firing"), "the row's own state is not hidden by a command that runs"
        await press(rig, "f2")
        await shown(rig)
        assert len(rig.engine.own_commands.runs) == 1


async def test_it_is_ended_from_its_screen_after_a_question(tmp_path: Path) -> None:
    async with opened(tmp_path, command(WAITS, writes=True)) as rig:
        await press(rig, "f2")
        await dialog(rig)
        await rig.pilot.press("y")
        await shown(rig)
        await rig.pilot.press("X")
        await dialog(rig)
        assert "what it changed until then stays changed" in rig.text()
        await rig.pilot.press("enter")
        await rig.pilot.pause()
        assert len(rig.engine.own_commands.running) == 1
        await rig.pilot.press("X")
        await dialog(rig)
        await rig.pilot.press("y")
        await until(rig, lambda: "ended by SIGTERM: by Alice" in rig.text(), "its end is not shown")
        await until(rig, lambda: "unknown" in states(rig), "its outcome is not journalled")


async def test_quitting_while_one_runs_asks_and_says_what_happens(tmp_path: Path) -> None:
    async with opened(tmp_path, command(WAITS)) as rig:
        await press(rig, "f2")
        await shown(rig)
        await rig.pilot.press("escape")
        await rig.pilot.pause()
        await rig.pilot.press("q")
        await dialog(rig)
        text = rig.text()
        assert "Quit while a command runs?" in text
        assert "fix: first alert has run for" in text
        assert "Quitting ends it: SIGTERM, and after 2 s SIGKILL." in text
        await rig.pilot.press("enter")
        await rig.pilot.pause()
        assert rig.pilot.app.screen is rig.board


async def test_a_key_right_after_the_cursor_moved_by_itself_runs_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, command("print('ran')")) as rig:
        table = rig.board.session.tables["alerts"]
        table.strayed_at = rig.clock.monotonic()
        await rig.pilot.press("f2")
        await rig.settle()
        assert "press again" in (rig.board.session.notice or ("",))[0]
        assert rig.engine.own_commands.runs == ()


async def test_a_row_that_moved_since_it_was_drawn_is_refused_in_a_dialog(tmp_path: Path) -> None:
    async with opened(tmp_path, command("print('ran')", writes=True)) as rig:
        found = next(iter(rig.provider.alerts.values()))
        row = rig.board.session.row()
        rig.provider.acknowledge.send(rig.provider.acknowledge.plan(_ask(rig, found), rig.engine.update.board))
        rig.poll()  # newer than what is drawn
        rig.board.actions.run_own("fix", row)
        await dialog(rig)
        assert "refused" in rig.text()
        assert "moved: it is acknowledged now" in rig.text()
        assert rig.engine.own_commands.runs == ()


def _ask(rig: Rig, found: Any) -> Any:
    from oncall_tui.domain.action import Verb
    from oncall_tui.domain.plan import ActionRequest

    return ActionRequest(verb=Verb.ACKNOWLEDGE, target=found.id, version=found.version, actor=rig.engine.actor)


async def test_a_paste_with_its_letter_runs_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, command("print('ran')", key="W")) as rig:
        rig.board.session.ignored.burst("xWx", rig.clock.monotonic())
        await rig.pilot.press("W")
        await rig.settle()
        assert rig.engine.own_commands.runs == ()


async def test_a_command_for_services_says_so_on_an_alert_and_runs_on_a_service(tmp_path: Path) -> None:
    async with opened(tmp_path, command("print('ran')", rows=(RowKind.SERVICE,))) as rig:
        await press(rig, "f2")
        await rig.settle()
        assert "fix is for a service, and this is an alert" in (rig.board.session.notice or ("",))[0]
        rig.clock.advance(5)
        await rig.pilot.press("2")
        rig.looked()
        await press(rig, "f2")
        await shown(rig)
        assert API in rig.text()


async def test_the_detail_screen_runs_it_for_its_own_row(tmp_path: Path) -> None:
    code = "import os; print('for', os.environ['ONCALL_TITLE'])"
    async with opened(tmp_path, command(code)) as rig:
        await rig.pilot.press("j")
        rig.looked()
        await rig.pilot.press("enter")
        await rig.settle()
        rig.board.session.tables["alerts"].move_to("prod/a")
        await press(rig, "f2")
        await shown(rig)
        assert "for second alert" in rig.text()


async def test_read_only_offers_and_runs_what_reads_alone(tmp_path: Path) -> None:
    two = (command("print('ran')"), command("print('ran')", name="mend", key="f3", writes=True))
    async with opened(tmp_path, *two, read_only=True) as rig:
        await press(rig, "f3")
        await rig.settle()
        assert "read only: mend writes" in (rig.board.session.notice or ("",))[0]
        rig.clock.advance(5)
        await press(rig, "f2")
        await shown(rig)


async def test_help_and_the_palette_have_it_with_its_key_and_where_it_is_from(tmp_path: Path) -> None:
    two = (
        command("1", what="mend it", writes=True),
        command("1", name="cluster-report", key="", rows=(RowKind.BOARD, RowKind.DEPLOY)),
    )
    async with opened(tmp_path, *two) as rig:
        found = {one.title: one for one in rig.pilot.app.get_system_commands(rig.pilot.app.screen)}
        assert "from your configuration" in found["fix (f2) first alert"].help
        assert "cluster-report" in found  # it is for no row too
        assert "run a command" in found
        await rig.pilot.press("question_mark")
        await rig.modal()
        seen = ""
        for _ in range(20):
            seen += rig.text()
            await rig.pilot.press("ctrl+f")
            await rig.pilot.pause()
        assert "From your configuration" in seen
        assert "fix: mend it (alert or service or deploy; writes:" in seen
        assert ": cluster-report" in seen


async def test_one_is_picked_from_the_list_of_the_palette(tmp_path: Path) -> None:
    async with opened(tmp_path, command("print('picked')", key="")) as rig:
        found = {one.title: one for one in rig.pilot.app.get_system_commands(rig.pilot.app.screen)}
        found["run a command"].callback()
        await dialog(rig)
        assert "Run which command?" in rig.text()
        await until(rig, lambda: "fix" in rig.text(), "it is listed")
        await rig.pilot.press("enter")
        await shown(rig)
        assert "picked" in rig.text()


@pytest.mark.parametrize("size", [(1, 1), (9, 3), (40, 8), *SIZES])
async def test_no_size_ends_its_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, command("for n in range(99): print('line', n)")) as rig:
        await press(rig, "f2")
        screen: Screen[Any] = await shown(rig)
        await rig.pilot.resize_terminal(*size)
        await rig.pilot.pause()
        assert rig.pilot.app.screen is screen
        await rig.pilot.press("g", "G", "c", "question_mark")
        await rig.pilot.pause()


async def test_a_command_that_cannot_be_run_here_says_so_and_starts_nothing(tmp_path: Path) -> None:
    wanted = OwnCommand(name="fix", argv=("no-such-program-at-all",), key="f2")
    async with opened(tmp_path, wanted, size=(80, 24)) as rig:
        await press(rig, "f2")
        await dialog(rig)
        assert "no-such-program-at-all is not on this machine" in " ".join(rig.text().split())
