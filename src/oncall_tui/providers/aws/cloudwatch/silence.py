"""Silencing an alarm: a mute rule that ends by itself and carries who and why."""

from __future__ import annotations

import shlex
import uuid
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import Gone, NotApi, UnknownOperation
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ask_most
from oncall_tui.providers.aws.cloudwatch.mute_rules import MuteRules, rule_name, window
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.providers.write_grace import WriteGrace
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import local_time

DEFAULT_S = 3_600.0
TAKES_EFFECT_S = 20.0
DESCRIPTION_MAX = 1024


def read_alarm(client: AwsClient, name: str) -> w.CloudWatchAlarm:
    """DescribeAlarms of one. Raises SourceError, and Refused where it is not there."""
    found, _, _ = ask_most(
        lambda types: client.read(w.DescribeAlarms, "DescribeAlarms", Priority.ACT, AlarmNames=[name], AlarmTypes=types)
    )
    for alarm in found.alarms:
        if alarm.alarm_name == name:
            return alarm
    raise errors.Refused(f"{name} is not there any more")


class CloudWatchSilence(ActionHandler):
    """The handler of ``silence`` on a CloudWatch alarm."""

    def __init__(self, source: str, client: AwsClient, clock: Clock, act_profile: str) -> None:
        self._source, self._client, self._clock, self._act_profile = source, client, clock, act_profile
        self._sent = WriteGrace(clock)
        self._mutes = MuteRules(client)

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the alarm, and say what the mute would and would not do. Raises Refused."""
        if not ask.reason.strip():
            raise errors.Refused("a silence needs a reason")
        row = board.alerts.get(ask.target)
        if row is None:
            raise errors.Refused(f"{ask.target} is not on the board")
        name = row.title
        try:
            alarm = read_alarm(self._client, name)
            muted = self._muted(name)
        except errors.SourceError as error:
            raise errors.Refused(f"it cannot be planned: {error.message}", error.hint) from error
        self._same(alarm, row)
        return self._plan(ask, alarm, muted)

    def _muted(self, name: str) -> str:
        """The mute rules that are on it already. Refused where this endpoint has none at all."""
        try:
            found = self._client.read(
                w.ListAlarmMuteRules,
                "ListAlarmMuteRules",
                Priority.ACT,
                AlarmName=name,
                Statuses=["ACTIVE", "SCHEDULED"],
            )
        except (UnknownOperation, NotApi) as error:
            raise errors.Refused("this endpoint has no alarm mute rules, so nothing was sent", error.message) from error
        except (errors.Denied, Gone):
            return ""
        return ", ".join(rule_name(s.alarm_mute_rule_arn) for s in found.alarm_mute_rule_summaries)

    @staticmethod
    def _same(alarm: w.CloudWatchAlarm, row: Alert) -> None:
        if alarm.alarm_arn != row.native_id or abs(alarm.began - row.began) >= 1.0 or alarm.state_value == "OK":
            raise errors.Refused(f"it changed since it was shown: {alarm.alarm_name} is {alarm.state_value} now")

    def _plan(self, ask: ActionRequest, alarm: w.CloudWatchAlarm, muted: str) -> Plan:
        now = self._clock.now()
        begin, seconds, expression, duration = window(now, ask.for_s or DEFAULT_S)
        at = arn.parse(alarm.alarm_arn)
        plan_id = uuid.uuid4().hex
        name = f"oncall-tui-{plan_id[:12]}"
        params: dict[str, Any] = {
            "Name": name,
            "Description": f"by {ask.actor.name}: {ask.reason.strip()}"[:DESCRIPTION_MAX],
            "Rule": {"Schedule": {"Expression": expression, "Duration": duration, "Timezone": "UTC"}},
            "MuteTargets": {"AlarmNames": [alarm.alarm_name]},
        }
        request: dict[str, Any] = {
            "operation": "PutAlarmMuteRule",
            "region": at.region,
            "account": at.account,
            "params": params,
        }
        request |= {"alarm": alarm.alarm_name, "arn": alarm.alarm_arn, "state": alarm.state_value}
        request |= {"began": alarm.began, "begin": begin, "until": begin + seconds}
        lines = (
            ("alarm", f"{alarm.alarm_name}  {alarm.state_value}"),
            ("account", f"{at.account}  {at.region}"),
            (
                "muted",
                f"from {local_time(begin, now)} until {local_time(begin + seconds, now)}, then it ends on its own",
            ),
            ("reason", ask.reason.strip()),
            ("lost", lost(alarm)),
        )
        return ask.plan(
            id=plan_id,
            does="mute",
            did="muted by a mute rule",
            source=self._source,
            made_at=now,
            title=f"Silence {alarm.alarm_name}",
            lines=lines,
            warnings=warnings(alarm, muted),
            affects=(ask.target,),
            confirm_name=alarm.alarm_name,
            request=request,
            commands=(self._command(params, at.region),),
        )

    def _command(self, params: dict[str, Any], region: str) -> str:
        words = ["aws", "cloudwatch", "put-alarm-mute-rule", "--name", params["Name"]]
        words += ["--description", params["Description"]]
        words += ["--rule", msgspec.json.encode(params["Rule"]).decode()]
        words += ["--mute-targets", msgspec.json.encode(params["MuteTargets"]).decode(), "--region", region]
        return shlex.join(words + (["--profile", self._act_profile] if self._act_profile else []))

    def check(self, plan: Plan) -> None:
        """Read the alarm again. Raises Refused and says what moved."""
        asked = plan.request
        try:
            alarm = read_alarm(self._client, asked["alarm"])
        except errors.SourceError as error:
            raise errors.Refused(f"could not be read again: {error.message}", error.hint) from error
        if alarm.alarm_arn != asked["arn"] or alarm.state_value != asked["state"]:
            raise errors.Refused(f"it changed: {asked['alarm']} is {alarm.state_value} now")
        if abs(alarm.began - asked["began"]) >= 1.0:
            raise errors.Refused(f"it changed: {asked['alarm']} was fine in between and fired anew")

    def send(self, plan: Plan) -> Receipt:
        """One attempt, with the acting credentials. Raises ActionFailed or OutcomeUnknown."""
        self._sent.note(plan)
        self._client.write("PutAlarmMuteRule", **plan.request["params"])
        return Receipt({"rule": plan.request["params"]["Name"]})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Check that the rule exists; its name is the plan's own, so a crash does not hide it. Raises SourceError."""
        now = self._clock.now()
        name, until = plan.request["params"]["Name"], local_time(plan.request["until"], now)
        try:
            rule = self._mutes.get(name)
        except Gone:
            if self._sent.waited_s(plan) > TAKES_EFFECT_S:
                return Check(OutcomeState.FAILED, f"there is no mute rule {name}", absent=True)
            return Check(OutcomeState.PENDING, "the mute rule is not visible yet", 1.0)
        if rule.status == "SCHEDULED":
            begin = local_time(plan.request["begin"], now)
            return Check(OutcomeState.DONE, f"rule {name} is there: muted from {begin} until {until}")
        if rule.status == "EXPIRED":
            return Check(OutcomeState.DONE, f"it was muted until {until}; that is over")
        return Check(OutcomeState.DONE, f"muted until {until} by rule {name}")


def lost(alarm: w.CloudWatchAlarm) -> str:
    """Return the effects that the mute stops, by the kinds of the alarm's actions."""
    actions = (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
    words = []
    if alarm.ok_actions:
        words.append(f"{count(len(alarm.ok_actions), 'OK action')}: no resolve is sent while it is muted")
    if any(":autoscaling:" in a or ":application-autoscaling:" in a for a in actions):
        words.append("its Auto Scaling actions: it scales nothing")
    others = sum(":autoscaling:" not in a for a in alarm.alarm_actions)
    if others:
        words.append(f"{count(others, 'alarm action')}, if it fires anew")
    return " · ".join(words) or "nothing: it has no actions"


def warnings(alarm: w.CloudWatchAlarm, muted: str) -> tuple[str, ...]:
    """Return the warnings of the plan."""
    words = []
    if alarm.state_value == "ALARM":
        words.append("it is in ALARM and has notified already: this stops no page that is under way")
        words.append("if the rule is removed, or ends, while it is in ALARM, its alarm actions fire then")
    if muted:
        words.append(f"it is muted already, by {muted}")
    if not alarm.actions_enabled:
        words.append("its actions are disabled: it notifies nobody as it is")
    return tuple(words)
