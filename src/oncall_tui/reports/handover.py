"""The handover from one engineer to the next: what fired, what was done and by whom, what is open, what was deployed.

Pure: from the journal's entries of the window and the triaged board now. The journal knows what this program saw
while a board was open or a recorder ran, so when that was is part of it: a gap is never quiet. Times are seconds since
the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.change import AUTOSCALING, ChangeKind
from oncall_tui.domain.comparison import Comparison, compare_deploy
from oncall_tui.domain.deploy import Deploy, DeployRollback
from oncall_tui.domain.entry import RECORDER, WATCH_GAP_S, Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUp, ordered
from oncall_tui.domain.incident import Incident, newest_first
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.recorded_change import RecordedChange, recorded
from oncall_tui.domain.revision import version_arrow
from oncall_tui.reports.act_words import act_of, target_names
from oncall_tui.runtime.decoding import convert
from oncall_tui.text.history_words import going_back, noun
from oncall_tui.text.time_format import configured_zone
from oncall_tui.triage.changes import most_known, told_together
from oncall_tui.triage.counts import nothing_read
from oncall_tui.triage.episodes import key_of
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.ranking import ATTENTION
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard

KINDS = (
    EntryKind.ALERT,
    EntryKind.DEPLOY,
    EntryKind.CHANGE,
    EntryKind.INTENT,
    EntryKind.OUTCOME,
    EntryKind.REFUSED,
    EntryKind.SEEN,
    EntryKind.NOTE,
    EntryKind.SHELL,
    EntryKind.WATCH,
    EntryKind.MARK,
)
GAP_S = WATCH_GAP_S


class FiredGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One problem that fired in the window. Times are seconds since the epoch; *ended* is None while it goes on."""

    title: str
    pages: bool
    first: float
    last: float
    times: int = 1
    ended: float | None = None
    service: str = ""
    product: str = ""
    mark: str = ""  # an engineer's word on it: actionable or noise
    marked_by: str = ""


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One problem that is on the board now. *since* is when it began, *by_at* when *by* acknowledged or silenced it.

    *assigned*: whom its pager notifies, in words, and when it escalates. *known_now*: its source is read now.
    """

    title: str
    pages: bool
    state: str
    since: float
    by: str = ""
    by_at: float | None = None
    assigned: str = ""
    until: float | None = None
    comment: str = ""
    service: str = ""
    suspicion: str = ""
    known_now: bool = True


class HandoverAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action, and what came of it; also what was refused or failed."""

    at: float
    by: str
    what: str
    state: str = ""
    message: str = ""
    times: int = 1  # the same refusal is one

    @property
    def loud(self) -> bool:
        """Tell whether somebody has to look at it again."""
        return self.state in (OutcomeState.UNKNOWN, OutcomeState.PENDING, OutcomeState.FAILED)


class HandoverDeploy(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy of the window."""

    at: float
    service: str
    arrow: str
    state: str
    by: str = ""
    kind: str = "deploy"
    rolled_back: DeployRollback | None = None
    failed_tasks: int = 0
    versions: str = ""  # v1.8.3→v1.9.0
    commits: str = ""  # how many, by whom, as far as they were read
    compare: str = ""  # a link to them


class HandoverChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the window. Of several alike, *at* is the last, *first* the first, *times* how many."""

    at: float
    kind: str
    what: str
    by: str = ""
    ended: float | None = None
    not_before: float | None = None  # where it is only known that it began between then and *at*
    first: float | None = None
    times: int = 1
    service: str = ""
    products: tuple[str, ...] = ()


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """*watched*: from when to when a board was open, or a recorder ran; *recorded*: a recorder was among them.

    *unread*: what cannot be read now, and what could not be then.
    """

    since: float
    now: float
    watched: tuple[tuple[float, float], ...] = ()
    recorded: bool = False
    fired: tuple[FiredGroup, ...] = ()
    open: tuple[OpenAlert, ...] = ()
    done: tuple[HandoverAction, ...] = ()
    deploys: tuple[HandoverDeploy, ...] = ()
    changes: tuple[HandoverChange, ...] = ()
    incidents: tuple[Incident, ...] = ()  # those that are open, and those that were closed in this time
    follow_ups: tuple[FollowUp, ...] = ()  # those that are not done, and those that were closed in this time
    unread: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()  # lists of which nothing was ever read: alerts, services, deploys
    journal_failure: str = ""

    @property
    def watched_whole(self) -> bool:
        """Tell whether a board was open, or a recorder ran, all the time."""
        at = self.since
        for begin, end in self.watched:
            if begin > at + GAP_S:
                return False
            at = max(at, end)
        return at + GAP_S >= self.now


def handover(
    entries: Sequence[Entry],
    triaged: TriagedBoard,
    since: float,
    now: float,
    journal_failure: str = "",
    follow_ups: Iterable[FollowUp] = (),
    incidents: Iterable[Incident] = (),
    commits: Callable[[Comparison], str] = lambda compared: "",
) -> Handover:
    """The handover for what happened from *since* to *now*; *entries* are the journal's of that time, oldest first,
    *follow_ups* and *incidents* all that there are. *commits* words those of a deploy, as far as they are known.
    """
    return Handover(
        since=since,
        now=now,
        watched=_watched(entries, now),
        recorded=any(e.kind is EntryKind.WATCH and e.subject == RECORDER for e in entries),
        fired=_fired(entries, triaged, since),
        open=tuple(_open(row, triaged, now) for row in triaged.alerts if row.alert.state is not AlertState.RESOLVED),
        done=_done(entries, triaged),
        deploys=_deploys(entries, triaged, since, commits),
        changes=_changes(entries, triaged, since),
        incidents=newest_first(i for i in incidents if i.is_open or i.changed_at >= since),
        follow_ups=ordered(f for f in follow_ups if f.is_open or f.changed_at >= since),
        unread=_unread(entries, triaged),
        not_known=tuple(sorted(nothing_read(triaged))),
        journal_failure=journal_failure,
    )


# --- what was watched ------------------------------------------------------------------------------------------------


def _watched(entries: Iterable[Entry], now: float) -> tuple[tuple[float, float], ...]:
    """The times in which an open board, or a recorder, said that it watched; what joins is one of them."""
    of: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind is EntryKind.WATCH:
            of.setdefault(entry.subject, []).append(entry)
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(span for told in of.values() for span in _spans(told, now)):
        if joined and begin - joined[-1][1] <= GAP_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _spans(entries: Iterable[Entry], now: float) -> list[tuple[float, float]]:
    """The times of the boards, or of the recorders. The newest goes on until *now* if it did not stop."""
    spans: list[tuple[float, float]] = []
    goes_on = False
    for entry in entries:
        state = entry.data.get("state")
        if spans and state != "started" and entry.at - spans[-1][1] <= GAP_S:
            spans[-1] = (spans[-1][0], entry.at)
        elif state != "stopped":
            spans.append((entry.at, entry.at))
        goes_on = state != "stopped"
    if spans and goes_on and now - spans[-1][1] <= GAP_S:
        spans[-1] = (spans[-1][0], now)
    return spans


def _unread(entries: Iterable[Entry], triaged: TriagedBoard) -> tuple[str, ...]:
    now = [
        f"{s.name}: {s.state.label} now: {s.message or ('read in part' if s.current else 'not read')}"
        for s in triaged.board.unread
    ]
    then = {str(n) for e in entries if e.kind is EntryKind.WATCH for n in e.data.get("unread", ())}
    lost = sorted(then - {s.name for s in triaged.board.unread})
    return (*now, *(f"{name}: could not be read for a part of this time" for name in lost))


# --- what fired ------------------------------------------------------------------------------------------------------


class _GroupFirings:
    """Gathered facts of one problem."""

    def __init__(self, title: str, first: float) -> None:
        self.title, self.first, self.last = title, first, first
        self.times = 0
        self.open: dict[str, int] = {}  # its alerts that fire, by id, and when each began
        self.ended: float | None = None
        self.pages = self.paged = False
        self.service = self.product = ""
        self.keys: set[str] = set()  # of its alerts

    def fires(self, alert: str, began: float, pages: bool) -> None:
        """Note that one of its alerts fires: another time only where none did, or where that one had ended unseen."""
        if not self.open or self.open.get(alert, round(began)) != round(began):
            self.times += 1
        self.open[alert] = round(began)
        self.first, self.last = min(self.first, began), max(self.last, began)
        self.pages = self.pages or pages

    def name(self, title: str, by_pager: bool) -> None:
        """Call it what its row was called on the board: by its pager's incident, once it had one."""
        if title and (by_pager or not self.paged):
            self.title, self.paged = title, by_pager

    def told(self, marks: Mapping[str, Entry]) -> FiredGroup:
        """Return what is known of it; *marks* are the newest words on its alerts, by key."""
        said = max((marks[key] for key in self.keys if key in marks), key=lambda e: e.at, default=None)
        return FiredGroup(
            title=self.title,
            pages=self.pages,
            first=self.first,
            last=self.last,
            times=max(1, self.times),
            ended=None if self.open else self.ended,
            service=self.service,
            product=self.product,
            mark=str(said.data.get("mark", "")) if said is not None else "",
            marked_by=said.actor if said is not None and said.data.get("mark") else "",
        )


def _fired(entries: Sequence[Entry], triaged: TriagedBoard, since: float) -> tuple[FiredGroup, ...]:
    """Return the firings by alert group: from the journal, and from the board, which may know more."""
    marks = {str(e.data.get("alert", "")): e for e in entries if e.kind is EntryKind.MARK}
    entries = [e for e in entries if e.kind is EntryKind.ALERT and not e.data.get("hidden")]
    problems = _problems(entries, triaged)
    found: dict[str, _GroupFirings] = {}
    for entry in entries:
        problem = problems[entry.subject]
        new = entry.data.get("new")
        if new == AlertState.RESOLVED:
            if (known := found.get(problem)) is not None:
                known.open.pop(entry.subject, None)
                known.ended = entry.at
            continue
        began = float(entry.data.get("began") or entry.at)
        if began < since and problem not in found:
            continue  # it only changed its state in this time
        one = found.setdefault(problem, _GroupFirings(entry.text, began))
        one.name(str(entry.data.get("row", "")), bool(entry.data.get("pager")))
        one.fires(entry.subject, began, bool(entry.data.get("pages")))
        one.keys.add(str(entry.data.get("key") or entry.subject))
        one.service = one.service or str(entry.data.get("service", ""))
        one.product = one.product or str(entry.data.get("product", ""))
    for row in triaged.alerts:
        _add_row(found, row, problems.get(row.alert.id, row.id), since)
    return tuple(sorted((f.told(marks) for f in found.values()), key=lambda f: (not f.pages, -f.last, f.title)))


def _problems(entries: Iterable[Entry], triaged: TriagedBoard) -> dict[str, str]:
    """Alert id -> its problem. What was ever joined is one problem, also where it was two rows for a while."""
    leads: dict[str, str] = {}

    def lead(one: str) -> str:
        while leads.setdefault(one, one) != one:
            one = leads[one]
        return one

    for entry in entries:
        if problem := entry.data.get("problem"):
            leads[lead(entry.subject)] = lead(str(problem))
    for row in triaged.alerts:
        for member in row.members:
            leads[lead(member.id)] = lead(row.id)
        if row.incident:
            leads[lead(row.incident)] = lead(row.id)
    return {one: lead(one) for one in (*leads, *(e.subject for e in entries))}


def _add_row(found: dict[str, _GroupFirings], row: TriagedAlert, problem: str, since: float) -> None:
    began = max(m.began for m in row.members)
    if row.alert.state is AlertState.RESOLVED or (began < since and problem not in found):
        return
    one = found.setdefault(problem, _GroupFirings(row.alert.title, row.began))
    one.title = row.alert.title
    for member in row.members:
        if member.state is not AlertState.RESOLVED:
            one.fires(member.id, member.began, row.pages)
            one.keys.add(key_of(member))
    one.first = min(one.first, row.began)
    one.service = row.service.id if row.service else one.service
    one.product = row.product.name if row.product else one.product


def _open(row: TriagedAlert, triaged: TriagedBoard, now: float) -> OpenAlert:
    alert = row.alert
    return OpenAlert(
        title=alert.title,
        pages=row.pages,
        state=str(alert.state),
        known_now=triaged.board.is_of_now(alert.source),
        since=row.began,
        by=", ".join(alert.by),
        by_at=alert.by_at if alert.by else None,
        until=alert.until,
        comment=alert.comment,
        service=row.service.id if row.service else "",
        assigned=aftermath(row, now) or (assignment(alert, now) if alert.moved or alert.state.asks else ""),
        suspicion=row.suspicion.words(now, configured_zone()) if ATTENTION[alert.state] < 4 else "",
    )


# --- what was done ---------------------------------------------------------------------------------------------------


def _done(entries: Iterable[Entry], triaged: TriagedBoard) -> tuple[HandoverAction, ...]:
    """Actions by their intent, each with its last outcome; what was only marked here; shells."""
    entries = tuple(entries)
    titles = target_names(entries)
    titles |= {service: service for service in triaged.board.services}
    titles |= {d.id: f"deploy {d.service_id} {d.arrow}" for d in triaged.board.deploys.values()}
    titles |= {a.id: a.title for a in triaged.board.alerts.values()}
    planned = {e.subject for e in entries if e.kind is EntryKind.INTENT}
    intents: dict[str, Entry] = {}
    last: dict[str, Entry] = {}
    found = []
    for entry in entries:
        if entry.kind is EntryKind.INTENT:
            intents[entry.subject] = entry
        elif entry.kind is EntryKind.OUTCOME:
            last[entry.subject] = entry
        elif entry.kind is EntryKind.REFUSED:
            act = act_of(entry, titles)
            found.append(HandoverAction(at=entry.at, by=entry.actor, what=act.what, state=act.state, message=act.why))
        elif entry.kind is EntryKind.SHELL and entry.data.get("state") != "opening":
            found.append(
                HandoverAction(at=entry.at, by=entry.actor, what=f"shell: {entry.subject}", message=entry.text)
            )
        elif entry.kind in (EntryKind.SEEN, EntryKind.NOTE):
            if entry.data.get("plan") in planned:
                continue  # it is told as the action that it was
            what = "note on" if entry.kind is EntryKind.NOTE else "marked as seen:"
            title = titles.get(entry.subject, entry.subject)
            found.append(HandoverAction(at=entry.at, by=entry.actor, what=f"{what} {title}", message=entry.text))
    for plan_id in dict.fromkeys((*intents, *last)):
        intent, outcome = intents.get(plan_id), last.get(plan_id)
        first = intent or outcome
        assert first is not None
        verb = outcome.data.get("verb", "") if outcome else first.data.get("plan", {}).get("verb", "")
        what = intent.text if intent else act_of(first, titles).what
        if intent and verb in (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK):
            what = going_back(what)
        state = str(outcome.data.get("state", "")) if outcome else str(OutcomeState.UNKNOWN)
        message = outcome.text if outcome else "it was started; its outcome was not recorded"
        if intent and (said := dict(intent.data.get("plan", {}).get("lines", ())).get("note")):
            message = f"{said} ({message})"  # what a note says is what is handed over
        found.append(HandoverAction(at=first.at, by=first.actor, what=what, state=state, message=message))
    return _once(sorted(found, key=lambda one: one.at))


def _once(actions: Iterable[HandoverAction]) -> tuple[HandoverAction, ...]:
    """Return each action, but the same refusal of the same person once, at its first time, with how often it came."""
    told: list[HandoverAction] = []
    refusals: dict[tuple[str, ...], list[int]] = {}  # where the first stands in *told*, and how many there were
    for one in actions:
        key = (one.by, one.what, one.message)
        if one.state == OutcomeState.REFUSED and (known := refusals.setdefault(key, [len(told), 0])):
            known[1] += 1
            if known[1] > 1:
                continue
        told.append(one)
    for at, times in refusals.values():
        told[at] = msgspec.structs.replace(told[at], times=times)
    return tuple(told)


def comparisons(triaged: TriagedBoard, since: float) -> tuple[Comparison, ...]:
    """Return those of the board's deploys since then, for whoever reads the commits before the handover is made."""
    deploys = (d for d in triaged.deploys if _of_window(d, since))
    found = (compare_deploy(d, triaged.products.get(d.service_id)) for d in deploys)
    return tuple(one for one in found if one is not None)


def _deploys(
    entries: Iterable[Entry], triaged: TriagedBoard, since: float, commits: Callable[[Comparison], str]
) -> tuple[HandoverDeploy, ...]:
    """Return the board's deploys since then, and those that only the journal still has."""
    found = [_deployed(d, triaged, commits) for d in triaged.deploys if _of_window(d, since)]
    gone = {e.subject: e for e in entries if e.kind is EntryKind.DEPLOY and e.subject not in triaged.board.deploys}
    for entry in gone.values():
        found.append(_gone(entry))
    return tuple(sorted(found, key=lambda d: (-d.at, d.service)))


def _deployed(deploy: Deploy, triaged: TriagedBoard, commits: Callable[[Comparison], str]) -> HandoverDeploy:
    compared = compare_deploy(deploy, triaged.products.get(deploy.service_id))
    return HandoverDeploy(
        at=deploy.started,
        service=deploy.service_id,
        arrow=deploy.arrow,
        state=str(deploy.state),
        by=deploy.started_by,
        kind=noun(deploy),
        rolled_back=deploy.taken_back,
        failed_tasks=deploy.failed_tasks,
        versions=version_arrow(deploy.old, deploy.new),
        commits=commits(compared) if compared is not None else "",
        compare=compared.url if compared is not None else "",
    )


def _changes(entries: Iterable[Entry], triaged: TriagedBoard, since: float) -> tuple[HandoverChange, ...]:
    """Return the changes since then, the newest first; what autoscaling did to one thing is one line.

    What was only an effect is left out: the alert that it fired says it.
    """
    known = recorded(entries)
    for change in triaged.board.changes.values():
        known[change.id] = RecordedChange(change, triaged.change_owners.get(change.id, ()))
    found: dict[str, HandoverChange] = {}
    for copies in told_together(one.change for one in known.values()):
        change = most_known(copies)
        owners = dict.fromkeys(name for copy in copies for name in known[copy.id].products)
        one = RecordedChange(change, tuple(owners))
        if change.effect or not (change.ended is None or max(change.began, change.ended) >= since):
            continue
        alone = change.kind is not ChangeKind.SCALING or change.by != AUTOSCALING
        key = change.id if alone else f"{change.source}/{change.service_id or change.resource}"
        found[key] = _handed_over(one, found.get(key))
    return tuple(sorted(found.values(), key=lambda c: (-c.at, c.what)))


def _handed_over(one: RecordedChange, before: HandoverChange | None) -> HandoverChange:
    change = one.change
    return HandoverChange(
        at=change.began,
        kind=str(change.kind),
        what=change.what,
        by=change.by,
        ended=change.ended,
        not_before=change.not_before,
        first=(before.first if before.first is not None else before.at) if before else None,
        times=before.times + 1 if before else 1,
        service=change.service_id,
        products=one.products,
    )


def _of_window(deploy: Deploy, since: float) -> bool:
    """Tell whether anything of it happened since then: its start, its end, or its being taken back."""
    back = deploy.taken_back
    times = (deploy.started, deploy.finished, back.began if back else None, back.ended if back else None)
    return deploy.state.running or any(at is not None and at >= since for at in times)


def _gone(entry: Entry) -> HandoverDeploy:
    """A deploy that the board has no more, as the journal saw it last."""
    service, _, arrow = entry.text.partition(",")[0].rpartition(" ")
    data = entry.data
    back = data.get("rolled_back")
    return HandoverDeploy(
        at=float(data.get("started") or entry.at),
        service=str(data.get("service") or service),
        arrow=str(data.get("arrow") or arrow),
        state=str(data.get("new", "")),
        by=str(data.get("by", "")),
        kind=str(data.get("kind") or "deploy"),
        rolled_back=convert(back, DeployRollback) if back else None,
    )
