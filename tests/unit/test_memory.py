"""An alert's memory: how often, when, and what was done about it, counted and worded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from oncall_tui.domain.history import EpisodeMark, PastEpisode, episode_id
from oncall_tui.domain.memory import AlertMemory, RememberedAct, memory_of, occurrences
from oncall_tui.inspection.memory import spans
from oncall_tui.text import memory_words as words

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=TOKYO).timestamp()
DAY = 86_400.0
LONG_AGO = NOW - 300 * DAY


def at(days_ago: int, hour: int = 2, minute: int = 0) -> float:
    return datetime(2026, 11, 20, hour, minute, tzinfo=TOKYO).timestamp() - days_ago * DAY


def episode(began: float, lasts: float | None = 600.0, alert: str = "prom/5xx", **more: Any) -> PastEpisode:
    given = {"source": "prom", "provider": "alertmanager", "title": "5xx", **more}
    ended = None if lasts is None else began + lasts
    return PastEpisode(id=episode_id(alert, began), alert=alert, began=began, ended=ended, **given)


def remembered(episodes: list[PastEpisode], acts: list[RememberedAct] | None = None, **more: Any) -> AlertMemory:
    given = {"now": NOW, "tz": TOKYO, "since": LONG_AGO, "fires": False, **more}
    return memory_of(occurrences(episodes, acts or ()), **given)


def test_an_alert_and_its_incident_are_one_occurrence_and_a_later_firing_is_another() -> None:
    found = occurrences(
        [
            episode(at(3), 900),
            episode(at(3) + 40, 1200, "pager-key"),
            episode(at(3) + 1240 + 1800, 60),
            episode(at(3) + 1240 + 1800 + 60 + 1801, 60),
        ]
    )
    assert [len(o.episodes) for o in found] == [3, 1]
    assert found[0].ended == at(3) + 1240 + 1860


def test_it_says_how_often_it_came_and_at_which_hours() -> None:
    nights = [episode(at(day, 2 + day % 3)) for day in range(1, 12)]
    days = [episode(at(day, 15)) for day in (4, 9)]
    earlier = [episode(at(40)), episode(at(59)), episode(at(61))]
    told = remembered([*nights, *days, *earlier])
    assert words.frequency(told) == "fired 13 times in 30 days (2 in the 30 before), mostly 02–05"
    assert words.short(told.recent) == "×13/30d"
    assert words.short(1) == ""
    assert told.total == 16


def test_no_habit_is_claimed_of_few_or_of_any_hours() -> None:
    assert remembered([episode(at(day)) for day in (1, 2, 3)]).hours is None
    assert remembered([episode(at(day, hour)) for day, hour in enumerate((0, 5, 10, 15, 20), 1)]).hours is None
    assert remembered([episode(at(day, 23, 30)) for day in range(1, 6)]).hours in (21, 22, 23)


def test_what_was_not_recorded_is_a_gap_and_no_quiet_time() -> None:
    told = remembered([episode(at(1)), episode(at(1, 12)), episode(at(4))], since=at(5))
    assert told.days[-6:] == (0, 1, 0, 0, 2, 0)
    assert set(told.days[:-6]) == {None}
    assert words.bars(told.days) == "·" * 24 + "▁▅▁▁█▁"
    assert words.bars_told(told.days) == "a day each up to today, at most 2; · not recorded"
    assert told.before is None
    assert "before" not in words.frequency(told)


def test_the_last_time_says_what_was_done_by_whom_and_whether_it_held() -> None:
    acts = [
        RememberedAct(at(9) + 120, "Alice", "acknowledge 5xx", "done"),
        RememberedAct(at(9) + 240, "Bob", "Roll back prod/api :38→:37", "done"),
        RememberedAct(at(20), "Carol", "restart prod/api", "failed"),
    ]
    two = [episode(at(20)), episode(at(9), 600)]
    told = words.last_time(remembered(two, acts), TOKYO, NOW)
    assert told.startswith(
        "11 Nov 02:00 for 10m: Alice: acknowledge 5xx (done); Bob: Roll back prod/api from :38 to :37"
    )
    assert told.endswith("; quiet since, for 9d")
    again = remembered([*two, episode(at(0, 8), None)], acts, fires=True)
    assert words.last_time(again, TOKYO, NOW).endswith("; it came back after 9d")
    assert "restart" not in words.last_time(again, TOKYO, NOW)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (episode(at(2)), "nothing was done; quiet since, for 2d"),
        (
            episode(at(2), acknowledged_at=at(2) + 60, acknowledged_by="Bob"),
            "acknowledged by Bob, nothing else recorded",
        ),
        (episode(at(2), acted=2), "2 actions"),
        (episode(at(2), None), "nothing was done; when it ended is not known"),
        (episode(at(2), end_known=False), "for at most 10m: nothing was done; quiet since, for at least 2d"),
    ],
)
def test_of_what_was_done_no_more_is_said_than_was_recorded(last: PastEpisode, said: str) -> None:
    assert said in words.last_time(remembered([last]), TOKYO, NOW)


def test_an_act_belongs_to_one_occurrence_alone() -> None:
    first, second = episode(at(2, 2)), episode(at(2, 2, 45))
    act = RememberedAct(at(2, 2, 50), "Bob", "restart", "done")
    assert [len(o.acts) for o in occurrences([first, second], [act])] == [0, 1]


def test_never_acted_on_and_the_marks_are_said() -> None:
    quiet = [episode(at(day)) for day in range(1, 41)]
    assert words.acted_on(remembered(quiet)) == "never acted on in 40 firings"
    some = [*quiet, episode(at(50), acknowledged_at=at(50), mark=EpisodeMark.ACTIONABLE)]
    told = remembered([*some, episode(at(51), mark=EpisodeMark.NOISE), episode(at(52), mark=EpisodeMark.NOISE)])
    assert words.acted_on(told) == "acted on in 1 of 43 firings"
    assert words.marked(told) == "marked actionable 1×, noise 2×"
    assert words.marked(remembered(quiet)) == ""


def test_an_alert_that_never_came_before_has_no_last_time() -> None:
    told = remembered([episode(at(0, 8), None)], fires=True)
    assert words.last_time(told, TOKYO, NOW) == ""
    assert words.frequency(told) == "fired once in 30 days (0 in the 30 before)"


class Episodes:
    """A history's table of episodes alone."""

    def __init__(self, *rows: tuple[str, float, float | None, str]) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE episode (alert, began, ended, mark)")
        self.db.executemany("INSERT INTO episode VALUES (?, ?, ?, ?)", rows)
        self.asked = 0

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        self.asked += 1
        return self.db.execute(query, tuple(values)).fetchall()


def test_of_thousands_of_alerts_only_those_are_read_of_which_there_is_something_to_say() -> None:
    once = [(f"once-{i}", 100.0, None, "") for i in range(2_000)]
    often = [
        ("often", 300.0, 310.0, ""),
        ("often", 200.0, 210.0, ""),
        ("old", 20.0, 30.0, ""),
        ("old", 100.0, None, ""),
    ]
    history = Episodes(*once, *often, ("marked", 100.0, 130.0, "noise"))
    assert spans(history, 50.0) == {
        "often": [(200.0, 210.0, ""), (300.0, 310.0, "")],
        "marked": [(100.0, 130.0, "noise")],
    }
    wanted = [f"once-{i}" for i in range(1_200)] + ["often", "never"]
    found = spans(history, 50.0, wanted)
    assert found.keys() == {*wanted, "marked"} - {"never"}
    assert found["once-7"] == [(100.0, 100.0, "")]
    assert found["often"] == [(200.0, 210.0, ""), (300.0, 310.0, "")]
    assert history.asked == 5


@pytest.mark.parametrize(
    ("since", "watched_since", "part", "said"),
    [
        (at(8), at(8), 1.0, "watched since 12 Nov 02:00"),
        (at(8) - 60, at(8), 0.997, "watched since 12 Nov 02:00"),  # an alert that fired at the first look
        (at(8), at(8), 0.412, "watched since 12 Nov 02:00, 41% of the time"),
        (
            at(80),
            at(1),
            1.0,
            "watched since 19 Nov 02:00; the oldest known is of 1 Sep 02:00, imported or told by its source",
        ),
        (
            at(80),
            None,
            0.0,
            "nobody has watched yet: the oldest known is of 1 Sep 02:00, imported or told by its source",
        ),
    ],
)
def test_what_was_imported_is_not_told_as_watched(
    since: float, watched_since: float | None, part: float, said: str
) -> None:
    memory = msgspec.structs.replace(
        remembered([episode(at(3))], since=since), watched_since=watched_since, watched=part
    )
    assert words.known_since(memory, TOKYO, NOW) == said
