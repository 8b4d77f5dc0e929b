"""The part of the board that is shown, and its order: picked by keys, said in the titles and in a line of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from oncall_tui.domain.reading import SourceState
from oncall_tui.text.cells import count, fit, width
from oncall_tui.triage.empty_board import nothing
from oncall_tui.triage.triager import TriagedBoard, nobody_has
from oncall_tui.tui.filtering import Filtering
from oncall_tui.tui.presenters import products, sorting
from oncall_tui.tui.presenters.filter_fields import unknown_key
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.widgets.footer import Part, StatusLine
from oncall_tui.tui.widgets.table.rows import Cell

FILTER_CELLS = 24  # of a filter's text, where what it hides has to be read beside it


class LookingAt(Filtering):
    """The picked product or view, and the sort of each pane."""

    _below: tuple[object, object, int] = (None, None, 0)  # of these rows and alerts: pages further down

    # --- the keys -----------------------------------------------------------------------------------------------------

    def action_look_at(self) -> None:
        """Pick the product, or the configured view, that is looked at."""
        if self.dialogs.active:
            return
        from oncall_tui.tui.screens.dialogs import pickers as choosing  # not needed for the first frame

        known = self.session.engine.rules.products
        modal = choosing.LookAt(lambda: self.session.latest, known, self.session.views, self.session.view_filter)
        self.dialogs.begin(self._looked_at(self.dialogs.open(modal)))  # at once: the keys that follow are the list's

    async def _looked_at(self, answer: asyncio.Future[str | None]) -> None:
        from oncall_tui.tui.screens.dialogs.pickers import ALL, PRODUCT, VIEW

        said = await answer
        self.dialogs.asked()
        if said is None:
            return
        if said.startswith(VIEW):
            self.show_view(said.removeprefix(VIEW))
            return
        filter_ = (
            "" if self.session.view_filter.view else self.session.view_filter.filter
        )  # a view is replaced, what was typed is kept
        product = None if said == ALL else said.removeprefix(PRODUCT)
        self.filter_by(msgspec.structs.replace(self.session.view_filter, product=product, filter=filter_, view=""))

    def show_view(self, name: str) -> None:
        """Look at what the configured view *name* says."""
        text = self.session.views[name]
        self.filter_by(msgspec.structs.replace(self.session.view_filter, product=None, filter=text, view=name))
        self.say_unknown(text)

    def action_sort(self) -> None:
        """Pick the column that the pane is sorted by; picked again: reversed."""
        if self.dialogs.active:
            return
        from oncall_tui.tui.screens.dialogs.pickers import Columns  # not needed for the first frame

        pane = self.session.list_pane
        self.dialogs.begin(self._sorted(pane, self.dialogs.open(Columns(pane, self.session.view_filter.sorts))))

    async def _sorted(self, pane: str, answer: asyncio.Future[str | None]) -> None:
        column = await answer
        self.dialogs.asked()
        if column is None:
            return
        table = self.session.tables[pane]
        self.filter_by(
            msgspec.structs.replace(
                self.session.view_filter, sorts=sorting.chosen(self.session.view_filter.sorts, pane, column)
            )
        )
        if table.cursor_id is not None:
            table.move_to(table.cursor_id)  # its row went elsewhere: the cursor is seen there

    # --- what is said of it -------------------------------------------------------------------------------------------

    def narrowed_words(self, pane: str) -> str:
        """The filter of a pane, how many rows it shows, and their order: for its title."""
        said = ""
        if words := _what(self.session.view_filter, 999):
            said = f"{' · '.join(words)}: {len(_real([row.id for row in self.session.tables[pane].rows]))} shown"
        parts = (said, self.new_words(pane), *self._order(pane))
        return "".join(f" · {word}" for word in parts if word)

    def new_words(self, pane: str) -> str:
        """The number of rows of a pane that are new since the engineer last looked."""
        raise NotImplementedError

    def _order(self, pane: str) -> tuple[str, str]:
        """The order of a pane where it is not by rank, and how many pages stand further down in it."""
        by = sorting.words(self.session.view_filter.sorts, pane)
        if not by or pane != "alerts":
            return by, ""
        rows, look = self.session.tables[pane].rows, self.session.latest.look
        if self._below[0] is not rows or self._below[1] is not look.alerts:
            self._below = (rows, look.alerts, pages_below([row.id for row in rows], look))
        below = self._below[2]
        return by, f"{count(below, 'page')} further down" if below else ""

    def draw_looking(self) -> None:
        """The line that says that not all is shown, and what is out of sight: a page never without a sign.

        Where the panes have no titles it says the order too.
        """
        line = self.query_one("#looking", StatusLine)
        order = self._order(self.session.list_pane) if self.has_class("narrow") else ("", "")
        line.display = self.session.view_filter.narrows or bool(order[0])
        if line.display:
            rows = {name: _real([row.id for row in table.rows]) for name, table in self.session.tables.items()}
            line.show(*looking(self.session.view_filter, rows, self.session.latest.look, *order))

    def nothing_shown(self, now: float) -> list[Cell]:
        """The lines in the alerts pane where no row does."""
        if not self.session.view_filter.narrows or not self.session.latest.look.alerts:
            return [nothing(self.session.latest.board, now)]
        unknown = unknown_key(self.session.view_filter.filter, self.session.latest)
        words = "Nothing matches the filter." if self.session.view_filter.filter else "No alert matches."
        return [words, *([(unknown, "warning")] if unknown else []), *self._unread()]

    def none_shown(self, what: str) -> list[Cell]:
        """The lines in another pane where no row does."""
        if self.session.view_filter.narrows:
            return [f"No {what} matches.", *self._unread()]
        unread = [s.name for s in self.session.latest.board.unread]
        return [f"No {what}." if not unread else f"No {what} in what could be read; not read: {', '.join(unread)}."]

    def _unread(self) -> list[Cell]:
        """Name the sources that are not read: that nothing is shown is no news of them."""
        unread = [s.name for s in self.session.latest.board.unread if s.state is not SourceState.WAITING]
        return [(f"Not known, because these are not read: {', '.join(unread)}.", "warning")] if unread else []


def looking(
    shown: ViewFilter, rows: Mapping[str, list[str]], look: TriagedBoard, order: str = "", below: str = ""
) -> tuple[list[Part], list[Part]]:
    """The two sides of the line: what is looked at, and what is not shown. *rows* are the ids of the rows in each pane;
    *order* and *below* (pages further down) are words.
    """
    every = {"alerts": len(look.alerts), "services": len(look.services), "deploys": len(look.deploys)}
    hidden = {name: max(0, total - len(rows[name])) for name, total in every.items()}
    words = ", ".join(count(number, name.removesuffix("s")) for name, number in hidden.items() if number)
    left: list[Part] = [(f" {' · '.join([*_what(shown, FILTER_CELLS), *([order] if order else [])])} ", "cursor")]
    if shown.narrows and any(every.values()):
        left.append((f" hides {words}" if words else " hides nothing", "dim"))
    right: list[Part] = [(f" {below}", "warning")] if below else []
    seen = set(rows["alerts"])
    lost = [a for a in look.alerts if products.open_page(a) and a.id not in seen]
    if lost:
        only = shown.product is not None and not shown.filter and not shown.faults
        where = f"outside of {shown.product}" if only and shown.product else "not shown"
        nobodys = sum(nobody_has(look, a) for a in lost)
        has = f", {nobodys}!" if nobodys else ""  # as in the panes' names: nobody has them
        words = f" {count(len(lost), 'page')}{has} {where}"
        right = [(words, "critical" if nobodys else "warning"), *([(" ·", "dim"), *right] if right else [])]
    return left, right or ([("Esc shows all", "dim")] if shown.narrows else [])


def _real(ids: list[str]) -> list[str]:
    """Without the rows that only say that a source is not read."""
    return [i for i in ids if not i.startswith("source:")]


def _what(shown: ViewFilter, cells: int) -> list[str]:
    """The parts of the filter, in words."""
    text = shown.filter if width(shown.filter) <= cells else fit(shown.filter, cells)
    words = [] if shown.product is None else [shown.product or "no product"]
    if shown.filter:
        words.append(f"view {shown.view}: {text}" if shown.view else f"filter {text!r}")
    return [*words, *(["faults only"] if shown.faults else [])]


def pages_below(rows: list[str], look: TriagedBoard) -> int:
    """The number of open pages under a row that does not page."""
    pages = {a.id: products.open_page(a) for a in look.alerts}
    first = next((i for i, row in enumerate(rows) if pages.get(row) is False), len(rows))
    return sum(pages.get(row, False) for row in rows[first:])
