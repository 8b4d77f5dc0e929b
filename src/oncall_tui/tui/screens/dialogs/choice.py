"""One of several: a level, a revision, a person. They are read while the modal says so; a plan follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from oncall_tui.domain.plan import Choice
from oncall_tui.errors import OncallError
from oncall_tui.text.cells import fit, width
from oncall_tui.tui.screens.dialogs.modals import TOO_SMALL, Modal, content

LABEL_CELLS = 40
LEAST_LIST = 3  # lines of a list with its border and one choice
LEAST_LINES = 8  # of the window, for a frame and a hint


class ChoiceDialog(Modal[str]):
    """Says the id of the choice, or None. Nothing is chosen until a row is; what was typed before it was there is not.

    *nothing* is said where there is nothing to pick; *hint* words the hint of a failure.
    """

    DEFAULT_CSS = """
    ChoiceDialog OptionList { height: auto; border: none; background: $surface; padding: 0; display: none; }
    ChoiceDialog OptionList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back", show=False)]
    box_width = 100
    then = " asks before sending."

    def __init__(
        self,
        title: str,
        choices: Future[tuple[Choice, ...]],
        nothing: str,
        hint: Callable[[str], str] = str,
    ) -> None:
        super().__init__(title)
        self._worded = hint
        self._coming, self._nothing = choices, nothing
        self._choices: Sequence[Choice] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(content([((self._title, "bold"),)]), id="title", classes="must")
            yield Static(content([(("reading…", "warning"),)]), id="state")
            yield OptionList(markup=False)
            yield Static(content([(("Esc goes back.", "dim"),)]), id="hint", classes="aside")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._read(), exit_on_error=False)

    async def _read(self) -> None:
        try:
            choices = await asyncio.wrap_future(self._coming)
        except OncallError as error:
            state = error.outcome
            hint = [(("→ ", "key"), (self._worded(error.hint), ""))] if error.hint else []
            self._say([((f"{state}: ", "critical"), (error.message, "bold")), *hint])
        except Exception as error:  # noqa: BLE001 - a bug in a provider ends as words, not as the program
            self._say([((f"bug: {error.__class__.__name__}: {error}", "critical"),)])
        else:
            self._show(choices)

    def _say(self, lines: Sequence[tuple[tuple[str, str], ...]]) -> None:
        self.query_one("#state", Static).update(content(lines))

    def _show(self, choices: Sequence[Choice]) -> None:
        if not choices:
            self._say([((self._nothing, ""),)])
            return
        self._choices = choices
        menu = self.query_one(OptionList)
        cells = min(LABEL_CELLS, max(width(c.label) for c in choices))
        menu.add_options(Option(_choice(c, cells, any(x.default for x in choices))) for c in choices)
        menu.display = True
        menu.focus()
        safe = next((i for i, c in enumerate(choices) if not c.warning), 0)
        menu.highlighted = next((i for i, c in enumerate(choices) if c.default), safe)
        self.query_one("#state").display = False
        self._hint(self._told(), "dim")
        self.fit_body()
        self._painted_at = None  # what was typed while there was nothing to see picks nothing
        self.call_after_refresh(self._painted)

    def _told(self) -> str:
        count = len(self._choices)
        return f"{count} choice{'s' * (count != 1)}: j/k and Enter;{self.then} Esc goes back." if count else ""

    def _hint(self, words: str, style: str) -> None:
        self.query_one("#hint", Static).update(content([((words, style),)]))

    # --- what was on screen -------------------------------------------------------------------------------------------

    def fit_body(self) -> None:
        """As many choices as there is room for; where there is hardly any, the frame and the hint go."""
        height = self.app.size.height
        self.set_class(height < LEAST_LINES, "tight")
        super().fit_body()
        if not self.has_class("tight") and height - self._beside() < LEAST_LIST:
            self.add_class("tight")
            super().fit_body()
        self.query_one("#title").display = not self._title_fits
        self.query_one(OptionList).styles.max_height = max(1, height - self._beside())

    def _beside(self) -> int:
        """Return how many lines stand beside the list: the title where the frame does not hold it, frame and hint."""
        tight = self.has_class("tight")
        cells = max(1, self._outer - (0 if tight else 4))
        title = 0 if self._title_fits else _lines(self._title, cells)
        return title + (0 if tight else 2 + _lines(self._told(), cells))

    def on_resize(self) -> None:
        super().on_resize()
        if self._choices:
            self._hint(self._told(), "dim")  # what was said of another size takes room from the choices
        self.call_after_refresh(self.query_one(OptionList).scroll_to_highlight)
        self.call_after_refresh(self.look)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.call_after_refresh(self.look)

    def also_seen(self) -> Iterable[Hashable]:
        """The choices that are on screen as a whole."""
        menu = self.query_one(OptionList)
        sight = self._in_sight(menu)
        if sight is None or not self._choices:
            return
        first = menu.scroll_offset.y + sight.y
        drawn = menu._line_cache  # not the properties, which lay out anew
        for index, height in drawn.heights.items():
            top = drawn.index_to_line[index]
            if first <= top and top + height <= first + sight.height:
                yield "choice", index

    def on_key(self, event: events.Key) -> None:
        if event.character == "j":
            self.query_one(OptionList).action_cursor_down()
        elif event.character == "k":
            self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.unread() or self.seen.missing([("choice", event.option_index)]):
            self._hint(TOO_SMALL, "critical")
        else:
            self.dismiss(self._choices[event.option_index].id)


def _lines(text: str, cells: int) -> int:
    return content([((text, ""),)]).get_height({}, cells)


def _choice(choice: Choice, cells: int, marks: bool) -> Content:
    """Its label and what is known of it; under it, what speaks against it."""
    label = choice.label if width(choice.label) > cells else fit(choice.label, cells)
    mark = "default  " if choice.default else " " * 9 if marks else ""
    lines = [((label + "  ", "bold"), (mark, "ok"), (choice.detail, "dim"))]
    return content([*lines, *([(("  ! " + choice.warning, "warning"),)] if choice.warning else [])])
