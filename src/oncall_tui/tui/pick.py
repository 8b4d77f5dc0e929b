"""One of several: a level, a revision, a person. They are read while the modal says so; a plan follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
from oncall_tui.text import fit, width
from oncall_tui.tui.modals import Modal, content

LABEL_CELLS = 40


class Pick(Modal[str]):
    """Says the id of the choice, or None. Nothing is chosen until a row is; what was typed before it was there is not.

    *nothing* is said where there is nothing to pick.
    """

    DEFAULT_CSS = """
    Pick OptionList { height: auto; border: none; background: $surface; padding: 0; display: none; }
    Pick OptionList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back", show=False)]
    box_width = 100
    then = " a confirm follows."

    def __init__(self, title: str, choices: Future[tuple[Choice, ...]], nothing: str) -> None:
        super().__init__(title)
        self._coming, self._nothing = choices, nothing
        self._choices: Sequence[Choice] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(content([(("reading…", "warning"),)]), id="state")
            yield OptionList(markup=False)
            yield Static(content([(("Esc goes back.", "dim"),)]), id="hint")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._read(), exit_on_error=False)

    async def _read(self) -> None:
        try:
            choices = await asyncio.wrap_future(self._coming)
        except OncallError as error:
            state = str(getattr(error, "outcome", "failed"))
            hint = [(("→ ", "key"), (error.hint, ""))] if error.hint else []
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
        menu.styles.max_height = max(3, self.app.size.height - 3)
        menu.display = True
        menu.focus()
        safe = next((i for i, c in enumerate(choices) if not c.warning), 0)
        menu.highlighted = next((i for i, c in enumerate(choices) if c.default), safe)
        self.query_one("#state").display = False
        told = f"{len(choices)} to pick from: j/k and Enter;{self.then} Esc goes back."
        self.query_one("#hint", Static).update(content([((told, "dim"),)]))
        self._painted_at = None  # what was typed while there was nothing to see picks nothing
        self.call_after_refresh(self._painted)

    def on_key(self, event: events.Key) -> None:
        if event.character == "j":
            self.query_one(OptionList).action_cursor_down()
        elif event.character == "k":
            self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index].id)


def _choice(choice: Choice, cells: int, marks: bool) -> Content:
    """Its label and what is known of it; under it, what speaks against it."""
    label = choice.label if width(choice.label) > cells else fit(choice.label, cells)
    mark = "default  " if choice.default else " " * 9 if marks else ""
    lines = [((label + "  ", "bold"), (mark, "ok"), (choice.detail, "dim"))]
    return content([*lines, *([(("  ! " + choice.warning, "warning"),)] if choice.warning else [])])
