"""An alarm's history in CloudWatch: its states, the notifications sent, and changes to it.

Facts: CloudWatch's API reference (DescribeAlarmHistory: a hundred items a page, kept for 30 days, of a deleted alarm
too; composite alarms take a permission on ``*``). It names no person: who changed an alarm is CloudTrail's to tell.
"""

from __future__ import annotations

from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ask_most
from oncall_tui.providers.base import TimelineEvent, gaps
from oncall_tui.providers.lists import UNDECODABLE, Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.decoding import decoder
from oncall_tui.text.short_ids import short_ids

PAGES, PAGE = 2, 100
LONGEST = 400


def read(client: AwsClient, name: str) -> tuple[TimelineEvent, ...]:
    """Newest first, two hundred at the most; that there is more is said. Raises SourceError."""
    damage = Damage()
    (items, more), _, _ = ask_most(lambda types: _pages(client, name, types, damage))
    found = []
    for item in items:
        at = w.seconds(item.timestamp)
        if at is None:
            damage.lose("an event without a time")
        else:
            found.append(TimelineEvent(at, "", event_text(item)))
    damage.raise_if_all("CloudWatch", "events")
    found.sort(key=lambda told: -told.at)
    if found:
        found[:0] = gaps(found[0].at, damage.said("events", "CloudWatch"))
    if more and found:
        found.append(TimelineEvent(found[-1].at, "", "what was before this is not read"))
    return tuple(found)


def event_text(item: w.CloudWatchHistoryItem) -> str:
    """``Alarm updated from OK to ALARM: Threshold Crossed: …``"""
    reason = ""
    if item.history_item_type == "StateUpdate":
        try:
            reason = decoder(w.CloudWatchHistoryData).decode(item.history_data).new_state.state_reason
        except UNDECODABLE:  # it is a text of at most 4,095 characters, and may be cut off
            reason = ""
    said = f"{item.history_summary}: {short_ids(reason)}" if reason else item.history_summary
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _pages(
    client: AwsClient, name: str, types: list[str], damage: Damage
) -> tuple[list[w.CloudWatchHistoryItem], bool]:
    found: list[w.CloudWatchHistoryItem] = []
    paging = Paging("", most=PAGES)
    for token in paging:
        more = {"NextToken": token} if token else {}
        page = client.read(
            w.DescribeAlarmHistory,
            "DescribeAlarmHistory",
            Priority.ACT,
            damage,
            AlarmName=name,
            AlarmTypes=types,
            MaxRecords=PAGE,
            ScanBy="TimestampDescending",
            **more,
        )
        found += page.alarm_history_items
        paging.follow(page.next_token)
    return found, not paging.whole
