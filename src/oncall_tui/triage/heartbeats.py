"""Dead man's switches: alerts that have to fire always. While they do they are hidden; their absence
is an alert of ours.

Absent is said only of what could be read: a source that is down says so itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import msgspec

from oncall_tui.domain.alert import OURS, Alert, AlertState, Severity
from oncall_tui.domain.board import Board
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.ranking import PageRule, matches

GRACE_S = 120.0  # an Alertmanager that restarts has no alerts for about a minute
_MEANT = "a heartbeat, which should always fire (expected:)"


class Heartbeats:
    """Keeps since when each rule's alert is missing, and where it was last seen."""

    def __init__(self, rules: Sequence[PageRule]) -> None:
        self._rules = tuple(rules)
        self._missing: dict[
            str, tuple[float, float]
        ] = {}  # rule → since when, for people and on the board's steady clock
        self._seen: dict[str, frozenset[str]] = {}  # rule → the sources that had it last
        self._marked: dict[str, tuple[Alert, Alert]] = {}
        self._due: float | None = None

    def due(self, board: Board) -> bool:
        """Return whether a heartbeat is missing long enough to report now, though nothing on the board moved."""
        return self._due is not None and _steady(board) >= self._due

    def fill(self, board: Board) -> Board:
        """*board* with its expected alerts hidden, and an alert for each that is not there."""
        if not self._rules:
            return board
        self._due = None
        alerts = dict(board.alerts)
        for rule in self._rules:
            name = ", ".join(f"{k}={v}" for k, v in rule.items())
            found = [a for a in board.alerts.values() if _may_be(a, rule) and matches(a, rule)]
            for alert in found:
                alerts[alert.id] = self._hidden(alert)
            if found:
                self._seen[name] = frozenset(a.source for a in found)
                self._missing.pop(name, None)
            elif (absent := self._absent(name, rule, board)) is not None:
                alerts[absent.id] = absent
        return msgspec.structs.replace(board, alerts=MappingProxyType(alerts))

    def _hidden(self, alert: Alert) -> Alert:
        known = self._marked.get(alert.id)
        if known is None or known[0] is not alert:
            known = self._marked[alert.id] = (alert, msgspec.structs.replace(alert, hidden=_MEANT))
        return known[1]

    def _absent(self, name: str, rule: PageRule, board: Board) -> Alert | None:
        """Return the alert for a missing heartbeat; None while that cannot be said."""
        where = self._seen.get(name) or self._where(rule, board)
        unread = [s for s in where if s not in board.sources or not board.sources[s].whole]
        if unread and name not in self._missing:
            return None
        now = _steady(board)
        since, missed = self._missing.setdefault(name, (board.at, now))
        if name in self._seen and now - missed < GRACE_S:
            self._due = min(missed + GRACE_S, self._due or missed + GRACE_S)
            return None
        title = rule.get("alertname") or name
        lost = f"; {', '.join(sorted(unread))} cannot be read now" if unread else ""
        absent = Alert(
            id=f"{OURS}/{name}",
            source=OURS,
            provider=OURS,
            native_id=name,
            state=AlertState.UNKNOWN if unread else AlertState.FIRING,
            severity=Severity.CRITICAL,
            title=f"{title} does not fire: alerts may not get through",
            began=since,
            labels=tuple(rule.items()),
            annotations=(
                ("description", f"This heartbeat should always fire ({name}), and {_who(where)} it{lost}."),
                ("todo", "check that Prometheus runs, evaluates its rules and reaches its Alertmanager"),
            ),
        )
        known = self._marked.get(absent.id)
        if known is None or known[0] != absent:  # the same object while nothing of it moved
            self._marked[absent.id] = known = (absent, absent)
        return known[1]

    def _where(self, rule: PageRule, board: Board) -> frozenset[str]:
        """Return the sources of a heartbeat never seen: the rule's own source, else every source of alerts."""
        if "source" in rule:
            return frozenset({rule["source"]})
        return frozenset(n for n, s in board.sources.items() if s.provider != "ecs") or frozenset({"no source"})


def _steady(board: Board) -> float:
    """Return the board's time for measuring: the wall clock may be set at any moment."""
    return board.due or board.at


def _may_be(alert: Alert, rule: PageRule) -> bool:
    """Return whether the alert may be the heartbeat. A pager's incident is not, unless the rule names the pager."""
    named = "source" in rule or "provider" in rule
    return alert.state is not AlertState.RESOLVED and (named or alert.provider not in PAGER_PROVIDERS)


def _who(where: frozenset[str]) -> str:
    names = ", ".join(sorted(where))
    return f"{names} does not have" if len(where) == 1 else f"none of {names} has"
