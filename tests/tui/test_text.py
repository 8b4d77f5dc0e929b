"""Text for a terminal: harmless, and exactly as wide as it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from oncall_tui.text.cells import clean, fit, fit_middle, take, width, wrap
from oncall_tui.text.time_format import age

ANYTHING = st.text(st.characters(), max_size=40)
NASTY = "\x00\x07\x1b[2J\x7f\x85\x9b31m\u202e\u2066\u200b\u200d\u2028\ud800\ufeff\U000e0041\r\n\t"


def obeyed(text: str) -> list[str]:
    """The characters that a terminal would act on or hide."""
    return [c for c in text if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in NASTY.replace("[2J", "").replace("31m", "")]


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    assert not obeyed(clean(NASTY))


@given(ANYTHING)
def test_clean_text_is_clean_and_stays_as_it_is(text: str) -> None:
    assert not obeyed(clean(text))
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[/prod] down", "[/prod] down"),
        ("one\ntwo\r\nthree", "one⏎two⏎three"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\u202eb", "a·b"),
        ("a\tb", "a b"),
        ("✔\ufe0f", "✔"),
        ("決済 が", "決済 が"),
        ("e\u0301", "e\u0301"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 4),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(ANYTHING, st.integers(0, 30), st.sampled_from(["left", "right"]))
def test_fit_is_exact(text: str, cells: int, align: str) -> None:
    assert cell_len(fit(text, cells, align)) == cells


@pytest.mark.parametrize(
    ("text", "cells", "fitted"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日… "),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("abc", 0, ""),
    ],
)
def test_fit(text: str, cells: int, fitted: str) -> None:
    assert fit(text, cells) == fitted


@given(ANYTHING, st.integers(0, 30))
def test_cut_in_the_middle_it_is_exact_too(text: str, cells: int) -> None:
    assert cell_len(fit_middle(text, cells)) == cells


def test_names_that_begin_alike_are_told_apart() -> None:
    assert fit_middle("blue-green-baking", 12) == "blue-g…aking"
    assert fit_middle("payments-api", 12) == "payments-api"
    assert fit_middle("日本語の名前です", 9) == "日本…です"


def test_fit_to_the_right() -> None:
    assert fit("4m", 4, "right") == "  4m"


@given(ANYTHING, st.integers(0, 30))
def test_take_never_takes_more(text: str, cells: int) -> None:
    assert cell_len(take(text, cells)) <= cells


@given(ANYTHING, st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_no_word(text: str, cells: int) -> None:
    lines = wrap(text, cells)
    assert all(cell_len(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == clean(text).replace(" ", "")


def test_width_counts_cells() -> None:
    assert width("日本") == 4
    assert width("e\u0301") == 1
    assert width("a\x1bb") == 3


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (-5, "now"),
        (9.9, "now"),
        (10, "10s"),
        (59, "50s"),
        (60, "1m"),
        (41 * 60, "41m"),
        (3599, "59m"),
        (3 * 3600, "3h"),
        (86_399, "23h"),
        (2 * 86_400, "2d"),
        (999 * 86_400, "999d"),
        (1000 * 86_400, "2y"),
    ],
)
def test_age(seconds: float | None, shown: str) -> None:
    assert age(seconds) == shown


@given(st.floats(-1e12, 1e12))
def test_an_age_is_never_wider_than_its_column(seconds: float) -> None:
    assert 1 <= len(age(seconds)) <= 4
