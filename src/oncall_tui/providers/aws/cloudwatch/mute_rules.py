"""Alarm mute rules: which are in force, until when and by whom.

A rule's window is ``at(yyyy-MM-ddThh:mm)`` or a cron expression, in its time zone (UTC where none is named), and an ISO
8601 duration (CloudWatch API reference, PutAlarmMuteRule and Schedule).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w

MINUTE_S, LONGEST_S = 60, 15 * 86_400
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_BY = re.compile(r"by (.{1,80}?): (.*)", re.DOTALL)


class ActiveMute(msgspec.Struct, frozen=True):
    """One rule in force. *until* is None where that cannot be told (a recurring window)."""

    name: str
    by: str
    reason: str
    until: float | None


def duration_s(text: str) -> int | None:
    """Seconds of ``PT4H`` or ``P2DT12H``; None where it is no duration."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes = (int(g or 0) for g in found.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60


def window(start: float, for_s: float) -> tuple[float, int, str, str]:
    """(begin, seconds, expression, duration) of a mute from *start*: the next whole minute on, within AWS's bounds."""
    begin = -(-start // MINUTE_S) * MINUTE_S  # the expression has no seconds; one in the past might never begin
    seconds = int(min(LONGEST_S, max(MINUTE_S, -(-for_s // MINUTE_S) * MINUTE_S)))
    at = datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M")
    duration = "P15D" if seconds == LONGEST_S else f"PT{seconds // MINUTE_S}M"
    return begin, seconds, f"at({at})", duration


def to_mute(rule: w.CloudWatchMuteRule) -> ActiveMute:
    """The rule, read as this program writes it: ``by NAME: REASON``."""
    said = _BY.fullmatch(rule.description)
    by, reason = said.groups() if said else ("", rule.description)
    return ActiveMute(rule.name, by, reason, _until(rule))


def _until(rule: w.CloudWatchMuteRule) -> float | None:
    schedule = rule.rule.schedule if rule.rule else None
    found = _AT.fullmatch(schedule.expression) if schedule else None
    length = duration_s(schedule.duration) if schedule else None
    if found and length and schedule:
        begin = datetime.fromisoformat(found.group(1)).replace(tzinfo=_zone(schedule.timezone))
        return begin.timestamp() + length
    return w.seconds(rule.expire_date)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


class MuteRules:
    """The rules in force of one source; a rule is read once, and again when it was changed."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client
        self._rules: dict[tuple[str, w.Stamp], w.CloudWatchMuteRule] = {}

    def read(self) -> Mapping[str, ActiveMute]:
        """Alarm name -> what mutes it now. Raises SourceError or Later."""
        active: list[tuple[str, w.Stamp]] = []
        token: dict[str, str] = {}
        priority = Priority.SWEEP
        while True:
            page = self._client.read(w.ListAlarmMuteRules, "ListAlarmMuteRules", priority, Statuses=["ACTIVE"], **token)
            active += [(s.alarm_mute_rule_arn, s.last_updated_timestamp) for s in page.alarm_mute_rule_summaries]
            if not page.next_token:
                break
            token, priority = {"NextToken": page.next_token}, Priority.ACT
        self._rules = {key: self._rules[key] for key in active if key in self._rules}
        found: dict[str, ActiveMute] = {}
        for key in active:
            rule = self._rule(key)
            if rule is not None:
                found.update(dict.fromkeys(rule.mute_targets.alarm_names if rule.mute_targets else (), to_mute(rule)))
        return found

    def _rule(self, key: tuple[str, w.Stamp]) -> w.CloudWatchMuteRule | None:
        if key not in self._rules:
            name = arn.parse(key[0]).resource.rpartition(":")[2]
            try:
                self._rules[key] = self.get(name)
            except Gone:
                return None
        return self._rules[key]

    def get(self, name: str) -> w.CloudWatchMuteRule:
        """GetAlarmMuteRule. Raises Gone where there is none of that name, else SourceError."""
        return self._client.read(w.CloudWatchMuteRule, "GetAlarmMuteRule", Priority.ACT, AlarmMuteRuleName=name)
