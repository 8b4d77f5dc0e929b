"""The Sentry provider: issues that were seen lately, unresolved or ignored for a time, and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, TimelineEvent
from oncall_tui.providers.http import DecodeCache, Http, http_settings
from oncall_tui.providers.http.change_feed import ChangeFeed
from oncall_tui.providers.lists import Items, listing
from oncall_tui.providers.sentry import releases
from oncall_tui.providers.sentry.api import READ_RIGHT, UNRESOLVED, UNTIL, WRITE_RIGHT, SentryApi, error_text
from oncall_tui.providers.sentry.assignee import AssignmentKind, holding, in_question
from oncall_tui.providers.sentry.assignment import Assign, Unassign
from oncall_tui.providers.sentry.handler_context import SentryHandlerContext
from oncall_tui.providers.sentry.mapping import row
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.past import SentryPast
from oncall_tui.providers.sentry.resolve import Ignore, SentryResolve
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.providers.sentry.timeline import told
from oncall_tui.runtime.clock import Clock

if TYPE_CHECKING:
    import httpx


ACTIVITIES_A_POLL = 8  # issues whose activity is read in one poll
ACTIVITIES_S = 2.0  # and how long that may take: the list itself is what matters
MORE_IN_S = 3.0  # with more of them to read, the next poll
AGAIN_S = 60.0  # an issue that nobody has taken is read again: somebody may have assigned it to the same person


class _SentryEntry:
    """One issue as decoded, and the row that was made of it with what was known then of who has it."""

    __slots__ = ("held", "issue", "row")

    def __init__(self, issue: SentryIssue, held: AssignmentKind, made: Alert) -> None:
        self.issue = issue
        self.held = held
        self.row = made


class _ReadActivity(NamedTuple):
    """One issue's activity as read: *of* is the issue's state then, *at* the time of reading (monotonic)."""

    of: tuple[str, str | None]
    held: AssignmentKind
    at: float


class SentryProvider:
    """One organization (base.Provider). Two calls a poll: what is unresolved, and what is ignored until a time.

    And one for each issue that is new or came back, and is assigned: who did that is in a single issue's answer alone.
    """

    provider = "sentry"
    history_calls_per_s = 2.0  # of the 5 a second for single issues

    def __init__(self, options: SentryOptions, http: Http, clock: Clock, read_only: bool) -> None:
        self.source = options.name
        self.interval_s = (
            options.interval_s or 30.0
        )  # its documents: "Polling the API … is likely to quickly trigger rate limiting"
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        self.banner = ""
        self._options = options
        self._http = http
        self._clock = clock
        self._read_only = read_only
        self._api = SentryApi(http, options, clock)
        self._past = SentryPast(options, self._api, http)
        self._changes = ChangeFeed(clock, partial(releases.read, self._api, options))
        self._listing = DecodeCache(SentryIssue, self._entry)
        self._known: dict[str, _ReadActivity] = {}
        self._writes: dict[str, int] = {}  # how often an issue was written to from here
        self._ignored: Items[SentryIssue] = listing(())  # the last good ones
        self._by_id: dict[str, Alert] = {}
        context = SentryHandlerContext(options, self._api, clock, read_only, self._forget)
        self._handlers: dict[Verb, ActionHandler] = {
            Verb.ACKNOWLEDGE: Assign(context),
            Verb.UNACKNOWLEDGE: Unassign(context),
            Verb.RESOLVE: SentryResolve(context),
            Verb.SILENCE: Ignore(context),
        }

    def _entry(self, issue: SentryIssue) -> _SentryEntry:
        held = holding(issue)
        return _SentryEntry(issue, held, row(self._options, issue, held, self._read_only))

    def _forget(self, issue_id: str) -> None:
        self._writes[issue_id] = self._writes.get(issue_id, 0) + 1
        self._known.pop(issue_id, None)

    def read(self, request: ReadRequest) -> Reading:
        """Every issue that is asked for. Raises errors.SourceError where the list cannot be read whole."""
        calls, at = self._http.calls, self._clock.now()  # what is read is as old as the first call

        def so_far(raws: Items[SentryIssue]) -> None:
            request.tell_part(lambda: self._so_far(raws, at, calls))

        unresolved, paging = self._api.issues(UNRESOLVED, so_far)
        lost, problems = self._read_ignored()
        # An issue may be in both, ignored between the two reads, or since not ignored any more: the later read holds.
        raws = listing([*self._ignored, *unresolved] if lost else [*unresolved, *self._ignored])
        found, damage = self._listing.take(raws)
        damage.raise_if_all(self._http.host, "issues")
        left, trouble = self._read_activities(found, request.watch)
        self._by_id = {alert.id: alert for alert in map(self._row, found)}
        hint = "narrow it: projects, environments, levels, query, seen_within" if paging.cut else ""
        cut = paging.problems("issues", len(unresolved), hint)
        changes, unread = self._changes.read(request.fresh, self._options.releases)
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(self._by_id.values()),
            changes=changes,
            problems=(*problems, *trouble, *cut, *damage.problems("issues"), *unread),
            next_in_s=min(MORE_IN_S, self.interval_s) if left else None,
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def _so_far(self, raws: Items[SentryIssue], at: float, calls: int) -> Reading:
        """Return the unresolved issues of the pages that came."""
        self._by_id = {alert.id: alert for alert in map(self._row, self._listing.take(raws)[0])}
        return Reading(
            source=self.source,
            at=at,
            alerts=tuple(self._by_id.values()),
            calls=self._http.calls - calls,
            complete=False,
            clock_off_s=self._http.clock_off_s,
        )

    def _read_ignored(self) -> tuple[bool, list[PartialFailure]]:
        """Read what is ignored, so that it does not look resolved. Where that fails the rest is true: a problem.

        Tells also whether the list could not be read.
        """
        try:
            self._ignored, paging = self._api.issues(UNTIL)
        except errors.SourceError as error:
            return True, [PartialFailure(SourceState(error.state), "ignored issues", error.message, error.hint)]
        return False, paging.problems("ignored issues", len(self._ignored), "narrow it" if paging.cut else "")

    def _read_activities(self, entries: list[_SentryEntry], watch: frozenset[str]) -> tuple[int, list[PartialFailure]]:
        """Learn who assigned what is in question, a few a poll. How many are left, and what went wrong."""
        asked = {entry.issue.id: entry for entry in entries if in_question(entry.issue)}
        self._known = {i: known for i, known in list(self._known.items()) if i in asked and known.of == _of(asked[i])}
        started = self._clock.monotonic()
        wanted = [entry for entry in asked.values() if self._due(entry, started)]
        wanted.sort(key=lambda e: (e.issue.id in self._known, e.row.id not in watch, -e.row.began))
        for done, entry in enumerate(wanted):
            if done >= ACTIVITIES_A_POLL or self._clock.monotonic() - started > ACTIVITIES_S:
                return sum(e.issue.id not in self._known for e in wanted), []
            writes = self._writes.get(entry.issue.id)
            try:
                issue = self._api.issue(entry.issue.id)
            except errors.SourceError as error:
                return 0, [PartialFailure(SourceState(error.state), "who assigned", error.message, error.hint)]
            held = holding(issue) if issue is not None else AssignmentKind.TAKEN
            if self._writes.get(entry.issue.id) == writes:  # else it may be older than the write
                self._known[entry.issue.id] = _ReadActivity(_of(entry), held, self._clock.monotonic())
        return 0, []

    def _due(self, entry: _SentryEntry, now: float) -> bool:
        known = self._known.get(entry.issue.id)
        return known is None or (known.held is not AssignmentKind.TAKEN and now - known.at > AGAIN_S)

    def _row(self, entry: _SentryEntry) -> Alert:
        """The row of the last poll where it says the same: much of an issue's JSON moves that no row shows."""
        known = self._known.get(entry.issue.id)
        held = known.held if known else holding(entry.issue)
        if held is not entry.held:
            entry.held, entry.row = held, row(self._options, entry.issue, held, self._read_only)
        old = self._by_id.get(entry.row.id)
        if old is not None and old == entry.row:
            entry.row = old
        return entry.row

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        """List what happened to an issue (a row's id), newest first. One call. Raises SourceError."""
        issue = self._api.issue(target.removeprefix(f"{self.source}/"))
        return told(issue, self._clock.now()) if issue is not None else ()

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read a page of resolved issues (base.SupportsHistory). Raises SourceError."""
        return self._past.page(span, after)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Return the handlers of an issue's verbs."""
        return self._handlers

    def renew(self) -> None:
        """Read the token anew."""
        self._http.renew()
        self._changes.renew()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def _of(entry: _SentryEntry) -> tuple[str, str | None]:
    """Return the key of a read activity: another assignee or substatus needs a new reading."""
    return str(entry.issue.assignedTo.id) if entry.issue.assignedTo else "", entry.issue.substatus


def build(options: SentryOptions, context: Context, transport: httpx.BaseTransport | None = None) -> SentryProvider:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    http = Http(
        source=context.source,
        url=options.url.rstrip("/").removesuffix("/api/0"),
        clock=context.clock,
        authorization=lambda: "Bearer " + options.token.get(),
        secrets=(options.token,),
        error_words=error_text,
        read_right=READ_RIGHT,
        write_right=WRITE_RIGHT,
        settings=http_settings(options),
        transport=transport,
    )
    return SentryProvider(options, http, context.clock, context.read_only)
