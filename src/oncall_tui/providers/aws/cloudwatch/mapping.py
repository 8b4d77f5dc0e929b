"""CloudWatch's answers -> alerts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from sys import intern
from urllib.parse import quote

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.domain.metric import Metric
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.mute_rules import ActiveMute
from oncall_tui.text import aws_console
from oncall_tui.text.short_ids import short_ids

TARGET_TRACKING = "TargetTracking-"
_PART = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:[\"']([^\"']+)[\"']|([^\s)\"']+))\s*\)")
SIGNS = {  # ComparisonOperator -> its sign; of an anomaly detector's band its words
    "GreaterThanThreshold": ">",
    "LessThanThreshold": "<",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanOrEqualToThreshold": "≤",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside",
    "LessThanLowerThreshold": "below",
    "GreaterThanUpperThreshold": "above",
}
EVALUATION = {  # EvaluationState -> its words (API reference, MetricAlarm); where there is none all is well
    "EVALUATION_ERROR": "the alarm cannot be evaluated: its configuration is wrong",
    "EVALUATION_FAILURE": "CloudWatch could not evaluate the alarm just now",
    "PARTIAL_DATA": "evaluated on a part of the data",
}
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
SHOWN = 200  # characters of a query


def severity(name: str, globs: Mapping[str, tuple[str, ...]]) -> Severity:
    """The worst severity one of whose globs matches the alarm's name; else a warning."""
    for word in Severity:
        if any(fnmatchcase(name, glob) for glob in globs.get(word.value, ())):
            return word
    return Severity.WARNING


def hint(alarm: w.CloudWatchAlarm) -> ServiceHint:
    """The ECS service of its dimensions ClusterName and ServiceName; account and region of its ARN."""
    of = dict(alarm.all_dimensions())
    at = arn.parse(alarm.alarm_arn)
    return ServiceHint(of.get("ClusterName", ""), of.get("ServiceName", ""), at.account, at.region)


def parts(rule: str) -> frozenset[str]:
    """The names of the alarms that a composite alarm's rule speaks of (the API's "AlarmRule": names or ARNs)."""
    found = (quoted or bare for quoted, bare in _PART.findall(rule))
    return frozenset(name.partition(":alarm:")[2] if name.startswith("arn:") else name for name in found)


class OtherAlarms(msgspec.Struct, frozen=True):
    """Of a source's other alarms: what each speaks of (*hints*), and the ARNs of those in ALARM, by their names."""

    hints: Mapping[str, ServiceHint] = {}
    firing: Mapping[str, str] = {}


def hint_of_parts(alarm: w.CloudWatchAlarm, known: OtherAlarms) -> ServiceHint:
    """Return the one service that a composite alarm's parts name, if it is one: it has no dimensions of its own."""
    own, hints = hint(alarm), known.hints
    services = {hints[name] for name in parts(alarm.alarm_rule) if name in hints and hints[name].service}
    return services.pop() if len(services) == 1 and not own.service else own


def keys(alarm: w.CloudWatchAlarm, known: OtherAlarms) -> tuple[str, ...]:
    """Its ARN; of a composite alarm also that of the one part that makes it fire: with several it is not the same."""
    firing = [known.firing[name] for name in sorted(parts(alarm.alarm_rule)) if name in known.firing]
    return (alarm.alarm_arn, *firing) if len(firing) == 1 else (alarm.alarm_arn,)


def metric(alarm: w.CloudWatchAlarm, pairs: list[tuple[str, str]]) -> Metric | None:
    """Return the alarm's one metric, of its own account, without metric math. *pairs* are its dimensions."""
    at = arn.parse(alarm.alarm_arn)
    name, space = alarm.metric_name, alarm.namespace
    statistic, period = alarm.statistic or alarm.extended_statistic, alarm.period
    if alarm.metrics:
        (query, *more), stat = alarm.metrics, alarm.metrics[0].metric_stat
        if more or stat is None or stat.metric is None or query.account_id not in ("", at.account):
            return None
        name, space = stat.metric.metric_name, stat.metric.namespace
        statistic, period = stat.stat, stat.period
    if not (name and space and statistic) or alarm.threshold is None:
        return None
    return Metric(
        name=name,
        namespace=space,
        dimensions=tuple(pairs),  # the same objects as the labels'
        statistic=intern(statistic),
        period_s=period or 60,
        threshold=alarm.threshold,
        comparison=intern(alarm.comparison_operator),
        account=at.account,
        region=at.region,
    )


NOTHING = OtherAlarms()


def state(alarm: w.CloudWatchAlarm, mute: ActiveMute | None) -> AlertState | None:
    """None: it is fine. INSUFFICIENT_DATA is neither firing nor fine; where the alarm's own configuration is wrong,
    there may be data that nothing evaluates, and OK is only what it was before that."""
    broken = alarm.evaluation_state == "EVALUATION_ERROR"
    if alarm.state_value == "OK":
        return AlertState.UNKNOWN if broken else None
    if alarm.state_value == "INSUFFICIENT_DATA":
        return AlertState.UNKNOWN if broken else AlertState.NO_DATA
    if alarm.state_value != "ALARM":
        return AlertState.UNKNOWN
    if mute is not None:
        return AlertState.SILENCED
    return AlertState.INHIBITED if alarm.actions_suppressed_by else AlertState.FIRING


def alert(
    source: str,
    alarm: w.CloudWatchAlarm,
    mute: ActiveMute | None,
    globs: Mapping[str, tuple[str, ...]],
    show_target_tracking: bool,
    can_act: bool,
    known: OtherAlarms = NOTHING,
) -> Alert | None:
    """A row, or None: it is fine. *known*: of the source's other alarms."""
    is_now = state(alarm, mute)
    if is_now is None:
        return None
    at = arn.parse(alarm.alarm_arn)
    tracking = alarm.alarm_name.startswith(TARGET_TRACKING) and not show_target_tracking
    pairs = alarm.all_dimensions()
    return Alert(
        id=f"{source}/{alarm.alarm_name}",
        source=source,
        provider="cloudwatch",
        native_id=alarm.alarm_arn,
        state=is_now,
        severity=severity(alarm.alarm_name, globs),
        title=alarm.alarm_name,
        began=alarm.began,
        changed=w.seconds(alarm.state_updated_timestamp),
        by=(mute.by,) if mute and mute.by else (),
        until=mute.until if mute else None,
        comment=mute.reason if mute else _comment(alarm),
        url=console(at.region, alarm.alarm_name),
        labels=_labels(alarm, pairs),
        annotations=_annotations(alarm),
        hint=hint_of_parts(alarm, known) if alarm.alarm_rule else hint(alarm),
        keys=keys(alarm, known),
        hidden="target tracking" if tracking else "",
        metric=metric(alarm, pairs),
        verbs=frozenset({Verb.SILENCE}) if can_act and mute is None else frozenset(),
    )


def _labels(alarm: w.CloudWatchAlarm, dimensions: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    spaces = dict.fromkeys(
        q.metric_stat.metric.namespace for q in alarm.metrics if q.metric_stat and q.metric_stat.metric
    )
    of = (("namespace", alarm.namespace or ", ".join(spaces)), ("metric", metric_names(alarm)))
    return tuple(pair for pair in (("alarmname", alarm.alarm_name), *of, *dimensions) if pair[1])


def _annotations(alarm: w.CloudWatchAlarm) -> tuple[tuple[str, str], ...]:
    """Return what CloudWatch tells of the alarm in words, without what is empty."""
    pairs = (
        ("description", alarm.alarm_description),
        ("reason", short_ids(alarm.state_reason)),
        ("threshold", threshold(alarm)),
        *_queries(alarm),
        ("evaluation", evaluation(alarm)),
        ("actions", "" if alarm.actions_enabled else "disabled: this alarm notifies nobody"),
        ("composite", short_ids(alarm.alarm_rule) if alarm.alarm_rule else ""),
    )
    return tuple(pair for pair in pairs if pair[1])


def _comment(alarm: w.CloudWatchAlarm) -> str:
    """Say why it notifies nobody, or why its state tells little."""
    doubtful = alarm.state_value == "INSUFFICIENT_DATA" or alarm.evaluation_state == "EVALUATION_ERROR"
    told = evaluation(alarm) if doubtful else ""
    if alarm.state_value not in STATES:
        told = f"CloudWatch calls its state {alarm.state_value}, which oncall-tui does not know"
    return told or short_ids(alarm.actions_suppressed_reason)


def threshold(alarm: w.CloudWatchAlarm) -> str:
    """``CPUUtilization > 80``, ``CPUUtilization outside ANOMALY_DETECTION_BAND(m1, 2)``; empty: it has none."""
    sign = SIGNS.get(alarm.comparison_operator, alarm.comparison_operator)
    band = next((q for q in alarm.metrics if q.id and q.id == alarm.threshold_metric_id), None)
    limit = f"{alarm.threshold:g}" if alarm.threshold is not None else (band.expression or band.label) if band else ""
    return f"{watched(alarm) or 'what it watches'} {sign} {limit}" if sign and limit else ""


def watched(alarm: w.CloudWatchAlarm) -> str:
    """Name the alarm's metric, the label or expression of its metric math, or its query's count."""
    if alarm.metric_name:
        return alarm.metric_name
    query = alarm.scheduled_query_configuration
    if query is not None:
        return query.aggregation_expression or "lines of its query"
    others = [q for q in alarm.metrics if not q.id or q.id != alarm.threshold_metric_id]
    leads = next((q for q in others if q.return_data), others[0] if others else None)
    if leads is None:
        return ""
    stat = leads.metric_stat
    return leads.label or leads.expression or (stat.metric.metric_name if stat and stat.metric else "")


def metric_names(alarm: w.CloudWatchAlarm) -> str:
    """``RequestCount, HTTPCode_Target_5XX_Count``: the metrics that it watches, or that its metric math is made of."""
    stats = (q.metric_stat for q in alarm.metrics)
    found = (alarm.metric_name, *(s.metric.metric_name for s in stats if s and s.metric))
    return ", ".join(dict.fromkeys(name for name in found if name))


def _queries(alarm: w.CloudWatchAlarm) -> tuple[tuple[str, str], ...]:
    """The expressions and queries that it evaluates, and the log groups that these read."""
    math = "; ".join(f"{q.id} = {q.expression}" if q.id else q.expression for q in alarm.metrics if q.expression)
    promql = alarm.evaluation_criteria.prom_ql_criteria if alarm.evaluation_criteria else None
    logs = alarm.scheduled_query_configuration or w.CloudWatchLogQuery()
    groups = ", ".join(g.partition(":log-group:")[2].removesuffix(":*") or g for g in logs.log_group_identifiers)
    told = (
        ("expression", math),
        ("query", (promql.query if promql else "") or logs.query_string),
        ("log groups", groups),
    )
    return tuple((k, v if len(v) <= SHOWN else f"{v[:SHOWN]}…") for k, v in told)


def evaluation(alarm: w.CloudWatchAlarm) -> str:
    """Say that it is not evaluated as it should be; empty: it is."""
    return EVALUATION.get(alarm.evaluation_state, alarm.evaluation_state.lower().replace("_", " "))


def console(region: str, name: str) -> str:
    """The alarm's page in AWS's console; empty where the console of that partition is not known."""
    page = aws_console.page(region, "cloudwatch")
    return page and f"{page}#alarmsV2:alarm/{quote(name, safe='')}"
