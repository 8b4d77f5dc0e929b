"""The board: alerts, services and deploys in panes, the detail of the row under the cursor, and how every source is.

Handlers own what is on screen; the engine is only asked. Nothing here waits for a provider.
"""

from __future__ import annotations

from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.widgets import Input

from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.text.cells import count
from oncall_tui.triage import counts
from oncall_tui.triage.counts import number
from oncall_tui.triage.triager import nobody_has, unacknowledged_count
from oncall_tui.tui.controllers.actions import Actions
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.keys import KEYS, STEADY
from oncall_tui.tui.looking_back import LookingBack
from oncall_tui.tui.presenters import status_lines as headline
from oncall_tui.tui.presenters.row_builder import ALERT_COLUMNS, DEPLOY_COLUMNS, SERVICE_COLUMNS
from oncall_tui.tui.presenters.unseen_pages import UnseenPages
from oncall_tui.tui.screens.detail import pane as detail
from oncall_tui.tui.screens.dialogs.modals import Help
from oncall_tui.tui.screens.tells_of_pages import TellsOfPages
from oncall_tui.tui.session import NO_ROW, RowRef, Session
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
DONE_SHOWN_S = 20.0
NOTICE_S = 8.0  # of a word that only says what was asked for


class BoardScreen(LookingBack):
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
    BoardScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    BoardScreen #filter:focus { border: none; }
    BoardScreen.narrow #tabs { display: block; }
    BoardScreen.narrow .pane, BoardScreen.narrow #middle { display: none; }
    BoardScreen.narrow .title { display: none; }
    BoardScreen.narrow #pane-services { border-right: none; }
    BoardScreen.narrow .pane.active, BoardScreen.narrow #middle.active { display: block; height: 1fr; }
    BoardScreen.narrow #pane-detail.active { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(k.key, k.action, k.word, show=False, id=k.id, tooltip=k.what, priority=True)
        for k in KEYS
        if k.id not in ("mark", "mark_all")
    ]

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str) -> None:
        super().__init__(Session(engine, tz, me))
        self.session.on_said, self.session.redraw = self.draw_outcome, self.draw
        self.dialogs = Dialogs(self.session, self, lambda: self.looked_at)
        self.actions = Actions(self.session, self.dialogs)
        self.zoomed = False
        self._calls = (
            0,
            "",
        )  # the minute, and the words: a figure that changes all the time is a line sent all the time
        self._arranged: tuple[bool, str] | None = None
        self._arranged_for = Size(0, 0)
        self._drawn_for: dict[str, tuple[object, tuple[object, ...]]] = {}
        self.new_pages = UnseenPages()
        self._had_alerts = False

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
        self.lay_out()
        self.set_interval(TICK_S, self.tick)

    @property
    def looked_at(self) -> bool:
        """Tell whether the board, or the screen that is open over it for one row, is on top."""
        over = self.session.row_screen
        return self.is_active or (over is not None and over.is_active)

    # --- drawing ------------------------------------------------------------------------------------------------------

    def show(self, update: Update) -> None:
        """A newer update is here. Under a modal it is only kept: painting there would cost the whole screen."""
        self.session.latest = update
        self.new_pages.come(
            update.look, self.session.engine.clock.now(), bool(self.session.tables) and self._elsewhere(update)
        )
        if self.looked_at:
            self.draw()
        else:
            self.draw_live()
        if self.session.row_screen is not None:
            self.session.row_screen.follow()

    def _elsewhere(self, update: Update) -> bool:
        """Return whether a page that comes now would not be under the cursor."""
        if not self.is_active or self.session.list_pane != "alerts":
            return True
        return self.session.tables["alerts"].anchored or self._on_open_page(update)

    def tick(self) -> None:
        """Ages, and what the engine says without an event."""
        self._drawn_for.clear()
        if self.looked_at:
            self.draw()
        else:
            self.draw_live()

    def draw_live(self) -> None:
        """Draw the clock, the sources, the counts and the new page alone: under a dialog each cell costs bytes."""
        if not self.session.tables or not self.is_mounted or not self.query("#new"):
            return
        now = self.session.engine.clock.now()
        self._draw_titles(self.session.latest)
        self._draw_status(self.session.latest, now)
        self._draw_new_page(now)

    def on_screen_resume(self) -> None:
        if self.session.tables:
            self.draw()
            self.call_after_refresh(self.dialogs.show_waiting)

    def draw(self) -> None:
        """Everything, from the newest update; each part repaints only where it differs."""
        if not all_there(self, DRAWN_ON):
            return  # being mounted, or the program ends: an update comes whenever it likes
        now = self.session.engine.clock.now()
        update = self.session.latest
        self._draw_tables(update, now)
        self.draw_new()
        self._draw_titles(update)
        self.draw_looking()
        self._draw_status(update, now)
        self._draw_wide(update)
        self._draw_new_page(now)
        self._draw_detail()
        self.draw_outcome(now)
        self._draw_keys()

    def _draw_tables(self, update: Update, now: float) -> None:
        """The rows; of a table of which nothing changed since it was drawn, nor a tick went by, none."""
        look, shown, alerts = update.look, self.session.view_filter, self.session.tables["alerts"]
        current = tuple((s.current, s.problems) for s in update.board.sources.values())
        if look.alerts and not self._had_alerts:
            alerts.anchored = False  # what was chosen is over: what comes now is looked at from its first row on
        self._had_alerts = bool(look.alerts)
        if self._is_new("alerts", look.alerts, shown, update.outcomes, current, alerts.cursor_id, alerts.anchored):
            alerts.placeholder(self.nothing_shown(now))
            stays = self._on_open_page(update)
            held = alerts.cursor_id if alerts.anchored or stays else None  # a row that nobody chose keeps no place
            instead = self.session.rows.successor(alerts.cursor_id, look)
            alerts.show(self.session.rows.alerts(update, shown, held, now), stays, instead)
        if self._is_new("services", look.services, shown, current, look.alerts):
            self.session.tables["services"].placeholder(self.none_shown("service"))
            self.session.tables["services"].show(self.session.rows.services(update, shown, now))
        if self._is_new("deploys", look.deploys, shown, current):
            self.session.tables["deploys"].placeholder(self.none_shown("deploy of the last day"))
            self.session.tables["deploys"].show(self.session.rows.deploys(update, shown, now))

    def _on_open_page(self, update: Update) -> bool:
        """Return whether the cursor is on an unacknowledged page: it stays there while another arrives."""
        row_id = self.session.tables["alerts"].cursor_id
        row = next((a for a in update.look.alerts if a.id == row_id), None) if row_id else None
        return row is not None and row.pages and nobody_has(update.look, row)

    def _is_new(self, table: str, rows: object, *beside: object) -> bool:
        """Return whether the rows (the same object if not) or the view of them changed since the last draw."""
        old = self._drawn_for.get(table)
        self._drawn_for[table] = (rows, beside)
        return old is None or old[0] is not rows or old[1] != beside

    def _draw_titles(self, update: Update) -> None:
        look = update.look
        said = {name: self.narrowed_words(name) for name in self.session.tables}
        hidden = f" · {look.hidden} hidden" if look.hidden else ""
        sick = sum(s.health.is_fault for s in look.services)
        running = sum(d.state.running for d in look.deploys)
        unacked = unacknowledged_count(look)
        words = {
            "alerts": f"{counts.alerts_title(look)}{hidden}{said['alerts']}",
            "services": f"{counts.services_title(look, deploying=True)}{said['services']}",
            "deploys": f"{counts.deploys_title(look)}{said['deploys']}",
            "detail": "DETAIL",
        }
        for name, text in words.items():
            self.query_one(f"#title-{name}", headline.Title).say(text, active=name == self.session.pane)
        tabs = (
            ("alerts", f"1 ALERTS {number(look, 'alerts', len(look.alerts))}", f" {unacked}!" if unacked else ""),
            ("services", f"2 services {number(look, 'services', len(look.services))}", f" {sick}✗" if sick else ""),
            ("deploys", f"3 deploys {number(look, 'deploys', running)}", ""),
            ("detail", "4 detail", ""),
        )
        parts = []
        for name, text, sign in tabs:
            parts.append((f" {text}", "cursor" if name == self.session.pane else ""))
            parts.append((f"{sign} ", "critical" if sign else "cursor" if name == self.session.pane else ""))
        self.query_one("#tabs", StatusLine).show(parts, [(self.new_words(self.session.list_pane), "warning")])

    def _draw_status(self, update: Update, now: float) -> None:
        if self._calls[0] != int(now // 60) or self._calls[1].startswith("0.0"):
            self._calls = (int(now // 60), f"{sum(s.calls_per_s for s in update.board.sources.values()):.1f} calls/s")
        wide = self.size.width >= WIDE_COLUMNS
        mine = headline.on_call(update, self.session.engine.actor.email, now)
        left = headline.left(update, self.session.me, self.session.engine.actions.read_only, wide, mine)
        self.query_one("#clock").styles.width = CLOCK_CELLS if wide else 12
        self.query_one("#status", StatusLine).show(left, headline.right(update, now, wide, self.session.bell_on))
        clock = headline.clock(now, self.session.tz, self._calls[1] if wide else "")
        self.query_one("#clock", StatusLine).show([], clock)

    def _draw_wide(self, update: Update) -> None:
        line = self.query_one("#wide", StatusLine)
        line.display = update.look.wide is not None
        if update.look.wide is not None:
            line.show([(headline.wide(update.look.wide, self.session.tz), "critical")])

    def _draw_new_page(self, now: float) -> None:
        if self.session.list_pane == "alerts" and self.is_active:
            self.new_pages.saw(self.session.row_id)
        line, words = self.query_one("#new", StatusLine), self.new_pages.words(self.session.latest.look, now)
        for screen in self.app.screen_stack:
            if isinstance(screen, TellsOfPages) and screen.is_mounted:
                screen.tell_of_page(self.new_pages.words(self.session.latest.look, now, key=False).strip())
        line.display = bool(words)
        line.show([(words, "cursor")])

    def to_new_page(self) -> bool:
        """The page that the line above the list tells of; False: it tells of none."""
        row = self.new_pages.next(self.session.latest.look)
        if row is None:
            return False
        if self.session.pane != "alerts":
            self.action_pane("alerts")
        table = self.session.tables["alerts"]
        if not table.move_to(row.id):  # a filter hides it
            self.filter_by(self.everything())
            table.move_to(row.id)
        self._draw_new_page(self.session.engine.clock.now())
        return True

    def _draw_detail(self) -> None:
        if self.has_class("narrow") and self.session.pane != "detail":
            return
        self.query_one("#detail", Lines).show(self._detail_lines())

    def _detail_lines(self) -> list[detail.Line]:
        now, update = self.session.engine.clock.now(), self.session.latest
        row_id = self.session.row_id
        if self.session.list_pane == "alerts":
            look = self.session.drawn(row_id)
            return detail.alert_lines(look, update, now, self.session.tz) if look else []
        if self.session.list_pane == "services":
            service = update.board.services.get(row_id or "")
            return detail.service_lines(service, update, now, self.session.tz) if service else []
        deploy = update.board.deploys.get(row_id or "")
        return detail.deploy_lines(deploy, update, now, self.session.tz) if deploy else []

    def draw_outcome(self, now: float) -> None:
        if not all_there(self, DRAWN_ON):
            return
        for outcome in headline.as_one(self.session.latest):
            quiet = outcome.state in (OutcomeState.DONE, OutcomeState.SENT) and outcome.verb not in FOLLOWED
            if quiet and now - outcome.at > DONE_SHOWN_S:
                self.session.engine.actions.dismiss(outcome.plan_id)
        if self.session.notice and self.session.notice[1] == "dim" and now - self.session.said_at > NOTICE_S:
            self.session.notice = None
        lines = headline.outcome_lines(
            self.session.latest, self.session.notice, self.session.tz, now, self.session.engine.actions.plan_of
        )
        widget = self.query_one("#outcome", Lines)
        widget.display = bool(lines)
        widget.show(lines)
        widget.styles.height = min(6, max(1, widget.needed(self.size.width)))
        if self.session.row_screen is not None:
            self.session.row_screen.draw_outcome(now)

    def _draw_keys(self) -> None:
        """The usual keys, and those that are rare where they can do something now."""
        self.query_one("#keys", KeyBar).show(self.actions.bar_items(self.session.row()))

    # --- what is looked at --------------------------------------------------------------------------------------------

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()

    def _moved(self) -> None:
        """A key moved a cursor: what follows it is painted in the same frame."""
        self.session.unmarked = 0
        left = self.left_row()
        if self.session.rows.holding and self.session.pane == "alerts":
            self.draw()  # a resolved row goes, an acknowledged one re-sorts, once the cursor has left it
        else:
            if left:
                self._draw_titles(self.session.latest)
            self._draw_new_page(self.session.engine.clock.now())
            self._draw_detail()
            self._draw_keys()

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
        self.draw()

    # --- keys that only look ------------------------------------------------------------------------------------------

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
        shown = headline.shown_outcome(self.session.latest)
        ended = shown is not None and shown.state is not OutcomeState.PENDING
        if self.dialogs.active:
            self.dialogs.give_up()
        elif self.session.notice and not (ended and self.session.notice[1] == "dim"):
            self.session.notice = None
        elif shown is not None and ended:
            self.session.notice = None  # a dim one goes by itself: it takes no Esc of its own
            self.session.engine.actions.dismiss(shown.plan_id)
        elif self.session.pane == "detail":
            self.action_pane(self.session.list)
        elif self.zoomed:
            self.action_zoom()
        elif self.session.view_filter.narrows:
            self.filter_by(self.everything())
        else:
            self.last_look.clear()
        self.draw()

    def action_hidden(self) -> None:
        self.session.engine.show_hidden = not self.session.engine.show_hidden
        self.session.engine.recompose()

    def action_refresh(self) -> None:
        self.session.engine.refresh()
        self.session.say("reading every source again", "dim")

    def action_quiet(self) -> None:
        self.session.bell_on = not self.session.bell_on
        self.draw()

    def action_help(self) -> None:
        self.app.push_screen(Help())

    # --- keys for a row -----------------------------------------------------------------------------------------------

    def action_act(self, key_id: str) -> None:
        """Carry out the key on the row under the cursor, unless the cursor has just moved by itself."""
        if key_id not in STEADY or self.session.steady():
            self.actions.do(key_id, self.session.row())

    def action_detail(self) -> None:
        """Show the row under the cursor on a screen of its own."""
        from oncall_tui.tui.screens.detail.screen import DetailScreen

        session, row = self.session, self.session.row()
        if row.id is None:
            session.say(NO_ROW, "warning")
        elif not session.knows(row):
            session.say("that line is about a source, not an alert: i shows every source", "warning")
        elif session.row_screen is None:
            session.tables[row.pane].anchored = True  # opened: no refresh takes the row from under that screen
            opened = DetailScreen(session, self.dialogs, self.actions, RowRef(row.pane, row.id, row.look))
            session.row_screen = opened
            self.app.push_screen(opened)
