"""What happened to an alert: its source's memory and this machine's journal, as a list to read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, tzinfo

from oncall_tui.contract import Told
from oncall_tui.errors import OncallError
from oncall_tui.text import clean
from oncall_tui.triage.look import AlertLook
from oncall_tui.tui.base import Base
from oncall_tui.tui.lines import Line
from oncall_tui.tui.modals import Text


class Remembering(Base):
    """The timeline of the row under the cursor."""

    def action_timeline(self) -> None:
        look = self.alert_look(self.row_id) if self.list_pane == "alerts" else None
        if look is None:
            self.say("a timeline is an alert's: 1 goes to the alerts", "warning")
            return
        self.say("reading what happened to it", "dim")
        self.begin(self._timeline(look), asks=False)

    async def _timeline(self, look: AlertLook) -> None:
        """Of each alert that the row stands for, and of the pager's incident: each is asked at its own source."""
        ids = dict.fromkeys(i for i in (look.incident, *(m.id for m in look.members)) if i)
        found: list[Told] = []
        for row_id in ids:
            try:
                told: tuple[Told, ...] = await asyncio.wrap_future(self.engine.evidence.timeline(row_id))
                found += told
            except OncallError as error:
                found.append(Told(self.engine.clock.now(), "", f"{row_id} cannot be read: {error}"))
        self._unsay()
        found.sort(key=lambda told: -told.at)
        self.show_when_free(Text(f"Timeline of {clean(look.alert.title)}", told_lines(found, self.tz)))


def told_lines(found: Iterable[Told], tz: tzinfo | None) -> list[Line]:
    """``22 Nov 02:41  Bob  Acknowledged by Bob``, newest first; what is from the journal says so."""
    lines: list[Line] = []
    for told in found:
        at = datetime.fromtimestamp(told.at, tz).strftime("%d %b %H:%M")
        by = f"{clean(told.by)}  " if told.by and told.by not in told.text else ""
        mark = "  (seen or done from here)" if told.where == "here" else ""
        lines.append(((f"{at}  ", "dim"), (by, "bold"), (clean(told.text), ""), (mark, "dim")))
    return lines or [(("Nothing is known of what happened to it before now.", "dim"),)]
