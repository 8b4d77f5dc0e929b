"""Every screen and dialog at every size of the window: nothing ends, nothing acts unseen, and Esc goes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import Severity
from oncall_tui.tui.screens.dialogs.modals import Modal

# Each is a way to a screen, a form or a list from the board.
DIALOGS = ("R", "S", "E", "p")
WAYS = (
    "", *DIALOGS, "n", "C", "s", "u", "i", "h", "o", "question_mark", "greater_than_sign", "slash", "enter", "l",
    "colon", "z", "ctrl+p",
)  # fmt: skip
SIZES = ((5, 2), (1, 1), (300, 2))
COLUMNS, LINES = (5, 7, 12, 19, 33, 61, 150), (2, 3, 5, 8, 13, 60)


def sweep(number: int) -> tuple[tuple[int, int], ...]:
    """Every width and every height, in half of their pairs; the way beside it has the other half."""
    pairs = ((x, y) for x in range(len(COLUMNS)) for y in range(len(LINES)) if (x + y + number) % 2 == 0)
    return tuple((COLUMNS[x], LINES[y]) for x, y in pairs)


@pytest.mark.parametrize(
    ("ways", "sizes"),
    [
        (DIALOGS, SIZES),
        *(pytest.param((way,), sweep(n), marks=pytest.mark.everything) for n, way in enumerate(WAYS)),
    ],
    ids=["core", *(way or "board" for way in WAYS)],
)
async def test_no_size_of_the_window_ends_a_dialog_or_lets_it_act_unseen(
    tmp_path: Path, ways: tuple[str, ...], sizes: tuple[tuple[int, int], ...]
) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/api"] = service()
    rig.provider.add("a", severity=Severity.CRITICAL, labels=(("k", "v"),), provider="alertmanager")
    async with on_screen(rig) as rig:
        app: Any = rig.pilot.app
        for way in ways:
            await rig.pilot.resize_terminal(80, 24)
            await rig.pilot.press("j", "k", *([way] if way else []))
            await rig.pilot.pause(0.02)
            for size in sizes:
                await rig.pilot.resize_terminal(*size)
                await rig.pilot.pause()
                screen = app.screen
                if isinstance(screen, Modal) and screen.unread():
                    screen._painted_at = 0.0  # it was there long enough
                    await rig.pilot.press("y")
                    await rig.pilot.pause()
                assert app._exception is None, (way, size)
                assert app.is_running, (way, size)
            await rig.pilot.resize_terminal(80, 24)
            for _ in range(6):
                if app.screen is app.board and not app.board.dialogs.active:
                    break
                await rig.pilot.press("escape")
                await rig.pilot.pause(0.02)
            assert app.screen is app.board, way
            await rig.pilot.press("escape")
        handlers: Any = rig.provider.handlers()
        sent = [(verb, handler.sent) for verb, handler in handlers.items() if handler.sent]
        assert sent == []


async def test_a_dialog_that_is_closing_may_lack_a_part_and_the_board_goes_on(tmp_path: Path) -> None:
    """On a loaded machine a frame came between the removal of its last line and of its body: the board ended."""
    rig = Rig(tmp_path, Able("prod"))
    async with on_screen(rig, (120, 40)) as rig:
        await rig.settle()
        await rig.press("i")
        modal = await rig.modal()
        await modal.query_one("#more").remove()
        modal._count_hidden()
        modal.fit_body()
        await rig.press("escape")
        await rig.settle()
        assert rig.pilot.app.screen is rig.board
