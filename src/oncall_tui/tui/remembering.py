"""An alert's timeline: its sources' events, its deploys and this machine's journal, as one list."""

from __future__ import annotations

import asyncio

from oncall_tui.errors import OncallError
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.text.cells import clean
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.base import Base
from oncall_tui.tui.screens.dialogs.modals import Text


class Remembering(Base):
    """The timeline of the row under the cursor."""

    def action_timeline(self) -> None:
        look = self.alert_look(self.row_id) if self.list_pane == "alerts" else None
        if look is None:
            self.say("only alerts have a timeline: 1 goes to the alerts", "warning")
            return
        self.say("reading its timeline", "dim")
        self.begin(self._timeline(look), asks=False)

    async def _timeline(self, look: TriagedAlert) -> None:
        """Of each alert that the row stands for, and of the pager's incident: each is asked at its own source."""
        from oncall_tui.inspection.timeline import merge_timeline  # opened by a key, imported then
        from oncall_tui.tui.screens.detail.story_part import moment_lines

        ids = dict.fromkeys(i for i in (look.incident, *(m.id for m in look.members)) if i)
        found: dict[str, tuple[TimelineEvent, ...]] = {}
        for row_id in ids:
            try:
                found[row_id] = await asyncio.wrap_future(self.engine.evidence.timeline(row_id))
            except OncallError as error:
                found[row_id] = (TimelineEvent(self.engine.clock.now(), "", f"{row_id} cannot be read: {error}"),)
        self._unsay()
        board, own = self.engine.update.board, look.service.id if look.service else ""
        deploys = [d for d in board.deploys.values() if d.service_id == own or d is look.suspect]
        members = [a for i in ids if (a := board.alerts.get(i)) is not None] or look.members
        moments = merge_timeline(members, found, deploys, board.services.get(own))
        nothing = [(("No earlier events are known.", "dim"),)]
        lines = moment_lines(moments, self.tz, self.engine.clock.now()) or nothing
        self.show_when_free(Text(f"Timeline of {clean(look.alert.title)}", lines))
