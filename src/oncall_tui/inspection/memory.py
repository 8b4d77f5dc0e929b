"""The readings that an alert's memory is made of: counts of many alerts by one query, and what was done about one.

Everything here reads the disk and raises JournalError. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import QUIET_S
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import EpisodeMark
from oncall_tui.domain.memory import AFTER_S, BEFORE_S, Occurrence, RememberedAct
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.journal import Journal

AT_ONCE = 500  # alerts in one query: SQLite takes 999 values, or more
Span = tuple[float, float, str]
"""An episode's begin, its end (its begin where that is not known), and the word on it."""
_KINDS = (EntryKind.INTENT, EntryKind.OUTCOME, EntryKind.SEEN)
_ABOUT = frozenset({Verb.NOTE, Verb.TELL, Verb.SHELL})  # these change nothing


class HistoryRows(Protocol):
    """The history, as far as counting needs it."""

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the history's tables. Raises JournalError."""


def spans(history: HistoryRows, since: float, wanted: Iterable[str] = ()) -> dict[str, list[Span]]:
    """Return the episodes that began after *since* (seconds since the epoch, UTC), by alert, oldest first: those of
    the alerts *wanted*, and of each other alert that has several, or a word on one. Of thousands of alerts few have.
    """
    select = "SELECT alert, began, coalesce(ended, began), mark FROM episode WHERE began > ?1 AND alert IN"
    told = "(SELECT alert FROM episode WHERE began > ?1 GROUP BY alert HAVING count(*) > 1 OR max(mark) <> '')"
    rows = history.rows(f"{select} {told} ORDER BY began", (since,))
    left = list({*wanted} - {alert for alert, *_ in rows})
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        rows += history.rows(f"{select} ({', '.join('?' * len(some))}) ORDER BY began", (since, *some))
    found: dict[str, list[Span]] = {}
    for alert, began, ended, mark in rows:
        found.setdefault(str(alert), []).append((float(began), float(ended), str(mark)))
    return found


def times(found: Sequence[Span]) -> tuple[int, EpisodeMark]:
    """Count the times that a problem came, of all its alerts' episodes, and return the word on the newest time."""
    count, until, mark = 0, 0.0, ""
    for began, ended, word in sorted(found):
        if not count or began - until > QUIET_S:
            count, until, mark = count + 1, 0.0, ""
        until, mark = max(until, ended), word or mark
    return count, EpisodeMark(mark)


def acts_on(journal: Journal, last: Occurrence, ids: Collection[str], service: str) -> tuple[RememberedAct, ...]:
    """Return what was done about one occurrence: to its alerts (*ids*), and what changed its *service* (an id)."""
    ids = {*ids, *(e.alert for e in last.episodes)}
    services = {service, *(e.service for e in last.episodes)} - {""}
    ends = max(e.began if e.ended is None else e.ended for e in last.episodes)
    entries = journal.since(last.began - BEFORE_S, _KINDS, until=ends + AFTER_S)
    outcomes = {e.subject: e for e in entries if e.kind is EntryKind.OUTCOME}
    planned = {e.subject for e in entries if e.kind is EntryKind.INTENT}
    found = []
    for entry in entries:
        if entry.kind is EntryKind.INTENT and _is_about(entry, ids, services):
            outcome = outcomes.get(entry.subject)
            state = str(outcome.data.get("state", "")) if outcome is not None else str(OutcomeState.UNKNOWN)
            found.append(RememberedAct(entry.at, entry.actor, entry.text, state))
        elif entry.kind is EntryKind.SEEN and entry.subject in ids and entry.data.get("plan") not in planned:
            found.append(RememberedAct(entry.at, entry.actor, "marked as seen", ""))
    return tuple(found)


def _is_about(entry: Entry, ids: Collection[str], services: Collection[str]) -> bool:
    plan = entry.data.get("plan", {})
    if plan.get("verb") in _ABOUT:
        return False
    if plan.get("target") in ids:
        return True
    asked = plan.get("request", {})
    place = "/".join((str(plan.get("source", "")), str(asked.get("cluster", "")), str(asked.get("service", ""))))
    return plan.get("verb") in FOLLOWED and (place in services or plan.get("target") in services)
