"""The CloudWatch provider: alarms of every type of one account and region, and silencing one.

There is no acknowledge in CloudWatch, so none is offered here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, ServiceHint
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan
from oncall_tui.providers.aws.client import arn, rate_limit
from oncall_tui.providers.aws.client.client import AwsClient, Transport
from oncall_tui.providers.aws.client.errors import NOT_OFFERED
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.cloudwatch import history as cw_history
from oncall_tui.providers.aws.cloudwatch import mapping
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ALARM_TYPES, ask_most, unread_words
from oncall_tui.providers.aws.cloudwatch.edits import AlarmEdits
from oncall_tui.providers.aws.cloudwatch.metrics import Metrics
from oncall_tui.providers.aws.cloudwatch.mute_rules import ActiveMute, MuteRules
from oncall_tui.providers.aws.cloudwatch.past import CloudWatchPast
from oncall_tui.providers.aws.cloudwatch.silence import CloudWatchSilence
from oncall_tui.providers.aws.options import CloudWatchOptions
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, TimelineEvent
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging

MUTES_S = 120.0
NO_DATA_S = 60.0
DENIED_S = 300.0


class CloudWatchProvider:
    """One CloudWatch source. *calls* counts AWS calls by operation since the start."""

    provider = "cloudwatch"
    interval_s = (
        15.0  # DescribeAlarms has 9 calls a second for an account ("CloudWatch service quotas"), ECS's own included
    )
    stale_after_s = 60.0
    history_calls_per_s = 2.0  # of the 9 a second

    def __init__(self, options: CloudWatchOptions, context: Context, transport: Transport | None = None) -> None:
        self.source = options.name
        self.calls: Counter[str] = Counter()
        self._options, self._clock = options, context.clock
        self._sessions = Sessions(options)
        self.login = self._sessions.login
        allowance = rate_limit.shared(context.clock, *self._sessions.budget_key())
        self._client = AwsClient(self._sessions, "cloudwatch", allowance, self.calls, transport)
        self._mutes = MuteRules(self._client)
        self._edits = AlarmEdits(options.name, self._client, context.clock, options.show_target_tracking)
        self._past = CloudWatchPast(options, self._client, context.clock)
        aside = rate_limit.shared(context.clock, *self._sessions.budget_key(), "metrics")  # AWS throttles it apart
        watch = AwsClient(self._sessions, "cloudwatch", aside, self.calls, transport)
        self._metrics = Metrics(watch, context.clock, lambda: (options.account, self._sessions.region("cloudwatch")))
        self._can_act = not context.read_only
        self._account = options.account
        self._muted: Mapping[str, ActiveMute] = {}
        self._rows: dict[str, Alert] = {}
        self._hints: dict[str, ServiceHint] = {}  # what each alarm that was ever read speaks of, by its name
        self._firing: dict[str, str] = {}  # the ARNs of those in ALARM now, by name
        self._no_data: list[w.CloudWatchAlarm] = []
        self._problems: dict[str, PartialFailure] = {}
        self._lacks: dict[str, list[PartialFailure]] = {}  # of lists that came with holes, by what was asked
        self._mutes_at = self._no_data_at = self._all_types_at = 0.0
        self._types: tuple[str, ...] = ALARM_TYPES  # those that are to be had here
        self._many = False  # more than a page of alarms: ask for those that are not OK alone
        silence = CloudWatchSilence(options.name, self._client, context.clock, options.act_profile or options.profile)
        self._handlers: dict[Verb, ActionHandler] = {Verb.SILENCE: silence} if self._can_act else {}

    @property
    def banner(self) -> str:
        """``endpoint http://…`` where it is not AWS that is asked."""
        return self._sessions.banner("cloudwatch")

    def read(self, request: ReadRequest) -> Reading:
        """All alarms that are not OK. Raises SourceError where they cannot be read."""
        before = self.calls.total()
        now, due = self._clock.now(), self._clock.monotonic()
        if request.fresh:
            self._mutes_at = self._no_data_at = self._all_types_at = 0.0
            self._edits.again()
        try:
            alarms = self._alarms(due)
        except RateLimited as later:
            kept = tuple(self._rows.values())
            told, wait = self._told(), later.wait_s
            changes = self._edits.found
            return Reading(source=self.source, at=now, alerts=kept, changes=changes, problems=told, next_in_s=wait)
        self._read_mutes(due)
        self._edits.place(*self._place(alarms))
        self._edits.read(any(a.alarm_name not in self._firing for a in alarms if a.state_value == "ALARM"))
        self._hints.update((a.alarm_name, mapping.hint(a)) for a in alarms if not a.alarm_rule)
        self._firing = {a.alarm_name: a.alarm_arn for a in alarms if a.state_value == "ALARM"}
        rows = (self._row(a) for a in alarms)
        self._rows = {r.id: self._rows[r.id] if self._rows.get(r.id) == r else r for r in rows if r is not None}
        return Reading(
            source=self.source,
            at=now,
            alerts=tuple(self._rows.values()),
            changes=self._edits.found,
            problems=self._told(),
            calls=self.calls.total() - before,
        )

    def _place(self, alarms: Sequence[w.CloudWatchAlarm]) -> tuple[str, str]:
        """Return the account and region of its alarms, as far as they are known: no call is made for that."""
        if named := next((a.alarm_arn for a in alarms if a.alarm_arn), ""):
            self._account = arn.parse(named).account or self._account
        return self._account, self._sessions.region("cloudwatch")

    def service_metrics(self, service_id: str) -> tuple[tuple[str, Metric], ...]:
        """None: a service is its ECS source's to tell of."""
        return ()

    def measure(self, wanted: Sequence[tuple[str, Metric]], since: float, until: float) -> tuple[Series, ...]:
        """Measure all of them in one call, in their order; times are seconds since the epoch. Raises SourceError."""
        return self._metrics.measure(wanted, since, until)

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        """Read an alarm's events, newest first. Raises SourceError."""
        return cw_history.read(self._client, target.removeprefix(f"{self.source}/"))

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read a page of the alarms' history (base.SupportsHistory). Raises SourceError."""
        return self._past.page(span, after)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Silencing, unless nothing may be written."""
        return self._handlers

    def renew(self) -> None:
        """Forget keys and clients."""
        self._sessions.renew()

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()

    # --- reading ---

    def _row(self, alarm: w.CloudWatchAlarm) -> Alert | None:
        o = self._options
        mute = self._muted.get(alarm.alarm_name)
        known = mapping.OtherAlarms(self._hints, self._firing)
        row = mapping.alert(self.source, alarm, mute, o.severity, o.show_target_tracking, self._can_act, known)
        if row is not None and row.until is not None and row.until <= self._clock.now():  # it ended since it was read
            return mapping.alert(self.source, alarm, None, o.severity, o.show_target_tracking, self._can_act, known)
        return row

    def _alarms(self, now: float) -> list[w.CloudWatchAlarm]:
        if not self._many:
            pages, found = self._pages(now, {})
            self._many = pages > 1
            return found
        _, firing = self._pages(now, {"StateValue": "ALARM"})
        if now >= self._no_data_at:
            _, self._no_data = self._pages(now, {"StateValue": "INSUFFICIENT_DATA"})
            self._no_data_at = now + NO_DATA_S
        names = {a.alarm_name for a in firing}
        return firing + [a for a in self._no_data if a.alarm_name not in names]

    def _pages(self, now: float, which: dict[str, str]) -> tuple[int, list[w.CloudWatchAlarm]]:
        """Every page, of every type of alarm that can be read here; the others are asked for again in five minutes."""
        asked = self._types if now < self._all_types_at else ALARM_TYPES
        answer, self._types, error = ask_most(lambda types: self._all_pages({**which, "AlarmTypes": types}), asked)
        if error is not None:
            scope = unread_words(self._types)
            hint = "needs cloudwatch:DescribeAlarms on *" if isinstance(error, errors.Denied) else error.hint
            self._problems["types"] = PartialFailure(SourceState(error.state), scope, error.message, hint)
            self._all_types_at = now + DENIED_S
        elif self._types == ALARM_TYPES:
            self._problems.pop("types", None)
        return answer

    def _all_pages(self, params: dict[str, object]) -> tuple[int, list[w.CloudWatchAlarm]]:
        found: list[w.CloudWatchAlarm] = []
        damage, paging = Damage(), Paging("")
        for token in paging:
            priority = Priority.ACT if token else Priority.HOT  # what was begun is ended
            more = {**params, **({"NextToken": token} if token else {})}
            page = self._client.read(w.DescribeAlarms, "DescribeAlarms", priority, damage, MaxRecords=100, **more)
            found += page.alarms
            paging.follow(page.next_token)
        damage.raise_if_all("CloudWatch", "alarms")
        self._lacks[str(params.get("StateValue", ""))] = [
            *damage.problems("alarms"),
            *paging.problems("alarms", len(found)),
        ]
        return paging.pages, found

    def _read_mutes(self, now: float) -> None:
        if now < self._mutes_at:
            return
        try:
            damage = Damage()
            self._muted = self._mutes.read(self._clock.now(), damage)
        except NOT_OFFERED as error:
            self._problems["mutes"] = PartialFailure(SourceState(error.state), "mute rules", error.message, error.hint)
            self._mutes_at = now + DENIED_S
        except errors.SourceError as error:
            self._problems["mutes"] = PartialFailure(SourceState(error.state), "mute rules", error.message, error.hint)
        except RateLimited:
            pass
        else:
            self._problems.pop("mutes", None)
            self._lacks["mutes"] = damage.problems("mute rules")
            self._mutes_at = now + MUTES_S

    def _told(self) -> tuple[PartialFailure, ...]:
        """Return the problems; last the types of alarms that a newer botocore knows, and this program does not."""
        newer = (t for t in self._sessions.enum("cloudwatch", "AlarmType") if t not in ALARM_TYPES)
        words = "this version of oncall-tui does not read them"
        return (
            *self._problems.values(),
            *self._edits.problems,
            *dict.fromkeys(problem for found in self._lacks.values() for problem in found),
            *(PartialFailure(SourceState.OK, f"alarms of type {t}", words) for t in newer),
        )


def build(options: CloudWatchOptions, context: Context) -> CloudWatchProvider:
    """The provider of one configured source. Reads ``~/.aws/config``, makes no call."""
    return CloudWatchProvider(options, context)
