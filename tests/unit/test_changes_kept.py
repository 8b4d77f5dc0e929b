"""Changes in the journal, and what is told of them from there: the record, the handover, a timeline, a write-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.unit.test_suspect_changes import FIRES, SHOP, change, scaled, shown
from tests.unit.test_triage import NOW

from oncall_tui.cli.changes import as_object, line, wanted
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastEpisode
from oncall_tui.domain.incident import Incident, IncidentState
from oncall_tui.domain.record import RecordEvent, RecordScope
from oncall_tui.domain.recorded_change import entry_data, recorded
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.inspection import record_search
from oncall_tui.inspection.timeline import merge_timeline
from oncall_tui.journal import Journal
from oncall_tui.reports import handover_text
from oncall_tui.reports.handover import Handover, handover
from oncall_tui.reports.postmortem import IncidentRecord, postmortem
from oncall_tui.text.time_format import moment, rfc3339
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

TOKYO = ZoneInfo("Asia/Tokyo")
FAILOVER = change("f", 1, None, by="AWS", text="Multi-AZ failover started", url="https://example.com/f")
OVER = msgspec.structs.replace(FAILOVER, ended=NOW - 15)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", lambda: NOW)
    yield made
    made.close(1.0)


def seen(*changes: Change) -> TriagedBoard:
    return Triager(Rules(products=(SHOP,))).triage(shown(FIRES, changes=changes))


def recorder(journal: Journal) -> ChangeRecorder:
    made = ChangeRecorder(journal, Episodes())
    made.remember()
    made.recall()
    return made


def kept(journal: Journal) -> list[Entry]:
    journal.must()
    return journal.recent(50, (EntryKind.CHANGE,))


def entry(one: Change, at: float = NOW, products: tuple[str, ...] = ("shop",), old: str = "") -> Entry:
    return Entry(at=at, kind=EntryKind.CHANGE, subject=one.id, text=one.what, data=entry_data(one, products, old))


# --- the journal ------------------------------------------------------------------------------------------------------


def test_a_change_is_written_when_it_appears_and_when_it_is_over_and_never_twice(journal: Journal) -> None:
    first = recorder(journal)
    scaling = scaled("s", 3, 4, 2)
    for changes in ((FAILOVER, scaling), (FAILOVER, scaling), (OVER, scaling), ()):
        first.record(seen(*changes), shown(), NOW)
    journal.must()
    recorder(journal).record(seen(OVER, scaling), shown(), NOW + 60)  # the next session
    told = kept(journal)
    assert [(e.subject, e.data["old"], e.data["new"], e.text) for e in told] == [
        ("rds/f", "", "under way", "RDS failover of shop-db, under way"),
        ("rds/s", "", "over", "desired count 4 → 2 of api by autoscaling"),
        ("rds/f", "under way", "over", "RDS failover of shop-db, over after 40s"),
    ]
    back = recorded(told)
    assert (back["rds/f"].change, back["rds/f"].products) == (OVER, ("shop",))
    assert (back["rds/s"].change, back["rds/s"].products) == (scaling, ("shop",))


def test_who_did_it_is_written_once_it_is_known(journal: Journal) -> None:
    first, untold = recorder(journal), scaled("s", 3, 4, 2, by="")
    for one in (untold, scaled("s", 3, 4, 2), scaled("s", 3, 4, 2)):
        first.record(seen(one), shown(), NOW)
    journal.must()
    recorder(journal).record(seen(scaled("s", 3, 4, 2)), shown(), NOW)
    told = kept(journal)
    assert [(e.data["old"], e.data["new"], e.data.get("by")) for e in told] == [
        ("", "over", None),
        ("over", "over", "autoscaling"),
    ]
    assert recorded(told)["rds/s"].change.by == "autoscaling"


def test_alarms_of_one_name_in_two_accounts_are_two_in_the_record(journal: Journal) -> None:
    edit: dict[str, Any] = {"kind": ChangeKind.ALARM, "what": "edit of alarm api-5xx", "resource": "api-5xx"}
    ours = change("e", 5, account="111111111111", region="eu-west-1", **edit)
    theirs = msgspec.structs.replace(ours, id="us/e", source="us", account="222222222222")
    again = msgspec.structs.replace(ours, id="events/e", source="events")
    journal.must(entry(ours), entry(theirs), entry(again))
    assert len(searched(journal)) == 2


SEEN = msgspec.structs.replace(scaled("s", 3, 4, 2, by=""), not_before=NOW - 360)
WITHIN = "desired count 4 → 2 of api, at some time in the 3m before"


def test_what_was_only_seen_later_says_so_wherever_it_is_told(journal: Journal) -> None:
    recorder(journal).record(seen(SEEN), shown(), NOW)
    told = kept(journal)
    assert [e.text for e in told] == [WITHIN]
    assert recorded(told)["rds/s"].change == SEEN
    (event,) = searched(journal)
    assert (event.at, event.state) == (NOW - 180, "at some time in the 3m before")
    board = seen(SEEN)
    assert line(SEEN, board, NOW, TOKYO).partition("scaling       ")[2] == f"{WITHIN} · shop · rds"
    assert (as_object(SEEN, board)["not_before"], as_object(OVER, board)["not_before"]) == (rfc3339(NOW - 360), None)
    (handed,) = lines(handover(told, board, NOW - 600, NOW))
    assert handed.endswith(f"{WITHIN} · shop")
    assert [one.text for one in merge_timeline(changes=(SEEN,))] == [WITHIN]


def test_a_kind_of_a_later_version_is_read_as_some_change() -> None:
    odd = entry(FAILOVER)
    odd.data["kind"] = "teleport"
    assert recorded([odd])["rds/f"].change.kind is ChangeKind.OTHER


# --- the record -------------------------------------------------------------------------------------------------------


class Past:
    """A history without episodes and deploys that began a day ago."""

    def episodes(self, *_: Any, **__: Any) -> list[PastEpisode]:
        return []

    def deploys(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def began(self) -> float:
        return NOW - 86_400


def searched(journal: Journal, words: str = "", **scope: Any) -> list[RecordEvent]:
    return list(record_search.search(Past(), journal, RecordScope(**scope), words, NOW + 60).events)


def test_the_record_tells_each_once_at_the_time_when_it_began(journal: Journal) -> None:
    scaling = scaled("s", 300, 4, 2)
    journal.must(entry(FAILOVER, NOW - 30), entry(OVER, NOW, old="under way"), entry(scaling, NOW, ()))
    events = searched(journal)
    assert [(e.kind, e.at, e.text, e.state, e.by) for e in events] == [
        ("change", NOW - 60, "RDS failover of shop-db", "over after 40s", "AWS"),
        ("change", NOW - 18_000, "desired count 4 → 2 of api", "", "autoscaling"),
    ]
    assert [e.text for e in searched(journal, "kind:change failover")] == ["RDS failover of shop-db"]
    assert [e.id for e in searched(journal, kind="product", product="shop")] == ["change/rds/f"]
    assert [e.id for e in searched(journal, kind="service", service="prod/main/api")] == ["change/rds/s"]
    assert searched(journal, kind="alert", alerts=("x",)) == []


# --- the handover -----------------------------------------------------------------------------------------------------


def lines(h: Handover) -> list[str]:
    found = dict(handover_text.sections(h, TOKYO))
    return [line for heading, told in found.items() if heading.startswith("Changes") for line in told]


def test_the_handover_lists_changes_and_what_autoscaling_did_as_one_line() -> None:
    scalings = [scaled(f"s{n}", 60 - n, 2 + n % 2, 3 - n % 2) for n in range(9)]
    gone = entry(change("old", 200, 0, what="edit of shop-db"), NOW - 12_000)
    effect = change("p", 1, kind=ChangeKind.PLACEMENT, effect=True)
    made = handover([gone], seen(OVER, effect, *scalings), NOW - 28_800, NOW)
    when = [moment(NOW - minutes * 60, TOKYO, NOW) for minutes in (1, 52, 60, 200)]
    assert lines(made) == [
        f"{when[0]}  RDS failover of shop-db · shop · over after 40s",
        f"{when[1]}  desired count 2 → 3 of api by autoscaling · shop · the last of 9 since {when[2]}",
        f"{when[3]}  edit of shop-db · shop",
    ]
    assert "Changes: 11" in dict(handover_text.sections(made, TOKYO))
    assert lines(handover([gone], seen(), NOW - 600, NOW)) == []
    assert handover_text.as_object(made)["changes"][0]["kind"] == "database"


def test_what_two_sources_tell_is_the_product_s_also_where_it_names_the_other_one(journal: Journal) -> None:
    here = msgspec.structs.replace(FAILOVER, account="111111111111", region="eu-west-1")
    again = msgspec.structs.replace(here, id="events/f", source="events", ended=NOW - 15)
    both = (entry(here), entry(again, products=()))
    assert recorded(both)["rds/f"].change == here
    (line,) = lines(handover(both, seen(), NOW - 600, NOW))
    assert line.endswith("RDS failover of shop-db · shop · over after 40s")
    journal.must(*both)
    assert [e.id for e in searched(journal, kind="product", product="shop")] == ["change/rds/f"]


# --- one row's time, and a write-up -----------------------------------------------------------------------------------


def test_a_timeline_has_the_change_and_its_end() -> None:
    found = merge_timeline(changes=(OVER, scaled("s", 3, 4, 2)))
    assert [(one.at - NOW, one.kind, one.text, one.where) for one in found] == [
        (-15, "change", "RDS failover of shop-db is over", "rds"),
        (-60, "change", "RDS failover of shop-db", "rds"),
        (-180, "change", "desired count 4 → 2 of api by autoscaling", "rds"),
    ]


def test_a_row_s_changes_are_its_service_s_its_product_s_own_and_its_alarm_s() -> None:
    board = seen(FAILOVER, scaled("s", 3, 4, 2), scaled("j", 3, 4, 2, "prod/main/jobs"), change("x", 1, resource="y"))
    row = board.alerts[0]
    assert [c.id for c in board.changes_of(row.service, row.product)] == ["rds/s", "rds/f"]
    assert {c.id for c in board.changes_of(None, row.product)} == {"rds/f", "rds/s", "rds/j"}
    assert board.changes_of(None, None) == []


def test_a_write_up_has_the_changes_of_its_product_with_the_entry_that_says_so() -> None:
    told = msgspec.structs.replace(entry(OVER), origin="7ZK4M2Q9W1XAB", number=3)
    incident = Incident(
        id="i",
        title="t",
        state=IncidentState.OPEN,
        opened_at=NOW,
        opened_by="Alice",
        changed_at=NOW,
        changed_by="Alice",
    )
    made = postmortem(IncidentRecord(incident=incident, now=NOW, since=NOW - 600, until=NOW, entries=(told,)))
    assert [(fact.at - NOW, fact.event, fact.link) for fact in made.timeline] == [
        (-60, "RDS failover of shop-db", told.id),
        (-15, "RDS failover of shop-db is over", told.id),
    ]
    assert made.linked == (told,)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_lists_the_newest_first_and_filters() -> None:
    board = seen(OVER, scaled("s", 300, 4, 2), change("x", 30, resource="other-db"))
    assert [c.id for c in wanted(board, NOW - 86_400, "", "")] == ["rds/f", "rds/x", "rds/s"]
    assert [c.id for c in wanted(board, NOW - 3_600, "shop", "")] == ["rds/f"]
    assert [c.id for c in wanted(board, NOW - 86_400, "", "prod/main/api")] == ["rds/s"]
    told = as_object(OVER, board)
    assert (told["kind"], told["by"], told["service"], told["products"]) == ("database", "AWS", None, ["shop"])
    at = moment(NOW - 60, TOKYO, NOW, seconds=True)
    assert line(OVER, board, NOW, TOKYO) == (
        f"{at} JST database      RDS failover of shop-db, over after 40s · shop · rds"
    )
