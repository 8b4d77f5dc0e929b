"""Follow-ups and marks, written to a journal that other sessions write too."""

from __future__ import annotations

from pathlib import Path

import pytest

from oncall_tui.actions.follow_ups import FollowUps
from oncall_tui.actions.incidents import RecordedIncidents
from oncall_tui.actions.marks import EpisodeMarks, MarkTarget
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.follow_up import FollowUpState
from oncall_tui.domain.history import EpisodeMark
from oncall_tui.domain.incident import IncidentState
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import FakeClock


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db", FakeClock().now)


def fails(*entries: object) -> None:
    raise JournalError("the disk is full", "free some space")


def test_what_one_session_opens_another_finds_changes_and_closes(journal: Journal) -> None:
    clock = FakeClock()
    here, there = FollowUps(journal, clock), FollowUps(journal, clock)
    opened = here.add(" why 5xx at night ", "Alice", ["prom/5xx", "prom/5xx"], "Alice")
    assert (opened.title, opened.alerts, opened.state) == ("why 5xx at night", ("prom/5xx",), FollowUpState.OPEN)
    there.load()
    found = there.find(opened.id[:4])
    assert found == opened
    clock.advance(60)
    changed = there.change(found, "Bob", owner="Bob", state=FollowUpState.LOOKING, said="a proxy, maybe")
    assert (changed.owner, changed.said, changed.changed_at - changed.opened_at) == ("Bob", "a proxy, maybe", 60.0)
    here.load()
    assert here.of_alerts["prom/5xx"] == (changed,)
    here.change(changed, "Alice", state=FollowUpState.DONE)
    assert not here.of_alerts


def test_a_change_of_what_somebody_else_changed_is_refused_and_says_what_it_is_now(journal: Journal) -> None:
    here, there = FollowUps(journal, FakeClock()), FollowUps(journal, FakeClock())
    seen = here.add("why", "Alice", [], "Alice")
    there.load()
    there.change(seen, "Bob", state=FollowUpState.DONE)
    with pytest.raises(Refused, match="Bob changed it meanwhile: it is done, owner Alice"):
        here.change(seen, "Alice", owner="Carol")
    assert here.current[seen.id].owner == "Alice"


def test_a_change_holds_where_the_clock_was_set_back_since(journal: Journal) -> None:
    clock = FakeClock()
    here, marks, incidents = (kind(journal, clock) for kind in (FollowUps, EpisodeMarks, RecordedIncidents))
    seen = here.add("why", "Alice", [], "Alice")
    opened = incidents.open("night", "Alice", "Alice")
    target = MarkTarget("prom/a@1", "prom/a", "5xx")
    marks.put([target], EpisodeMark.NOISE, "Alice")
    clock.step(-3600)
    assert here.change(seen, "Bob", state=FollowUpState.DONE).state is FollowUpState.DONE
    assert not incidents.change(opened.id, "Bob", state=IncidentState.CLOSED).is_open
    marks.put([target], EpisodeMark.ACTIONABLE, "Bob")
    again = EpisodeMarks(journal, clock)
    again.load()
    assert again.current[target.id].mark is EpisodeMark.ACTIONABLE
    here.load()
    assert here.current[seen.id].state is FollowUpState.DONE


def test_what_changes_nothing_is_refused_and_written_nowhere(journal: Journal) -> None:
    here = FollowUps(journal, FakeClock())
    seen = here.add("why", "", [], "Alice")
    with pytest.raises(Refused, match="nothing would change: it is open, owner nobody"):
        here.change(seen, "Alice", title="  ")
    with pytest.raises(Refused, match="needs a title"):
        here.add("  ", "Alice", [], "Alice")
    assert len(journal.recent(10, (EntryKind.FOLLOW_UP,))) == 1


def test_an_id_that_fits_several_is_refused(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(("aa11", "aa22"))
    monkeypatch.setattr("uuid.uuid4", lambda: type("Id", (), {"hex": next(ids)}))
    here = FollowUps(journal, FakeClock())
    for title in ("one", "two"):
        here.add(title, "", [], "Alice")
    assert here.find("aa22").title == "two"
    for wanted, why in (("aa", "2 follow-ups"), ("b", "no follow-up"), ("", "no follow-up")):
        with pytest.raises(Refused, match=why):
            here.find(wanted)


def test_nothing_is_taken_for_written_that_the_disk_did_not_take(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_ups, marks = FollowUps(journal, FakeClock()), EpisodeMarks(journal, FakeClock())
    monkeypatch.setattr(journal, "must", fails)
    with pytest.raises(ActionFailed, match="not recorded: the disk is full"):
        follow_ups.add("why", "", [], "Alice")
    with pytest.raises(ActionFailed, match="not recorded: the disk is full"):
        marks.put([MarkTarget("prom/a@1", "prom/a", "5xx")], EpisodeMark.NOISE, "Alice")
    assert not follow_ups.current
    assert not marks.current


def test_read_only_writes_neither(journal: Journal) -> None:
    with pytest.raises(Refused, match="read only"):
        FollowUps(journal, FakeClock(), read_only=True).add("why", "", [], "Alice")
    with pytest.raises(Refused, match="read only"):
        EpisodeMarks(journal, FakeClock(), True).put([MarkTarget("a@1", "a", "")], EpisodeMark.NOISE, "Alice")
    assert journal.recent() == []


def test_marks_are_written_together_and_only_where_they_say_something_else(journal: Journal) -> None:
    marks = EpisodeMarks(journal, FakeClock())
    two = [MarkTarget("prom/a@1", "prom/a", "5xx"), MarkTarget("prom/b@2", "prom/b", "slow")]
    assert marks.put(two[:1], EpisodeMark.NOISE, "Alice") == 1
    assert marks.put(two, EpisodeMark.NOISE, "Bob") == 1
    assert marks.put(two[:1], EpisodeMark.NONE, "Bob") == 1
    later = EpisodeMarks(journal, FakeClock())
    later.load()
    assert {i: (m.mark, m.by) for i, m in later.current.items()} == {
        "prom/a@1": (EpisodeMark.NONE, "Bob"),
        "prom/b@2": (EpisodeMark.NOISE, "Bob"),
    }
    with pytest.raises(Refused, match="no episode"):
        marks.put([], EpisodeMark.NOISE, "Alice")
