"""The engine and its team: a claim before a service is changed, words on the plan, nothing that waits for a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import ALICE
from tests.support.shared_store import MemoryStore

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.engine.team_link import TeamLink
from oncall_tui.errors import Refused
from oncall_tui.journal import Journal
from oncall_tui.journal import team as team_module
from oncall_tui.journal.team import TeamJournal
from oncall_tui.runtime.clock import FakeClock

API = "prod/main/api"


def plan(verb: Verb = Verb.ROLL_BACK, plan_id: str = "p1") -> Plan:
    return Plan(
        id=plan_id, verb=verb, source="prod", target=API, version="v", actor=ALICE, made_at=1.0, title="roll back api"
    )  # fmt: skip


def outcome(state: OutcomeState) -> Outcome:
    return Outcome(plan_id="p1", verb=Verb.ROLL_BACK, target=API, state=state, message="m", at=2.0)


class Sent:
    """An action under way, as far as a team asks for it."""

    def __init__(self, sent: bool = True) -> None:
        self.plan, self.sent, self.resumed = plan(), sent, False


class Office:
    """Engineers with an engine's link each, on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.clock = folder, MemoryStore(), FakeClock()
        self.links: list[TeamLink] = []
        self.merged: list[str] = []
        self.down = ""

    def join(self, who: str, shared: bool = True) -> TeamLink:
        journal = Journal(self.folder / (who if shared else "one") / "journal.db", self.clock.now)
        build = self._build if shared else None

        def make(merged: Callable[[int], None]) -> TeamJournal:
            return TeamJournal(journal, self.clock, who, build, merged)

        link = TeamLink(make, self.clock, lambda: self.merged.append(who), lambda: None, lambda plan: plan.target)
        self.links.append(link)
        return link

    def _build(self) -> Any:
        if self.down:
            raise errors.Offline(self.down)
        return self.store


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(team_module, "LOOKS_S", 0.01)
    made = Office(tmp_path)
    yield made
    for link in made.links:
        link.stop()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("shared", [True, False])
def test_of_two_who_change_a_service_one_does_and_the_other_is_told_who(office: Office, shared: bool) -> None:
    alice, bob = office.join("Alice", shared), office.join("Bob", shared)
    bob.claim(plan())
    with pytest.raises(Refused, match="Bob is rolling this back, just now"):
        alice.claim(plan(Verb.RESTART))
    alice.claim(plan(Verb.ACKNOWLEDGE))  # whoever only acknowledges waits for nobody
    bob.heard(Sent(), outcome(OutcomeState.PENDING))  # type: ignore[arg-type] # it was sent: the service shows it
    until(lambda: alice.words(API))
    office.clock.advance(12.0)
    assert alice.words(API) == ("Bob is rolling this back, 10s ago",)  # in steps, like every age
    until(lambda: not _refused(lambda: alice.claim(plan(Verb.RESTART))))
    bob.heard(Sent(), outcome(OutcomeState.DONE))  # type: ignore[arg-type]
    until(lambda: not alice.words(API))


@pytest.mark.parametrize("end", [OutcomeState.DONE, OutcomeState.UNKNOWN])
def test_a_command_that_writes_holds_its_service_until_it_ended_and_one_that_reads_never(
    office: Office, end: OutcomeState
) -> None:
    alice, bob = office.join("Alice"), office.join("Bob")
    writes = msgspec.structs.replace(plan(Verb.RUN), request={"service": "api", "cluster": "main"})
    reads = msgspec.structs.replace(writes, writes=0)
    execution = Sent()
    execution.plan = writes
    alice.start()
    bob.claim(writes)
    bob.heard(execution, outcome(OutcomeState.PENDING))  # type: ignore[arg-type] # started: nothing shows it yet
    until(lambda: alice.words(API))
    assert alice.words(API) == ("Bob is running a command on this, just now",)
    with pytest.raises(Refused, match="Bob is running a command on this"):
        alice.claim(plan(Verb.RESTART))
    alice.claim(reads)
    bob.heard(execution, outcome(end))  # type: ignore[arg-type]
    until(lambda: not _refused(lambda: alice.claim(plan(Verb.RESTART))))


def _refused(step: Callable[[], None]) -> bool:
    try:
        step()
    except Refused:
        return True
    return False


def test_who_has_a_row_open_is_seen_and_gone_when_it_is_closed_or_left(office: Office) -> None:
    alice, bob, carol = (office.join(name) for name in ("Alice", "Bob", "Carol"))
    for link in (alice, bob, carol):
        link.start()
    bob.open("prom/a")
    carol.open("prom/a")
    until(lambda: len(alice.words("prom/a")) == 2)
    assert set(alice.words("prom/b", "prom/a")) == {"Bob has this open, just now", "Carol has this open, just now"}
    bob.open("")
    until(lambda: len(alice.words("prom/a")) == 1)
    carol.stop()
    until(lambda: alice.words("prom/a") == ())


def test_a_store_that_is_away_holds_up_no_action_and_the_plan_says_so(office: Office) -> None:
    office.down = "no way to the table"
    alice = office.join("Alice")
    alice.start()
    until(alice.unknown)
    assert "whether somebody else acts on it is not known: no way to the table" in alice.unknown()
    began = time.monotonic()
    alice.claim(plan())
    assert time.monotonic() - began < 1.0
    until(lambda: alice.failure)
    assert alice.failure.startswith("no way to the table")


def test_others_entries_are_told_of(office: Office) -> None:
    alice, bob = office.join("Alice"), office.join("Bob")
    alice.start()
    bob.start()
    journal = Journal(office.folder / "Bob" / "journal.db", office.clock.now)
    journal.must(Entry(at=office.clock.now(), kind=EntryKind.SEEN, subject="prom/a", actor="Bob", data={"began": 1.0}))
    assert bob._team is not None
    assert bob._team.replicator is not None
    bob._team.replicator._wake.set()
    until(lambda: "Alice" in office.merged)
    journal.close(5)


def test_without_a_team_nothing_is_made() -> None:
    link = TeamLink(None, FakeClock(), lambda: None, lambda: None, lambda plan: plan.target)
    link.start()
    link.claim(plan())
    link.heard(Sent(), outcome(OutcomeState.DONE))  # type: ignore[arg-type]
    link.open("x")
    assert (link.words(API), link.failure, link.unknown(), link.others, tuple(link.workers)) == ((), "", "", (), ())
    link.stop()
