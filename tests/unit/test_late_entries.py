"""Entries of another machine that arrive late: what they tell is as old as they say, not as they arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.test_triage import board

from oncall_tui.actions.marks import given
from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUpState, follow_ups
from oncall_tui.domain.shared import SharedBatch, SharedRow
from oncall_tui.journal import Journal
from oncall_tui.reports.handover import KINDS, handover
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, Triager

NOW = FakeClock().now()


def entry(kind: EntryKind, at: float, **data: Any) -> Entry:
    return Entry(at=NOW + at, kind=kind, subject="a", actor="Bob", data=data)


def test_an_older_state_that_arrives_later_is_not_the_newest(tmp_path: Path) -> None:
    marks = [entry(EntryKind.MARK, 0.0, mark="noise"), entry(EntryKind.MARK, -60.0, mark="actionable")]
    assert given(marks)["a"].mark == "noise"
    told = [
        entry(EntryKind.FOLLOW_UP, 0.0, title="t", state="done"),
        entry(EntryKind.FOLLOW_UP, -60.0, title="t", state="open"),
    ]
    assert follow_ups(told)["a"].state is FollowUpState.DONE
    assert follow_ups(told)["a"].opened_at == NOW - 60.0
    journal = Journal(tmp_path / "journal.db", FakeClock().now)
    journal.must(entry(EntryKind.UNSEEN, 0.0), entry(EntryKind.SEEN, -60.0, began=1.0))
    seen = SeenMarks(journal)
    seen.load()
    assert seen.current == {}
    journal.close(5)


def test_what_somebody_else_did_an_hour_ago_is_learnt_when_it_arrives(tmp_path: Path) -> None:
    def intent(plan_id: str, at: float) -> Entry:
        asked = {"cluster": "main", "service": "api", "from": ":2", "to": ":1"}
        plan = {
            "id": plan_id,
            "verb": str(Verb.ROLL_BACK),
            "source": "prod",
            "target": "d1",
            "version": "v",
            "title": "t",
        }
        plan |= {"actor": {"name": "Bob"}, "made_at": NOW + at, "request": asked}
        return Entry(at=NOW + at, kind=EntryKind.INTENT, subject=plan_id, actor="Bob", data={"plan": plan})

    journal = Journal(tmp_path / "journal.db", FakeClock().now)
    past = PastActions(journal)
    journal.must(intent("mine", 0.0))
    past.read(NOW)
    journal.must(intent("his", -3600.0))
    past.read(NOW)
    assert [one.plan for one in past.current["prod/main/api"]] == ["mine"]
    past.read_anew()
    past.read(NOW)
    assert {one.plan for one in past.current["prod/main/api"]} == {"mine", "his"}
    journal.close(5)


def test_what_one_machine_saw_begin_and_another_saw_end_is_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    """All of one machine's entries arrive after all of another's: a reader of the journal takes the newest for last."""
    journal = Journal(tmp_path / "journal.db", FakeClock().now)
    journal.must(entry(EntryKind.WATCH, -60, state="started"), entry(EntryKind.ALERT, 0, new="resolved"))
    journal.must(entry(EntryKind.WATCH, 200, state="watching"))
    rows = [
        SharedRow(number, NOW + at, kind, "a", "Alice", "", data)
        for number, at, kind, data in (
            (1, -200.0, "watch", '{"state": "started"}'),
            (2, -100.0, "alert", '{"new": "firing"}'),
            (3, 0.0, "watch", '{"state": "stopped"}'),
        )
    ]
    journal.exchange(lambda peers: peers.merge([SharedBatch("0000000000ABC", 0, 3, tuple(rows))]))
    kinds = (EntryKind.ALERT,)
    assert [e.data["new"] for e in journal.since(0.0, kinds)] == ["firing", "resolved"]
    assert [e.data["new"] for e in journal.recent(10, kinds)] == ["firing", "resolved"]
    told = handover(journal.since(NOW - 300.0, KINDS), Triager(Rules()).triage(board()), NOW - 300.0, NOW + 200.0)
    assert [(f.first - NOW, f.ended) for f in told.fired] == [(-100.0, NOW)]
    assert told.watched == ((NOW - 200.0, NOW + 200.0),)
    journal.close(5)
