"""The statistics, held to an independent computation over a generated truth, which knows nothing of the journal."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support.past import at, deploys, fires, history_of, over, sent, told, watching
from tests.support.true_numbers import assert_same, truth
from tests.support.year import Year, told_again

from oncall_tui.domain.entry import Entry
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store
from oncall_tui.reports import statistics_text as text
from oncall_tui.reports.periods import Period, last, month, offsets
from oncall_tui.reports.statistics import Interruptions, StatisticsReader

TOKYO, NEW_YORK, KOLKATA = (ZoneInfo(name) for name in ("Asia/Tokyo", "America/New_York", "Asia/Kolkata"))
KEYS = [
    *("since", "until", "coverage", "notifications", "pages", "by_product", "by_hour", "noisiest", "interruptions"),
    *("acknowledge_s", "resolve_s", "deploys", "rollbacks", "change_fail_rate", "recovery_s"),
]


def year_of(folder: Path, seed: int, days: float, *more: Entry) -> tuple[Year, History]:
    year = Year(seed, datetime(2026, 3, 1, tzinfo=UTC).timestamp(), days)
    store = Store(folder / "journal.db")
    store.append([*year.entries(), *more])
    history = History(store, history_path(store.path))
    history.catch_up()
    return year, history


@pytest.mark.parametrize(
    ("seed", "tz"),
    [
        (1, TOKYO),
        (2, NEW_YORK),
        *(pytest.param(s, z, marks=pytest.mark.everything) for s in range(3, 13) for z in (TOKYO, NEW_YORK, KOLKATA)),
    ],
)
def test_each_number_is_that_of_the_truth(tmp_path: Path, seed: int, tz: ZoneInfo) -> None:
    year, history = year_of(tmp_path, seed, 62)
    middle = datetime(2026, 4, 1, tzinfo=tz).timestamp()
    period, before = Period(middle, year.ended), Period(year.began, middle)
    reader = StatisticsReader(history, tz, year.ended)
    found = text.as_object(reader.statistics(period, before))
    assert [*found] == [*KEYS, "before"]
    assert [*found["before"]] == KEYS
    assert_same(found, truth(year, tz, period.since, period.until))
    assert_same(found["before"], truth(year, tz, before.since, before.until))
    assert json.loads(json.dumps(found)) == found

    problems = [p for p in year.problems if p.began >= middle]
    marks = reader.marks(period)
    assert (marks.actionable, marks.noise, marks.unmarked) == tuple(
        sum(p.mark == word for p in problems) for word in ("actionable", "noise", "")
    )
    people: dict[str, int] = {}
    for one in problems:
        if one.acknowledged_at is not None:
            people[one.acknowledged_by] = people.get(one.acknowledged_by, 0) + 1
    assert {p.person: p.acknowledged for p in reader.by_person(period) if p.acknowledged} == people


def test_what_a_source_tells_afterwards_of_what_was_seen_changes_no_number(tmp_path: Path) -> None:
    year, history = year_of(tmp_path, 5, 30)
    reader = StatisticsReader(history, TOKYO, year.ended)
    period = Period(year.began, year.ended)
    before = reader.numbers(period)
    again = told_again(year, 5)
    assert len(again) > 30
    store = Store(tmp_path / "journal.db")
    store.append(again)
    assert history.catch_up() == len(again)
    assert reader.numbers(period) == before


# --- single rules -----------------------------------------------------------------------------------------------------


def reader_of(
    folder: Path, *entries: Any, tz: ZoneInfo = TOKYO, now: float = at(10_000), **tells: bool
) -> StatisticsReader:
    return StatisticsReader(history_of(folder, *entries), tz, now, **tells)


WHOLE = Period(at(-10_000), at(10_000))


def test_what_nobody_watched_and_no_source_tells_is_null_and_not_zero(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, watching(0, 60))
    found = reader.numbers(Period(at(-9000), at(-8000)))
    assert found.coverage == 0
    assert (found.notifications, found.pages, found.by_hour, found.interruptions, found.deploys) == (None,) * 5
    assert (found.acknowledge_s, found.resolve_s, found.recovery_s, found.change_fail_rate) == (None,) * 4
    watched = reader.numbers(Period(at(0), at(60)))
    assert (watched.notifications, watched.deploys, watched.change_fail_rate) == (0, 0, None)
    assert watched.recovery_s is not None
    assert (watched.recovery_s.n, watched.recovery_s.median) == (0, None)


def test_deploys_are_not_known_where_no_source_tells_of_any(tmp_path: Path) -> None:
    found = reader_of(tmp_path, watching(0, 60), fires(5), deploys=False).numbers(WHOLE)
    assert (found.notifications, found.deploys, found.rollbacks, found.recovery_s) == (1, None, None, None)


def test_what_was_told_afterwards_counts_where_nobody_watched(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, told(0, ended=at(10), product="shop", pages=True, acknowledged_at=at(4)))
    found = reader.numbers(WHOLE)
    assert (found.coverage, found.notifications, found.pages) == (0.0, 0, 1)
    assert (found.acknowledge_s and found.acknowledge_s.median, found.resolve_s and found.resolve_s.median) == (
        240,
        600,
    )
    assert reader.more(WHOLE).imported == 1


def test_what_still_fires_is_not_never_acknowledged_yet(tmp_path: Path) -> None:
    found = reader_of(tmp_path, fires(0), fires(0, "prom/b"), over(9, "prom/b")).numbers(WHOLE)
    assert found.acknowledge_s is not None
    assert (found.acknowledge_s.n, found.acknowledge_s.never) == (0, 1)


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("2026-06-05 08:00", "business"),  # a Friday
        ("2026-06-05 17:59", "business"),
        ("2026-06-05 18:00", "off"),
        ("2026-06-05 21:59", "off"),
        ("2026-06-05 22:00", "sleep"),
        ("2026-06-06 07:59", "sleep"),
        ("2026-06-06 08:00", "off"),  # a Saturday
        ("2026-06-06 23:00", "sleep"),
        ("2026-06-08 07:59", "sleep"),
        ("2026-06-08 08:00", "business"),
    ],
)
def test_hours_are_those_of_pagerduty_in_the_persons_zone(tmp_path: Path, when: str, kind: str) -> None:
    began = (datetime.fromisoformat(when).replace(tzinfo=KOLKATA).timestamp() - at(0)) / 60
    found = reader_of(tmp_path, fires(began, pages=True), tz=KOLKATA, now=at(90_000)).numbers(Period(at(0), at(90_000)))
    assert found.interruptions is not None
    assert {word: getattr(found.interruptions, word) for word in ("business", "off", "sleep")} == {
        **dict.fromkeys(("business", "off", "sleep"), 0),
        kind: 1,
    }


def test_a_page_interrupts_when_it_comes_and_not_when_its_alert_began(tmp_path: Path) -> None:
    """A warning of the afternoon that pages at night: it is one page, of the alert's time, and somebody was woken."""
    afternoon = (datetime(2026, 6, 5, 14, 20, tzinfo=TOKYO).timestamp() - at(0)) / 60
    both = {"problem": "prom/a", "pages": True}
    fired = [
        fires(afternoon, provider="alertmanager", **both),
        fires(afternoon + 13 * 60, "pager/1", key="dedup:x", provider="pagerduty", **both),
        over(afternoon + 13.5 * 60),
    ]
    reader = reader_of(tmp_path, fired, watching(afternoon, afternoon + 14 * 60), now=at(90_000))
    period = Period(at(0), at(90_000))
    found = reader.numbers(period)
    assert (found.pages, found.by_hour and found.by_hour[14]) == (1, 1)
    assert found.interruptions == Interruptions(business=0, off=0, sleep=1)
    assert (reader.shifts(period).number, reader.shifts(period).most) == (2, 1)


def test_shifts_with_more_than_two_pages_are_counted(tmp_path: Path) -> None:
    morning = (datetime(2026, 6, 5, 9, tzinfo=TOKYO).timestamp() - at(0)) / 60
    pages = [fires(morning + 60 * hour, f"prom/{hour}", pages=True) for hour in (0, 1, 2, 12, 13)]
    watched = watching(morning + 48 * 60, morning + 60 * 60)
    reader = reader_of(tmp_path, pages, watched, now=at(90_000))
    shifts = reader.shifts(Period(at(morning - 60), at(morning + 24 * 60 - 60)))
    assert (shifts.number, shifts.over, shifts.most) == (2, 1, 3)
    later = reader.shifts(Period(at(morning + 24 * 60), at(morning + 240 * 60)))
    assert (later.number, later.over, later.most) == (2, 0, 0)  # the two that were watched in part


def test_services_are_not_blended(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        deploys(0, "d1", ":1→:2"),
        deploys(20, "d2", ":2→:1", kind="rollback"),
        deploys(0, "d3", ":1→:2", service="prod/main/web"),
        deploys(30, "d4", ":2→:2", service="prod/main/web", kind="restart"),
        fires(3, service="prod/main/web"),
    )
    api, web = reader.by_service(WHOLE)
    assert (api.service, api.deploys, api.rollbacks, api.failures, api.change_fail_rate) == (
        "prod/main/api",
        2,
        1,
        1,
        1.0,
    )
    assert (api.recovery_s.n, api.recovery_s.median) == (1, 25 * 60)
    assert (web.service, web.deploys, web.failures, web.change_fail_rate, web.notifications) == (
        "prod/main/web",
        1,
        0,
        0,
        1,
    )


def test_people_are_counted_by_what_they_sent(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        fires(0, pages=True),
        sent(2, "p1", "acknowledge", "prom/a", "Alice"),
        sent(5, "p2", "roll back", "prod/d1", "Bob", cluster="main", service="api"),
        sent(6, "p3", "note", "prom/a", "Bob", state="refused"),
    )
    alice, bob = sorted(reader.by_person(WHOLE), key=lambda p: p.person)
    assert (alice.acknowledged, alice.pages_acknowledged, alice.acknowledge_median_s, alice.actions) == (1, 1, 120, 1)
    assert (bob.acknowledged, bob.actions, bob.rollbacks) == (0, 1, 1)


# --- periods ----------------------------------------------------------------------------------------------------------


def test_a_month_is_the_calendars_in_the_zone_beside_the_one_before() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=TOKYO).timestamp()

    def day(number: int, m: int) -> float:
        return datetime(2026, m, number, tzinfo=TOKYO).timestamp()

    assert month(2026, 10, TOKYO, now) == (Period(day(1, 10), day(1, 11)), Period(day(1, 9), day(1, 10)))
    this, before = month(2026, 11, TOKYO, now)
    assert this == Period(day(1, 11), now)
    assert before == Period(day(1, 10), datetime(2026, 10, 29, 12, tzinfo=TOKYO).timestamp())
    assert last(60, now) == (Period(now - 60, now), Period(now - 120, now - 60))


def test_a_zone_that_changes_its_offset_is_cut_where_it_does() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    found = offsets(Period(began, began + 365 * 86_400), NEW_YORK)
    assert [offset / 3600 for _, _, offset in found] == [-5, -4, -5]
    assert [end for _, end, _ in found[:2]] == [
        datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp(),
        datetime(2026, 11, 1, 6, tzinfo=UTC).timestamp(),
    ]


# --- words ------------------------------------------------------------------------------------------------------------


def test_each_number_is_shown_with_its_definition_and_the_coverage(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, watching(0, 60), fires(5, title="5xx", product="shop"), over(9))
    statistics = reader.statistics(Period(at(0), at(120)), Period(at(-120), at(0)))
    told_words = "\n".join(text.lines(statistics, TOKYO))
    assert "Coverage: 50 % (before: 0 %). What fired and ended unwatched is not counted" in told_words
    for row in text.rows(statistics, TOKYO):
        assert f"{row.label}: {row.means}" in told_words
        assert row.means
    assert "not known" in told_words
    assert "JST" in told_words
    words = {row.id: row.now for row in text.rows(statistics, TOKYO)}
    assert (words["noise"], words["shifts"]) == ("none is marked", "0 of 1, most 0")
    before = reader.statistics(Period(at(-120), at(0)), Period(at(-240), at(-120)))
    words = {row.id: row.now for row in text.rows(before, TOKYO)}
    assert (words["noise"], words["shifts"]) == ("not known", "not known")


def test_csv_has_a_header_and_no_formula(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, fires(0, title='=HYPERLINK("x")', product="shop, and more"), over(9))
    table = text.noisiest(reader.noisiest(WHOLE))
    header, row = csv.reader(io.StringIO(text.csv_text(table.columns, table.rows)))
    assert header == ["title", "source", "count", "share", "acted_on"]
    assert row[0] == '\'=HYPERLINK("x")'
    numbers = list(csv.reader(io.StringIO(text.csv_numbers(reader.statistics(WHOLE, Period(0.0, 1.0))))))
    assert ["notifications", "1", ""] in numbers
    assert ["resolve_s.n", "1", ""] in numbers or ["resolve_s.n", "0", ""] in numbers
