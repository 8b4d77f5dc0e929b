"""The record as the board uses it: how often its alerts came, follow-ups, marks, and the search.

Built when it is first asked for, after the first frame. Times are seconds since the epoch, UTC, but for *monotonic*.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from oncall_tui.actions.follow_ups import FollowUps
from oncall_tui.actions.incidents import RecordedIncidents
from oncall_tui.actions.marks import EpisodeMarks, MarkTarget
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.entry import EntryKind, written_at
from oncall_tui.domain.history import EpisodeMark, PastDeploy, PastEpisode, episode_id
from oncall_tui.domain.memory import DAY_S, DAYS, AlertMemory, RowMemory, memory_of, occurrences
from oncall_tui.errors import JournalError
from oncall_tui.inspection.memory import acts_on, spans, times
from oncall_tui.journal import Journal
from oncall_tui.journal.history import History, history_path
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact
from oncall_tui.triage.episodes import key_of

if TYPE_CHECKING:
    from oncall_tui.domain.incident import Incident
    from oncall_tui.domain.record import RecordPage, RecordScope
    from oncall_tui.reports.postmortem import Postmortem
    from oncall_tui.triage.triager import TriagedAlert, TriagedBoard

log = logging.getLogger(__name__)
QUEUE = "record"  # the queue that reads for the board
LEAST_S = 15.0  # between two readings for the board's rows (monotonic)
MOST_S = 300.0  # after which the rows are read again though no alert changed: another session may have written
FAR = 4e9  # after any time of the record
NOT_CERTAIN = frozenset({AlertState.RESOLVED, AlertState.NO_DATA, AlertState.UNKNOWN})  # whether it fires now

Run = Callable[[str, Callable[[], Any]], "Future[Any]"]


def recorded_key(alert: Alert) -> str:
    """Return the key that all firings of the alert share, as the journal has it: without secrets."""
    return redact(key_of(alert))


class RecordMemory:
    """Thread-safe. What reads or writes the disk says so, and is never called on the screen's thread.

    *run* runs a job on a queue by its name; *changed* is called once the rows say something else.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        read_only: bool = False,
        run: Run | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal, self._clock, self._run, self._changed = journal, clock, run, changed
        self.follow_ups = FollowUps(journal, clock, read_only)
        self.incidents = RecordedIncidents(journal, clock, read_only)
        self.marks = EpisodeMarks(journal, clock, read_only)
        self.history = History(journal, history_path(journal.path), journal.keep_s, clock.now)
        self.rows: Mapping[str, RowMemory] = MappingProxyType({})  # by the row's id
        self._lock = threading.Lock()
        self._of = 0  # the rows that were read for, hashed: thousands of them
        self._last: TriagedBoard | None = None
        self._read_at: float | None = None  # monotonic
        self._reading = self._settled = False

    def close(self, within_s: float = -1) -> None:
        """Close the history's file, as ``History.close`` does."""
        self.history.close(within_s)

    # --- the board's rows ---------------------------------------------------------------------------------------------

    def follow(self, triaged: TriagedBoard, monotonic: float) -> None:
        """Have the record read for the board's rows, where it is due. Called for each board, on its thread."""
        same = self._last is not None and self._last.alerts is triaged.alerts
        self._last = triaged
        waited = float("inf") if self._read_at is None else monotonic - self._read_at
        if self._run is None or self._reading or waited < LEAST_S or (same and self._settled and waited < MOST_S):
            return
        self._settled = True  # as long as the rows are the same objects, nothing is due before MOST_S
        of = 0
        for row in triaged.alerts:
            of = hash((of, row.id, row.began, row.alert.state))
        if of != self._of or waited >= MOST_S:
            self._of = of
            self._begin(monotonic)

    def again(self) -> None:
        """Have the rows read again now: something was written."""
        if self._run is not None and self._last is not None and not self._reading:
            self._begin(self._clock.monotonic())

    def _begin(self, monotonic: float) -> None:
        assert self._run is not None
        self._reading, self._read_at = True, monotonic
        self._run(QUEUE, self._read_rows)

    def _read_rows(self) -> None:
        try:
            rows = self._of_rows(self._last.alerts if self._last is not None else ())
        except JournalError as error:  # the journal tells of it itself; the rows say what was known
            log.warning("the record cannot be read: %s", error)
            return
        finally:
            self._reading = False
        if rows != self.rows:
            self.rows = MappingProxyType(rows)
            self._changed()

    def _of_rows(self, alerts: Sequence[TriagedAlert]) -> dict[str, RowMemory]:
        """Make what each row says: one query for nearly all of them."""
        self.follow_ups.load()
        self.history.catch_up()
        now = self._clock.now()
        followed = self.follow_ups.of_alerts
        joined = (key for row in alerts if row.others for key in map(recorded_key, row.members))
        found = spans(self.history, now - DAYS * DAY_S, {*followed, *joined})
        rows: dict[str, RowMemory] = {}
        for row in alerts:
            keys = [recorded_key(member) for member in row.members]
            mine = [one for key in dict.fromkeys(keys) for one in found.get(key, ())]
            recent, mark = times(mine)
            follow_ups = dict.fromkeys(f for key in keys for f in followed.get(key, ()))
            if recent > 1 or mark or follow_ups:
                rows[row.id] = RowMemory(recent, mark, tuple(follow_ups))
        return rows

    # --- one alert ----------------------------------------------------------------------------------------------------

    def of_alert(self, members: Iterable[Alert], fires: bool, tz: tzinfo, service: str = "") -> AlertMemory:
        """Return the memory of a problem that these alerts are. Reads the disk. Raises JournalError.

        *fires*: its newest episode goes on. *service* is its service's id: what was done to that counts too.
        """
        members = tuple(members)
        keys, now = tuple(dict.fromkeys(map(recorded_key, members))), self._clock.now()
        self.history.catch_up()
        self.follow_ups.load()
        episodes = [e for key in keys for e in self.history.episodes(0.0, FAR, alert=key)]
        found = occurrences(episodes)
        over = found[:-1] if fires else found
        ids = {*keys, *(redact(a.id) for a in members), *self.same_problem(keys)}
        acts = acts_on(self._journal, over[-1], ids, service) if over else ()
        mine = dict.fromkeys(f for key in keys for f in self.follow_ups.of_alerts.get(key, ()))
        since = self.began() or now
        made = memory_of(occurrences(episodes, acts), now, tz, since, fires and bool(found), mine)
        first = self.history.watched_since()
        part = self.history.coverage(first, now, now) if first is not None else 0.0
        return msgspec.structs.replace(made, watched_since=first, watched=part)

    def same_problem(self, keys: Iterable[str]) -> set[str]:
        """Return the ids and keys of all alerts that were ever one problem with these: what was done to an incident
        was done about its alert. Reads the disk. Raises JournalError.
        """
        found: set[str] = set()
        for key in keys:
            query = "SELECT DISTINCT b.alert FROM episode a JOIN episode b ON a.problem = b.problem WHERE a.alert = ?"
            found |= {str(alert) for (alert,) in self.history.rows(f"{query} AND a.problem <> ''", (key,))}
        for key in tuple(found):
            rows = self.history.rows("SELECT DISTINCT subject FROM firing WHERE alert = ?", (key,))
            found |= {str(subject) for (subject,) in rows}
        return found

    def began(self) -> float | None:
        """Return when the oldest thing of the record was, in seconds since the epoch, UTC; None: it is empty. Reads
        the disk. Raises JournalError.
        """
        return self.history.began()

    # --- marks --------------------------------------------------------------------------------------------------------

    def mark_alerts(self, alerts: Sequence[Alert], mark: EpisodeMark, actor: str) -> int:
        """Mark the episodes that these alerts are in, and return how many say something else now. Writes to the disk.

        Raises Refused, ActionFailed, JournalError.
        """
        self._journal.must()  # what was seen of them just now is on disk
        self.history.catch_up()
        return self._put([self._target(alert) for alert in alerts], mark, actor)

    def mark_episodes(self, episodes: Sequence[PastEpisode], mark: EpisodeMark, actor: str) -> int:
        """Mark these episodes, in the same way."""
        return self._put([MarkTarget(e.id, e.alert, e.title) for e in episodes], mark, actor)

    def _put(self, targets: Sequence[MarkTarget], mark: EpisodeMark, actor: str) -> int:
        self.marks.load()
        changed = self.marks.put(targets, mark, actor)
        self.again()
        return changed

    def _target(self, alert: Alert) -> MarkTarget:
        """Return the episode that the alert's firing belongs to, as the history tells it."""
        key = recorded_key(alert)
        episodes = self.history.episodes(0.0, alert.began + 1.0, alert=key, newest=1)
        known = episodes[0].id if episodes else episode_id(key, alert.began)
        return MarkTarget(known, key, alert.title)

    def newest(self, alert_id: str) -> PastEpisode | None:
        """Return an episode by its id, or the newest one of the alert with this id or key; None: there is none.

        Reads the disk. Raises JournalError.
        """
        self.history.catch_up()
        if (found := self.history.episode(alert_id)) is not None:
            return found
        episodes = self.history.episodes(0.0, FAR, alert=self.key_of(alert_id), newest=1)
        return episodes[0] if episodes else None

    def key_of(self, alert_id: str) -> str:
        """Return the key that all firings of the alert share, as it was recorded with this id; else the id itself: it
        is the key, but for a pager's incidents, whose ids are new each time. Reads the disk. Raises JournalError.
        """
        entries = (e for e in self._journal.of(alert_id) if e.kind is EntryKind.ALERT)
        return next((str(key) for e in entries if (key := e.data.get("key"))), alert_id)

    # --- incidents ----------------------------------------------------------------------------------------------------

    def episodes_named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the episodes that an alert's or an episode's id names: the newest, and those that are one
        problem with it. Empty: the record has none. Reads the disk. Raises JournalError.
        """
        newest = self.newest(name)
        if newest is None:
            return ()
        joined = self.history.episodes(0.0, FAR, problem=newest.problem) if newest.problem else ()
        return (newest.id, *(e.id for e in joined if e.id != newest.id))

    def episodes_of(self, alerts: Sequence[Alert]) -> tuple[str, ...]:
        """Return the ids of the episodes that these alerts are in. Reads and writes the disk. Raises JournalError."""
        self._journal.must()  # what was seen of them just now is on disk
        self.history.catch_up()
        return tuple(dict.fromkeys(self._target(alert).id for alert in alerts))

    def deploy_named(self, name: str) -> PastDeploy | None:
        """Return a deploy by its id, or the newest one of the service with this id; None: there is none.

        Reads the disk. Raises JournalError.
        """
        self.history.catch_up()
        if (found := self.history.deploy(name)) is not None:
            return found
        newest = self.history.deploys(0.0, FAR, service=name, newest=1)
        return newest[0] if newest else None

    def has_entry(self, entry: str) -> bool:
        """Tell whether the journal has the entry with this id. Reads the disk. Raises JournalError, ValueError for
        what is no id.
        """
        at = written_at(entry)
        return any(e.id == entry for e in self._journal.since(at - 1.0, until=at + 1.0))

    def write_up(self, incident: Incident) -> Postmortem:
        """Gather what the record has of an incident. Reads the disk. Raises Refused, JournalError."""
        from oncall_tui.inspection.incident_record import gathered
        from oncall_tui.reports.postmortem import postmortem

        self.history.catch_up()
        self.follow_ups.load()
        follow_ups = tuple(self.follow_ups.current.values())
        return postmortem(gathered(self, self._journal, incident, follow_ups, self._clock.now()))

    # --- the search ---------------------------------------------------------------------------------------------------

    def search(self, scope: RecordScope, words: str, until: float, most: int) -> RecordPage:
        """Find the newest *most* events before *until* (seconds since the epoch, UTC). Reads the disk.

        Raises OncallError for words that can match nothing, and JournalError.
        """
        from oncall_tui.inspection.record_search import search

        self.history.catch_up()
        if scope.alerts:
            scope = msgspec.structs.replace(scope, ids=tuple({*scope.ids, *self.same_problem(scope.alerts)}))
        return search(self, self._journal, scope, words, until, most, self._fires())

    def _fires(self) -> frozenset[str]:
        """Return the keys of the alerts that fire now: those of the board whose source was just read."""
        triaged = self._last
        if triaged is None:
            return frozenset()
        read = {name for name, source in triaged.board.sources.items() if source.current}
        members = (member for row in triaged.alerts for member in row.members)
        return frozenset(recorded_key(m) for m in members if m.source in read and m.state not in NOT_CERTAIN)

    def episodes(
        self, since: float, until: float, *, alert: str = "", service: str = "", product: str = ""
    ) -> Sequence[PastEpisode]:
        """Return those that began from *since* to *until* (seconds since the epoch, UTC). Raises JournalError."""
        return self.history.episodes(since, until, alert=alert, service=service, product=product)

    def deploys(self, since: float, until: float, *, service: str = "", product: str = "") -> Sequence[PastDeploy]:
        """Return those that started from *since* to *until* (seconds since the epoch, UTC). Raises JournalError."""
        return self.history.deploys(since, until, service=service, product=product)
