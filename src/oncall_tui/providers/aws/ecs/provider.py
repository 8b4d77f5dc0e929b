"""The ECS provider: services and deploys of one account and region, and rolling a deploy back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.logs import LogDestination, LogPage, LogQuery
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import ServiceKey
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.domain.told import HistoryPage, HistorySpan, ServicePage
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.providers.aws.client import rate_limit
from oncall_tui.providers.aws.client.client import AwsClient, AwsClients, Transport
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.cloudtrail.lookup import CALLS_PER_S, WhoLookup
from oncall_tui.providers.aws.cloudwatch import metrics
from oncall_tui.providers.aws.cloudwatch.metrics import Metrics
from oncall_tui.providers.aws.ecs.inspect.exec_shell import EcsShells
from oncall_tui.providers.aws.ecs.inspect.logs import EcsLogs
from oncall_tui.providers.aws.ecs.inspect.service import ServiceInspection, place
from oncall_tui.providers.aws.ecs.inspect.who import ServiceWho
from oncall_tui.providers.aws.ecs.past import EcsPast, ServiceLister
from oncall_tui.providers.aws.ecs.poll.changes import EcsChanges
from oncall_tui.providers.aws.ecs.poll.reader import EcsReader
from oncall_tui.providers.aws.ecs.poll.scaling import ScalingActivities
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback.handlers import RollBack
from oncall_tui.providers.aws.ecs.rollback.related_handlers import ContinueDeploy, Restart, UndoRollback
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest


class EcsProvider:
    """One ECS source. *calls* counts AWS calls by operation since the start."""

    provider = "ecs"
    interval_s = 3.0  # each reading says itself when it wants to be asked next
    stale_after_s = 90.0  # a whole sweep takes 70 s
    history_calls_per_s = 4.0  # a fifth of what an account has

    def __init__(self, options: EcsOptions, context: Context, transport: Transport | None = None) -> None:
        self.source = options.name
        self.calls: Counter[str] = Counter()
        self._sessions = Sessions(options)
        self.login = self._sessions.login
        allowance = rate_limit.shared(context.clock, *self._sessions.budget_key())
        client = AwsClient(self._sessions, "ecs", allowance, self.calls, transport)
        clients = AwsClients(client, AwsClient(self._sessions, "codedeploy", allowance, self.calls, transport))
        aside = partial(rate_limit.shared, context.clock, *self._sessions.budget_key())  # what AWS throttles apart
        balancers = AwsClient(self._sessions, "elbv2", aside("elbv2"), self.calls, transport)
        self._known = known = RevisionCache(client, options.build_info)
        self._inspection = ServiceInspection(options.name, client, balancers, known, context.clock)
        watch = AwsClient(self._sessions, "cloudwatch", aside("metrics"), self.calls, transport)
        self._metrics = Metrics(watch, context.clock, self._here)
        self._account = options.account
        self._logs = EcsLogs(options, client, known, context.clock, self.calls, transport)
        self._reader = EcsReader(
            options.name, clients, known, context.clock, options.clusters, options.account, not context.read_only
        )
        scaling = AwsClient(self._sessions, "application-autoscaling", aside("autoscaling"), self.calls, transport)
        self._changes = EcsChanges(options.name, ScalingActivities(scaling, context.clock), context.clock)
        trail_allowance = rate_limit.shared(
            context.clock, *self._sessions.budget_key(), "cloudtrail", rate=CALLS_PER_S, burst=CALLS_PER_S
        )
        trail = AwsClient(self._sessions, "cloudtrail", trail_allowance, self.calls, transport)
        self._who = ServiceWho(options.name, client, known, WhoLookup(options.name, trail, context.clock))
        self._names = ServiceLister(options, client)
        self._past = EcsPast(options, client, known, context.clock)
        self.shells = EcsShells(options, self._sessions, context.clock, context.read_only)
        profile = options.act_profile or options.profile
        hands = (options.name, clients, known, context.clock, profile, self._reader.touch)
        self._handlers: dict[Verb, ActionHandler] = {}
        if not context.read_only:
            self._handlers = {
                Verb.ROLL_BACK: RollBack(*hands),
                Verb.UNDO_ROLLBACK: UndoRollback(*hands),
                Verb.CONTINUE: ContinueDeploy(*hands),
                Verb.RESTART: Restart(*hands),
            }

    @property
    def banner(self) -> str:
        """``endpoint http://…`` where it is not AWS that is asked."""
        return self._sessions.banner("ecs")

    def read(self, request: ReadRequest) -> Reading:
        """One poll: a bounded number of calls. Raises SourceError where nothing at all could be read."""
        before = self.calls.total()
        if (part := request.part) is not None:
            request = msgspec.structs.replace(request, part=lambda make: part(lambda: self._changes.so_far(make())))
        reading = self._changes.read(self._reader.read(request), request.fresh)
        return msgspec.structs.replace(reading, calls=self.calls.total() - before)

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """Rolling back and its siblings, unless nothing may be written."""
        return self._handlers

    def log_places(self, service_id: str) -> tuple[LogDestination, ...]:
        """Return each container's log destination (base.SupportsLogs). Raises SourceError."""
        return self._logs.places(service_id)

    def log_page(self, wanted: LogQuery) -> LogPage:
        """Make one call for one page of lines (base.SupportsLogs). Raises SourceError."""
        return self._logs.page(wanted)

    def inspect(self, service_id: str) -> ServiceDetail:
        """Its tasks, targets and events now. Raises SourceError where none of it can be read."""
        return self._inspection.inspect(service_id)

    def who(self, service_id: str, names: Sequence[str], since: float, until: float) -> WhoAnswer:
        """Look up who changed the service and what it stands on (base.SupportsWho). Raises SourceError.

        Times are seconds since the epoch, UTC.
        """
        return self._who.changes(service_id, names, since, until)

    def service_names(self, after: str) -> ServicePage:
        """Read a page of services (base.SupportsServiceNames). Raises SourceError."""
        return self._names.page(after)

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read the past deploys of some services (base.SupportsHistory). Raises SourceError."""
        return self._past.page(span, after)

    def service_metrics(self, service_id: str) -> tuple[tuple[str, Metric], ...]:
        """CPU, memory and running tasks. Makes no call."""
        account, region = self._here()
        of = ServiceKey(account or self._reader.account_of(service_id), region, *place(self.source, service_id))
        runs = self._reader.revisions_of(service_id) or self._inspection.revisions_of(service_id)
        made = [self._known.revisions.get(arn) for arn in runs]
        every = min((one.resolution_s(metrics.CPU) for one in made if one), default=metrics.MINUTE)
        return metrics.service_metrics(of, every)

    def measure(self, wanted: Sequence[tuple[str, Metric]], since: float, until: float) -> tuple[Series, ...]:
        """Measure all of them in one call, in their order; times are seconds since the epoch. Raises SourceError."""
        return self._metrics.measure(wanted, since, until)

    def _here(self) -> tuple[str, str]:
        return self._account, self._sessions.region("ecs")

    def renew(self) -> None:
        """Forget keys and clients."""
        self._sessions.renew()
        self._logs.renew()

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()
        self._logs.close()


def build(options: EcsOptions, context: Context) -> EcsProvider:
    """The provider of one configured source. Reads ``~/.aws/config``, makes no call."""
    return EcsProvider(options, context)
