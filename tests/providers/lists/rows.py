"""The real providers before canned answers: one damaged item between two good ones, as far as the rows of the board."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any, NamedTuple

import httpx
import msgspec
from tests.providers.lists.found import damaged, fields

from oncall_tui.domain.reading import Reading
from oncall_tui.errors import SourceError
from oncall_tui.providers.alertmanager import provider as alertmanager
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, ListedSilence
from oncall_tui.providers.aws.cloudwatch.provider import CloudWatchProvider
from oncall_tui.providers.aws.cloudwatch.schema import CloudWatchAlarm
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.ecs.schema import EcsService
from oncall_tui.providers.aws.eventbridge.provider import EventBridgeProvider
from oncall_tui.providers.aws.eventbridge.schema import QueueMessage
from oncall_tui.providers.aws.options import CloudWatchOptions, EcsOptions, EventBridgeOptions, RdsOptions
from oncall_tui.providers.aws.rds.provider import RdsProvider
from oncall_tui.providers.aws.rds.schema import RdsEvent
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.datadog import provider as datadog
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.schema import DatadogDowntime, DatadogMonitor
from oncall_tui.providers.mackerel import provider as mackerel
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import MackerelAlert
from oncall_tui.providers.pagerduty import provider as pagerduty
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.providers.sentry import provider as sentry
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.text.time_format import moment

KEY = Secret("env", ("PLANTED_TOKEN",))
ISO = "2027-01-15T07:59:00Z"
AT = 1_799_999_000.0
ARN = "arn:aws:ecs:eu-west-1:123456789012"


class Canned(NamedTuple):
    """A list of a source: *path* (of a URL, or an operation), *wrap* puts the items into an answer."""

    source: str
    path: str
    of: Any
    item: Callable[[int], dict[str, Any]]
    wrap: Callable[[list[Any]], Any] = lambda items: items
    kept: tuple[str, ...] = ()  # fields whose unknown word has to keep the row

    @property
    def id(self) -> str:
        return f"{self.source} {self.path}"


def _alert(n: int) -> dict[str, Any]:
    status = {"state": "active", "silencedBy": ["s2"] if n == 2 else [], "inhibitedBy": [], "mutedBy": []}
    labels = {"alertname": f"a{n}", "severity": "critical"}
    return {
        "fingerprint": f"f{n}",
        "labels": labels,
        "startsAt": ISO,
        "status": status,
        "annotations": {},
        "generatorURL": "x",
    }


def _silence(n: int) -> dict[str, Any]:
    matchers = [{"name": "alertname", "value": f"a{n}", "isRegex": False, "isEqual": True}]
    times = {"startsAt": ISO, "endsAt": "2027-01-15T09:59:00Z", "updatedAt": ISO}
    return {
        "id": f"s{n}",
        "matchers": matchers,
        "createdBy": "x",
        "comment": "c",
        "status": {"state": "active"},
        **times,
    }


def _incident(n: int) -> dict[str, Any]:
    who = {"id": f"U{n}", "summary": f"user {n}"}
    held = {"assignments": [{"at": ISO, "assignee": who}], "acknowledgements": [{"at": ISO, "acknowledger": who}]}
    rest = {"pending_actions": [{"type": "escalate", "at": ISO}], "alert_counts": {"all": 0}, "urgency": "high"}
    of = {"service": {"id": "S", "summary": "s"}, "escalation_policy": {"id": "P", "summary": "p"}, "teams": [who]}
    return {
        "id": f"I{n}",
        "status": "triggered",
        "created_at": ISO,
        "title": f"t{n}",
        **held,
        **rest,
        **of,
        "priority": who,
    }


def _monitor(n: int) -> dict[str, Any]:
    groups = {f"host:h{n}": {"status": "Alert", "name": f"host:h{n}", "last_triggered_ts": AT}}
    rest = {"tags": ["env:prod"], "options": {"silenced": {}}, "matching_downtimes": [], "message": "m", "multi": True}
    return {"id": n, "overall_state": "Alert", "name": f"m{n}", "state": {"groups": groups}, "type": "x", **rest}


def _downtime(n: int) -> dict[str, Any]:
    target = {"monitor_id": n, "monitor_tags": ["*"]}
    said = {"status": "active", "scope": "*", "message": "m", "created": ISO, "monitor_identifier": target}
    return {"id": f"d{n}", "attributes": {**said, "schedule": {"start": ISO, "end": None}}, "relationships": {}}


def _issue(n: int) -> dict[str, Any]:
    who = {"type": "user", "id": "1", "name": "x", "email": "x@example.com"}
    times = {"firstSeen": ISO, "lastSeen": ISO}
    return {
        "id": str(n),
        "status": "unresolved",
        "title": f"i{n}",
        "level": "error",
        "assignedTo": who,
        "count": "3",
        **times,
    }


def _mackerel(n: int) -> dict[str, Any]:
    return {
        "id": f"m{n}",
        "status": "CRITICAL",
        "openedAt": AT,
        "monitorId": "M",
        "type": "service",
        "value": 1.5,
        "message": "m",
    }


def _alarm(n: int) -> dict[str, Any]:
    dimensions = [{"Name": "ClusterName", "Value": "main"}]
    rest = {"MetricName": "CPU", "Namespace": "AWS/ECS", "Statistic": "Average", "Period": 60, "Threshold": 80.0}
    arn = f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:c{n}"
    times = {"StateUpdatedTimestamp": AT, "StateTransitionedTimestamp": AT}
    return {"AlarmName": f"c{n}", "AlarmArn": arn, "StateValue": "ALARM", "Dimensions": dimensions, **rest, **times}


def _database(n: int) -> dict[str, Any]:
    told = {"SourceIdentifier": f"db{n}", "SourceType": "db-instance", "Message": "DB instance restarted"}
    return {**told, "Date": "2027-01-15T07:43:20+00:00", "EventCategories": ["availability"]}


def _service(n: int) -> dict[str, Any]:
    definition = f"{ARN}:task-definition/web{n}:1"
    counts = {"desiredCount": 2, "runningCount": 2, "pendingCount": 0}
    deployment = {"id": f"ecs-svc/{n}", "status": "PRIMARY", "taskDefinition": definition, "createdAt": 1.0, **counts}
    of = {"serviceArn": f"{ARN}:service/main/web{n}", "serviceName": f"web{n}", "clusterArn": f"{ARN}:cluster/main"}
    rest = {"status": "ACTIVE", "taskDefinition": definition, "events": [{"createdAt": AT, "message": "steady"}]}
    return {**of, **counts, **rest, "deployments": [deployment], "createdAt": 1.0, "schedulingStrategy": "REPLICA"}


def _message(n: int) -> dict[str, Any]:
    detail = {"SourceIdentifier": f"db{n}", "EventCategories": ["failover"], "Message": "m", "Date": ISO}
    kind = {"detail-type": "RDS DB Instance Event", "source": "aws.rds", "id": f"e{n}", "time": ISO, "detail": detail}
    sent = {"SentTimestamp": "1799999000000"}
    return {"MessageId": f"m{n}", "ReceiptHandle": f"h{n}", "Body": json.dumps(kind), "Attributes": sent}


LISTS = (
    Canned("prom", "/api/v2/alerts", AlertmanagerAlert, _alert, kept=("status.state",)),
    Canned("prom", "/api/v2/silences", ListedSilence, _silence),
    Canned(
        "pager", "/incidents", PagerDutyIncident, _incident, lambda items: {"incidents": items}, ("status", "urgency")
    ),
    Canned("datadog", "/api/v1/monitor", DatadogMonitor, _monitor, kept=("overall_state", "state.groups.key.status")),
    Canned("datadog", "/api/v2/downtime", DatadogDowntime, _downtime, lambda items: {"data": items}),
    Canned("sentry", "/api/0/organizations/o/issues/", SentryIssue, _issue, kept=("status", "level", "substatus")),
    Canned("mackerel", "/api/v0/alerts", MackerelAlert, _mackerel, lambda items: {"alerts": items}, ("status", "type")),
    Canned("alarms", "DescribeAlarms", CloudWatchAlarm, _alarm, lambda items: {"MetricAlarms": items}, ("StateValue",)),
    Canned("events", "ReceiveMessage", QueueMessage, _message, lambda items: {"Messages": items}),
    Canned("databases", "DescribeEvents", RdsEvent, _database, lambda items: {"Events": items}),
    Canned("prod", "DescribeServices", EcsService, _service, lambda items: {"services": items}, ("status",)),
)
ELSE: dict[str, Any] = {  # what else is asked for on the way
    "/api/v2/alerts": [_alert(n) for n in (1, 2, 3)],
    "/api/v2/silences": [],
    "/api/v2/status": {},
    "/api/v2/alerts/groups": [],
    "/alerts": {"alerts": []},
    "/oncalls": {"oncalls": []},
    "/api/v1/monitor": [_monitor(n) for n in (1, 2, 3)],
    "/api/v2/downtime": {"data": []},
    "/api/v0/monitors": {"monitors": []},
    "/api/v0/downtimes": {"downtimes": []},
    "/services/S": {"service": {"id": "S"}},
    "/escalation_policies/P": {"escalation_policy": {"id": "P"}},
    "ListAlarmMuteRules": {"AlarmMuteRuleSummaries": []},
    "ListServices": {"serviceArns": [f"{ARN}:service/main/web{n}" for n in (1, 2, 3)]},
    "DescribeClusters": {"clusters": []},
    "ListServiceDeployments": {"serviceDeployments": []},
    "ListTasks": {"taskArns": []},
    "GetQueueUrl": {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"},
    "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "3"}},
    "DeleteMessageBatch": {},
    "DescribeScalingActivities": {"ScalingActivities": []},
    "DescribeAlarmHistory": {"AlarmHistoryItems": []},
}


class Rig:
    """The provider of one list, which answers with whatever *items* are."""

    def __init__(self, canned: Canned) -> None:
        self.canned = canned
        self.items: list[Any] = [canned.item(n) for n in (1, 2, 3)]
        self.provider = _build(canned.source, self)

    def answer(self, path: str) -> bytes | None:
        """The answer to *path*; None: there is none."""
        if path == self.canned.path or (path.startswith("/incidents/") and path.endswith("/alerts")):
            told = self.canned.wrap(self.items) if path == self.canned.path else {"alerts": []}
            return json.dumps(told).encode()
        found = ELSE.get(path)
        return None if found is None else json.dumps(found).encode()

    def read(self) -> Reading:
        return self.provider.read(ReadRequest(fresh=True))  # type: ignore[no-any-return]


def _build(source: str, rig: Rig) -> Any:
    def handle(request: httpx.Request) -> httpx.Response:
        body = rig.answer(re.sub(r"\?.*", "", request.url.raw_path.decode()))
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    def call(operation: str, params: dict[str, Any], acting: bool) -> bytes:
        return rig.answer(operation) or b"{}"

    context, wire = Context(source, "me@example.com", FakeClock()), httpx.MockTransport(handle)
    common = {"name": source, "provider": source}
    if source == "prom":
        return alertmanager.build(AlertmanagerOptions(**common, url="http://127.0.0.1:1"), context, wire)
    if source == "pager":
        return pagerduty.build(PagerDutyOptions(**common, token=KEY), context, wire)
    if source == "datadog":
        return datadog.build(DatadogOptions(**common, api_key=KEY, application_key=KEY), context, wire)
    if source == "sentry":
        return sentry.build(SentryOptions(**common, organization="o", token=KEY), context, wire)
    if source == "mackerel":
        return mackerel.build(MackerelOptions(**common, api_key=KEY), context, wire)
    if source == "alarms":
        return CloudWatchProvider(CloudWatchOptions(**common, region="eu-west-1"), context, call)
    if source == "events":
        stays = msgspec.structs.replace(context, stays=True)
        return EventBridgeProvider(EventBridgeOptions(**common, queue="q", region="eu-west-1"), stays, call)
    if source == "databases":
        return RdsProvider(RdsOptions(**common, region="eu-west-1"), context, call)
    return EcsProvider(EcsOptions(**common, region="eu-west-1", clusters=("main",)), context, call)


def rows(reading: Reading) -> dict[str, Any]:
    """The rows of a reading, without when they were read; each of their times can be shown."""
    found: dict[str, Any] = {}
    for row in (*reading.alerts, *reading.services, *reading.deploys, *reading.changes):
        told = msgspec.structs.asdict(row)
        for value in told.values():
            if isinstance(value, float):
                moment(value, UTC, AT)
        found[row.id] = {name: value for name, value in told.items() if name != "read_at"}
    return found


def cases(canned: Canned, damages: tuple[str, ...], every: int = 1) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield (path, damage) of each field of the list's items; *every* nth of them."""
    paths = [(), *dict.fromkeys(path for path, _ in fields(canned.of))]
    wanted = [(path, damage) for path in paths for damage in damages]
    yield from wanted[::every] if every == 1 else (c for i, c in enumerate(wanted) if not c[0] or i % every == 0)


def put(item: dict[str, Any], path: tuple[Any, ...], damage: str) -> Any:
    """The item with the damage; where it lacks what is nested there, the damage stands for all of that."""
    for end in range(len(path), 0, -1):
        try:
            return damaged(item, path[:end], damage)
        except (KeyError, IndexError, TypeError):
            continue
    return damaged({**item, path[0]: "x"}, path[:1], damage) if path else damaged(item, path, damage)


__all__ = ["LISTS", "Canned", "Rig", "SourceError", "cases", "put", "rows"]
