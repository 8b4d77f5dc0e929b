"""Alarm mute rules: which are in force, until when and by whom.

A rule's window is ``at(yyyy-MM-ddThh:mm)`` or a cron expression, in its time zone (UTC where none is named), and an ISO
8601 duration; after its expiry a rule mutes nothing (CloudWatch API reference, PutAlarmMuteRule and Schedule).
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from oncall_tui import errors
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.cron import window_end
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging

MINUTE_S, LONGEST_S = 60, 15 * 86_400
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)")
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_BY = re.compile(r"by (.{1,80}?): (.*)", re.DOTALL)


class ActiveMute(msgspec.Struct, frozen=True):
    """One rule in force. *until* is the end of the window that mutes now; None where that cannot be told."""

    name: str
    by: str
    reason: str
    until: float | None

    def outlasts(self, other: ActiveMute) -> bool:
        """Return whether it mutes longer than *other*: an alarm is muted until the last of its rules ends."""
        return other.until is not None and (self.until is None or self.until > other.until)


def rule_name(rule_arn: str) -> str:
    """The name in a rule's ARN, ``…:alarm-mute-rule:NAME``. It may have colons itself."""
    return arn.parse(rule_arn).resource.partition(":")[2]


def duration_s(text: str) -> int | None:
    """Seconds of ``PT4H`` or ``P2DT12H``; None where it is no duration."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(g or 0) for g in found.groups())
    return weeks * 604_800 + days * 86_400 + hours * 3_600 + minutes * 60 + seconds


def window(start: float, for_s: float) -> tuple[float, int, str, str]:
    """(begin, seconds, expression, duration) of a mute from *start*: the next whole minute on, within AWS's bounds."""
    begin = -(-start // MINUTE_S) * MINUTE_S  # the expression has no seconds; one in the past might never begin
    seconds = int(min(LONGEST_S, max(MINUTE_S, -(-for_s // MINUTE_S) * MINUTE_S)))
    at = datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M")
    duration = "P15D" if seconds == LONGEST_S else f"PT{seconds // MINUTE_S}M"
    return begin, seconds, f"at({at})", duration


def to_mute(rule: w.CloudWatchMuteRule, now: float) -> ActiveMute:
    """The rule, which is in force *now*, read as this program writes it: ``by NAME: REASON``."""
    said = _BY.fullmatch(rule.description)
    by, reason = said.groups() if said else ("", rule.description)
    return ActiveMute(rule.name, by, reason, _until(rule, now))


def _until(rule: w.CloudWatchMuteRule, now: float) -> float | None:
    """When it stops to mute: its window's end, or its expiry where that comes first."""
    schedule = rule.rule.schedule if rule.rule else None
    end = _window_end(schedule, now) if schedule is not None else None
    expiry = w.seconds(rule.expire_date)
    if end is None:  # it may end before its expiry, and begin again: nothing is told but that it is in force
        return None
    return end if expiry is None else min(end, expiry)


def _window_end(schedule: w.CloudWatchSchedule, now: float) -> float | None:
    length, zone = duration_s(schedule.duration), _zone(schedule.timezone)
    if not length or zone is None:
        return None
    once = _AT.fullmatch(schedule.expression)
    if once is None:
        return window_end(schedule.expression, length, zone, now)
    try:
        return datetime.fromisoformat(once.group(1)).replace(tzinfo=zone).timestamp() + length
    except ValueError:
        return None


def _zone(name: str) -> tzinfo | None:
    """The time zone of that name; None where this machine does not know it."""
    try:
        return ZoneInfo(name) if name not in ("", "UTC") else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class MuteRules:
    """The rules in force of one source; a rule is read once, and again when it was changed."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client
        self._rules: dict[tuple[str, w.Stamp], w.CloudWatchMuteRule] = {}

    def read(self, now: float, damage: Damage) -> Mapping[str, ActiveMute]:
        """Alarm name -> the rule that mutes it longest from *now* on. Raises SourceError or RateLimited.

        A rule that is not as CloudWatch promises is noted in *damage*: what it mutes is shown as firing.
        """
        active: list[tuple[str, w.Stamp]] = []
        paging = Paging("")
        for token in paging:
            priority, more = (Priority.ACT, {"NextToken": token}) if token else (Priority.SWEEP, {})
            asked = {"Statuses": ["ACTIVE"], **more}
            page = self._client.read(w.ListAlarmMuteRules, "ListAlarmMuteRules", priority, damage, **asked)
            active += [(s.alarm_mute_rule_arn, s.last_updated_timestamp) for s in page.alarm_mute_rule_summaries]
            paging.follow(page.next_token)
        self._rules = {key: self._rules[key] for key in active if key in self._rules}
        found: dict[str, ActiveMute] = {}
        for key in active:
            try:
                rule = self._rule(key)
            except errors.Malformed as error:
                if isinstance(error, NOT_OFFERED):
                    raise
                damage.total += 1
                damage.lose(f"{rule_name(key[0])}: {error.message}")
                continue
            if rule is None:
                continue
            mute = to_mute(rule, now)
            for name in rule.mute_targets.alarm_names if rule.mute_targets else ():
                if name not in found or mute.outlasts(found[name]):
                    found[name] = mute
        return found

    def _rule(self, key: tuple[str, w.Stamp]) -> w.CloudWatchMuteRule | None:
        if key not in self._rules:
            try:
                self._rules[key] = self.get(rule_name(key[0]))
            except Gone:
                return None
        return self._rules[key]

    def get(self, name: str) -> w.CloudWatchMuteRule:
        """GetAlarmMuteRule. Raises Gone where there is none of that name, else SourceError."""
        return self._client.read(w.CloudWatchMuteRule, "GetAlarmMuteRule", Priority.ACT, AlarmMuteRuleName=name)
