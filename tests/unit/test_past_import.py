"""An import is whole, once, wherever it was stopped: the same entries, none lost and none doubled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import FakeProvider, alert

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastDeploy
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import ServiceKey
from oncall_tui.domain.told import HistoryPage, HistorySpan, ServiceName, ServicePage, ToldFiring
from oncall_tui.engine.import_state import ImportState, beside
from oncall_tui.engine.past_import import LEAD_S, ImportResult, NamesSource, PastImport, PastSource, service_names
from oncall_tui.errors import JournalError, Offline, SourceError, Throttled
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.past_episodes import PastJoiner
from oncall_tui.triage.triager import Rules

NOW = 1_800_000_000.0
DAY = 86_400.0
HOUR = 3_600.0


class Remembering(FakeProvider):
    """A source that remembers *firings*, oldest first, and tells of *size* a page. *fails* is asked before each."""

    history_calls_per_s = 2.0

    def __init__(self, firings: list[ToldFiring], deploys: tuple[PastDeploy, ...] = (), size: int = 3) -> None:
        super().__init__("pager")
        self.firings, self.deploys, self.size = firings, deploys, size
        self.asked: list[tuple[HistorySpan, str]] = []
        self.fails: Callable[[int], SourceError | None] = lambda call: None

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        self.asked.append((span, after))
        if (error := self.fails(len(self.asked))) is not None:
            raise error
        start = int(after or 0)
        mine = [f for f in self.firings if span.since <= f.alert.began < span.until]
        page = mine[start : start + self.size]
        last = start + self.size >= len(mine)
        return HistoryPage(
            after=None if last else str(start + self.size),
            read_to=span.until if last else page[-1].alert.began,
            firings=tuple(page),
            deploys=self.deploys if not start else (),
            calls=4,
        )


class Rig:
    """A journal, a state and a clock on a disk of their own."""

    def __init__(self, folder: Path, provider: Remembering) -> None:
        self.clock = FakeClock(NOW)
        self.path = folder / "journal.db"
        self.journal = Journal(self.path, self.clock.now)
        self.provider = provider
        self.waits: list[float] = []
        self.told: list[str] = []

    def run(self, back: float = 90 * DAY, place: str = "here") -> ImportResult:
        def wait(seconds: float) -> None:
            self.waits.append(seconds)
            self.clock.advance(seconds)

        def tell(result: ImportResult, words: str) -> None:
            self.told.append(words)

        state = ImportState(beside(self.path))
        job = PastImport(self.journal, state, PastJoiner(Rules(), ()), self.clock, wait, tell)
        return job.read(PastSource("pager", place, lambda: self.provider), self.clock.now() - back)

    def entries(self) -> list[Entry]:
        return self.journal.since(0.0, (EntryKind.TOLD_EPISODE, EntryKind.TOLD_DEPLOY))

    def facts(self) -> list[tuple[str, float, dict[str, Any]]]:
        return sorted((e.subject, e.at, e.data) for e in self.entries())


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(provider: Remembering, name: str = "one") -> Rig:
        (tmp_path / name).mkdir(exist_ok=True)
        made.append(Rig(tmp_path / name, provider))
        return made[-1]

    yield make
    for one in made:
        one.journal.close(5.0)


def firing(name: str, began: float, minutes: float | None = 5.0, **more: Any) -> ToldFiring:
    ended = None if minutes is None else began + 60 * minutes
    return ToldFiring(alert=alert(f"pager/{name}", provider="fake", source="pager", began=began), ended=ended, **more)


def night() -> list[ToldFiring]:
    """Forty firings: some flap, one goes on, and some lie around the time from which they are asked for."""
    found = [firing(f"a{n % 4}", NOW - 80 * DAY + n * 7 * HOUR) for n in range(30)]
    found += [firing("flap", NOW - 40 * DAY + n * 20 * 60.0) for n in range(6)]
    found += [firing("edge", NOW - 90 * DAY - 20 * 60.0), firing("edge", NOW - 90 * DAY + 60.0)]
    found += [firing("old", NOW - 95 * DAY), firing("open", NOW - 3 * DAY, None)]
    return sorted(found, key=lambda f: f.alert.began)


def deploy(name: str, started: float, ended: float | None) -> PastDeploy:
    return PastDeploy(id=name, service="prod/main/api", arrow=":1→:2", started=started, state="succeeded", ended=ended)


def test_all_is_written_with_the_time_of_the_fact_and_nothing_twice(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night(), (deploy("d1", NOW - 2 * DAY, NOW - 2 * DAY + 60),)))
    result = one.run()
    assert (result.whole, result.failure, result.deploys) == (True, "", 1)
    subjects = [subject for subject, _, _ in one.facts()]
    assert len(subjects) == len(set(subjects)) == 30 + 1 + 1 + 1
    assert result.episodes == 32
    (flap,) = [data for subject, _, data in one.facts() if "flap" in subject]
    assert (flap["firings"], flap["imported"], flap["ended"] - flap["began"]) == (6, True, 5 * 20 * 60 + 300)
    assert not any("edge" in subject or "old" in subject for subject in subjects)  # they began before
    assert all(at == data.get("began", data.get("started")) for _, at, data in one.facts())


def test_a_second_run_writes_nothing_also_where_a_text_has_what_the_journal_keeps_out(
    rig: Callable[..., Rig], tmp_path: Path
) -> None:
    one = rig(Remembering([firing("a", NOW - HOUR), firing("open", NOW - HOUR, None)]))
    one.journal.close(5.0)
    one.journal = Journal(one.path, one.clock.now, redact=lambda text: text.replace("title of", "•••"))
    assert one.run().episodes == 2
    assert "•••" in str(one.facts())
    again = one.run()
    assert (again.episodes, again.known) == (0, 2)
    assert len(one.entries()) == 2


def test_a_second_run_writes_nothing(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    one.run()
    before = one.entries()
    again = one.run()
    assert (again.episodes, again.whole) == (0, True)
    beside(one.path).unlink()
    forgotten = one.run()
    assert (forgotten.episodes, forgotten.known) == (0, 32)
    assert one.entries() == before


def test_a_later_run_reads_from_what_went_on_alone(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering([f for f in night() if "open" not in f.alert.id]))
    one.run()
    one.clock.advance(2 * DAY)
    one.provider.firings.append(firing("new", NOW + DAY))
    one.provider.asked.clear()
    result = one.run()
    assert result.episodes == 1
    assert one.provider.asked[0][0].since == NOW - LEAD_S
    one.provider.asked.clear()
    one.run(back=200 * DAY)  # further back than was read: all of it
    assert one.provider.asked[0][0].since == pytest.approx(one.clock.now() - 200 * DAY - LEAD_S, abs=60)
    assert len({e.subject for e in one.entries()}) == len(one.entries()) == 31 + 1 + 2


@pytest.mark.parametrize("call", range(1, 15))
def test_an_import_that_is_stopped_at_any_page_goes_on_and_ends_the_same(rig: Callable[..., Rig], call: int) -> None:
    deploys = (deploy("d1", NOW - 2 * DAY, NOW - 2 * DAY + 60),)
    whole, stopped = rig(Remembering(night(), deploys), "whole"), rig(Remembering(night(), deploys), "stopped")
    whole.run()
    pages = len(whole.provider.asked)
    stopped.provider.fails = lambda n: Offline("the cable") if n == call else None
    first = stopped.run()
    assert (first.whole, "the cable" in first.failure) == (call > pages, call <= pages)
    made, stopped.provider.fails = len(stopped.provider.asked), lambda n: None
    stopped.clock.advance(HOUR)
    assert stopped.run().whole
    assert stopped.facts() == whole.facts()
    if 1 < call <= pages:
        assert stopped.provider.asked[made][1] == stopped.provider.asked[made - 1][1], "it goes on at that page"


def test_an_import_that_was_stopped_long_ago_begins_anew(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    one.provider.fails = lambda n: Offline("the cable") if n == 5 else None
    one.run()
    one.clock.advance(8 * DAY)
    one.provider.fails = lambda n: None
    one.provider.asked.clear()
    assert one.run().whole
    assert one.provider.asked[0][1] == ""


def test_a_run_that_ended_between_its_entries_and_its_place_doubles_nothing(rig: Callable[..., Rig]) -> None:
    whole, killed = rig(Remembering(night()), "whole"), rig(Remembering(night()), "killed")
    whole.run()
    place = beside(killed.path)
    for call in range(2, 9):
        before = place.read_bytes() if place.exists() else b""
        killed.provider.asked.clear()
        killed.provider.fails = lambda n, call=call: Offline("gone") if n == call else None  # type: ignore[misc]
        killed.run()
        if before:
            place.write_bytes(before)  # as if the last pages' places had never reached the disk
    killed.provider.fails = lambda n: None
    killed.run()
    assert killed.facts() == whole.facts()


def test_what_went_on_is_told_anew_once_it_is_over(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering([firing("open", NOW - 3 * DAY, None)]))
    one.run()
    one.clock.advance(DAY)
    one.provider.firings = [
        firing("open", NOW - 3 * DAY, 60.0, acknowledged_at=NOW - 3 * DAY + 60, acknowledged_by="Bob")
    ]
    result = one.run()
    first, second = one.entries()
    assert (result.episodes, first.subject, first.data["ended"]) == (1, second.subject, None)
    assert (second.data["ended"], second.data["acknowledged_by"]) == (NOW - 3 * DAY + 3600, "Bob")


def test_what_cannot_be_read_this_time_takes_away_nothing_that_was_known(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering([firing("a", NOW - DAY, acknowledged_at=NOW - DAY + 9, acknowledged_by="Bob")]))
    one.run()
    beside(one.path).unlink()
    one.provider.firings = [firing("a", NOW - DAY)]
    assert one.run().known == 1


def test_a_throttled_source_is_waited_for_and_then_left_for_another_run(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    one.provider.fails = lambda n: Throttled("fewer", retry_after_s=7.0) if n in (2, 3) else None
    assert one.run().whole
    assert one.waits.count(7.0) == 2
    assert any("fewer" in words and "7 s" in words for words in one.told)
    two = rig(Remembering(night()), "two")
    two.provider.fails = lambda n: Throttled("fewer") if n > 1 else None
    result = two.run()
    assert (result.whole, "fewer" in result.failure) == (False, True)
    assert sum(two.waits) < 3600
    three = rig(Remembering(night()), "three")
    three.provider.fails = lambda n: Throttled("tomorrow", retry_after_s=9999.0) if n > 1 else None
    assert "tomorrow" in three.run().failure
    assert max(three.waits) < 60


def test_no_more_calls_a_second_than_the_source_allows(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    began = one.clock.monotonic()
    one.run()
    calls = 4 * (len(one.provider.asked) - 1)
    assert one.clock.monotonic() - began >= calls / Remembering.history_calls_per_s - 2.0


def test_what_a_page_lacks_is_said_and_the_rest_is_kept(rig: Callable[..., Rig]) -> None:
    lack = PartialFailure(SourceState.MALFORMED, "1 of 3 incidents", "created_at of PX1: expected a text, got null")

    class Damaged(Remembering):
        def history(self, span: HistorySpan, after: str) -> HistoryPage:
            return msgspec.structs.replace(super().history(span, after), problems=(lack,))

    one = rig(Damaged(night()))
    result = one.run()
    assert (list(result.problems), result.episodes, result.whole) == ([lack], 32, True)


def test_pages_that_go_round_are_an_end_that_is_said(rig: Callable[..., Rig]) -> None:
    class Round(Remembering):
        def history(self, span: HistorySpan, after: str) -> HistoryPage:
            page = super().history(span, after)
            return msgspec.structs.replace(page, after="3" if after == "6" else page.after)

    assert "repeat" in rig(Round(night())).run().failure


def test_another_place_under_the_same_name_is_read_anew(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    one.run()
    one.provider.asked.clear()
    one.run(place="elsewhere")
    assert one.provider.asked[0][0].since == pytest.approx(one.clock.now() - 90 * DAY - LEAD_S, abs=60)


def test_a_state_that_cannot_be_read_is_said_and_costs_calls_alone(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    one.run()
    for text in ("", "nonsense", json.dumps({"kept": 1, "sources": {"pager": {"of": 3}}}), '{"kept": 2}'):
        beside(one.path).write_text(text)
        assert "all is read again" in ImportState(beside(one.path)).notice
        assert (one.run().episodes, len(one.entries())) == (0, 32)


def test_a_place_that_cannot_be_kept_ends_as_words(rig: Callable[..., Rig]) -> None:
    one = rig(Remembering(night()))
    beside(one.path).mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        one.run()


def test_services_are_named_page_by_page() -> None:
    class Naming(Remembering):
        def service_names(self, after: str) -> ServicePage:
            number = int(after or 0)
            key = ServiceKey("1", "eu-west-1", "main", f"s{number}")
            named = ServiceName(f"prod/main/s{number}", "prod", key)
            return ServicePage(after=None if number == 2 else str(number + 1), services=(named,), calls=1)

    waits: list[float] = []
    names, problems = service_names(NamesSource("prod", lambda: Naming([])), FakeClock(), waits.append)
    assert ([name.key.name for name in names], problems) == (["s0", "s1", "s2"], [])
