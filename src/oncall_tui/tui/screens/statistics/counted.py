"""The alerts or the deploys that one number counts; Enter opens the record of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual.binding import BindingType

from oncall_tui.domain.history import PastDeploy
from oncall_tui.domain.record import RecordScope
from oncall_tui.engine.engine import Engine
from oncall_tui.reports.statistics import CountedProblem
from oncall_tui.text.cells import count
from oncall_tui.text.history_words import by
from oncall_tui.text.time_format import moment, span
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.screens.record.list_screen import ListScreen
from oncall_tui.tui.screens.record.record import RecordScreen
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Column, Row, Table


class CountedScreen(ListScreen):
    """*words* name the number and its time; *found* is what it counts, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("counted")
    keys_of = "counted"
    heading = "COUNTED"
    columns: ClassVar[Sequence[Column]] = (
        Column("when", "BEGAN", 12, most=18),
        Column("page", "", 0, most=4),
        Column("title", "WHAT", 24, flex=True, min_width=20, turn=1, wraps=True, spills=True),
        Column("where", "WHERE", 10, most=30, turn=2, drop=2),
        Column("how", "HOW IT WENT", 20, flex=True, min_width=14, turn=3),
    )

    def __init__(
        self, engine: Engine, tz: ZoneInfo, me: str, words: str, found: Sequence[CountedProblem | PastDeploy]
    ) -> None:
        super().__init__(engine, tz)
        self._me, self._words, self._found = me, words, tuple(found)

    def read(self) -> None:
        """Show what was counted: it was read already."""
        rows = [self._deploy(d) if isinstance(d, PastDeploy) else self._problem(d) for d in self._found]
        self.show_rows(rows, "None.")
        self.draw_title()

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        return [(f"{self.heading} ", "heading"), (self._words, "")], [(f"{count(len(self._found), 'row')} ", "dim")]

    def _when(self, at: float) -> str:
        return moment(at, self.tz, self.engine.clock.now(), day=True)

    def _problem(self, one: CountedProblem) -> Row:
        words = []
        if one.acknowledged_at is not None:
            words.append(f"acknowledged {by(one.acknowledged_by)} after {span(one.acknowledged_at - one.began)}")
        words.append(f"over after {span(one.ended - one.began)}" if one.ended is not None else "not known to be over")
        words += [one.mark] if one.mark else []
        page = ("PAGE", "critical") if one.pages else ""
        where = one.product or one.service or one.source
        return Row(one.id, (self._when(one.began), page, (one.title, "bold"), where, " · ".join(words)))

    def _deploy(self, one: PastDeploy) -> Row:
        words = [one.state, by(one.by)]
        if one.failed:
            after = f" after {span(one.remedied - one.started)}" if one.remedied is not None else ""
            words.append(f"made good{after}" if after else "failed")
        title = f"{one.service} {one.kind if one.kind != 'deploy' else ''} {one.arrow}".replace("  ", " ")
        return Row(one.id, (self._when(one.started), "", (title, "bold"), one.product, " · ".join(words)))

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        one = next((found for found in self._found if found.id == self.table.cursor_id), None)
        if one is None:
            return
        if isinstance(one, PastDeploy):
            scope = RecordScope(kind="service", title=one.service, service=one.service)
        else:
            scope = RecordScope(kind="alert", title=one.title, alerts=(one.alert,))
        self.app.push_screen(RecordScreen(self.engine, self.tz, self._me, (scope, RecordScope())))
