"""What extends acknowledgements: by a clock that nobody sets, and not ended by a bug."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import ALICE, InlineQueue

from oncall_tui.actions.ack_renewer import AT_MOST_S, AWAKE_S, AckRenewer
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.plan import Plan
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt, RenewalResult
from oncall_tui.runtime.clock import FakeClock

EVERY_S = 300.0


class Silences:
    """An Alertmanager's acknowledgements: each is extended for five minutes."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.raises: list[Exception] = []

    def renew_ack(self, plan: Plan, receipt: Receipt, now: float) -> RenewalResult:
        self.asked.append(now)
        if self.raises:
            raise self.raises.pop()
        return RenewalResult(again_at=now + EVERY_S, extended=True)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.journal = Journal(folder / "journal.db", self.clock.now)
        self.queue, self.silences = InlineQueue(self.clock), Silences()
        self.renewer = AckRenewer(self.journal, self.clock)
        plan = Plan(
            id="p",
            verb=Verb.ACKNOWLEDGE,
            source="prom",
            target="prom/a",
            version="v",
            actor=ALICE,
            made_at=self.clock.now(),
            title="acknowledge a",
        )
        queue: Any = self.queue
        self.renewer.keep(plan, Receipt(), self.silences, queue)

    def go(self, seconds: float, awake: bool = True) -> int:
        """So many seconds; how often it was extended."""
        before, end = len(self.silences.asked), self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            if awake:
                self.renewer.pressed()
            self.renewer.tick()
            self.queue.settle()
            self.clock.advance(1.0)
        return len(self.silences.asked) - before


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("by", [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_ends_nor_hastens_it(bench: Bench, by: float) -> None:
    assert bench.go(1800) == 6
    bench.clock.step(by)
    assert bench.go(1800) == 6
    bench.clock.step(-by)
    assert bench.go(1800) == 6


def test_it_ends_after_two_hours_and_rests_while_nobody_is_awake(bench: Bench) -> None:
    bench.go(AWAKE_S + 60, awake=False)
    bench.clock.step(-3600.0)
    assert bench.go(900, awake=False) == 0
    assert bench.go(900) >= 3
    bench.go(AT_MOST_S)
    assert bench.go(900) == 0


def test_a_bug_is_journalled_and_it_is_tried_again(bench: Bench) -> None:
    bench.silences.raises = [RuntimeError("a bug")]
    assert bench.go(100) >= 2
    bench.journal.close(5)
    told = [e.text for e in bench.journal.recent(10, (EntryKind.KEPT,))]
    assert told[0] == "not extended: bug: RuntimeError: a bug; tried again"
    assert told[1] == "extended"
