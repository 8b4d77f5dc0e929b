"""The past as it is derived from the journal: episodes, problems and deploys, whoever tells of them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.past import (
    ALWAYS,
    PATH,
    at,
    deploys,
    entry,
    fires,
    history_of,
    made_folder,
    ordered,
    over,
    sent,
    told,
    watching,
)

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import EpisodeMark, PastDeploy, episode_id
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store

# --- episodes ---------------------------------------------------------------------------------------------------------


def test_a_firing_within_thirty_quiet_minutes_is_the_same_episode(tmp_path: Path) -> None:
    told_of = (fires(0), over(10), fires(39), over(45), fires(76), over(80))
    history = history_of(tmp_path, ordered(watching(-60, 120), told_of))
    first, second = history.episodes(*ALWAYS, alert="prom/a")
    assert (first.began, first.ended, first.firings) == (at(0), at(45), 2)
    assert (second.began, second.ended, second.firings) == (at(76), at(80), 1)
    assert first.id == episode_id("prom/a", at(0))


def test_states_of_one_firing_and_two_boards_that_write_it_are_one_firing(tmp_path: Path) -> None:
    twice = [fires(0), fires(0.2, began=0.001), fires(3, new="acknowledged", began=0), over(9), over(9.1)]
    (one,) = history_of(tmp_path, ordered(watching(-60, 60), twice)).episodes(*ALWAYS)
    assert (one.firings, one.ended, one.acknowledged_at) == (1, at(9), at(3))


def test_what_is_back_with_the_same_begin_was_never_over(tmp_path: Path) -> None:
    history = history_of(tmp_path, fires(0), over(5), fires(90, began=0))
    (one,) = history.episodes(*ALWAYS)
    assert (one.ended, one.firings) == (None, 1)
    assert history.firing("prom/a") == [one]


def test_what_another_machine_tells_late_does_not_make_it_fire_again(tmp_path: Path) -> None:
    """Entries of a team come in the order of their machines; the latest time counts."""
    late = [fires(3, new="acknowledged", began=0), over(2), over(12)]
    (one,) = history_of(tmp_path, fires(0), over(10), late).episodes(*ALWAYS)
    assert (one.ended, one.acknowledged_at, one.firings) == (at(10), at(3), 1)


def test_a_sources_clock_that_is_ahead_holds_up_no_end(tmp_path: Path) -> None:
    (one,) = history_of(tmp_path, fires(0, began=0.01), over(0.005)).episodes(*ALWAYS)
    assert one.ended == one.began


def test_an_end_that_nobody_looked_at_is_not_known(tmp_path: Path) -> None:
    opened_later = ordered(watching(-60, 5), watching(600, 700), fires(0), over(600.5), fires(650), over(660))
    first, second = history_of(tmp_path, opened_later).episodes(*ALWAYS)
    assert (first.ended, first.end_known) == (at(600.5), False)
    assert (second.ended, second.end_known) == (at(660), True)


def test_an_end_that_its_source_told_is_known(tmp_path: Path) -> None:
    (one,) = history_of(tmp_path, fires(0), over(600, ended=at(20))).episodes(*ALWAYS)
    assert (one.ended, one.end_known) == (at(20), True)


def test_a_pagers_incidents_are_one_alert_by_their_key(tmp_path: Path) -> None:
    entries = [fires(0, "pager/1", key="dedup:x"), over(5, "pager/1"), fires(10, "pager/2", key="dedup:x")]
    (one,) = history_of(tmp_path, ordered(watching(-9, 60), entries, over(20, "pager/2"))).episodes(*ALWAYS)
    assert (one.alert, one.source, one.firings, one.ended) == ("dedup:x", "pager", 2, at(20))


def test_what_is_hidden_is_no_episode(tmp_path: Path) -> None:
    assert history_of(tmp_path, fires(0, hidden="target tracking"), over(5)).episodes(*ALWAYS) == []


def test_an_acknowledgement_has_its_first_time_and_its_person(tmp_path: Path) -> None:
    acknowledged = fires(9, new="acknowledged", began=0, by=["Bob"], by_at=at(2))
    (one,) = history_of(tmp_path, fires(0), sent(4, "p1", "acknowledge", "prom/a"), acknowledged).episodes(*ALWAYS)
    assert (one.acknowledged_at, one.acknowledged_by, one.acted) == (at(2), "Bob", 1)


def test_actions_count_where_they_were_sent_for_it_or_for_its_service_while_it_fired(tmp_path: Path) -> None:
    history = history_of(
        tmp_path,
        fires(0, service="prod/main/api"),
        sent(3, "p1", "acknowledge", "prom/a"),
        sent(5, "p2", "roll back", "prod/d1", cluster="main", service="api"),
        sent(6, "p3", "note", "prom/a", state="refused"),
        sent(7, "p4", "roll back", "prod/d9", cluster="main", service="web"),
        over(20),
        sent(60, "p5", "note", "prom/a"),
    )
    (one,) = history.episodes(*ALWAYS)
    assert (one.acted, one.acknowledged_at, one.acknowledged_by) == (2, at(3), "Alice")


def test_a_mark_is_the_newest_word_on_its_episode(tmp_path: Path) -> None:
    episode = episode_id("prom/a", at(0))
    marks = [
        entry(EntryKind.MARK, 30, episode, actor="Bob", mark="noise", alert="prom/a"),
        entry(EntryKind.MARK, 31, episode, actor="Alice", mark="actionable", alert="prom/a"),
        entry(EntryKind.MARK, 32, "prom/a@0", actor="Alice", mark="noise", alert="prom/a"),
    ]
    history = history_of(tmp_path, fires(0), over(5), fires(100), marks)
    first, second = history.episodes(*ALWAYS)
    assert (first.mark, first.marked_by, second.mark) == (EpisodeMark.ACTIONABLE, "Alice", EpisodeMark.NONE)


def test_of_two_machines_marks_the_later_one_counts_whichever_arrives_last(tmp_path: Path) -> None:
    """Each has a begin of its own for the episode, and one's entries come with the next exchange."""
    earlier = entry(EntryKind.MARK, 30, episode_id("prom/a", at(0)), actor="Bob", mark="noise")
    later = entry(EntryKind.MARK, 31, episode_id("prom/a", at(0) + 1), actor="Alice", mark="actionable")
    again = entry(EntryKind.MARK, 32, episode_id("prom/a", at(0)), actor="Bob", mark="")
    for name, marks, found in (
        ("in order", [earlier, later], (EpisodeMark.ACTIONABLE, "Alice")),
        ("late", [later, earlier], (EpisodeMark.ACTIONABLE, "Alice")),
        ("taken away", [later, again, earlier], (EpisodeMark.NONE, "")),
    ):
        history = history_of(made_folder(tmp_path / name), fires(0), over(5), marks)
        (one,) = history.episodes(*ALWAYS)
        assert (one.mark, one.marked_by) == found, name


# --- problems ---------------------------------------------------------------------------------------------------------


def test_alerts_of_several_sources_that_had_one_row_are_one_problem_while_they_lasted(tmp_path: Path) -> None:
    row = {"problem": "prom/a"}
    history = history_of(
        tmp_path,
        fires(0, pages=True, **row),
        fires(1, "pager/1", key="dedup:x", pages=True, **row),
        over(9),
        over(10, "pager/1"),
        fires(300, **row),
        over(310),
        fires(305, "prom/b", problem="prom/b"),
    )
    problems = history.rows("SELECT id, began, ended, pages FROM problem ORDER BY began")
    assert problems == [
        (episode_id("prom/a", at(0)), at(0), at(10), 1),
        (episode_id("prom/a", at(300)), at(300), at(310), 0),
        (episode_id("prom/b", at(305)), at(305), None, 0),
    ]
    together = history.episodes(*ALWAYS, problem=episode_id("prom/a", at(0)))
    assert [e.alert for e in together] == ["prom/a", "dedup:x"]


def test_what_fires_on_unchanged_is_one_problem_with_the_page_that_it_becomes(tmp_path: Path) -> None:
    """Nothing is journalled of an alert while nothing changes: it lasts as long as somebody watches, up to a day."""
    row = {"problem": "prom/a"}
    page = {"key": "dedup:x", "pages": True, **row}
    query = "SELECT id, pages FROM problem ORDER BY began"
    for name, watched, hours, found in (
        ("watched", 300.0, 4.0, [("prom/a", 1)]),
        ("not watched", 20.0, 4.0, [("prom/a", 0), ("dedup:x", 1)]),
        ("two days later", 4000.0, 50.0, [("prom/a", 0), ("dedup:x", 1)]),
    ):
        entries = ordered(watching(-5, watched), fires(0, **row), fires(hours * 60, "pager/1", **page))
        history = history_of(made_folder(tmp_path / name), entries)
        told = [(problem.partition("@")[0], pages) for problem, pages in history.rows(query)]
        assert told == found, name


def test_what_turns_out_to_be_two_problems_counts_as_two(tmp_path: Path) -> None:
    """It was found to be over in the morning, beside another alert of its row; an import tells when it ended."""
    row = {"problem": "prom/a"}
    store = Store(tmp_path / PATH)
    history = History(store, history_path(tmp_path / PATH))
    seen = [fires(0, **row), fires(490, "pager/1", key="dedup:x", **row), over(495, "pager/1"), over(500)]
    query = "SELECT id, took FROM problem ORDER BY began"
    for entries, found in (
        (seen, [(episode_id("prom/a", at(0)), None)]),
        ([told(0.2, ended=at(20))], [(episode_id("prom/a", at(0)), 1200.0), (episode_id("dedup:x", at(490)), None)]),
    ):
        store.append(entries)
        history.catch_up()
        assert history.rows(query) == found
        assert history.rows("SELECT sum(fired) FROM tally WHERE kind = 'alert'") == [(len(found),)]
    problems = "SELECT count(DISTINCT problem) FROM episode"
    assert history.rows(problems) == [(2,)]


def test_a_problem_is_called_as_its_alert_and_not_as_the_incident_that_was_made_of_it(tmp_path: Path) -> None:
    incident = {"key": "dedup:x", "title": "[FIRING:1] 5xx", "provider": "pagerduty"}
    history = history_of(
        tmp_path,
        fires(1, provider="alertmanager", began=0.5, problem="pager/1"),
        fires(1, "pager/1", began=0, problem="pager/1", **incident),
    )
    assert history.rows("SELECT title, source, began FROM problem") == [("5xx", "prom", at(0))]


# --- told afterwards --------------------------------------------------------------------------------------------------


def test_what_was_seen_and_told_is_one_and_told_fills_what_nobody_saw(tmp_path: Path) -> None:
    history = history_of(
        tmp_path,
        fires(0, title="5xx on api"),
        told(0.5, ended=at(20), acknowledged_at=at(4), acknowledged_by="Carol"),
        told(300, ended=at(310)),
    )
    seen, before = history.episodes(*ALWAYS)
    assert (seen.title, seen.began, seen.ended, seen.end_known) == ("5xx on api", at(0), at(20), True)
    assert (seen.acknowledged_at, seen.acknowledged_by, seen.imported) == (at(4), "Carol", False)
    assert (before.began, before.ended, before.imported) == (at(300), at(310), True)


@pytest.mark.parametrize(
    ("seen", "firings"),
    [((0,), 3), ((10,), 3), ((0, 10, 20), 3), ((0, 7, 10, 20), 4), ((0, 45), 4), ((45,), 4), ((), 3)],
    ids=str,
)
def test_a_firing_that_was_seen_and_told_counts_once(tmp_path: Path, seen: tuple[int, ...], firings: int) -> None:
    """A source tells three firings as one; a board saw some of them, or a later one."""
    entries = [one for minute in seen for one in (fires(minute), over(minute + 3))]
    (one,) = history_of(tmp_path, entries, told(0, ended=at(23), firings=3)).episodes(*ALWAYS)
    assert (one.began, one.firings) == (at(0), firings)


def test_what_was_seen_stands_before_what_was_told(tmp_path: Path) -> None:
    entries = ordered(watching(-60, 60), fires(0), over(10), fires(2, new="acknowledged", began=0))
    (one,) = history_of(tmp_path, told(0, ended=at(55), acknowledged_at=at(50)), entries).episodes(*ALWAYS)
    assert (one.ended, one.acknowledged_at) == (at(10), at(2))


def test_an_import_that_is_run_again_changes_nothing(tmp_path: Path) -> None:
    once = [told(0, ended=at(5)), told(10, ended=at(20)), told(100)]
    history = history_of(tmp_path, once)
    before = history.episodes(*ALWAYS)
    assert [(e.began, e.ended, e.firings) for e in before] == [(at(0), at(20), 2), (at(100), None, 1)]
    store = Store(tmp_path / PATH)
    store.append(once)
    assert history.catch_up() == 3
    assert history.episodes(*ALWAYS) == before


# --- deploys ----------------------------------------------------------------------------------------------------------


def test_a_rollback_remedies_the_first_deploy_after_the_version_that_it_brings_again(tmp_path: Path) -> None:
    history = history_of(
        tmp_path,
        deploys(0, "d1", ":40→:41"),
        deploys(100, "d2", ":41→:42"),
        deploys(200, "d3", ":42→:43"),
        deploys(230, "d4", ":43→:41", kind="rollback", by="Alice"),
    )
    found = {d.id: d for d in history.deploys(*ALWAYS)}
    assert found["d4"].rolls_back == "d2"
    assert [(d.id, d.failed, d.remedied) for d in found.values()] == [
        ("d1", False, None),
        ("d2", True, at(235)),
        ("d3", False, None),
        ("d4", False, None),
    ]


def test_a_version_that_is_older_than_the_record_was_left_by_the_deploy_that_failed(tmp_path: Path) -> None:
    history = history_of(tmp_path, deploys(0, "d1", ":41→:42"), deploys(20, "d2", ":42→:41"))
    assert [(d.id, d.failed, d.rolls_back) for d in history.deploys(*ALWAYS)] == [("d1", True, ""), ("d2", False, "d1")]


def test_a_deploy_that_ecs_took_back_failed_and_was_made_good_when_that_was_through(tmp_path: Path) -> None:
    back = {"state": "rolled back", "by": "the circuit breaker", "ended": at(8)}
    running = deploys(0, "d1", ":41→:42", took=1, new="in progress")
    history = history_of(tmp_path, running, deploys(0, "d1", ":41→:42", took=9, new="rolled back", rolled_back=back))
    (one,) = history.deploys(*ALWAYS)
    assert (one.failed, one.remedied, one.state, one.ended) == (True, at(8), "rolled back", at(9))


def test_a_told_deploy_is_the_seen_one_and_brings_its_end(tmp_path: Path) -> None:
    def retold(name: str, **fields: Any) -> Entry:
        found = PastDeploy(id=name, service="prod/main/api", arrow=":1→:2", started=at(0), imported=True, **fields)
        return Entry(at=at(0), kind=EntryKind.TOLD_DEPLOY, subject=name, data=msgspec.to_builtins(found))

    history = history_of(
        tmp_path,
        deploys(0, "d1", ":1→:2", took=1, new="in progress"),
        retold("d1", state="succeeded", ended=at(7)),
        retold("d2", state="succeeded", ended=at(7)),
        retold("d2", state="failed", ended=at(7)),
    )
    first, second = history.deploys(*ALWAYS)
    assert (first.state, first.ended, first.imported) == ("succeeded", at(7), False)
    assert (second.state, second.failed, second.imported) == ("failed", True, True)


# --- a team's machines ------------------------------------------------------------------------------------------------

MACHINES = {
    "Alice": [
        *watching(-60, 4),
        fires(0),
        deploys(-9, "d1", ":1→:2", took=1, new="in progress"),
        deploys(2, "d2", ":2→:3", took=1, new="in progress"),
        deploys(2, "d2", ":2→:3", took=2, new="succeeded"),
        *watching(300, 330),
    ],
    "Bob": [
        *watching(1, 60),
        over(10),
        deploys(-9, "d1", ":1→:2", took=15, new="rolled back", rolled_back={"state": "rolled back", "ended": at(6)}),
        deploys(2, "d2", ":2→:3", took=1.5, new="in progress"),
        fires(41),
        over(43),
        fires(44, began=41, new="acknowledged", by=["Bob"]),
    ],
    "Carol": [
        *watching(58, 90),
        over(62),
        *sent(50, "p1", "acknowledge", "prom/a", actor="Carol"),
        fires(200),
        over(203, ended=at(202)),
    ],
}


@pytest.mark.parametrize("order", itertools.permutations(MACHINES), ids=" ".join)
def test_whichever_machines_entries_arrive_first_they_tell_the_same(tmp_path: Path, order: tuple[str, ...]) -> None:
    """One saw it fire, another that it was over: a new machine gets all entries of one after all of another's."""
    store = Store(tmp_path / PATH)
    history = History(store, history_path(tmp_path / PATH))
    for name in order:
        store.append(MACHINES[name])
        history.catch_up()
    found = [(e.began, e.ended, e.end_known, e.acknowledged_at, e.acted) for e in history.episodes(*ALWAYS)]
    assert found == [
        (at(0), at(10), True, None, 0),
        (at(41), at(62), True, at(44), 1),
        (at(200), at(202), True, None, 0),
    ]
    assert [(d.state, d.failed, d.ended, d.remedied) for d in history.deploys(*ALWAYS)] == [
        ("rolled back", True, at(6), at(6)),
        ("succeeded", False, at(4), None),
    ]
    assert history.watched(at(-60), at(900), at(900)) == [(at(-60), at(90)), (at(300), at(330))]
    assert history.coverage(at(-60), at(940), at(940)) == pytest.approx(180 / 1000)


def test_what_a_source_told_of_a_deploys_end_stands_before_what_was_seen_earlier(tmp_path: Path) -> None:
    """The import came first, and then the entries of a board that was closed while it went on."""
    found = PastDeploy(
        id="d1", service="prod/main/api", arrow=":1→:2", started=at(0), state="failed", ended=at(7), imported=True
    )
    told_of = Entry(at=at(0), kind=EntryKind.TOLD_DEPLOY, subject="d1", data=msgspec.to_builtins(found))
    seen = deploys(0, "d1", ":1→:2", took=1, new="in progress")
    for name, entries in (("told first", [told_of, seen, seen]), ("told last", [seen, told_of, seen])):
        (one,) = history_of(made_folder(tmp_path / name), entries).deploys(*ALWAYS)
        assert (one.state, one.ended, one.imported) == ("failed", at(7), False), name


# --- that somebody watched --------------------------------------------------------------------------------------------


def test_coverage_is_the_part_of_the_time_in_which_somebody_watched(tmp_path: Path) -> None:
    history = history_of(tmp_path, ordered(watching(0, 60), watching(30, 90), watching(200, 210)))
    assert history.watched(at(0), at(300), at(300)) == [(at(0), at(90)), (at(200), at(210))]
    assert history.watched_since() == at(0)
    assert history.coverage(at(0), at(200), at(300)) == pytest.approx(90 / 200)
    assert history.coverage(at(50), at(300), at(100)) == pytest.approx(40 / 50)
    assert history.coverage(at(400), at(500), at(300)) == 0.0


def test_whoever_watches_still_has_watched_until_now(tmp_path: Path) -> None:
    history = history_of(tmp_path, watching(0, 60)[:-1])
    assert history.watched(at(0), at(300), at(58)) == [(at(0), at(58))]
    assert history.watched(at(0), at(300), at(90)) == [(at(0), at(55))]
