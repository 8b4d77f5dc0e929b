"""Rows by number: each is sent once, and a board has the very same object for as long as it does not change. Pure.

The board is built anew only where a row is another object, and memory holds one of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import Service
from oncall_tui.polling.status import PollState
from oncall_tui.sharing.messages import ROWS_A_MESSAGE, Rows, SourceTold

Row = Alert | Service | Deploy | Change
Order = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class RowsToTell:
    """The recorder's side, for one source and one board: which rows that board has, by number."""

    def __init__(self) -> None:
        self._next = 0
        self._rows: dict[int, tuple[int, Row]] = {}  # id(row) → its number, and the row, so that its id stays its own
        self._order: Order | None = None

    def messages(self, state: PollState) -> Iterator[Rows | SourceTold]:
        """Yield what the board lacks of this state: rows in messages of a bounded size, then how the source is."""
        reading = state.reading
        if reading is None:
            yield SourceTold(state)
            return
        kept: dict[int, tuple[int, Row]] = {}
        order = []
        new: dict[str, list[tuple[int, Any]]] = {}
        rows: tuple[Row, ...]
        for kind in ("alerts", "services", "deploys", "changes"):
            rows = getattr(reading, kind)
            numbers = []
            for row in rows:
                known = self._rows.get(id(row)) or kept.get(id(row))
                if known is None:
                    self._next += 1
                    known = (self._next, row)
                    new.setdefault(kind, []).append(known)
                kept[id(row)] = known
                numbers.append(known[0])
            order.append(tuple(numbers))
        self._rows = kept
        for kind, found in new.items():
            for start in range(0, len(found), ROWS_A_MESSAGE):
                yield Rows(state.name, **{kind: tuple(found[start : start + ROWS_A_MESSAGE])})
        alerts, services, deploys, changes = order
        now: Order = (alerts, services, deploys, changes)
        bare = msgspec.structs.replace(reading, alerts=(), services=(), deploys=(), changes=())
        same, self._order = now == self._order, now
        yield SourceTold(msgspec.structs.replace(state, reading=bare), None if same else now)


class UnknownRow(Exception):
    """The number of a row that was never sent: the two sides have lost each other."""


R = TypeVar("R", Alert, Service, Deploy)
P = TypeVar("P", Alert, Service, Deploy, Change)


class RowsTold:
    """The board's side, for one source. *before*: the rows that it shows, to be kept where they are told the same."""

    def __init__(self, before: Reading | None, read_only: bool) -> None:
        self._alerts: dict[int, Alert] = {}
        self._services: dict[int, Service] = {}
        self._deploys: dict[int, Deploy] = {}
        self._changes: dict[int, Change] = {}
        self._read_only = read_only
        self._before: dict[str, Row] = {}
        if before is not None:
            self._before.update((row.id, row) for row in before.alerts)
            self._before.update((row.id, row) for row in before.services)
            self._before.update((row.id, row) for row in before.deploys)
            self._before.update((row.id, row) for row in before.changes)
        self._last: Reading | None = None

    def take(self, rows: Rows) -> None:
        """Keep rows that are new."""
        self._alerts.update((n, self._same(row)) for n, row in rows.alerts)
        self._services.update((n, self._same(row)) for n, row in rows.services)
        self._deploys.update((n, self._same(row)) for n, row in rows.deploys)
        self._changes.update((n, self._known(row)) for n, row in rows.changes)

    def state(self, told: SourceTold) -> PollState:
        """Return the poller's state with its rows. Raises UnknownRow."""
        bare = told.state.reading
        if bare is None:
            return told.state
        if told.rows is not None:
            alerts, services, deploys, changes = told.rows
            self._alerts = _picked(self._alerts, alerts)
            self._services = _picked(self._services, services)
            self._deploys = _picked(self._deploys, deploys)
            self._changes = _picked(self._changes, changes)
            self._before = {}
        elif self._last is None:
            raise UnknownRow(told.state.name)
        last = self._last
        reading = msgspec.structs.replace(
            bare,
            alerts=last.alerts if told.rows is None and last else tuple(self._alerts.values()),
            services=last.services if told.rows is None and last else tuple(self._services.values()),
            deploys=last.deploys if told.rows is None and last else tuple(self._deploys.values()),
            changes=last.changes if told.rows is None and last else tuple(self._changes.values()),
        )
        self._last = reading
        return msgspec.structs.replace(told.state, reading=reading)

    def _same(self, row: R) -> R:
        """Return the row, or the one that is shown where they are equal; without verbs where nothing may be written."""
        if self._read_only and row.verbs:
            row = msgspec.structs.replace(row, verbs=frozenset())
        return self._known(row)

    def _known(self, row: P) -> P:
        """Return the row, or the one that is shown where they are equal."""
        before = self._before.get(row.id)
        return before if isinstance(before, type(row)) and before == row else row


def _picked(rows: Mapping[int, P], numbers: Iterable[int]) -> dict[int, P]:
    try:
        return {number: rows[number] for number in numbers}
    except KeyError as error:
        raise UnknownRow(str(error)) from None
