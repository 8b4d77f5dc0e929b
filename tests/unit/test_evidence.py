"""What is read on demand runs on lanes of its own."""

import threading

import pytest

from oncall_tui.clock import SystemClock
from oncall_tui.errors import SourceError
from oncall_tui.evidence.ask import Evidence


class Named:
    def __init__(self, source: str) -> None:
        self.source = source


def test_each_source_is_asked_on_a_lane_of_its_own_so_that_a_hung_one_holds_up_nothing_else():
    hung = threading.Event()
    evidence = Evidence({"a": lambda _: Named("a"), "b": lambda _: Named("b")}, SystemClock())
    try:
        held = evidence.ask("a", lambda provider: hung.wait(5) and provider.source)
        assert evidence.ask("b", lambda provider: provider.source).result(2) == "b"
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

    evidence = Evidence({"a": starting}, SystemClock())
    try:
        with pytest.raises(SourceError, match="still starting"):
            evidence.ask("a", lambda provider: provider).result(2)
        with pytest.raises(SourceError, match="no source 'b'"):
            evidence.ask("b", lambda provider: provider).result(2)
    finally:
        evidence.stop()
