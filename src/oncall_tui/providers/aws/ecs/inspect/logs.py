"""The logs of an ECS service's containers, read from CloudWatch Logs on demand.

FilterLogEvents has a limit of its own, 5 to 25 calls a second by account and region, shared with the console and with
everything else that reads logs ("CloudWatch Logs quotas"); here it is two a second, in a budget of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import attrgetter
from typing import Annotated

import msgspec

from oncall_tui.domain.logs import LogDestination, LogLine, LogPage, LogQuery, LogStream, level_of
from oncall_tui.providers.aws.client import rate_limit
from oncall_tui.providers.aws.client.client import AwsClient, Transport
from oncall_tui.providers.aws.client.errors import AwsRefusal, Gone
from oncall_tui.providers.aws.client.lru import Lru
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.inspect import log_destinations
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.lists import LAST_S, Damage
from oncall_tui.runtime.clock import Clock

CALLS_PER_S, BURST = 2.0, 4.0
REVISIONS = 4  # task definitions of one service that may run at once
LONGEST = 32_768  # characters of a line that are kept; CloudWatch takes a megabyte
NEWEST_FROM = 1_704_067_200.0  # 1 January 2024: FilterLogEvents reads newest first only from there on


_INSIGHTS = "a log group of the class {} is read by Logs Insights"
CLASSES = {  # LogGroupClass -> a hint where FilterLogEvents names it (CloudWatch Logs user guide, "Log classes")
    "INFREQUENT_ACCESS": _INSIGHTS.format("Infrequent Access"),
    "ESSENTIALS": _INSIGHTS.format("Essentials"),
    "DELIVERY": "a log group of the class Delivery only passes lines on: read them where they go (S3, Data Firehose)",
    "STANDARD": "only log groups of the class Standard are read this way",
}


class LogsEvent(w.EcsAnswer):
    """One of FilterLogEvents (``logs/2014-03-28``); *timestamp* in milliseconds."""

    event_id: str
    timestamp: Annotated[int, msgspec.Meta(ge=0, lt=int(LAST_S * 1000))]
    message: str = ""
    log_stream_name: str = ""


class FilterLogEvents(w.EcsAnswer):
    events: list[LogsEvent]
    next_token: str | None = None  # null, or not there, at the end


class EcsLogs:
    """The log reading of one ECS source. Safe to share between threads: what it keeps is a cache."""

    def __init__(
        self,
        options: EcsOptions,
        ecs: AwsClient,
        known: RevisionCache,
        clock: Clock,
        calls: Counter[str],
        transport: Transport | None = None,
    ) -> None:
        self._options, self._ecs, self._known, self._clock = options, ecs, known, clock
        self._calls, self._transport = calls, transport
        self._clients: dict[str, AwsClient] = {}
        self._streams: Lru[tuple[str, str], LogStream] = Lru(4000)

    def places(self, service_id: str) -> tuple[LogDestination, ...]:
        """Read the service, and once the task definitions of what runs (base.SupportsLogs). Raises SourceError."""
        _, cluster, name = service_id.split("/", 2)
        answer = self._ecs.read(w.DescribeServices, "DescribeServices", Priority.ACT, cluster=cluster, services=[name])
        if not answer.services:
            return ()
        service = answer.services[0]
        arns = [d.task_definition for d in service.deployments] + [s.task_definition for s in service.task_sets]
        wanted = [a for a in dict.fromkeys((service.task_definition, *arns)) if a][:REVISIONS]
        read = [self._known.read_definition(arn, Priority.ACT) for arn in wanted]
        return log_destinations.places(read, self._ecs.sessions.region("ecs"), name)

    def page(self, wanted: LogQuery) -> LogPage:
        """Make one FilterLogEvents (base.SupportsLogs). Raises SourceError; AwsRefusal where the class has none."""
        place = wanted.place
        asked: dict[str, object] = {"logGroupName": place.group, "startTime": _ms(wanted.since)}
        if wanted.until is not None:
            asked["endTime"] = max(_ms(wanted.until), _ms(wanted.since))
        if prefix := place.prefix + (wanted.task if place.prefix else ""):
            asked["logStreamNamePrefix"] = prefix
        if wanted.newest and wanted.since >= NEWEST_FROM:
            asked["startFromHead"] = False
        if wanted.limit:
            asked["limit"] = wanted.limit
        if wanted.token:
            asked["nextToken"] = wanted.token
        try:
            client = self._client(place.region)
            damage = Damage()
            answer = client.read(FilterLogEvents, "FilterLogEvents", Priority.HOT, damage, **asked)
        except RateLimited as later:
            return LogPage(wait_s=later.wait_s)
        except Gone:
            return LogPage(missing=f"the log group {place.group} is not there in {place.region}")
        except AwsRefusal as error:
            raise AwsRefusal(error.message, _class_hint(error.message)) from error
        names = {it.log_stream_name for it in answer.events}
        streams = {name: self._stream(place, name) for name in names if name.startswith(prefix)}
        lines = [_line(it, streams[it.log_stream_name]) for it in answer.events if it.log_stream_name in streams]
        lines.sort(key=attrgetter("at"))
        lacks = f"{damage.lost} lines are not as CloudWatch promises: {damage.words()}" if damage.lost else ""
        return LogPage(lines=tuple(lines), token=answer.next_token or "", lacks=lacks)

    def renew(self) -> None:
        """Forget keys and clients."""
        for client in tuple(self._clients.values()):
            client.sessions.renew()

    def close(self) -> None:
        """Close the connections to other regions; those to the source's own are the source's."""
        for client in tuple(self._clients.values()):
            client.sessions.close()

    def _stream(self, place: LogDestination, name: str) -> LogStream:
        key = (place.prefix, name)
        stream = self._streams.get(key)
        if stream is None:
            task = name[len(place.prefix) :] if place.prefix else ""
            stream = LogStream(name, place.container, task)
            self._streams.put(key, stream)
        return stream

    def _client(self, region: str) -> AwsClient:
        found = self._clients.get(region)
        if found is None:
            own = region == self._ecs.sessions.region("ecs")
            options = self._options if own else msgspec.structs.replace(self._options, region=region)
            sessions = self._ecs.sessions if own else Sessions(options)
            key = (*sessions.budget_key(), "logs")
            allowance = rate_limit.shared(self._clock, *key, rate=CALLS_PER_S, burst=BURST)
            found = AwsClient(sessions, "logs", allowance, self._calls, self._transport)
            self._clients[region] = found
        return found


def _class_hint(message: str) -> str:
    """Return the hint for a refusal that comes of the log group's class; empty for another one."""
    named = next((c for c in CLASSES if re.search(rf"\b{c}\b", message)), "STANDARD")
    return CLASSES[named] if named != "STANDARD" or re.search(r"\bclass\b", message) else ""


def _line(it: LogsEvent, stream: LogStream) -> LogLine:
    text = it.message.rstrip("\r\n")
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… (cut: {len(text)} characters)"
    return LogLine(it.timestamp / 1000, it.event_id, text, stream, level_of(text))


def _ms(at: float) -> int:
    return max(0, int(at * 1000))
