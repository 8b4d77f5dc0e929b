"""The search of the record: each part has what belongs to it, pages join without a gap, a filter goes through all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.record import RecordEvent, RecordScope
from oncall_tui.engine.memory import RecordMemory
from oncall_tui.journal import Journal
from oncall_tui.reports.record_text import as_csv, as_lines, as_markdown
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.filters import FilterError

DAY = 86_400.0
API, JOBS = "prod/main/api", "prod/main/jobs"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordMemory]:
    clock = FakeClock()
    journal = Journal(tmp_path / "journal.db", clock.now)
    made = RecordMemory(journal, clock)
    journal.must(*sorted(_entries(clock.now()), key=lambda e: e.at))
    yield made
    made.history.close()
    journal.close()


def _entries(now: float) -> Iterator[Entry]:
    for day in range(1, 301):
        at, name = now - day * DAY, "a" if day % 3 else "b"
        service = API if name == "a" else JOBS
        data = {"key": f"prom/{name}", "began": at, "provider": "alertmanager", "service": service, "product": "shop"}
        for new, later in (("firing", 0.0), ("resolved", 600.0)):
            yield Entry(
                at=at + later,
                kind=EntryKind.ALERT,
                subject=f"prom/{name}",
                text=f"title {name}",
                data={"new": new, **data},
            )
    yield from _rolled_back(now - 9.5 * DAY, "p1", API)
    yield from _rolled_back(now - 12.5 * DAY, "p2", JOBS)
    yield Entry(at=now - 2 * DAY, kind=EntryKind.NOTE, subject="prom/a", actor="Bob", text="=cmd|x", data={})


def _rolled_back(at: float, plan_id: str, service: str) -> Iterator[Entry]:
    source, cluster, name = service.split("/")
    plan = {
        "id": plan_id, "verb": "roll back", "source": source, "target": service, "version": "v",
        "actor": {"name": "Alice"}, "made_at": at, "title": f"Roll back {service}: :42→:41",
        "request": {"cluster": cluster, "service": name},
    }  # fmt: skip
    title = str(plan["title"])
    yield Entry(at=at, kind=EntryKind.INTENT, subject=plan_id, actor="Alice", text=title, data={"plan": plan})
    data = {"state": "done", "verb": "roll back", "target": service, "receipt": None}
    yield Entry(at=at + 100, kind=EntryKind.OUTCOME, subject=plan_id, actor="Alice", text="rolled back", data=data)


def found(record: RecordMemory, scope: RecordScope, words: str = "", **more: Any) -> tuple[RecordEvent, ...]:
    given = {"until": record._clock.now() + 60, "most": 10_000, **more}
    return record.search(scope, words, **given).events


def kinds(events: tuple[RecordEvent, ...]) -> dict[str, int]:
    return {kind: sum(e.kind == kind for e in events) for kind in {e.kind for e in events}}


def test_each_part_has_what_fired_and_what_was_done_to_it_and_no_more(record: RecordMemory) -> None:
    everything = found(record, RecordScope())
    assert kinds(everything) == {"alert": 300, "action": 2, "note": 1}
    alert = found(record, RecordScope(kind="alert", alerts=("prom/a",), ids=("prom/a",)))
    assert kinds(alert) == {"alert": 200, "note": 1}
    service = found(record, RecordScope(kind="service", service=JOBS, services=(JOBS,)))
    assert kinds(service) == {"alert": 100, "action": 1}
    product = found(record, RecordScope(kind="product", product="shop", services=(API, JOBS)))
    assert kinds(product) == {"alert": 300, "action": 2, "note": 1}


def test_an_action_is_told_once_with_how_it_ended(record: RecordMemory) -> None:
    (one, _) = found(record, RecordScope(), "kind:action")
    assert (one.text, one.state, one.by, one.service) == (f"Roll back {API} from :42 to :41", "done", "Alice", API)


def test_what_is_about_no_source_names_none(record: RecordMemory) -> None:
    record.follow_ups.add("why at night", "Alice", ["prom/a"], "Alice")
    record.incidents.open("shop is down", "Bob", "Alice")
    events = {e.kind: e for e in found(record, RecordScope())}
    assert (events["follow-up"].source, events["incident"].source, events["note"].source) == ("", "", "prom")
    assert events["action"].source == "prod"


@pytest.mark.parametrize("most", [2, 7, 50])
def test_pages_join_without_a_gap_or_a_double(record: RecordMemory, most: int) -> None:
    whole, ids, until = found(record, RecordScope()), [], record._clock.now() + 60
    for _ in range(200):
        page = record.search(RecordScope(), "", until, most)
        ids += [e.id for e in page.events]
        if page.whole:
            break
        until = page.since
    assert ids == [e.id for e in whole]


def test_a_filter_goes_through_the_whole_record_and_one_that_matches_nothing_ends(record: RecordMemory) -> None:
    assert len(found(record, RecordScope(), "title:~b$", most=5)) == 5
    page = record.search(RecordScope(), "nosuchword", record._clock.now(), 5)
    assert page.events == ()
    assert page.whole
    with pytest.raises(FilterError):
        found(record, RecordScope(), "title:~(")


def test_no_export_has_a_formula_or_markup(record: RecordMemory) -> None:
    note = found(record, RecordScope(), "kind:note")
    assert ",'=cmd|x," in as_csv(note)
    assert "=cmd\\|x" in as_markdown(note)
    assert as_lines(note).count("\n") == 1
