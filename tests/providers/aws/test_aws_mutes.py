"""Mute rules: until when an alarm is muted, whatever the rule's window and expiry are, and whatever its name is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alarm_world import Alarms, provider

from oncall_tui.domain.alert import AlertState
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.cron import window_end
from oncall_tui.providers.aws.cloudwatch.mute_rules import rule_name, to_mute
from oncall_tui.providers.base import ReadRequest

NOW = datetime(2026, 11, 29, 2, 30, tzinfo=UTC)  # a Sunday
TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "duration", "zone", "expiry", "until"),
    [
        ("cron(0 2 * * *)", "PT4H", "", "2027-01-01T00:00", "2026-11-29T06:00"),
        ("cron(0 2 * * SUN)", "PT1H", "UTC", "", "2026-11-29T03:00"),
        ("cron(0 18 * * FRI)", "P2DT12H", "", "", "2026-11-30T06:00"),
        ("cron(0 2 * * *)", "PT4H", "", "2026-11-29T03:15", "2026-11-29T03:15"),
        ("cron(0 11 * * *)", "PT1H", "Asia/Tokyo", "", "2026-11-29T03:00"),
        ("cron(0,15,30 2 29 NOV *)", "PT20M", "", "", "2026-11-29T02:50"),  # each begins before the last one ends
        ("cron(0 20-23 * * SAT-MON)", "PT5H", "", "", "2026-11-29T04:00"),
        ("cron(0 0 * * *)", "P1D", "", "", None),  # never ends
        ("cron(0 0 * * *)", "P1D", "", "2027-01-01T00:00", None),
        ("cron(0 2 L * ?)", "PT4H", "", "2027-01-01T00:00", None),  # words that no document explains
        ("cron(0 2 29 * SUN)", "PT4H", "", "2027-01-01T00:00", None),
        ("cron(0 2 * * 1)", "PT4H", "", "", None),
        ("cron(0 4 * * *)", "PT1H", "", "2027-01-01T00:00", None),  # not open now, and yet AWS says so
        ("cron(0 2 * * *)", "PT4H", "Mars/Olympus", "", None),
        ("rate(1 hour)", "PT4H", "", "", None),
        ("at(2026-11-29T02:00)", "PT4H", "", "", "2026-11-29T06:00"),
        ("at(2026-11-29T02:00)", "PT4H", "", "2026-11-29T03:00", "2026-11-29T03:00"),
        ("at(2026-11-29T02:00)", "PT4H", "", "2027-01-01T00:00", "2026-11-29T06:00"),
        ("at(2026-11-29T11:00)", "PT4H", "Asia/Tokyo", "", "2026-11-29T06:00"),
        ("at(2026-13-29T11:00)", "PT4H", "", "", None),
        ("at(2026-11-29T02:00)", "often", "", "2027-01-01T00:00", None),
    ],
)
def test_a_mute_ends_with_its_window_or_its_rule_whichever_is_first(
    expression: str, duration: str, zone: str, expiry: str, until: str | None
) -> None:
    rule = w.CloudWatchMuteRule(
        name="it",
        rule=w.CloudWatchRule(w.CloudWatchSchedule(expression, duration, zone)),
        expire_date=at(expiry) if expiry else None,
        status="ACTIVE",
    )
    assert to_mute(rule, NOW.timestamp()).until == (at(until) if until else None)


def test_a_window_s_end_is_the_one_that_walking_minute_by_minute_finds() -> None:
    begins = {(h, m) for h in (1, 5, 22) for m in (0, 45)}
    expression = "cron(0,45 1,5,22 * * TUE-SAT)"
    for lasts in (10, 60, 240, 1500):
        starts = [
            moment
            for day in range(-3, 8)
            for h, m in sorted(begins)
            if (moment := (NOW + timedelta(days=day)).astimezone(TOKYO).replace(hour=h, minute=m)).weekday()
            in (1, 2, 3, 4, 5)
        ]
        muted = {
            (s + timedelta(minutes=k)).timestamp() for s in starts for k in range(lasts)
        }  # every minute that any window covers
        for step in range(0, 3 * 24 * 60, 17):
            now = (NOW + timedelta(minutes=step)).timestamp()
            end = now
            while end in muted:
                end += 60
            assert window_end(expression, lasts * 60.0, TOKYO, now) == (end if end > now else None)


@pytest.mark.parametrize("name", ["plain", "team:api:night", "a/b:c", ":"])
def test_a_rule_s_name_may_have_colons(alarms: Alarms, name: str) -> None:
    assert rule_name(f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm-mute-rule:{name}") == name
    alarms.add("it")
    alarms.rules[name] = rule(name, "PT4H", alarms)
    (row,) = provider(alarms).read(ReadRequest()).alerts
    assert row.state is AlertState.SILENCED


def rule(name: str, lasts: str, alarms: Alarms) -> dict[str, Any]:
    begin = datetime.fromtimestamp(alarms.clock.now() // 60 * 60, UTC).strftime("%Y-%m-%dT%H:%M")
    schedule = {"Expression": f"at({begin})", "Duration": lasts}
    return {"Name": name, "Description": f"by {name}: x", "Rule": {"Schedule": schedule}} | {
        "MuteTargets": {"AlarmNames": ["it"]}
    }


@pytest.mark.parametrize("order", [("short", "long"), ("long", "short")])
def test_of_two_rules_the_one_that_ends_last_counts(alarms: Alarms, order: tuple[str, str]) -> None:
    alarms.add("it")
    for name in order:
        alarms.rules[name] = rule(name, {"short": "PT1H", "long": "PT4H"}[name], alarms)
    (row,) = provider(alarms).read(ReadRequest()).alerts
    assert row.by == ("long",)
    assert row.until == alarms.clock.now() // 60 * 60 + 4 * 3600
