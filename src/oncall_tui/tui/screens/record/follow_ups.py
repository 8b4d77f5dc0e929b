"""The list of follow-ups: what became of it. Opened, taken up and closed by keys; each is written to the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from textual.binding import BindingType

from oncall_tui.domain.follow_up import FollowUp, FollowUpState, ordered
from oncall_tui.engine.engine import Engine
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import age, moment
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.modals import Form, Text
from oncall_tui.tui.screens.record import recorded
from oncall_tui.tui.screens.record.list_screen import SENT, ListScreen
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Column, Row, Table
from oncall_tui.tui.widgets.text_lines import Line

NO_ROW = "no follow-up is under the cursor"
_STYLE = {FollowUpState.OPEN: "warning", FollowUpState.LOOKING: "bold", FollowUpState.DONE: "ok"}


class AboutAlert(msgspec.Struct, frozen=True):
    """The alert that a new follow-up would be about: its alerts' keys, and its title."""

    keys: tuple[str, ...]
    title: str


class FollowUpScreen(ListScreen):
    """*about* is the alert of the row from which it was opened; None: there is none."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("follow-ups")
    keys_of = "follow-ups"
    heading = "FOLLOW-UPS"
    columns: ClassVar[Sequence[Column]] = (
        Column("state", "STATE", 7),
        Column("age", "AGE", 4, align="right"),
        Column("owner", "OWNER", 8, most=16, turn=2),
        Column("title", "TITLE", 24, flex=True, min_width=20, turn=1, wraps=True, spills=True),
        Column("said", "LAST WORD", 16, flex=True, min_width=10, turn=4, wide=100, drop=2, spills=True),
        Column("alerts", "ALERTS", 6, most=10, turn=3, drop=1),
        Column("id", "ID", 8, drop=3, wide=90),
    )

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str, about: AboutAlert | None = None) -> None:
        super().__init__(engine, tz)
        self._me, self._about = me, about
        self._every = False  # are those listed that are done?
        self.found: tuple[FollowUp, ...] = ()

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        def job() -> tuple[FollowUp, ...]:
            self.engine.memory.follow_ups.load()
            return ordered(self.engine.memory.follow_ups.current.values())

        self.ask(job, self._show)

    def _show(self, found: tuple[FollowUp, ...]) -> None:
        self.found = found
        shown = [f for f in found if self._every or f.is_open]
        first = [f for f in shown if self._is_about(f)]
        rows = [self._row(f) for f in (*first, *(f for f in shown if f not in first))]
        self.show_rows(rows, "No follow-up is open. n opens one." if not self._every else "There is no follow-up.")
        self.draw_title()

    def _is_about(self, one: FollowUp) -> bool:
        return self._about is not None and bool({*one.alerts} & {*self._about.keys})

    def _row(self, one: FollowUp) -> Row:
        now, mine = self.engine.clock.now(), self._is_about(one)
        here = "this row" if mine else count(len(one.alerts), "alert") if one.alerts else "–"
        title = (one.title, "bold" if mine else "")
        said = recorded.said(one)
        state = (str(one.state), _STYLE[one.state])
        cells = (state, age(now - one.opened_at), one.owner or "–", title, said, here, one.id)
        return Row(one.id, cells, "" if one.is_open else "dim", recorded.below(one, self.tz, now))

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        about = f" · of {self._about.title}" if self._about is not None else ""
        return recorded.title(self.heading, self.found, "done", self._every, about)

    # --- keys ---------------------------------------------------------------------------------------------------------

    @property
    def _under(self) -> FollowUp | None:
        return recorded.by_id(self.found, self.table.cursor_id)

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        one = self._under
        if one is None:
            return
        now = self.engine.clock.now()
        lines: list[Line] = [((one.title, "bold"),), ((f"{one.state}, owner {one.owner or 'nobody'}", ""),)]
        lines.append(((f"opened {moment(one.opened_at, self.tz, now)} by {one.opened_by}", ""),))
        lines.append(((f"changed {moment(one.changed_at, self.tz, now)} by {one.changed_by}", ""),))
        lines += [((one.said, ""),)] if one.said else []
        lines += [(("alert  ", "dim"), (key, "")) for key in one.alerts]
        self.app.push_screen(Text(f"Follow-up {one.id}", lines))

    def action_every(self) -> None:
        self._every = not self._every
        self._show(self.found)

    def action_new(self) -> None:
        if self.may_write():
            self.asking(self._new())

    async def _new(self) -> None:
        what = f"what is still to be found out or mended: {self._about.title}" if self._about else "what is still to do"
        fields = (Field("title", what), Field("owner", "who looks into it (may be empty)", self._me))
        title = f"Follow-up of {self._about.title}" if self._about else "Follow-up"
        filled = await self.filled(Form(title, fields, forms.titled, SENT))
        if filled is None:
            return
        keys = self._about.keys if self._about else ()
        self._write(lambda: self.engine.memory.follow_ups.add(filled["title"], filled["owner"], keys, self._me))

    def action_advance(self) -> None:
        """One key: open, looking, done. Whoever takes up what has no owner owns it."""
        one = self._under
        if one is None:
            self.say(NO_ROW, "warning")
            return
        takes = one.state.next is FollowUpState.LOOKING and not one.owner
        self._change(one, state=one.state.next, **({"owner": self._me} if takes else {}))

    def action_edit(self) -> None:
        one = self._under
        if one is None:
            self.say(NO_ROW, "warning")
        elif self.may_write():
            self.asking(self._edit(one))

    async def _edit(self, one: FollowUp) -> None:
        fields = (
            Field("title", "title", one.title),
            Field("owner", "owner (may be empty)", one.owner),
            Field("said", "what was found (may be empty)"),
        )
        filled = await self.filled(Form(f"Follow-up {one.id}", fields, forms.titled, SENT))
        if filled is not None:
            self._change(one, **filled)

    def action_attach(self) -> None:
        """The alert that the list was opened for belongs to this follow-up too."""
        one = self._under
        if one is None or self._about is None:
            self.say(
                NO_ROW if one is None else "it was opened without an alert: open it from an alert's row", "warning"
            )
            return
        self._change(one, alerts=(*one.alerts, *self._about.keys))

    def _change(self, one: FollowUp, **fields: Any) -> None:
        self._write(lambda: self.engine.memory.follow_ups.change(one, self._me, **fields))

    def _write(self, job: Callable[[], FollowUp]) -> None:
        def write() -> FollowUp:
            made = job()
            self.engine.memory.again()
            return made

        self.record(write, self._written)

    def _written(self, made: FollowUp) -> None:
        self.say(f"recorded: {made.title}: {made.state}, owner {made.owner or 'nobody'}", "ok")
        if not made.is_open and not self._every:
            self.say(f"closed: {made.title}; a lists those that are done", "ok")
        self._show(ordered(self.engine.memory.follow_ups.current.values()))
