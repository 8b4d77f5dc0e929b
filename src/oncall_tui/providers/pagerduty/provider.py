"""The PagerDuty provider: open incidents, who has them, when they escalate, and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change, newest
from oncall_tui.domain.on_call import OnCallShift
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, TimelineEvent
from oncall_tui.providers.http import DecodeCache, Http, http_settings
from oncall_tui.providers.http.change_feed import ChangeFeed
from oncall_tui.providers.lists import Damage, Items
from oncall_tui.providers.pagerduty import change_events, schedule_edits
from oncall_tui.providers.pagerduty.ack_timeouts import AckTimeouts
from oncall_tui.providers.pagerduty.acknowledge import PagerDutyAcknowledge, PagerDutyResolve
from oncall_tui.providers.pagerduty.api import ACCEPT, LAST, PagerDutyApi, error_text, token_lock
from oncall_tui.providers.pagerduty.assignees import NOBODY, AssigneeTracker
from oncall_tui.providers.pagerduty.assignment import AssignmentHandler, Reassign
from oncall_tui.providers.pagerduty.escalate import PagerDutyEscalate
from oncall_tui.providers.pagerduty.escalation_levels import PagerDutyLevel, is_now, levels
from oncall_tui.providers.pagerduty.handler_context import PagerDutyHandlerContext
from oncall_tui.providers.pagerduty.incident_labels import NONE, Details, details
from oncall_tui.providers.pagerduty.mapping import row
from oncall_tui.providers.pagerduty.merge import Merge
from oncall_tui.providers.pagerduty.note import AddNote
from oncall_tui.providers.pagerduty.on_call import shifts
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.past import PagerDutyPast
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, Reference, shared
from oncall_tui.providers.pagerduty.snooze import Snooze
from oncall_tui.providers.pagerduty.timeline import told
from oncall_tui.providers.paging import Paging

if TYPE_CHECKING:
    import httpx

DETAILS_A_POLL = 20  # incidents whose alerts are read in one poll
DETAILS_S = 2.0  # and how long that may take: the list itself is what matters
MORE_IN_S = 3.0  # with more of them to read, the next poll: 20 each 3 s are 400 calls of the 960 a minute
LONG = 100  # a list of more than one page is not read again for each such poll: 5,000 incidents are 53 calls
DENIED_S = 300.0  # a token that may not read alerts is not asked again at once


class _PagerDutyEntry:
    """One incident as decoded, and the row that was made of it with the details known then."""

    __slots__ = ("details", "held", "incident", "row", "snoozed")

    def __init__(self, incident: PagerDutyIncident, made: Alert) -> None:
        self.incident = incident
        self.row = made
        self.details = NONE
        self.snoozed = False
        self.held = NOBODY


class _Listed(NamedTuple):
    """The whole list as it was read: *at* (epoch seconds), how its pages ended, whether it *moved*, and its damage."""

    entries: list[_PagerDutyEntry]
    at: float
    paging: Paging[int]
    moved: bool
    damage: Damage


class PagerDutyProvider:
    """One PagerDuty account (base.Provider). One call a page and poll, and one for each new incident.

    While the alerts of many incidents are still to be read, a long list is read each interval all the same and no more
    often: the polls between read alerts alone, and give the list's rows as old as they are.
    """

    provider = "pagerduty"
    history_calls_per_s = 8.0  # half of the 960 a minute that a key has

    def __init__(self, options: PagerDutyOptions, http: Http, context: Context) -> None:
        clock, read_only = context.clock, context.read_only
        self.source = options.name
        self.interval_s = options.interval_s or 10.0
        self.stale_after_s = 3 * self.interval_s
        self.login = options.login
        real = (urlsplit(options.url).hostname or "").endswith(".pagerduty.com")
        self.banner = "" if real else f"endpoint {http.url}"
        self._http = http
        self._clock = clock
        self._read_only = read_only
        self._mine = options.mine
        self._email = context.actor_email
        self._api = PagerDutyApi(http, options)
        self._references: dict[Reference, Reference] = {}
        self._listing = DecodeCache(PagerDutyIncident, self._entry)
        self._listed: _Listed | None = None  # what the next poll need not read again
        self._list_at = 0.0  # when it has to, all the same (monotonic)
        self._details: dict[str, tuple[int, Details]] = {}
        self._details_damage: dict[str, Damage] = {}
        self._details_after = 0.0
        self._details_problem: PartialFailure | None = None
        self._by_id: dict[str, Alert] = {}
        self._lapses = AckTimeouts(self._api, clock)
        self._holders = AssigneeTracker(self._api, clock)
        self._changes = ChangeFeed(clock, partial(change_events.read, self._api, options))
        self._reads_changes = options.change_events
        self._edits = ChangeFeed(clock, partial(schedule_edits.read, self._api, options))
        self._reads_edits = options.schedule_edits
        self._edits_asked = False  # with everything, and not read since
        self._past = PagerDutyPast(self.source, self._api, http)
        self._handler_context = handler_context = PagerDutyHandlerContext(
            options, self._api, clock, self._lapses, read_only
        )
        givers = AssignmentHandler(handler_context)
        self._handlers: dict[Verb, ActionHandler] = {
            Verb.ACKNOWLEDGE: PagerDutyAcknowledge(handler_context),
            Verb.NOTE: AddNote(handler_context),
            Verb.ESCALATE: PagerDutyEscalate(handler_context, givers),
            Verb.RESOLVE: PagerDutyResolve(handler_context),
            Verb.SNOOZE: Snooze(handler_context),
            Verb.REASSIGN: Reassign(handler_context, givers),
            Verb.MERGE: Merge(handler_context),
        }

    def _entry(self, told: PagerDutyIncident) -> _PagerDutyEntry:
        incident = shared(told, self._references)
        return _PagerDutyEntry(incident, row(self.source, incident, NONE, self._read_only, mine=self._mine))

    def read(self, request: ReadRequest) -> Reading:
        """Every open incident. Raises errors.SourceError where the list cannot be read whole."""
        calls = self._http.calls
        listed = self._list(request)
        incidents = [entry.incident for entry in listed.entries]
        self._holders.follow(incidents)
        left = 0
        request.tell_part(lambda: self._so_far(listed, calls))  # the incidents' own alerts take a call each
        if (
            not self._api.low or request.fresh
        ):  # few calls are left: the list alone, and more of it when there are again
            self._lapses.read_missing(incidents)
            self._holders.find_levels(incidents)
            left = self._read_details(listed.entries, request.watch)
        self._listed = listed if left and listed.damage.total > LONG else None
        changes, unread = self._read_changes(request.fresh)
        return Reading(
            source=self.source,
            at=listed.at,
            alerts=self._rows(listed.entries),
            changes=changes,
            problems=(*self._problems(listed), *unread),
            next_in_s=self._next_in(left),
            calls=self._http.calls - calls,
            clock_off_s=self._http.clock_off_s,
        )

    def _read_changes(self, fresh: bool) -> tuple[tuple[Change, ...], tuple[PartialFailure, ...]]:
        """Read one of the two feeds of changes at most: together they would hold up the alerts twice as long. The other
        is read at the next poll.
        """
        calls = self._http.calls
        told, unread = self._changes.read(fresh, self._reads_changes and not self._api.low)
        asked = self._http.calls != calls
        self._edits_asked |= fresh
        may_ask = self._reads_edits and not self._api.low and not asked
        edits, more = self._edits.read(self._edits_asked, may_ask)
        self._edits_asked &= not may_ask
        return (newest((*told, *edits), self._clock.now()) if edits else told), (*unread, *more)

    def _so_far(self, listed: _Listed, calls: int) -> Reading:
        return Reading(
            source=self.source,
            at=listed.at,
            alerts=self._rows(listed.entries),
            calls=self._http.calls - calls,
            complete=False,
            clock_off_s=self._http.clock_off_s,
        )

    def _list(self, request: ReadRequest) -> _Listed:
        """The list, read anew but where the last one is kept. Where that fails, none is kept."""
        now = self._clock.monotonic()
        if self._listed and not request.fresh and not request.watch and now < self._list_at:
            return self._listed
        self._listed, self._list_at = None, now + self.interval_s - MORE_IN_S / 2
        at = self._clock.now()  # what is read is as old as the first call
        if self._mine and not self._api.mine:
            self._api.mine = self._who().id
        calls = self._http.calls

        def so_far(raws: Items[PagerDutyIncident]) -> None:
            request.tell_part(
                lambda: self._so_far(_Listed(self._listing.take(raws)[0], at, Paging(0), False, Damage()), calls)
            )

        raws, paging, moved = self._api.open_incidents(so_far if request.part is not None else None)
        entries, damage = self._listing.take(raws)
        damage.raise_if_all(self._http.host, "incidents")
        return _Listed(entries, at, paging, moved, damage)

    def _next_in(self, left: int) -> float | None:
        if self._api.low:
            return max(self.interval_s, self._api.reset_s)
        return min(MORE_IN_S, self.interval_s) if left else None

    def _who(self) -> Reference:
        """Return the user of the program, by the token, else by ``me.email``. Raises SourceError where unknown."""
        me = self._api.me() or (self._api.user(self._email) if self._email else None)
        if me is None:
            raise errors.NoCredentials(
                "PagerDuty does not say which user this token is, so your incidents are not known",
                "use a user's token, or set me.email to the address of a user of the account",
            )
        return me

    def _rows(self, entries: list[_PagerDutyEntry]) -> tuple[Alert, ...]:
        by_id: dict[str, Alert] = {}
        for entry in entries:
            _, known = self._details.get(entry.incident.id, (0, NONE))
            snoozed = self._lapses.snoozed(entry.incident)
            held = self._holders.of(entry.incident)
            if known is not entry.details or snoozed is not entry.snoozed or held is not entry.held:
                entry.details, entry.snoozed, entry.held = known, snoozed, held
                entry.row = row(self.source, entry.incident, known, self._read_only, snoozed, held, self._mine)
            old = self._by_id.get(entry.row.id)
            if old is not None and old == entry.row:
                entry.row = old
            by_id[entry.row.id] = entry.row
        self._by_id = by_id
        return tuple(by_id.values())

    def _problems(self, listed: _Listed) -> tuple[PartialFailure, ...]:
        problems = [self._details_problem] if self._details_problem else []
        inside = Damage()
        for damage in self._details_damage.values():
            inside.add(damage)
        problems += inside.problems("incidents' alerts")
        if listed.paging.repeats:
            problems += listed.paging.problems("incidents", listed.damage.total)
        elif listed.paging.cut:
            message = f"over {LAST:,} are open, and the API shows no more than that"
            problems.append(
                PartialFailure(SourceState.DENIED, "incidents", message, "narrow it: teams, services, urgencies")
            )
        elif listed.moved:
            problems.append(
                PartialFailure(
                    SourceState.STALE, "incidents", "the list changed while it was read: some incidents may be missing"
                )
            )
        return (*problems, *listed.damage.problems("incidents"))

    def _read_details(self, entries: list[_PagerDutyEntry], watch: frozenset[str]) -> int:
        """Read the alerts of incidents that are new or have grown, a few a poll. How many are left for the next."""
        counts = {e.incident.id: (e.incident.alert_counts.all if e.incident.alert_counts else 0) for e in entries}
        self._details = {i: known for i, known in self._details.items() if i in counts}
        self._details_damage = {i: damage for i, damage in self._details_damage.items() if i in counts and damage}
        wanted = [e for e in entries if self._details.get(e.incident.id, (-1, NONE))[0] != counts[e.incident.id]]
        wanted.sort(key=lambda e: (e.row.id not in watch, -e.row.began))
        started = self._clock.monotonic()
        if started < self._details_after:
            return 0
        self._details_problem = None
        for done, entry in enumerate(wanted):
            if done >= DETAILS_A_POLL or self._clock.monotonic() - started > DETAILS_S:
                return len(wanted) - done
            incident_id = entry.incident.id
            try:
                damage = Damage()
                self._details[incident_id] = (counts[incident_id], details(self._api.alerts(incident_id, damage)))
                self._details_damage[incident_id] = damage
            except errors.SourceError as error:
                self._details_problem = PartialFailure(
                    SourceState(error.state), "incidents' alerts", error.message, error.hint
                )
                if isinstance(error, errors.Denied):
                    self._details_after = started + DENIED_S
                return 0
        return 0

    def oncalls(self, target: str) -> tuple[PagerDutyLevel, ...]:
        """Return the people on call at each level of the policy of *target* (a row's id). Raises SourceError."""
        incident = self._api.incident(target.removeprefix(self.source + "/"))
        return levels(self._api, incident.policy, self._http.server_now()) if incident and incident.policy else ()

    def on_call(self) -> tuple[OnCallShift, ...]:
        """Return the shifts at each level of each policy, and the next (base.SupportsOnCall). Raises SourceError."""
        return shifts(self._api, self._http.server_now())

    @property
    def on_call_lacks(self) -> str:
        """Return the omissions of the last ``on_call``, in words; empty: none."""
        return self._api.oncalls_lack

    def on_call_now(self) -> bool | None:
        """Return whether the user is on call, at any level. None where the user is not known."""
        try:
            me = self._who()
        except errors.NoCredentials:
            return None
        now = self._http.server_now()
        return any(one.user.id == me.id and is_now(one, now) for one in self._api.oncalls())

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        """Read an incident's events (by a row's id), newest first (base.SupportsTimeline). Raises SourceError.

        Its log entries, a hundred at most, and the changes that PagerDuty holds to be related to it.
        """
        return told(self._api, target.removeprefix(self.source + "/"), self._http.server_now())

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read a page of past incidents (base.SupportsHistory). Raises SourceError."""
        return self._past.page(span, after)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Return the handlers of an incident's verbs."""
        return self._handlers

    def renew(self) -> None:
        """Read the token anew."""
        self._http.renew()
        self._api.mine = ""
        self._listed = None
        self._handler_context.forget()
        self._changes.renew()
        self._edits.renew()
        self._details_after = 0.0

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def build(
    options: PagerDutyOptions, context: Context, transport: httpx.BaseTransport | None = None
) -> PagerDutyProvider:
    """The provider for one source. Opens nothing yet. *transport* is for tests."""
    http = Http(
        source=context.source,
        url=options.url,
        clock=context.clock,
        authorization=lambda: "Token token=" + options.token.get(),
        secrets=(options.token,),
        headers={"Accept": ACCEPT, "Content-Type": "application/json"},
        serial=token_lock(options),
        error_words=error_text,
        settings=http_settings(options),
        transport=transport,
    )
    return PagerDutyProvider(options, http, context)
