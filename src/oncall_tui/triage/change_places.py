"""The service of a change that another system tells of: looked up by its hint, as an alert's is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change
from oncall_tui.domain.service import Service
from oncall_tui.triage.grouping import ServiceIndex


class ChangePlaces:
    """Gives changes their services. Keeps what it made, since a change that stays the same object moves no row."""

    def __init__(self) -> None:
        self._services: frozenset[str] = frozenset()
        self._index: ServiceIndex[Service] = ServiceIndex(())
        self._placed: dict[str, tuple[Change, Change]] = {}

    def place(self, board: Board) -> Board:
        """Return *board* with each change that hints at one service of it being that service's."""
        hinted = [c for c in board.changes.values() if c.hint.service and not c.service_id]
        if not hinted:
            return board
        if self._services != board.services.keys():
            self._services = frozenset(board.services)
            self._index, self._placed = ServiceIndex(board.services.values()), {}
        return msgspec.structs.replace(board, changes={**board.changes, **dict(self._found(hinted))})

    def _found(self, hinted: Iterable[Change]) -> Iterable[tuple[str, Change]]:
        kept: dict[str, tuple[Change, Change]] = {}
        for change in hinted:
            known = self._placed.get(change.id)
            if known is None or known[0] is not change:
                service = self._index.find(change.hint)
                made = msgspec.structs.replace(change, service_id=service.id) if service is not None else change
                known = (change, made)
            kept[change.id] = known
            yield change.id, known[1]
        self._placed = kept
