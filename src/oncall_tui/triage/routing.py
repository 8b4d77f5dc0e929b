"""Routes a verb on an alert's row: to the pager's incident first, which alone stops an escalation."""

from __future__ import annotations

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedAlert


def route_verb(row: TriagedAlert, board: Board, verb: Verb) -> tuple[str, Alert] | None:
    """Return the alert that *verb* on this row goes to, with its words; None where nothing can do it.

    An alert that is joined to a pager's incident is acknowledged and escalated there, never silenced away.
    """
    if row.alert.state is AlertState.RESOLVED:
        return None
    incident = board.alerts.get(row.incident) if row.incident else None
    for alert in (incident, *row.members):
        if alert is not None and verb in alert.verbs:
            joined = alert is incident
            if not joined and incident is not None and verb is Verb.ACKNOWLEDGE:
                return None  # the incident has it already: a silence here would only hide that
            return (f"{alert.source}: {alert.title}", alert)
    return None


def route_all(row: TriagedAlert, board: Board, verb: Verb) -> tuple[Alert, ...]:
    """Return every alert that *verb* on this row goes to, the one of ``route_verb`` first; empty where none can do it.

    One alert key on two of a pager's services opens two incidents, each of which escalates to somebody else: whoever
    acknowledges the problem has both.
    """
    first = route_verb(row, board, verb)
    if first is None:
        return ()
    if verb is not Verb.ACKNOWLEDGE or first[1].provider not in PAGER_PROVIDERS:
        return (first[1],)
    more = (m for m in row.members if m.provider in PAGER_PROVIDERS and m.id != first[1].id and verb in m.verbs)
    return (first[1], *more)
