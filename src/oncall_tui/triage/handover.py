"""What one engineer hands over to the next: what fired, what was done and by whom, what is open, what was deployed.

Pure: from the journal's entries of the window and the look now. The journal knows what this program saw while a board
was open, so when that was is part of it: a gap is never quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import Deploy, TakenBack
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.history_words import noun
from oncall_tui.triage.holding import aftermath, assignment
from oncall_tui.triage.look import AlertLook, Look
from oncall_tui.triage.rank import ATTENTION

KINDS = (
    EntryKind.ALERT,
    EntryKind.DEPLOY,
    EntryKind.INTENT,
    EntryKind.OUTCOME,
    EntryKind.SEEN,
    EntryKind.NOTE,
    EntryKind.SHELL,
    EntryKind.WATCH,
)
GAP_S = 390.0  # an open board says so every five minutes; what is longer was not watched


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """One problem that fired in the window. Times are seconds since the epoch; *ended* is None while it goes on."""

    title: str
    pages: bool
    first: float
    last: float
    times: int = 1
    ended: float | None = None
    service: str = ""
    product: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """One problem that is on the board now: its state, who has it, until when."""

    title: str
    pages: bool
    state: str
    since: float
    by: str = ""
    until: float | None = None
    comment: str = ""
    service: str = ""
    assigned: str = ""
    suspicion: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One action, and what came of it."""

    at: float
    by: str
    what: str
    state: str = ""
    message: str = ""

    @property
    def loud(self) -> bool:
        """Does somebody have to look at it again?"""
        return self.state in (OutcomeState.UNKNOWN, OutcomeState.PENDING, OutcomeState.FAILED)


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy of the window."""

    at: float
    service: str
    arrow: str
    state: str
    by: str = ""
    kind: str = "deploy"
    rolled_back: TakenBack | None = None
    failed_tasks: int = 0


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """*watched*: from when to when a board was open; *unread*: what cannot be read now, and what could not be then."""

    since: float
    now: float
    watched: tuple[tuple[float, float], ...] = ()
    fired: tuple[Fired, ...] = ()
    open: tuple[Open, ...] = ()
    done: tuple[Done, ...] = ()
    deploys: tuple[Deployed, ...] = ()
    unread: tuple[str, ...] = ()
    journal_failure: str = ""

    @property
    def watched_whole(self) -> bool:
        """Was a board open all the time?"""
        at = self.since
        for begin, end in self.watched:
            if begin > at + GAP_S:
                return False
            at = max(at, end)
        return at + GAP_S >= self.now


def handover(entries: Sequence[Entry], look: Look, since: float, now: float, journal_failure: str = "") -> Handover:
    """The handover for what happened from *since* to *now*; *entries* are the journal's of that time, oldest first."""
    return Handover(
        since=since,
        now=now,
        watched=_watched(entries, now),
        fired=_fired(entries, look, since),
        open=tuple(_open(row, now) for row in look.alerts if row.alert.state is not AlertState.RESOLVED),
        done=_done(entries),
        deploys=_deploys(entries, look, since),
        unread=_unread(entries, look),
        journal_failure=journal_failure,
    )


# --- what was watched ------------------------------------------------------------------------------------------------


def _watched(entries: Iterable[Entry], now: float) -> tuple[tuple[float, float], ...]:
    """The times in which an open board said that it watched. The newest goes on until *now* if it did not stop."""
    spans: list[list[float]] = []
    goes_on = False
    for entry in entries:
        if entry.kind is not EntryKind.WATCH:
            continue
        state = entry.data.get("state")
        if spans and state != "started" and entry.at - spans[-1][1] <= GAP_S:
            spans[-1][1] = entry.at
        elif state != "stopped":
            spans.append([entry.at, entry.at])
        goes_on = state != "stopped"
    if spans and goes_on and now - spans[-1][1] <= GAP_S:
        spans[-1][1] = now
    joined: list[tuple[float, float]] = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] <= GAP_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _unread(entries: Iterable[Entry], look: Look) -> tuple[str, ...]:
    now = [f"{s.name}: {s.state.label} now: {s.message or 'not read'}" for s in look.board.unread]
    then = {str(n) for e in entries if e.kind is EntryKind.WATCH for n in e.data.get("unread", ())}
    lost = sorted(then - {s.name for s in look.board.unread})
    return (*now, *(f"{name}: could not be read for a part of this time" for name in lost))


# --- what fired ------------------------------------------------------------------------------------------------------


class _Firing:
    """What is gathered of one problem."""

    def __init__(self, title: str, first: float) -> None:
        self.title, self.first, self.last = title, first, first
        self.began: set[int] = set()
        self.open: set[str] = set()  # ids of its alerts that fire
        self.ended: float | None = None
        self.pages = False
        self.service = self.product = ""

    def told(self) -> Fired:
        return Fired(
            title=self.title,
            pages=self.pages,
            first=self.first,
            last=self.last,
            times=max(1, len(self.began)),
            ended=None if self.open else self.ended,
            service=self.service,
            product=self.product,
        )


def _fired(entries: Iterable[Entry], look: Look, since: float) -> tuple[Fired, ...]:
    """By problem: from the journal, and what is on the board since then, which the journal may have missed."""
    rows = {m.id: row for row in look.alerts for m in row.members}
    found: dict[str, _Firing] = {}
    problem_of: dict[str, str] = {}
    for entry in entries:
        if entry.kind is not EntryKind.ALERT or entry.data.get("hidden"):
            continue
        row = rows.get(entry.subject)
        problem = row.id if row else str(entry.data.get("problem") or problem_of.get(entry.subject) or entry.subject)
        problem_of[entry.subject] = problem
        new = entry.data.get("new")
        if new == AlertState.RESOLVED:
            if (known := found.get(problem)) is not None:
                known.open.discard(entry.subject)
                known.ended = entry.at
            continue
        began = float(entry.data.get("began") or entry.at)
        if began < since and problem not in found:
            continue  # it only changed its state in this time
        one = found.setdefault(problem, _Firing(entry.text, began))
        one.open.add(entry.subject)
        one.began.add(round(began))
        one.first, one.last = min(one.first, began), max(one.last, began)
        one.pages = one.pages or bool(entry.data.get("pages"))
        one.service = one.service or str(entry.data.get("service", ""))
        one.product = one.product or str(entry.data.get("product", ""))
    for row in look.alerts:
        _add_row(found, row, since)
    return tuple(sorted((f.told() for f in found.values()), key=lambda f: (not f.pages, -f.last, f.title)))


def _add_row(found: dict[str, _Firing], row: AlertLook, since: float) -> None:
    began = max(m.began for m in row.members)
    if row.alert.state is AlertState.RESOLVED or (began < since and row.id not in found):
        return
    one = found.setdefault(row.id, _Firing(row.alert.title, row.began))
    one.title = row.alert.title
    one.open.add(row.alert.id)
    one.began.add(round(began))
    one.first, one.last = min(one.first, row.began), max(one.last, began)
    one.pages = one.pages or row.pages
    one.service = row.service.id if row.service else one.service
    one.product = row.product.name if row.product else one.product


def _open(row: AlertLook, now: float) -> Open:
    alert = row.alert
    return Open(
        title=alert.title,
        pages=row.pages,
        state=str(alert.state),
        since=row.began,
        by=", ".join(alert.by),
        until=alert.until,
        comment=alert.comment,
        service=row.service.id if row.service else "",
        assigned=aftermath(row, now) or (assignment(alert, now) if alert.moved or alert.state.asks else ""),
        suspicion=row.suspicion.words(now) if ATTENTION[alert.state] < 4 else "",
    )


# --- what was done ---------------------------------------------------------------------------------------------------


def _done(entries: Iterable[Entry]) -> tuple[Done, ...]:
    """Actions by their intent, each with its last outcome; what was only marked here; shells."""
    intents: dict[str, Entry] = {}
    last: dict[str, Entry] = {}
    found = []
    for entry in entries:
        if entry.kind is EntryKind.INTENT:
            intents[entry.subject] = entry
        elif entry.kind is EntryKind.OUTCOME:
            last[entry.subject] = entry
        elif entry.kind is EntryKind.SHELL and entry.data.get("state") != "opening":
            found.append(Done(at=entry.at, by=entry.actor, what=f"shell: {entry.subject}", message=entry.text))
        elif entry.kind is EntryKind.NOTE or (entry.kind is EntryKind.SEEN and entry.data.get("plan") not in intents):
            found.append(Done(at=entry.at, by=entry.actor, what=str(entry.kind), message=entry.text))
    for plan_id in dict.fromkeys((*intents, *last)):
        intent, outcome = intents.get(plan_id), last.get(plan_id)
        first = intent or outcome
        assert first is not None
        verb = outcome.data.get("verb", "") if outcome else ""
        what = intent.text if intent else f"{verb} {outcome.data.get('target', '') if outcome else ''}"
        state = str(outcome.data.get("state", "")) if outcome else str(OutcomeState.UNKNOWN)
        message = outcome.text if outcome else "it was begun, and nobody wrote what came of it"
        found.append(Done(at=first.at, by=first.actor, what=what, state=state, message=message))
    return tuple(sorted(found, key=lambda one: one.at))


def _deploys(entries: Iterable[Entry], look: Look, since: float) -> tuple[Deployed, ...]:
    """Those of the board that were under way since then, and those that the journal saw and the board has no more."""
    found = [
        Deployed(
            at=d.started,
            service=d.service_id,
            arrow=d.arrow,
            state=str(d.state),
            by=d.started_by,
            kind=noun(d),
            rolled_back=d.taken_back,
            failed_tasks=d.failed_tasks,
        )
        for d in look.deploys
        if _of_window(d, since)
    ]
    gone = {e.subject: e for e in entries if e.kind is EntryKind.DEPLOY and e.subject not in look.board.deploys}
    for entry in gone.values():
        found.append(_gone(entry))
    return tuple(sorted(found, key=lambda d: (-d.at, d.service)))


def _of_window(deploy: Deploy, since: float) -> bool:
    """Did anything of it happen since then: its start, its end, or that it was taken back?"""
    back = deploy.taken_back
    times = (deploy.started, deploy.finished, back.began if back else None, back.ended if back else None)
    return deploy.state.running or any(at is not None and at >= since for at in times)


def _gone(entry: Entry) -> Deployed:
    """A deploy that the board has no more, as the journal saw it last."""
    service, _, arrow = entry.text.partition(",")[0].rpartition(" ")
    data = entry.data
    back = data.get("rolled_back")
    return Deployed(
        at=float(data.get("started") or entry.at),
        service=str(data.get("service") or service),
        arrow=str(data.get("arrow") or arrow),
        state=str(data.get("new", "")),
        by=str(data.get("by", "")),
        kind=str(data.get("kind") or "deploy"),
        rolled_back=msgspec.convert(back, TakenBack) if back else None,
    )
