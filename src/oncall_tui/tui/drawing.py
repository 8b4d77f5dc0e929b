"""The drawing of the board: from the session and its controllers to the widgets. It reads, and changes no state."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from oncall_tui.triage.triager import TriagedBoard, nobody_has
from oncall_tui.tui.commands import named
from oncall_tui.tui.controllers.filters import Filters
from oncall_tui.tui.controllers.new_rows import NewRows
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.presenters import status_lines
from oncall_tui.tui.presenters.titles import tabs, titles
from oncall_tui.tui.screens.detail.pane import Line, alert_lines, deploy_lines, guardrail_lines, service_lines
from oncall_tui.tui.screens.tells_of_pages import TellsOfPages
from oncall_tui.tui.session import Session
from oncall_tui.tui.widgets.footer import KeyBar, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.table.rows import as_cell
from oncall_tui.tui.widgets.table.table import Table
from oncall_tui.tui.widgets.text_lines import Lines

PANES = ("alerts", "services", "deploys", "detail")
WIDE_COLUMNS = 110
STEP = 4  # lines
OTHER_LINES = 18  # of the detail, and at most of what stands above and below the panes
CLOCK_CELLS = 26  # with the calls a second
DRAWN_ON = frozenset(
    {"status", "clock", "looking", "tabs", "incident", "new", "outcome", "keys", *PANES, *(f"title-{p}" for p in PANES)}
)


class Drawing:
    """Draws on *screen*. Each part repaints only where it differs."""

    def __init__(
        self, screen: Screen[None], session: Session, filters: Filters, new_rows: NewRows, offers: Offers
    ) -> None:
        self._screen, self._session = screen, session
        self._filters, self._new_rows, self._offers = filters, new_rows, offers
        self._drawn_for: dict[str, tuple[object, tuple[object, ...]]] = {}  # of each table, what its rows were made of

    @property
    def there(self) -> bool:
        """Tell whether all that is drawn on is there: not while it is being mounted, nor while the program ends."""
        return all_there(self._screen, DRAWN_ON)

    def forget(self) -> None:
        """Make every row anew at the next drawing: time went by."""
        self._drawn_for.clear()

    def everything(self) -> None:
        """Draw the newest update."""
        if not self.there:
            return  # an update comes whenever it likes
        self.tables()
        self.titles()
        self._looking()
        self.status()
        self._freeze()
        self._incident()
        self.new_page()
        self.detail()
        self._heights()
        self.outcome(self._session.engine.clock.now())
        self.keys()

    def live(self) -> None:
        """Draw the clock, the sources, the counts and the new page alone: under a dialog each cell costs bytes."""
        if self._session.tables and self._screen.is_mounted and self._screen.query("#new"):
            self.titles()
            self.status()
            self.new_page()

    # --- the tables ---------------------------------------------------------------------------------------------------

    def tables(self) -> None:
        """Draw the rows; of a table of which nothing changed since it was drawn, nor a tick went by, none."""
        session, update = self._session, self._session.latest
        now, triaged, shown, rows = session.engine.clock.now(), update.triaged, session.view_filter, session.rows
        alerts, services, deploys = (session.tables[name] for name in PANES[:3])
        current = tuple((s.current, s.complete, s.problems) for s in update.board.sources.values())
        if not triaged.alerts or not alerts.rows:  # it counts services too
            alerts.placeholder(self._filters.no_alert(now))
        beside = (shown, update.outcomes, current, alerts.cursor_id, alerts.anchored, update.memory, update.others)
        if self._is_new("alerts", triaged.alerts, *beside):
            stays = on_open_page(session, triaged)
            held = alerts.cursor_id if alerts.anchored or stays else None  # a row that nobody chose keeps no place
            instead = rows.successor(alerts.cursor_id, triaged)
            alerts.show(rows.alerts(update, shown, held, now), stays, instead)
        if self._is_new("services", triaged.services, shown, current, triaged.alerts):
            services.placeholder(self._filters.none("service"))
            services.show(rows.services(update, shown, now))
        if self._is_new("deploys", triaged.deploys, shown, current):
            deploys.placeholder(self._filters.none("deploy of the last day"))
            deploys.show(rows.deploys(update, shown, now))
        for name, signs in self._new_rows.signs().items():
            session.tables[name].show_new(signs)

    def _is_new(self, table: str, rows: object, *beside: object) -> bool:
        """Return whether the rows (the same object if not) or the view of them changed since the last drawing."""
        old = self._drawn_for.get(table)
        self._drawn_for[table] = (rows, beside)
        return old is None or old[0] is not rows or old[1] != beside

    def _heights(self) -> None:
        """Give no pane lines that it leaves blank while others lack room: few rows, or none to tell of. A list grows at
        once, and in steps, so that what is below it seldom moves; the detail has the lines that no list needs.
        """
        screen, tables = self._screen, self._session.tables
        panes = {name: screen.query_one(f"#{name}") for name in ("pane-alerts", "middle", "pane-detail")}
        all_shown = not screen.has_class("narrow") and bool(self._session.latest.board.live)
        blank = all_shown and self._session.pane != "detail" and not self._detail_lines()
        alerts = self._limit(panes["pane-alerts"], tables["alerts"])
        middle = self._limit(panes["middle"], tables["services"], tables["deploys"])
        tall = all_shown and not blank and alerts + middle + OTHER_LINES <= screen.size.height
        for name, limit in {"pane-alerts": alerts if all_shown else None, "middle": middle if tall else None}.items():
            if limit != _max_height(panes[name]):  # Textual lays out anew also where none stays none
                panes[name].styles.max_height = limit
        panes["pane-detail"].set_class(blank, "blank")
        panes["pane-detail"].set_class(tall, "tall")

    def _limit(self, pane: Widget, *tables: Table) -> int:
        """Return the lines that the pane of *tables*, which stand side by side, is to have at the most."""
        most = self._screen.size.height
        need = -(-(1 + max(table.needed(most) for table in tables)) // STEP) * STEP
        was = _max_height(pane) or 0
        return was if need <= was <= need + STEP and any(table.rows for table in tables) else need

    # --- the lines above them -----------------------------------------------------------------------------------------

    def titles(self) -> None:
        session = self._session
        said = {name: self._title_words(name) for name in session.tables}
        for name, text in titles(session.latest.triaged, said).items():
            self._screen.query_one(f"#title-{name}", status_lines.Title).say(text, active=name == session.pane)
        new = self._new_rows.words(session.list_pane)
        self._line("tabs").show(tabs(session.latest.triaged, session.pane), [(new, "warning")])

    def _title_words(self, pane: str) -> str:
        shown, order, below = self._filters.words(pane)
        words = (shown, self._new_rows.words(pane), order, below)
        return "".join(f" · {word}" for word in words if word)

    def _looking(self) -> None:
        line, words = self._line("looking"), self._filters.line(titled=not self._screen.has_class("narrow"))
        line.display = words is not None
        if words is not None:
            line.show(*words)

    def status(self) -> None:
        session, update = self._session, self._session.latest
        now, wide = session.engine.clock.now(), self._screen.size.width >= WIDE_COLUMNS
        mine = status_lines.on_call(update, session.engine.actor.email, now)
        left = status_lines.left(update, session.me, session.engine.read_only, wide, mine)
        self._line("clock").styles.width = CLOCK_CELLS if wide else 12
        self._line("status").show(left, status_lines.right(update, now, wide, session.bell_on))
        self._line("clock").show([], status_lines.clock(now, session.tz, session.call_rate if wide else ""))

    def _freeze(self) -> None:
        """Draw the freezes that hold now, on a line of their own: it can be read at any width."""
        widget, found = self._line("freeze"), self._session.engine.freezes
        widget.display = bool(found)
        widget.show([(f" ! {' · '.join(found)}", "warning")] if found else [])

    def _incident(self) -> None:
        line, wide = self._line("incident"), self._session.latest.triaged.multi_service_incident
        line.display = wide is not None
        if wide is not None:
            line.show([(status_lines.wide(wide, self._session.tz, self._session.engine.clock.now()), "critical")])

    def new_page(self) -> None:
        """Draw the line that tells of a page that was not seen yet, on every screen that has a place for it."""
        line, words, without_key = self._line("new"), self._new_rows.page_words(), self._new_rows.page_words(key=False)
        for screen in self._screen.app.screen_stack:
            if isinstance(screen, TellsOfPages) and screen.is_mounted:
                screen.tell_of_page(without_key.strip())
        line.display = bool(words)
        line.show([(words, "cursor")])

    def _line(self, name: str) -> StatusLine:
        return self._screen.query_one(f"#{name}", StatusLine)

    # --- what is below them -------------------------------------------------------------------------------------------

    def detail(self) -> None:
        """Draw the pane for the row under the cursor, where it is on screen."""
        if not self._screen.has_class("narrow") or self._session.pane == "detail":
            self._screen.query_one("#detail", Lines).show(self._detail_lines() or self._why_empty())

    def _detail_lines(self) -> list[Line]:
        session, update = self._session, self._session.latest
        now, row_id = session.engine.clock.now(), session.row_id
        if session.list_pane == "alerts":
            row = session.drawn(row_id)
            lines = alert_lines(row, update, now, session.tz) if row else []
        elif session.list_pane == "services":
            service = update.board.services.get(row_id or "")
            lines = service_lines(service, update, now, session.tz) if service else []
        else:
            deploy = update.board.deploys.get(row_id or "")
            lines = deploy_lines(deploy, update, now, session.tz) if deploy else []
        return [*lines, *(guardrail_lines(session.engine.guard.about(row_id)) if lines and row_id else ())]

    def _why_empty(self) -> list[Line]:
        """Say why there is no detail: an empty pane would look like a row of which nothing is known."""
        table = self._session.tables[self._session.list_pane]
        if not table.rows:
            lists = ", ".join(map(named, PANES[:3]))
            none = f" There is no row to show the detail of: {lists} show the lists."
            return [*(((" ", ""), as_cell(said)) for said in table.instead), ((none, "dim"),)]
        why = "the row under the cursor has gone: j and k choose another"
        if not table.gone:
            why = self._offers.no_target(self._session.row()) or "this row is not on the board any more"
        return [((f" {why}.", ""),)]

    def outcome(self, now: float) -> None:
        """Draw the outcomes of actions, and the last word; also on the screen of one row."""
        if not self.there:
            return
        session = self._session
        lines = status_lines.outcome_lines(session.latest, session.notice, session.tz, now, session.engine.plan_of)
        widget = self._screen.query_one("#outcome", Lines)
        widget.display = bool(lines)
        widget.show(lines)
        widget.styles.height = min(6, max(1, widget.needed(self._screen.size.width)))
        if session.row_screen is not None:
            session.row_screen.draw_outcome(now)

    def keys(self) -> None:
        """Draw the usual keys, and those that are rare where they can do something now."""
        self._screen.query_one("#keys", KeyBar).show(self._offers.bar_items(self._session.row()))


def on_open_page(session: Session, triaged: TriagedBoard) -> bool:
    """Return whether the cursor is on an unacknowledged page: it stays there while another arrives."""
    row_id = session.tables["alerts"].cursor_id
    return any(row.id == row_id and nobody_has(triaged, row) for row in triaged.paging)


def _max_height(pane: Widget) -> int | None:
    height = pane.styles.max_height
    return None if height is None else int(height.value)
