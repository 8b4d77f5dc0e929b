"""When sources of changes are read early: a new alert asks what changed before it, and a poll a minute is too late.

Times are seconds since the epoch, UTC, but for *monotonic*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceStatus
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS

NEW_S = 60.0  # after an alert began: what tells of changes may do so some seconds later
PAUSE_S = 10.0  # between two early readings of one source


class ChangeAsks:
    """Says which sources to ask now. Services are read often anyway, and all of them at a time: they are not asked."""

    def __init__(self, products: Iterable[Product]) -> None:
        named = ((p.name, {glob.partition("/")[0] for glob in p.changes}) for p in products)
        self._globs = {name: globs for name, globs in named if globs}
        self._asked: dict[str, float] = {}  # monotonic
        self._rows: tuple[TriagedAlert, ...] = ()
        self._newest: dict[str, float] = {}  # when the newest alert that asks for a person began, by product

    def due(self, triaged: TriagedBoard, now: float, monotonic: float) -> list[str]:
        """Return the names of the sources to ask, which are then taken to be asked."""
        if not self._globs:
            return []
        if triaged.alerts is not self._rows:
            self._rows, self._newest = triaged.alerts, self._began(triaged.alerts)
        new = [name for name, began in self._newest.items() if 0.0 <= now - began < NEW_S]
        if not new:
            return []
        globs = {glob for name in new for glob in self._globs[name]}
        found = [s.name for s in triaged.board.sources.values() if self._is_due(s, globs, monotonic)]
        self._asked.update((name, monotonic) for name in found)
        return found

    def _began(self, rows: Iterable[TriagedAlert]) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in rows:
            if row.product is not None and row.product.name in self._globs and row.alert.state.asks:
                found[row.product.name] = max(row.began, found.get(row.product.name, 0.0))
        return found

    def _is_due(self, source: SourceStatus, globs: Collection[str], monotonic: float) -> bool:
        if source.provider in SERVICE_PROVIDERS or not any(fnmatchcase(source.name, glob) for glob in globs):
            return False
        last = self._asked.get(source.name)
        return last is None or monotonic - last >= PAUSE_S
