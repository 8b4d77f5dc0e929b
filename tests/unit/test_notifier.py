"""Others hear of an action that is followed: when it was sent, and how it ended; never in its way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.fakes import ALICE
from tests.support.told import Bench, FakeDestination

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.errors import ActionFailed, OutcomeUnknown, Refused
from oncall_tui.journal import Intent
from oncall_tui.tui.presenters import status_lines as headline


@pytest.fixture
def chat() -> FakeDestination:
    return FakeDestination("chat")


@pytest.fixture
def bench(tmp_path: Path, chat: FakeDestination) -> Iterator[Bench]:
    made = Bench(tmp_path, chat, tell=("chat",))
    yield made
    made.engine.stop()


def titles(destination: FakeDestination) -> list[str]:
    return [message.title for message in destination.sent]


@pytest.mark.parametrize(
    ("verb", "begun", "ended"),
    [
        (
            Verb.ROLL_BACK,
            "Alice is rolling back prod/api from :42 to :41",
            "Alice rolled back prod/api from :42 to :41: 2/2 on :41",
        ),
        (
            Verb.UNDO_ROLLBACK,
            "Alice is redeploying prod/api from :41 to :42 (undoes the rollback of 16:40 JST)",
            "Alice redeployed prod/api from :41 to :42 (undoes the rollback of 16:40 JST): 2/2 on :41",
        ),
        (
            Verb.CONTINUE,
            "Alice is continuing the deploy of prod/api: :41→:42",
            "Alice continued the deploy of prod/api: :41→:42: 2/2 on :41",
        ),
        (Verb.RESTART, "Alice is restarting prod/api: :42", "Alice restarted prod/api: :42: 2/2 on :41"),
    ],
)
def test_a_line_when_it_is_sent_and_one_when_it_ended(
    bench: Bench, chat: FakeDestination, verb: Verb, begun: str, ended: str
) -> None:
    bench.follow[verb].verdicts = [Check(OutcomeState.PENDING, "1/2", 0.0)]
    assert bench.do(verb).state is OutcomeState.DONE
    assert titles(chat)[0] == begun
    assert titles(chat)[1].startswith(ended)
    assert len(chat.sent) == 2
    assert {m.thread for m in chat.sent} == {chat.sent[0].thread}
    assert {m.about for m in chat.sent} == {"prod/main/api"}
    assert all(m.key == "" for m in chat.sent)  # a word, never a page


def test_the_plan_says_who_will_hear(bench: Bench) -> None:
    bench.incident()
    assert dict(bench.plan(Verb.ROLL_BACK).lines)["notifies"] == "chat, a note on pager/Q1"


def test_a_plan_alone_tells_nobody(bench: Bench, chat: FakeDestination) -> None:
    bench.plan(Verb.ROLL_BACK)
    bench.drain()
    assert chat.sent == []


@pytest.mark.parametrize("where", ["plan", "check", "send"])
def test_what_was_not_sent_is_not_told(bench: Bench, chat: FakeDestination, where: str) -> None:
    handler = bench.follow[Verb.ROLL_BACK]
    bench.incident()
    if where == "plan":
        bench.engine.actions.read_only = True
        with pytest.raises(Refused):
            bench.plan(Verb.ROLL_BACK)
    else:
        error = Refused("moved") if where == "check" else ActionFailed("403")
        (handler.check_raises if where == "check" else handler.send_raises).append(error)
        assert bench.do(Verb.ROLL_BACK).state is not OutcomeState.DONE
    assert chat.sent == []
    assert bench.notes.texts == []


def test_a_failure_and_an_unknown_are_told_as_what_they_are(bench: Bench, chat: FakeDestination) -> None:
    handler = bench.follow[Verb.ROLL_BACK]
    handler.verdicts = [Check(OutcomeState.FAILED, "it ended as succeeded", hint="look at it")]
    bench.do(Verb.ROLL_BACK)
    assert titles(chat)[1] == "failed: roll back of prod/api from :42 to :41 by Alice: it ended as succeeded"
    assert (chat.sent[1].text, chat.sent[1].severity) == ("look at it", Severity.ERROR)
    handler.verdicts = [Check(OutcomeState.UNKNOWN, "nobody knows")]
    bench.do(Verb.ROLL_BACK)
    assert titles(chat)[3].startswith("unknown: roll back of prod/api")


def test_a_lost_answer_counts_as_sent(bench: Bench, chat: FakeDestination) -> None:
    bench.follow[Verb.ROLL_BACK].send_raises = [OutcomeUnknown("timed out")]
    bench.do(Verb.ROLL_BACK)
    assert titles(chat)[0] == "Alice is rolling back prod/api from :42 to :41"
    assert "verified by reading" in titles(chat)[1]


def test_other_actions_tell_nobody(bench: Bench, chat: FakeDestination) -> None:
    bench.do(Verb.NOTE, "prom/a", text="seen before")
    assert chat.sent == []


def test_a_note_goes_on_the_joined_incident_as_an_action_of_its_own(bench: Bench, chat: FakeDestination) -> None:
    bench.incident()
    bench.do(Verb.ROLL_BACK)
    assert [target for target, _ in bench.notes.texts] == ["pager/Q1", "pager/Q1"]
    assert bench.notes.texts[0][1] == "Alice is rolling back prod/api from :42 to :41"
    assert bench.notes.texts[1][1].startswith("Alice rolled back prod/api from :42 to :41: 2/2 on :41")
    assert {m.thread for m in chat.sent} == {"pager/Q1"}
    ended = [e.data for e in bench.written(EntryKind.OUTCOME) if e.data["verb"] == Verb.NOTE]
    assert [d["state"] for d in ended if d["state"] != "pending"] == ["done", "done"]
    assert [o.verb for o in bench.engine.actions.outcomes] == [Verb.ROLL_BACK]  # not in the strip


def test_each_of_two_incidents_that_are_one_row_gets_the_notes(bench: Bench) -> None:
    first = bench.incident()
    more = {"provider": "pagerduty", "keys": first.keys, "hint": first.hint, "verbs": first.verbs}
    bench.pager.add("Q2", **more)
    bench.pager.add("Q3", **{**more, "state": AlertState.RESOLVED, "verbs": frozenset()})
    bench.poll()
    assert len([row for row in bench.engine.update.triaged.alerts if row.incident]) == 1
    bench.do(Verb.ROLL_BACK)
    assert sorted(target for target, _ in bench.notes.texts) == ["pager/Q1", "pager/Q1", "pager/Q2", "pager/Q2"]


def test_an_incident_that_is_over_gets_no_note_and_that_is_no_failure(bench: Bench) -> None:
    incident = bench.incident()
    handler = bench.follow[Verb.ROLL_BACK]
    verify = handler.verify

    def over(plan: Any, receipt: Any) -> Check:
        check = verify(plan, receipt)
        if check.state is OutcomeState.DONE:
            bench.resolve(incident)
        return check

    handler.verdicts = [Check(OutcomeState.PENDING, "1/2", 0.0)]
    plan = bench.plan(Verb.ROLL_BACK)
    handler.verify = over  # type: ignore[method-assign]
    bench.engine.actions.execute(plan).result(5)
    bench.drain()
    assert [text for _, text in bench.notes.texts] == ["Alice is rolling back prod/api from :42 to :41"]
    assert bench.untold() == []


def test_an_incident_that_came_meanwhile_hears_of_the_end_and_the_thread_stays(
    bench: Bench, chat: FakeDestination
) -> None:
    handler = bench.follow[Verb.ROLL_BACK]
    verify = handler.verify

    def paged(plan: Any, receipt: Any) -> Check:
        check = verify(plan, receipt)
        if check.state is OutcomeState.DONE:
            bench.incident()
        return check

    handler.verdicts = [Check(OutcomeState.PENDING, "1/2", 0.0)]
    plan = bench.plan(Verb.ROLL_BACK)
    handler.verify = paged  # type: ignore[method-assign]
    bench.engine.actions.execute(plan).result(5)
    bench.drain()
    assert [text.partition(":")[0] for _, text in bench.notes.texts] == ["Alice rolled back prod/api from "]
    assert [m.thread for m in chat.sent] == [plan.id, plan.id]


def test_what_could_not_be_told_is_said_once_and_the_action_is_done(bench: Bench, chat: FakeDestination) -> None:
    chat.raises = [ActionFailed("channel_not_found", "look at its name"), OutcomeUnknown("timed out")]
    assert bench.do(Verb.ROLL_BACK).state is OutcomeState.DONE
    (untold,) = bench.untold()
    assert untold.state is OutcomeState.FAILED
    assert untold.message == "chat was not notified: channel_not_found"
    assert untold.hint == "look at its name"
    states = [e.data["state"] for e in bench.written(EntryKind.TOLD)]
    assert states == ["failed", "unknown"]


def test_a_note_that_fails_is_said_once_too(bench: Bench) -> None:
    bench.incident()
    bench.notes.check_raises = [Refused("set me.email"), Refused("set me.email")]
    assert bench.do(Verb.ROLL_BACK).state is OutcomeState.DONE
    assert [o.message for o in bench.untold()] == ["pager/Q1 was not notified: set me.email"]
    assert bench.engine.wait_for_notifications(1)


def test_a_bug_in_a_destination_is_neither_the_actions_nor_silent(bench: Bench, chat: FakeDestination) -> None:
    chat.raises = [ZeroDivisionError("oops")]
    assert bench.do(Verb.ROLL_BACK).state is OutcomeState.DONE
    assert [o.state for o in bench.untold()] == [OutcomeState.UNKNOWN]
    assert len(chat.sent) == 1  # the next line goes out


def test_a_destination_that_hangs_holds_up_nothing(tmp_path: Path, chat: FakeDestination) -> None:
    other = FakeDestination("other")
    chat.gate = threading.Event()
    bench = Bench(tmp_path, chat, other, tell=("chat", "other"))
    try:
        assert bench.do(Verb.ROLL_BACK).state is OutcomeState.DONE
        assert len(other.sent) == 2
        assert chat.sent == []
        assert not bench.engine.wait_for_notifications(0.01)
        chat.gate.set()
        assert bench.engine.wait_for_notifications(5)
        assert len(chat.sent) == 2
        assert chat.threads == {"act to chat"}
        assert other.threads == {"act to other"}
    finally:
        chat.gate.set()
        bench.engine.stop()


def test_each_line_is_in_the_journal(bench: Bench) -> None:
    bench.do(Verb.ROLL_BACK)
    lines = bench.written(EntryKind.TOLD)
    assert [e.data["state"] for e in lines] == ["sent", "sent"]
    assert lines[0].text == "chat: Alice is rolling back prod/api from :42 to :41"
    assert {e.subject for e in lines} == {bench.engine.actions.outcomes[0].plan_id}


def test_what_an_earlier_session_sent_is_told_only_how_it_ended(bench: Bench, chat: FakeDestination) -> None:
    plan = bench.plan(Verb.ROLL_BACK)
    bench.engine.actions.resume(Intent(plan, {"id": "r"}, bench.clock.now())).result(5)
    bench.drain()
    assert len(chat.sent) == 1
    assert titles(chat)[0].startswith("Alice rolled back")


def test_what_an_earlier_session_told_as_unknown_is_told_once_it_is_known(bench: Bench, chat: FakeDestination) -> None:
    plan = bench.plan(Verb.ROLL_BACK)
    bench.follow[Verb.ROLL_BACK].verdicts = [Check(OutcomeState.FAILED, "the deploy of :42 goes on", absent=True)]
    found = bench.engine.actions.resume(Intent(plan, None, bench.clock.now() - 60.0)).result(5)
    bench.drain()
    assert found.state is OutcomeState.UNKNOWN
    assert titles(chat) == []


def test_a_lost_answer_is_told_as_unknown_and_then_how_it_ended(bench: Bench, chat: FakeDestination) -> None:
    notifier, plan = bench.engine._acting().notifier, bench.plan(Verb.ROLL_BACK)
    execution = SimpleNamespace(plan=plan, resumed=False, sent=True, read_on=True)
    for state, words in (
        (OutcomeState.PENDING, "timed out"),
        (OutcomeState.UNKNOWN, "timed out: no effect is seen yet (the deploy of :42 goes on)"),
        (OutcomeState.UNKNOWN, "timed out; rolling back from :42 to :41 0/2"),
        (OutcomeState.DONE, "2/2 on :41"),
    ):
        outcome = Outcome(plan_id=plan.id, verb=plan.verb, target=plan.target, state=state, message=words, at=0.0)
        notifier.observe(execution, outcome)
    bench.drain()
    begun, unknown, ended = titles(chat)
    assert begun == "Alice is rolling back prod/api from :42 to :41"
    assert unknown.startswith(
        "unknown: roll back of prod/api from :42 to :41 by Alice: timed out: no effect is seen yet"
    )
    assert ended == "Alice rolled back prod/api from :42 to :41: 2/2 on :41"


def test_a_destination_that_is_not_configured_any_more_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tell=("gone",))
    assert bench.do(Verb.ROLL_BACK).state is OutcomeState.DONE
    assert [o.message for o in bench.untold()] == ["gone was not notified: no destination is called gone"]
    bench.engine.stop()


def test_what_was_not_told_never_stands_before_the_action(bench: Bench, chat: FakeDestination) -> None:
    chat.raises = [ActionFailed("no")]
    bench.follow[Verb.ROLL_BACK].verdicts = [Check(OutcomeState.PENDING, "1/2", 60.0)]
    bench.engine.actions.execute(bench.plan(Verb.ROLL_BACK))
    bench.drain()
    shown = headline.shown_outcome(bench.engine.update)
    assert shown is not None
    assert (shown.verb, shown.state) == (Verb.ROLL_BACK, OutcomeState.PENDING)
    assert len(bench.untold()) == 1
    assert ALICE.name in bench.written(EntryKind.TOLD)[0].text


@pytest.mark.parametrize(
    ("verb", "message", "line"),
    [
        (Verb.ROLL_BACK, "rolled back from :42 to :41, 4/4 running · 42 s", "from :42 to :41: 4/4 running · 42 s"),
        (Verb.ROLL_BACK, "rolled back from :42 to :41; desired is 0, as it was", "to :41: desired is 0, as it was"),
        (Verb.UNDO_ROLLBACK, "redeployed from :41 to :42, 4/4 running", "rollback of 16:40 JST): 4/4 running"),
        (Verb.CONTINUE, "the deploy of :42 continues: bake time", "prod/api: :41→:42: bake time"),
        (Verb.RESTART, "restarted :42, 4/4 running", "restarted prod/api: :42: 4/4 running"),
        (Verb.ROLL_BACK, "4/4 running", "from :42 to :41: 4/4 running"),
    ],
)
def test_what_the_line_has_said_is_not_said_again(
    bench: Bench, chat: FakeDestination, verb: Verb, message: str, line: str
) -> None:
    bench.follow[verb].verdicts = [Check(OutcomeState.PENDING, "1/2", 0.0), Check(OutcomeState.DONE, message)]
    assert bench.do(verb).state is OutcomeState.DONE
    told = titles(chat)[-1]
    assert line in told, told
    assert told.count(":42") + told.count(":41") <= 2, told
