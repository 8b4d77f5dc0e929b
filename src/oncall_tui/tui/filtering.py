"""The filter: typed in a line of its own, kept until it is cleared."""

from __future__ import annotations

import msgspec
from textual import events
from textual.screen import Screen
from textual.widgets import Input

from oncall_tui.triage.filters import FilterError, parse
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.presenters.filter_fields import known, unknown_key
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.session import Session
from oncall_tui.tui.widgets.clean_text import CleanInput

replace = msgspec.structs.replace


class Filtering(Screen[None]):
    """The part of the board that is shown."""

    session: Session
    dialogs: Dialogs

    _said_wrong = ""  # of the filter as it is typed

    def draw(self) -> None:
        """Draw everything, from the newest update."""
        raise NotImplementedError

    def draw_outcome(self, now: float) -> None:
        """Show the outcomes of actions, and the last word."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Lay the panes out, and give the one that is looked at the focus."""
        raise NotImplementedError

    def action_faults(self) -> None:
        self.filter_by(replace(self.session.view_filter, faults=not self.session.view_filter.faults))

    def _line(self) -> Input | None:
        """The line that it is typed in; None: it never was."""
        return next(iter(self.query("#filter").results(Input)), None)

    def action_filter(self) -> None:
        line = self._line()
        if line is None:  # not there from the start: the first frame is earlier without it
            line = CleanInput(
                id="filter", placeholder="words, key:value, !inverse, ~regex; Enter keeps it, Esc clears it"
            )
            self.mount(line, before="#keys")
        line.display = True
        line.value = self.session.view_filter.filter
        self.set_focus(line)  # now, not after the next message: what is typed next belongs to it

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply what is typed as it stands; what can be no filter hides nothing, and says why."""
        event.stop()
        wrong = self.wrong_filter(event.value)
        self.filter_by(replace(self.session.view_filter, filter="" if wrong else event.value, view=""))
        if wrong:
            self.session.say(wrong, "warning")
        elif self.session.notice is not None and self.session.notice[0] == self._said_wrong:
            self.session.notice = None
            self.draw_outcome(self.session.engine.clock.now())
        self._said_wrong = wrong

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if wrong := self.wrong_filter(event.value):
            self.session.say(wrong, "warning")
            return  # refused: it is still there to be mended, and Esc gives it up
        self._close_filter()

    def wrong_filter(self, text: str) -> str:
        """The reason why *text* can be no filter of the board, and what would work; empty: it can."""
        try:
            parse(text, known(self.session.latest, self.session.engine.rules.products))
        except FilterError as error:
            return error.message
        return ""

    def on_key(self, event: events.Key) -> None:
        line = self._line()
        if event.key == "escape" and line is not None and line.has_focus:
            event.stop()
            self.filter_by(replace(self.session.view_filter, filter="", view=""))
            self._close_filter()

    def _close_filter(self) -> None:
        if line := self._line():
            line.display = False
        self.lay_out()

    def say_unknown(self, text: str) -> None:
        """Say the first key of a filter that no row has."""
        if words := unknown_key(text, self.session.latest):
            self.session.say(words, "warning")

    def everything(self) -> ViewFilter:
        """The whole board, nothing left out; the order stays."""
        return ViewFilter(sorts=self.session.view_filter.sorts)

    def filter_by(self, shown: ViewFilter) -> None:
        self.session.view_filter = shown
        self.draw()
        for (
            table
        ) in self.session.tables.values():  # asked for by a key, unlike a refresh: the cursor goes to what is shown
            if table.cursor_id is None and table.rows:
                table.follow_first()
