"""CloudWatch in memory, as a transport that checks each request against botocore's model; and a provider over it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from aws_world import ACCOUNT, REGION, error, model
from botocore.validate import ParamValidator

from oncall_tui.domain.alert import Alert
from oncall_tui.providers.aws.cloudwatch.provider import CloudWatchProvider
from oncall_tui.providers.aws.options import CloudWatchOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock

SERVICE = [{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "api"}]


def kind(alarm: dict[str, Any]) -> str:
    """The type of an alarm, by the field that only that type has."""
    if "AlarmRule" in alarm:
        return "CompositeAlarm"
    return "LogAlarm" if "ScheduledQueryConfiguration" in alarm else "MetricAlarm"


class Alarms:
    """CloudWatch in memory."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.alarms: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.refuse: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.page = 100

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        report = ParamValidator().validate(params, model("cloudwatch").operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.asked[operation] += 1
        if operation in self.refuse:
            raise self.refuse[operation]
        return json.dumps(getattr(self, operation)(**params)).encode()

    def add(self, name: str, state: str = "ALARM", **more: Any) -> None:
        self.alarms[name] = {
            "AlarmName": name,
            "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
            "StateValue": state,
            "StateUpdatedTimestamp": self.clock.now() - 10,
            "StateTransitionedTimestamp": self.clock.now() - 60,
            "ActionsEnabled": True,
            "Dimensions": SERVICE,
            "MetricName": "CPUUtilization",
            "Threshold": 80.0,
            "ComparisonOperator": "GreaterThanThreshold",
            **more,
        }

    def DescribeAlarms(self, AlarmTypes: Any = ("MetricAlarm",), NextToken: str = "0", **which: Any) -> Any:
        self._refused(AlarmTypes)
        found = [a for a in self.alarms.values() if which.get("StateValue", a["StateValue"]) == a["StateValue"]]
        found = [a for a in found if a["AlarmName"] in which.get("AlarmNames", [a["AlarmName"]])]
        at = int(NextToken)
        more = {"NextToken": str(at + self.page)} if at + self.page < len(found) else {}
        chunk = found[at : at + self.page]
        lists = {t: [a for a in chunk if kind(a) == t] for t in AlarmTypes}
        return {"MetricAlarms": [], **{f"{t}s": found for t, found in lists.items()}, **more}

    def _refused(self, types: Any) -> None:
        for name, kinds in (("composite", "CompositeAlarm"), ("log", "LogAlarm")):
            if kinds in types and name in self.refuse:
                raise self.refuse[name]

    def DescribeAlarmHistory(self, AlarmTypes: Any, MaxRecords: int, AlarmName: str = "", **more: Any) -> Any:
        self._refused(AlarmTypes)
        found = self.history.get(AlarmName, [])
        if "HistoryItemType" in more:
            found = [item for of in self.history.values() for item in of]
            found = [item for item in found if item.get("HistoryItemType") == more["HistoryItemType"]]
        at = int(more.get("NextToken", "0"))
        token = {"NextToken": str(at + MaxRecords)} if at + MaxRecords < len(found) else {}
        return {"AlarmHistoryItems": found[at : at + MaxRecords], **token}

    def ListAlarmMuteRules(self, **_: Any) -> Any:
        base = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm-mute-rule:"
        return {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": base + n, "Status": "ACTIVE"} for n in self.rules]}

    def GetAlarmMuteRule(self, AlarmMuteRuleName: str) -> Any:
        if AlarmMuteRuleName not in self.rules:
            raise error("GetAlarmMuteRule", "ResourceNotFoundException", "no such rule", 404)
        return {"Status": "ACTIVE", **self.rules[AlarmMuteRuleName]}

    def PutAlarmMuteRule(self, **params: Any) -> Any:
        self.rules[params["Name"]] = params
        return {}


def provider(alarms: Alarms, read_only: bool = False, **more: Any) -> CloudWatchProvider:
    options = CloudWatchOptions(**{"name": "alarms", "provider": "cloudwatch", "region": REGION} | more)
    context = Context(source="alarms", actor_email="", clock=alarms.clock, read_only=read_only)
    return CloudWatchProvider(options, context, alarms)


def read(alarms: Alarms, **more: Any) -> dict[str, Alert]:
    return {a.title: a for a in provider(alarms, **more).read(ReadRequest()).alerts}
