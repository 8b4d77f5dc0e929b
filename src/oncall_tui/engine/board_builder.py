"""Readings, marks and history → the triaged board. No thread, no lock: the engine's board thread calls it.

merge -> what the journal here adds to alerts and deploys -> triage -> what changed, for the journal
*now* is in seconds since the epoch, *monotonic* the same moment on the clock that nobody sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import is_
from types import MappingProxyType
from typing import Protocol

import msgspec

from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import LOCAL, SeenMarks, done_here
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.plan import Actor
from oncall_tui.domain.reading import SourceStatus
from oncall_tui.domain.service import Service
from oncall_tui.domain.service_history import DeployHistories
from oncall_tui.journal import Journal
from oncall_tui.polling.status import PollState, status_of
from oncall_tui.runtime.clock import Instant
from oncall_tui.triage.triager import TriagedBoard, Triager, or_same

Handled = frozenset[Verb] | None  # the verbs that a source's provider has a handler for; None: it is not built yet


class PolledSource(Protocol):
    """The part of a poller that a board is built from."""

    name: str
    seen: PollState


class LocalActions(Protocol):
    """The part of the action service that rows show: the actions that are done in this machine's journal."""

    marks: SeenMarks
    read_only: bool

    @property
    def local_verbs(self) -> frozenset[Verb]: ...


class Recalling(Protocol):
    """The part of a recorder that a board needs: what earlier sessions saw, and where changes are journalled."""

    @property
    def recalled(self) -> bool: ...
    def recall(self) -> bool: ...
    def record(self, triaged: TriagedBoard, before: Board, now: float) -> None: ...


class BoardBuilder:
    """Builds each board from the newest readings, and keeps from the last one what did not change.

    *actions* returns the action service: it is asked for from the second board on.
    """

    def __init__(
        self,
        triager: Triager,
        journal: Journal,
        recorder: Recalling,
        actions: Callable[[], LocalActions],
        past: PastActions,
        actor: Actor,
    ) -> None:
        self.triager = triager
        self._actor = actor
        self._journal, self._recorder, self._actions, self._past = journal, recorder, actions, past
        self._histories = DeployHistories(actor.known_as)
        self._overlaid: dict[str, tuple[Alert, object, Alert]] = {}
        self._built_from: tuple[list[object], tuple[object, ...]] = ([], ())

    def first(self, sources: Iterable[PolledSource], now: float, monotonic: float) -> TriagedBoard:
        """Build the board before any source was read: each of them is waited for."""
        return self.triager.triage(merge(0, now, _statuses(sources, now, monotonic), (), monotonic))

    def build(
        self, last: TriagedBoard, sources: Sequence[PolledSource], now: float, monotonic: float, show_hidden: bool
    ) -> TriagedBoard:
        """Build the next board after *last*; where no row changed, *last* with the newest state of its sources and each
        service as it was read last.
        """
        if self._recorder.recall():
            self._built_from = ([], ())
        seen = [s.seen for s in sources]  # once: a poll may replace it meanwhile
        handles = {s.name: s.handles for s in seen}
        statuses = [status_of(s, now, monotonic) for s in seen]
        readings = [s.reading for s in seen if s.reading]
        rows: list[object] = [row for r in readings for row in (*r.alerts, *r.services, *r.deploys, *r.changes)]
        beside = self._beside(handles, statuses, show_hidden)
        if not self._same(rows, beside, is_) and self._recorder.recalled and not self._journal.failure:
            self._past.read(now)  # else it is read later: no board waits for a disk
            beside = self._beside(handles, statuses, show_hidden)
        version = last.board.version + 1
        if self._same(rows, beside, _same_row):
            services = {s.id: s for r in readings for s in r.services}
            board = _with_sources(last.board, version, Instant(now, monotonic), statuses, services)
            if self.triager.still(board):
                self._built_from = (rows, beside)
                return msgspec.structs.replace(
                    last, board=board, services=or_same(last.services, [services[s.id] for s in last.services])
                )
        board = self._with_local(merge(version, now, statuses, readings, monotonic), handles)
        triaged = self.triager.triage(board, show_hidden)
        self._recorder.record(triaged, last.board, now)
        self._built_from = (rows, beside)  # only now: had a step failed, these rows would never be built again
        return triaged

    def without_triage(
        self, last: TriagedBoard, sources: Iterable[PolledSource], now: float, monotonic: float
    ) -> TriagedBoard:
        """Return the rows of *last* with each source as it is now, so that old rows do not look like new ones.

        This is for a board that cannot be built because of a bug.
        """
        at, statuses = Instant(now, monotonic), _statuses(sources, now, monotonic)
        board = _with_sources(last.board, last.board.version + 1, at, statuses)
        return msgspec.structs.replace(last, board=board)

    def _beside(
        self, handles: Mapping[str, Handled], statuses: Iterable[SourceStatus], show_hidden: bool
    ) -> tuple[object, ...]:
        """Return everything besides rows that a board depends on."""
        read = tuple((s.state, s.current, s.complete, s.problems) for s in statuses)
        return self._actions().marks.current, show_hidden, tuple(handles.values()), read, self._past.version

    def _same(self, rows: list[object], beside: tuple[object, ...], same: Callable[[object, object], bool]) -> bool:
        """Tell whether the last board was built from these rows: each the *same* as it was."""
        old_rows, old_beside = self._built_from
        return beside == old_beside and len(rows) == len(old_rows) and all(map(same, rows, old_rows))

    # --- what is known on this machine alone --------------------------------------------------------------------------

    def _with_local(self, board: Board, handles: Mapping[str, Handled]) -> Board:
        """Add marks, local verbs and the deploys' histories to the board."""
        if len(self._overlaid) > 2 * len(board.alerts) + 100:
            self._overlaid.clear()
        return msgspec.structs.replace(
            board,
            alerts={a.id: self._overlay(a, handles[a.source]) for a in board.alerts.values()},
            deploys=self._histories.apply(board.deploys, self._past.current),
        )

    def _overlay(self, alert: Alert, handled: Handled) -> Alert:
        """Return the alert with its seen mark and the verbs that are done in the journal; the same object as before
        where neither changed.
        """
        mark = self._actions().marks.current.get(alert.id)
        cached = self._overlaid.get(alert.id)
        silence = self._past.silenced(alert)
        if cached and cached[0] is alert and cached[1] == (mark, silence, handled):
            return cached[2]
        seen = mark is not None and mark.began == alert.began and alert.state in (AlertState.FIRING, AlertState.NO_DATA)
        result = self._with_verbs(alert, handled, seen)
        if (by := tuple(map(self._actor.known_as, alert.by))) != alert.by:
            result = msgspec.structs.replace(result, by=by)
        if seen and mark:
            state = AlertState.SEEN if alert.state is AlertState.FIRING else alert.state  # no data stays no data
            result = msgspec.structs.replace(result, state=state, by=(mark.by,), by_at=mark.at)
        if silence is not None:
            comment = f"{silence.reason}; {alert.comment}" if alert.comment else silence.reason
            result = msgspec.structs.replace(result, by=(silence.by,), by_at=silence.at, comment=comment)
        beside = (mark, silence, handled) if mark or silence else _neither(handled)
        self._overlaid[alert.id] = (alert, beside, result)
        return result

    def _with_verbs(self, alert: Alert, handled: Handled, seen: bool) -> Alert:
        if self._actions().read_only:
            return msgspec.structs.replace(alert, verbs=frozenset())
        if handled is None:
            return alert
        verbs = {verb for verb in self._actions().local_verbs if done_here(handled, verb)}
        if done_here(handled, Verb.UNACKNOWLEDGE):
            verbs.add(Verb.UNACKNOWLEDGE if seen else Verb.ACKNOWLEDGE)
        own = frozenset(verbs)
        return msgspec.structs.replace(alert, verbs=_together(alert.verbs, own), here=_local(own))


def same_rows(old: TriagedBoard, new: TriagedBoard) -> bool:
    """Tell whether both have the very same rows in the same order."""
    for a, b in ((old.services, new.services), (old.deploys, new.deploys), (old.alerts, new.alerts)):
        if len(a) != len(b) or any(x is not y for x, y in zip(a, b, strict=True)):
            return False
    return old.board.changes == new.board.changes


def _same_row(new: object, old: object) -> bool:
    """Return whether it is the same row, or a service that was only read again: each poll of ECS reads some."""
    return new is old or (isinstance(new, Service) and isinstance(old, Service) and new.says_the_same(old))


def _statuses(sources: Iterable[PolledSource], now: float, monotonic: float) -> list[SourceStatus]:
    return [status_of(s.seen, now, monotonic) for s in sources]


def _with_sources(
    board: Board,
    version: int,
    now: Instant,
    statuses: Iterable[SourceStatus],
    services: Mapping[str, Service] | None = None,
) -> Board:
    sources: Mapping[str, SourceStatus] = MappingProxyType({s.name: s for s in statuses})
    board = msgspec.structs.replace(board, version=version, at=now.wall, due=now.due, sources=sources)
    return board if services is None else msgspec.structs.replace(board, services=MappingProxyType(services))


@lru_cache(maxsize=256)
def _neither(handled: Handled) -> tuple[None, None, Handled]:
    """Return no mark and no silence: one object for nearly all alerts of a source."""
    return None, None, handled


@lru_cache(maxsize=256)
def _local(verbs: frozenset[Verb]) -> frozenset[Verb]:
    """Return those that change nothing but the journal; one object likewise."""
    return verbs & LOCAL


@lru_cache(maxsize=256)
def _together(some: frozenset[Verb], more: frozenset[Verb]) -> frozenset[Verb]:
    """Return both, as one object for the thousands of alerts that have the same."""
    return some | more
