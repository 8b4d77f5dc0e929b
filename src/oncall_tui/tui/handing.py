"""``h``: the handover. What it takes is imported when the key is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from oncall_tui.tui.base import Base

if TYPE_CHECKING:
    from oncall_tui.tui.board import BoardScreen


class Handing(Base):
    """Open the handover."""

    def action_handover(self) -> None:
        from oncall_tui.tui.screens.handover import HandoverView

        self.app.push_screen(HandoverView(cast("BoardScreen", self)))
