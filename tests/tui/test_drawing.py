"""Drawing reads: it changes neither the session nor a controller, whatever time it is and however often it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, FakeProvider
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.tui.controllers.messages import DONE_SHOWN_S
from oncall_tui.tui.presenters.last_seen import IDLE_S
from oncall_tui.tui.screens.detail.screen import DetailScreen

SIZES = [(120, 40), (80, 24)]


def plain(value: Any, depth: int = 4) -> Any:
    """*value* to compare: objects of this program by their fields, anything else by itself."""
    if isinstance(value, dict):
        return {key: plain(one, depth) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return frozenset(value)
    if isinstance(value, (list, tuple)):
        return [plain(one, depth) for one in value]
    if type(value).__module__.startswith("oncall_tui.tui") and hasattr(value, "__dict__") and depth:
        return {name: plain(one, depth - 1) for name, one in vars(value).items()}
    return value


def state(rig: Rig) -> dict[str, Any]:
    """The session, its tables' cursors and marks, every controller of the board, and what the action service keeps.

    But for ``rows``: the rows as they were drawn.
    """
    board, session = rig.board, rig.board.session
    own = {
        name: value for name, value in vars(session).items() if name not in ("tables", "rows", "engine", "row_screen")
    }
    of_tables = {
        name: (table.cursor_id, table.anchored, table.strayed_at, table.marked, table.new)
        for name, table in session.tables.items()
    }
    controllers = (board.new_rows.seen, board.new_rows._pages, board.memory._saved, board.filters._said_wrong)
    asking = (board.dialogs._asking, board.dialogs._to_show)
    fields = (board.zoomed, board._rate_of, board._arranged, session.row_screen)
    return {
        "session": plain(own),
        "tables": of_tables,
        "controllers": [plain(one) for one in controllers],
        "dialogs": [plain(one) for one in asking],
        "board": fields,
        "outcomes": [(o.plan_id, o.state) for o in rig.engine.actions.outcomes],
    }


@pytest.mark.parametrize("size", SIZES)
async def test_drawing_twice_changes_no_state_also_after_everything_is_due_to_go(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.add("one", title="first one")
    rig.provider.add("two", severity=Severity.CRITICAL)
    rig.board.memory.take_up(True)
    async with on_screen(rig, size) as rig:
        rig.board.new_rows.pressed()
        await rig.press("j", "a")
        assert [o.state for o in rig.engine.actions.outcomes] == [OutcomeState.DONE]
        rig.board.session.say("a word that goes", "dim")
        before = state(rig)
        rig.board.draw()
        assert state(rig) == before
        rig.clock.advance(IDLE_S + DONE_SHOWN_S + 1)
        before = state(rig)
        for _ in range(2):
            rig.board.draw()
            rig.board.drawing.live()
            rig.board.drawing.outcome(rig.clock.now())
        assert state(rig) == before, "what time alone changes is changed by a tick"
        rig.board.tick()
        after = state(rig)
        assert rig.board.session.notice is None
        assert after["outcomes"] == []
        assert after["controllers"] != before["controllers"]


async def test_drawing_marks_no_page_as_seen_nor_saves_a_view_nor_lets_the_cursor_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.add("one")
    rig.board.memory.take_up(True)
    async with on_screen(rig) as rig:
        await rig.press("j", "2")  # chosen, and looked away
        rig.provider.add("two", severity=Severity.CRITICAL)
        rig.refresh()
        await rig.settle()
        session = rig.board.session
        assert "NEW PAGE" in rig.text()
        session.pane = "alerts"
        session.tables["alerts"]._place = type(session.tables["alerts"]._place)(
            0, session.tables["alerts"].rows[0], True
        )
        assert session.row_id == "prod/two"
        session.bell_on = False
        before = state(rig)
        rig.board.draw()
        assert state(rig) == before
        assert rig.board.new_rows.page_words() != "", "the cursor's move, not the drawing, marks a page as seen"
        rig.board.tick()
        assert rig.board.new_rows.page_words() == ""
        assert rig.board.memory._saved is not None
        assert rig.board.memory._saved.bell is False


async def test_drawing_the_detail_changes_no_state(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.add("one", title="first one")
    async with on_screen(rig) as rig:
        await rig.press("a", "enter")
        screen = rig.pilot.app.screen
        assert isinstance(screen, DetailScreen)
        rig.clock.advance(DONE_SHOWN_S + 1)
        before, row, at = state(rig), screen.row, screen._at
        for _ in range(2):
            screen.draw()
        assert state(rig) == before
        assert (screen.row, screen._at) == (row, at)
