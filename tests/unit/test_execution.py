"""From a plan to its outcome: the words are strict."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import ALICE, FakeProvider, InlineQueue

from oncall_tui import errors
from oncall_tui.actions.execution import ActionExecution
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.errors import ActionFailed, Offline, OutcomeUnknown, Refused
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt
from oncall_tui.runtime.clock import FakeClock

_MARK = Entry(at=0.0, kind=EntryKind.NOTE, subject="mark")
DONE, PENDING, FAILED = OutcomeState.DONE, OutcomeState.PENDING, OutcomeState.FAILED


class Bench:
    """One action on one alert, with everything around it."""

    def __init__(self, folder: Path, steady_s: float = 0.0, verb: Verb = Verb.ACKNOWLEDGE) -> None:
        self.clock = FakeClock()
        self.provider = FakeProvider(clock=self.clock)
        self.alert = self.provider.add("a")
        self.handler = self.provider.acknowledge
        self.queue = InlineQueue(self.clock)
        self.journal = Journal(folder / "journal.db", self.clock.now)
        self.told: list[Outcome] = []
        ask = ActionRequest(verb=verb, target=self.alert.id, version=self.alert.version, actor=ALICE)
        self.plan = self.handler.plan(ask, Board(version=0, at=0))
        self.execution = ActionExecution(
            self.plan, self.handler, self.queue, self.journal, self.clock, self.told.append, steady_s
        )  # type: ignore[arg-type]

    def go(self, seconds: float = 0.0) -> Outcome:
        self.execution.start()
        self.queue.settle(seconds)
        return self.execution.outcome

    def kinds(self) -> list[tuple[str, str]]:
        self.journal.must(msgspec.structs.replace(_MARK, at=self.clock.now()))  # all before it is written
        return [(e.kind, e.data.get("state", "")) for e in self.journal.recent() if e.kind != EntryKind.NOTE]


def test_done_only_after_the_other_side_showed_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.verdicts = [Check(PENDING, "not yet", again_in_s=1), Check(DONE, "there")]
    assert bench.go().state is PENDING
    bench.queue.settle(1.0)
    assert bench.execution.outcome.state is DONE
    assert bench.kinds() == [("intent", ""), ("outcome", "pending"), ("outcome", "done")]


def test_the_intent_is_on_disk_before_anything_is_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    written: list[str] = []
    send = bench.handler.send
    bench.handler.send = lambda plan: (written.extend(k for k, _ in bench.kinds()), send(plan))[1]  # type: ignore[method-assign]
    bench.go()
    assert written == ["intent"]


def test_a_target_that_moved_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.provider.alerts[bench.alert.id] = msgspec.structs.replace(bench.alert, began=bench.alert.began + 60)
    outcome = bench.go()
    assert outcome.state is OutcomeState.REFUSED
    assert "moved" in outcome.message
    assert bench.handler.sent == []
    assert ("intent", "") not in bench.kinds()


def test_what_somebody_else_has_claimed_is_refused_before_anything_is_read_or_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def claim(plan: Plan) -> None:
        raise Refused("Bob is rolling this back, 10s ago")

    bench.execution._claim = claim
    bench.handler.check_raises = [Offline("it is not asked")]
    outcome = bench.go()
    assert (outcome.state, outcome.message) == (OutcomeState.REFUSED, "Bob is rolling this back, 10s ago")
    assert bench.handler.sent == []
    assert ("intent", "") not in bench.kinds()


def test_a_state_that_cannot_be_read_again_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.check_raises = [Offline("no route")]
    outcome = bench.go()
    assert (outcome.state, outcome.message) == (
        OutcomeState.REFUSED,
        "not sent, since its state could not be read first: no route",
    )
    assert bench.handler.sent == []


def test_what_the_other_side_said_no_to_is_failed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [ActionFailed("403: not yours", "ask for the permission")]
    outcome = bench.go()
    assert (outcome.state, outcome.hint) == (FAILED, "ask for the permission")


def test_a_lost_answer_is_resolved_by_reading_to_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    bench.handler.effect_anyway = True
    outcome = bench.go()
    assert outcome.state is DONE
    assert "verified by reading" in outcome.message
    assert len(bench.handler.sent) == 1


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.ROLL_BACK])
def test_a_lost_answer_is_never_failed_by_time_alone(tmp_path: Path, verb: Verb) -> None:
    bench = Bench(tmp_path, verb=verb)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    bench.go(5)
    assert bench.execution.outcome.state is PENDING
    bench.queue.settle(10)
    outcome = bench.execution.outcome
    assert (outcome.state, bench.execution.read_on) == (OutcomeState.UNKNOWN, True)
    assert outcome.message.startswith("timed out: no effect is seen yet (")
    assert "may still take effect, and is read on" in outcome.hint
    bench.queue.settle(2 * 3600)
    assert bench.execution.outcome.state is OutcomeState.UNKNOWN
    assert bench.handler.sent == []
    assert [state for kind, state in bench.kinds() if kind == "outcome"] == ["unknown"]


@pytest.mark.parametrize("late_s", [5, 45, 1800])
def test_a_write_that_took_effect_late_is_done_however_late(tmp_path: Path, late_s: int) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    bench.go(late_s)
    bench.handler.send(bench.plan)  # the hung request arrives after all
    bench.queue.settle(60)
    assert bench.execution.outcome.state is DONE
    assert FAILED not in [told.state for told in bench.told]
    assert bench.kinds()[-1] == ("outcome", "done")


def test_a_lost_answer_is_read_ever_more_seldom(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    asked: list[float] = []
    verify = bench.handler.verify
    bench.handler.verify = lambda plan, receipt: (asked.append(bench.clock.monotonic()), verify(plan, receipt))[1]  # type: ignore[method-assign]
    bench.go(3600)
    gaps = [round(after - before, 3) for before, after in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60.0


def test_a_lost_answer_is_failed_where_the_other_side_excludes_the_effect(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [OutcomeUnknown("timed out")]
    bench.handler.verdicts = [Check(FAILED, "still triggered", absent=True)] * 12
    bench.handler.verdicts += [Check(FAILED, "it is resolved")]
    bench.go(60)
    assert bench.execution.outcome.state is OutcomeState.UNKNOWN
    bench.queue.settle(60)
    assert (bench.execution.outcome.state, bench.execution.read_on) == (FAILED, False)
    assert bench.execution.outcome.message == "it is resolved (timed out)"


def test_of_a_write_that_was_answered_half_way_nothing_more_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.send_raises = [OutcomeUnknown("given back, and not assigned again: 403", answered=True)]
    bench.go(20)
    assert bench.execution.outcome.state is FAILED


@pytest.mark.parametrize(("ago_s", "read_on"), [(1800.0, True), (7200.0, False)])
def test_what_an_earlier_session_sent_is_read_on_for_an_hour_at_least(
    tmp_path: Path, ago_s: float, read_on: bool
) -> None:
    bench = Bench(tmp_path)
    bench.handler.verdicts = [Check(FAILED, "still triggered", absent=True)] * 500
    bench.execution.resume(None, bench.clock.now() - ago_s)
    bench.queue.settle(3600)
    outcome = bench.execution.outcome
    assert (outcome.state, bench.execution.read_on) == (OutcomeState.UNKNOWN, read_on)
    assert outcome.message == "not known whether it was sent: no effect is seen yet (still triggered)"
    bench.kinds()
    left = bench.journal.recent(1, (EntryKind.OUTCOME,))
    assert bool(left[-1].data.get("closed")) is not read_on


def test_what_cannot_be_verified_is_unknown_shown_and_read_on_until_it_is_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.verdicts = [Offline("down")] * 20
    bench.go(40)
    assert bench.execution.outcome.state is OutcomeState.UNKNOWN
    assert ("outcome", "unknown") in bench.kinds()
    bench.handler.verdicts = []
    bench.queue.settle(15)
    assert bench.execution.outcome.state is DONE


def test_a_rollback_is_done_only_after_it_held_for_the_steady_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, steady_s=60, verb=Verb.ROLL_BACK)
    steady = Check(DONE, "4/4 on :41", evidence="failed 2")
    bench.handler.verdicts = [steady] * 10 + [Check(PENDING, "3/4", again_in_s=3)] + [steady] * 60
    bench.go(59)
    assert bench.execution.outcome.state is PENDING
    assert "of 60 s" in bench.execution.outcome.message
    bench.queue.settle(30)
    assert bench.execution.outcome.state is PENDING  # a task stopped at 30 s: the time began anew
    bench.queue.settle(10)
    assert bench.execution.outcome.state is DONE


def test_a_task_that_stopped_between_two_looks_begins_the_steady_time_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, steady_s=30, verb=Verb.ROLL_BACK)
    before, after = Check(DONE, "4/4", evidence="failed 2"), Check(DONE, "4/4", evidence="failed 3")
    bench.handler.verdicts = [before] * 9 + [after] * 60
    bench.go(31)
    assert bench.execution.outcome.state is PENDING
    bench.queue.settle(30)
    assert bench.execution.outcome.state is DONE


def test_without_a_journal_nothing_is_sent_unless_a_person_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path)
    bench.execution._journal = Journal(tmp_path / "file" / "journal.db", bench.clock.now)
    assert bench.go().state is OutcomeState.REFUSED
    assert "journal" in bench.execution.outcome.message
    bench.execution.start(without_journal=True)
    bench.queue.settle()
    assert bench.execution.outcome.state is DONE


@pytest.mark.parametrize("receipt", [None, Receipt({"id": "receipt-1"})])
def test_an_intent_left_open_is_resolved_by_reading_and_nothing_is_sent_again(
    tmp_path: Path, receipt: Receipt | None
) -> None:
    bench = Bench(tmp_path)
    bench.handler.send(bench.plan)
    bench.execution.resume(receipt, bench.clock.now() - 300)
    bench.queue.settle()
    assert bench.execution.outcome.state is DONE
    assert len(bench.handler.sent) == 1


@pytest.mark.parametrize("receipt", [None, Receipt({"id": "receipt-1"})])
@pytest.mark.parametrize(
    "words", ["sent, still triggered", "sent; Bob has it", "asked to stop; the deploy has not begun to go back"]
)
@pytest.mark.parametrize("state", [PENDING, FAILED])
def test_an_intent_of_a_session_that_was_killed_is_not_said_to_be_sent(
    tmp_path: Path, words: str, receipt: Receipt | None, state: OutcomeState
) -> None:
    """It may have ended before it sent anything; only an answer (the receipt) shows that it did."""
    bench = Bench(tmp_path)
    bench.handler.verify = lambda plan, receipt: Check(state, words)  # type: ignore[method-assign]
    bench.execution.resume(receipt, bench.clock.now() - 1)
    for _ in range(15):
        bench.queue.settle(2.0)
    (first, *_), told = [o.message for o in bench.told[1:]], [o.message for o in bench.told]
    if receipt is None:
        assert first == f"not known whether it was sent; {words.partition(' ')[2].removeprefix('to stop; ')}"
        assert not any(said.startswith(("sent", "asked")) for said in told if said != words)
    else:
        assert words in first


def test_what_providers_say_of_a_missing_effect_claims_the_sending_in_its_first_word_alone() -> None:
    """There it is taken back, where nobody knows whether it was sent."""
    folder = Path(errors.__file__).parent / "providers"
    said = [
        words
        for path in folder.rglob("*.py")
        for words in re.findall(r"(?:pending|absent|not_yet)\([^\"]*\"([^\"]+)\"", path.read_text())
        if re.search(r"\b(sent|asked)\b", re.sub(r"\{[^}]*\}", "", words))
    ]
    assert len(said) > 8
    assert [words for words in said if not re.match(r"(sent|asked to stop)[,;] ", words)] == []


def test_a_bug_after_the_write_is_unknown_and_before_it_failed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.check_raises = [ZeroDivisionError()]
    assert bench.go().state is FAILED
    after = Bench(tmp_path)
    after.handler.verdicts = [ZeroDivisionError()]  # type: ignore[list-item]
    assert after.go().state is OutcomeState.UNKNOWN


def test_refused_by_the_handler_keeps_its_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.handler.check_raises = [Refused("acknowledged by bob, 20s ago")]
    assert bench.go().message == "acknowledged by bob, 20s ago"


def test_what_held_while_nobody_looked_is_done_at_once_when_it_is_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, steady_s=60, verb=Verb.ROLL_BACK)
    bench.plan = msgspec.structs.replace(bench.plan, verb=Verb.ROLL_BACK)
    execution = ActionExecution(
        bench.plan, bench.handler, bench.queue, bench.journal, bench.clock, bench.told.append, 60.0
    )  # type: ignore[arg-type]
    now = bench.clock.now()
    bench.handler.verdicts = [Check(DONE, "rolled back", evidence="d", since=now - 120)]
    execution.resume(Receipt({"id": "r"}), now - 200)
    bench.queue.settle()
    assert (execution.outcome.state, execution.looked) == (DONE, True)


@pytest.mark.parametrize("since", [0.0, -20.0])
def test_what_has_not_held_or_does_not_say_since_when_is_waited_for(tmp_path: Path, since: float) -> None:
    bench = Bench(tmp_path)
    bench.plan = msgspec.structs.replace(bench.plan, verb=Verb.ROLL_BACK)
    execution = ActionExecution(
        bench.plan, bench.handler, bench.queue, bench.journal, bench.clock, bench.told.append, 60.0
    )  # type: ignore[arg-type]
    now = bench.clock.now()
    check = Check(DONE, "rolled back", evidence="d", since=now + since if since else 0.0)
    bench.handler.verdicts = [check] * 60
    execution.resume(Receipt({"id": "r"}), now - 200)
    bench.queue.settle()
    assert (execution.outcome.state, execution.looked) == (PENDING, True)
    assert f"steady for {abs(since):.0f} of 60 s" in execution.outcome.message
    bench.queue.settle(62.0 + since)
    assert execution.outcome.state is DONE


def test_a_session_that_sent_it_itself_waits_for_the_steady_time_whatever_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, steady_s=60)
    bench.execution.steady_s = 60.0
    bench.handler.verdicts = [Check(DONE, "there", evidence="d", since=bench.clock.now() - 300)] * 60
    assert bench.go().state is PENDING


@pytest.mark.parametrize("by", [-3 * 3600.0, 0.0, 3 * 3600.0])
def test_how_long_it_took_counts_from_sending_whatever_the_clock_is_set_to(tmp_path: Path, by: float) -> None:
    bench = Bench(tmp_path, verb=Verb.ROLL_BACK)
    bench.handler.verdicts = [Check(PENDING, "not yet", again_in_s=5), Check(DONE, "there")]
    check = bench.handler.check
    bench.handler.check = lambda plan: (bench.clock.advance(40), check(plan))[1]  # type: ignore[method-assign]
    bench.clock.advance(50)  # the engineer reads the plan
    assert bench.execution.outcome.sent_at == 0.0
    outcome = bench.go()
    assert outcome.sent_at == outcome.at == bench.clock.now()
    bench.clock.step(by)
    bench.queue.settle(5)
    done = bench.execution.outcome
    assert done.message == "there · 5 s"
    assert done.at - done.sent_at == pytest.approx(5.0)
