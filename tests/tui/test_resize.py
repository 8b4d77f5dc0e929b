"""The list after a resize: the cursor, as much above it as fits, and no line under a row without its row."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.support.fakes import FakeProvider
from tests.support.screen import Rig, on_screen
from tests.tui.test_table import Board, board, row

from oncall_tui.domain.alert import Severity
from oncall_tui.tui.widgets.table.table import Row

UNDER = ((("goes on", ""), "  assigned Alice"),)


def tall(ids: range, claims: int) -> list[Row]:
    """Rows of which the first *claims* have a line under them, wherever the cursor is."""
    return [row(str(i), under=UNDER, claims=True) if i < claims else row(str(i), extra=UNDER) for i in ids]


def first(app: Board) -> str:
    """Return what the list begins with."""
    return next(line for line in app.lines()[1:] if not line.lstrip().startswith("SEV"))


@pytest.mark.parametrize(("claims", "at"), itertools.product((0, 1, 5, 14), (0, 4, 7, 13)))
async def test_the_list_shows_the_cursor_and_as_much_above_it_as_fits(claims: int, at: int) -> None:
    async with board((60, 40)) as (app, pilot):
        app.table.show(tall(range(14), claims))
        app.table.move_to(str(at))
        for lines in (5, 6, 9, 12, 7, 14, 5, 40):
            await pilot.resize_terminal(60, lines)
            await pilot.pause()
            assert f"alert {at} " in app.cursor_line()
            assert "PAGE" in first(app), app.lines()
            height = app.table._view_height()
            below = height - (app.table._top() - app.table.scroll_offset.y) - app.table._block()
            assert app.table.scroll_offset.y == 0 or below <= 1, (lines, app.lines())
        assert app.table.scroll_offset.y == 0


async def test_a_key_leaves_no_line_under_a_row_at_the_top_without_its_row() -> None:
    async with board((60, 9)) as (app, pilot):
        app.table.show([row(str(i), under=UNDER, extra=UNDER, claims=i % 3 == 0) for i in range(30)])
        for key in [*"jjjjjjjjjjjjGkkkkkkkkkg", "pagedown", "pagedown", "pageup", "k", "k"]:
            await pilot.press(key)
            await pilot.pause()
            assert "PAGE" in first(app), (key, app.lines())


async def test_a_line_that_comes_below_the_list_and_goes_takes_no_row_from_its_top(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider())
    for i in range(40):
        rig.provider.add(f"a{i:02}", title=f"alert {i:02}", began=100.0 - i)
    async with on_screen(rig, (80, 24)):
        table = rig.board.session.tables["alerts"]
        await rig.press("j", "j")
        rig.board.session.say("a word", "dim")
        await rig.settle()
        table.move_to(table.rows[table._view_height() - 2].id)
        await rig.settle()
        assert table.scroll_offset.y == 0
        rig.board.session.say("a word " * 40, "warning")
        await rig.settle()
        assert table.scroll_offset.y > 0
        rig.board.session.clear()
        rig.board.renew()
        await rig.settle()
        assert table.scroll_offset.y == 0


async def test_a_page_is_on_screen_again_after_a_resize_and_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider())
    for i in range(14):
        severity = Severity.CRITICAL if not i else Severity.WARNING
        rig.provider.add(f"a{i:02}", title=f"alert {i:02}", severity=severity, began=100.0 - i)
    async with on_screen(rig, (120, 40)):
        table = rig.board.session.tables["alerts"]
        table.move_to(table.rows[7].id)
        await rig.settle()
        for size in ((20, 5), (120, 40), (80, 10), (80, 24)):
            await rig.pilot.resize_terminal(*size)
            await rig.settle()
            rig.refresh()
            await rig.settle()
        assert table.scroll_offset.y == 0
        assert "alert 00" in rig.text()
