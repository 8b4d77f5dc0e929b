"""What cannot escalate by itself is sent to a destination, and its outcome is *sent*."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.told import Bench, FakeDestination

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import Confirm
from oncall_tui.errors import ActionFailed, Offline, OutcomeUnknown, Refused

E = Verb.ESCALATE


@pytest.fixture
def page() -> FakeDestination:
    return FakeDestination("page", pages=True, provider="pagerduty-events")


@pytest.fixture
def bench(tmp_path: Path, page: FakeDestination) -> Iterator[Bench]:
    topic = FakeDestination("topic", pages=True, provider="sns")
    made = Bench(tmp_path, FakeDestination("chat"), page, topic)
    yield made
    made.engine.stop()


def test_it_is_offered_where_the_source_cannot_and_there_is_a_destination(bench: Bench, tmp_path: Path) -> None:
    assert E in bench.engine.update.board.alerts["prom/a"].verbs
    alone = Bench(tmp_path / "alone")
    assert E not in alone.engine.update.board.alerts["prom/a"].verbs
    with pytest.raises(Refused, match="cannot be escalated here: prom"):
        alone.plan(E, "prom/a", choice="send:chat")
    alone.engine.stop()
    bench.pager.add("Q2", provider="pagerduty", verbs=frozenset())
    bench.poll()
    assert E not in bench.engine.update.board.alerts["pager/Q2"].verbs


def test_the_choices_are_the_destinations_those_that_page_first(bench: Bench) -> None:
    found = bench.engine.actions.choices(E, "prom/a").result(5)
    assert [(c.id, c.label) for c in found] == [
        ("send:page", "page page"),
        ("send:topic", "page topic"),
        ("send:chat", "notify chat"),
    ]
    assert {c.warning for c in found} == {""}
    bench.incident()
    found = bench.engine.actions.choices(E, "prom/a").result(5)
    assert [bool(c.warning) for c in found] == [True, True, False]


def test_the_plan_shows_what_will_be_sent(bench: Bench) -> None:
    plan = bench.plan(E, "prom/a", choice="send:page", reason="nobody answers")
    assert plan.confirm is Confirm.YES
    assert plan.title == "Page page: title of a"
    assert dict(plan.lines) == {
        "alert": "title of a  firing",
        "to": "page",
        "says": "title of a",
        "then": "delivery is not confirmed",
    }
    message = plan.request["message"]
    assert message["key"] == "prom/a"
    assert message["text"].startswith("reason: nobody answers\nwarning, firing for 16m\nservice: prod/main/api")
    assert (message["about"], message["actor"]) == ("prod/main/api", "Alice")


def test_it_is_sent_never_done(bench: Bench, page: FakeDestination) -> None:
    outcome = bench.do(E, "prom/a", choice="send:page")
    assert outcome.state is OutcomeState.SENT
    assert outcome.message == "sent to page; delivery is not confirmed"
    assert [m.key for m in page.sent] == ["prom/a"]
    assert page.threads == {"act to page"}  # never on the alert's own source's queue
    states = [e.data["state"] for e in bench.written(EntryKind.OUTCOME)]
    assert states == ["pending", "sent"]
    assert bench.journal.open_intents() == []


def test_what_the_destination_refused_is_failed(bench: Bench, page: FakeDestination) -> None:
    page.raises = [ActionFailed("400", "check the routing key")]
    outcome = bench.do(E, "prom/a", choice="send:page")
    assert (outcome.state, outcome.hint) == (OutcomeState.FAILED, "check the routing key")


def test_a_lost_answer_is_unknown_for_good_and_not_asked_for_again(
    bench: Bench, page: FakeDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.raises = [OutcomeUnknown("sent, but it did not answer")]
    outcome = bench.do(E, "prom/a", choice="send:page")
    assert outcome.state is OutcomeState.UNKNOWN
    assert outcome.message == "sent, but it did not answer; page may have received it, or not"
    assert "check page" in outcome.hint
    monkeypatch.setattr(bench.journal, "_alive", lambda data: False)
    bench.written(EntryKind.OUTCOME)
    assert bench.journal.open_intents() == []  # the next start would learn no more


def test_what_a_session_left_without_an_answer_is_unknown_once(
    bench: Bench, page: FakeDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = bench.plan(E, "prom/a", choice="send:page")
    bench.journal.intents([plan])
    monkeypatch.setattr(bench.journal, "_alive", lambda data: False)
    (left,) = bench.journal.open_intents()
    assert bench.engine.actions.resume(left).result(5).state is OutcomeState.UNKNOWN
    assert page.sent == []
    bench.written(EntryKind.OUTCOME)
    assert bench.journal.open_intents() == []


def test_a_page_of_what_is_an_incident_already_is_refused(bench: Bench, page: FakeDestination) -> None:
    bench.incident()
    with pytest.raises(Refused, match="somebody is paged for it already: pager/Q1"):
        bench.plan(E, "prom/a", choice="send:page")
    assert "somebody may be paged twice" in bench.plan(E, "prom/a", choice="send:topic").warnings[0]
    assert bench.plan(E, "prom/a", choice="send:chat").warnings == ()


def test_an_incident_that_came_while_the_plan_was_read_refuses_it_too(bench: Bench, page: FakeDestination) -> None:
    plan = bench.plan(E, "prom/a", choice="send:page")
    bench.incident()
    outcome = bench.engine.actions.execute(plan).result(5)
    assert outcome.state is OutcomeState.REFUSED
    assert page.sent == []


def test_the_incident_that_a_page_made_is_joined_by_its_key(bench: Bench) -> None:
    bench.incident(keys=("dedup:prom/a",))
    row = bench.engine.update.triaged.find("prom/a")
    assert row is not None
    assert row.incident == "pager/Q1"


def test_a_pager_that_cannot_be_read_is_a_warning_for_what_pages(bench: Bench) -> None:
    bench.pager.read_raises = [Offline("refused")]
    bench.clock.advance(120)
    bench.poll()
    warning = "pager is OFFLINE: an incident may be open for it already"
    assert bench.plan(E, "prom/a", choice="send:page").warnings == (warning,)
    assert bench.plan(E, "prom/a", choice="send:chat").warnings == ()


def test_the_incident_of_an_alert_with_a_long_id_is_joined_too(bench: Bench) -> None:
    long = bench.prom.add("x" * 400, verbs=frozenset())
    bench.incident(keys=(f"dedup:{long.page_key}",))
    row = bench.engine.update.triaged.find(long.id)
    assert row is not None
    assert row.incident == "pager/Q1"


def test_the_same_twice_within_a_minute_is_refused_and_later_a_warning(bench: Bench, page: FakeDestination) -> None:
    late = bench.plan(E, "prom/a", choice="send:page")
    bench.do(E, "prom/a", choice="send:page")
    bench.clock.advance(20)
    bench.written(EntryKind.OUTCOME)
    with pytest.raises(Refused, match="already escalated: sent by Alice 20s ago"):
        bench.plan(E, "prom/a", choice="send:page")
    assert bench.engine.actions.execute(late).result(5).state is OutcomeState.REFUSED
    assert len(page.sent) == 1
    assert bench.plan(E, "prom/a", choice="send:chat").warnings == ()
    bench.clock.advance(60)
    assert bench.plan(E, "prom/a", choice="send:page").warnings == ("page: sent by Alice 1m ago",)


def test_what_was_not_sent_may_be_sent_again(bench: Bench, page: FakeDestination) -> None:
    page.raises = [ActionFailed("429")]
    bench.do(E, "prom/a", choice="send:page")
    bench.written(EntryKind.OUTCOME)
    assert bench.do(E, "prom/a", choice="send:page").state is OutcomeState.SENT


def test_a_row_that_moved_is_refused(bench: Bench, page: FakeDestination) -> None:
    plan = bench.plan(E, "prom/a", choice="send:page")
    silenced = msgspec.structs.replace(bench.alert, state=AlertState.SILENCED)
    bench.prom.alerts["prom/a"] = silenced
    bench.poll()
    outcome = bench.engine.actions.execute(plan).result(5)
    assert (outcome.state, outcome.message) == (OutcomeState.REFUSED, "the alert changed: it is silenced now")
    bench.prom.alerts.clear()
    bench.poll()
    with pytest.raises(Refused, match="not there any more"):
        bench.plan(E, "prom/a", choice="send:page")
    assert page.sent == []


@pytest.mark.parametrize("choice", ["", "level:2", "send:nobody"])
def test_a_choice_that_is_none_sends_nothing(bench: Bench, choice: str) -> None:
    with pytest.raises((Refused, ActionFailed)):
        bench.plan(E, "prom/a", choice=choice)


def test_read_only_offers_and_sends_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FakeDestination("chat"), read_only=True)
    assert bench.engine.update.board.alerts["prom/a"].verbs == frozenset()
    with pytest.raises(Refused, match="read only"):
        bench.plan(E, "prom/a", choice="send:chat")
    bench.engine.stop()


def test_the_same_key_for_the_same_alert_and_never_too_long(bench: Bench) -> None:
    long = msgspec.structs.replace(bench.alert, id="prom/" + "x" * 400)
    assert bench.alert.page_key == "prom/a"
    assert len(long.page_key) == 255
    assert long.page_key != msgspec.structs.replace(long, id=long.id + "y").page_key
