"""The whole record, searched: alerts' episodes, deploys, changes, and what engineers did, newest first. Reads the disk.

Never called on the screen's thread. The record is walked backwards in spans that grow, so that what is near is found at
once and a filter that matches little still ends. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from oncall_tui.domain.change import Change
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUp, follow_ups
from oncall_tui.domain.history import EpisodeMark, PastDeploy, PastEpisode
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.record import RecordEvent, RecordPage, RecordScope
from oncall_tui.domain.recorded_change import recorded
from oncall_tui.journal import Journal
from oncall_tui.reports.act_words import act_of
from oncall_tui.text.change_words import spread
from oncall_tui.text.history_words import going_back
from oncall_tui.text.time_format import span
from oncall_tui.triage.changes import told_once
from oncall_tui.triage.filters import parse

DAY_S = 86_400.0
FIRST_S, GROWS = 14 * DAY_S, 2.0
MOST = 2_000  # events of one page
ACTS = (
    EntryKind.INTENT,
    EntryKind.OUTCOME,
    EntryKind.REFUSED,
    EntryKind.SEEN,
    EntryKind.UNSEEN,
    EntryKind.NOTE,
    EntryKind.SHELL,
    EntryKind.MARK,
    EntryKind.FOLLOW_UP,
    EntryKind.INCIDENT,
)


class PastReader(Protocol):
    """The part of the history that is searched. Its calls read the disk and raise JournalError."""

    def episodes(
        self, since: float, until: float, *, alert: str = "", service: str = "", product: str = ""
    ) -> Sequence[PastEpisode]:
        """Return those that began from *since* to *until*, in seconds since the epoch, UTC."""

    def deploys(self, since: float, until: float, *, service: str = "", product: str = "") -> Sequence[PastDeploy]:
        """Return those that started from *since* to *until*, in seconds since the epoch, UTC."""

    def began(self) -> float | None:
        """Return when the oldest thing of the record was, in seconds since the epoch, UTC; None: it is empty."""


def search(
    past: PastReader,
    journal: Journal,
    scope: RecordScope,
    words: str,
    until: float,
    most: int = MOST,
    fires: Collection[str] = frozenset(),
) -> RecordPage:
    """Find the newest *most* events before *until* (seconds since the epoch, UTC) that match the filter *words*.

    *fires* are the keys of the alerts that are known to fire now.

    Raises OncallError for words that can match nothing, JournalError.
    """
    test = parse(words) if words.strip() else None
    first = past.began()
    known = follow_ups(journal.since(0.0, (EntryKind.FOLLOW_UP,)))
    found: list[RecordEvent] = []
    end, length = until, FIRST_S
    while first is not None and end > first and len(found) < most:
        begin = max(first, end - length)
        events = _span(past, journal, scope, known, begin, end, fires)
        found += [e for e in events if test is None or test(e.fields)]
        end, length = begin, length * GROWS
    last = most
    while 0 < last < len(found) and found[last].at == found[last - 1].at:
        last += 1  # the next page begins before that time: what has the same one belongs to this page
    whole = first is None or (end <= first and len(found) <= last)
    kept = found[:last]
    return RecordPage(tuple(kept), kept[-1].at if kept and not whole else min(end, until), until, whole)


def _span(
    past: PastReader,
    journal: Journal,
    scope: RecordScope,
    known: Mapping[str, FollowUp],
    begin: float,
    end: float,
    fires: Collection[str],
) -> list[RecordEvent]:
    """Return all of a span of time, newest first; its end belongs to the span after it."""
    titles: dict[str, str] = {}
    episodes = [e for e in _episodes(past, scope, begin, end) if begin <= e.began < end]
    titles |= {e.alert: e.title for e in episodes}  # with an alert's or a service's part: of its alerts alone
    deploys = [] if scope.kind == "alert" else past.deploys(begin, end, service=scope.service, product=scope.product)
    entries = [e for e in journal.since(begin, ACTS, until=end) if e.at < end]
    events = [
        *(_of_episode(e, e.ended is None and e.alert in fires) for e in episodes),
        *(_of_deploy(d) for d in deploys if begin <= d.started < end),
        *_of_entries(entries, scope, known, titles, deploys),
    ]
    if scope.kind != "alert":
        events += _of_changes(journal, scope, begin, end)
    return sorted(events, key=lambda e: (-e.at, e.id))


def _of_changes(journal: Journal, scope: RecordScope, begin: float, end: float) -> Iterable[RecordEvent]:
    """Return what else was changed of the scope, each at the time when it began: it was written up to a day later."""
    known = recorded(journal.since(begin, (EntryKind.CHANGE,), until=end + DAY_S))
    mine = (
        one.change
        for one in known.values()
        if (not scope.service or one.change.service_id == scope.service)
        and (not scope.product or scope.product in one.products)
    )
    for change in told_once(mine):
        one = known[change.id]
        if begin <= change.began < end:
            yield RecordEvent(
                id=f"change/{change.id}",
                at=change.began,
                kind="change",
                text=change.what,
                state=_how_long(change),
                by=change.by,
                service=change.service_id,
                product=", ".join(one.products),
                source=change.source,
            )


def _how_long(change: Change) -> str:
    if change.ended is None:
        return "under way, or its end is not known"
    if change.ended - change.began >= 1:
        return f"over after {span(change.ended - change.began)}"
    return spread(change.not_before, change.began)


def _episodes(past: PastReader, scope: RecordScope, begin: float, end: float) -> Iterable[PastEpisode]:
    for alert in scope.alerts if scope.kind == "alert" else ("",):
        yield from past.episodes(begin, end, alert=alert, service=scope.service, product=scope.product)


def _of_episode(e: PastEpisode, fires: bool) -> RecordEvent:
    goes_on = "still firing" if fires else "still firing, or its end is not known"
    lasted = goes_on if e.ended is None else f"for {span(e.ended - e.began)}"
    if e.ended is not None and not e.end_known:
        lasted = f"for at most {span(e.ended - e.began)}"
    words = [lasted, *([f"fired {e.firings}×"] if e.firings > 1 else [])]
    if e.acknowledged_at is not None:
        by = f" by {e.acknowledged_by}" if e.acknowledged_by else ""
        words.append(f"acknowledged{by} after {span(e.acknowledged_at - e.began)}")
    words += [str(e.mark)] if e.mark is not EpisodeMark.NONE else []
    return RecordEvent(
        id=e.id,
        at=e.began,
        kind="alert",
        text=e.title,
        state=", ".join(words),
        by=e.acknowledged_by,
        service=e.service,
        product=e.product,
        source=e.source,
        alert=e.alert,
        page=e.pages,
        imported=e.imported,
        fires=fires,
        episode=e,
    )


def _of_deploy(d: PastDeploy) -> RecordEvent:
    ended = "" if d.ended is None else f" after {span(d.ended - d.started)}"
    return RecordEvent(
        id=d.id,
        at=d.started,
        kind="deploy",
        text=f"{d.kind} {d.service.rpartition('/')[2]} {d.arrow}",
        state=f"{d.state}{ended}",
        by=d.by,
        service=d.service,
        product=d.product,
        source=d.service.partition("/")[0],
        imported=d.imported,
    )


# --- what engineers did -----------------------------------------------------------------------------------------------


def _of_entries(
    entries: Sequence[Entry],
    scope: RecordScope,
    known: Mapping[str, FollowUp],
    titles: Mapping[str, str],
    deploys: Iterable[PastDeploy],
) -> Iterable[RecordEvent]:
    names = {**titles}
    for deploy in deploys:
        names |= {deploy.id: f"{deploy.kind} {deploy.service} {deploy.arrow}", deploy.service: deploy.service}
    outcomes = {e.subject: e for e in entries if e.kind is EntryKind.OUTCOME}
    planned = {e.subject for e in entries if e.kind is EntryKind.INTENT}
    for entry in entries:
        if entry.kind is EntryKind.OUTCOME:
            if entry.subject in planned or outcomes[entry.subject] is not entry:
                continue
        elif entry.kind in (EntryKind.SEEN, EntryKind.UNSEEN, EntryKind.NOTE) and entry.data.get("plan") in planned:
            continue  # it is told as the action that it was
        event = _of_entry(entry, outcomes.get(entry.subject), names)
        if _in_scope(entry, event, scope, known, titles):
            yield event


def _of_entry(entry: Entry, outcome: Entry | None, titles: Mapping[str, str]) -> RecordEvent:
    data, kind = entry.data, entry.kind
    plan = found if isinstance(found := data.get("plan"), dict) else {}  # of a note it is the plan's id
    target = str(data.get("target") or plan.get("target") or entry.subject)
    text, state, what = entry.text, str(data.get("state", "")), "action"
    if kind is EntryKind.INTENT:
        state = str(outcome.data.get("state", "")) if outcome is not None else str(OutcomeState.UNKNOWN)
        note = dict(plan.get("lines", ())).get("note", "")
        said = f": {note}" if note else f": {outcome.text}" if outcome is not None and state != "done" else ""
        text = f"{going_back(entry.text)}{said}"
    elif kind in (EntryKind.OUTCOME, EntryKind.REFUSED):
        act = act_of(entry, titles)
        text = f"{act.what}: {act.why}"
    elif kind is EntryKind.MARK:
        what, state, target = "mark", str(data.get("mark", "")) or "no mark", str(data.get("alert", ""))
    elif kind is EntryKind.FOLLOW_UP:
        what, text = "follow-up", " · ".join(w for w in (str(data.get("title", "")), entry.text) if w)
        text += f" · owner {data['owner']}" if data.get("owner") else ""
    elif kind is EntryKind.INCIDENT:
        what, text = "incident", str(data.get("title", "")) or entry.text
    elif kind is EntryKind.NOTE:
        what = "note"
    elif kind in (EntryKind.SEEN, EntryKind.UNSEEN):
        text, state = entry.text or titles.get(target, target), str(kind)
    return RecordEvent(
        id=f"{entry.kind}/{entry.subject}/{entry.seq}",
        at=entry.at,
        kind=what,
        text=text or titles.get(target, target),
        state=state,
        by=entry.actor,
        service=_service(plan),
        source=str(plan.get("source", "")) or (target.partition("/")[0] if "/" in target else ""),
        alert=target,
    )


def _service(plan: Mapping[str, Any]) -> str:
    """Return the id of the service that a plan changes; empty: it changes none."""
    asked = plan.get("request", {})
    if not isinstance(asked, dict) or not asked.get("cluster") or not asked.get("service"):
        return ""
    return "/".join((str(plan.get("source", "")), str(asked["cluster"]), str(asked["service"])))


def _in_scope(
    entry: Entry, event: RecordEvent, scope: RecordScope, known: Mapping[str, FollowUp], keys: Collection[str]
) -> bool:
    """Tell whether it is about what is searched: its alerts (*keys* are those that fired then), or its services."""
    if scope.kind == "everything":
        return True
    alerts = {*scope.alerts, *scope.ids, *(() if scope.kind == "alert" else keys)}
    if entry.kind is EntryKind.FOLLOW_UP:
        of = known.get(entry.subject)
        return of is not None and bool({*of.alerts} & alerts)
    return event.alert in alerts or bool({event.service, event.alert} & {*scope.services})
