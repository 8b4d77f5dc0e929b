"""The state that the parts of the screen share, and the row that a key is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import msgspec

from oncall_tui.engine.engine import Engine, Update
from oncall_tui.text.cells import fit
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters.row_builder import RowBuilder, ViewFilter
from oncall_tui.tui.terminal.arrivals import IgnoredInput
from oncall_tui.tui.terminal.driver import shown_at
from oncall_tui.tui.widgets.table.table import Table

FRAME_S = 0.05  # within which what moved is drawn
STEADY_S = 0.7  # after the cursor moved by itself: no hand has seen that yet
NAME_CELLS = 40


class RowRef(msgspec.Struct, frozen=True):
    """A row as it was drawn: a pane, an id, and for an alert the content on screen, which has the version.

    *id* is None where no row is under the cursor. *marked* are the rows that a key acts on instead, in screen order.
    """

    pane: str
    id: str | None
    triaged_alert: TriagedAlert | None = None
    marked: tuple[str, ...] = ()


PaletteEntry = tuple[str, str, Callable[[], None]]
"""An entry of the palette: title, help, and the function to call."""


@runtime_checkable
class RowScreen(Protocol):
    """A screen over the board for one row. It is told when the board is newer, and when there is a word to show."""

    @property
    def is_active(self) -> bool: ...

    def follow(self) -> None:
        """Look at the row again: the board is newer."""

    def draw_outcome(self, now: float) -> None:
        """Show the outcomes of actions, and the last word."""

    def commands(self) -> Iterable[PaletteEntry]:
        """Return the palette's entries for this row; none once the row is not on the board."""


def _nothing(*_: float) -> None:
    """Stand in for a screen, until there is one."""


NO_ROW = "no row is under the cursor: j and k choose one, where any is listed"


class Session:
    """One engineer at one engine. Widgets draw from it, and controllers change it; neither keeps a copy."""

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str) -> None:
        self.engine, self.tz, self.me = engine, tz, me
        self.rows = RowBuilder(tz)
        self.latest: Update = engine.update
        self.view_filter = ViewFilter()
        self.views: Mapping[str, str] = {}  # the configured ones: name → filter
        self.runbook_folders: tuple[Path, ...] = ()  # where the path of a runbook may begin, the nearest first
        self.tables: dict[str, Table] = {}
        self.pane = "alerts"
        self.list = "alerts"  # the list that the detail pane belongs to
        self.bell_on = True
        self.notice: tuple[str, str] | None = None
        self._doing: tuple[str, str] | None = None  # the word on what is under way
        self._read_again: tuple[tuple[str, str] | None, frozenset[str], float] = (None, frozenset(), 0.0)
        self.said_at = 0.0
        self.call_rate = ""  # calls a second of all sources, in words
        self.unmarked = 0  # marked rows that vanished since the last key
        self.deaf_until = 0.0  # keys before this (monotonic seconds) were meant for something that has gone
        self.ignored = IgnoredInput()  # what acted on nothing, and what is typed on after it
        self.row_screen: RowScreen | None = None  # the screen that is open for one row
        self.on_said: Callable[[float], None] = _nothing  # a word changed: draw it
        self.redraw: Callable[[], None] = _nothing  # draw everything from the newest update

    # --- rows ---------------------------------------------------------------------------------------------------------

    @property
    def list_pane(self) -> str:
        """The pane of the row that keys are for: the detail pane belongs to the list that was active before."""
        return self.pane if self.pane != "detail" else self.list

    @property
    def row_id(self) -> str | None:
        """The id of the row under the cursor."""
        return self.tables[self.list_pane].cursor_id

    def drawn(self, alert_id: str | None) -> TriagedAlert | None:
        """Return the alert as it was drawn: an action is pinned to the version that the engineer saw."""
        return self.rows.drawn(alert_id) if alert_id else None

    def row(self) -> RowRef:
        """Return the row under the cursor, and the marked rows."""
        pane, row_id = self.list_pane, self.row_id
        if pane != "alerts":
            return RowRef(pane, row_id)
        table = self.tables["alerts"]
        marked = tuple(row.id for row in table.rows if row.id in table.marked) if table.marked else ()
        return RowRef(pane, row_id, self.drawn(row_id), marked)

    def knows(self, row: RowRef) -> bool:
        """Tell whether it is a row of the board; a line about a source is none."""
        if row.pane == "alerts":
            return row.triaged_alert is not None
        board = self.latest.board
        return row.id in (board.services if row.pane == "services" else board.deploys)

    def shows(self, row: RowRef) -> bool:
        """Tell whether the row's pane still has it."""
        table = self.tables.get(row.pane)
        return table is not None and any(one.id == row.id for one in table.rows)

    def name(self, row: RowRef) -> str:
        """Name the row in a few words for a person."""
        row_id, board = row.id or "", self.latest.board
        if row.pane == "alerts":
            if row.triaged_alert is None:
                return row_id
            return row.triaged_alert.service.name if row.triaged_alert.service else row.triaged_alert.alert.title
        deploy = board.deploys.get(row_id) if row.pane == "deploys" else None
        service = board.services.get(deploy.service_id if deploy else row_id)
        return service.name if service else deploy.service_id if deploy else row_id

    def steady(self) -> bool:
        """Tell whether a key may act on the row under the cursor.

        It may not just after the cursor moved by itself, nor where marked rows have vanished, because the key was
        meant for the row that was there. The first such key is answered with a word; the next one counts after a pause.
        """
        row, table = self.row(), self.tables[self.list_pane]
        name = fit(self.name(row), NAME_CELLS).strip()
        moved = shown_at(table.app, table.strayed_at + FRAME_S)  # over a slow link seconds after it was drawn
        if row.id is not None and (moved is None or table.now() - moved + FRAME_S < STEADY_S):
            self.not_taken(f"the cursor just moved to {name}", "press again")
            return False
        if self.unmarked and not table.marked:
            self.not_taken(f"{self.unmarked} marked rows are gone: this would act on {name} alone", "press again")
            self.unmarked = 0
            return False
        table.anchored = True
        return True

    # --- words --------------------------------------------------------------------------------------------------------

    def reading(self, text: str, sources: Iterable[str], style: str = "dim") -> None:
        """Show a word that goes once each of *sources* was read again."""
        self.say(text, style)
        self._read_again = (self.notice, frozenset(sources), self.engine.clock.now())

    def was_read(self) -> None:
        """Take the word on what is read again away, where all of that was."""
        notice, names, since = self._read_again
        if notice is None or notice is not self.notice or not names:
            return
        known = self.latest.board.sources
        if all(name not in known or (known[name].read_at or 0.0) > since for name in names):
            self.notice = None

    def say(self, text: str, style: str = "") -> None:
        """Show a word that stays until the next one, or Esc."""
        self.notice = (text, style)
        self.said_at = self.engine.clock.monotonic()
        self.on_said(self.engine.clock.now())

    def not_taken(self, why: str, then: str = "") -> None:
        """Say why a key that acts did nothing, and what to do *then*. What is typed on after it acts on nothing either,
        until a pause: it was meant for what the key would have begun.
        """
        self.ignored.not_taken(why, self.engine.clock.monotonic())
        self.say(f"{why}: {then}" if then else why, "warning")

    def doing(self, text: str) -> None:
        """Show what is under way, until ``unsay`` or the next word."""
        self.say(text, "dim")
        self._doing = self.notice

    def unsay(self) -> None:
        """Take the word on what was under way away, before a dialog covers it; a word that came meanwhile stays."""
        if self.notice is not None and self.notice is self._doing:
            self.clear()

    def clear(self) -> None:
        """Take the word away, whatever it is: the engineer has read it."""
        self.notice = self._doing = None
        self.on_said(self.engine.clock.now())
