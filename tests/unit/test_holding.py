"""Who has an alert, who had it, what is left: the one wording for rows, the detail and the commands."""

from __future__ import annotations

from typing import Any

import pytest

from oncall_tui.domain.alert import Alert, AlertState, Assignee, Severity
from oncall_tui.text.cells import width
from oncall_tui.triage.ownership import assignment, countdown, escalation, left
from oncall_tui.tui.presenters.row_builder import STATE_CELLS

BEGAN = 1_000_000.0


def alert(**more: Any) -> Alert:
    fields = {"state": AlertState.FIRING, "assigned": ("Alice",), "assigned_at": BEGAN, **more}
    return Alert(
        id="pager/P1",
        source="pager",
        provider="pagerduty",
        native_id="P1",
        severity=Severity.CRITICAL,
        title="down",
        began=BEGAN,
        **fields,
    )


def test_a_page_that_nobody_acknowledges_counts_down_and_then_says_who_has_it() -> None:
    waiting = alert(escalates_at=BEGAN + 300)
    assert escalation(waiting, BEGAN) == "escalates in 5m"
    assert escalation(waiting, BEGAN + 220) == "escalates in 1m20s"
    assert escalation(waiting, BEGAN + 245) == "escalates in 50s"
    assert escalation(waiting, BEGAN + 295) == "escalates in <10s"
    assert escalation(waiting, BEGAN + 305) == "escalation is due"
    moved = alert(
        assigned=("Bob",),
        assigned_at=BEGAN + 300,
        level=2,
        had=(Assignee("Alice", BEGAN, 1),),
        escalates_at=BEGAN + 600,
    )
    assert escalation(moved, BEGAN + 310) == "escalated to Bob (L2)"
    assert (
        assignment(moved, BEGAN + 480) == "escalated to Bob (L2) 3m ago · before: Alice (L1) for 5m · escalates in 2m"
    )


def test_what_is_not_known_is_not_claimed() -> None:
    """A board that was opened late knows neither who had it nor, without the right to ask, the level."""
    assert escalation(alert(assigned=("Bob",), assigned_at=BEGAN + 300), BEGAN + 310) == "assigned to Bob"
    assert escalation(alert(assigned=("Bob",), assigned_at=None, escalates_at=None), BEGAN + 310) == ""
    assert escalation(alert(assigned=()), BEGAN) == ""
    assert assignment(alert(assigned=()), BEGAN) == ""
    assert assignment(alert(), BEGAN) == "Alice"


@pytest.mark.parametrize("state", [s for s in AlertState if not s.asks])
def test_what_somebody_has_does_not_escalate(state: AlertState) -> None:
    held = alert(state=state, assigned=("Bob",), assigned_at=BEGAN + 300, level=2, escalates_at=BEGAN + 600)
    assert escalation(held, BEGAN + 310) == ""
    assert assignment(held, BEGAN + 310) == "escalated to Bob (L2) 10s ago"


def test_every_holder_is_told_with_how_long_it_had_it() -> None:
    had = (Assignee("Alice", BEGAN, 1), Assignee("Bob", BEGAN + 60, 2))
    told = alert(assigned=("Carol",), assigned_at=BEGAN + 240, level=3, had=had)
    assert (
        assignment(told, BEGAN + 300) == "escalated to Carol (L3) 1m ago · before: Bob (L2) for 3m, Alice (L1) for 1m"
    )


def test_a_countdown_moves_in_steps_and_never_says_more_than_is_left() -> None:
    """Ten an hour above ten minutes would do; what must not be is a word that changes each second."""
    words = [countdown(float(seconds)) for seconds in range(600, -1, -1)]
    assert len(dict.fromkeys(words)) <= 8 + 12 + 1
    for seconds, word in zip(range(600, 9, -1), words, strict=False):
        minutes, _, rest = word.rpartition("m") if "m" in word else ("0", "", word)
        told = int(minutes) * 60 + int(rest.rstrip("s") or 0)
        assert 0 <= seconds - told < 60


def test_what_is_left_reads_as_what_is_left() -> None:
    assert [left(at, 0.0) for at in (None, -5.0, 5.0, 40.0, 95.0, 570.0, 7300.0)] == [
        "",
        "ends now",
        "ends now",
        "40s left",
        "1m30s left",
        "9m left",
        "2h left",
    ]


@pytest.mark.parametrize("seconds", [301.0, 119.0, 61.0, 59.0, 3.0, -1.0])
def test_the_words_of_a_row_fit_into_its_cell(seconds: float) -> None:
    assert width("? " + escalation(alert(escalates_at=BEGAN + seconds), BEGAN)) <= STATE_CELLS
