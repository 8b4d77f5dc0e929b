"""The list of incidents: opened, added to, closed and written up by keys; each change is written to the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from textual.binding import BindingType

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.incident import Incident, IncidentState, newest_first
from oncall_tui.engine.engine import Engine
from oncall_tui.reports.postmortem import Postmortem
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import age
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.modals import Form, Text
from oncall_tui.tui.screens.record import recorded
from oncall_tui.tui.screens.record.incident_lines import indent, lines
from oncall_tui.tui.screens.record.list_screen import SENT, ListScreen
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Column, Row, Table

NO_ROW = "no incident is under the cursor"
NO_ABOUT = "it was opened without an alert or a deploy: open it from the row of one"
EMPTY = "nothing is in it yet: + adds the alert or the deploy from whose row the list was opened"
FORMAT = ".md"


class AboutRow(msgspec.Struct, frozen=True):
    """A row's part in an incident: the row's title, its alerts, whose episodes are meant, and its deploys (ids, as the
    journal has them).
    """

    title: str
    alerts: tuple[Alert, ...] = ()
    deploys: tuple[str, ...] = ()


class IncidentScreen(ListScreen):
    """*about* is of the row from which it was opened; None: the row has no alert and is no deploy."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("incidents")
    keys_of = "incidents"
    heading = "INCIDENTS"
    columns: ClassVar[Sequence[Column]] = (
        Column("state", "STATE", 6),
        Column("age", "AGE", 4, align="right"),
        Column("lead", "LEAD", 8, most=16, turn=2),
        Column("title", "TITLE", 24, flex=True, min_width=20, turn=1, wraps=True, spills=True),
        Column("said", "LAST WORD", 16, flex=True, min_width=10, turn=3, wide=100, drop=2, spills=True),
        Column("episodes", "EPISODES", 8, align="right"),
        Column("deploys", "DEPLOYS", 7, align="right", drop=1),
        Column("id", "ID", 8, drop=3, wide=90),
    )

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str, about: AboutRow | None = None) -> None:
        super().__init__(engine, tz)
        self._me, self._about = me, about
        self._every = False  # are those listed that are closed?
        self.found: tuple[Incident, ...] = ()

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        def job() -> tuple[Incident, ...]:
            self.engine.memory.incidents.load()
            return newest_first(self.engine.memory.incidents.current.values())

        self.ask(job, self._show)

    def _show(self, found: tuple[Incident, ...]) -> None:
        self.found = found
        rows = [self._row(i) for i in found if self._every or i.is_open]
        self.show_rows(rows, "There is no incident." if self._every else "No incident is open. n opens one.")
        self.draw_title()

    def _row(self, one: Incident) -> Row:
        now = self.engine.clock.now()
        state = (str(one.state), "warning" if one.is_open else "ok")
        holds = str(len(one.episodes)), str(len(one.deploys))
        cells = (state, age(now - one.opened_at), one.lead or "–", one.title, recorded.said(one), *holds, one.id)
        return Row(one.id, cells, "" if one.is_open else "dim", recorded.below(one, self.tz, now))

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        about = f" · from {self._about.title}" if self._about is not None else ""
        return recorded.title(self.heading, self.found, "closed", self._every, about)

    # --- keys: look ---------------------------------------------------------------------------------------------------

    @property
    def _under(self) -> Incident | None:
        return recorded.by_id(self.found, self.table.cursor_id)

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        one = self._with_parts()
        if one is not None:
            self.say(f"reading the record of {one.title}…", "dim")
            self.ask(lambda: self._write_up(one), self._read_up)

    def _with_parts(self) -> Incident | None:
        """Return the incident under the cursor where there is something to tell of it; where not, that is said."""
        one = self._under
        if one is not None and (one.episodes or one.deploys or one.entries):
            return one
        self.say(NO_ROW if one is None else EMPTY, "warning")
        return None

    def _write_up(self, seen: Incident) -> Postmortem:
        """Gather what the record has of the incident as it is now. On the record's queue."""
        self.engine.memory.incidents.load()
        return self.engine.memory.write_up(self.engine.memory.incidents.find(seen.id))

    def _read_up(self, found: Postmortem) -> None:
        self.say("")
        if self.is_active:  # not over a dialog that was opened meanwhile
            self.app.push_screen(
                Text(f"Incident {found.record.incident.id}", lines(found, self.tz), indent(found, self.tz))
            )

    def action_every(self) -> None:
        self._every = not self._every
        self._show(self.found)

    # --- keys: changes ------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        if self.may_write():
            self.asking(self._new())

    async def _new(self) -> None:
        about = self._about
        fields = (Field("title", "title", about.title if about else ""), Field("lead", "who leads it", self._me))
        title = f"Incident of {about.title}" if about else "Incident"
        filled = await self.filled(Form(title, fields, forms.titled, SENT))
        if filled is None:
            return

        def job() -> Incident:
            memory = self.engine.memory
            episodes = memory.episodes_of(about.alerts) if about else ()
            deploys = about.deploys if about else ()
            return memory.incidents.open(filled["title"], filled["lead"], self._me, episodes=episodes, deploys=deploys)

        self.record(job, self._written)

    def action_add(self) -> None:
        """Add the alerts and the deploys for which the list was opened."""
        one, about = self._under, self._about
        if one is None or about is None or not (about.alerts or about.deploys):
            self.say(NO_ROW if one is None else NO_ABOUT, "warning")
            return
        if not self.may_write():
            return

        def job() -> Incident:
            memory = self.engine.memory
            episodes = memory.episodes_of(about.alerts)
            return memory.incidents.change(one.id, self._me, episodes=episodes, deploys=about.deploys)

        self.record(job, self._written)

    def action_close(self) -> None:
        one = self._under
        if one is None:
            self.say(NO_ROW, "warning")
        elif self.may_write():
            self.asking(self._close(one))

    async def _close(self, one: Incident) -> None:
        form = Form(f"Close {one.title}", (Field("said", "a note (may be empty)"),), forms.optional, SENT)
        filled = await self.filled(form)
        if filled is None:
            return
        said = str(filled["said"])

        def job() -> Incident:
            return self.engine.memory.incidents.change(one.id, self._me, state=IncidentState.CLOSED, said=said)

        self.record(job, self._written)

    def _written(self, made: Incident) -> None:
        holds = f"{count(len(made.episodes), 'episode')}, {count(len(made.deploys), 'deploy')}"
        hidden = "" if made.is_open or self._every else "; a lists those that are closed"
        self.say(f"recorded: {made.state}, lead {made.lead or 'nobody'}, {holds}{hidden}: {made.title}", "ok")
        self._show(newest_first(self.engine.memory.incidents.current.values()))

    # --- keys: a file -------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        one = self._with_parts()
        if one is not None:
            self.asking(self._export(one))

    async def _export(self, one: Incident) -> None:
        field = Field("file", f"a new file; its name ends in {FORMAT}", f"~/postmortem-{one.id}{FORMAT}")
        form = Form(f"Postmortem of {one.title}", (field,), _file_name, "Enter: it is written. Esc cancels.")
        filled = await self.filled(form, "written")
        if filled is None:
            return
        name = str(filled["file"])

        def job() -> str:
            from oncall_tui.inspection.export_file import write_new
            from oncall_tui.reports.postmortem_text import markdown

            return str(write_new(name, markdown(self._write_up(one))))

        self.say(f"writing {name}…", "dim")
        self.ask(job, lambda path: self.say(f"the postmortem of {one.title} is written to {path}", "ok"))


def _file_name(values: Mapping[str, str]) -> dict[str, Any]:
    """The name of a Markdown file. Raises ValueError."""
    found = forms.more(values)
    if PurePath(found["file"]).suffix != FORMAT:
        raise ValueError(f"the name has to end in {FORMAT}")
    return found
