"""The facts that the record has of one incident, gathered for its write-up. Reads the disk: not on the UI thread.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import Protocol

from oncall_tui.domain.entry import Entry, EntryKind, written_at
from oncall_tui.domain.follow_up import FollowUp
from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.domain.incident import Incident
from oncall_tui.domain.memory import AFTER_S
from oncall_tui.errors import Refused
from oncall_tui.journal import Journal
from oncall_tui.journal.history import History
from oncall_tui.reports.postmortem import IncidentRecord, about

LOOK_BACK_S = 3600.0
AROUND_S = 1800.0  # before its first fact, and after its last: who watched, and what was done


class IncidentReader(Protocol):
    """The record, as far as a write-up needs it. Its calls read the disk and raise JournalError."""

    history: History

    def same_problem(self, keys: Iterable[str]) -> set[str]:
        """Return the ids and keys of all alerts that were ever one problem with these."""


def gathered(
    record: IncidentReader, journal: Journal, incident: Incident, follow_ups: tuple[FollowUp, ...], now: float
) -> IncidentRecord:
    """Gather it, as it is at *now* (seconds since the epoch, UTC). Raises Refused for an incident without anything,
    JournalError.
    """
    history = record.history
    episodes = [(i, history.episode(i)) for i in incident.episodes]
    deploys = [(i, history.deploy(i)) for i in incident.deploys]
    known_episodes = sorted((e for _, e in episodes if e is not None), key=lambda e: (e.began, e.id))
    known_deploys = sorted((d for _, d in deploys if d is not None), key=lambda d: (d.started, d.id))
    named_at = [written_at(i) for i in incident.entries]
    begins = [*(e.began for e in known_episodes), *(d.started for d in known_deploys), *named_at]
    if not begins:
        raise Refused(
            "nothing of this incident is in the record",
            f"`oncall-tui incident add {incident.id} --alert ALERT` adds an alert's newest episode",
        )
    since = min(begins) - AROUND_S
    until = min(now, max([*_ends(known_episodes, known_deploys, now), *named_at]) + AFTER_S)
    keys = {e.alert for e in known_episodes}
    ids = keys | record.same_problem(keys)
    alerts = _subjects(history, keys)
    services = {e.service for e in known_episodes} | {d.service for d in known_deploys}
    entries = journal.since(since, until=until)
    about_it = _about(entries, ids | set(alerts), services - {""}, {d.id for d in known_deploys}, incident.entries)
    products = {e.product for e in known_episodes} | {d.product for d in known_deploys}
    about_it = _with_changes(journal, about_it, min(begins) - LOOK_BACK_S, until, services - {""}, products - {""})
    lost = set(incident.entries) - {e.id for e in about_it}
    return IncidentRecord(
        incident=incident,
        now=now,
        since=since,
        until=until,
        episodes=tuple(known_episodes),
        deploys=tuple(known_deploys),
        entries=about_it,
        alerts=alerts,
        missing=(*(i for i, found in (*episodes, *deploys) if found is None), *sorted(lost)),
        follow_ups=about(follow_ups, ids),
        watched=tuple(history.watched(since, until, now)),
        unread=tuple(sorted({str(n) for e in entries if e.kind is EntryKind.WATCH for n in e.data.get("unread", ())})),
    )


def _with_changes(
    journal: Journal,
    entries: tuple[Entry, ...],
    since: float,
    until: float,
    services: Collection[str],
    products: Set[str],
) -> tuple[Entry, ...]:
    """Return *entries* with what else was changed of these services and products, oldest first: from so long before
    the incident on as a change may be suspect of it. What was only an effect is left out.
    """
    known = {e.id for e in entries}
    told = journal.since(since, (EntryKind.CHANGE,), until=until)
    data = ((e, e.data) for e in told if e.id not in known and not e.data.get("effect"))
    more = [e for e, d in data if d.get("service") in services or not products.isdisjoint(d.get("products", ()))]
    return tuple(sorted((*entries, *more), key=lambda e: e.at)) if more else entries


def _ends(episodes: Iterable[PastEpisode], deploys: Iterable[PastDeploy], now: float) -> list[float]:
    """Return when each was over; what is not over goes on until now."""
    return [now if end is None else end for end in (*(e.ended for e in episodes), *(d.ended for d in deploys))]


def _subjects(history: History, keys: Collection[str]) -> dict[str, str]:
    """Return the key of each id that these alerts ever had: a pager's incidents have a new one each time."""
    query = "SELECT DISTINCT subject, alert FROM firing WHERE alert = ? AND told = 0"
    return {str(subject): str(alert) for key in keys for subject, alert in history.rows(query, (key,))}


def _about(
    entries: Iterable[Entry],
    alerts: Collection[str],
    services: Collection[str],
    deploys: Collection[str],
    named: Collection[str],
) -> tuple[Entry, ...]:
    """Return the entries about these, oldest first, and those that are *named*."""
    entries = tuple(entries)
    targets = {*alerts, *services, *deploys}
    plans = {e.subject for e in entries if e.kind is EntryKind.INTENT and _acts_on(e, targets)}
    return tuple(e for e in entries if e.id in named or _concerns(e, alerts, services, deploys, targets, plans))


def _concerns(
    entry: Entry,
    alerts: Collection[str],
    services: Collection[str],
    deploys: Collection[str],
    targets: Collection[str],
    plans: Collection[str],
) -> bool:
    match entry.kind:
        case EntryKind.INTENT | EntryKind.OUTCOME | EntryKind.REFUSED:
            return entry.subject in plans or entry.data.get("target") in targets or entry.subject in targets
        case EntryKind.ALERT:
            return entry.subject in alerts or entry.data.get("key") in alerts
        case EntryKind.DEPLOY:
            return entry.subject in deploys
        case EntryKind.TOLD_EPISODE:
            return entry.data.get("alert") in alerts
        case EntryKind.TOLD_DEPLOY:
            return entry.data.get("id") in deploys
        case EntryKind.NOTE | EntryKind.SEEN | EntryKind.UNSEEN:
            return entry.subject in alerts
        case EntryKind.SHELL:
            return any(entry.subject == s or entry.subject.startswith(f"{s}/") for s in services)
    return False


def _acts_on(entry: Entry, targets: Collection[str]) -> bool:
    plan = entry.data.get("plan", {})
    asked = plan.get("request") or {}
    place = "/".join((str(plan.get("source", "")), str(asked.get("cluster", "")), str(asked.get("service", ""))))
    return plan.get("target") in targets or place in targets
