"""What is looked at, and in which order: picked by keys, said in the titles."""

from __future__ import annotations

import msgspec

from oncall_tui.triage.look import Look
from oncall_tui.tui import sorting
from oncall_tui.tui.filtering import Filtering


class LookingAt(Filtering):
    """The sort of each pane."""

    def action_sort(self) -> None:
        """Pick the column that the pane is sorted by; picked again: reversed."""
        self.begin(self._sorted())

    async def _sorted(self) -> None:
        from oncall_tui.tui.choosing import Columns  # not needed for the first frame

        pane = self.list_pane
        column = await self.ask_modal(Columns(pane, self.shown.sorts))
        self.asked()
        if column is None:
            return
        table = self.tables[pane]
        self.filter_by(msgspec.structs.replace(self.shown, sorts=sorting.chosen(self.shown.sorts, pane, column)))
        if table.cursor_id is not None:
            table.move_to(table.cursor_id)  # its row went elsewhere: the cursor is seen there

    def narrowed_words(self, pane: str) -> str:
        """What is not shown of a pane, how many rows are, and in which order they stand where it is not by rank."""
        shown, rows = self.shown, self.tables[pane].rows
        words = [f"filter {shown.filter!r}: {len(rows)} shown"] if shown.filter else []
        words += ["faults only"] if shown.faults else []
        if by := sorting.words(shown.sorts, pane):
            words.append(by)
            below = pages_below([row.id for row in rows], self.update_.look) if pane == "alerts" else 0
            words += [f"{_count(below, 'page')} further down"] if below else []
        return "".join(f" · {word}" for word in words)


def pages_below(rows: list[str], look: Look) -> int:
    """How many open pages stand under a row that does not page."""
    pages = {str(a.rank[-1]): a.pages for a in look.alerts}
    first = next((i for i, row in enumerate(rows) if pages.get(row) is False), len(rows))
    return sum(pages.get(row, False) for row in rows[first:])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
