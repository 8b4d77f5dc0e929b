"""A poller whose thread is the test: it polls when it is due, on a clock that only the test moves."""

from __future__ import annotations

import random
from collections.abc import Callable

from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.status import status_of
from oncall_tui.providers.base import Provider, ReadRequest
from oncall_tui.runtime.clock import FakeClock


class Polled:
    """One source."""

    def __init__(self, provider: Provider, clock: FakeClock) -> None:
        self.clock = clock
        gate, rng = PollLimiter(4, clock), random.Random(1)
        self.poller = Poller(provider.source, provider.provider, lambda: provider, clock, gate, lambda: None, rng=rng)

    def go(self, seconds: float) -> int:
        """Poll for so long; how often."""
        end, polls = self.clock.monotonic() + seconds, 0
        while self.clock.monotonic() < end:
            wait = self.poller._poll(ReadRequest())
            self.clock.advance(max(0.05, wait))
            polls += 1
        return polls

    @property
    def status(self) -> SourceStatus:
        return status_of(self.poller.seen, self.clock.now(), self.clock.monotonic())

    @property
    def state(self) -> SourceState:
        """How it is now."""
        return self.status.state

    @property
    def is_ok(self) -> bool:
        """Tell whether it is OK now."""
        return self.state is SourceState.OK

    @property
    def age(self) -> float:
        age = self.status.age_s(self.clock.now())
        assert age is not None
        return age


def no_clock_that_is_set_stops_it(
    provider: Provider, clock: FakeClock, step: Callable[[float], None], calls: Callable[[], int]
) -> Polled:
    """Set the clock an hour back, two on, one back: it is read at its cadence, and told to be as fresh as it is."""
    polled = Polled(provider, clock)
    polled.go(700)
    before = calls()
    polls, asked = polled.go(700), calls() - before
    assert polled.is_ok
    for by in (-3600.0, 7200.0, -3600.0):
        age = polled.age
        step(by)
        assert abs(polled.age - age) < 3.0
        assert polled.is_ok
        before = calls()
        assert abs(polled.go(700) - polls) <= 1 + polls / 4
        assert abs(calls() - before - asked) <= 3 + asked / 4
        assert polled.is_ok
    for by in (-3600.0, 3600.0):  # and where it is not read any more, that is seen in time
        step(by)
        clock.advance(polled.poller.seen.stale_after_s + 1 - polled.age)
        assert polled.state is SourceState.STALE
        assert polled.age > polled.poller.seen.stale_after_s
        polled.go(60)
        assert polled.is_ok
    return polled
