"""The controller of the part of the board that is shown, and its order: the filter, the product, the view, the sort."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from oncall_tui.domain.board import unread_words
from oncall_tui.domain.reading import SourceState
from oncall_tui.text.cells import count
from oncall_tui.triage.empty_board import nothing
from oncall_tui.triage.filters import FilterError, parse
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.presenters import filter_words, sorting
from oncall_tui.tui.presenters.filter_fields import known, unknown_key
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.session import Session
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.rows import Cell

replace = msgspec.structs.replace


class Filters:
    """Changes the session's filter and order by keys, and words them. *changed* is called after each change."""

    def __init__(self, session: Session, dialogs: Dialogs, changed: Callable[[], None]) -> None:
        self._session, self._dialogs, self._changed = session, dialogs, changed
        self._said_wrong = ""  # of the filter as it is typed
        self._below: tuple[object, object, int] = (None, None, 0)  # of these rows and alerts: pages further down

    # --- what is shown ------------------------------------------------------------------------------------------------

    def apply(self, shown: ViewFilter) -> None:
        """Show this part of the board, in this order."""
        self._session.view_filter = shown
        self._session.redraw()
        for table in self._session.tables.values():
            if table.cursor_id is None and table.rows:
                table.follow_first()  # asked for by a key, unlike a refresh: the cursor goes to what is shown
        self._changed()

    def everything(self) -> None:
        """Show the whole board, nothing left out; the order stays."""
        self.apply(ViewFilter(sorts=self._session.view_filter.sorts))

    def faults(self) -> None:
        """Show faults only, or not any more."""
        self.apply(replace(self._session.view_filter, faults=not self._session.view_filter.faults))

    def show_view(self, name: str) -> None:
        """Look at what the configured view *name* says."""
        text = self._session.views[name]
        self.apply(replace(self._session.view_filter, product=None, filter=text, view=name))
        if words := unknown_key(text, self._session.latest):
            self._session.say(words, "warning")

    # --- a filter as it is typed --------------------------------------------------------------------------------------

    def typed(self, text: str) -> None:
        """Apply the text as it stands; what can be no filter hides nothing, and the engineer is told why."""
        wrong = self.wrong(text)
        self.apply(replace(self._session.view_filter, filter="" if wrong else text, view=""))
        if wrong:
            self._session.say(wrong, "warning")
        elif self._session.notice is not None and self._session.notice[0] == self._said_wrong:
            self._session.clear()
        self._said_wrong = wrong

    def accepts(self, text: str) -> bool:
        """Tell whether Enter keeps the text; where it can be no filter the engineer is told why."""
        if wrong := self.wrong(text):
            self._session.say(wrong, "warning")
        return not wrong

    def clear_text(self) -> None:
        """Take the typed filter away."""
        self.apply(replace(self._session.view_filter, filter="", view=""))

    def wrong(self, text: str) -> str:
        """The reason why *text* can be no filter of the board, and what would work; empty: it can."""
        try:
            parse(text, known(self._session.latest, self._session.engine.rules.products))
        except FilterError as error:
            return error.message
        return ""

    # --- what is picked from a list -----------------------------------------------------------------------------------

    def pick_product(self) -> None:
        """Pick the product, or the configured view, that is looked at."""
        if self._dialogs.active:
            return
        from oncall_tui.tui.screens.dialogs.pickers import LookAt  # not needed for the first frame

        session = self._session
        modal = LookAt(lambda: session.latest, session.engine.rules.products, session.views, session.view_filter)
        self._dialogs.begin(self._picked(self._dialogs.open(modal)))  # at once: the keys that follow are the list's

    async def _picked(self, answer: asyncio.Future[str | None]) -> None:
        from oncall_tui.tui.screens.dialogs.pickers import ALL, PRODUCT, VIEW

        said = await answer
        self._dialogs.asked()
        if said is None:
            return
        if said.startswith(VIEW):
            self.show_view(said.removeprefix(VIEW))
            return
        shown = self._session.view_filter
        text = "" if shown.view else shown.filter  # a view is replaced, what was typed is kept
        product = None if said == ALL else said.removeprefix(PRODUCT)
        self.apply(replace(shown, product=product, filter=text, view=""))

    def pick_sort(self) -> None:
        """Pick the column that the pane is sorted by; picked again: reversed."""
        if self._dialogs.active:
            return
        from oncall_tui.tui.screens.dialogs.pickers import Columns  # not needed for the first frame

        pane = self._session.list_pane
        modal = Columns(pane, self._session.view_filter.sorts)
        self._dialogs.begin(self._sorted(pane, self._dialogs.open(modal)))

    async def _sorted(self, pane: str, answer: asyncio.Future[str | None]) -> None:
        column = await answer
        self._dialogs.asked()
        if column is None:
            return
        shown, table = self._session.view_filter, self._session.tables[pane]
        self.apply(replace(shown, sorts=sorting.chosen(shown.sorts, pane, column)))
        if table.cursor_id is not None:
            table.move_to(table.cursor_id)  # its row went elsewhere: the cursor is seen there

    # --- in words -----------------------------------------------------------------------------------------------------

    def words(self, pane: str) -> tuple[str, ...]:
        """The filter and how many rows it leaves, the order, and pages further down: for the title of a pane."""
        said = ""
        if words := filter_words.parts(self._session.view_filter):
            said = f"{' · '.join(words)}: {len(self._ids(pane))} shown"
        return said, *self._order(pane)

    def line(self, titled: bool) -> tuple[list[Part], list[Part]] | None:
        """The line that says that not all is shown, and what is out of sight: a page never without a sign.

        Where the panes are not *titled* it says the order too. None: there is nothing to say.
        """
        shown = self._session.view_filter
        order = ("", "") if titled else self._order(self._session.list_pane)
        if not shown.narrows and not order[0]:
            return None
        rows = {name: self._ids(name) for name in self._session.tables}
        return filter_words.looking(shown, rows, self._session.latest.triaged, *order)

    def no_alert(self, now: float) -> list[Cell]:
        """The lines in the alerts pane where no row is shown."""
        update, shown = self._session.latest, self._session.view_filter
        if not shown.narrows or not update.triaged.alerts:
            return [nothing(update.board, now)]
        unknown = unknown_key(shown.filter, update)
        words = "Nothing matches the filter." if shown.filter else "No alert matches."
        return [words, *([(unknown, "warning")] if unknown else []), *self._unread()]

    def none(self, what: str) -> list[Cell]:
        """The lines in another pane where no row is shown."""
        if self._session.view_filter.narrows:
            return [f"No {what} matches.", *self._unread()]
        unread = unread_words(self._session.latest.board.unread)
        return [f"No {what}." if not unread else f"No {what} in what could be read; {unread}."]

    def _ids(self, pane: str) -> list[str]:
        return filter_words.real(row.id for row in self._session.tables[pane].rows)

    def _order(self, pane: str) -> tuple[str, str]:
        """The order of a pane where it is not by rank, and how many pages stand further down in it."""
        by = sorting.words(self._session.view_filter.sorts, pane)
        if not by or pane != "alerts":
            return by, ""
        rows, triaged = self._session.tables[pane].rows, self._session.latest.triaged
        if self._below[0] is not rows or self._below[1] is not triaged.alerts:
            self._below = (rows, triaged.alerts, filter_words.pages_below([row.id for row in rows], triaged))
        below = self._below[2]
        return by, f"{count(below, 'page')} further down" if below else ""

    def _unread(self) -> list[Cell]:
        """Name the sources that are not read: that nothing is shown is no news of them."""
        lost = [s for s in self._session.latest.board.unread if s.state is not SourceState.WAITING]
        unread, partly = (", ".join(s.name for s in lost if s.current is current) for current in (False, True))
        told = ("not read", unread), ("read in part", partly)
        return [(f"Not known, because these are {how}: {names}.", "warning") for how, names in told if names]
