"""New since you last looked: what counts as looking, what is new, and when it is not any more."""

from __future__ import annotations

from datetime import UTC

from oncall_tui.tui.presenters.last_seen import IDLE_S, LATE_S, LastSeen

T = 1_800_000_000.0
ROWS = [("old", T - 4000), ("late", T - LATE_S / 2), ("new", T + 30)]


def test_a_first_session_has_nothing_new() -> None:
    look = LastSeen()
    look.begin(0.0, T)
    assert look.new(ROWS) == frozenset()
    assert look.words(0, UTC, T) == ""


def test_what_began_since_the_last_key_of_the_former_session_is_new_and_what_was_told_late_too() -> None:
    look = LastSeen()
    look.begin(T, T + 3600)
    assert look.new(ROWS) == {"late", "new"}
    assert look.words(2, UTC, T + 3600) == "2 new since 08:00"
    assert look.words(2, UTC, T + 2 * 86_400) == "2 new since 15 Jan 08:00"
    look.pressed(T + 3610)
    assert look.new(ROWS) == {"late", "new"}, "a key alone is no look at each row"
    look.saw("new")
    assert look.new(ROWS) == {"late"}
    look.clear()
    assert look.new(ROWS) == frozenset()


def test_after_a_pause_all_that_began_in_it_is_new_before_any_key_and_after_it() -> None:
    look = LastSeen()
    look.begin(0.0, T - 100)
    look.pressed(T)
    look.passed(T + IDLE_S - 1)
    assert look.new(ROWS) == frozenset()
    look.passed(T + IDLE_S)
    assert look.new(ROWS) == {"late", "new"}
    look.pressed(T + IDLE_S + 60)
    look.saw("new")
    look.passed(T + IDLE_S + 70)
    assert look.new(ROWS) == {"late"}
    assert look.since == T


def test_a_second_pause_begins_anew_and_what_was_seen_before_it_can_be_new_again() -> None:
    look = LastSeen()
    look.begin(0.0, T)
    look.pressed(T + IDLE_S + 1)
    assert look.since == T
    look.saw("x")
    look.pressed(T + 3 * IDLE_S)
    assert look.since == T + IDLE_S + 1
    assert look.new([("x", T + 2 * IDLE_S)]) == {"x"}, "it began again while nobody looked"


def test_cleared_it_stays_so_until_the_next_pause() -> None:
    look = LastSeen()
    look.begin(T - 5000, T)
    look.pressed(T + 1)
    look.clear()
    look.passed(T + 100)
    assert look.since is None
    look.passed(T + 1 + IDLE_S)
    assert look.since == T + 1
