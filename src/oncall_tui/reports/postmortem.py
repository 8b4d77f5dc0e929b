"""A postmortem's facts: all that the record has of an incident, each with a link to the entry that says it. Pure.

Causes and lessons are people's: nothing here guesses them. What is not known is None, never zero.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUp, ordered
from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.domain.incident import Incident
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.recorded_change import recorded
from oncall_tui.reports.act_words import act_of, target_names
from oncall_tui.text.change_words import dated
from oncall_tui.text.history_words import going_back

SAME_S = 1.0  # two readings of one firing may differ in their fraction of a second
GAP_S = 1.0  # a shorter time in which nobody watched is none
_HAD = (AlertState.ACKNOWLEDGED, AlertState.SEEN)


class IncidentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that the record has of *incident*, from *since* to *until* (seconds since the epoch, UTC), read at *now*.

    *entries* are those about its alerts, its deploys and what was done, oldest first, and those that it names.
    *alerts* is the key of each subject of an alert's entry. *missing* are ids that it names and the record has no more.
    *watched*: from when to when somebody watched. *unread*: the sources that could not be read for a part of it.
    """

    incident: Incident
    now: float
    since: float
    until: float
    episodes: tuple[PastEpisode, ...] = ()
    deploys: tuple[PastDeploy, ...] = ()
    entries: tuple[Entry, ...] = ()
    alerts: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    watched: tuple[tuple[float, float], ...] = ()
    unread: tuple[str, ...] = ()


class TimelineFact(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline: *at* in seconds since the epoch, UTC; *link* is the id of the journal's entry that
    says it, or, where the journal has that no more, of the episode or deploy in the history.
    """

    at: float
    event: str
    link: str
    source: str = ""


class IncidentDuration(msgspec.Struct, frozen=True, kw_only=True):
    """*seconds* from one fact to another, which *words* name; None: not known, and *words* say why.

    *at_most*: nobody saw when it ended, it was before that.
    """

    seconds: float | None
    words: str
    at_most: bool = False


class Postmortem(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a write-up. *gaps*: when nobody watched, from *since* to *until* (seconds since the epoch, UTC)."""

    record: IncidentRecord
    began: float | None  # seconds since the epoch, UTC: its first alert's; None: it has no episode
    ended: float | None  # its last alert's end
    timeline: tuple[TimelineFact, ...]
    detect: IncidentDuration
    acknowledge: IncidentDuration
    mitigate: IncidentDuration
    resolve: IncidentDuration
    detection: tuple[TimelineFact, ...]
    trigger: tuple[TimelineFact, ...]
    resolution: tuple[TimelineFact, ...]
    gaps: tuple[tuple[float, float], ...]
    linked: tuple[Entry, ...]  # the entries that the timeline links to, oldest first

    @property
    def services(self) -> tuple[str, ...]:
        """Return the ids of its services, in the order of the alphabet."""
        found = {e.service for e in self.record.episodes} | {d.service for d in self.record.deploys}
        return tuple(sorted(found - {""}))

    @property
    def products(self) -> tuple[str, ...]:
        """Return its products, in the order of the alphabet."""
        found = {e.product for e in self.record.episodes} | {d.product for d in self.record.deploys}
        return tuple(sorted(found - {""}))


def postmortem(record: IncidentRecord) -> Postmortem:
    """Make the facts of a write-up out of what the record has."""
    episodes = sorted(record.episodes, key=lambda e: (e.began, e.id))
    first = episodes[0] if episodes else None
    links = _Links(record)
    of_episodes = [_of_episode(e, links) for e in episodes]
    of_deploys = {d.id: _of_deploy(d, links) for d in record.deploys}
    acts = _acts(record)
    changes = _changes(record)
    timeline = [fact for facts in (*of_episodes, *of_deploys.values(), changes, acts) for fact in facts]
    timeline.sort(key=lambda fact: (fact.at, fact.event))
    before = [d for d in record.deploys if first is not None and d.started <= first.began and not d.rolls_back]
    trigger = max(before, key=lambda d: d.started, default=None)
    mended = _mended(record, first)
    named = {fact.link for fact in timeline}
    return Postmortem(
        record=record,
        began=first.began if first else None,
        ended=_ended(episodes),
        timeline=tuple(timeline),
        detect=_detect(trigger, first),
        acknowledge=_acknowledge(episodes),
        mitigate=_mitigate(mended, first),
        resolve=_resolve(episodes),
        detection=tuple(of_episodes[0][:1]) if of_episodes else (),
        trigger=tuple(of_deploys[trigger.id][:1]) if trigger else (),
        resolution=_resolution(record, mended, of_episodes, of_deploys),
        gaps=_gaps(record),
        linked=tuple(e for e in record.entries if e.id in named),
    )


# --- links ------------------------------------------------------------------------------------------------------------


class _Links:
    """Finds the entry that says a fact of the history."""

    def __init__(self, record: IncidentRecord) -> None:
        self._alerts: dict[str, list[Entry]] = {}
        self._deploys: dict[str, list[Entry]] = {}
        for entry in record.entries:
            if entry.kind is EntryKind.ALERT:
                key = str(entry.data.get("key") or record.alerts.get(entry.subject) or entry.subject)
                self._alerts.setdefault(key, []).append(entry)
            elif entry.kind is EntryKind.TOLD_EPISODE:
                self._alerts.setdefault(str(entry.data.get("alert")), []).append(entry)
            elif entry.kind is EntryKind.DEPLOY:
                self._deploys.setdefault(entry.subject, []).append(entry)
            elif entry.kind is EntryKind.TOLD_DEPLOY:
                self._deploys.setdefault(str(entry.data.get("id")), []).append(entry)

    def episode(self, of: PastEpisode, *states: AlertState, last: bool = False) -> str:
        """Return the first (or last) entry within the episode of one of these states; what a source told says all."""
        until = float("inf") if of.ended is None else of.ended
        found, told = [], []
        for entry in self._alerts.get(of.alert, ()):
            if entry.kind is EntryKind.TOLD_EPISODE:
                told += [entry] if of.began - SAME_S <= entry.at <= until else []
                continue
            at = float(entry.data.get("ended") or entry.data.get("began") or entry.at)
            found += [entry] if entry.data.get("new") in states and of.began - SAME_S <= at <= until + SAME_S else []
        chosen = (found or told)[-1 if last else 0 :][:1]
        return chosen[0].id if chosen else of.id

    def deploy(self, of: PastDeploy, state: str = "") -> str:
        """Return the first entry about the deploy, or the first of that state; what a source told says all."""
        entries = self._deploys.get(of.id, ())
        found = [e for e in entries if e.kind is EntryKind.DEPLOY and state in ("", e.data.get("new"))]
        told = [e for e in entries if e.kind is EntryKind.TOLD_DEPLOY]
        return next((e.id for e in (*found, *told)), of.id)


_FIRES = tuple(state for state in AlertState if state is not AlertState.RESOLVED)


def _of_episode(e: PastEpisode, links: _Links) -> list[TimelineFact]:
    page, times = "PAGE " if e.pages else "", f" ({e.firings} firings)" if e.firings > 1 else ""
    facts = [TimelineFact(at=e.began, event=f"{page}{e.title} fires", link=links.episode(e, *_FIRES), source=e.source)]
    if e.acknowledged_at is not None:
        by, link = f" by {e.acknowledged_by}" if e.acknowledged_by else "", links.episode(e, *_HAD)
        facts.append(
            TimelineFact(at=e.acknowledged_at, event=f"{e.title} acknowledged{by}", link=link, source=e.source)
        )
    if e.ended is not None:
        over = "is over" if e.end_known else "is over by now (nobody watched when it ended)"
        link = links.episode(e, AlertState.RESOLVED, last=True)
        facts.append(TimelineFact(at=e.ended, event=f"{e.title} {over}{times}", link=link, source=e.source))
    return facts


def _of_deploy(d: PastDeploy, links: _Links) -> list[TimelineFact]:
    what, by, source = f"{d.kind} {d.service} {d.arrow}", f" by {d.by}" if d.by else "", d.service.partition("/")[0]
    facts = [TimelineFact(at=d.started, event=f"{what}{by} starts", link=links.deploy(d), source=source)]
    if d.ended is not None:
        link = links.deploy(d, d.state)
        facts.append(TimelineFact(at=d.ended, event=f"{what}: {d.state}", link=link, source=source))
    return facts


def _changes(record: IncidentRecord) -> list[TimelineFact]:
    """Return what else was changed, and when that was over where it took a while."""
    links = {e.subject: e.id for e in record.entries if e.kind is EntryKind.CHANGE}
    facts = []
    for change_id, one in recorded(record.entries).items():
        change, link = one.change, links[change_id]
        facts.append(TimelineFact(at=change.began, event=dated(change), link=link, source=change.source))
        if change.ended is not None and change.ended - change.began >= GAP_S:
            facts.append(TimelineFact(at=change.ended, event=f"{change.what} is over", link=link, source=change.source))
    return facts


# --- what was done ----------------------------------------------------------------------------------------------------


def _acts(record: IncidentRecord) -> list[TimelineFact]:
    """Return the actions and what came of them, notes and marks as seen, and what else the incident names."""
    planned = {e.subject: e for e in record.entries if e.kind is EntryKind.INTENT}
    titles = target_names(record.entries)
    titles |= {e.alert: e.title for e in record.episodes}
    for deploy in record.deploys:
        titles |= {deploy.id: f"{deploy.kind} {deploy.service} {deploy.arrow}", deploy.service: deploy.service}
    facts = []
    for entry in record.entries:
        words = _act(entry, planned, titles)
        if not words and entry.kind is not EntryKind.CHANGE and entry.id in record.incident.entries:
            words = f"{entry.kind}: {entry.text or entry.subject}"
        if words:
            event = f"{entry.actor}: {words}" if entry.actor else words
            facts.append(TimelineFact(at=entry.at, event=event, link=entry.id, source="journal"))
    return facts


def _act(entry: Entry, planned: Mapping[str, Entry], titles: Mapping[str, str]) -> str:
    data = entry.data
    match entry.kind:
        case EntryKind.INTENT:
            note = dict(data.get("plan", {}).get("lines", ())).get("note", "")
            return f"{going_back(entry.text)}{f': {note}' if note else ''}"
        case EntryKind.OUTCOME:
            if data.get("state") == OutcomeState.PENDING:
                return ""
            intent = planned.get(entry.subject)
            what = going_back(intent.text) if intent else act_of(entry, titles).what
            return f"{what}: {data.get('state', '')}{f': {entry.text}' if entry.text else ''}"
        case EntryKind.REFUSED:
            act = act_of(entry, titles)
            return f"{act.what}: {act.state}: {act.why}"
        case EntryKind.NOTE | EntryKind.SEEN | EntryKind.UNSEEN:
            if data.get("plan") in planned:
                return ""  # it is told as the action that it was
            title = titles.get(entry.subject, entry.subject)
            return f"note on {title}: {entry.text}" if entry.kind is EntryKind.NOTE else f"{entry.kind}: {title}"
        case EntryKind.SHELL:
            return f"shell: {entry.subject}{f': {entry.text}' if entry.text else ''}"
    return ""


# --- durations --------------------------------------------------------------------------------------------------------


def _detect(trigger: PastDeploy | None, first: PastEpisode | None) -> IncidentDuration:
    if first is None:
        return IncidentDuration(seconds=None, words="the incident has no alert")
    if trigger is None:
        return IncidentDuration(seconds=None, words="the incident names no deploy that started before its first alert")
    words = f"from the start of {trigger.kind} {trigger.service} {trigger.arrow} to the first alert"
    return IncidentDuration(seconds=first.began - trigger.started, words=words)


def _acknowledge(episodes: list[PastEpisode]) -> IncidentDuration:
    had = [(e.acknowledged_at, e) for e in episodes if e.acknowledged_at is not None]
    if not had:
        return IncidentDuration(seconds=None, words="nobody acknowledged, or it is not in the record")
    at, first = min(had, key=lambda one: one[0])
    by = f" by {first.acknowledged_by}" if first.acknowledged_by else ""
    seconds = max(0.0, at - episodes[0].began)
    return IncidentDuration(seconds=seconds, words=f"from the first alert to the first acknowledgement{by}")


def _mended(record: IncidentRecord, first: PastEpisode | None) -> PastDeploy | None:
    """Return the failed deploy of the incident that was made good first, once its first alert fired."""
    since = first.began if first is not None else 0.0
    made_good = [(d.remedied, d) for d in record.deploys if d.remedied is not None and d.remedied >= since]
    return min(made_good, key=lambda one: one[0])[1] if made_good else None


def _mitigate(mended: PastDeploy | None, first: PastEpisode | None) -> IncidentDuration:
    if mended is None or mended.remedied is None or first is None:
        return IncidentDuration(seconds=None, words="the record has no deploy of the incident that was made good")
    words = f"from the first alert until {mended.kind} {mended.service} {mended.arrow} was made good"
    return IncidentDuration(seconds=mended.remedied - first.began, words=words)


def _ended(episodes: list[PastEpisode]) -> float | None:
    ends = [e.ended for e in episodes if e.ended is not None]
    return max(ends) if ends and len(ends) == len(episodes) else None


def _resolve(episodes: list[PastEpisode]) -> IncidentDuration:
    ended = _ended(episodes)
    if not episodes:
        return IncidentDuration(seconds=None, words="the incident has no alert")
    if ended is None:
        return IncidentDuration(seconds=None, words="an alert of it still fires, or its end is not known")
    last = max(episodes, key=lambda e: e.ended or 0.0)
    words = "from the first alert to the end of the last one"
    return IncidentDuration(seconds=ended - episodes[0].began, words=words, at_most=not last.end_known)


def _resolution(
    record: IncidentRecord,
    mended: PastDeploy | None,
    of_episodes: Iterable[list[TimelineFact]],
    of_deploys: Mapping[str, list[TimelineFact]],
) -> tuple[TimelineFact, ...]:
    """Return the rollbacks, the end of what was made good, and the end of the last alert, oldest first."""
    backs = [fact for d in record.deploys if d.rolls_back for fact in of_deploys[d.id]]
    good = of_deploys[mended.id][1:] if mended is not None else []
    ends = [facts[-1] for facts in of_episodes if len(facts) > 1]
    last = [max(ends, key=lambda fact: fact.at)] if _ended(list(record.episodes)) is not None else []
    return tuple(sorted((*backs, *good, *last), key=lambda fact: fact.at))


def _gaps(record: IncidentRecord) -> tuple[tuple[float, float], ...]:
    """Return from when to when nobody watched."""
    gaps, at = [], record.since
    for begin, end in sorted(record.watched):
        if begin - at > GAP_S:
            gaps.append((at, begin))
        at = max(at, end)
    if record.until - at > GAP_S:
        gaps.append((at, record.until))
    return tuple(gaps)


def about(follow_ups: Iterable[FollowUp], alerts: Iterable[str]) -> tuple[FollowUp, ...]:
    """Return the follow-ups of these alerts (keys), the open ones first."""
    keys = {*alerts}
    return ordered(f for f in follow_ups if keys & {*f.alerts})
