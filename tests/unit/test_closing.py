"""What a test opens is closed after it, so that a process that runs them all has few files open."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.support.closing import closed_afterwards

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.errors import JournalError
from oncall_tui.journal import Journal
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store

ENTRY = Entry(at=1.0, kind=EntryKind.NOTE, subject="a")


def test_what_a_test_opened_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, closed_afterwards(patch):
        store = Store(tmp_path / "store.db")
        store.append([ENTRY])
        journal = Journal(tmp_path / "journal.db", lambda: 1.0)
        journal.must(ENTRY)
        history = History(journal, history_path(journal.path))
        history.catch_up()
    assert not journal.worker.alive
    assert history._db is None
    with pytest.raises(JournalError, match="closed database"):
        store.append([ENTRY])


def test_a_file_of_a_newer_version_that_can_only_be_read_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path / "journal.db").close()
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def counted(*arguments: object, **more: object) -> sqlite3.Connection:
        opened.append(connect(*arguments, **more))  # type: ignore[call-overload]
        return opened[-1]

    def refused(*_: object) -> None:
        raise JournalError("the journal is of a newer oncall-tui", "update this one")

    monkeypatch.setattr(sqlite3, "connect", counted)
    monkeypatch.setattr(Store, "_opened", lambda store: (_ for _ in ()).throw(PermissionError("not writable")))
    monkeypatch.setattr(Store, "_refuse_what_is_newer", refused)
    with pytest.raises(JournalError, match="newer"):
        Store(tmp_path / "journal.db")
    assert opened
    for db in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            db.execute("SELECT 1")
