"""CloudWatch's alarms, their metrics, and mute rules: the service model of 2010-08-01.

It is AWS JSON 1.0, which botocore 1.44 picks of the three protocols that the model offers.
Timestamps are epoch seconds. A mute rule changes no alarm's state: it only keeps actions from being taken.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from oncall_tui.simulator.services.aws.cloudwatch_metrics import metric_data
from oncall_tui.simulator.services.aws.ecs_metrics import Gauges
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, page

HISTORY_KEPT = 20_000

_Item = TypeVar("_Item")


@dataclass
class Alarm:
    """One alarm; composite where it has `any_of`, of lines of logs where it has `query`."""

    name: str
    about: str = ""
    metric: str = "5XXError"
    namespace: str = "AWS/ECS"
    threshold: float = 1.0
    below: bool = False
    """Whether it is in ALARM below its threshold."""
    dimensions: dict[str, str] = field(default_factory=dict)
    any_of: list[str] = field(default_factory=list)
    query: str = ""
    actions: list[str] = field(default_factory=list)
    state: str = "OK"
    reason: str = ""
    since: float = 0.0
    changes: list[tuple[float, str]] = field(default_factory=list)

    @property
    def tracking(self) -> bool:
        """Return whether it is a target-tracking policy's, which sits in ALARM normally."""
        return "-AlarmLow-" in self.name

    @property
    def low(self) -> bool:
        """Return whether it is in ALARM below its threshold."""
        return self.below or self.tracking


@dataclass
class SimulatedAwsMute:
    """One mute rule."""

    name: str
    rule: Json
    about: str
    targets: list[str]
    start: float | None
    expire: float | None
    updated: float
    begins: float
    lasts: float


class CloudWatch:
    """One account's alarms in one region."""

    prefix = "GraniteServiceVersion20100801"
    version = "1.0"
    permission = "cloudwatch"

    def __init__(self, number: str, region: str, now: Callable[[], float], gauges: Gauges) -> None:
        self._base = f"arn:aws:cloudwatch:{region}:{number}"
        self._topic = f"arn:aws:sns:{region}:{number}:oncall-drill"
        self._now = now
        self._alarms: dict[str, Alarm] = {}
        self._history: list[Json] = []
        self._mutes: dict[str, SimulatedAwsMute] = {}
        self._operations: dict[str, Callable[[Json], Json]] = {
            "DescribeAlarms": self._describe_alarms,
            "DescribeAlarmHistory": self._describe_history,
            "GetMetricData": lambda asked: metric_data(asked, self.metric_alarms(), gauges, self._now()),
            "PutAlarmMuteRule": self._put_mute,
            "ListAlarmMuteRules": self._list_mutes,
            "GetAlarmMuteRule": self._get_mute,
            "DeleteAlarmMuteRule": self._delete_mute,
        }

    # -- what the world asks for

    def add(self, alarm: Alarm, state: str, since: float) -> None:
        """A new alarm, in a state since then."""
        alarm.state, alarm.since = state, since
        alarm.changes.append((since, state))
        alarm.reason = _reason(alarm, state)
        self._alarms[alarm.name] = alarm
        if state != "OK":
            self._remember(alarm, "OK", _reason(alarm, "OK"), since)
        self._follow(since)

    def check(self, name: str) -> None:
        """ValueError where there is no alarm of this name."""
        if name not in self._alarms:
            raise ValueError(f"no alarm is {name!r}")

    def set_state(self, name: str, state: str, reason: str = "") -> None:
        """Move an alarm, and the composites above it. ValueError where there is none of this name."""
        self.check(name)
        alarm = self._alarms[name]
        self._move(alarm, state, reason or _reason(alarm, state), self._now())
        self._follow(self._now())

    def edit(self, name: str, threshold: float | None, delete: bool, at: float) -> Json:
        """Edit an alarm's threshold, or delete it, at *at* (epoch seconds).

        Returns what PutMetricAlarm or DeleteAlarms was called with. ValueError where there is none of this name.
        """
        self.check(name)
        alarm = self._alarms[name]
        if delete:
            del self._alarms[name]
            data: Json = {"version": "1.0", "type": "Delete", "deletedAlarm": {"alarmName": name}}
            self._note(alarm, at, "ConfigurationUpdate", f'Alarm "{name}" deleted', data)
            return {"alarmNames": [name]}
        old, alarm.threshold = alarm.threshold, alarm.threshold if threshold is None else threshold
        updated = {"alarmName": name, "threshold": alarm.threshold, "metricName": alarm.metric}
        data = {"version": "1.0", "type": "Update", "updatedAlarm": updated}
        data["originalUpdatedFields"] = {} if threshold is None else {"threshold": old}
        self._note(alarm, at, "ConfigurationUpdate", f'Alarm "{name}" updated', data)
        return updated

    def past(
        self,
        given: Mapping[str, Any],
        began: float,
        ended: float,
        by: str | None = None,
        acknowledged: tuple[str, float] | None = None,
    ) -> None:
        """Lay a time in ALARM that is over. Times in epoch seconds. ValueError where there is none of this name."""
        self.check(given["name"])
        alarm = self._alarms[given["name"]]
        for at, old, new in ((began, "OK", "ALARM"), (ended, "ALARM", "OK")):
            states: Json = {"oldState": {"stateValue": old, "stateReason": _reason(alarm, old)}}
            states |= {"newState": {"stateValue": new, "stateReason": _reason(alarm, new)}}
            summary = f"Alarm updated from {old} to {new}"
            self._note(alarm, at, "StateUpdate", summary, {"version": "1.0", **states})

    def state(self) -> object:
        """Every alarm's state, and the mute rules, for tests."""
        rules = {m.name: {"targets": m.targets, "status": self._status(m)} for m in self._mutes.values()}
        return {"alarms": {alarm.name: alarm.state for alarm in self._alarms.values()}, "mutes": rules}

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation not in self._operations:
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        return self._operations[operation](asked)

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        name = asked.get("Name") or asked.get("AlarmMuteRuleName")
        return f"{self._base}:alarm-mute-rule:{name}" if name else f"{self._base}:alarm:*"

    # -- states

    def _move(self, alarm: Alarm, state: str, reason: str, at: float) -> None:
        if state == alarm.state:
            alarm.reason = reason
            return
        old, why = alarm.state, alarm.reason
        alarm.state, alarm.reason, alarm.since = state, reason, at
        alarm.changes.append((at, state))
        self._remember(alarm, old, why, at)

    def _remember(self, alarm: Alarm, old: str, why: str, at: float) -> None:
        """Put a change of state, and the word that was sent of it, into the history."""
        data = {
            "version": "1.0",
            "oldState": {"stateValue": old, "stateReason": why},
            "newState": {"stateValue": alarm.state, "stateReason": alarm.reason},
        }
        self._note(alarm, at, "StateUpdate", f"Alarm updated from {old} to {alarm.state}", data)
        topics = {"ALARM": alarm.actions or [self._topic], "OK": [self._topic]}.get(alarm.state, [])
        muted = any(self._status(m) == "ACTIVE" for m in self._mutes.values() if alarm.name in m.targets)
        for topic in [] if muted else topics:
            done = {"actionState": "Succeeded", "stateUpdateTimestamp": int(at * 1000), "notificationResource": topic}
            self._note(alarm, at + 0.2, "Action", f"Successfully executed action {topic}", done)

    def _note(self, alarm: Alarm, at: float, kind: str, summary: str, data: Json) -> None:
        item = {
            "AlarmName": alarm.name,
            "AlarmType": _kind(alarm),
            "Timestamp": at,
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
        self._history.append(item)
        del self._history[:-HISTORY_KEPT]

    def _follow(self, at: float) -> None:
        for alarm in self._alarms.values():
            if alarm.any_of:
                on = [n for n in alarm.any_of if n in self._alarms and self._alarms[n].state == "ALARM"]
                state = "ALARM" if on else "OK"
                names = ", ".join(on) or "none of its children"
                self._move(alarm, state, f"{names} in ALARM", at)

    # -- alarms

    def metric_alarms(self) -> list[Alarm]:
        """Return the alarms that watch a metric."""
        return [alarm for alarm in self._alarms.values() if _kind(alarm) == "MetricAlarm"]

    def _describe_alarms(self, asked: Json) -> Json:
        kinds = _kinds(asked)
        names, prefix = asked.get("AlarmNames"), asked.get("AlarmNamePrefix", "")
        if names and len(names) > 100:
            raise AwsError("ValidationError", "AlarmNames: at most 100")
        found = [
            alarm
            for name, alarm in sorted(self._alarms.items())
            if _kind(alarm) in kinds
            and asked.get("StateValue") in (None, alarm.state)
            and name.startswith(prefix)
            and (not names or name in names)
        ]
        some, more = _paged(found, asked, 50, 100)
        views = {"MetricAlarm": self._metric, "CompositeAlarm": self._composite, "LogAlarm": self._log}
        return {f"{kind}s": [view(a) for a in some if _kind(a) == kind] for kind, view in views.items()} | more

    def _common(self, alarm: Alarm) -> Json:
        return {
            "AlarmName": alarm.name,
            "AlarmArn": f"{self._base}:alarm:{alarm.name}",
            "AlarmDescription": alarm.about,
            "AlarmConfigurationUpdatedTimestamp": 1700000000.0,
            "ActionsEnabled": True,
            "OKActions": [self._topic],
            "AlarmActions": alarm.actions or [self._topic],
            "InsufficientDataActions": [],
            "StateValue": alarm.state,
            "StateReason": alarm.reason,
            "StateUpdatedTimestamp": alarm.since,
            "StateTransitionedTimestamp": alarm.since,
        }

    def _metric(self, alarm: Alarm) -> Json:
        periods = _periods(alarm)
        return self._common(alarm) | {
            "StateReasonData": json.dumps({"version": "1.0", "threshold": alarm.threshold}),
            "MetricName": alarm.metric,
            "Namespace": alarm.namespace,
            **_statistic(alarm),
            "Dimensions": [{"Name": k, "Value": v} for k, v in alarm.dimensions.items()],
            "Period": 60,
            "EvaluationPeriods": periods,
            "DatapointsToAlarm": periods,
            "Threshold": alarm.threshold,
            "ComparisonOperator": "LessThanThreshold" if alarm.low else "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing",
        }

    def _composite(self, alarm: Alarm) -> Json:
        rule = " OR ".join(f'ALARM("{name}")' for name in alarm.any_of)
        return self._common(alarm) | {"AlarmRule": rule, "StateReasonData": "{}"}

    def _log(self, alarm: Alarm) -> Json:
        query = {
            "QueryString": alarm.query,
            "LogGroupIdentifiers": [f"{self._base.replace(':cloudwatch:', ':logs:')}:log-group:/ecs/{alarm.name}:*"],
            "ScheduledQueryRoleARN": f"arn:aws:iam::{self._base.rpartition(':')[2]}:role/queries",
            "ScheduleConfiguration": {"ScheduleExpression": "rate(1 minute)", "StartTimeOffset": 300},
            "AggregationExpression": "count(*)",
        }
        return self._common(alarm) | {
            "ScheduledQueryConfiguration": query,
            "QueryResultsToEvaluate": 3,
            "QueryResultsToAlarm": 3,
            "Threshold": alarm.threshold,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing",
        }

    def _describe_history(self, asked: Json) -> Json:
        kinds = _kinds(asked)
        start, end = asked.get("StartDate", 0.0), asked.get("EndDate", float("inf"))
        found = [
            item
            for item in self._history
            if item["AlarmType"] in kinds
            and asked.get("AlarmName") in (None, item["AlarmName"])
            and asked.get("HistoryItemType") in (None, item["HistoryItemType"])
            and start <= item["Timestamp"] <= end
        ]
        newest = asked.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        found.sort(key=lambda item: float(item["Timestamp"]), reverse=newest)
        some, more = _paged(found, asked, 100, 100)
        return {"AlarmHistoryItems": some, **more}

    # -- mute rules

    def _status(self, mute: SimulatedAwsMute) -> str:
        now = self._now()
        if mute.expire is not None and now >= mute.expire:
            return "EXPIRED"
        if now < max(mute.begins, mute.start or 0.0):
            return "SCHEDULED"
        return "ACTIVE" if now < mute.begins + mute.lasts else "EXPIRED"

    def _put_mute(self, asked: Json) -> Json:
        name, schedule = asked["Name"], asked["Rule"]["Schedule"]
        targets = list((asked.get("MuteTargets") or {}).get("AlarmNames") or [])
        if not 1 <= len(targets) <= 100:
            raise AwsError("ValidationError", "MuteTargets.AlarmNames: from 1 to 100 names")
        begins, lasts = _schedule(schedule)
        start, expire = asked.get("StartDate"), asked.get("ExpireDate")
        about = asked.get("Description", "")
        self._mutes[name] = SimulatedAwsMute(
            name, asked["Rule"], about, targets, start, expire, self._now(), begins, lasts
        )
        return {}

    def _list_mutes(self, asked: Json) -> Json:
        wanted = asked.get("Statuses")
        found = [
            mute
            for _, mute in sorted(self._mutes.items())
            if (not wanted or self._status(mute) in wanted)
            and ("AlarmName" not in asked or asked["AlarmName"] in mute.targets)
        ]
        some, more = _paged(found, asked, 50, 100)
        return {"AlarmMuteRuleSummaries": [self._summary(mute) for mute in some], **more}

    def _summary(self, mute: SimulatedAwsMute) -> Json:
        shown: Json = {
            "AlarmMuteRuleArn": f"{self._base}:alarm-mute-rule:{mute.name}",
            "Status": self._status(mute),
            "MuteType": "ONE_TIME",
            "LastUpdatedTimestamp": mute.updated,
        }
        return shown | ({"ExpireDate": mute.expire} if mute.expire is not None else {})

    def _get_mute(self, asked: Json) -> Json:
        mute = self._mutes.get(asked["AlarmMuteRuleName"])
        if mute is None:
            raise AwsError("ResourceNotFoundException", "The named resource does not exist.", 404)
        shown = {"Name": mute.name, "Description": mute.about, "Rule": mute.rule}
        shown |= {"MuteTargets": {"AlarmNames": mute.targets}, **self._summary(mute)}
        return shown | ({"StartDate": mute.start} if mute.start is not None else {})

    def _delete_mute(self, asked: Json) -> Json:
        self._mutes.pop(asked["AlarmMuteRuleName"], None)
        return {}


def _statistic(alarm: Alarm) -> Json:
    """Return the statistic of such a metric."""
    if alarm.metric.endswith("Time"):
        return {"ExtendedStatistic": "p99"}
    if alarm.metric.endswith("Utilization") or alarm.tracking:
        return {"Statistic": "Average"}
    if alarm.low:
        return {"Statistic": "Minimum"}
    return {"Statistic": "Maximum" if "Age" in alarm.metric else "Sum"}


TYPES = ("MetricAlarm", "CompositeAlarm", "LogAlarm")


def _kind(alarm: Alarm) -> str:
    return "CompositeAlarm" if alarm.any_of else "LogAlarm" if alarm.query else "MetricAlarm"


def _kinds(asked: Json) -> list[str]:
    """The types that were asked for, or AwsError where one is none. Without a word metric alarms alone."""
    kinds = list(asked.get("AlarmTypes") or TYPES[:1])
    if not set(kinds) <= set(TYPES):
        raise AwsError("ValidationError", f"AlarmTypes: Member must satisfy enum value set: [{', '.join(TYPES)}]")
    return kinds


def _periods(alarm: Alarm) -> int:
    return 15 if alarm.tracking else 3


def _reason(alarm: Alarm, state: str) -> str:
    if state == "INSUFFICIENT_DATA":
        return "Insufficient Data: 3 datapoints were unknown."
    how = "were" if state == "ALARM" else "were not"
    than = "less than" if alarm.low else "greater than or equal to"
    return f"Threshold Crossed: {_periods(alarm)} datapoints {how} {than} the threshold ({alarm.threshold})."


def _paged(found: list[_Item], asked: Json, default: int, most: int) -> tuple[list[_Item], Json]:
    try:
        return page(found, asked, "MaxRecords", "NextToken", default, most)
    except AwsError as error:
        kind = "InvalidNextToken" if "token" in error.message else "ValidationError"
        raise AwsError(kind, error.message) from None


def _schedule(schedule: Json) -> tuple[float, float]:
    """When a one-time schedule begins (epoch seconds) and how long it lasts (seconds), or AwsError."""
    expression, duration = schedule["Expression"], schedule["Duration"]
    at = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)", expression)
    if at is None:
        raise AwsError("ValidationError", "Rule.Schedule.Expression: only at(yyyy-MM-ddThh:mm) is simulated")
    zone = ZoneInfo(schedule["Timezone"]) if schedule.get("Timezone") not in (None, "UTC") else UTC
    begins = datetime.fromisoformat(at[1]).replace(tzinfo=zone).timestamp()
    long = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", duration)
    days, hours, minutes = (int(part or 0) for part in long.groups()) if long else (0, 0, 0)
    lasts = 86400.0 * days + 3600.0 * hours + 60.0 * minutes
    if not 60 <= lasts <= 15 * 86400:
        raise AwsError("ValidationError", "Rule.Schedule.Duration: from PT1M to P15D")
    return begins, lasts
