"""The lists that one thing is chosen from: a product or a view, the column to sort by. They change what is shown, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from oncall_tui.domain.product import Product
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import fit, width
from oncall_tui.tui.presenters import products, sorting
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.screens.dialogs.modals import Modal, content
from oncall_tui.tui.widgets.clean_input import CleanInput
from oncall_tui.tui.widgets.table.rows import Cell, Column, Row, as_cell
from oncall_tui.tui.widgets.table.table import Table


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
        self.set_focus(table)

    def first(self) -> str:
        """The row that the cursor is on at first."""
        return ""

    def choices(self) -> Sequence[Row]:
        """The rows to choose from."""
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
        """The answer that the row gives when it is picked."""
        return row_id


ALL, PRODUCT, VIEW = "all", "product:", "view:"
AGAIN_S = 1.0  # how often the list follows what is read


class LookAt(Chooser):
    """All products, each product with what is open in it, and the configured views. Says a row's id: ``all``, or the
    name of a product or view behind ``product:`` or ``view:``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,q", "cancel", "Back", show=False),
        Binding("slash", "find", "Find", show=False, priority=True),  # done before the next key is looked at
        Binding("down", "by(1)", "Down", show=False),
        Binding("up", "by(-1)", "Up", show=False),
    ]
    DEFAULT_CSS = "LookAt Input { display: none; margin: 0; }"
    columns = (
        Column("name", "PRODUCT", 14, flex=True, min_width=12, align="middle"),
        Column("pages", "PAGES", 5, align="right"),
        Column("unacknowledged", "UNACKED", 7, align="right"),
        Column("others", "NOT PAGING", 10, align="right"),
        Column("sick", "UNHEALTHY", 9, align="right"),
        Column("deploys", "DEPLOYS", 7, align="right"),
        Column("owner", "", 20, flex=True, min_width=8, drop=1),
    )
    header = True
    box_width = 90
    hint = "Enter picks, / finds a name. Esc goes back."

    def __init__(
        self, update: Callable[[], Update], known: Sequence[Product], views: Mapping[str, str], shown: ViewFilter
    ) -> None:
        super().__init__("Product filter: what is open in each product")
        self._update, self._known, self._views, self._shown = update, known, views, shown
        self._counted: object = None
        self._wanted = ""  # a part of a name

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Table(self.columns, id="choices", show_header=self.header)
            yield CleanInput(placeholder="a part of a name; Enter picks, Esc shows all")
            yield Static(content([((self.hint, "dim"),)]), id="hint")

    def on_mount(self) -> None:
        self.set_interval(AGAIN_S, self._again)

    # --- a name by its letters ----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the line a slash is a slash."""
        return action != "find" or not isinstance(self.focused, Input)

    def action_find(self) -> None:
        self.beside = 2
        line = self.query_one(Input)
        line.display = True
        self.set_focus(line)  # now, not after the next message: what is typed next belongs to it
        self.fill()

    def action_by(self, rows: int) -> None:
        self.query_one(Table).action_move(rows)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = event.value.strip().casefold()
        self.fill()
        table = self.query_one(Table)
        if table.rows:  # what is typed asks for the first that has it
            table.move_to(table.rows[0].id)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if (row_id := self.query_one(Table).cursor_id) is not None:
            self.dismiss(row_id)

    def action_cancel(self) -> None:
        """Esc: the whole list first, then back."""
        line = self.query_one(Input)
        if not line.display:
            self.dismiss(None)
            return
        line.display, line.value, self._wanted, self.beside = False, "", "", 1
        self.fill()
        self.set_focus(self.query_one(Table))

    # --- what there is ------------------------------------------------------------------------------------------------

    def _again(self) -> None:
        if self._counted is not self._update().triaged:
            self.fill()

    def first(self) -> str:
        if self._shown.view in self._views:
            return VIEW + self._shown.view
        return ALL if self._shown.product is None else PRODUCT + self._shown.product

    def choices(self) -> Sequence[Row]:
        update = self._update()
        self._counted = update.triaged
        lost = [s.name for s in update.board.sources.values() if not s.current]
        said = f"  not counted, since not read now: {', '.join(lost)}" if lost else ""
        room = min(self.box_width, self.app.size.width) - 4 - width(self.hint)
        said = said if width(said) <= room else fit(said, room)
        self.query_one("#hint", Static).update(content([((self.hint, "dim"), (said, "warning"))]))
        total, *each = products.open_in(update.triaged, self._known)
        rows = [_product(ALL, total, "all products")]
        rows += [_product(PRODUCT + one.name, one, one.name or "no product") for one in each]
        blank: tuple[Cell, ...] = ("", "", "", "", "")
        rows += [Row(VIEW + n, (f"view {n}", *blank, (text, "dim"))) for n, text in self._views.items()]
        return [row for row in rows if self._wanted in as_cell(row.cells[0])[0].casefold()]


def _product(row_id: str, one: products.OpenCounts, name: str) -> Row:
    """Its counts: nothing for none, a ``?`` where it is not known."""
    fire = "critical" if one.nobodys else "warning" if one.pages or one.sick else ""
    sick = f"{one.sick or ''}{'?' if one.unread else ''}"
    owner = f"{', '.join(one.unread)} not read" if one.unread else one.owner
    cells: tuple[Cell, ...] = (
        (name, fire or ("" if one.name else "dim")),
        (str(one.pages or ""), "critical" if one.nobodys else "warning"),
        (str(one.nobodys or ""), "critical"),
        str(one.notifications or ""),
        (sick, "warning"),
        str(one.deploys or ""),
        (owner, "unknown" if one.unread else "dim"),
    )
    return Row(row_id, cells)


class Columns(Chooser):
    """The columns of a pane, to sort by. Says a column's key; ``rank`` is said as an empty one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,greater_than_sign", "cancel", "Back", show=False)]
    columns = (Column("name", "", 14), Column("how", "", 40, flex=True, min_width=20))
    hint = "Enter sorts by the column, again reverses it. Esc goes back."

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
