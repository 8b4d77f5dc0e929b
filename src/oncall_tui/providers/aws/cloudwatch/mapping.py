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
from oncall_tui.text.short_ids import short_ids

TARGET_TRACKING = "TargetTracking-"
_PART = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:[\"']([^\"']+)[\"']|([^\s)\"']+))\s*\)")
_SIGNS = {"GreaterThan": ">", "LessThan": "<", "GreaterThanOrEqualTo": "≥", "LessThanOrEqualTo": "≤"}


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
    """A composite alarm has no dimensions: it speaks of the one service that its parts speak of, if it is one."""
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
    """None: it is fine. INSUFFICIENT_DATA is neither firing nor fine."""
    if alarm.state_value == "OK":
        return None
    if alarm.state_value == "INSUFFICIENT_DATA":
        return AlertState.NO_DATA
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
    composite = (("composite", short_ids(alarm.alarm_rule)),) if alarm.alarm_rule else ()
    pairs = alarm.all_dimensions()
    watched = (("namespace", alarm.namespace), ("metric", alarm.metric_name))
    labels = (("alarmname", alarm.alarm_name), *watched, *pairs)
    told = (
        ("description", alarm.alarm_description),
        ("reason", short_ids(alarm.state_reason)),
        ("threshold", threshold(alarm)),
        ("actions", "" if alarm.actions_enabled else "disabled: this alarm notifies nobody"),
        *composite,
    )
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
        comment=mute.reason if mute else short_ids(alarm.actions_suppressed_reason),
        url=console(at.region, alarm.alarm_name),
        labels=tuple(pair for pair in labels if pair[1]),
        annotations=tuple((k, v) for k, v in told if v),
        hint=hint_of_parts(alarm, known) if alarm.alarm_rule else hint(alarm),
        keys=keys(alarm, known),
        hidden="target tracking" if tracking else "",
        metric=metric(alarm, pairs),
        verbs=frozenset({Verb.SILENCE}) if can_act and mute is None else frozenset(),
    )


def threshold(alarm: w.CloudWatchAlarm) -> str:
    """``CPUUtilization > 80``; empty where it is not that simple."""
    sign = _SIGNS.get(alarm.comparison_operator.removesuffix("Threshold"), "")
    if not sign or alarm.threshold is None:
        return ""
    return f"{alarm.metric_name or 'expression'} {sign} {alarm.threshold:g}"


def console(region: str, name: str) -> str:
    """The alarm's page in AWS's console."""
    page = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    return f"{page}#alarmsV2:alarm/{quote(name, safe='')}"
