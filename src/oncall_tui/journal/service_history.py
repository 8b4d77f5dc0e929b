"""The journal's history of one service, for a plan: the starts of its alerts, and its rollbacks from here."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.remembered import AlertStart, PastRollback, ServiceHistory
from oncall_tui.errors import JournalError
from oncall_tui.journal import Journal

ENTRIES = 5_000
SAME_ALERT_S = 60.0


def read_service_history(journal: Journal, service_id: str, on_board: Iterable[AlertStart]) -> ServiceHistory:
    """The service's alerts on the board and in the journal, and the rollbacks of it that were sent. Reads the disk.

    A journal that cannot be read has nothing to tell: the plan is then made from what AWS tells alone.
    """
    try:
        entries = journal.recent(ENTRIES, (EntryKind.ALERT, EntryKind.INTENT))
    except JournalError:
        entries = []
    alerts = list(on_board)
    rollbacks = []
    for entry in reversed(entries):
        if entry.kind is EntryKind.ALERT:
            began = _began(entry, service_id)
            if began is not None and not any(_same(began, a) for a in alerts):
                alerts.append(began)
        elif (sent := _rolled_back(entry, service_id)) is not None:
            rollbacks.append(sent)
    return ServiceHistory(alerts=tuple(sorted(alerts, key=lambda a: -a.at)), rollbacks=tuple(rollbacks))


def _began(entry: Entry, service_id: str) -> AlertStart | None:
    if entry.data.get("service") != service_id or entry.data.get("new") != "firing":
        return None
    return AlertStart(float(entry.data.get("began") or entry.at), entry.text)


def _same(one: AlertStart, other: AlertStart) -> bool:
    return one.title == other.title and abs(one.at - other.at) < SAME_ALERT_S


def _rolled_back(entry: Entry, service_id: str) -> PastRollback | None:
    plan = entry.data.get("plan", {})
    asked = plan.get("request", {})
    place = "/".join((str(plan.get("source", "")), str(asked.get("cluster", "")), str(asked.get("service", ""))))
    if plan.get("verb") != Verb.ROLL_BACK or place != service_id:
        return None
    return PastRollback(entry.at, str(asked.get("from", "")), str(asked.get("to", "")), entry.actor)
