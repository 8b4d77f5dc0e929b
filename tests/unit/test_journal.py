"""The journal: append-only, private, and never in the way."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import ALICE

from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError
from oncall_tui.journal import Journal
from oncall_tui.journal import journal as module
from oncall_tui.journal.store import Store
from oncall_tui.runtime.clock import FakeClock


def entry(subject: str = "x", **fields: Any) -> Entry:
    return Entry(**{"at": 1.0, "kind": EntryKind.NOTE, "subject": subject, **fields})


def plan(plan_id: str = "p1", **request: Any) -> Plan:
    return Plan(
        id=plan_id,
        verb=Verb.ACKNOWLEDGE,
        source="prom",
        target="prom/a",
        version="v",
        actor=ALICE,
        made_at=FakeClock().now(),
        title="acknowledge a",
        request=request,
    )


def outcome(state: OutcomeState, plan_id: str = "p1") -> Outcome:
    return Outcome(plan_id=plan_id, verb=Verb.ACKNOWLEDGE, target="prom/a", state=state, message="m", at=2.0)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "deep" / "journal.db", FakeClock().now)


def another_session(path: Path, kill: Journal, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal as the next start sees it: the process that wrote it is gone."""
    kill.must(entry())
    monkeypatch.setattr(os, "kill", _gone)
    opened = Journal(path, FakeClock().now)
    opened._session = {**opened._session, "pid": -1}
    monkeypatch.setattr(os, "getpid", lambda: -1)
    return opened


def _gone(pid: int, signal: int) -> None:
    raise ProcessLookupError


def test_it_is_readable_by_its_owner_alone(journal: Journal) -> None:
    journal.must(entry())
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_nothing_in_it_can_be_changed_or_removed(journal: Journal) -> None:
    journal.must(entry())
    with sqlite3.connect(journal.path) as db:
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            db.execute("DELETE FROM entry")
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            db.execute("UPDATE entry SET text = 'x'")
    db.close()


def test_entries_come_back_in_order_with_their_data(journal: Journal) -> None:
    journal.record([entry("a", data={"n": 1}), entry("b", text="text [/b]")])
    journal.must(entry("c"))
    assert [(e.subject, e.data, e.text) for e in journal.recent()] == [
        ("a", {"n": 1}, ""),
        ("b", {}, "text [/b]"),
        ("c", {}, ""),
    ]
    assert [e.subject for e in journal.recent(limit=2)] == ["b", "c"]


def test_an_intent_stays_open_until_a_final_outcome(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.intents([plan("p1", id="1")])
    journal.intents([plan("p2")])
    journal.intents([plan("p3")])
    journal.outcome(plan("p2"), outcome(OutcomeState.DONE, "p2"))
    journal.outcome(plan("p3"), outcome(OutcomeState.UNKNOWN, "p3"), {"silence": "s"})
    later = another_session(journal.path, journal, monkeypatch)
    found = later.open_intents()
    assert [(i.plan.id, i.receipt) for i in found] == [("p1", None), ("p3", {"silence": "s"})]
    assert found[0].plan == plan("p1", id="1")


def test_an_intent_of_a_session_that_runs_is_left_to_it(journal: Journal) -> None:
    journal.intents([plan()])
    assert Journal(journal.path, FakeClock().now).open_intents() == []


def test_a_journal_that_cannot_be_written_says_so_and_catches_up(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    journal = Journal(blocked / "journal.db", FakeClock().now)
    journal.record([entry("first")])
    with pytest.raises(JournalError, match="cannot be opened"):
        journal.must(entry("intent"))
    assert "cannot be opened" in journal.failure
    blocked.unlink()
    journal.must(entry("second"))
    assert journal.failure == ""
    assert [e.subject for e in journal.recent()] == ["first", "second"]


def test_what_is_waiting_is_written_on_close(journal: Journal) -> None:
    journal.record([entry(str(n)) for n in range(500)])
    journal.close(5)
    assert len(Journal(journal.path, FakeClock().now).recent(1000)) == 500


def test_what_nobody_waits_for_is_written_together_and_what_is_waited_for_behind_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred outcomes were three hundred writes, and on a slow disk the next intents came too late."""
    journal.must(entry("first"))
    written: list[list[str]] = []
    append = Store.append

    def counted(self: Store, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        written.append([each.subject for each in entries])
        append(self, entries)

    monkeypatch.setattr(Store, "append", counted)
    with journal._lock:  # the disk is slow
        for number in range(300):
            journal.record([entry(f"outcome {number}")])
        waits = threading.Thread(target=journal.must, args=(entry("intent"),))
        waits.start()
    waits.join(5)
    journal.record([entry("last")])
    journal.close(5.0)
    subjects = [subject for each in written for subject in each]
    assert subjects == [*(f"outcome {number}" for number in range(300)), "intent", "last"]
    assert len(written) < 10
    assert ["intent"] in written


def test_secrets_are_redacted_on_the_way_in(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db", FakeClock().now, lambda text: text.replace("hunter", "•••"))
    journal.must(entry(text="token hunter", data={"body": ["hunter"]}))
    assert journal.recent()[0].text == "token •••"
    assert "hunter" not in msgspec.json.encode(journal.recent()[0].data).decode()
    assert b"hunter" not in b"".join(f.read_bytes() for f in tmp_path.iterdir())


def test_old_observations_go_and_what_was_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of alerts does not fill the disk; and none is removed beside a watch that stays, which would be a lie."""
    monkeypatch.setattr(module, "OBSERVATIONS", 50)
    monkeypatch.setattr(module, "PRUNED_EVERY", 100)
    journal = Journal(tmp_path / "journal.db", FakeClock().now)
    journal.intents([plan()])
    journal.must(entry("watched", kind=EntryKind.WATCH, data={"state": "started"}), entry("note"))
    for poll in range(30):
        journal.must(*(entry(f"{poll}-{n}", kind=EntryKind.ALERT, data={"new": "firing"}) for n in range(100)))
    journal.must(entry("last", kind=EntryKind.WATCH, data={"state": "watching"}))
    found = journal.recent(10_000)
    observed = [e for e in found if e.kind in (EntryKind.ALERT, EntryKind.WATCH)]
    assert 50 <= len(observed) <= 151
    assert observed[-1].subject == "last"
    assert [e.subject for e in found if e.kind in (EntryKind.INTENT, EntryKind.NOTE)] == ["p1", "note"]
    assert "watched" not in [e.subject for e in found]
    assert [e.subject for e in observed[:-1]] == [f"29-{n}" for n in range(100)][-(len(observed) - 1) :]
    journal.close(5)
    assert journal.path.stat().st_size < 200_000  # of 3,000 alerts
    with sqlite3.connect(journal.path) as db, pytest.raises(sqlite3.DatabaseError, match="append-only"):
        db.execute("DELETE FROM entry")  # for anybody else nothing can be removed, as ever
    db.close()
