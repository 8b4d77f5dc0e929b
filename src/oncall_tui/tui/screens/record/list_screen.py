"""The common part of the screens that list: a title, a line of words, the list, its keys. What is listed is read on a
queue, and shown when it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Input

from oncall_tui.actions.follow_ups import READ_ONLY
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OncallError, unexpected
from oncall_tui.tui.commands import Screen as ScreenName
from oncall_tui.tui.commands import label, of, own
from oncall_tui.tui.screens.dialogs.modals import Form, Modal, Text
from oncall_tui.tui.widgets.footer import KeyBar, Part, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.table.table import Column, Row, Table
from oncall_tui.tui.widgets.text_lines import Line

T = TypeVar("T")
QUEUE = "record"
SENT = "Enter: next, then it is recorded. Esc cancels."  # below a form
DRAWN_ON = frozenset({"title", "said", "rows", "keys"})


class ListScreen(Screen[None]):
    """One list over the board. A subclass names its keys and columns, and shows rows."""

    DEFAULT_CSS = """
    ListScreen { layout: vertical; }
    ListScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    """
    keys_of: ClassVar[ScreenName]
    columns: ClassVar[Sequence[Column]]
    heading: ClassVar[str]

    def __init__(self, engine: Engine, tz: ZoneInfo) -> None:
        super().__init__()
        self.engine, self.tz = engine, tz
        self._said: Part = ("", "")
        self._page = ""  # a new page that was not seen yet
        self._left = False

    def compose(self) -> ComposeResult:
        yield StatusLine(id="title")
        yield StatusLine(id="said")
        yield Table(self.columns, id="rows", show_header=True)
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        table = self.table
        table.now = self.engine.clock.monotonic
        self.set_focus(table)
        bar = [(label(one), one.word, True) for one in of(self.keys_of) if one.word]
        self.query_one("#keys", KeyBar).show(bar)
        self.draw_title()
        self.read()

    def on_unmount(self) -> None:
        self._left = True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field swallows every key."""
        return not isinstance(self.focused, Input)

    @property
    def table(self) -> Table:
        return self.query_one("#rows", Table)

    @property
    def there(self) -> bool:
        """Tell whether all that is drawn on is there: not while it is being mounted, nor once it was left."""
        return not self._left and all_there(self, DRAWN_ON)

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Have the list read."""
        raise NotImplementedError

    def ask(self, job: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run *job* on the record's queue, and *then* on the screen's loop; what went wrong is said."""
        self.run_worker(self._awaited(self.engine.on_demand.run(QUEUE, job), then), exit_on_error=False)

    async def _awaited(self, coming: Future[T], then: Callable[[T], None]) -> None:
        try:
            found = await asyncio.wrap_future(coming)
        except OncallError as error:
            self.say(f"{error.message}{f' → {error.hint}' if error.hint else ''}", "critical")
        except Exception as error:  # noqa: BLE001 - a bug ends as words, not as the program
            self.say(": ".join(unexpected(error)), "critical")
        else:
            if self.there:
                then(found)

    def show_rows(self, rows: Sequence[Row], nothing: str) -> None:
        """Replace the rows; *nothing* is said where there is none."""
        self.table.placeholder(((nothing, "dim"),))
        self.table.show(rows)

    # --- words --------------------------------------------------------------------------------------------------------

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        """Return the left and the right side of the first line."""
        return [(f"{self.heading} ", "heading")], []

    def draw_title(self) -> None:
        """Draw the first two lines."""
        if self.there:
            self.query_one("#title", StatusLine).show(*self.title_parts())
            said = (f" {self._page} ", "cursor") if self._page else self._said
            self.query_one("#said", StatusLine).show([said])

    def say(self, words: str, style: str = "") -> None:
        """Show a word in the second line, until the next one."""
        self._said = (words, style)
        self.draw_title()

    def tell_of_page(self, words: str) -> None:
        """In the second line: a page that began while the list is read."""
        if words != self._page:
            self._page = words
            self.draw_title()

    # --- keys ---------------------------------------------------------------------------------------------------------

    async def answer(self, modal: Modal[T]) -> T | None:
        """Ask by a dialog; None: it was cancelled."""
        return await self.app.push_screen_wait(modal)

    async def filled(self, form: Form, done: str = "recorded") -> dict[str, Any] | None:
        """Have a form filled in; None: it was cancelled, which is said: nothing was *done*."""
        found = await self.answer(form)
        if found is None:
            self.say(f"cancelled, nothing was {done}", "dim")
        return found

    def may_write(self) -> bool:
        """Tell whether anything may be recorded; where not, it is said before anything is asked."""
        if self.engine.read_only:
            self.say(READ_ONLY, "warning")
        return not self.engine.read_only

    def record(self, job: Callable[[], T], then: Callable[[T], None]) -> None:
        """Write on the record's queue, and *then* show what there is; a refusal is said."""
        self.say("recording…", "dim")
        self.ask(job, then)

    def asking(self, steps: Any) -> None:
        """Run steps that ask by dialogs, one such at a time."""
        self.run_worker(steps, exit_on_error=False, exclusive=True, group="asks")

    def action_again(self) -> None:
        self.say("reading again", "dim")
        self.read()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        rows: list[Line] = [((f"{keys:<15}", "key"), (what, "")) for keys, what in own(self.keys_of)]
        self.app.push_screen(Text(f"Keys of {self.heading.lower()}", rows, indent=15))
