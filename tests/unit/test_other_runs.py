"""Own commands of two sessions that share a journal: one that writes runs once, and a dead session holds up nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import ALICE
from tests.support.own_commands import API, WAITS, Bench, command, until

from oncall_tui.actions import other_runs
from oncall_tui.actions.other_runs import OtherRuns
from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import FakeClock

WRITES = command("import time\n" + WAITS, writes=True)


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    made: list[Bench] = []

    def make() -> Bench:
        made.append(Bench(tmp_path, WRITES, command("1", name="reads")))
        return made[-1]

    yield make
    for one in made:
        one.engine.own_commands.end_all("the test is over")
        one.engine.stop()


def test_what_another_board_runs_is_refused_with_who_runs_it_and_since_when(boards: Callable[[], Bench]) -> None:
    one, two = boards(), boards()
    confirmed = two.plan("x", API)
    one.engine.actions.execute(one.plan("x", API))
    until(lambda: one.engine.own_commands.running, "it runs")
    outcome = two.outcome(confirmed)
    assert outcome.state is OutcomeState.REFUSED
    assert outcome.message.startswith("x is already running: Alice runs it since ")
    with pytest.raises(Refused, match=r"x is already running: Alice runs it since .*, pid "):
        two.plan("x", API)
    with pytest.raises(Refused, match="x is already running"):  # by another row, with the same arguments
        two.plan("x", "prod/d1")
    assert two.outcome(two.plan("reads", API)).state is OutcomeState.DONE
    assert two.engine.own_commands.running == ()


def test_once_it_ended_over_there_it_may_run_here(boards: Callable[[], Bench]) -> None:
    one, two = boards(), boards()
    coming = one.engine.actions.execute(one.plan("x", API))
    until(lambda: one.engine.own_commands.running, "it runs")
    one.engine.own_commands.end_all("the test is over")
    assert coming.result(30).state is OutcomeState.UNKNOWN
    one.entries()  # its outcome is on disk
    two.engine.actions.execute(two.plan("x", API))
    until(lambda: two.engine.own_commands.running, "it runs")


def test_what_a_dead_session_left_open_blocks_nothing_and_is_warned_of(boards: Callable[[], Bench]) -> None:
    rig = boards()
    plan = rig.plan("x", API)
    child = subprocess.Popen((sys.executable, "-S", "-c", ""))
    child.wait()
    rig.journal._session["pid"] = child.pid
    rig.journal.intents([msgspec.structs.replace(plan, id="dead")])
    found = rig.plan("x", API)
    assert "how it ended is not known: that session is gone" in found.warnings[-1]
    assert found.warnings[-1].startswith("Alice ran it at ")


# --- without an engine ------------------------------------------------------------------------------------------------


class Shared:
    """Two sessions' journals of one file, whose intents are all of this process, which lives."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(1_700_000_000.0)
        self.journals = [Journal(folder / "journal.db", self.clock.now) for _ in range(2)]
        self.others = [OtherRuns(each, self.clock) for each in self.journals]

    def plan(self, number: str) -> Plan:
        request = {"command_name": "x", "argv": ["x"], "timeout_s": 600.0}
        return Plan(
            id=number,
            verb=Verb.RUN,
            source="prod",
            target=API,
            version="1",
            actor=ALICE,
            made_at=self.clock.now(),
            title="Run x",
            request=request,
        )


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    found = Shared(tmp_path)
    yield found
    for each in found.journals:
        each.close()


def test_of_two_that_looked_before_either_was_on_disk_the_first_one_in_the_journal_runs(shared: Shared) -> None:
    plans = [shared.plan("a"), shared.plan("b")]
    for others, plan in zip(shared.others, plans, strict=True):
        others.refuse(plan)  # nothing is there yet
    for journal, plan in zip(shared.journals, plans, strict=True):
        journal.intents([plan])
    shared.others[0].refuse(plans[0])
    with pytest.raises(Refused, match="already running"):
        shared.others[1].refuse(plans[1])


def test_what_this_session_began_never_stands_in_its_own_way(shared: Shared) -> None:
    began = shared.plan("a")
    shared.others[0].begin(began)
    shared.journals[0].intents([began])  # its outcome may be on its way to the disk
    shared.others[0].refuse(shared.plan("b"))
    with pytest.raises(Refused):
        shared.others[1].refuse(shared.plan("b"))


@pytest.mark.parametrize("state", [OutcomeState.DONE, OutcomeState.UNKNOWN, OutcomeState.REFUSED])
def test_any_outcome_but_that_it_was_sent_ends_it(shared: Shared, state: OutcomeState) -> None:
    plan = shared.plan("a")
    shared.journals[0].intents([plan])
    for each in (OutcomeState.PENDING, state):
        with pytest.raises(Refused):
            shared.others[1].refuse(shared.plan("b"))
        outcome = Outcome(plan_id="a", verb=Verb.RUN, target=API, state=each, message="", at=shared.clock.now())
        shared.journals[0].outcome(plan, outcome)
        shared.journals[0].intents([msgspec.structs.replace(shared.plan("of another row"), target="y", writes=0)])
    shared.others[1].refuse(shared.plan("b"))


def test_an_intent_that_is_open_long_past_its_time_blocks_no_more(shared: Shared) -> None:
    shared.journals[0].intents([shared.plan("a")])  # its process' number may be another's by now
    shared.clock.advance(600.0 + other_runs.PAST_ITS_TIME_S - 1.0)
    with pytest.raises(Refused):
        shared.others[1].refuse(shared.plan("b"))
    shared.clock.advance(2.0)
    shared.others[1].refuse(shared.plan("b"))


def test_a_journal_that_cannot_be_read_refuses_nothing_here_and_is_told(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(verb: Verb) -> None:
        raise JournalError("the journal cannot be read: its disk is away")

    monkeypatch.setattr(shared.journals[0], "under_way", unread)
    shared.others[0].refuse(shared.plan("b"))
    (words,) = shared.others[0].left_open(shared.plan("b"))
    assert words == "whether another session runs it is not known: the journal cannot be read: its disk is away"


def test_the_journal_is_read_on_no_thread_but_the_queues(
    boards: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, real, seen = boards(), Journal.under_way, set()

    def noted(self: Journal, verb: Verb) -> object:
        seen.add(threading.current_thread().name)
        return real(self, verb)

    monkeypatch.setattr(Journal, "under_way", noted)
    rig.engine.actions.execute(rig.plan("x", API))
    until(lambda: rig.engine.own_commands.running, "it runs")
    assert len(seen) == 1
    assert seen.isdisjoint({threading.main_thread().name})
