"""The RDS provider: what happened to the DB instances and clusters of one account and region. It writes nothing.

Facts: RDS's API reference (DescribeEvents: events of the last 14 days, of the last hour where no time is asked for; 20
to 100 a page, the next one by Marker). Nothing is asked of each database: one call tells of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.change import KEPT_S, newest
from oncall_tui.domain.reading import PartialFailure, Reading
from oncall_tui.providers.aws.client import arn, rate_limit
from oncall_tui.providers.aws.client.client import AwsClient, Transport
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.options import RdsOptions
from oncall_tui.providers.aws.rds import schema as w
from oncall_tui.providers.aws.rds.mapping import CLUSTER, INSTANCE, OPEN_S, DatabaseEvent, changes
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging

BEFORE_S = KEPT_S + OPEN_S  # how far back the first reading goes: the begin of whatever a reading keeps is in it
OVERLAP_S = 300.0  # of two readings, for events that are told late
PAGES, PAGE = 50, 100


class RdsProvider:
    """One RDS source. *calls* counts AWS calls by operation since the start."""

    provider = "rds"
    interval_s = 60.0
    stale_after_s = 180.0

    def __init__(self, options: RdsOptions, context: Context, transport: Transport | None = None) -> None:
        self.source = options.name
        self.calls: Counter[str] = Counter()
        self._options, self._clock = options, context.clock
        self._sessions = Sessions(options)
        self.login = self._sessions.login
        aside = rate_limit.shared(context.clock, *self._sessions.budget_key(), "rds")  # AWS throttles it apart from ECS
        self._client = AwsClient(self._sessions, "rds", aside, self.calls, transport)
        self._events: frozenset[DatabaseEvent] = frozenset()
        self._read_to = 0.0  # epoch seconds
        self._problems: tuple[PartialFailure, ...] = ()

    @property
    def banner(self) -> str:
        """``endpoint http://…`` where it is not AWS that is asked."""
        return self._sessions.banner("rds")

    def read(self, request: ReadRequest) -> Reading:
        """The changes of the last day. Raises SourceError where they cannot be read."""
        before, now = self.calls.total(), self._clock.now()
        wait: float | None = None
        try:
            found = self._read(max(now - BEFORE_S, self._read_to - OVERLAP_S))
        except RateLimited as later:
            if not self._read_to:
                raise errors.Throttled("RDS throttled before its first answer", "", later.wait_s) from later
            wait = later.wait_s
        else:
            self._events = frozenset(one for one in (*self._events, *found) if one.at >= now - BEFORE_S)
            self._read_to = now
        region = self._sessions.region("rds")
        return Reading(
            source=self.source,
            at=now if wait is None else self._read_to,
            changes=newest(changes(self.source, self._events, now, region), now),
            problems=self._problems,
            next_in_s=wait,
            calls=self.calls.total() - before,
        )

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """None: nothing is done to a database from here."""
        return {}

    def renew(self) -> None:
        """Forget keys and clients."""
        self._sessions.renew()

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()

    def _wanted(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self._options.databases)

    def _read(self, since: float) -> list[DatabaseEvent]:
        found: list[w.RdsEvent] = []
        damage, paging = Damage(), Paging("", most=PAGES)
        for marker in paging:
            page = self._client.read(
                w.DescribeEvents,
                "DescribeEvents",
                Priority.ACT if marker else Priority.HOT,  # what was begun is ended
                damage,
                StartTime=datetime.fromtimestamp(since, UTC),
                MaxRecords=PAGE,
                **({"Marker": marker} if marker else {}),
            )
            found += page.events
            paging.follow(page.marker)
        told = [(event.at, event) for event in found]
        for _ in [event for at, event in told if at is None]:
            damage.lose("an event without a time")
        damage.raise_if_all("RDS", "events")
        self._problems = (*damage.problems("events"), *paging.problems("events", len(found)))
        return [
            DatabaseEvent(
                at,
                e.source_identifier,
                e.source_type,
                tuple(e.event_categories),
                e.message,
                arn.parse(e.source_arn).account,
            )
            for at, e in told
            if at is not None and e.source_type in (INSTANCE, CLUSTER) and self._wanted(e.source_identifier)
        ]


def build(options: RdsOptions, context: Context) -> RdsProvider:
    """The provider of one configured source. Reads ``~/.aws/config``, makes no call."""
    return RdsProvider(options, context)
