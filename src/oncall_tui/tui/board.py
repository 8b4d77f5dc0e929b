"""The board: alerts, services and deploys in panes, the detail of the row under the cursor, and how every source is.

Handlers own what is on screen; the engine is only asked. Nothing here waits for a provider.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.screen import Screen

from oncall_tui.engine.engine import Engine, Update
from oncall_tui.text.cells import count
from oncall_tui.tui.bindings import bind_own, bindings
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.filters import Filters
from oncall_tui.tui.controllers.messages import Messages
from oncall_tui.tui.controllers.new_rows import NewRows
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.view_memory import ViewMemory
from oncall_tui.tui.drawing import PANES, WIDE_COLUMNS, Drawing, on_open_page
from oncall_tui.tui.presenters.row_builder import ALERT_COLUMNS, DEPLOY_COLUMNS, SERVICE_COLUMNS
from oncall_tui.tui.presenters.status_lines import Title
from oncall_tui.tui.session import NO_ROW, RowRef, Session
from oncall_tui.tui.widgets.footer import KeyBar, StatusLine
from oncall_tui.tui.widgets.table.table import Table
from oncall_tui.tui.widgets.text_field import takes_text
from oncall_tui.tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from oncall_tui.tui.controllers.actions import Actions
    from oncall_tui.tui.widgets.filter_line import FilterLine

WIDE_LINES = 30
TICK_S = 10.0  # ages change in steps of ten seconds at the most often


class BoardScreen(Screen[None]):
    """The one top-level screen."""

    DEFAULT_CSS = """
    BoardScreen { layout: vertical; }
    BoardScreen .pane { height: 1fr; }
    BoardScreen #pane-alerts { height: 2fr; }
    BoardScreen #middle { height: 2fr; }
    BoardScreen #pane-services { width: 1fr; border-right: vkey $primary; }
    BoardScreen #pane-deploys { width: 1fr; }
    BoardScreen #pane-detail { height: 9; }
    BoardScreen #pane-detail.blank { height: 1; }
    BoardScreen #pane-detail.tall { height: 1fr; }
    BoardScreen #top { height: 1; }
    BoardScreen #tabs, BoardScreen #looking, BoardScreen #freeze, BoardScreen #incident { display: none; }
    BoardScreen #new { display: none; }
    BoardScreen #outcome { height: 1; display: none; }
    BoardScreen.narrow #tabs { display: block; }
    BoardScreen.narrow .pane, BoardScreen.narrow #middle { display: none; }
    BoardScreen.narrow .title { display: none; }
    BoardScreen.narrow #pane-services { border-right: none; }
    BoardScreen.narrow .pane.active, BoardScreen.narrow #middle.active { display: block; height: 1fr; }
    BoardScreen.narrow #pane-detail.active { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("board")

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str) -> None:
        super().__init__()
        self.session = Session(engine, tz, me)
        self.dialogs = Dialogs(self.session, self, lambda: self.looked_at)
        self.offers = Offers(self.session)
        self.new_rows = NewRows(self.session)
        self.memory = ViewMemory(self.session, self.new_rows.seen)
        self.messages = Messages(self.session)
        self.filters = Filters(self.session, self.dialogs, self.memory.save)
        bind_own(self, engine.commands)
        self.zoomed = False
        self.drawing = Drawing(self, self.session, self.filters, self.new_rows, self.offers)
        self.session.on_said, self.session.redraw = self.drawing.outcome, self.renew
        self._rate = 0.0
        self._rate_of = 0  # the minute of the calls a second
        self._arranged: tuple[bool, str] | None = None
        self._arranged_for = Size(0, 0)

    @cached_property
    def actions(self) -> Actions:
        """Return the controller of what keys do to rows: made after the first frame, which needs none of it."""
        from oncall_tui.tui.controllers.actions import Actions

        return Actions(self.session, self.dialogs, self.offers)

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield StatusLine(id="status")
            yield StatusLine(id="clock")  # what changes each minute, apart: a line is sent up to what changed in it
        yield StatusLine(id="looking")
        yield StatusLine(id="tabs")
        yield StatusLine(id="freeze")
        yield StatusLine(id="incident")
        yield StatusLine(id="new")
        with Vertical(id="pane-alerts", classes="pane active"):
            yield Title(id="title-alerts", classes="title")
            yield Table(ALERT_COLUMNS, id="alerts", show_header=True)
        with Horizontal(id="middle"):
            with Vertical(id="pane-services", classes="pane"):
                yield Title(id="title-services", classes="title")
                yield Table(SERVICE_COLUMNS, id="services", show_header=True)
            with Vertical(id="pane-deploys", classes="pane"):
                yield Title(id="title-deploys", classes="title")
                yield Table(DEPLOY_COLUMNS, id="deploys", show_header=True)
        with Vertical(id="pane-detail", classes="pane"):
            yield Title(id="title-detail", classes="title")
            yield Lines(id="detail")
        yield Lines(id="outcome", indent=2, focus=False)
        yield KeyBar(id="keys")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field swallows every key.

        The keys are priority bindings, so that each has done its work before the next is looked at, however fast they
        come: text that arrives in one burst must not be taken for keys that act.
        """
        return not takes_text(self.focused)

    def on_mount(self) -> None:
        self.session.tables = {name: self.query_one(f"#{name}", Table) for name in PANES[:3]}
        for table in self.session.tables.values():
            table.on_moved = self._moved
            table.on_first = self.to_new_page
            table.now = self.session.engine.clock.monotonic
        self._note_rate()
        self._arrange()  # it is drawn once, when it comes on screen
        self.set_interval(TICK_S, self.tick)

    @property
    def looked_at(self) -> bool:
        """Tell whether the board, or the screen that is open over it for one row, is on top."""
        over = self.session.row_screen
        return self.is_active or (over is not None and over.is_active)

    # --- what happens: an update, the time, a screen that goes --------------------------------------------------------

    def show(self, update: Update) -> None:
        """Take a newer update. Under a modal it is only kept: painting there would cost the whole screen."""
        session = self.session
        if session.tables and update.triaged.alerts and not session.latest.triaged.alerts:
            session.tables["alerts"].anchored = False  # what was chosen is over: the cursor follows the first row
        session.latest = update
        self.new_rows.came(update, bool(session.tables) and self._elsewhere(update))
        self._go_on()
        if session.row_screen is not None:
            session.row_screen.follow()

    def tick(self) -> None:
        """Take note of the time: ages, and what the engine says without an event."""
        self.drawing.forget()
        self._go_on()

    def _go_on(self) -> None:
        self.new_rows.passed()
        self._note_rate()
        if self.looked_at:
            self.messages.expire()
            self.renew()
        else:
            self.drawing.live()
        self.memory.save()

    def _note_rate(self) -> None:
        """Take the calls a second once a minute, or once they are twice or half of what is said: a figure that changes
        all the time is a line sent all the time.
        """
        minute, session = int(self.session.engine.clock.now() // 60), self.session
        rate = sum(s.calls_per_s for s in session.latest.board.sources.values())
        if self._rate_of != minute or not self._rate / 2 <= rate <= self._rate * 2:
            self._rate_of, self._rate = minute, rate
            session.call_rate = f"{rate:.1f} calls/s"

    def _elsewhere(self, update: Update) -> bool:
        """Return whether a page that comes now would not be under the cursor."""
        if not self.is_active or self.session.list_pane != "alerts":
            return True
        return self.session.tables["alerts"].anchored or on_open_page(self.session, update.triaged)

    def on_screen_resume(self) -> None:
        if self.session.tables:
            self.renew()
            self.call_after_refresh(self.dialogs.show_waiting)

    def renew(self) -> None:
        """Draw everything, and take note of the page that the cursor is on then."""
        self.draw()
        if self._look() and self.drawing.there:
            self.drawing.new_page()

    def _look(self) -> bool:
        """Take note that the row under the cursor is looked at. Return whether it is a page that was not seen yet."""
        seen = self.is_active and bool(self.session.tables) and self.session.list_pane == "alerts"
        return seen and self.new_rows.looked_at(self.session.row_id)

    def draw(self) -> None:
        """Draw everything from the newest update."""
        self.drawing.everything()

    # --- what the widgets tell ----------------------------------------------------------------------------------------

    def _moved(self, table: Table, was: str | None) -> None:
        """A key moved a cursor: what follows it is painted in the same frame."""
        self.session.unmarked = 0
        left = was is not None and table.id == self.session.pane and self.new_rows.left(self.session.pane, was)
        if self.session.rows.holding and self.session.pane == "alerts":
            self.renew()  # a resolved row goes, an acknowledged one re-sorts, once the cursor has left it
        else:
            if left:
                self.drawing.titles()
            self._look()
            self.drawing.new_page()
            self.drawing.detail()
            self.drawing.keys()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.action_detail()

    def on_table_marked(self, event: Table.Marked) -> None:
        event.stop()
        self.drawing.keys()
        self.session.unmarked = len(event.dropped)
        if event.dropped:
            rows = count(len(event.dropped), "marked row")
            self.session.say(f"{rows} not shown any more: unmarked", "warning")

    def on_input_changed(self, event: FilterLine.Changed) -> None:
        event.stop()
        self.filters.typed(event.value)

    def on_input_submitted(self, event: FilterLine.Submitted) -> None:
        event.stop()
        if self.filters.accepts(event.value):  # refused: it is still there to be mended, and Esc gives it up
            self._close_filter()

    def on_filter_line_cleared(self, event: FilterLine.Cleared) -> None:
        event.stop()
        self.filters.clear_text()
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("FilterLine").display = False
        self.lay_out()

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self._arranged_for:
            self.lay_out()

    def lay_out(self) -> None:
        """One pane at a time where it is small, or where it is wanted; else all of them."""
        self._arrange()
        self.renew()

    def _arrange(self) -> None:
        size = self._arranged_for = self.app.size
        narrow = self.zoomed or size.width < WIDE_COLUMNS or size.height < WIDE_LINES
        if (narrow, self.session.pane) != self._arranged:
            self._arranged = (narrow, self.session.pane)
            self.set_class(narrow, "narrow")
            for name in PANES:
                self.query_one(f"#pane-{name}").set_class(name == self.session.pane, "active")
            self.query_one("#middle").set_class(self.session.pane in ("services", "deploys"), "active")
        self.set_focus(self.session.tables.get(self.session.pane) or self.query_one("#detail", Lines))

    # --- keys that only look ------------------------------------------------------------------------------------------

    def to_new_page(self) -> bool:
        """Go to the page that the line above the list tells of; False: it tells of none."""
        row = self.new_rows.page()
        if row is None:
            return False
        if self.session.pane != "alerts":
            self.action_pane("alerts")
        table = self.session.tables["alerts"]
        if not table.move_to(row.id):  # a filter hides it
            self.filters.everything()
            table.move_to(row.id)
        self.drawing.new_page()
        return True

    def action_pane(self, name: str) -> None:
        if name != "detail":
            self.session.list = name
        self.session.pane = name
        self.lay_out()

    def action_next_pane(self, by: int) -> None:
        self.action_pane(PANES[(PANES.index(self.session.pane) + by) % len(PANES)])

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self.lay_out()

    def action_back(self) -> None:
        """Esc: one step back, the nearest first."""
        if self.dialogs.active:
            self.dialogs.give_up()
        elif self.messages.dismiss():
            pass
        elif self.session.pane == "detail":
            self.action_pane(self.session.list)
        elif self.zoomed:
            self.action_zoom()
        elif self.session.view_filter.narrows:
            self.filters.everything()
        else:
            self.new_rows.clear()
        self.renew()

    def action_filter(self) -> None:
        from oncall_tui.tui.widgets.filter_line import FilterLine  # not needed for the first frame

        line = next(iter(self.query(FilterLine)), None)
        if line is None:  # not there from the start: the first frame is earlier without it
            line = FilterLine()
            self.mount(line, before="#keys")
        line.open(self.session.view_filter.filter)

    def action_faults(self) -> None:
        self.filters.faults()

    def action_product(self) -> None:
        self.filters.pick_product()

    def action_sort(self) -> None:
        self.filters.pick_sort()

    def action_hidden(self) -> None:
        self.session.engine.show_hidden = not self.session.engine.show_hidden
        self.session.engine.rebuild()

    def action_refresh(self) -> None:
        session = self.session
        session.engine.refresh()
        able = (s.name for s in session.latest.board.sources.values() if s.current)
        session.reading("reading every source again", able)

    def action_quiet(self) -> None:
        self.session.bell_on = not self.session.bell_on
        self.renew()
        self.memory.save()

    def action_help(self) -> None:
        from oncall_tui.tui.screens.dialogs.modals import Help  # not needed for the first frame

        self.app.push_screen(Help())

    # --- keys for a row -----------------------------------------------------------------------------------------------

    def action_act(self, command_id: str) -> None:
        """Carry out the command on the row under the cursor: a verb not where the cursor has just moved by itself."""
        if not BY_ID[command_id].acts or self.session.steady():
            self.actions.do(command_id, self.session.row())

    def action_own(self, name: str) -> None:
        """Run a command of the configuration for the row under the cursor, unless the cursor just moved by itself."""
        if self.session.steady():
            self.actions.run_own(name, self.session.row())

    def action_detail(self) -> None:
        """Show the row under the cursor on a screen of its own."""
        from oncall_tui.tui.screens.detail.screen import DetailScreen

        session, row = self.session, self.session.row()
        if row.id is None:
            session.say(self.offers.no_target(row), "warning")
        elif not session.knows(row):
            session.say(self.offers.no_target(row) or NO_ROW, "warning")
        elif session.row_screen is None:
            session.tables[row.pane].anchored = True  # opened: no refresh takes the row from under that screen
            opened = DetailScreen(session, self.dialogs, self.actions, RowRef(row.pane, row.id, row.triaged_alert))
            session.row_screen = opened
            self.app.push_screen(opened)
