"""The contract as a pytest test: one function for any number of plugs, tried with every case."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.testing.contract import CASES, GATEWAY, READ_S, TOKEN, Bench, Plug, cases_of

__all__ = [
    "GATEWAY",
    "LONG",
    "TOKEN",
    "Bench",
    "Plug",
    "Request",
    "SimulatedAnswer",
    "contract_test",
    "json_answer",
    "opened",
]

LONG = frozenset({"our_clock_set", "five_thousand", "packed_bomb"})  # each takes a second or more of a core
_TIMED_OUT = ("timed_out", "write_lost")
Marks = Sequence[pytest.MarkDecorator]


@contextmanager
def opened(plug: Plug, case: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench for one case: the provider in front of a server, with a clock that waiting moves."""
    clock = FakeClock(1_800_000_000.0)
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    if case in _TIMED_OUT:
        monkeypatch.setattr("oncall_tui.providers.http.client.READ_S", READ_S)
    made = Bench(plug, clock)
    sleep, here = time.sleep, threading.get_ident()

    def waits(seconds: float) -> None:
        """A provider's own pace moves the clock; another thread of this process waits as ever."""
        (clock.advance if threading.get_ident() == here else sleep)(seconds)

    monkeypatch.setattr(time, "sleep", waits)
    try:
        yield made
    finally:
        monkeypatch.undo()
        made.close()


def contract_test(*plugs: Plug, marks: Callable[[str, Plug], Marks] = lambda case, plug: ()) -> Callable[..., None]:
    """Return a test of every case for every plug, to be given a name that begins with ``test_``.

    *marks* are the marks of one case for one plug, such as one that leaves out what is LONG.
    """
    kept = [(case, plug) for case in CASES for plug in plugs if case in cases_of(plug)]

    params = [pytest.param(case, plug, marks=marks(case, plug), id=f"{case}-{plug.name}") for case, plug in kept]

    def test(plug: Plug, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with opened(plug, case, monkeypatch) as bench:
            CASES[case].run(bench)

    parametrized: Callable[..., None] = pytest.mark.parametrize(("case", "plug"), params)(test)
    return parametrized
