"""The screens that ask: in the middle, naming the target. Keys typed before one was painted are dropped, and for half
a second after; Enter cancels where it could do harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from oncall_tui.text import clean
from oncall_tui.tui.door import CleanInput
from oncall_tui.tui.forms import Field
from oncall_tui.tui.keybar import StatusLine
from oncall_tui.tui.keys import by_group
from oncall_tui.tui.lines import Line, Lines

DEAF_S = 0.5
ANOTHER = "another"  # said where another target is wanted
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

    A box may hold a *body* (``body``): lines in as much height as they need and the screen has. What is out of sight
    is counted on a line under it. *beside* is how many other lines the box has, *box_width* how wide it may be.
    """

    DEFAULT_CSS = """
    Modal { align: center middle; background: $background 40%; }
    Modal > .box {
        max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Modal Lines { background: $surface; }
    Modal #more { background: $surface; display: none; }
    Modal Static { height: auto; }
    Modal Input { border: none; height: 1; background: $boost; padding: 0 1; margin: 0 0 1 0; }
    Modal Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]
    box_width = 78
    beside = 0

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._painted_at: float | None = None
        self.early: list[events.Key] = []  # keys that came before there was anything to take them

    def on_mount(self) -> None:
        box = self.query_one(".box")
        box.border_title = Content(clean(self._title))
        box.styles.width = self.box_width
        self.fit_body()
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._painted_at = time.monotonic()
        self._count_hidden()
        for key in self.early:
            self.app.post_message(key)
        self.early.clear()

    def body(self, lines: Sequence[Line], indent: int = 11) -> ComposeResult:
        """*lines*, scrollable, and the line that says what of them is out of sight."""
        body = Lines(indent=indent, id="body")
        body.show(lines)
        body.on_scrolled = self._count_hidden
        yield body
        yield StatusLine(id="more")

    def fit_body(self) -> None:
        """Give the body the height that it needs, or that there is."""
        for body in self.query("#body").results(Lines):
            inner = min(self.box_width, self.app.size.width) - 5  # border, padding, scroll bar
            room = self.app.size.height - 2 - self.beside
            needed = body.needed(inner)
            self.query_one("#more").display = needed > room
            body.styles.height = max(1, min(needed, room - 1 if needed > room else room))

    def on_resize(self) -> None:
        self.fit_body()
        self.call_after_refresh(self._count_hidden)

    def _count_hidden(self) -> None:
        for body in self.query("#body").results(Lines):
            above, below, warnings = body.hidden()
            words = [f"▼ {below} more below" if below else "", f"▲ {above} above" if above else ""]
            loud = f"{warnings} of them a warning" if warnings == 1 else f"{warnings} of them warnings"
            parts = [(" · ".join(w for w in words if w), "warning"), (f", {loud}" if warnings else "", "critical")]
            self.query_one("#more", StatusLine).show([*parts, ("  ↓ ↑ scroll", "key")])

    keeps_early = False  # a form's first letters are its text; a confirm's were meant for what was there before

    def too_early(self, key: events.Key) -> bool:
        """Is there nothing yet to take this key? It is kept for later, or dropped."""
        if self.keeps_early:
            if self._painted_at is None:
                self.early.append(key)
            return self._painted_at is None
        return self.deaf

    @property
    def deaf(self) -> bool:
        """Must a key that comes now be dropped?"""
        return self._painted_at is None or time.monotonic() - self._painted_at < DEAF_S

    def action_cancel(self) -> None:
        self.dismiss(None)


class Form(Modal[dict[str, Any]]):
    """A few lines to fill in; Enter in the last goes on to the plan, which is confirmed apart.

    *read* makes values of the texts that were edited, or raises ValueError with what is wrong, which is said here:
    nothing is lost. A text that was not edited stands for its field's value, whatever it looks like.
    """

    keeps_early = True

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        read: Callable[[dict[str, str]], dict[str, Any]],
    ) -> None:
        super().__init__(title)
        self._read = read
        self._fields = fields
        self._stood: dict[str, str] = {}  # what stood in each line at first, as it was shown

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            for field in self._fields:
                yield Static(content([((field.what, "dim"),)]), markup=False)
                line = CleanInput(field.text, id=field.name)
                self._stood[field.name] = line.value
                yield line
            yield Static(content([(("Enter: next, then the plan. Esc cancels.", "dim"),)]), id="hint")

    def on_mount(self) -> None:
        super().on_mount()
        inputs = list(self.query(Input))
        next((i for i in inputs if not i.value), inputs[0]).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        inputs = list(self.query(Input))
        at = inputs.index(event.input)
        if at + 1 < len(inputs):
            inputs[at + 1].focus()
        else:
            try:
                values = self._values({str(i.id): i.value for i in inputs})
            except ValueError as error:
                self.query_one("#hint", Static).update(content([((str(error), "critical"),)]))
                return
            self.dismiss(values)

    def _values(self, texts: dict[str, str]) -> dict[str, Any]:
        """What was asked for. Raises ValueError with what is wrong."""
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

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        Modal.__init__(self, title)
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield from self.body(self._lines)


class Told(Modal[str]):
    """Why something was not done: it waits to be read, and a key that was typed ahead does nothing to it.

    Says ANOTHER where *another* target can be picked, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "cancel", "Close", show=False),
        Binding("t", "another", "Another", show=False),
    ]
    beside = 1

    def __init__(self, title: str, state: str, message: str, hint: str, another: bool = False) -> None:
        super().__init__(title)
        self._lines: list[Line] = [((f"{state}: ", "critical"), (message, "bold"))]
        self._lines += [(("→ ", "key"), (hint, ""))] if hint else []
        self._another = another

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield from self.body([*self._lines, (("", ""),)], indent=2)
            keys = [(" [Enter] back ", "bold"), ("  nothing was sent", "dim")]
            keys += [("     t ", "key"), ("another revision", "")] if self._another else []
            yield Static(content([tuple(keys)]))

    def action_another(self) -> None:
        if self._another:
            self.dismiss(ANOTHER)
