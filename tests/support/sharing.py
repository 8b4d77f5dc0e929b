"""What a recorder tells and a board takes: the state of a poller, and a poller whose polls are counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Assignee, ServiceHint
from oncall_tui.domain.metric import Metric
from oncall_tui.domain.reading import Reading
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import SystemClock
from tests.support.fakes import FakeProvider, alert


def state(**rows: Any) -> PollState:
    reading = Reading(source="prod", at=100.0, calls=3, **rows)
    return PollState(name="prod", provider="ecs", stale_after_s=60.0, reading=reading, read_since=5.0)


FULL = alert(
    "prod/a",
    by=("Alice",),
    by_at=3.5,
    labels=(("job", "api"),),
    label_sets=((("a", "b"),), (("c", "d"), ("e", "f"))),
    had=(Assignee("Bob", 2.0, 1),),
    hint=ServiceHint("main", "api", "1234", "eu-west-1"),
    metric=Metric(name="CPUUtilization", namespace="AWS/ECS", dimensions=(("ServiceName", "api"),)),
    verbs=frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE}),
    keys=("k",),
)


class Seat:
    """A poller with its thread, over a provider that is counted."""

    def __init__(self, name: str = "prod", interval_s: float = 0.05) -> None:
        self.provider = FakeProvider(name)
        self.provider.clock = SystemClock()  # type: ignore[assignment]
        self.built = self.polls = 0
        clock = SystemClock()
        self.poller = Poller(name, "fake", self._build, clock, PollLimiter(4, clock), lambda: None, interval_s)

    def _build(self) -> Any:
        self.built += 1
        read = self.provider.read

        def counted(request: ReadRequest) -> Reading:
            self.polls += 1
            return read(request)

        self.provider.read = counted  # type: ignore[method-assign]
        return self.provider


def until(found: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "not within its time"
        time.sleep(0.005)
