"""``follow-up`` on the command line: against a journal alone, no source is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from oncall_tui.cli.group import cli
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import SystemClock


@pytest.fixture
def home(tmp_path: Path) -> Path:
    sources = "sources: [{provider: alertmanager, name: prom, url: 'http://127.0.0.1:9'}]"
    lines = (f"journal: {tmp_path / 'journal.db'}", "me: {name: Alice}", "timezone: Asia/Tokyo", sources)
    (tmp_path / "c.yaml").write_text("\n".join(lines))
    return tmp_path


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(home / "c.yaml"), *words])


def added(home: Path, *words: str) -> str:
    result = run(home, "follow-up", "add", *words)
    assert result.exit_code == 0, result.output
    return result.output.split()[-1]


def test_it_is_added_listed_changed_and_closed_by_the_beginning_of_its_id(home: Path) -> None:
    made = added(home, "why 5xx at night", "--owner", "Alice", "--alert", "prom/5xx")
    assert run(home, "follow-up").output == run(home, "follow-up", "list").output
    assert "why 5xx at night · open · owner Alice" in run(home, "follow-up").output
    changed = run(home, "follow-up", "set", made[:5], "--state", "looking", "--owner", "Bob", "--note", "a proxy")
    assert "looking · owner Bob" in changed.output
    assert "a proxy" in changed.output
    assert run(home, "follow-up", "close", made, "--note", "a longer keep-alive").exit_code == 0
    assert run(home, "follow-up").output.strip() == "no follow-up is open"
    (told,) = json.loads(run(home, "follow-up", "list", "--all", "--json").output)["follow_ups"]
    assert {k: told[k] for k in ("id", "title", "owner", "state", "alerts", "opened_by", "said")} == {
        "id": made,
        "title": "why 5xx at night",
        "owner": "Bob",
        "state": "done",
        "alerts": ["prom/5xx"],
        "opened_by": "Alice",
        "said": "a longer keep-alive",
    }
    assert told["opened_at"].endswith("Z")


def test_an_incidents_follow_up_belongs_to_the_key_that_its_next_incident_has_too(home: Path) -> None:
    journal = Journal(home / "journal.db", SystemClock().now)
    seen = Entry(at=1.0, kind=EntryKind.ALERT, subject="pager/Q1", data={"new": "firing", "key": "5xx-key"})
    journal.must(seen)
    journal.close()
    made = added(home, "why", "--alert", "pager/Q1")
    run(home, "follow-up", "set", made, "--alert", "prom/other")
    (told,) = json.loads(run(home, "follow-up", "list", "--json").output)["follow_ups"]
    assert told["alerts"] == ["5xx-key", "prom/other"]


def test_what_cannot_be_done_is_said_and_written_nowhere(home: Path) -> None:
    made = added(home, "why")
    for words in (
        ("follow-up", "close", "zz"),
        ("follow-up", "set", made),
        ("follow-up", "add", " "),
        ("follow-up", "close", made, "--read-only"),
    ):
        assert run(home, *words).exit_code != 0, words
    journal = Journal(home / "journal.db", SystemClock().now)
    assert len(journal.recent(10)) == 1
    journal.close()


def test_its_help_and_that_of_its_commands_say_what_they_do(home: Path) -> None:
    for name in ("list", "add", "set", "close"):
        assert name in run(home, "follow-up", "--help").output
        assert "Usage:" in run(home, "follow-up", name, "--help").output


def seen(home: Path, *subjects: str) -> None:
    """An alert fired for each, half an hour ago, as a board saw it."""
    journal = Journal(home / "journal.db", SystemClock().now)
    at = SystemClock().now() - 1800
    for subject in subjects:
        data = {"new": "firing", "key": subject, "began": at, "provider": "alertmanager"}
        journal.must(Entry(at=at, kind=EntryKind.ALERT, subject=subject, text=f"title of {subject}", data=data))
    journal.close()


def test_the_newest_episode_of_each_alert_is_marked(home: Path) -> None:
    seen(home, "prom/a", "prom/b")
    result = run(home, "mark", "noise", "prom/a", "prom/b")
    assert result.exit_code == 0, result.output
    assert "noise: title of prom/a (prom/a@" in result.output
    again = run(home, "mark", "noise", "prom/a")
    assert "1 said so already" in again.output
    episode = result.output.splitlines()[0].rpartition("(")[2].rstrip(")")
    assert run(home, "mark", "neither", episode).exit_code == 0
    journal = Journal(home / "journal.db", SystemClock().now)
    marks = journal.recent(10, (EntryKind.MARK,))
    journal.close()
    assert [(m.subject, m.data["mark"], m.actor) for m in marks][-1] == (episode, "", "Alice")
    assert len(marks) == 3


def test_nothing_is_marked_where_one_is_not_in_the_record(home: Path) -> None:
    seen(home, "prom/a")
    result = run(home, "mark", "actionable", "prom/a", "prom/z")
    assert result.exit_code == 1
    assert "not in the record: prom/z" in result.output
    journal = Journal(home / "journal.db", SystemClock().now)
    assert journal.recent(10, (EntryKind.MARK,)) == []
    journal.close()
