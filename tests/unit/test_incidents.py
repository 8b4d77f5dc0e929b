"""Incidents in a journal that other sessions write too, and their write-up: no fact that the record does not have."""

from __future__ import annotations

import json
import re
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from oncall_tui.actions.incidents import RecordedIncidents
from oncall_tui.cli import bundle
from oncall_tui.cli.group import cli
from oncall_tui.domain.entry import Entry, EntryKind, written_at
from oncall_tui.domain.history import PastEpisode, episode_id
from oncall_tui.domain.incident import Incident, IncidentState
from oncall_tui.engine.memory import RecordMemory
from oncall_tui.errors import ActionFailed, JournalError, Refused
from oncall_tui.inspection.evidence import EvidencePart
from oncall_tui.journal import Journal
from oncall_tui.reports.postmortem import Postmortem
from oncall_tui.reports.postmortem_text import as_object, markdown
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.tui.screens.record.incident_lines import lines

API = "prod/main/api"
MINUTE = 60.0


@pytest.fixture
def clock() -> FakeClock:
    """Stand a day back: commands read what is written here at the system's time."""
    return FakeClock(float(int(SystemClock().now() - 86_400)))


@pytest.fixture
def journal(tmp_path: Path, clock: FakeClock) -> Journal:
    return Journal(tmp_path / "journal.db", clock.now)


class Night:
    """Writes what a board saw, at minutes after its begin; the clock stands there."""

    def __init__(self, journal: Journal, clock: FakeClock, title: str = "5xx | burns") -> None:
        self.journal, self.clock, self.began, self.title = journal, clock, clock.now(), title
        self.record = RecordMemory(journal, clock)

    def write(self, minute: float, kind: EntryKind, subject: str, text: str = "", actor: str = "", **data: Any) -> None:
        self.clock.at = self.began + minute * MINUTE
        self.journal.must(Entry(at=self.clock.now(), kind=kind, subject=subject, text=text, actor=actor, data=data))

    def watch(self, minute: float, state: str, *unread: str) -> None:
        self.write(minute, EntryKind.WATCH, "recorder", state=state, unread=list(unread))

    def alert(self, minute: float, new: str, subject: str = "prom/5xx", **data: Any) -> None:
        fired = {"began": self.began + 10 * MINUTE, "key": subject, "service": API, "product": "shop", "pages": True}
        more = {} if new == "resolved" else fired
        self.write(minute, EntryKind.ALERT, subject, self.title, new=new, **more, **data)

    def deploy(self, minute: float, new: str, **data: Any) -> None:
        data = {"service": API, "arrow": ":41→:42", "started": self.began + 8 * MINUTE, "by": "ci", **data}
        self.write(minute, EntryKind.DEPLOY, f"{API}/d1", new=new, **data)

    def act(self, minute: float, state: str = "done") -> None:
        plan = {"id": "p1", "verb": "roll back", "source": "prod", "target": API, "version": "v", "title": "t"}
        plan |= {"actor": {"name": "Bob"}, "made_at": self.began, "request": {"cluster": "main", "service": "api"}}
        self.write(minute, EntryKind.INTENT, "p1", "Roll back prod/api: :42→:41", "Bob", plan=plan)
        for word in ("pending", state):
            more = {"state": word, "verb": "roll back", "target": API}
            self.write(minute + 3, EntryKind.OUTCOME, "p1", "4/4 running", "Bob", **more)

    def whole(self) -> None:
        for minute in range(0, 8, 5):
            self.watch(minute, "watching" if minute else "started")
        self.deploy(8, "in progress")
        self.alert(10, "firing")
        self.watch(10.5, "watching", "alarms")
        at = self.began + 12 * MINUTE
        self.alert(12.5, "acknowledged", by=["Alice"], by_at=at)
        self.act(14.5)
        self.watch(15, "watching", "alarms")
        back = {"state": "rolled back", "by": "Bob", "ended": self.began + 17 * MINUTE, "to": ":41"}
        self.deploy(17.1, "rolled back", ended=self.began + 17 * MINUTE, rolled_back=back)
        self.alert(19, "resolved", ended=self.began + 18 * MINUTE)
        self.watch(20, "stopped")
        self.clock.at = self.began + 30 * MINUTE

    def written_up(self, **more: Any) -> Postmortem:
        episodes = self.record.episodes_named("prom/5xx")
        deploy = self.record.deploy_named(API)
        deploys = [deploy.id] if deploy else []
        made = self.record.incidents.open("api | is down", "Bob", "Alice", episodes=episodes, deploys=deploys, **more)
        return self.record.write_up(made)


@pytest.fixture
def night(journal: Journal, clock: FakeClock) -> Night:
    return Night(journal, clock)


# --- in the journal ---------------------------------------------------------------------------------------------------


def test_what_one_session_opens_another_adds_to_and_closes(journal: Journal, clock: FakeClock) -> None:
    here, there = RecordedIncidents(journal, clock), RecordedIncidents(journal, clock)
    opened = here.open(" api is down ", "Alice", "Alice", episodes=["a@1", "a@1"])
    assert (opened.title, opened.episodes, opened.state) == ("api is down", ("a@1",), IncidentState.OPEN)
    clock.advance(60)
    there.change(opened.id[:4], "Bob", deploys=["d"])
    both = here.change(opened.id, "Alice", episodes=["b@2"], said="the cache too")
    assert (both.episodes, both.deploys, both.said) == (("a@1", "b@2"), ("d",), "the cache too")
    assert (both.opened_by, both.changed_at - both.opened_at) == ("Alice", 60.0)
    there.change(opened.id, "Bob", state=IncidentState.CLOSED)
    with pytest.raises(Refused, match="Bob closed it already"):
        here.change(opened.id, "Alice", state=IncidentState.CLOSED)


def test_what_changes_nothing_or_may_not_be_written_is_refused(journal: Journal, clock: FakeClock) -> None:
    here = RecordedIncidents(journal, clock)
    made = here.open("down", "", "Alice", episodes=["a@1"])
    with pytest.raises(Refused, match="nothing would change"):
        here.change(made.id, "Alice", episodes=["a@1"])
    with pytest.raises(Refused, match="needs a title"):
        here.open("  ", "", "Alice")
    with pytest.raises(Refused, match="no incident has this id"):
        here.change("zz", "Alice", said="?")
    with pytest.raises(Refused, match="read only"):
        RecordedIncidents(journal, clock, read_only=True).change(made.id, "Alice", said="?")
    assert len(journal.recent(10)) == 1


def test_one_that_no_disk_takes_is_not_said_to_be_recorded(
    journal: Journal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_entries: Entry) -> None:
        raise JournalError("the disk is full", "free some space")

    monkeypatch.setattr(journal, "must", full)
    with pytest.raises(ActionFailed, match="not recorded: the disk is full"):
        RecordedIncidents(journal, clock).open("down", "", "Alice")


# --- the write-up -----------------------------------------------------------------------------------------------------


def test_each_fact_and_duration_is_the_records_and_links_to_its_entry(night: Night) -> None:
    night.whole()
    told = as_object(night.written_up())
    entries = {e.id: e for e in night.journal.since(0.0)}
    minutes = [((written_at(f["link"]) - night.began) / MINUTE, entries[f["link"]].kind) for f in told["timeline"]]
    assert [f["event"] for f in told["timeline"]] == [
        f"deploy {API} :41→:42 by ci starts",
        "PAGE 5xx | burns fires",
        "5xx | burns acknowledged by Alice",
        "Bob: Roll back prod/api from :42 to :41",
        f"deploy {API} :41→:42: rolled back",
        "Bob: Roll back prod/api from :42 to :41: done: 4/4 running",
        "5xx | burns is over",
    ]
    assert [(round(at, 1), str(kind)) for at, kind in minutes] == [
        *((8, "deploy"), (10, "alert"), (12.5, "alert"), (14.5, "intent")),
        *((17.1, "deploy"), (17.5, "outcome"), (19, "alert")),
    ]
    seconds = {name: told[f"{name}_s"]["seconds"] for name in ("detect", "acknowledge", "mitigate", "resolve")}
    assert seconds == {"detect": 120, "acknowledge": 120, "mitigate": 420, "resolve": 480}
    assert (told["products"], told["services"], told["unread"], told["missing"]) == (["shop"], [API], ["alarms"], [])


def test_what_was_not_watched_or_not_read_is_said_and_causes_are_left_blank(night: Night) -> None:
    night.whole()
    found = night.written_up()
    assert [(round((b - night.began) / MINUTE), round((e - night.began) / MINUTE)) for b, e in found.gaps] == [
        (-22, 0),
        (20, 30),
    ]
    text = markdown(found)
    assert text.count("NOT WATCHED") == 2
    assert "NOT READ for a part of this time: alarms" in text
    sections = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    assert sections["Root causes"].strip() == "_To be written._"
    assert sections["Lessons learned"].count("_To be written._") == 3
    assert "\\|" not in sections["Durations"].replace("5xx \\| burns", "")


def test_what_the_record_does_not_know_is_not_known_and_never_zero(night: Night) -> None:
    night.watch(0, "started")
    night.alert(10, "firing")
    told = as_object(night.written_up())
    for name in ("detect", "acknowledge", "mitigate", "resolve"):
        assert told[f"{name}_s"]["seconds"] is None
        assert told[f"{name}_s"]["words"]
    assert told["ended"] is None
    assert "not known" in markdown(night.written_up())


def test_what_a_source_told_afterwards_is_told_as_such(night: Night) -> None:
    at = night.began
    told = PastEpisode(
        id=episode_id("prom/5xx", at), alert="prom/5xx", source="prom", provider="alertmanager", title="5xx", began=at,
        ended=at + 300, acknowledged_at=at + 60, acknowledged_by="Carol", imported=True,
    )  # fmt: skip
    entry = Entry(at=at, kind=EntryKind.TOLD_EPISODE, subject=told.id, data=msgspec.to_builtins(told))
    night.journal.must(entry)
    night.clock.advance(3600)
    found = night.written_up()
    (kept,) = night.journal.since(0.0, (EntryKind.TOLD_EPISODE,))
    assert {fact.link for fact in found.timeline} == {kept.id}
    assert (found.acknowledge.seconds, found.resolve.seconds) == (60.0, 300.0)
    assert "told by its source, not seen" in markdown(found)


def test_what_the_journal_has_no_more_is_said_and_nothing_at_all_is_refused(night: Night) -> None:
    night.whole()
    gone = night.journal.recent(1)[0].id[:-1] + "Z"
    found = night.written_up(entries=[gone])
    assert f"NOT IN THE RECORD any more: `{gone}`" in markdown(found)
    with pytest.raises(Refused, match="nothing of this incident is in the record"):
        night.record.write_up(Incident(id="x", title="empty", episodes=("no/such@1",)))


def test_alerts_of_one_row_are_one_page_in_a_write_up_as_in_the_statistics(night: Night) -> None:
    night.whole()
    made = night.written_up()
    (one,) = made.record.episodes
    more = tuple(msgspec.structs.replace(one, id=f"e{n}", alert=f"pager/{n}") for n in (1, 2))
    other = msgspec.structs.replace(one, id="e3", alert="prom/z", problem="another", pages=False)
    record = msgspec.structs.replace(made.record, episodes=(one, *more, other))
    assert "- Alerts: 4, pages: 1\n" in markdown(msgspec.structs.replace(made, record=record))


def test_a_refusal_says_its_verb_once_and_the_title_of_what_it_was_for(night: Night) -> None:
    night.whole()
    for kind in (EntryKind.REFUSED, EntryKind.OUTCOME):
        data = {"verb": "acknowledge", "state": "refused", "target": "prom/5xx"}
        words = "acknowledge: in progress" if kind is EntryKind.REFUSED else "in progress"
        night.write(13, kind, "prom/5xx" if kind is EntryKind.REFUSED else "p9", words, "Bob", **data)
        night.clock.at = night.began + 30 * MINUTE
    told = [fact.event for fact in night.written_up().timeline if "in progress" in fact.event and "Bob" in fact.event]
    assert told == ["Bob: acknowledge 5xx | burns: refused: in progress"] * 2


def test_an_entry_that_the_incident_names_is_in_its_timeline(night: Night) -> None:
    night.whole()
    night.write(25, EntryKind.NOTE, "other/alert", "customers called", "Carol")
    (note,) = night.journal.since(0.0, (EntryKind.NOTE,))
    assert night.record.has_entry(note.id)
    assert any(fact.link == note.id for fact in night.written_up(entries=[note.id]).timeline)


def test_what_else_was_changed_of_its_services_in_the_hour_before_is_in_its_timeline(night: Night) -> None:
    night.whole()
    for minute, name, of in ((-45, "failover", API), (-70, "long before", API), (1, "elsewhere", "prod/main/other")):
        began = night.began + minute * MINUTE
        data = {"what": name, "new": "over", "began": began, "ended": began, "service": of}
        night.write(minute, EntryKind.CHANGE, f"rds/{name}", name, **data)
    night.clock.at = night.began + 30 * MINUTE
    facts = [f for f in night.written_up().timeline if f.source == "rds"]
    assert [(f.event, f.at) for f in facts] == [("failover", night.began - 45 * MINUTE)]


def test_no_text_from_outside_is_markup_in_it(night: Night) -> None:
    night.whole()
    night.write(21, EntryKind.NOTE, "prom/5xx", "see |x| <!channel> [a](b)\n## forged", "Eve`")
    text = markdown(night.written_up())
    assert "\n## forged" not in text
    assert "<!channel>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| 20")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def test_what_looks_like_a_secret_goes_into_no_bundle_and_is_counted(night: Night) -> None:
    night.whole()
    night.write(21, EntryKind.NOTE, "prom/5xx", "curl 'https://a.example/?api_key=abcd1234|x' fails", "Bob")
    lines = [{"at": "2026-11-22T20:00:00Z", "text": "Authorization: Bearer abc.def"}, {"text": "pwd=abcd ok"}]
    part = EvidencePart(name="logs", what="log lines", source="prod", read_at=night.clock.now(), data=lines)
    files = bundle._files(night.written_up(), [part], [])
    (row,) = json.loads(files["manifest.json"])["files"]
    assert row["withheld"] == 2
    assert [one["text"] for one in json.loads(files["logs.json"])] == ["Authorization: •••", "pwd=••• ok"]
    assert "abcd1234" not in files["postmortem.md"]
    assert "and 3 values" in files["README.md"]


# --- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    sources = "sources: [{provider: alertmanager, name: prom, url: 'http://127.0.0.1:9'}]"
    lines = (f"journal: {tmp_path / 'journal.db'}", "me: {name: Alice}", sources)
    (tmp_path / "c.yaml").write_text("\n".join(lines))
    return tmp_path


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(home / "c.yaml"), *words])


def test_it_is_opened_added_to_listed_closed_and_written_up(home: Path, night: Night) -> None:
    night.whole()
    made = run(home, "incident", "new", "down", "--alert", "prom/5xx")
    assert made.exit_code == 0, made.output
    incident = made.output.split()[-1]
    assert run(home, "incident").output == run(home, "incident", "list").output
    added = run(home, "incident", "add", incident[:5], "--deploy", API, "--lead", "Bob", "--note", "the deploy")
    assert "lead Bob · 1 episode, 1 deploy" in added.output
    told = json.loads(run(home, "postmortem", incident, "--json").output)
    assert (told["lead"], told["mitigate_s"]["seconds"]) == ("Bob", 420)
    assert run(home, "postmortem", incident[:5]).output.startswith("# Postmortem: down\n")
    out = home / "night.md"
    assert run(home, "postmortem", incident, "--out", str(out)).exit_code == 0
    assert (out.stat().st_mode & 0o777, run(home, "postmortem", incident, "--out", str(out)).exit_code) == (0o600, 1)
    assert run(home, "incident", "close", incident).exit_code == 0
    assert run(home, "incident").output.strip() == "no incident is open"
    (listed,) = json.loads(run(home, "incident", "list", "--all", "--json").output)["incidents"]
    assert (listed["state"], listed["opened_by"], listed["said"]) == ("closed", "Alice", "the deploy")


def test_what_is_not_in_the_record_is_said_and_nothing_is_written(home: Path, night: Night) -> None:
    night.whole()
    before = len(night.journal.since(0.0))
    for words, code in (
        (("incident", "new", "down", "--alert", "prom/5xx", "--alert", "no/such"), 1),
        (("incident", "new", "down", "--deploy", "no/such"), 1),
        (("incident", "new", "down", "--entry", "nonsense"), 2),
        (("incident", "add", "zz"), 2),
        (("incident", "add", "zz", "--note", "?"), 1),
        (("postmortem", "zz"), 1),
    ):
        result = run(home, *words)
        assert result.exit_code == code, (words, result.output, result.exception)
    assert len(night.journal.since(0.0)) == before


def test_on_screen_a_time_of_another_year_runs_into_no_event(night: Night) -> None:
    night.whole()
    night.clock.advance(400 * 86_400.0)
    told = ["".join(text for text, _ in line) for line in lines(night.written_up(), UTC)]
    begins = [text for text in told if " fires" in text or " starts" in text]
    assert len(begins) == 2
    assert all(re.match(r"\d+ \w+ \d{4} \d\d:\d\d:\d\d  [a-zA-Z]", text) for text in begins), begins
