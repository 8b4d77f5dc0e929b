"""Which pages ring: once an episode, however often they flap. Pure."""

from __future__ import annotations

from oncall_tui.triage.episodes import SAME_S
from oncall_tui.triage.look import Look


class Ring:
    """Remembers for which episode of each row it rang."""

    def __init__(self) -> None:
        self._rung: dict[str, float] = {}

    def new(self, look: Look) -> list[str]:
        """Ids of rows that page, that nobody has, and whose episode is new; joined to an incident elsewhere, not."""
        begun = []
        for row in look.alerts:
            if not (row.pages and row.alert.state.asks) or row.incident not in ("", row.alert.id):
                continue
            rung = self._rung.get(row.id)
            if rung is None or row.began > rung + SAME_S:
                begun.append(row.id)
            self._rung[row.id] = row.began
        return begun
