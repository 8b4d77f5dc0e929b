"""Times: one place formats them, with the day and the year where those are others, in the configured zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from oncall_tui.text import time_format
from oncall_tui.text.time_format import age, age_changes, local_time, moment, stamp, zoned

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 1, 1, 10, 0, 5, tzinfo=TOKYO).timestamp()
HOUR = 3600.0
SOURCE = Path(time_format.__file__).parents[1]


@pytest.mark.parametrize(
    ("ago", "said"),
    [(0, "10:00"), (9 * HOUR, "01:00"), (11 * HOUR, "31 Dec 2025 23:00"), (-24 * HOUR, "2 Jan 10:00")],
)
def test_the_day_and_the_year_are_said_where_they_are_others(ago: float, said: str) -> None:
    assert moment(NOW - ago, TOKYO, NOW) == said
    assert zoned(NOW - ago, TOKYO, NOW) == f"{said} JST"


def test_seconds_and_days_where_they_are_asked_for() -> None:
    assert moment(NOW, TOKYO, NOW, seconds=True) == "10:00:05"
    assert moment(NOW, TOKYO, NOW, day=True) == "1 Jan 10:00"
    assert stamp(NOW) == "2026-01-01T01:00:05Z"
    assert stamp(None) is None


@pytest.mark.parametrize("seconds", [-5, 0, 9, 10, 59, 60, 119, 3_599, 3_600, 86_399, 86_400, 500_000, 86_400_000.0])
def test_an_age_says_the_same_until_it_changes(seconds: float) -> None:
    until = age_changes(seconds)
    assert until > seconds
    assert age(until - 0.001) == age(seconds)
    if seconds < 86_400_000:  # from 1,000 days on it is said in years, and looked at each day
        assert age(until) != age(seconds)


def test_sentences_are_in_the_configured_zone() -> None:
    assert local_time(NOW, NOW) == "01:00 UTC"
    time_format.set_zone(TOKYO)
    assert local_time(NOW, NOW) == "10:00 JST"
    assert local_time(NOW + 24 * HOUR, NOW) == "2 Jan 10:00 JST"
    time_format.set_zone(UTC)


# What is sent in another side's own format, and screens that are given their zone, for columns of their own.
OWN = {
    "providers/aws/cloudwatch/mute_rules.py", "providers/pagerduty/on_call.py", "inspection/logs/insights_link.py",
    "text/time_format.py", "tui/presenters/status_lines.py", "tui/screens/on_call.py", "tui/presenters/last_seen.py",
    "cli/oncall.py", "tui/screens/logs/state.py", "tui/screens/logs/tasks.py", "tui/screens/logs/view.py",
}  # fmt: skip


def test_no_other_place_formats_times_and_no_sentence_has_utc_in_it() -> None:
    files = {str(p.relative_to(SOURCE)): p.read_text() for p in SOURCE.rglob("*.py") if "simulator" not in p.parts}
    assert {name for name, text in files.items() if "strftime(" in text} <= OWN
    utc = re.compile(r"f\"[^\"\n]*\} UTC|%H:%M UTC")
    assert [name for name, text in files.items() if utc.search(text)] == []


def test_no_other_place_says_how_long_ago_something_was() -> None:
    """A number with its unit, or its size in days, hours and minutes, is put into words in one file."""
    files = {str(p.relative_to(SOURCE)): p.read_text() for p in SOURCE.rglob("*.py") if "simulator" not in p.parts}
    own = re.compile(r"\} ?(?:s|m|h|min|seconds) ago|:\.0f\} ?s ago|\(\(\"d\", 86_?400\)|\(86_?400, \"d\"\)")
    assert [name for name, text in files.items() if own.search(text)] == []
