"""New since you last looked: what counts as looking, what is new, and when it is not any more."""

from __future__ import annotations

from datetime import UTC

from oncall_tui.tui.presenters.last_seen import IDLE_S, LATE_S, LastSeen

T = 1_800_000_000.0
ROWS = [("old", T - 4000), ("late", T - LATE_S / 2), ("new", T + 30)]


def test_a_first_session_has_nothing_new() -> None:
    last_seen = LastSeen()
    last_seen.begin(0.0, T)
    assert last_seen.new(ROWS) == frozenset()
    assert last_seen.words(0, UTC, T) == ""


def test_what_began_since_the_last_key_of_the_former_session_is_new_and_what_was_told_late_too() -> None:
    last_seen = LastSeen()
    last_seen.begin(T, T + 3600)
    assert last_seen.new(ROWS) == {"late", "new"}
    assert last_seen.words(2, UTC, T + 3600) == "2 new since 08:00"
    assert last_seen.words(2, UTC, T + 2 * 86_400) == "2 new since 15 Jan 08:00"
    last_seen.pressed(T + 3610)
    assert last_seen.new(ROWS) == {"late", "new"}, "a key alone is no look at each row"
    last_seen.saw("new")
    assert last_seen.new(ROWS) == {"late"}
    last_seen.clear()
    assert last_seen.new(ROWS) == frozenset()


def test_after_a_pause_all_that_began_in_it_is_new_before_any_key_and_after_it() -> None:
    last_seen = LastSeen()
    last_seen.begin(0.0, T - 100)
    last_seen.pressed(T)
    last_seen.passed(T + IDLE_S - 1)
    assert last_seen.new(ROWS) == frozenset()
    last_seen.passed(T + IDLE_S)
    assert last_seen.new(ROWS) == {"late", "new"}
    last_seen.pressed(T + IDLE_S + 60)
    last_seen.saw("new")
    last_seen.passed(T + IDLE_S + 70)
    assert last_seen.new(ROWS) == {"late"}
    assert last_seen.since == T


def test_a_second_pause_begins_anew_and_what_was_seen_before_it_can_be_new_again() -> None:
    last_seen = LastSeen()
    last_seen.begin(0.0, T)
    last_seen.pressed(T + IDLE_S + 1)
    assert last_seen.since == T
    last_seen.saw("x")
    last_seen.pressed(T + 3 * IDLE_S)
    assert last_seen.since == T + IDLE_S + 1
    assert last_seen.new([("x", T + 2 * IDLE_S)]) == {"x"}, "it began again while nobody looked"


def test_cleared_it_stays_so_until_the_next_pause() -> None:
    last_seen = LastSeen()
    last_seen.begin(T - 5000, T)
    last_seen.pressed(T + 1)
    last_seen.clear()
    last_seen.passed(T + 100)
    assert last_seen.since is None
    last_seen.passed(T + 1 + IDLE_S)
    assert last_seen.since == T + 1
