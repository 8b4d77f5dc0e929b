"""The Detail screen: one row, whole, over the board. It follows the row by its id, and hands it to every action.

What the board has is shown at once; what is read on demand (tasks, targets, metrics, what happened) appears part by
part as it comes. Nothing is read by the clock, and nothing after the screen is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import ClassVar, Protocol

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.engine.engine import Update
from oncall_tui.inspection.runbook.fetch import RunbookAddress, places
from oncall_tui.text.team_words import doing
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.bindings import bind_own, bindings
from oncall_tui.tui.commands import BY_ID, Command, detail_bar, label, named, own, own_commands, shared
from oncall_tui.tui.presenters import status_lines as headline
from oncall_tui.tui.presenters.targets import ActionTarget
from oncall_tui.tui.screens.detail.body import DetailBody
from oncall_tui.tui.screens.detail.parts import Begun, DetailParts
from oncall_tui.tui.screens.detail.sections import lines, sections
from oncall_tui.tui.screens.detail.subject import Subject, subject
from oncall_tui.tui.screens.detail.words import Keys, Scene, Section
from oncall_tui.tui.screens.dialogs.modals import Text
from oncall_tui.tui.session import PaletteEntry, RowRef, Session
from oncall_tui.tui.widgets.footer import KeyBar, KeyItem, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.text_lines import Line, Lines

CHANGE_FIRST = ", though a change is suspected first, which no rollback takes back"
NOT_SUSPECTED, NOT_KNOWN = ", though no deploy is suspected", ", though the suspect deploy is not known"
NO_RUNBOOK = "no runbook: neither the product nor the alert names one"
TICK_S = 10.0  # of ages; nothing is read for it
AGAIN_S = 0.25  # at least, until what was put off is begun
DRAWN_ON = frozenset({"status", "clock", "row", "names", "outcome", "keys"})
WIDE_COLUMNS = 110


class Questions(Protocol):
    """The questions to the engineer, as far as this screen knows them."""

    @property
    def active(self) -> bool: ...

    def give_up(self) -> None: ...

    def show_waiting(self) -> None: ...


class RowOffers(Protocol):
    """The verbs that a row can have now, and their targets."""

    def offered(self, command: Command, row: RowRef) -> bool: ...

    def word(self, command: Command, row: RowRef) -> str: ...

    def alert_target(self, verb: Verb, row: RowRef) -> Alert | None: ...

    def deploy_target(self, verb: Verb, row: RowRef) -> ActionTarget | str: ...

    def on_its_way(self, verb: Verb, to: ActionTarget) -> bool: ...


class RowActions(Protocol):
    """The actions on a row that is handed to them."""

    @property
    def offers(self) -> RowOffers: ...

    def do(self, key_id: str, row: RowRef) -> None: ...

    def without_keys(self, row: RowRef) -> Iterable[PaletteEntry]: ...

    def not_now(self, row: RowRef) -> Iterable[PaletteEntry]: ...

    def run_own(self, name: str, row: RowRef) -> None: ...


class DetailScreen(Screen[None]):
    """One row, which this screen owns: it is handed to every action as it was drawn last."""

    DEFAULT_CSS = """
    DetailScreen { layout: vertical; }
    DetailScreen #top { height: 1; }
    DetailScreen #clock { width: 12; }
    DetailScreen #sections { height: 1fr; }
    DetailScreen #outcome { height: 1; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("detail")

    def __init__(self, session: Session, dialogs: Questions, actions: RowActions, row: RowRef) -> None:
        super().__init__()
        self.session, self.dialogs, self.actions, self.row = session, dialogs, actions, row
        self.engine = session.engine
        self.parts = DetailParts(session.engine)
        bind_own(self, session.engine.commands)
        self._subject: Subject | None = None
        self._joined: TriagedAlert | None = None  # the row that this one has become a part of
        self._sections: list[Section] = []
        self._at = 0  # the section that a key went to last
        self._left = False
        self._page = ""  # a new page that was not seen yet
        self._again: Timer | None = None  # reads what was put off
        # A command of this screen alone -> whether it can do something now. One that is not here always can.
        self._where: dict[str, Callable[[], bool]] = {
            "runbook": lambda: bool(self._runbooks()),
            "who": self._has_service,
        }

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield StatusLine(id="status")
            yield StatusLine(id="clock")
        yield StatusLine(id="row")
        yield StatusLine(id="names")
        yield DetailBody()
        yield Lines(id="outcome", indent=2, focus=False)
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        body = self.query_one(DetailBody)
        body.on_scrolled = self._scrolled
        self.set_focus(body)
        self.engine.team.open(self.row.id or "")
        self.follow()
        self.set_interval(TICK_S, self.draw)

    def on_screen_resume(self) -> None:
        """A modal closed: what came meanwhile is shown, and what waited for its end."""
        if self._there:
            self.session.redraw()
            self.follow()
            self.call_after_refresh(self.dialogs.show_waiting)

    def on_unmount(self) -> None:
        self.close_down()

    def on_resize(self, event: events.Resize) -> None:
        self.draw()

    # --- following the row --------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """The board is newer: look at the row again, and read what is due."""
        if self._left:
            return
        pane, row_id = self.row.pane, self.row.id or ""
        row = self.session.drawn(row_id) if pane == "alerts" else None
        self.row = RowRef(pane, row_id, row or self.row.triaged_alert)
        was = row or (self._subject.triaged_alert if self._subject else None)
        now_in = self.session.latest.triaged.find(was.alert.id) if was else None
        self._joined = now_in if now_in is not None and now_in.id != row_id else None
        known = subject(pane, row_id, self._joined or row, self.session.latest)
        if known is not None:
            self._subject = known
            self._read()
        self.draw()

    @property
    def here(self) -> bool:
        """Tell whether the board's row is still this one: a row that vanished takes no key."""
        return self.session.shows(self.row) and self._joined is None

    @property
    def _there(self) -> bool:
        """Tell whether all that is drawn on is there: not while it is being mounted, nor while the program ends."""
        return not self._left and all_there(self, DRAWN_ON) and bool(self.query(DetailBody))

    def _read(self) -> None:
        """Begin what is due, and come back for what was put off."""
        if self._left or self._subject is None or not self.is_current:
            return  # nobody looks: under the log nothing is read
        current = (s.name for s in self.session.latest.board.sources.values() if s.current)
        self._wait_for(self.parts.look(self._subject, current))
        wait = self.parts.wait()
        if self._again is not None:
            self._again.stop()  # one at a time: each board that is newer comes here, and a timer would begin the next
        self._again = None if wait is None else self.set_timer(max(wait, AGAIN_S), self._read)

    def _wait_for(self, begun: list[Begun]) -> None:
        for take, future in begun:
            self.run_worker(self._came(take, future), exit_on_error=False)

    async def _came(self, take: Callable[[], bool], future: Future[object]) -> None:
        with suppress(Exception):  # take says it, as words
            await asyncio.wrap_future(future)
        if take():
            self._read()  # it changed while it was read
            self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def tell_of_page(self, words: str) -> None:
        """In the first line: a page that began while this row is looked at."""
        if words != self._page and self._there:
            self._page = words
            self._draw_status(self.session.latest, self.engine.clock.now())

    def _draw_status(self, update: Update, now: float) -> None:
        wide = self.size.width >= WIDE_COLUMNS
        left = headline.left(update, self.session.me, self.engine.read_only, wide)
        page = [(f" {self._page} ", "cursor")] if self._page else left
        self.query_one("#status", StatusLine).show(page, headline.right(update, now, wide, self.session.bell_on))
        self.query_one("#clock", StatusLine).show([], headline.clock(now, self.session.tz, ""))

    def draw(self) -> None:
        """Everything, from the newest update; each part repaints only where it differs. Under a dialog how the sources
        are and the time alone.
        """
        if not self._there:
            return
        if not self.is_active:
            self._draw_status(self.session.latest, self.engine.clock.now())
            return
        now, update, of = self.engine.clock.now(), self.session.latest, self._subject
        self._draw_status(update, now)
        if of is not None:
            self._draw_row(of)
            held = self.engine.guard.about(of.row_id)
            scene = Scene(update, now, self.session.tz, self.size.width, held)
            self._sections = sections(of, self.parts, scene, self._keys_words())
            told, starts = lines(self._sections, of, scene)
            self.query_one(DetailBody).tell(told, starts)
            self._draw_names()
        self.draw_outcome(now)
        self._draw_keys()

    def _draw_row(self, of: Subject) -> None:
        """Draw the row's title, and say so where it left the board."""
        word = {"alerts": "ALERT", "services": "SERVICE", "deploys": "DEPLOY"}[self.row.pane]
        state = str(of.alert.state) if of.alert else str(of.service.health) if of.service else ""
        if self.row.pane == "deploys" and of.deploy is not None:
            state = str(of.deploy.state)
        known = self.session.latest.board.is_of_now(of.source)
        parts = [(f" {word} ", "cursor"), (f" {of.title()}", "bold")]
        named_here = {of.row_id, *(m.id for m in of.members), *((of.service.id,) if of.service else ())}
        here = doing(self.session.latest.others, named_here, self.engine.clock.now())
        parts += [(f"  {' · '.join(here)} ", "warning")] if here else []
        right = (
            [(f" {state} ", "bold") if known else (f" ? {state} ", "stale")]
            if self.here
            else [(self._gone_words(of), "stale")]
        )
        self.query_one("#row", StatusLine).show(parts, right)

    def _gone_words(self, of: Subject) -> str:
        """Say where the row went: into another one that is the same problem, out of what is shown, or away."""
        board = self.session.latest.board
        if self._joined is not None:
            return f" the same problem as another row now: {named('back')}, and open that "
        if of.row_id in board.services or of.row_id in board.deploys or of.row_id in board.alerts:
            return f" not among the rows that are shown: {named('back')} goes back "
        return " not on the board any more: as it was last "

    def _draw_names(self) -> None:
        parts = []
        for number, section in enumerate(self._sections):
            style = "cursor" if number == self._at else "dim"
            parts += [(f" {number + 1}", "key" if style == "dim" else style), (f" {section.name}", style)]
        self.query_one("#names", StatusLine).show(parts)

    def draw_outcome(self, now: float) -> None:
        """Show what came of actions, and the last word: the board's, seen from here."""
        if not self._there:
            return
        session = self.session
        shown = headline.outcome_lines(session.latest, session.notice, session.tz, now, self.engine.plan_of)
        widget = self.query_one("#outcome", Lines)
        widget.display = bool(shown)
        widget.show(shown)
        widget.styles.height = min(6, max(1, widget.needed(self.size.width)))

    def _draw_keys(self) -> None:
        self.query_one("#keys", KeyBar).show(self._items())

    def _items(self) -> list[KeyItem]:
        """The key bar: what acts on the row is dim where it cannot now, and what is rare is not there then. ``u`` takes
        the place of ``a`` where the row is acknowledged.
        """
        items: list[KeyItem] = []
        offers, ack, unack = self.actions.offers, BY_ID["ack"], BY_ID["unack"]
        taken = not offers.offered(ack, self.row) and offers.offered(unack, self.row)
        for listed, use in detail_bar():
            command = unack if listed is ack and taken else listed
            can = self._can(command)
            if can or not command.rare or command is unack:
                items.append((label(command), use.word or offers.word(command, self.row), can))
        return items

    def _can(self, command: Command) -> bool:
        """Tell whether the command can do something to what is shown."""
        if (where := self._where.get(command.id)) is not None:
            return where()
        return not command.acts_on or (self.here and self.actions.offers.offered(command, self.row))

    def _keys_words(self) -> Keys:
        """Word what the keys would do to this row."""
        target = self.actions.offers.alert_target(Verb.ACKNOWLEDGE, self.row) if self.here else None
        stops = ", which stops the escalation" if target and target.provider in PAGER_PROVIDERS else ""
        ack = f"goes to {target.source}{stops}; the other alerts stay as they are" if target else ""
        return Keys(self._back_words(), ack)

    def _back_words(self) -> str:
        """Word what ``R`` would do, or why it cannot."""
        if self.engine.read_only:
            return "read only: nothing is written"
        if not self.here:
            return "nothing: the row is no longer on the board"
        target = self.actions.offers.deploy_target(Verb.ROLL_BACK, self.row)
        if isinstance(target, ActionTarget) and self.actions.offers.on_its_way(Verb.ROLL_BACK, target):
            return f"rolling back {target.name}: in progress"
        if isinstance(target, ActionTarget):
            alert_row = self._subject.triaged_alert if self._subject else None
            why = NOT_KNOWN if alert_row and alert_row.suspicion.unread else NOT_SUSPECTED
            if alert_row is not None and alert_row.suspicion.change_first is not None:
                why = CHANGE_FIRST
            elif alert_row is None or alert_row.suspect is not None:
                why = ""
            return f"rolls back {target.name}{why}; shows the plan first, and asks"
        return target

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_act(self, command_id: str) -> None:
        """Carry out the command on this row."""
        if not BY_ID[command_id].acts_on or self._still_here():
            self.actions.do(command_id, self.row)

    def action_own(self, name: str) -> None:
        """Run a command of the configuration for this row."""
        if self._still_here():
            self.actions.run_own(name, self.row)

    def _still_here(self) -> bool:
        """Tell whether the row is on the board; say so where it is not."""
        if not self.here:
            back = f"{named('back')} goes back"
            self.session.not_taken(f"the row is no longer on the board, so no action is possible; {back}")
        return self.here

    def action_again(self) -> None:
        """Read what is shown again: on demand, and its sources."""
        self.parts.again()
        for source in self._subject.sources if self._subject else ():
            self.engine.refresh(source)
        self._read()
        self.draw()

    def action_runbook(self) -> None:
        """Read the runbook, and go to it."""
        if self._subject is not None:
            found = self._runbooks()
            if not found:
                self.session.say(NO_RUNBOOK, "warning")
            self._wait_for(self.parts.read_runbook(found, self.session.runbook_folders))
            self.draw()
            self.action_section("runbook")

    def action_who(self) -> None:
        """Ask the audit log who changed the service, and go to the timeline."""
        if self._subject is not None:
            self._wait_for(self.parts.read_who(self._subject))
            self.draw()
            self.action_section("timeline")

    def _has_service(self) -> bool:
        return self._subject is not None and self._subject.service is not None

    def _runbooks(self) -> tuple[RunbookAddress, ...]:
        return places(self._subject.product, self._subject.members) if self._subject is not None else ()

    def action_go(self, number: int) -> None:
        """To a section, by its number from 1."""
        if 0 < number <= len(self._sections):
            self._at = number - 1
            self.query_one(DetailBody).go_to(self._at)
            self._at = number - 1  # scrolling there may not bring it to the top
            self._draw_names()

    def action_next(self, by: int) -> None:
        if self._sections:
            self.action_go((self._at + by) % len(self._sections) + 1)

    def action_section(self, name: str) -> None:
        names = [section.name for section in self._sections]
        if name in names:
            self.action_go(names.index(name) + 1)

    def _scrolled(self) -> None:
        at = self.query_one(DetailBody).section_at()
        if at != self._at and self._sections:
            self._at = at
            self._draw_names()

    def action_back(self) -> None:
        """Esc: one step back, the nearest first; the last is the board."""
        shown = headline.shown_outcome(self.session.latest)
        if self.dialogs.active:
            self.dialogs.give_up()
        elif self.session.notice and self.session.notice[1] != "dim":
            self.session.clear()
        elif shown is not None and shown.state is not OutcomeState.PENDING:
            self.engine.actions.dismiss(shown.plan_id)
        else:
            self.close_down()
            self.dismiss()

    def close_down(self) -> None:
        """Nobody looks any more: nothing is asked from here on, and what comes is dropped."""
        self._left = True
        self.engine.team.open("")
        self.parts.close()
        if self.session.row_screen is self:
            self.session.row_screen = None

    def commands(self) -> Iterable[PaletteEntry]:
        """Offer what can be done to this row and has no key of its own: restart, undo, resolve …"""
        return [*self.actions.without_keys(self.row), *self.actions.not_now(self.row)] if self.here else ()

    def action_help(self) -> None:
        keys = [*own("detail"), *((label(command), command.what) for command in shared()), *own_commands()]
        told: list[Line] = [((f"  {key:<15}", "key"), (what, "")) for key, what in keys]
        told.append((("  j k, ↓ ↑ …    ", "key"), ("scroll; g G, Ctrl+F Ctrl+B", "")))
        self.app.push_screen(Text("Keys of the detail", told, indent=17))
