"""The app: one screen over one engine. It listens to the engine, rings, and goes when asked."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._context import active_message_pump
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from oncall_tui.config import Config
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OF_THE_MACHINE
from oncall_tui.runtime.programs import end_helpers
from oncall_tui.runtime.secret import redact
from oncall_tui.text.cells import clean, count
from oncall_tui.text.time_format import named_zone, span
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.tui.board import BoardScreen
from oncall_tui.tui.collector import Collector
from oncall_tui.tui.commands import BY_ID, configure, label, named, of
from oncall_tui.tui.controllers.view_memory import ViewMemory
from oncall_tui.tui.handler_errors import guard_handlers, name_of, note, words
from oncall_tui.tui.key_names import MOVING, keymap
from oncall_tui.tui.lean_strips import make_strips_lean
from oncall_tui.tui.lean_textual import give_palette
from oncall_tui.tui.session import RowScreen
from oncall_tui.tui.terminal.driver import KeyDriver
from oncall_tui.tui.terminal.key_loop import new_loop
from oncall_tui.tui.terminal.pacing import Pacing
from oncall_tui.tui.terminal.sound import notification
from oncall_tui.tui.widgets.clean_text import copyable, guard
from oncall_tui.tui.widgets.text_field import takes_text

if TYPE_CHECKING:
    from textual.command import Provider

    from oncall_tui.tui.terminal.lean_frames import LeanFrames

log = logging.getLogger(__name__)
REDRAW_S = 0.25
COLLECT_S = 0.4  # how often it is asked whether this is a moment to collect garbage


def _commands() -> type[Provider]:
    from oncall_tui.tui.palette_commands import PaletteCommands  # not needed for the first frame

    return PaletteCommands


def ended_by(error: BaseException | None) -> str:
    """Word an error that ended the board: what the machine lacks is no bug."""
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        return f"oncall-tui: the board ended: {clean(error.strerror or str(error))} ({OF_THE_MACHINE[error.errno]})"
    said = clean(redact(f"{error.__class__.__name__}: {error}"))
    return f"oncall-tui: the board ended by a bug: {said}; please report it with oncall-tui.log, beside the journal"


class OncallApp(App[None]):
    """The program on screen. The engine is started after the first frame, so that nothing is read before it."""

    TITLE = "oncall-tui"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar = [
        Binding("ctrl+l", "repaint", show=False, system=True),
        Binding("ctrl+z", "help_stop", show=False, system=True, priority=True),
    ]
    COMMANDS: ClassVar = {_commands}

    def __init__(self, engine: Engine, config: Config) -> None:
        super().__init__(driver_class=KeyDriver)
        guard(self, config.screen.ambiguous_width, config.screen.signs)
        guard_handlers()
        self.engine = engine
        self.config = config
        self._pages = NewPages()
        self._memory: ViewMemory | None = None
        self._pacing = Pacing(self)
        self._frames: LeanFrames | None = None
        self._collector = Collector()
        make_strips_lean()
        self._ends_with: int | None = None  # the exit code that a signal asked for
        self._key = ""  # pressed last
        self._leaving: set[str] = set()  # the keys that leave the board
        self._while_coming: set[str] = set()  # keys that count while a dialog is on its way: they move, or go back

    def run_on_terminal(self) -> None:
        """Run until it is left, on a loop that answers keys first."""
        loop = new_loop()
        try:
            self.run(mouse=self.config.screen.mouse, loop=loop)
        finally:
            loop.close()

    def get_default_screen(self) -> BoardScreen:
        """The board is the first screen: a blank one under it would be laid out and painted before it."""
        self.board = BoardScreen(self.engine, named_zone(self.config.timezone), self.engine.actor.name)
        session = self.board.session
        session.views = self.config.screen.views
        self._memory = self.board.memory
        wrong = self._memory.take_up(self.config.screen.bell, self.config.files)
        session.runbook_folders = tuple(Path(file).expanduser().parent for file in reversed(self.config.files))
        if warnings := [*self.config.warnings, *([wrong] if wrong else [])]:
            session.notice = ("; ".join(warnings), "warning")
        return self.board

    def on_mount(self) -> None:
        if self.config.screen.theme:
            self.theme = self.config.screen.theme
        self.animation_level = "none"
        configure(self.config.screen.keys, self.config.commands)
        given = keymap(self.config.screen.keys)
        if given:
            self.set_keymap(given)
        back, leave = (given.get(name, BY_ID[name].key).split(",") for name in ("back", "quit"))
        self._leaving, self._while_coming = {*leave}, {*MOVING, *back, *leave}
        self.call_after_refresh(self._begin)
        if self._ends_with is not None:
            self.exit(return_code=self._ends_with)

    def _begin(self) -> None:
        """The first frame is out: start to read, and let the collector run, without what start-up left."""
        from oncall_tui.tui.terminal.lean_frames import LeanFrames

        self.engine.remembers = True
        self._frames = LeanFrames()
        self.engine.start()
        _ = self.board.actions  # before the first key
        self.engine.recorder.begin(self.engine.clock.now())
        self.engine.on_call.start()
        self._collector.begin(time.monotonic())
        self.set_interval(COLLECT_S, lambda: self._collector.tick(time.monotonic(), alone=len(self.screen_stack) == 1))
        self.run_worker(self._listen(), exit_on_error=True)

    async def _listen(self) -> None:
        async for update in self.engine.changes():
            self.board.show(update)
            self._ring(self._pages.new(update.triaged))
            await asyncio.sleep(REDRAW_S)

    def _ring(self, begun: list[str]) -> None:
        """Ring once for pages that begin an episode; what fires already at the start is on screen anyway."""
        if not begun or not self.board.session.bell_on or self._driver is None:
            return
        row = self.board.session.latest.triaged.find(begun[0])
        title = row.alert.title if row else begun[0]
        more = f" (+{len(begun) - 1})" if len(begun) > 1 else ""
        self._driver.write(notification(f"PAGE {title}{more}"))
        self._driver.flush()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Draw, unless the terminal is behind."""
        if renderable is None or not self._pacing.holds_back(screen, renderable):
            super()._display(screen, self._lean(renderable))

    def _lean(self, frame: RenderableType | None) -> RenderableType | None:
        """Leave out what the terminal shows already. The first frame is written as it is: it waits for no import."""
        if frame is None or self._frames is None or not isinstance(self._driver, KeyDriver):
            return frame
        return self._frames.lean(frame, self.size, self._driver.begun_at)

    async def on_event(self, event: events.Event) -> None:
        """Keys: somebody is awake; those typed before a modal was painted, or was there at all, are dropped, and those
        that were meant for a session that has just ended. What is pasted acts on nothing outside of a line of text."""
        if isinstance(event, events.Paste) and not takes_text(self.focused):
            self.board.session.ignored.burst(event.text, self.engine.clock.monotonic())
            self._say_ignored()
            return
        if isinstance(event, events.Key):
            self._key = event.key
            if not self.board.session.tables and event.key not in self._leaving:
                return  # typed before there was a row to see
            self.engine.pressed()
            self._collector.pressed(time.monotonic())
            self.board.new_rows.pressed()
            ignored, now = self.board.session.ignored, self.engine.clock.monotonic()
            if time.monotonic() < self.board.session.deaf_until:
                ignored.not_taken("keys typed as the session ended were ignored", now)
                return
            if self.board.dialogs.too_early(self.screen, event):
                return
            if self.board.dialogs.active and self.board.looked_at and event.key not in self._while_coming:
                ignored.not_taken("keys typed while a plan was made were ignored", now)
                return
            if not takes_text(self.focused) and ignored.goes_on(event.key, now):
                self._say_ignored()
                return
        await super().on_event(event)

    def _say_ignored(self) -> None:
        """Say that input was ignored, and why."""
        self._say(self.board.session.ignored.words)

    def _say(self, words: str) -> None:
        """Say it where the engineer looks."""
        if self.board.looked_at:
            self.board.session.say(words, "warning")
        else:
            self.notify(words, markup=False)

    # --- errors -------------------------------------------------------------------------------------------------------

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run what a key or the palette asks for; an error in it ends neither."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:  # noqa: BLE001 - a bug in one key is not the board's end
            self.survive(error, str(action))
            return True

    def survive(self, error: Exception, action: str = "") -> None:
        """Log an error in what a person did, say which key failed, and go on."""
        self._failed(name_of(self._key, action), error)

    def _failed(self, name: str, error: Exception) -> None:
        note(name, error)
        self._tell(words(name, error))

    def _tell(self, text: str) -> None:
        if self.board.looked_at:
            self.board.session.not_taken(text)
        else:
            self.notify(text, severity="error", markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """End; but a screen over the board that fails is closed, and the board stays."""
        broken = self._broken_screen()
        if broken is None or not self._running:
            super()._handle_exception(error)
            return
        name = name_of(self._key)
        note(name, error)
        if broken in self.screen_stack:  # else it was closed already: what it had set going meets the error once more
            self.call_later(self._close, broken, words(name, error))

    def _broken_screen(self) -> Screen[object] | None:
        """Return the screen in which an error is met, also one that was just closed; None: it is the board, or the app
        itself.
        """
        pump = active_message_pump.get(None)
        within = (pump, *pump.ancestors) if isinstance(pump, Widget) else ()
        screen = next((each for each in within if isinstance(each, Screen)), None)
        return screen if screen is None or screen is not self.board else None

    async def _close(self, broken: Screen[object], text: str) -> None:
        while broken in self.screen_stack:
            await self.pop_screen()
        self._tell(text)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette offers what is possible now: the verbs that the row under the cursor can do, then the rest."""
        for one in self._possible(screen):
            yield one._replace(callback=partial(self._called, one.title, one.callback))

    def _called(self, title: str, call: Callable[[], object]) -> object:
        """Call what an entry of the palette is for. An action, which it may return, is guarded by itself."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - a bug in one entry is not the board's end
            self._failed(title, error)
            return None

    def _possible(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        if isinstance(screen, RowScreen):
            yield from (SystemCommand(title, what, call) for title, what, call in screen.commands())
        if not isinstance(screen, BoardScreen):
            return
        row, actions, offers = screen.session.row(), screen.actions, screen.offers
        yield from self._views()
        yield from (SystemCommand(title, what, call) for title, what, call in actions.without_keys(row))
        for title, what, call in actions.not_now(row):
            yield SystemCommand(title, what, call, discover=False)  # found by who looks for it
        for command in of("board"):
            if not command.key or not command.in_palette or not offers.offered(command, row):
                continue
            where = f" {offers.title(command, row)}" if command.acts_on in ("alert", "deploy") else ""
            title = f"{offers.word(command, row)} ({label(command)}){where}"
            yield SystemCommand(title, command.what, partial(screen.run_action, command.call))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy *text* without control characters, because it is pasted into shells."""
        super().copy_to_clipboard(copyable(text))

    def action_command_palette(self) -> None:
        """The palette is the board's and its row's: over a question it would have nothing to offer."""
        if self.board.looked_at and not self.board.dialogs.active:
            give_palette()
            super().action_command_palette()

    def _views(self) -> Iterable[SystemCommand]:
        """The configured views: filters by name."""
        for name, text in self.config.screen.views.items():
            yield SystemCommand(f"view {name}", f"filter: {text}", partial(self.board.filters.show_view, name))

    def end(self, code: int) -> None:
        """End with this exit code: a signal asked for it. Called by its handler, at any moment."""
        self._ends_with = code
        if self._driver is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self.exit, None, code)

    def _fatal_error(self) -> None:
        """End by an error that nobody expected: one line for the engineer, and the traceback, without the values of
        variables, in the log. Textual would print both.
        """
        error = sys.exc_info()[1] or self._exception
        log.critical("the board ended", exc_info=error)
        self._exit_renderables.append(Text(ended_by(error)))
        self._close_messages_no_wait()

    def put_terminal_back(self) -> None:
        """Put the terminal back where the loop does not come to it; the journal keeps what it has."""
        if isinstance(self._driver, KeyDriver):
            self._driver.put_back()
        end_helpers()  # the process ends without what it does at its end
        self.engine.stop()

    def on_unmount(self) -> None:
        if self._memory is not None:  # a start that failed has none
            self._memory.close()

    def action_leave(self) -> None:
        """Quit; with a write or a notification in flight, it asks once."""
        writing, telling = self.engine.actions.writing, self.engine.pending_notifications
        running = self.engine.own_commands.running
        if not writing and not telling and not running:
            self.exit()
            return
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany

        title = "Quit while a write is in progress?" if writing else "Quit before others were notified?"
        title = "Quit while a command runs?" if running else title
        rows = ["Its intent is in the journal: the next start reads its outcome."] if writing else []
        rows = [f"{count(writing, 'write')} not answered yet.", *rows] if writing else rows
        rows += [f"{count(telling, 'notification')} not sent yet: quitting drops them."] if telling else []
        for plan, run in running:
            rows.append(f"{plan.title.removeprefix('Run ')} has run for {span(run.seconds)}.")
        rows += ["Quitting ends it: SIGTERM, and after 2 s SIGKILL."] if running else []
        self.push_screen(ConfirmMany(title, rows, "quit"), lambda yes: self.exit() if yes else None)

    def action_help_quit(self) -> None:
        """Say at Ctrl+C which key leaves."""
        self._say(f"press {named('quit')} to leave the board")

    def action_help_stop(self) -> None:
        """Say at Ctrl+Z that the board is not stopped: nobody would hear a page. What is typed to a shell after it
        (``fg``) acts on nothing.
        """
        words = f"Ctrl+Z does not stop the board, which has to ring: press {named('quit')} to leave it"
        self.board.session.ignored.stopped(words, self.engine.clock.monotonic())
        self._say(words)

    def action_repaint(self) -> None:
        """Ctrl+L draws all of the screen anew: another program wrote on it."""
        if self._frames is not None:
            self._frames.forget()
        self.refresh(layout=True)

    async def action_quit(self) -> None:
        """Ctrl+Q is the same as q."""
        self.action_leave()
