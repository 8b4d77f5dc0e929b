"""The numbers on screen: each beside that of the period before, with its definition, a plot, and what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from oncall_tui.domain.history import PastDeploy
from oncall_tui.engine.engine import Engine
from oncall_tui.reports.periods import Period, last
from oncall_tui.reports.statistics import DEPLOYS, CountedProblem, Statistics, StatisticsReader
from oncall_tui.reports.statistics_text import NO_PRODUCT, StatisticsRow, coverage, rows
from oncall_tui.text.time_format import zone
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.screens.record.list_screen import ListScreen
from oncall_tui.tui.screens.statistics.counted import CountedScreen
from oncall_tui.tui.screens.statistics.plots import Plot, drawn, of_hours
from oncall_tui.tui.widgets.footer import KeyBar, Part, StatusLine
from oncall_tui.tui.widgets.table.table import Column, Row, Table
from oncall_tui.tui.widgets.text_lines import Line, Lines

DAY_S = 86_400.0
PERIODS = ((30, "30 days"), (90, "90 days"), (365, "365 days"), (7, "7 days"))
BINS = 60  # bars of the plot by day
LISTED = 10  # lines of the table where there is hardly room; the plot has the rest


class _Read(msgspec.Struct, frozen=True):
    """One reading of the journal."""

    statistics: Statistics
    plots: tuple[Plot, ...]


class StatisticsScreen(ListScreen):
    """Read when it opens and by a key, never by the clock."""

    DEFAULT_CSS = """
    StatisticsScreen #plot-title { height: 1; }
    StatisticsScreen #means { height: auto; max-height: 3; }
    StatisticsScreen #plot { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("statistics")
    keys_of = "statistics"
    heading = "NUMBERS"
    columns: ClassVar[Sequence[Column]] = (
        Column("label", "NUMBER", 26),
        Column("now", "THIS TIME", 24, flex=True, min_width=20, turn=1, spills=True),
        Column("before", "BEFORE", 18, flex=True, min_width=10, turn=2),
    )

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str) -> None:
        super().__init__(engine, tz)
        self._me = me
        self._days = self._plot = self._number = 0
        self._read: _Read | None = None

    def compose(self) -> ComposeResult:
        yield StatusLine(id="title")
        yield StatusLine(id="said")
        yield Table(self.columns, id="rows", show_header=True)
        yield Lines(id="means", indent=0, focus=False)
        yield StatusLine(id="plot-title")
        yield Lines(id="plot", wrapped=False, focus=False)
        yield KeyBar(id="keys")

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def _periods(self) -> tuple[Period, Period]:
        return last(PERIODS[self._days][0] * DAY_S, self.engine.clock.now())

    def _reader(self) -> StatisticsReader:
        """Return a reader of what has caught up. Reads the disk. Raises JournalError."""
        history, kinds = self.engine.memory.history, {s.provider for s in self.engine.update.board.sources.values()}
        history.catch_up()
        now = self.engine.clock.now()
        return StatisticsReader(history, self.tz, now, alerts=bool(kinds - {"ecs"}), deploys="ecs" in kinds)

    def read(self) -> None:
        """Have the numbers read; of two readings the one that was asked for last is shown."""
        self._number += 1
        number, (period, before) = self._number, self._periods

        def job() -> _Read:
            reader = self._reader()
            return _Read(reader.statistics(period, before), self._plots(reader, period))

        self.ask(job, lambda found: self._show(found) if number == self._number else None)

    def _plots(self, reader: StatisticsReader, period: Period) -> tuple[Plot, ...]:
        days, counts, pages = reader.by_day(period, BINS)
        products, noisy = reader.by_product(period), reader.noisiest(period, 40)
        names = tuple(p.product or NO_PRODUCT for p in products)
        return (
            Plot(title="by day", labels=days, counts=counts, pages=pages),
            of_hours(*reader.by_hour(period), zone(self.tz, period.until)),
            Plot(
                title="by product",
                labels=names,
                counts=tuple(p.notifications + p.pages for p in products),
                sideways=True,
            ),
            Plot(
                title="noisiest alerts",
                labels=tuple(a.title for a in noisy),
                counts=tuple(a.count for a in noisy),
                sideways=True,
            ),
        )

    def _show(self, found: _Read) -> None:
        self._read = found
        self.say(coverage(found.statistics), "dim" if found.statistics.now.coverage >= 0.995 else "warning")
        self.show_rows([self._row(row) for row in rows(found.statistics, self.tz)], "")
        self._arrange()

    def _row(self, row: StatisticsRow) -> Row:
        unknown = row.now.startswith("not known")
        return Row(row.id, ((row.label, "bold"), (row.now, "dim" if unknown else ""), (row.before, "dim")))

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        return [(f"{self.heading} ", "heading"), (f"last {PERIODS[self._days][1]}, beside those before", "")], []

    # --- the plot -----------------------------------------------------------------------------------------------------

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self._arrange)

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._explain()

    def _under(self) -> StatisticsRow | None:
        if self._read is None:
            return None
        return next((r for r in rows(self._read.statistics, self.tz) if r.id == self.table.cursor_id), None)

    def _explain(self) -> None:
        """Show the definition of the number under the cursor."""
        row = self._under()
        if self.there and row is not None:
            self.query_one("#means", Lines).show([((f"{row.label}: ", "bold"), (row.means, "dim"))])

    def _arrange(self) -> None:
        """Give the table its lines, and the plot what is left; draw it for that."""
        if not self.there or self._read is None:
            return
        number = len(rows(self._read.statistics, self.tz)) + 1
        self.table.styles.height = min(number, max(LISTED, self.size.height - 24))
        self._explain()
        self.call_after_refresh(self._draw_plot)

    def _draw_plot(self) -> None:
        if not self.there or self._read is None:
            return
        plot, lines = self._read.plots[self._plot], self.query_one("#plot", Lines)
        marks = "; P: pages" if any(plot.pages) else ""
        title = f"Notifications and pages, {plot.title}{marks}"
        self.query_one("#plot-title", StatusLine).show(
            [(title, "bold")], [(f"{self._plot + 1}/{len(self._read.plots)}", "dim")]
        )
        told = drawn(plot, max(20, self.size.width - 1), lines.size.height)
        none: list[Line] = [(("nothing fired in this time", "dim"),)] if not any(plot.counts) else []
        lines.show([((line, ""),) for line in told] or none)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_period(self) -> None:
        self._days = (self._days + 1) % len(PERIODS)
        self.draw_title()
        self.read()

    def action_plot(self) -> None:
        if self._read is not None:
            self._plot = (self._plot + 1) % len(self._read.plots)
            self._draw_plot()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter: list what the number counts."""
        event.stop()
        row = self._under()
        if row is None:
            return
        number, (period, _) = row.id, self._periods
        if number == "lead_time":
            self.say(f"{row.label}: {row.means}", "dim")
            return

        def job() -> tuple[CountedProblem | PastDeploy, ...]:
            reader = self._reader()
            return reader.deploys(number, period) if number in DEPLOYS else reader.problems(number, period)

        self.ask(job, lambda found: self._counted(row.label, found))

    def _counted(self, label: str, found: tuple[CountedProblem | PastDeploy, ...]) -> None:
        words = f"{label}, last {PERIODS[self._days][1]}"
        self.app.push_screen(CountedScreen(self.engine, self.tz, self._me, words, found))
