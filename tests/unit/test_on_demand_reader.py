"""What is read on demand runs on queues of its own."""

import threading
from types import SimpleNamespace

import pytest
from tests.support.told import Bench

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.errors import Denied, Offline, SourceError
from oncall_tui.inspection.reader import OnDemandReader
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.runtime.clock import SystemClock

EMPTY = SimpleNamespace(recent=lambda *_: [])


class Named:
    def __init__(self, source: str) -> None:
        self.source = source


def test_each_source_is_asked_on_a_queue_of_its_own_so_that_a_hung_one_holds_up_nothing_else():
    hung = threading.Event()
    evidence = OnDemandReader({"a": lambda _: Named("a"), "b": lambda _: Named("b")}, SystemClock(), EMPTY)
    try:
        held = evidence.ask("a", lambda provider: hung.wait(5) and provider.source)
        assert evidence.ask("b", lambda provider: provider.source).result(2) == "b"
        assert evidence.ask("a", lambda provider: provider.source, "metrics").result(2) == "a"
        assert evidence.run("runbook", lambda: 7).result(2) == 7
        assert not held.done()
        hung.set()
        assert held.result(2) == "a"
    finally:
        hung.set()
        evidence.stop()


def test_a_source_that_is_not_there_or_not_ready_is_told_by_the_future():
    def starting(_):
        raise SourceError("a is not ready: still starting")

    evidence = OnDemandReader({"a": starting}, SystemClock(), EMPTY)
    try:
        with pytest.raises(SourceError, match="still starting"):
            evidence.ask("a", lambda provider: provider).result(2)
        with pytest.raises(SourceError, match="no source 'b'"):
            evidence.ask("b", lambda provider: provider).result(2)
    finally:
        evidence.stop()


@pytest.mark.parametrize("what", ["on_call", "timeline"])
def test_no_action_is_held_up_by_a_hung_reading_of_what_is_only_looked_at(tmp_path, monkeypatch, what):
    bench, hung, asked = Bench(tmp_path), threading.Event(), threading.Event()
    monkeypatch.setattr(bench.pager, what, lambda *_: asked.set() or (hung.wait(30) and ()))
    incident = bench.incident()
    try:
        looks = bench.engine.on_call.ask("pager") if what == "on_call" else bench.engine.on_demand.timeline(incident.id)
        assert asked.wait(5)
        outcome = bench.do(Verb.NOTE, incident.id, text="looking")
        assert outcome.state is OutcomeState.DONE
        assert not looks.done()
        hung.set()
        assert looks.result(5) is not None
    finally:
        hung.set()
        bench.engine.stop()


def test_what_happened_to_a_row_is_its_source_s_memory_and_the_journal_s(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    incident = bench.incident()
    try:
        bench.do(Verb.NOTE, incident.id, text="looking")
        bench.written()  # all of it is on disk
        monkeypatch.setattr(bench.pager, "timeline", lambda target: (TimelineEvent(1.0, "Bob", f"took {target}"),))
        told = bench.engine.on_demand.timeline(incident.id).result(5)
        assert told[-1] == TimelineEvent(1.0, "Bob", f"took {incident.id}")
        (mine,) = [line.text for line in told if line.by == "Alice"]
        assert mine.startswith("the note is there")
        monkeypatch.setattr(bench.pager, "timeline", raising(Offline("no answer")))
        told = bench.engine.on_demand.timeline(incident.id).result(5)
        assert told[0].text == "pager's own part cannot be read: no answer"  # and not: it is asked again by itself
        monkeypatch.setattr(bench.pager, "timeline", raising(Denied("denied", "needs a right")))
        told = bench.engine.on_demand.timeline(incident.id).result(5)
        assert told[0].text == "pager's own part cannot be read: denied (needs a right)"
        assert any(line.where == "here" for line in told)
        (gone,) = bench.engine.on_demand.timeline("gone/Q1").result(5)
        assert "no source 'gone' is configured" in gone.text
    finally:
        bench.engine.stop()


def raising(error):
    def ask(*_):
        raise error

    return ask
