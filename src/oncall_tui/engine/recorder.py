"""Observations for the journal: alerts, deploys and changes that moved on, and when a board or a recorder watched.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.entry import BOARD, RECORDER, Entry, EntryKind
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.recorded_change import entry_data, state_of
from oncall_tui.domain.transitions import Transition, transitions
from oncall_tui.journal import Journal
from oncall_tui.text.change_words import summary
from oncall_tui.text.history_words import deploy_summary, noun, step_summary
from oncall_tui.triage.episodes import Episodes, key_of
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard

if TYPE_CHECKING:
    from oncall_tui.engine.kept_details import AlertDetails, RolloutSteps

REMEMBERED = 20_000  # entries that a start reads
WATCHING_S = 300.0  # between two entries that say that somebody watched


class ChangeRecorder:
    """Called from the board's thread alone, but for ``begin``, ``end`` and ``remember``."""

    def __init__(self, journal: Journal, episodes: Episodes) -> None:
        self._journal, self._episodes = journal, episodes
        self._remembered: list[Entry] | None = None
        self._known: dict[str, str] | None = None
        self._titles: dict[str, str] = {}  # of alerts that earlier sessions saw
        self._whose: dict[str, str] = {}  # who made each change, as it was journalled last
        self._problems: dict[str, str] = {}  # each open alert's row, as it was journalled last
        self._joined: dict[str, TriagedAlert] = {}  # the rows of several alerts, as they were looked at last
        self._watches = False
        self._subject = BOARD
        self._steps: RolloutSteps | None = None  # both kept by a recorder
        self._details: AlertDetails | None = None
        self._told_since: float | None = None  # when it was said last (monotonic)
        self._unread: tuple[str, ...] = ()
        self._left_to_recorder: frozenset[str] = frozenset()

    # --- what changed -------------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Read what earlier sessions saw, for ``recall`` to take up. From any thread. Raises JournalError."""
        self._remembered = self._journal.recent(REMEMBERED, (EntryKind.ALERT, EntryKind.DEPLOY, EntryKind.CHANGE))

    def recall(self) -> bool:
        """Take up what earlier sessions saw: states, and the episodes that may go on. True: it was done just now."""
        entries, self._remembered = self._remembered, None
        if entries is None:
            return False
        self._episodes.begin_again(entries)
        self._known = {e.subject: str(e.data.get("new", "")) for e in entries}
        self._titles = {e.subject: e.text for e in entries if e.kind is EntryKind.ALERT and e.text}
        self._whose = {e.subject: str(e.data.get("by", "")) for e in entries if e.kind is EntryKind.CHANGE}
        alerts = (e for e in entries if e.kind is EntryKind.ALERT)
        self._problems = {e.subject: str(e.data["problem"]) for e in alerts if e.data.get("problem")}
        if self._steps is not None:
            self._steps.recall(entries)
        if self._details is not None:
            self._details.recall(entries)
        return True

    @property
    def recalled(self) -> bool:
        """Tell whether it is known what earlier sessions saw."""
        return self._known is not None

    def record(self, triaged: TriagedBoard, before: Board, now: float) -> None:
        """Journal what changed; what is gone is named as it was on the board *before*.

        Nothing is told to have changed before it is known what there was.
        """
        known = self._known
        if known is None:
            return
        found = transitions(known, triaged.board)
        known.update((c.id, c.new) for c in found)
        found += self._learnt_whose(triaged.board, {c.id for c in found})
        if self._steps is not None and self._details is not None:  # what only its details are told of anew
            told = frozenset(c.id for c in found)
            deploys = self._steps.moved(triaged.board.deploys, told, now)
            found += [Transition("deploy", d.id, d.state, d.state, "") for d in deploys]
            alerts = self._details.lacking(triaged.board.alerts, told)
            found += [Transition("alert", a.id, a.state, a.state, a.title) for a in alerts]
        found += self._newly_joined(triaged, {c.id for c in found if c.what == "alert"})
        if self._left_to_recorder:
            found = [c for c in found if not self._is_left_to_recorder(c)]
        if found:
            self._journal.record(self._entries(found, triaged, before, now))

    def _learnt_whose(self, board: Board, told: Collection[str]) -> list[Transition]:
        """Return the changes whose doer is told only now: what scaled a service is read after its new count is seen."""
        found = []
        for change in board.changes.values():
            if change.by and self._whose.get(change.id, "") != change.by:
                self._whose[change.id] = change.by
                if change.id not in told:
                    found.append(Transition("change", change.id, state_of(change), state_of(change), change.what))
        return found

    def _newly_joined(self, triaged: TriagedBoard, told: Collection[str]) -> list[Transition]:
        """Return the alerts that another row has now, though their state did not change: what was one problem is one
        in every count, also once one of its alerts is gone.
        """
        before, self._joined = self._joined, {row.id: row for row in triaged.alerts if row.others}
        found = []
        for row in self._joined.values():
            if before.get(row.id) is row:
                continue
            for alert in row.members:
                known = self._problems.get(alert.id, row.id)
                if known != row.id and alert.id not in told and alert.state is not AlertState.RESOLVED:
                    found.append(Transition("alert", alert.id, alert.state, alert.state, alert.title))
        return found

    def leave_to_recorder(self, sources: Collection[str]) -> None:
        """Journal no change of *sources*: a recorder journals them, into the same file. From any thread.

        When it does no more, the journal is read again, so that what it did not get to is told. Raises JournalError.
        """
        before, self._left_to_recorder = self._left_to_recorder, frozenset(sources)
        if not before <= self._left_to_recorder:
            self.remember()

    def _is_left_to_recorder(self, change: Transition) -> bool:
        """Return whether a recorder tells it; what was only marked here, no recorder sees."""
        return change.id.partition("/")[0] in self._left_to_recorder and AlertState.SEEN not in (change.old, change.new)

    def _entries(self, found: Iterable[Transition], triaged: TriagedBoard, before: Board, now: float) -> list[Entry]:
        rows = {m.id: row for row in triaged.alerts for m in row.members}
        alerts, deploys = triaged.board.alerts, triaged.board.deploys
        entries = []
        for change in found:
            if change.what == "change":
                entries.append(_of_change(change, triaged, now))
                continue
            if change.id in deploys:
                data = self._steps.of(deploys[change.id], now) if self._steps is not None else {}
                product = triaged.products.get(deploys[change.id].service_id)
                data = {**data, "product": product.name} if product is not None else data
                entries.append(_of_deploy(change, deploys[change.id], now, data))
                continue
            alert = alerts.get(change.id)
            entry = _entry(change, _title(change, before, self._titles), now, alert, rows.get(change.id))
            self._problems.pop(change.id, None)
            if entry.data.get("problem"):
                self._problems[change.id] = str(entry.data["problem"])
            if self._details is not None and alert is not None:
                entry.data["detail"] = self._details.of(alert)
            entries.append(entry)
        return entries

    # --- that somebody watched ----------------------------------------------------------------------------------------

    def keep_details(self) -> None:
        """Keep what the sources forget too, as a recorder does: to be called before anything is recorded."""
        from oncall_tui.engine.kept_details import AlertDetails, RolloutSteps  # no board needs it

        self._subject, self._steps, self._details = RECORDER, RolloutSteps(), AlertDetails()

    def begin(self, now: float) -> None:
        """Note that a board was opened, or a recorder began: from now on it is known what was not seen, and why."""
        self._watches = True
        self._watch("started", (), now)

    def end(self, now: float) -> None:
        """Journal that the board was closed, or the recorder ended."""
        if self._watches:
            self._watches = False
            self._watch("stopped", self._unread, now)

    def tick(self, sources: Iterable[SourceStatus], now: float, monotonic: float) -> None:
        """Say so every five minutes, and where another source cannot be read than before."""
        if not self._watches:
            return
        unread = tuple(sorted(s.name for s in sources if not s.current and s.state is not SourceState.WAITING))
        if self._told_since is None:
            self._told_since = monotonic
        if monotonic - self._told_since >= WATCHING_S or unread != self._unread:
            self._told_since = monotonic
            self._watch("watching", unread, now)

    def _watch(self, state: str, unread: tuple[str, ...], now: float) -> None:
        self._unread = unread
        data = {"state": state, "unread": list(unread)}
        self._journal.record([Entry(at=now, kind=EntryKind.WATCH, subject=self._subject, text=state, data=data)])


def _title(change: Transition, before: Board, titles: Mapping[str, str]) -> str:
    gone = before.alerts.get(change.id)
    return change.title or (gone.title if gone else titles.get(change.id, ""))


def _of_deploy(change: Transition, deploy: Deploy, now: float, more: Mapping[str, object]) -> Entry:
    """A deploy's new state, or its new step, with what is known of it now: the board forgets it within a day."""
    data: dict[str, object] = {"old": str(change.old), "new": str(change.new), "service": deploy.service_id}
    data |= {"arrow": deploy.arrow, "kind": noun(deploy), "started": deploy.started}
    data |= {"ended": deploy.finished} if deploy.finished else {}
    data |= {"by": deploy.started_by} if deploy.started_by else {}
    data |= {"rolled_back": msgspec.to_builtins(deploy.taken_back)} if deploy.taken_back else {}
    step = f": {step_summary(deploy)}" if change.old == change.new else ""
    text = f"{deploy.service_id} {deploy_summary(deploy)}{step}"
    return Entry(at=now, kind=EntryKind.DEPLOY, subject=deploy.id, text=text, data={**data, **more})


def _of_change(moved: Transition, triaged: TriagedBoard, now: float) -> Entry:
    """Make the entry of a change that appeared, or is over: its source forgets it within a day."""
    change = triaged.board.changes[moved.id]
    data = entry_data(change, triaged.change_owners.get(change.id, ()), moved.old)
    return Entry(at=now, kind=EntryKind.CHANGE, subject=change.id, text=summary(change), data=data)


def _entry(change: Transition, title: str, now: float, alert: Alert | None, row: TriagedAlert | None) -> Entry:
    kind = EntryKind.ALERT if change.what == "alert" else EntryKind.DEPLOY
    data: dict[str, object] = {"old": str(change.old), "new": str(change.new)}
    if row is not None:
        data |= {"service": row.service.id} if row.service else {}
        data |= {"product": row.product.name} if row.product else {}
        data |= {"problem": row.id, "pages": row.pages}
        data |= {"row": row.alert.title, "pager": row.alert.provider in PAGER_PROVIDERS} if row.others else {}
    if alert is not None:
        data |= {"began": alert.began, "key": key_of(alert), "provider": alert.provider}
        data |= {"by": list(alert.by), "by_at": alert.by_at} if alert.by else {}
        data |= {"ended": alert.changed} if alert.state is AlertState.RESOLVED and alert.changed else {}
        data |= {"hidden": alert.hidden} if alert.hidden else {}
    return Entry(at=now, kind=kind, subject=change.id, text=title, data=data)
