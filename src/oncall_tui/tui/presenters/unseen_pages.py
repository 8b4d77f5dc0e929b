"""Pages that began while the hand was elsewhere: a line above the list tells of them until they are seen. Pure."""

from __future__ import annotations

from oncall_tui.text.time_format import age
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard, nobody_has
from oncall_tui.tui.commands import FIRST


class UnseenPages:
    """The pages that were not seen yet, and when each came (seconds since the epoch)."""

    def __init__(self) -> None:
        self._ring = NewPages()
        self._came: dict[str, float] = {}

    def come(self, triaged: TriagedBoard, now: float, elsewhere: bool) -> None:
        """A newer look. *elsewhere*: the engineer chose a row, or looks at another pane; else the cursor goes to what
        is new by itself.
        """
        begun = self._ring.new(triaged)
        if elsewhere:
            self._came.update((row_id, now) for row_id in begun)
        open_ = {row.id for row in triaged.paging if nobody_has(triaged, row)}
        self._came = {row_id: at for row_id, at in self._came.items() if row_id in open_}

    def saw(self, row_id: str | None) -> bool:
        """The cursor is on this row. Returns whether that was news."""
        return self._came.pop(row_id or "", None) is not None

    def next(self, triaged: TriagedBoard) -> TriagedAlert | None:
        """The one that waits the longest."""
        return next((row for row_id in self._came if (row := triaged.find(row_id)) is not None), None)

    def words(self, triaged: TriagedBoard, now: float, key: bool = True) -> str:
        """``NEW PAGE (g) 20s payments-api: 5xx rate 12 %``; empty: there is none. The key stands first: a narrow screen
        cuts the end. Without *key* where it does not go there.
        """
        row = self.next(triaged)
        if row is None:
            return ""
        named = row.service is None or row.service.name.casefold() in row.alert.title.casefold()
        where = f"{row.service.name}: " if row.service is not None and not named else ""
        more = f" (+{len(self._came) - 1})" if len(self._came) > 1 else ""
        goes = f" ({FIRST})" if key else ""
        return f" NEW PAGE{goes}{more} {age(now - self._came[row.id])} {where}{row.alert.title} "
