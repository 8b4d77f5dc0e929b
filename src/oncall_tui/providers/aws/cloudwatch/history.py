"""An alarm's history in CloudWatch: its states, the notifications sent, and changes to it.

Facts: CloudWatch's API reference (DescribeAlarmHistory: a hundred items a page, kept for 30 days, of a deleted alarm
too; composite alarms take a permission on ``*``). It names no person: who changed an alarm is CloudTrail's to tell.
"""

from __future__ import annotations

import msgspec

from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ask_most
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.runtime.decoding import decoder
from oncall_tui.text.short_ids import short_ids

PAGES, PAGE = 2, 100
LONGEST = 400


def read(client: AwsClient, name: str) -> tuple[TimelineEvent, ...]:
    """Newest first, two hundred at the most; that there is more is said. Raises SourceError."""
    items, more = _items(client, name)
    found = [TimelineEvent(w.seconds(item.timestamp) or 0.0, "", event_text(item)) for item in items]
    found.sort(key=lambda told: -told.at)
    if more and found:
        found.append(TimelineEvent(found[-1].at, "", "what was before this is not read"))
    return tuple(found)


def event_text(item: w.CloudWatchHistoryItem) -> str:
    """``Alarm updated from OK to ALARM: Threshold Crossed: …``"""
    reason = ""
    if item.history_item_type == "StateUpdate":
        try:
            reason = decoder(w.CloudWatchHistoryData).decode(item.history_data).new_state.state_reason
        except msgspec.MsgspecError:  # it is a text of at most 4,095 characters, and may be cut off
            reason = ""
    said = f"{item.history_summary}: {short_ids(reason)}" if reason else item.history_summary
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _items(client: AwsClient, name: str) -> tuple[list[w.CloudWatchHistoryItem], bool]:
    found, _, _ = ask_most(lambda types: _pages(client, name, types))
    return found


def _pages(client: AwsClient, name: str, types: list[str]) -> tuple[list[w.CloudWatchHistoryItem], bool]:
    found: list[w.CloudWatchHistoryItem] = []
    token: dict[str, str] = {}
    for _ in range(PAGES):
        page = client.read(
            w.DescribeAlarmHistory,
            "DescribeAlarmHistory",
            Priority.ACT,
            AlarmName=name,
            AlarmTypes=types,
            MaxRecords=PAGE,
            ScanBy="TimestampDescending",
            **token,
        )
        found += page.alarm_history_items
        if not page.next_token:
            return found, False
        token = {"NextToken": page.next_token}
    return found, True
