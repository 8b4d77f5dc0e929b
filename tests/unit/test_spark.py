"""Sparklines: gaps are gaps, a crossing is never hidden, numbers have the threshold beside them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from oncall_tui.domain.metric import Metric, Series
from oncall_tui.tui.screens.detail.spark import GAP, SparkMark, SparkWindow, axis, blocks, cells, crossings, number

UTC = ZoneInfo("UTC")
WINDOW = SparkWindow(0.0, 600.0, 10)


def series(*points: tuple[float, float], **metric: Any) -> Series:
    fields: dict[str, Any] = {"name": "m", "namespace": "n", "period_s": 60, **metric}
    return Series(title="m", metric=Metric(**fields), points=points)


def drawn(one: Series, window: SparkWindow = WINDOW) -> str:
    return "".join(text for text, _ in blocks(one, window))


def test_what_was_not_measured_is_a_gap_and_zero_is_the_lowest_block() -> None:
    one = series((0.0, 0.0), (60.0, 4.0), (240.0, 8.0))
    assert drawn(one) == f"▁▅{GAP}{GAP}█{GAP * 5}"
    assert drawn(series()) == GAP * 10
    assert drawn(series((0.0, 0.0))) == "▁" + GAP * 9


def test_a_share_is_drawn_of_a_hundred() -> None:
    one = msgspec.structs.replace(series((0.0, 25.0), (60.0, 100.0), (120.0, 0.0)), title="cpu %")
    assert drawn(one) == f"▃█▁{GAP * 7}"


def test_a_point_fills_what_its_period_covers() -> None:
    wide = SparkWindow(0.0, 600.0, 20)
    assert drawn(series((0.0, 1.0), (60.0, 1.0)), wide) == "████" + GAP * 16
    assert drawn(series((0.0, 1.0), (300.0, 1.0), (60.0, 1.0)[0:0] or (600.0, 1.0)), wide) == "█" * 20  # read coarser


def test_where_values_share_a_cell_the_one_beyond_the_threshold_is_drawn() -> None:
    coarse = SparkWindow(0.0, 600.0, 2)
    over = series((0.0, 1.0), (60.0, 9.0), (300.0, 1.0), threshold=5.0, comparison="GreaterThanThreshold")
    assert cells(over, coarse) == [9.0, 1.0]
    under = series((0.0, 9.0), (60.0, 1.0), (300.0, 9.0), threshold=5.0, comparison="LessThanThreshold")
    assert cells(under, coarse) == [1.0, 9.0]


@pytest.mark.parametrize(
    ("comparison", "values", "crossed"),
    [
        ("GreaterThanThreshold", (5, 6, 7, 5, 6), (60.0, 240.0)),
        ("GreaterThanOrEqualToThreshold", (4, 5, 5, 4, 6), (60.0, 240.0)),
        ("LessThanThreshold", (5, 4, 3, 5, 5), (60.0,)),
        ("LessThanOrEqualToThreshold", (5, 5, 6, 6, 6), (0.0,)),
        ("LessThanLowerOrGreaterThanUpperThreshold", (0, 99, 0, 99, 0), ()),
    ],
)
def test_when_it_was_crossed(comparison: str, values: tuple[float, ...], crossed: tuple[float, ...]) -> None:
    points = [(60.0 * n, float(v)) for n, v in enumerate(values)]
    assert crossings(series(*points, threshold=5.0, comparison=comparison)) == crossed


def test_marks_stand_at_their_time_and_beside_each_other_where_they_are_one() -> None:
    marks = [SparkMark(60.0, "D", "deploy"), SparkMark(65.0, "A", "alert"), SparkMark(9_999.0, "X", "out of sight")]
    assert axis(WINDOW, marks, UTC)[0] == "─DA───────"
    assert axis(SparkWindow(0.0, 3600.0, 20), [], UTC)[1] == "00:00          01:00"
    assert axis(WINDOW, [SparkMark(600.0, "D", ""), SparkMark(600.0, "A", "")], UTC)[0] == "────────DA"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (0.423, "0.423"),
        (93.14, "93.1"),
        (100.0, "100"),
        (1234.0, "1,234"),
        (250_000.0, "250k"),
        (5.21e6, "5.21M"),
    ],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert number(value) == words
