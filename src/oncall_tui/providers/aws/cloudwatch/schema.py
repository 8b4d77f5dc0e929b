"""The parts of CloudWatch's answers that are used, typed. Fields: botocore's model ``cloudwatch/2010-08-01``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from oncall_tui.providers.lists import LAST_S


class CloudWatchAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer over the wire: unknown fields are ignored. A time is epoch seconds; some peers say ISO 8601."""


Stamp = float | str | None


def seconds(stamp: Stamp) -> float | None:
    """*stamp* in seconds since the epoch."""
    if isinstance(stamp, str):
        try:
            stamp = datetime.fromisoformat(stamp).timestamp()
        except (ValueError, OverflowError):
            return None
    return stamp if stamp is not None and 0.0 <= stamp < LAST_S else None


class CloudWatchDimension(CloudWatchAnswer):
    name: str = ""
    value: str = ""


class CloudWatchMetric(CloudWatchAnswer):
    namespace: str = ""
    metric_name: str = ""
    dimensions: list[CloudWatchDimension] = []


class CloudWatchMetricStat(CloudWatchAnswer):
    metric: CloudWatchMetric | None = None
    period: int = 0
    stat: str = ""


class CloudWatchQuery(CloudWatchAnswer):
    id: str = ""
    label: str = ""
    metric_stat: CloudWatchMetricStat | None = None
    expression: str = ""
    return_data: bool | None = None  # of several queries the alarm watches the one that has it
    account_id: str = ""


class CloudWatchPromQl(CloudWatchAnswer):
    query: str = ""


class CloudWatchCriteria(CloudWatchAnswer):
    """The evaluation of a metric alarm that watches a query over many metrics."""

    prom_ql_criteria: CloudWatchPromQl | None = msgspec.field(name="PromQLCriteria", default=None)


class CloudWatchLogQuery(CloudWatchAnswer):
    """The evaluation of a log alarm: a query over log groups, and the count over its lines."""

    query_string: str = ""
    log_group_identifiers: list[str] = []
    aggregation_expression: str = ""


class CloudWatchAlarm(CloudWatchAnswer):
    """An alarm of any type: the fields of all."""

    alarm_name: str
    alarm_arn: str
    state_value: str
    alarm_description: str = ""
    actions_enabled: bool = True
    ok_actions: list[str] = msgspec.field(name="OKActions", default_factory=list)
    alarm_actions: list[str] = []
    insufficient_data_actions: list[str] = []
    state_reason: str = ""
    state_updated_timestamp: Stamp = None
    state_transitioned_timestamp: Stamp = None
    metric_name: str = ""
    namespace: str = ""
    statistic: str = ""
    extended_statistic: str = ""
    period: int = 0  # seconds
    comparison_operator: str = ""
    threshold: float | None = None  # in the unit of its metric
    dimensions: list[CloudWatchDimension] = []
    metrics: list[CloudWatchQuery] = []
    threshold_metric_id: str = ""
    evaluation_state: str = ""
    evaluation_criteria: CloudWatchCriteria | None = None
    scheduled_query_configuration: CloudWatchLogQuery | None = None
    alarm_rule: str = ""
    actions_suppressed_by: str = ""
    actions_suppressed_reason: str = ""

    @property
    def began(self) -> float:
        """When it went into this state, in seconds since the epoch."""
        return seconds(self.state_transitioned_timestamp) or seconds(self.state_updated_timestamp) or 0.0

    def all_dimensions(self) -> list[tuple[str, str]]:
        """Its own, or those of the metrics that its expression is made of; each name once."""
        found = list(self.dimensions)
        for query in self.metrics:
            if query.metric_stat and query.metric_stat.metric:
                found += query.metric_stat.metric.dimensions
        return list({d.name: (d.name, d.value) for d in reversed(found)}.values())[::-1]


class DescribeAlarms(CloudWatchAnswer):
    """*metric_alarms* has no default: an answer without it is none."""

    metric_alarms: list[CloudWatchAlarm]
    composite_alarms: list[CloudWatchAlarm] = []
    log_alarms: list[CloudWatchAlarm] = []
    next_token: str = ""

    @property
    def alarms(self) -> tuple[CloudWatchAlarm, ...]:
        """All of them, whatever their type."""
        return (*self.metric_alarms, *self.composite_alarms, *self.log_alarms)


class CloudWatchMuteSummary(CloudWatchAnswer):
    alarm_mute_rule_arn: str
    status: str = ""
    last_updated_timestamp: Stamp = None
    expire_date: Stamp = None


class ListAlarmMuteRules(CloudWatchAnswer):
    alarm_mute_rule_summaries: list[CloudWatchMuteSummary]
    next_token: str = ""


class CloudWatchSchedule(CloudWatchAnswer):
    expression: str = ""
    duration: str = ""
    timezone: str = ""


class CloudWatchRule(CloudWatchAnswer):
    schedule: CloudWatchSchedule | None = None


class CloudWatchTargets(CloudWatchAnswer):
    alarm_names: list[str] = []


class CloudWatchMuteRule(CloudWatchAnswer):
    name: str
    alarm_mute_rule_arn: str = ""
    description: str = ""
    rule: CloudWatchRule | None = None
    mute_targets: CloudWatchTargets | None = None
    expire_date: Stamp = None
    status: str = ""


class CloudWatchHistoryItem(CloudWatchAnswer):
    alarm_name: str = ""
    timestamp: Stamp = None
    history_item_type: str = ""
    history_summary: str = ""
    history_data: str = ""


class CloudWatchState(msgspec.Struct, gc=False, rename="camel"):
    state_value: str = ""
    state_reason: str = ""


class CloudWatchHistoryData(msgspec.Struct, gc=False, rename="camel"):
    """The data of a StateUpdate, which is JSON in text."""

    old_state: CloudWatchState = msgspec.field(default_factory=CloudWatchState)
    new_state: CloudWatchState = msgspec.field(default_factory=CloudWatchState)


class CloudWatchMessage(CloudWatchAnswer):
    code: str = ""
    value: str = ""


class CloudWatchMetricResult(CloudWatchAnswer):
    """One query's points of one page; *values* go with *timestamps*."""

    id: str
    timestamps: list[Stamp] = []
    values: list[float] = []
    status_code: str = ""
    messages: list[CloudWatchMessage] = []


class GetMetricData(CloudWatchAnswer):
    metric_data_results: list[CloudWatchMetricResult]
    next_token: str = ""


class DescribeAlarmHistory(CloudWatchAnswer):
    alarm_history_items: list[CloudWatchHistoryItem]
    next_token: str = ""
