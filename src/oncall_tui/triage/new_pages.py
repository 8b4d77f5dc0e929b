"""The bell for pages: once an episode, however often they flap. Pure."""

from __future__ import annotations

from oncall_tui.triage.episodes import SAME_S
from oncall_tui.triage.triager import TriagedBoard, nobody_has

KEPT = 1000  # rows that are gone, which may come back in the same episode


class NewPages:
    """Remembers for which episode of each row it rang."""

    def __init__(self) -> None:
        self._rung: dict[str, float] = {}

    def new(self, triaged: TriagedBoard) -> list[str]:
        """Ids of rows that page, that nobody has, and whose episode is new; not where their incident rings itself.

        While a source's first list still comes, its pages wait for its end: they ring once, not with each part.
        """
        begun = []
        coming = {name for name, source in triaged.board.sources.items() if source.coming}
        rows = triaged.paging
        paging = {row.alert.id for row in rows}
        for row in rows:
            if not nobody_has(triaged, row) or (
                row.alert.source in coming or (row.incident != row.alert.id and row.incident in paging)
            ):
                continue
            rung = self._rung.get(row.id)
            if rung is None or row.began > rung + SAME_S:
                begun.append(row.id)
            self._rung[row.id] = row.began
        if len(self._rung) > 2 * len(triaged.alerts) + KEPT:  # the oldest of what is not there any more
            here = {row.id for row in triaged.alerts}
            rest = sorted((at, row_id) for row_id, at in self._rung.items() if row_id not in here)
            for _, row_id in rest[: len(rest) - KEPT // 2]:
                del self._rung[row_id]
        return begun
