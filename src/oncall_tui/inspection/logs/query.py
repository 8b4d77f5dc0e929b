"""The next calls for a service's log, and their results. Nothing here waits, sleeps or starts a thread.

The screen asks ``due`` and has ``step`` run where it may block; each step makes one call at the most. So nobody who
does not look costs a call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

import msgspec

from oncall_tui.domain.logs import LogDestination, LogQuery
from oncall_tui.errors import SourceError, Throttled
from oncall_tui.inspection.logs.buffer import BufferedLines, LogBuffer
from oncall_tui.providers.base import SupportsLogs
from oncall_tui.runtime.clock import Clock

POLL_S = 2.0  # between looks at what is new
LATE_S = 30.0  # a line may be readable so long after its own time
OVERLAP = 1_000  # lines that are read again at the most, to find those that came late
AFTER_S, BEFORE_S = 600.0, 1800.0  # around an alert's start
LAST_S = 900.0  # "the last minutes"
PAGE, FIRST = 1_000, 400
PAGES = 4  # of PAGE lines, read by themselves; more of them by a key
EMPTY = 20  # empty pages in a row that are followed by themselves
BACK_OFF_S = 5.0
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


class LogSession(msgspec.Struct, kw_only=True):
    """One look: at all tasks or one, around a time or live. Another look is another run, and late answers to the old
    one are dropped.

    *begins* and *ends*: between them everything that may be read of a place was asked for. *resting*: errands that met
    nothing but empty pages, by place and whether they go back in time; a key goes on with them.
    """

    around: float | None
    task: str
    opened: float
    store: LogBuffer
    errands: deque[PagedLogQuery] = msgspec.field(default_factory=deque)
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
        return self.trouble is None and (self.places is None or any(not e.tail for e in tuple(self.run.errands)))

    @property
    def behind_s(self) -> float:
        """How far behind the newest line is while more is to be read; 0: it is not."""
        if not any(e.tail and e.token for e in tuple(self.run.errands)) or not self.kept.lines:
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
            run.errands.append(PagedLogQuery(place=place, since=until - BEFORE_S, until=until, newest=True, limit=PAGE))

    def later(self) -> None:
        """A page after what is there; nothing where it is live: that reads on by itself."""
        run, now = self.run, self._clock.now()
        for place in () if run.live else self._askable():
            if self._resumed(place, newest=False):
                continue
            since = run.ends.get(place, run.opened)
            run.errands.append(PagedLogQuery(place=place, since=since, until=min(now, since + AFTER_S), pages=2))

    def _resumed(self, place: LogDestination, newest: bool) -> bool:
        """Go on with what met nothing but empty pages; False: there is none."""
        errand = self.run.resting.pop((place, newest), None)
        if errand is None:
            return False
        errand.empty, errand.pages = EMPTY, max(1, errand.pages)
        self.run.errands.append(errand)
        return True

    def retry(self) -> None:
        """Ask again now, whatever was refused."""
        run = self.run
        run.held.clear()
        run.missing.clear()
        self._wait_until = run.next_at = 0.0
        if self.places is None:
            self.trouble = None
        elif not run.live and not run.errands:
            self.later()

    # --- what is asked next -------------------------------------------------------------------------------------------

    def due(self) -> bool:
        """Return whether a call is due now."""
        now = self._clock.monotonic()
        if now < self._wait_until:
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
        errand = self._first(now)
        if errand is not None:
            self._ask(provider, run, errand)

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
                run.errands.append(PagedLogQuery(place=place, since=since, until=run.opened, newest=True, limit=FIRST))
                continue
            at = run.around
            run.errands.append(PagedLogQuery(place=place, since=at, until=max(at, min(now, at + AFTER_S)), pages=PAGES))
            run.errands.append(PagedLogQuery(place=place, since=at - BEFORE_S, until=at, newest=True, limit=FIRST))

    def _poll_due(self, now: float) -> bool:
        run = self.run
        if not run.planned:
            return True
        return run.live and not self.paused and not run.errands and now >= run.next_at

    def _poll(self, run: LogSession, now: float) -> None:
        """Look for what is new, and for what came late: from a while before the newest line on."""
        if not run.live or run.errands:
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
            errand = PagedLogQuery(place=place, since=begin, limit=0, pages=1_000_000, empty=1_000_000, tail=True)
            run.errands.append(errand)

    def _askable(self) -> list[LogDestination]:
        return [p for p in self.readable if p not in self.run.missing]

    def _first(self, now: float) -> PagedLogQuery | None:
        """The first errand whose place is not held back."""
        for errand in tuple(self.run.errands):
            if now >= self.run.held.get(errand.place, 0.0) and not (errand.tail and self.paused):
                return errand
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

    def _ask(self, provider: SupportsLogs, run: LogSession, errand: PagedLogQuery) -> None:
        if errand.tail and self._would_drop(run):
            return
        wanted = LogQuery(
            place=errand.place,
            since=errand.since,
            until=errand.until,
            task=run.task,
            newest=errand.newest,
            limit=errand.limit,
            token=errand.token,
        )
        try:
            page = provider.log_page(wanted)
        except SourceError as error:
            self.calls += 1
            run.troubles[errand.place] = error
            run.held[errand.place] = self._clock.monotonic() + _back_off(error)
            return
        if page.wait_s > 0:
            self._wait_until = self._clock.monotonic() + page.wait_s
            return
        self.calls += 1
        run.troubles.pop(errand.place, None)
        if page.missing:
            run.missing[errand.place] = page.missing
            for other in [e for e in tuple(run.errands) if e.place == errand.place]:
                run.errands.remove(other)
            return
        run.store.add(page.lines, newest_stay=not errand.newest)
        self._follow(run, errand, page.lines, page.token)

    def _follow(self, run: LogSession, errand: PagedLogQuery, lines: Any, token: str) -> None:
        """Go on with the next page, or be done with it: and remember how far everything was asked for."""
        if lines:
            errand.pages -= 1
        else:
            errand.empty -= 1
        errand.token = token
        place, at = errand.place, self._clock.now() if errand.until is None else errand.until
        if token and lines:
            if errand.newest:
                run.begins[place] = lines[0].at
            elif not errand.tail:
                run.ends[place] = lines[-1].at
        elif not token and errand.newest:
            run.begins[place] = errand.since
        elif not token:
            run.ends[place] = at
        if errand.newest:
            run.ends.setdefault(place, at)
        elif not errand.tail:
            run.begins.setdefault(place, errand.since)
        if not token or errand.pages <= 0 or errand.empty <= 0:
            run.errands.remove(errand)
            if token and errand.pages > 0:
                run.resting[place, errand.newest] = errand


def _back_off(error: SourceError) -> float:
    if isinstance(error, Throttled):
        return error.retry_after_s or BACK_OFF_S
    return REFUSED_S if error.state in ("denied", "expired", "no_credentials") else BACK_OFF_S
