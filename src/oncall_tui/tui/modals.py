"""The screens that ask: in the middle, naming the target. Keys typed before one was painted are dropped, and for half
a second after; Enter cancels where it could do harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from oncall_tui.domain.plan import Choice, Confirm, Plan
from oncall_tui.text import clean, fit, local_times
from oncall_tui.tui.keys import by_group
from oncall_tui.tui.lines import Line, Lines

DEAF_S = 0.5
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
    """A box in the middle. ``deaf`` while keys have to be dropped; the app asks before it passes any on."""

    DEFAULT_CSS = """
    Modal { align: center middle; background: $background 40%; }
    Modal > .box {
        width: 78; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Modal Lines { background: $surface; }
    Modal Static { height: auto; }
    Modal Input { border: none; height: 1; background: $boost; padding: 0 1; margin: 0 0 1 0; }
    Modal Input:focus { border: none; }
    Modal OptionList { height: auto; max-height: 12; border: none; background: $surface; padding: 0; }
    Modal OptionList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._painted_at: float | None = None
        self.early: list[events.Key] = []  # keys that came before there was anything to take them

    def on_mount(self) -> None:
        self.query_one(".box").border_title = Content(clean(self._title))
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._painted_at = time.monotonic()
        for key in self.early:
            self.app.post_message(key)
        self.early.clear()

    def body(self, lines: Sequence[Line], beside: int = 2, indent: int = 11) -> Lines:
        """*lines* in as much height as they need and the screen has, *beside* other lines of the box; scrollable."""
        screen = self.app.size
        body = Lines(indent=indent, id="body")
        body.show(lines)
        body.styles.height = max(1, min(body.needed(min(78, screen.width) - 5), screen.height - beside - 2))
        return body

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


class ConfirmPlan(Modal[bool]):
    """A plan in words. ``y`` goes on; Enter, ``n`` and Esc cancel. What is protected wants its name typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go_on", "Go on", show=False),
        Binding("n,enter", "cancel", "Cancel", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(self, plan: Plan, tz: tzinfo, now: float) -> None:
        super().__init__(plan.title)
        self.plan, self._tz, self._now = plan, tz, now

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield self.body(plan_lines(self.plan, self._tz, self._now), beside=5)
            if self.plan.confirm is Confirm.NAME:
                name = self.plan.confirm_name
                yield Static(content([(("Protected. Type ", ""), (name, "bold"), (" and Enter to go on:", ""))]))
                yield Input(id="name")
                yield Static(content([(("Esc cancels", "dim"),)]), id="hint")
            else:
                verb = str(self.plan.verb)
                keys = ((" [Enter] cancel ", "bold"), ("     y ", "key"), (verb, ""), ("     c ", "key"), ("copy", ""))
                yield Static(content([keys]))

    def on_mount(self) -> None:
        super().on_mount()
        if self.plan.confirm is Confirm.NAME:
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self.plan.confirm_name:
            self.dismiss(True)
        else:
            self.query_one("#hint", Static).update(content([(("That is not its name. Esc cancels.", "critical"),)]))

    def action_go_on(self) -> None:
        if self.plan.confirm is not Confirm.NAME:
            self.dismiss(True)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard("\n".join(self.plan.commands))
        self.notify("the command is copied", markup=False)


def plan_lines(plan: Plan, tz: tzinfo, now: float) -> list[Line]:
    """Everything that a person has to know before saying yes."""
    told = [(name, local_times(text, tz, now)) for name, text in plan.lines]
    lines: list[Line] = [((fit(name, 10) + " ", "dim"), (text, "")) for name, text in told]
    lines += [(("⚠ ", "warning"), (warning, "warning")) for warning in plan.warnings]
    if plan.affects:
        lines.append(((f"also       {len(plan.affects)} more:", "warning"),))
        lines += [(("           ", ""), (text, "")) for text in plan.affects[:8]]
        if len(plan.affects) > 8:
            lines.append(((f"           and {len(plan.affects) - 8} more", "dim"),))
    return [*lines, (("", ""),)]


class ConfirmMany(Modal[bool]):
    """One confirm for several rows, which lists them; *verb* says what ``y`` does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go_on", "Go on", show=False),
        Binding("n,enter", "cancel", "Cancel", show=False),
    ]

    def __init__(self, title: str, rows: Sequence[str], verb: str) -> None:
        super().__init__(title)
        self._rows, self._verb = rows, verb

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield self.body([((row, ""),) for row in self._rows], beside=2, indent=2)
            yield Static(content([((" [Enter] cancel ", "bold"), ("     y ", "key"), (self._verb, ""))]))

    def action_go_on(self) -> None:
        self.dismiss(True)


class Pick(Modal[str]):
    """One of several: a level, a revision. Nothing is chosen until a row is, and a plan follows."""

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__(title)
        self._choices = choices

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            options = [Option(_choice(c), id=c.id) for c in self._choices]
            yield OptionList(*options, markup=False)
            yield Static(content([(("j/k and Enter pick one; a confirm follows. Esc cancels.", "dim"),)]))

    def on_mount(self) -> None:
        super().on_mount()
        menu = self.query_one(OptionList)
        menu.focus()
        menu.highlighted = next((i for i, c in enumerate(self._choices) if c.default), 0)

    def on_key(self, event: events.Key) -> None:
        if event.character == "j":
            self.query_one(OptionList).action_cursor_down()
        elif event.character == "k":
            self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)


def _choice(choice: Choice) -> Content:
    return content([((fit(choice.label, 40), "bold"), (" " + choice.detail, "dim"))])


class Form(Modal[dict[str, Any]]):
    """A few lines to fill in; Enter in the last goes on to the plan, which is confirmed apart.

    *read* makes values of the texts, or raises ValueError with what is wrong, which is said here: nothing is lost.
    """

    keeps_early = True

    def __init__(
        self,
        title: str,
        fields: Sequence[tuple[str, str, str]],
        read: Callable[[dict[str, str]], dict[str, Any]],
    ) -> None:
        super().__init__(title)
        self._read = read
        self._fields = fields  # (name, what it is, what stands there)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            for name, what, value in self._fields:
                yield Static(content([((what, "dim"),)]), markup=False)
                yield Input(value, id=name)
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
                values = self._read({str(i.id): i.value for i in inputs})
            except ValueError as error:
                self.query_one("#hint", Static).update(content([((str(error), "critical"),)]))
                return
            self.dismiss(values)


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
            yield self.body(lines)


class Text(Help):
    """Lines to read: every source and what to do about it."""

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        Modal.__init__(self, title)
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield self.body(self._lines)
