"""The board: alerts, services and deploys in panes, the detail of the row under the cursor, and how every source is.

Handlers own what is on screen; the engine is only asked. Nothing here waits for a provider.
"""

from __future__ import annotations

from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Input

from oncall_tui.engine.engine import Engine, Update
from oncall_tui.text.cells import count
from oncall_tui.triage.triager import nobody_has
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.controllers.actions import Actions
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.filters import Filters
from oncall_tui.tui.controllers.messages import Messages
from oncall_tui.tui.controllers.new_rows import NewRows
from oncall_tui.tui.controllers.view_memory import ViewMemory
from oncall_tui.tui.presenters import status_lines as headline
from oncall_tui.tui.presenters.row_builder import ALERT_COLUMNS, DEPLOY_COLUMNS, SERVICE_COLUMNS
from oncall_tui.tui.presenters.titles import tabs, titles
from oncall_tui.tui.screens.detail import pane as detail
from oncall_tui.tui.screens.dialogs.modals import Help
from oncall_tui.tui.screens.tells_of_pages import TellsOfPages
from oncall_tui.tui.session import NO_ROW, RowRef, Session
from oncall_tui.tui.widgets.filter_line import FilterLine
from oncall_tui.tui.widgets.footer import KeyBar, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.table.table import Table
from oncall_tui.tui.widgets.text_lines import Lines

PANES = ("alerts", "services", "deploys", "detail")
WIDE_COLUMNS, WIDE_LINES = 110, 30
CLOCK_CELLS = 26  # with the calls a second
DRAWN_ON = frozenset(
    {
        "status",
        "clock",
        "looking",
        "tabs",
        "wide",
        "new",
        "outcome",
        "keys",
        *PANES,
        *(f"title-{name}" for name in PANES),
    }
)
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
    BoardScreen #top { height: 1; }
    BoardScreen #tabs, BoardScreen #looking, BoardScreen #wide, BoardScreen #new { display: none; }
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
        self.session.on_said, self.session.redraw = self.draw_outcome, self.renew
        self.dialogs = Dialogs(self.session, self, lambda: self.looked_at)
        self.actions = Actions(self.session, self.dialogs)
        self.new_rows = NewRows(self.session)
        self.memory = ViewMemory(self.session, self.new_rows.seen)
        self.messages = Messages(self.session)
        self.filters = Filters(self.session, self.dialogs, self.memory.save)
        self.zoomed = False
        self._calls = (0, "")  # the minute, and the words for it
        self._arranged: tuple[bool, str] | None = None
        self._arranged_for = Size(0, 0)
        self._drawn_for: dict[str, tuple[object, tuple[object, ...]]] = {}

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield StatusLine(id="status")
            yield StatusLine(id="clock")  # what changes each minute, apart: a line is sent up to what changed in it
        yield StatusLine(id="looking")
        yield StatusLine(id="tabs")
        yield StatusLine(id="wide")
        yield StatusLine(id="new")
        with Vertical(id="pane-alerts", classes="pane active"):
            yield headline.Title(id="title-alerts", classes="title")
            yield Table(ALERT_COLUMNS, id="alerts", show_header=True)
        with Horizontal(id="middle"):
            with Vertical(id="pane-services", classes="pane"):
                yield headline.Title(id="title-services", classes="title")
                yield Table(SERVICE_COLUMNS, id="services", show_header=True)
            with Vertical(id="pane-deploys", classes="pane"):
                yield headline.Title(id="title-deploys", classes="title")
                yield Table(DEPLOY_COLUMNS, id="deploys", show_header=True)
        with Vertical(id="pane-detail", classes="pane"):
            yield headline.Title(id="title-detail", classes="title")
            yield Lines(id="detail")
        yield Lines(id="outcome", indent=2, focus=False)
        yield KeyBar(id="keys")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field swallows every key.

        The keys are priority bindings, so that each has done its work before the next is looked at, however fast they
        come: text that arrives in one burst must not be taken for keys that act.
        """
        return not isinstance(self.focused, Input)

    def on_mount(self) -> None:
        self.session.tables = {name: self.query_one(f"#{name}", Table) for name in PANES[:3]}
        for table in self.session.tables.values():
            table.on_moved = self._moved
            table.on_first = self.to_new_page
            table.now = self.session.engine.clock.monotonic
        self._note_rate()
        self.lay_out()
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
        self._drawn_for.clear()
        self._go_on()

    def _go_on(self) -> None:
        self.new_rows.passed()
        self._note_rate()
        if self.looked_at:
            self.messages.expire()
            self.renew()
        else:
            self.draw_live()
        self.memory.save()

    def _note_rate(self) -> None:
        """Take the calls a second once a minute: a figure that changes all the time is a line sent all the time."""
        minute, words = int(self.session.engine.clock.now() // 60), self._calls[1]
        if self._calls[0] != minute or words.startswith("0.0"):
            rate = sum(s.calls_per_s for s in self.session.latest.board.sources.values())
            self._calls = (minute, f"{rate:.1f} calls/s")

    def _elsewhere(self, update: Update) -> bool:
        """Return whether a page that comes now would not be under the cursor."""
        if not self.is_active or self.session.list_pane != "alerts":
            return True
        return self.session.tables["alerts"].anchored or self._on_open_page(update)

    def _on_open_page(self, update: Update) -> bool:
        """Return whether the cursor is on an unacknowledged page: it stays there while another arrives."""
        row_id = self.session.tables["alerts"].cursor_id
        row = next((a for a in update.triaged.alerts if a.id == row_id), None) if row_id else None
        return row is not None and row.pages and nobody_has(update.triaged, row)

    def on_screen_resume(self) -> None:
        if self.session.tables:
            self.renew()
            self.call_after_refresh(self.dialogs.show_waiting)

    def renew(self) -> None:
        """Draw everything, and take note of the page that the cursor is on then."""
        self.draw()
        if self._look() and self._there:
            self._draw_new_page()

    def _look(self) -> bool:
        """Take note that the row under the cursor is looked at. Return whether it is a page that was not seen yet."""
        seen = self.is_active and bool(self.session.tables) and self.session.list_pane == "alerts"
        return seen and self.new_rows.looked_at(self.session.row_id)

    # --- drawing: reads, and changes nothing but what is on screen ----------------------------------------------------

    @property
    def _there(self) -> bool:
        """Tell whether all that is drawn on is there: not while it is being mounted, nor while the program ends."""
        return all_there(self, DRAWN_ON)

    def draw(self) -> None:
        """Everything, from the newest update; each part repaints only where it differs."""
        if not self._there:
            return  # an update comes whenever it likes
        now = self.session.engine.clock.now()
        update = self.session.latest
        self._draw_tables(update, now)
        self._draw_titles(update)
        self._draw_looking()
        self._draw_status(update, now)
        self._draw_wide(update)
        self._draw_new_page()
        self._draw_detail()
        self.draw_outcome(now)
        self._draw_keys()

    def draw_live(self) -> None:
        """Draw the clock, the sources, the counts and the new page alone: under a dialog each cell costs bytes."""
        if not self.session.tables or not self.is_mounted or not self.query("#new"):
            return
        self._draw_titles(self.session.latest)
        self._draw_status(self.session.latest, self.session.engine.clock.now())
        self._draw_new_page()

    def _draw_tables(self, update: Update, now: float) -> None:
        """The rows; of a table of which nothing changed since it was drawn, nor a tick went by, none."""
        triaged, shown, rows = update.triaged, self.session.view_filter, self.session.rows
        alerts, services, deploys = (self.session.tables[name] for name in PANES[:3])
        current = tuple((s.current, s.problems) for s in update.board.sources.values())
        if self._is_new("alerts", triaged.alerts, shown, update.outcomes, current, alerts.cursor_id, alerts.anchored):
            alerts.placeholder(self.filters.no_alert(now))
            stays = self._on_open_page(update)
            held = alerts.cursor_id if alerts.anchored or stays else None  # a row that nobody chose keeps no place
            instead = rows.successor(alerts.cursor_id, triaged)
            alerts.show(rows.alerts(update, shown, held, now), stays, instead)
        if self._is_new("services", triaged.services, shown, current, triaged.alerts):
            services.placeholder(self.filters.none("service"))
            services.show(rows.services(update, shown, now))
        if self._is_new("deploys", triaged.deploys, shown, current):
            deploys.placeholder(self.filters.none("deploy of the last day"))
            deploys.show(rows.deploys(update, shown, now))
        for name, signs in self.new_rows.signs().items():
            self.session.tables[name].show_new(signs)

    def _is_new(self, table: str, rows: object, *beside: object) -> bool:
        """Return whether the rows (the same object if not) or the view of them changed since the last draw."""
        old = self._drawn_for.get(table)
        self._drawn_for[table] = (rows, beside)
        return old is None or old[0] is not rows or old[1] != beside

    def _draw_titles(self, update: Update) -> None:
        said = {name: self._title_words(name) for name in self.session.tables}
        for name, text in titles(update.triaged, said).items():
            self.query_one(f"#title-{name}", headline.Title).say(text, active=name == self.session.pane)
        new = self.new_rows.words(self.session.list_pane)
        self.query_one("#tabs", StatusLine).show(tabs(update.triaged, self.session.pane), [(new, "warning")])

    def _title_words(self, pane: str) -> str:
        shown, order, below = self.filters.words(pane)
        words = (shown, self.new_rows.words(pane), order, below)
        return "".join(f" · {word}" for word in words if word)

    def _draw_looking(self) -> None:
        line, words = self.query_one("#looking", StatusLine), self.filters.line(titled=not self.has_class("narrow"))
        line.display = words is not None
        if words is not None:
            line.show(*words)

    def _draw_status(self, update: Update, now: float) -> None:
        wide = self.size.width >= WIDE_COLUMNS
        mine = headline.on_call(update, self.session.engine.actor.email, now)
        left = headline.left(update, self.session.me, self.session.engine.actions.read_only, wide, mine)
        self.query_one("#clock").styles.width = CLOCK_CELLS if wide else 12
        self.query_one("#status", StatusLine).show(left, headline.right(update, now, wide, self.session.bell_on))
        clock = headline.clock(now, self.session.tz, self._calls[1] if wide else "")
        self.query_one("#clock", StatusLine).show([], clock)

    def _draw_wide(self, update: Update) -> None:
        line = self.query_one("#wide", StatusLine)
        line.display = update.triaged.wide is not None
        if update.triaged.wide is not None:
            line.show([(headline.wide(update.triaged.wide, self.session.tz), "critical")])

    def _draw_new_page(self) -> None:
        line, words = self.query_one("#new", StatusLine), self.new_rows.page_words()
        for screen in self.app.screen_stack:
            if isinstance(screen, TellsOfPages) and screen.is_mounted:
                screen.tell_of_page(self.new_rows.page_words(key=False).strip())
        line.display = bool(words)
        line.show([(words, "cursor")])

    def _draw_detail(self) -> None:
        if self.has_class("narrow") and self.session.pane != "detail":
            return
        self.query_one("#detail", Lines).show(self._detail_lines())

    def _detail_lines(self) -> list[detail.Line]:
        now, update = self.session.engine.clock.now(), self.session.latest
        row_id = self.session.row_id
        if self.session.list_pane == "alerts":
            row = self.session.drawn(row_id)
            return detail.alert_lines(row, update, now, self.session.tz) if row else []
        if self.session.list_pane == "services":
            service = update.board.services.get(row_id or "")
            return detail.service_lines(service, update, now, self.session.tz) if service else []
        deploy = update.board.deploys.get(row_id or "")
        return detail.deploy_lines(deploy, update, now, self.session.tz) if deploy else []

    def draw_outcome(self, now: float) -> None:
        """Show the outcomes of actions, and the last word."""
        if not self._there:
            return
        session = self.session
        lines = headline.outcome_lines(session.latest, session.notice, session.tz, now, session.engine.actions.plan_of)
        widget = self.query_one("#outcome", Lines)
        widget.display = bool(lines)
        widget.show(lines)
        widget.styles.height = min(6, max(1, widget.needed(self.size.width)))
        if session.row_screen is not None:
            session.row_screen.draw_outcome(now)

    def _draw_keys(self) -> None:
        """The usual keys, and those that are rare where they can do something now."""
        self.query_one("#keys", KeyBar).show(self.actions.bar_items(self.session.row()))

    # --- what the widgets tell ----------------------------------------------------------------------------------------

    def _moved(self, table: Table, was: str | None) -> None:
        """A key moved a cursor: what follows it is painted in the same frame."""
        self.session.unmarked = 0
        left = was is not None and table.id == self.session.pane and self.new_rows.left(self.session.pane, was)
        if self.session.rows.holding and self.session.pane == "alerts":
            self.renew()  # a resolved row goes, an acknowledged one re-sorts, once the cursor has left it
        else:
            if left:
                self._draw_titles(self.session.latest)
            self._look()
            self._draw_new_page()
            self._draw_detail()
            self._draw_keys()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.action_detail()

    def on_table_marked(self, event: Table.Marked) -> None:
        event.stop()
        self._draw_keys()
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
        self.query_one(FilterLine).display = False
        self.lay_out()

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self._arranged_for:
            self.lay_out()

    def lay_out(self) -> None:
        """One pane at a time where it is small, or where it is wanted; else all of them."""
        size = self._arranged_for = self.app.size
        narrow = self.zoomed or size.width < WIDE_COLUMNS or size.height < WIDE_LINES
        if (narrow, self.session.pane) != self._arranged:
            self._arranged = (narrow, self.session.pane)
            self.set_class(narrow, "narrow")
            for name in PANES:
                self.query_one(f"#pane-{name}").set_class(name == self.session.pane, "active")
            self.query_one("#middle").set_class(self.session.pane in ("services", "deploys"), "active")
        self.set_focus(self.session.tables.get(self.session.pane) or self.query_one("#detail", Lines))
        self.renew()

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
        self._draw_new_page()
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
        self.session.engine.recompose()

    def action_refresh(self) -> None:
        self.session.engine.refresh()
        self.session.say("reading every source again", "dim")

    def action_quiet(self) -> None:
        self.session.bell_on = not self.session.bell_on
        self.renew()
        self.memory.save()

    def action_help(self) -> None:
        self.app.push_screen(Help())

    # --- keys for a row -----------------------------------------------------------------------------------------------

    def action_act(self, command_id: str) -> None:
        """Carry out the command on the row under the cursor: a verb not where the cursor has just moved by itself."""
        if BY_ID[command_id].verb is None or self.session.steady():
            self.actions.do(command_id, self.session.row())

    def action_detail(self) -> None:
        """Show the row under the cursor on a screen of its own."""
        from oncall_tui.tui.screens.detail.screen import DetailScreen

        session, row = self.session, self.session.row()
        if row.id is None:
            session.say(self.actions.offers.no_target(row), "warning")
        elif not session.knows(row):
            session.say(self.actions.offers.no_target(row) or NO_ROW, "warning")
        elif session.row_screen is None:
            session.tables[row.pane].anchored = True  # opened: no refresh takes the row from under that screen
            opened = DetailScreen(session, self.dialogs, self.actions, RowRef(row.pane, row.id, row.triaged_alert))
            session.row_screen = opened
            self.app.push_screen(opened)
