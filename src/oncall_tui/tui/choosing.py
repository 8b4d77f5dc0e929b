"""The lists that one thing is chosen from: the column to sort by. They change what is shown, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from oncall_tui.tui import sorting
from oncall_tui.tui.modals import Modal, content
from oncall_tui.tui.rows import Column, Row
from oncall_tui.tui.table import Table


class Chooser(Modal[str]):
    """A list under fixed columns; says the id of the row, or None. Keys typed ahead are kept: nothing here acts."""

    keeps_early = True
    columns: tuple[Column, ...] = ()
    header = False
    hint = "Enter picks. Esc goes back."
    beside = 1

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Table(self.columns, id="choices", show_header=self.header)
            yield Static(content([((self.hint, "dim"),)]), id="hint")

    def on_mount(self) -> None:
        self.fill()
        table = self.query_one(Table)
        table.move_to(self.first())
        table.focus()

    def first(self) -> str:
        """The row that the cursor is on at first."""
        return ""

    def choices(self) -> Sequence[Row]:
        """What there is to choose from."""
        raise NotImplementedError

    def fill(self) -> None:
        """Show the choices, in as many lines as they need and the screen has."""
        table, rows = self.query_one(Table), self.choices()
        table.styles.height = max(3, min(len(rows) + self.header, self.app.size.height - 2 - self.beside))
        table.show(rows)

    def on_resize(self) -> None:
        self.fill()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()

    def on_table_marked(self, event: Table.Marked) -> None:
        event.stop()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(self.said(event.id))

    def said(self, row_id: str) -> str:
        """What the row says when it is picked."""
        return row_id


class Columns(Chooser):
    """The columns of a pane, to sort by. Says a column's key; ``rank`` is said as an empty one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,greater_than_sign", "cancel", "Back", show=False)]
    columns = (Column("name", "", 14), Column("how", "", 40, flex=True, min_width=20))
    hint = "Enter sorts by it; picked again it is reversed. Esc goes back."

    def __init__(self, pane: str, sorts: Sequence[sorting.Sort]) -> None:
        super().__init__(f"Sort {pane}")
        self._pane, self._sort = pane, sorting.of(sorts, pane)

    def first(self) -> str:
        return self._sort.column if self._sort is not None else ""

    def choices(self) -> Sequence[Row]:
        name, _, what = sorting.RANK[self._pane].partition(": ")
        rows = [Row("rank", ((f"by {name}", ""), (what + ("  ◂ now" if self._sort is None else ""), "dim")))]
        for key, by in sorting.COLUMNS[self._pane].items():
            how, style = by.first, "dim"
            if self._sort is not None and self._sort.column == key:
                is_now, other = (by.last, by.first) if self._sort.down else (by.first, by.last)
                how, style = f"{is_now}  ◂ now; again: {other}", ""
            rows.append(Row(key, (by.name, (how, style))))
        return rows

    def said(self, row_id: str) -> str:
        return "" if row_id == "rank" else row_id
