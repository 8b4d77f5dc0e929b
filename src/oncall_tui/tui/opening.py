"""The screen that opens over the board for one row: its Detail. Imported when its key is pressed, not at the start."""

from __future__ import annotations

from pathlib import Path

from oncall_tui.tui.base import Base


class Opening(Base):
    """The screens of one row. *runbook_folders*: where the path of a runbook may begin, the nearest first."""

    runbook_folders: tuple[Path, ...] = ()

    def action_detail(self) -> None:
        """The row under the cursor on a screen of its own."""
        from oncall_tui.tui.board import BoardScreen
        from oncall_tui.tui.screens.detail.screen import DetailScreen

        row_id = self.row_id
        assert isinstance(self, BoardScreen)
        if row_id is None:
            self.say("there is no row under the cursor: move it to one first", "warning")
        elif not self.knows(row_id):
            self.say("that line is about a source, not an alert: i shows every source", "warning")
        elif self.over is None:
            self.tables[self.list_pane].anchored = True  # opened: no refresh takes the row from under that screen
            self.over = DetailScreen(self, self.list_pane, row_id)
            self.app.push_screen(self.over)

    def knows(self, row_id: str) -> bool:
        """Return whether it is a row of the board, and not a line about a source."""
        if self.list_pane == "alerts":
            return self.alert_look(row_id) is not None
        board = self.latest.board
        return row_id in (board.services if self.list_pane == "services" else board.deploys)
