"""The board's loop: which sources wait for which."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.support.fakes import FakeClock, FakeProvider

from oncall_tui.domain.reading import Reading
from oncall_tui.engine.board_loop import POLLS_AT_ONCE, BoardLoop
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest


class Slow(FakeProvider):
    """A source whose answer comes when it is let go."""

    def __init__(self, source: str, goes_on: threading.Event) -> None:
        super().__init__(source)
        self.asked, self._goes_on = threading.Event(), goes_on

    def read(self, request: ReadRequest) -> Reading:
        self.asked.set()
        self._goes_on.wait(10)
        return super().read(request)


@pytest.mark.parametrize(("slow", "other"), [("ecs", "prom"), ("prom", "ecs")])
def test_alerts_and_services_do_not_wait_for_each_other(tmp_path: Path, slow: str, other: str) -> None:
    """The clock stands still: no poll is taken to be hung, and none loses its patience."""
    goes_on = threading.Event()
    many = [Slow(f"{slow}-{number}", goes_on) for number in range(POLLS_AT_ONCE + 2)]
    one = Slow(other, goes_on)
    specs = tuple(SourceSpec(s.source, s.source.partition("-")[0], lambda s=s: s) for s in (*many, one))  # type: ignore[misc]
    loop = BoardLoop(specs, Journal(tmp_path / "journal.db", time.time), FakeClock(), lambda: None)
    loop.start(None)
    try:
        assert one.asked.wait(5)
        asked = 0
        end = time.monotonic() + 5
        while asked < POLLS_AT_ONCE and time.monotonic() < end:
            asked = sum(each.asked.is_set() for each in many)
            time.sleep(0.01)
        assert asked == POLLS_AT_ONCE
    finally:
        goes_on.set()
        loop.stop()
