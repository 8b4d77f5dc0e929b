"""The record on screen: what happened to one alert, a service, a product or everything, resolved ones included."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from textual.binding import BindingType

from oncall_tui.domain.history import EpisodeMark, PastEpisode
from oncall_tui.domain.record import RecordEvent, RecordPage, RecordScope
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OncallError
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.text.cells import count
from oncall_tui.text.moments import parse_moment
from oncall_tui.text.time_format import moment, stamp
from oncall_tui.triage.filters import FilterError, parse
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.modals import Form, Text
from oncall_tui.tui.screens.record import events
from oncall_tui.tui.screens.record.follow_ups import AboutAlert, FollowUpScreen
from oncall_tui.tui.screens.record.list_screen import ListScreen
from oncall_tui.tui.widgets.filter_line import FilterLine
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Column, Table

PAGE = 500  # events of one page on screen
EXPORTED = 100_000  # events of a file at the most


class RecordScreen(ListScreen):
    """*scopes* are the parts of the record that a key goes through, the narrowest first; *since*: only what happened
    from then on (seconds since the epoch; a handover's time). *ids*: the rows whose own source is asked too.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("record")
    keys_of = "record"
    heading = "RECORD"
    columns: ClassVar[Sequence[Column]] = events.COLUMNS

    def __init__(
        self,
        engine: Engine,
        tz: ZoneInfo,
        me: str,
        scopes: Sequence[RecordScope],
        ids: Sequence[str] = (),
        words: str = "",
        since: float = 0.0,
    ) -> None:
        super().__init__(engine, tz)
        self._me, self._scopes, self._ids, self._since = me, tuple(scopes), tuple(ids), since
        self._scope = 0
        self._words = words
        self._until: float | None = None  # up to when it is listed; None: now
        self._earlier: list[float | None] = []  # where the pages before this one ended
        self._number = 0
        self._told: tuple[RecordEvent, ...] = ()  # by the sources themselves
        self.page: RecordPage | None = None

    @property
    def scope(self) -> RecordScope:
        return self._scopes[self._scope]

    @property
    def listed(self) -> tuple[RecordEvent, ...]:
        """The events on the page, the newest first."""
        if self.page is None:
            return ()
        told = self._told if self.scope.kind == "alert" and self._until is None else ()
        test = parse(self._words) if self._words.strip() else None
        mine = [e for e in told if e.at >= self.page.since and (test is None or test(e.fields))]
        every = (e for e in (*self.page.events, *mine) if e.at >= self._since)
        return tuple(sorted(every, key=lambda e: (-e.at, e.id)))

    # --- reading ------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        super().on_mount()
        for row_id in self._ids:
            self.run_worker(self._ask_source(row_id), exit_on_error=False)

    def read(self) -> None:
        self._number += 1
        number, scope, words = self._number, self.scope, self._words
        until = self._until if self._until is not None else self.engine.clock.now() + 60.0
        if self.page is None:
            self.show_rows([], "Reading the record…")

        def show(page: RecordPage) -> None:
            if number == self._number:
                self._show(page)

        self.ask(lambda: self.engine.memory.search(scope, words, until, PAGE), show)

    def _show(self, page: RecordPage) -> None:
        self.page = page
        self._draw_rows()
        self.draw_title()

    def _draw_rows(self) -> None:
        now = self.engine.clock.now()
        nothing = f"The record has nothing of {self._scope_words()}"
        nothing += f" that matches {self._words!r}." if self._words else "."
        self.show_rows([events.row(e, self.tz, now) for e in self.listed], nothing)

    async def _ask_source(self, row_id: str) -> None:
        """Read what the alert's own source remembers of it: a pager's log, an alarm's history."""
        try:
            found = await asyncio.wrap_future(self.engine.on_demand.timeline(row_id))
        except OncallError as error:
            self.say(f"{row_id.partition('/')[0]} cannot be read: {error.message}", "warning")
            return
        mine = tuple(_told(row_id, number, one) for number, one in enumerate(found) if not one.where)
        self._told = (*self._told, *mine)
        if self.there and self.page is not None:
            self._draw_rows()
            self.draw_title()

    # --- words --------------------------------------------------------------------------------------------------------

    def _scope_words(self) -> str:
        kind, title = self.scope.kind, self.scope.title
        return "everything" if kind == "everything" else f"{kind} {title}"

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        left: list[Part] = [("RECORD ", "heading"), (self._scope_words(), "bold")]
        left += [(f" · /{self._words}", "")] if self._words else []
        if self.page is None:
            return left, [("reading… ", "warning")]
        now, number = self.engine.clock.now(), len(self.listed)
        until = f" up to {moment(self._until, self.tz, now)}" if self._until is not None else ""
        begin = max(self.page.since, self._since)
        whole = self.page.whole and not self._since
        since = "the whole record" if whole else f"since {moment(begin, self.tz, now, day=True)}"
        return left, [(f"{number}{until} · {since} ", "dim")]

    # --- keys: what is shown ------------------------------------------------------------------------------------------

    def action_scope(self) -> None:
        """From this alert to its service, its product, everything, and again."""
        self._scope = (self._scope + 1) % len(self._scopes)
        self.page, self._earlier, self._until = None, [], None
        self.say("")
        self.read()

    def action_filter(self) -> None:
        line = next(iter(self.query(FilterLine)), None)
        if line is None:
            line = FilterLine()
            self.mount(line, before="#keys")
        line.open(self._words)

    def on_input_changed(self, event: FilterLine.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: FilterLine.Submitted) -> None:
        event.stop()
        try:
            parse(event.value)
        except FilterError as error:
            self.say(error.message, "critical")
            return
        self._filter_by(event.value.strip())

    def on_filter_line_cleared(self, event: FilterLine.Cleared) -> None:
        event.stop()
        self._filter_by("")

    def _filter_by(self, words: str) -> None:
        for line in self.query(FilterLine):
            line.display = False
        self.set_focus(self.table)
        self._words, self._earlier = words, []
        self.say("")
        self.read()

    def action_jump(self) -> None:
        self.asking(self._jump())

    async def _jump(self) -> None:
        now = self.engine.clock.now()

        def read(values: Mapping[str, str]) -> dict[str, Any]:
            return {"at": parse_moment(values["at"], now, self.tz)}

        what = "02:41, 28 Nov 02:41, 2026-11-28 02:41, or how long ago: 90m, 3d"
        filled = await self.answer(Form("Jump to a time", (Field("at", what),), read, "Enter: go there. Esc cancels."))
        if filled is not None:
            self._earlier.append(self._until)
            self._until = float(filled["at"]) + 60.0  # the minute that was named too
            self.say("] goes back to where it was", "dim")
            self.read()

    def action_earlier(self) -> None:
        """The page before: older events."""
        if self.page is None or self.page.whole:
            self.say("this is the beginning of the record" if self.page else "it is still being read", "dim")
            return
        self._earlier.append(self._until)
        self._until = self.page.since
        self.read()

    def action_later(self) -> None:
        if not self._earlier:
            self.say("these are the newest", "dim")
            return
        self._until = self._earlier.pop()
        self.say("")
        self.read()

    def action_back(self) -> None:
        """One step back: the filter, then the board."""
        if self._words:
            self._filter_by("")
        else:
            super().action_back()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        one = self._under
        if one is not None:
            self.app.push_screen(Text("Of the record", events.lines(one, self.tz, self.engine.clock.now()), indent=9))

    @property
    def _under(self) -> RecordEvent | None:
        return next((e for e in self.listed if e.id == self.table.cursor_id), None)

    # --- keys: marks and follow-ups -----------------------------------------------------------------------------------

    def on_table_marked(self, event: Table.Marked) -> None:
        event.stop()
        self.say(f"{count(len(event.marked), 'row')} selected: v marks their episodes" if event.marked else "", "dim")

    def action_verdict(self) -> None:
        """Mark the episode under the cursor, or those of the selected rows: actionable, noise, or neither."""
        chosen = self.table.marked or {self.table.cursor_id}
        episodes = [e.episode for e in self.listed if e.id in chosen and e.episode is not None]
        if not episodes:
            self.say("only alerts' episodes can be marked as actionable or noise", "warning")
            return
        mark = episodes[0].mark.next

        def job() -> int:
            return self.engine.memory.mark_episodes(episodes, mark, self._me)

        self.record(job, lambda changed: self._marked(episodes, mark, changed))

    def _marked(self, episodes: Sequence[PastEpisode], mark: EpisodeMark, changed: int) -> None:
        """Show the new mark at once: what is written is what is shown."""
        word = str(mark) or "neither actionable nor noise"
        again = str(mark.next) or "neither"
        self.say(f"{count(changed, 'episode')} marked {word}; v again: {again}", "ok")
        if self.page is not None:
            ids = {e.id for e in episodes}
            kept = tuple(_with_mark(e, mark, self._me) if e.id in ids else e for e in self.page.events)
            self._show(msgspec.structs.replace(self.page, events=kept))

    def action_follow(self) -> None:
        """Follow-ups, for the alert under the cursor."""
        one = self._under
        about = AboutAlert((one.alert,), one.text) if one is not None and one.kind == "alert" else None
        self.app.push_screen(FollowUpScreen(self.engine, self.tz, self._me, about))

    # --- keys: a file -------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        self.asking(self._export())

    async def _export(self) -> None:
        from oncall_tui.reports.record_text import FORMATS

        at = str(stamp(self.engine.clock.now())).replace(":", "").replace("-", "")
        what = f"a new file; its name ends in {', '.join(FORMATS)}"
        field = Field("file", what, f"~/oncall-record-{at}.md")

        def read(values: Mapping[str, str]) -> dict[str, Any]:
            found = forms.more(values)
            if PurePath(found["file"]).suffix not in FORMATS:
                raise ValueError(f"the name has to end in {', '.join(FORMATS)}")
            return found

        title = f"Export {self._scope_words()}"
        filled = await self.filled(Form(title, (field,), read, "Enter: it is written. Esc cancels."), "written")
        if filled is None:
            return
        scope, words, name = self.scope, self._words, str(filled["file"])
        until = self._until if self._until is not None else self.engine.clock.now() + 60.0

        def job() -> tuple[str, int, bool]:
            from oncall_tui.inspection.export_file import write_new

            page = self.engine.memory.search(scope, words, until, EXPORTED)
            path = write_new(name, FORMATS[PurePath(name).suffix](page.events))
            return str(path), len(page.events), page.whole

        self.say(f"writing {name}…", "dim")
        self.ask(job, self._exported)

    def _exported(self, done: tuple[str, int, bool]) -> None:
        path, number, whole = done
        rest = "" if whole else ", the newest of more"
        self.say(f"{count(number, 'event')}{rest} written to {path}", "ok")


def _told(row_id: str, number: int, one: TimelineEvent) -> RecordEvent:
    source = row_id.partition("/")[0]
    return RecordEvent(
        id=f"told/{row_id}/{number}/{one.at}", at=one.at, kind=source, text=one.text, by=one.by, source=source
    )


def _with_mark(event: RecordEvent, mark: EpisodeMark, by: str) -> RecordEvent:
    assert event.episode is not None
    episode = msgspec.structs.replace(event.episode, mark=mark, marked_by=by if mark else "")
    return msgspec.structs.replace(event, episode=episode)
