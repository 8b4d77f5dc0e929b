"""The next calls for a service's log, and their results. Nothing here waits, sleeps or starts a thread.

The screen asks ``due`` and has ``step`` run where it may block; each step makes one call at the most. So a
log that is not open costs no call.
Times are seconds since the epoch, UTC, but for what waits (*next_at*, *held*): monotonic seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

import msgspec

from oncall_tui.domain.logs import LogDestination, LogQuery
from oncall_tui.errors import Malformed, SourceError, Throttled
from oncall_tui.inspection.logs.buffer import BufferedLines, LogBuffer
from oncall_tui.providers.base import SupportsLogs
from oncall_tui.runtime.clock import Clock

POLL_S = 2.0  # between two readings of new lines
LATE_S = 30.0  # a line may be readable so long after its own time
OVERLAP = 1_000  # lines that are read again at the most, to find those that came late
AFTER_S, BEFORE_S = 600.0, 1800.0  # around an alert's start
LAST_S = 900.0  # "the last minutes"
PAGE, FIRST = 1_000, 400
PAGES = 4  # of PAGE lines, read by themselves; more of them by a key
EMPTY = 20  # empty pages in a row that are followed by themselves
BACK_OFF_S = 5.0
REPEATS = "the pages of this log repeat themselves: what comes after them is not known"
REFUSED_S = 60.0  # denied, not logged in: it needs a person


class PagedLogQuery(msgspec.Struct, kw_only=True, eq=False):
    """A question that may take several pages. *tail*: what is new; else a stretch of the past."""

    place: LogDestination
    since: float
    until: float | None = None
    newest: bool = False
    limit: int = PAGE
    pages: int = 1
    empty: int = EMPTY
    token: str = ""
    tail: bool = False
    named: set[str] = msgspec.field(default_factory=set)  # the tokens that came: one that comes again is the end


class LogSession(msgspec.Struct, kw_only=True):
    """One view of the log: of all tasks or one, around a time or live. Late answers to an older session are dropped.

    *begins* and *ends*: between them everything that may be read of a place was asked for. *resting*: queries that met
    nothing but empty pages, by place and whether they go back in time; a key continues them.
    """

    around: float | None
    task: str
    opened: float
    store: LogBuffer
    paged_queries: deque[PagedLogQuery] = msgspec.field(default_factory=deque)
    resting: dict[tuple[LogDestination, bool], PagedLogQuery] = msgspec.field(default_factory=dict)
    begins: dict[LogDestination, float] = msgspec.field(default_factory=dict)
    ends: dict[LogDestination, float] = msgspec.field(default_factory=dict)
    troubles: dict[LogDestination, SourceError] = msgspec.field(default_factory=dict)
    missing: dict[LogDestination, str] = msgspec.field(default_factory=dict)
    held: dict[LogDestination, float] = msgspec.field(default_factory=dict)
    next_at: float = 0.0
    planned: bool = False

    @property
    def live(self) -> bool:
        return self.around is None


class LogReader:
    """The log of one service. Commands come from the screen's thread, ``step`` runs on one other."""

    def __init__(self, service_id: str, clock: Clock, around: float | None = None, task: str = "") -> None:
        self.service_id, self._clock = service_id, clock
        self.places: tuple[LogDestination, ...] | None = None
        self.trouble: SourceError | None = None  # of finding the places
        self.paused = ""  # why: "key", or "memory": what is being read would be dropped
        self.looking_at: float | None = None  # the time of the first line on screen, where it is not to be dropped
        self.calls = 0
        self.run = self._run(around, task)
        self._wait_until = 0.0
        self._ended = False

    # --- what the screen asks for -------------------------------------------------------------------------------------

    @property
    def kept(self) -> BufferedLines:
        """The lines."""
        return self.run.store.kept

    @property
    def readable(self) -> tuple[LogDestination, ...]:
        """The places that can be read here; of one task those alone whose streams say whose they are."""
        return tuple(p for p in self.places or () if p.readable and (p.prefix or not self.run.task))

    @property
    def reading(self) -> bool:
        """Return whether past lines are still to be read. New lines of a live log do not count."""
        return self.trouble is None and (self.places is None or any(not e.tail for e in tuple(self.run.paged_queries)))

    @property
    def behind_s(self) -> float:
        """How far behind the newest line is while more is to be read; 0: it is not."""
        if not any(e.tail and e.token for e in tuple(self.run.paged_queries)) or not self.kept.lines:
            return 0.0
        return max(0.0, self._clock.now() - self.kept.lines[-1].at)

    @property
    def searched(self) -> tuple[float, float] | None:
        """Return the time span that was read without a gap, in seconds since the epoch; None: nothing yet."""
        run = self.run
        if not run.begins or not run.ends:
            return None
        return max(run.begins.values()), min(run.ends.values())

    def live(self) -> None:
        """Follow new lines from now on, after the last minutes."""
        self.paused = ""
        self.run = self._run(None, self.run.task)

    def read_around(self, at: float) -> None:
        """The lines around a time (seconds since the epoch)."""
        self.paused = ""
        self.run = self._run(at, self.run.task)

    def pick(self, task: str) -> None:
        """Show one task alone; empty: all. Its lines that were read already are there at once."""
        old = self.run
        self.run = self._run(old.around, task)
        self.run.store.add([it for it in old.store.kept.lines if not task or it.stream.task == task])

    def end(self) -> None:
        """Let go of every line: nobody looks any more. What is on its way is dropped when it comes."""
        self._ended = True
        self.run = self._run(None, "")

    def pause(self, why: str = "key") -> None:
        """Ask nothing of what is new."""
        self.paused = why

    def resume(self) -> None:
        """The other way round."""
        self.paused = ""

    def earlier(self) -> None:
        """A page before what is there."""
        run = self.run
        for place in self._askable():
            if self._resumed(place, newest=True):
                continue
            until = run.begins.get(place, run.opened)
            run.paged_queries.append(
                PagedLogQuery(place=place, since=until - BEFORE_S, until=until, newest=True, limit=PAGE)
            )

    def later(self) -> None:
        """A page after what is there; nothing where it is live: that reads on by itself."""
        run, now = self.run, self._clock.now()
        for place in () if run.live else self._askable():
            if self._resumed(place, newest=False):
                continue
            since = run.ends.get(place, run.opened)
            run.paged_queries.append(PagedLogQuery(place=place, since=since, until=min(now, since + AFTER_S), pages=2))

    def _resumed(self, place: LogDestination, newest: bool) -> bool:
        """Go on with what met nothing but empty pages; False: there is none."""
        paged_query = self.run.resting.pop((place, newest), None)
        if paged_query is None:
            return False
        paged_query.empty, paged_query.pages = EMPTY, max(1, paged_query.pages)
        self.run.paged_queries.append(paged_query)
        return True

    def retry(self) -> None:
        """Ask again now, whatever was refused."""
        run = self.run
        run.held.clear()
        run.missing.clear()
        self._wait_until = run.next_at = 0.0
        if self.places is None:
            self.trouble = None
        elif not run.live and not run.paged_queries:
            self.later()

    # --- what is asked next -------------------------------------------------------------------------------------------

    def due(self) -> bool:
        """Return whether a call is due now."""
        now = self._clock.monotonic()
        if self._ended or now < self._wait_until:
            return False
        return self.places is None or (bool(self.readable) and (self._poll_due(now) or self._first(now) is not None))

    def step(self, provider: object) -> None:
        """Make the next call, of the source's provider. What goes wrong is kept, not raised."""
        run, now = self.run, self._clock.monotonic()
        self.trouble = None
        if not isinstance(provider, SupportsLogs):
            self.fail(SourceError("this source cannot read logs"))
            return
        if self.places is None:
            self._find(provider)
            return
        if not run.planned:
            self._plan(run)
        if self._poll_due(now) and not self._would_drop(run):
            self._poll(run, now)
        paged_query = self._first(now)
        if paged_query is not None:
            self._ask(provider, run, paged_query)

    def fail(self, error: SourceError) -> None:
        """Note that there was no provider to ask."""
        self.trouble = error
        self._wait_until = self._clock.monotonic() + _back_off(error)

    def _run(self, around: float | None, task: str) -> LogSession:
        return LogSession(around=around, task=task, opened=self._clock.now(), store=LogBuffer())

    def _find(self, provider: SupportsLogs) -> None:
        self.calls += 1
        try:
            places = provider.log_places(self.service_id)
        except SourceError as error:
            self.fail(error)
        else:
            self.places = places

    def _plan(self, run: LogSession) -> None:
        """The first questions: what follows a time before what led to it, or the last minutes."""
        run.planned = True
        now = self._clock.now()
        for place in self.readable:
            if run.around is None:
                since = run.opened - LAST_S
                run.paged_queries.append(
                    PagedLogQuery(place=place, since=since, until=run.opened, newest=True, limit=FIRST)
                )
                continue
            at = run.around
            run.paged_queries.append(
                PagedLogQuery(place=place, since=at, until=max(at, min(now, at + AFTER_S)), pages=PAGES)
            )
            run.paged_queries.append(
                PagedLogQuery(place=place, since=at - BEFORE_S, until=at, newest=True, limit=FIRST)
            )

    def _poll_due(self, now: float) -> bool:
        run = self.run
        if not run.planned:
            return True
        return run.live and not self.paused and not run.paged_queries and now >= run.next_at

    def _poll(self, run: LogSession, now: float) -> None:
        """Look for what is new, and for what came late: from a while before the newest line on."""
        if not run.live or run.paged_queries:
            return
        run.next_at = now + POLL_S
        lines = run.store.kept.lines
        since = self._clock.now() - LAST_S
        if lines:
            since = max(since, lines[-1].at - LATE_S)
        if len(lines) >= OVERLAP:
            since = max(since, lines[-OVERLAP].at)
        for place in self._askable():  # what is before that was not wanted when it was opened
            begin = max(since, run.begins.get(place, since))
            paged_query = PagedLogQuery(place=place, since=begin, limit=0, pages=1_000_000, empty=1_000_000, tail=True)
            run.paged_queries.append(paged_query)

    def _askable(self) -> list[LogDestination]:
        return [p for p in self.readable if p not in self.run.missing]

    def _first(self, now: float) -> PagedLogQuery | None:
        """The first paged_query whose place is not held back."""
        for paged_query in tuple(self.run.paged_queries):
            if now >= self.run.held.get(paged_query.place, 0.0) and not (paged_query.tail and self.paused):
                return paged_query
        return None

    def _would_drop(self, run: LogSession) -> bool:
        """Return whether reading on would drop lines on screen: then the reading is paused."""
        lines = run.store.kept.lines
        if self.looking_at is None or not run.store.full:
            return False
        if bisect_left(lines, self.looking_at, key=lambda it: it.at) > len(lines) // 2:
            return False
        self.pause("memory")
        return True

    def _ask(self, provider: SupportsLogs, run: LogSession, paged_query: PagedLogQuery) -> None:
        if paged_query.tail and self._would_drop(run):
            return
        wanted = LogQuery(
            place=paged_query.place,
            since=paged_query.since,
            until=paged_query.until,
            task=run.task,
            newest=paged_query.newest,
            limit=paged_query.limit,
            token=paged_query.token,
        )
        try:
            page = provider.log_page(wanted)
        except SourceError as error:
            self.calls += 1
            run.troubles[paged_query.place] = error
            run.held[paged_query.place] = self._clock.monotonic() + _back_off(error)
            return
        if page.wait_s > 0:
            self._wait_until = self._clock.monotonic() + page.wait_s
            return
        self.calls += 1
        run.troubles.pop(paged_query.place, None)
        repeats = bool(page.token) and page.token in paged_query.named
        paged_query.named.add(page.token)
        if repeats or page.lacks:
            run.troubles[paged_query.place] = Malformed(page.lacks or REPEATS)
        if page.missing:
            run.missing[paged_query.place] = page.missing
            for other in [e for e in tuple(run.paged_queries) if e.place == paged_query.place]:
                run.paged_queries.remove(other)
            return
        run.store.add(page.lines, newest_stay=not paged_query.newest)
        self._follow(run, paged_query, page.lines, "" if repeats else page.token)

    def _follow(self, run: LogSession, paged_query: PagedLogQuery, lines: Any, token: str) -> None:
        """Go on with the next page, or be done with it: and remember how far everything was asked for."""
        if lines:
            paged_query.pages -= 1
        else:
            paged_query.empty -= 1
        paged_query.token = token
        place, at = paged_query.place, self._clock.now() if paged_query.until is None else paged_query.until
        if token and lines:
            if paged_query.newest:
                run.begins[place] = lines[0].at
            elif not paged_query.tail:
                run.ends[place] = lines[-1].at
        elif not token and paged_query.newest:
            run.begins[place] = paged_query.since
        elif not token:
            run.ends[place] = at
        if paged_query.newest:
            run.ends.setdefault(place, at)
        elif not paged_query.tail:
            run.begins.setdefault(place, paged_query.since)
        if not token or paged_query.pages <= 0 or paged_query.empty <= 0:
            run.paged_queries.remove(paged_query)
            if token and paged_query.pages > 0:
                run.resting[place, paged_query.newest] = paged_query


def _back_off(error: SourceError) -> float:
    if isinstance(error, Throttled):
        return error.retry_after_s or BACK_OFF_S
    return REFUSED_S if error.state in ("denied", "expired", "no_credentials") else BACK_OFF_S
