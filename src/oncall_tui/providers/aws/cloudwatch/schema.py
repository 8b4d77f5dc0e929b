"""The parts of CloudWatch's answers that are used, typed. Fields: botocore's model ``cloudwatch/2010-08-01``."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Answer(msgspec.Struct, gc=False, rename="pascal"):
    """What comes over the wire: unknown fields are passed over. A time is epoch seconds; some peers say ISO 8601."""


Stamp = float | str | None


def seconds(stamp: Stamp) -> float | None:
    """*stamp* in seconds since the epoch."""
    if isinstance(stamp, str):
        try:
            return datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            return None
    return stamp


class DimensionW(Answer):
    name: str = ""
    value: str = ""


class MetricW(Answer):
    namespace: str = ""
    metric_name: str = ""
    dimensions: list[DimensionW] = []


class MetricStatW(Answer):
    metric: MetricW | None = None
    period: int = 0
    stat: str = ""


class QueryW(Answer):
    metric_stat: MetricStatW | None = None
    expression: str = ""
    account_id: str = ""


class AlarmW(Answer):
    """A metric alarm or a composite alarm: the fields of both."""

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
    period: int = 0
    comparison_operator: str = ""
    threshold: float | None = None
    dimensions: list[DimensionW] = []
    metrics: list[QueryW] = []
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


class DescribeAlarms(Answer):
    """*metric_alarms* has no default: an answer without it is none."""

    metric_alarms: list[AlarmW]
    composite_alarms: list[AlarmW] = []
    next_token: str = ""


class MuteSummaryW(Answer):
    alarm_mute_rule_arn: str
    status: str = ""
    last_updated_timestamp: Stamp = None
    expire_date: Stamp = None


class ListAlarmMuteRules(Answer):
    alarm_mute_rule_summaries: list[MuteSummaryW]
    next_token: str = ""


class ScheduleW(Answer):
    expression: str = ""
    duration: str = ""
    timezone: str = ""


class RuleW(Answer):
    schedule: ScheduleW | None = None


class TargetsW(Answer):
    alarm_names: list[str] = []


class MuteRuleW(Answer):
    name: str
    alarm_mute_rule_arn: str = ""
    description: str = ""
    rule: RuleW | None = None
    mute_targets: TargetsW | None = None
    expire_date: Stamp = None
    status: str = ""


class HistoryItemW(Answer):
    timestamp: Stamp = None
    history_item_type: str = ""
    history_summary: str = ""
    history_data: str = ""


class StateW(msgspec.Struct, gc=False, rename="camel"):
    state_value: str = ""
    state_reason: str = ""


class HistoryDataW(msgspec.Struct, gc=False, rename="camel"):
    """What a StateUpdate carries as text."""

    new_state: StateW = msgspec.field(default_factory=StateW)


class MessageW(Answer):
    code: str = ""
    value: str = ""


class MetricResultW(Answer):
    """One query's points of one page; *values* go with *timestamps*."""

    id: str
    timestamps: list[Stamp] = []
    values: list[float] = []
    status_code: str = ""
    messages: list[MessageW] = []


class GetMetricData(Answer):
    metric_data_results: list[MetricResultW]
    next_token: str = ""


class DescribeAlarmHistory(Answer):
    alarm_history_items: list[HistoryItemW]
    next_token: str = ""
