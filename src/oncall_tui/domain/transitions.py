"""board, board → transitions: alerts, deploys and changes that came, moved on to another state, or went. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from oncall_tui.domain.alert import OURS, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.recorded_change import state_of


class Transition(msgspec.Struct, frozen=True, gc=False):
    """One row's state went from *old* (empty: it was not there) to *new*."""

    what: str  # "alert", "deploy" or "change"
    id: str
    old: str
    new: str
    title: str


def transitions(known: Mapping[str, str], board: Board) -> list[Transition]:
    """Return the differences between the states last *known* (row id → state) and *board*.

    An alert that is gone is resolved only where its source was read to the end: one that cannot be read, or whose first
    list still comes, has lost nothing. What of such a list is there already is told once the list is whole.
    """
    found = []
    coming = {name for name, source in board.sources.items() if source.coming}
    for alert in board.alerts.values():
        old = known.get(alert.id, "")
        if old != alert.state and alert.source not in coming:
            found.append(Transition("alert", alert.id, old, alert.state, alert.title))
    for deploy in board.deploys.values():
        old = known.get(deploy.id, "")
        if old != deploy.state:
            found.append(Transition("deploy", deploy.id, old, deploy.state, f"{deploy.service_id} {deploy.arrow}"))
    for change in board.changes.values():
        if (old := known.get(change.id, "")) != (new := state_of(change)):
            found.append(Transition("change", change.id, old, new, change.what))
    live = {name for name, source in board.sources.items() if source.whole}
    if all(s.read_at is not None and s.complete for s in board.sources.values() if s.provider != "ecs"):
        live.add(OURS)  # before that it is not known what is missing
    ended = (AlertState.RESOLVED, "")
    for row_id, state in known.items():
        if state in ended or row_id in board.alerts or row_id in board.deploys:
            continue
        if row_id.partition("/")[0] in live and state in _ALERT_STATES:
            found.append(Transition("alert", row_id, state, AlertState.RESOLVED, ""))
    return found


_ALERT_STATES = frozenset(AlertState)
