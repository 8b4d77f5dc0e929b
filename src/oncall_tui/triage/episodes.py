"""Episodes: a page rings once from its first firing until it has been quiet for thirty minutes."""

from __future__ import annotations

from oncall_tui.triage.look import Look

QUIET_S = 30 * 60.0


class Episodes:
    """Remembers when each page last fired. ``new`` says which pages begin an episode in this look."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def new(self, look: Look, now: float) -> list[str]:
        """Ids of alerts that page, that nobody has, and that were quiet for thirty minutes or never seen."""
        begun = []
        for row in look.alerts:
            if not (row.pages and row.alert.state.asks) or row.incident:
                continue
            last = self._last.get(row.alert.id)
            if last is None or now - last > QUIET_S:
                begun.append(row.alert.id)
            self._last[row.alert.id] = now
        return begun
