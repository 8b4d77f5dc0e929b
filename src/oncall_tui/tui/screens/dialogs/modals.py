"""The screens that ask: in the middle, naming the target. Keys typed before one was painted are dropped, and for half
a second after; Enter cancels where it could do harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.errors import NoWidget
from textual.geometry import Region, Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from oncall_tui.text.cells import clean, fit, width
from oncall_tui.tui.commands import by_group, named
from oncall_tui.tui.screens.dialogs.answers import ANOTHER, DEAF_S, LOGIN, OVERRIDE
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.shown_lines import ShownLines
from oncall_tui.tui.terminal.driver import ask_drawn, shown_at
from oncall_tui.tui.widgets.clean_input import CleanInput
from oncall_tui.tui.widgets.footer import StatusLine
from oncall_tui.tui.widgets.text_lines import Line, Lines

TOO_SMALL = "the window is too small for this dialog: make it larger"
NOT_DRAWN = "its last lines are still on their way to your terminal: press again"
RENEW_S = 1.0  # what tells ages is looked at again so often
LEAST_BODY = 3  # lines; with fewer the frame goes
FRAME_OF_TITLE = 6  # cells of the frame's first line that are not its title's
R = TypeVar("R")

_STYLES = {
    "critical": "bold $text-error",
    "warning": "$text-warning",
    "ok": "$text-success",
    "dim": "dim",
    "bold": "bold",
    "unknown": "bold $text-accent",
    "stale": "$text-warning",
    "key": "bold $text-accent",
}


def content(lines: Sequence[Line]) -> Content:
    """Lines of (text, style) as content: every text is cleaned, and none is markup."""
    parts: list[str | tuple[str, str]] = []
    for number, line in enumerate(lines):
        if number:
            parts.append("\n")
        parts += [(clean(text), _STYLES.get(style, "")) for text, style in line]
    return Content.assemble(*parts)


class Modal(ModalScreen[R]):
    """A box in the middle. ``deaf`` while keys have to be dropped; the app asks before it passes any on.

    A box may hold a *body* (``body``): lines in as much height as they need and the screen has, and under them a
    *question*. What is out of sight is counted on a line. *beside* is how many other lines the box has; *hides* of
    them go where there is hardly room; there the frame goes too, and title and question are lines of the body.

    What acts asks ``was_read`` first: the title, the question and what must be read were on screen at this size.
    """

    DEFAULT_CSS = """
    Modal { align: center middle; background: $background 40%; }
    Modal > .box {
        max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1; overflow-x: hidden; overflow-y: hidden;
    }
    Modal.tight > .box { border: none; padding: 0; }
    Modal.tight .aside { display: none; }
    Modal Lines { background: $surface; }
    Modal #more { background: $surface; display: none; }
    Modal Static { height: auto; }
    Modal Input { border: none; height: 1; background: $boost; padding: 0 1; margin: 0 0 1 0; }
    Modal.tight Input { margin: 0; padding: 0; }
    Modal Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]
    box_width = 78
    beside = 0
    hides = 0

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._painted_at: float | None = None
        self._looked_at = float("-inf")  # when something came in sight last
        self._resized_at = 0.0
        self._opened_for: Size | None = None  # the window's size that it was arranged for last
        self.early: list[events.Key] = []  # keys that came before there was anything to take them
        self.seen = ShownLines()
        self._body: tuple[Line, ...] = ()
        self._ask: Line = ()
        self._must = 0
        self._foot = ""  # words of its own on the frame's lower edge
        self._page = ""  # a new page that was not seen yet

    def on_mount(self) -> None:
        box = self.query_one(".box")
        box.styles.width = self.box_width
        self.fit_body()
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._painted_at = time.monotonic()
        ask_drawn(self.app)
        self._count_hidden()
        self.look()
        for key in self.early:
            self.app.post_message(key)
        self.early.clear()

    def tell_of_page(self, words: str) -> None:
        """On the frame's lower edge: a page that began while this is open."""
        if words != self._page:
            self._page = words
            self._draw_foot()

    def foot(self, words: str) -> None:
        """Put *words* on the frame's lower edge."""
        if words != self._foot:
            self._foot = words
            self._draw_foot()

    def _draw_foot(self) -> None:
        cells = max(1, self._outer - FRAME_OF_TITLE)
        words = " · ".join(clean(part) for part in (self._page, self._foot) if part)
        for box in self.query(".box"):
            box.border_subtitle = Content(fit(words, cells).rstrip() if width(words) > cells else words)

    # --- the body, and the question under it --------------------------------------------------------------------------

    def body(self, lines: Sequence[Line], indent: int = 11, question: Line = (), must: int = 0) -> ComposeResult:
        """*lines*, scrollable, the line that says what of them is out of sight, and the *question*. The first *must*
        lines have to be read before it acts.
        """
        self._body, self._ask, self._must = tuple(lines), question, must
        body = Lines(indent=indent, id="body")
        body.on_scrolled = self._scrolled
        yield body
        yield StatusLine(id="more")
        if question:
            yield Static(content([question]), id="question", classes="aside")

    def show_body(self, lines: Sequence[Line]) -> None:
        """Other lines, read since."""
        self._body = tuple(lines)
        self.fit_body()
        self.call_after_refresh(self._count_hidden)

    @property
    def _outer(self) -> int:
        """The cells of the box."""
        return min(self.box_width, self.app.size.width)

    @property
    def _title_fits(self) -> bool:
        """Return whether the title fits in the frame."""
        return not self.has_class("tight") and width(self._title) <= self._outer - FRAME_OF_TITLE

    def fit_body(self) -> None:
        """Give the body the height that it needs, or that there is."""
        outer, height = self._outer, self.app.size.height
        bodies = list(self.query("#body").results(Lines))
        asked = content([self._ask]).get_height({}, max(1, outer - 4)) if self._ask else 0
        if bodies:
            self.set_class(height - 2 - self.beside - asked < LEAST_BODY, "tight")
        tight = self.has_class("tight")
        self.query_one(".box").border_title = Content(clean(self._title) if self._title_fits else "")
        for body in bodies:
            lines = self._lines_shown()
            body.show(lines)
            needed = body.needed(max(1, outer - (1 if tight else 5)))  # border, padding, scroll bar
            room = height - self.beside + self.hides if tight else height - 2 - self.beside - asked
            for more in self.query("#more"):
                more.display = needed > room
            body.styles.height = max(1, min(needed, room - 1 if needed > room else room))

    def _lines_shown(self) -> tuple[Line, ...]:
        """The body's lines, with what the frame has no room for."""
        title: tuple[Line, ...] = () if self._title_fits else (((self._title, "bold"),),)
        ask: tuple[Line, ...] = (self._ask,) if self._ask and self.has_class("tight") else ()
        return (*title, *self._body, *ask)

    def on_resize(self) -> None:
        if self._opened_for is not None and self.app.size != self._opened_for:
            self._resized_at = time.monotonic()
            self.seen.forget()
        self._opened_for = self.app.size
        self.fit_body()
        self.call_after_refresh(self._count_hidden)
        self.call_after_refresh(self.look)

    def _scrolled(self) -> None:
        self._count_hidden()
        self.call_after_refresh(self.look)

    def _count_hidden(self) -> None:
        # Of a dialog that is just closing a part may be gone before the others.
        for body, more in zip(
            self.query("#body").results(Lines), self.query("#more").results(StatusLine), strict=False
        ):
            above, below, warnings = body.hidden()
            words = [f"▼ {below} more below" if below else "", f"▲ {above} above" if above else ""]
            loud = f"{warnings} of them a warning" if warnings == 1 else f"{warnings} of them warnings"
            parts = [(" · ".join(w for w in words if w), "warning"), (f", {loud}" if warnings else "", "critical")]
            more.show([*parts, ("  ↓ ↑ scroll", "key")])

    # --- what was on screen -------------------------------------------------------------------------------------------

    def look(self) -> None:
        """A frame was painted: what is in sight now was seen."""
        if not self.is_mounted or self._painted_at is None:
            return
        things: set[Hashable] = set()
        for body in self.query("#body").results(Lines):
            if (at := self._in_sight(body)) is not None:
                first = body.scroll_offset.y + at.y
                things.update(range(first, first + at.height))
        things.update(("widget", id(w)) for w in self.query(".must") if self._whole(w))
        if self._ask and self._whole(self.query_one("#question")):
            things.add("question")
        things.update(self.also_seen())
        folds = tuple(body.folded_for for body in self.query("#body").results(Lines))
        if self.seen.look((self.app.size, self.has_class("tight"), folds), things):
            self._looked_at = time.monotonic()
            ask_drawn(self.app)
            self.call_after_refresh(self.look)

    def also_seen(self) -> Iterable[Hashable]:
        """Return the other items in sight."""
        return ()

    def _in_sight(self, widget: Widget) -> Region | None:
        """The part of *widget* that is on screen in its whole width, from its own upper edge; None: nothing is."""
        try:
            placed = self.find_widget(widget)
        except NoWidget:
            return None
        seen = placed.visible_region
        if not seen or seen.width < placed.region.width:
            return None
        return Region(0, seen.y - placed.region.y, seen.width, seen.height)

    def _whole(self, widget: Widget) -> bool:
        """Return whether all of *widget* is on screen."""
        seen = self._in_sight(widget)
        return widget.display and seen is not None and seen.height == widget.outer_size.height

    def unread(self) -> list[Hashable]:
        """Return the lines that must be read before this acts, and were not on screen yet at this size."""
        wanted: list[Hashable] = [("widget", id(w)) for w in self.query(".must") if w.display]
        for body in self.query("#body").results(Lines):
            tight = self.has_class("tight")
            lines = len(self._lines_shown())
            first = lines if tight and self._ask else self._must + lines - len(self._body)
            wanted += range(body.folded(first))
            if self._ask and not tight:
                wanted.append("question")
        return self.seen.missing(wanted)

    def was_read(self) -> bool:
        """Return whether all of it was on screen at this size, and drawn there. If not, say so, and act on nothing."""
        missing = self.unread()
        drawn = shown_at(self.app, self._looked_at) is not None
        if not missing and drawn:
            return True
        lines = sum(isinstance(thing, int) for thing in missing)
        words = f"{lines} line{'s' * (lines != 1)} not read yet: ↓ ↑ scroll" if lines else TOO_SMALL
        words = words if missing else NOT_DRAWN
        for more in self.query("#more").results(StatusLine):
            more.display = True
            more.show([(words, "critical")])
        return False

    keeps_early = False  # a form's first letters are its text; a confirm's were meant for what was there before

    def too_early(self, key: events.Key) -> bool:
        """Return whether nothing can take this key yet. It is kept, or dropped; a key that cancels never is."""
        if self._cancels(key.key):
            return False
        if self.keeps_early:
            if self._painted_at is None:
                self.early.append(key)
            return self._painted_at is None
        return self.deaf

    def _cancels(self, key: str) -> bool:
        """Esc cancels always, ``q`` where this dialog closes with it and no text is typed: neither can do harm."""
        if key != "q":
            return key == "escape"
        bound = self._bindings.key_to_bindings.get(key, [])
        return not isinstance(self.focused, Input) and any(b.action == "cancel" for b in bound)

    @property
    def deaf(self) -> bool:
        """Must a key that comes now be dropped? Also just after a resize: it was meant for what stood there before."""
        now = time.monotonic()
        if self._painted_at is None or now - self._resized_at < DEAF_S:
            return True
        shown = shown_at(self.app, self._painted_at)
        return shown is None or now - shown < DEAF_S

    def action_cancel(self) -> None:
        self.dismiss(None)


class Form(Modal[dict[str, Any]]):
    """A few lines to fill in; Enter in the last goes on to the plan, which is confirmed apart.

    *read* makes values of the texts that were edited, or raises ValueError with what is wrong, which is said here:
    nothing is lost. A text that was not edited stands for its field's value, whatever it looks like.
    """

    DEFAULT_CSS = """
    Form > .box { overflow-y: auto; scrollbar-size-vertical: 1; }
    Form .field { height: auto; }
    """
    keeps_early = True

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        read: Callable[[dict[str, str]], dict[str, Any]],
        then: str = "Enter: next, then the plan. Esc cancels.",
    ) -> None:
        super().__init__(title)
        self._read, self._then = read, then
        self._fields = fields
        self._left: dict[str, str] = {}  # what stood there when it was sent
        self._stood: dict[str, str] = {}  # what stood in each line at first, as it was shown

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(content([((self._title, "bold"),)]), id="title", classes="must")
            for field in self._fields:
                with Vertical(classes="field"):
                    yield Static(content([((field.what, "dim"),)]), markup=False, classes="must")
                    line = CleanInput(field.text, id=field.name, classes="must")
                    self._stood[field.name] = line.value
                    yield line
            yield Static(content([((self._then, "dim"),)]), id="hint")

    def on_mount(self) -> None:
        super().on_mount()
        inputs = list(self.query(Input))
        next((i for i in inputs if not i.value), inputs[0]).focus()

    def fit_body(self) -> None:
        """The frame and the blank lines go where not all of it has room; the title never does."""
        cells = max(1, self._outer - 4)
        labels = sum(content([((field.what, ""),)]).get_height({}, cells) for field in self._fields)
        self.set_class(labels + 2 * len(self._fields) + 3 > self.app.size.height, "tight")
        super().fit_body()
        self.query_one("#title").display = not self._title_fits

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show a field's purpose beside it."""
        if event.widget.parent is not None:
            event.widget.parent.scroll_visible(animate=False)  # type: ignore[attr-defined]
        self.call_after_refresh(self.look)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        inputs = list(self.query(Input))
        at = inputs.index(event.input)
        if at + 1 < len(inputs):
            inputs[at + 1].focus()
            return
        try:
            values = self._values({str(i.id): i.value for i in inputs})
        except ValueError as error:
            self._hint(str(error))
            return
        if self.unread():
            self._show_unread(inputs)
            return
        self._left = {str(i.id): i.value for i in inputs}
        self.dismiss(values)

    def _hint(self, words: str) -> None:
        self.query_one("#hint", Static).update(content([((words, "critical"),)]))

    def _show_unread(self, inputs: Sequence[Input]) -> None:
        """Go to the first line that was not on screen at this size; Enter goes on from there."""
        missing = self.unread()
        fields = [i for i in inputs if i.parent and any(("widget", id(w)) in missing for w in i.parent.children)]
        self._hint("Read it first: Enter continues." if fields else TOO_SMALL)
        if ("widget", id(self.query_one("#title"))) in missing:
            self.query_one(".box").scroll_to(y=0, animate=False, force=True)
            self.call_after_refresh(self.look)
        elif fields:
            fields[0].focus()

    def again(self) -> Form:
        """The same form, as it was left."""
        texts = self._left
        fields = [
            f if texts[f.name] == self._stood[f.name] else Field(f.name, f.what, texts[f.name]) for f in self._fields
        ]
        return Form(self._title, fields, self._read, self._then)

    def _values(self, texts: dict[str, str]) -> dict[str, Any]:
        """Return the form's values. Raises ValueError with the mistake."""
        kept = {f.name: f.value for f in self._fields if f.value is not None and texts[f.name] == self._stood[f.name]}
        return {**self._read({name: text for name, text in texts.items() if name not in kept}), **kept}


class Help(Modal[None]):
    """Every key, from the table that makes the bindings."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,enter", "cancel", "Close", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("Keys")

    def compose(self) -> ComposeResult:
        lines: list[Line] = []
        for heading, keys in by_group().items():
            lines.append(((heading, "bold"),))
            lines += [((f"  {key:<15}", "key"), (what, "")) for key, what in keys]
        with Vertical(classes="box"):
            yield from self.body(lines, indent=17)


class Text(Help):
    """Lines to read: every source and what to do about it."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        indent: int = 11,
        renew: Callable[[], Sequence[Line]] | None = None,
    ) -> None:
        Modal.__init__(self, title)
        self._lines, self._indent, self._renew = lines, indent, renew

    def on_mount(self) -> None:
        super().on_mount()
        if self._renew is not None:
            self.set_interval(RENEW_S, self.renew)

    def renew(self) -> None:
        """Show the lines of now, where they differ."""
        lines = self._renew() if self._renew is not None else self._lines
        if lines != self._lines:
            self._lines = lines
            self.show_body(lines)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield from self.body(self._lines, self._indent)


class RefusalDialog(Modal[str]):
    """Why something was not done: it waits to be read, and a key that was typed ahead does nothing to it.

    Says ANOTHER where *another* target can be picked, LOGIN where a *login* can be renewed, OVERRIDE where a reason can
    *override* it and all of it was read, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "cancel", "Close", show=False),
        Binding("t", "another", "Another", show=False),
        Binding("L", "login", "Log in", show=False, id="login"),
        Binding("O", "override", "Override", show=False),
    ]

    def __init__(
        self,
        title: str,
        state: str,
        message: str,
        hint: str,
        another: bool = False,
        login: bool = False,
        override: bool = False,
    ) -> None:
        super().__init__(title)
        self._login, self._override = login, override
        self._lines: list[Line] = [((f"{state}: ", "critical"), (message, "bold"))]
        self._lines += [(("→ ", "key"), (hint, ""))] if hint else []
        self._another = another

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            keys = [(" [Enter] back ", "bold"), ("  nothing was sent", "dim")]
            keys += [("     t ", "key"), ("another revision", "")] if self._another else []
            keys += [(f"     {named('login')} ", "key"), ("log in", "")] if self._login else []
            keys += [("     O ", "key"), ("override, with a reason", "")] if self._override else []
            lines = [*self._lines, (("", ""),)]
            yield from self.body(lines, indent=2, question=tuple(keys), must=len(lines) if self._override else 0)

    def action_another(self) -> None:
        if self._another:
            self.dismiss(ANOTHER)

    def action_login(self) -> None:
        if self._login:
            self.dismiss(LOGIN)

    def action_override(self) -> None:
        if self._override and self.was_read():
            self.dismiss(OVERRIDE)
