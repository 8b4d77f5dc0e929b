"""Two accounts, two clusters each: every service is read again in every sweep, and what that costs is counted.

Time is moved by hand, so that minutes of polling take seconds; the calls are those that the drill counted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock
from tests.faults.world import Rig, World, started

ACCOUNTS = ("prod", "edge")
SWEEPS = 5  # long enough for discovery to come round
SWEEP_S = 70.0
AT_REST_PER_S = 0.5  # AWS calls of 200 services, discovery included
FIRST_S = 30.0


class Timed:
    """An engine whose AWS sources are polled once each second of a clock that is moved by hand."""

    def __init__(self, rig: Rig, clock: FakeClock) -> None:
        self.rig, self.clock = rig, clock

    def let_pass(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(1.0)
            targets = self.rig.ask(ACCOUNTS, ReadRequest(watch=frozenset({"-"})))
            with self.rig._lock:
                assert self.rig._lock.wait_for(
                    lambda t=targets: all(self.rig._ended[n] >= at for n, at in t.items()), 10
                )
        self.rig.poll(ACCOUNTS, ReadRequest(watch=frozenset({"-"})))

    def read_at(self) -> dict[str, float]:
        """When each service's row was true."""
        return {s.id: s.read_at for s in self.rig.update.board.services.values()}


@pytest.mark.parametrize(
    ("arguments", "services"),
    [
        (("--scenario", "night"), 40),
        (("--scenario", "scale", "--services", "200", "--alerts", "10"), 200),
    ],
    ids=["night", "scale"],
)
@pytest.mark.core(1)
def test_every_service_is_read_in_every_sweep(
    make_world: Callable[..., World],
    tmp_path: Path,
    arguments: tuple[str, ...],
    services: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = make_world(*arguments)
    clock = FakeClock(world.control("POST", "advance", {"s": 0})["now"])
    with started(world, tmp_path, clock) as rig:
        timed = Timed(rig, clock)
        timed.let_pass(FIRST_S)
        known = timed.read_at()
        assert len(known) == services
        clusters = {tuple(i.split("/")[:2]) for i in known}
        assert len(clusters) == 4
        lines = [f"{arguments[1]}: {services} services in {len(clusters)} clusters of {len(ACCOUNTS)} accounts"]
        for sweep in range(SWEEPS):
            before, since = timed.read_at(), clock.now()
            world.control("POST", "calls/reset")
            timed.let_pass(SWEEP_S)
            after = timed.read_at()
            assert after.keys() == known.keys()
            assert [i for i in known if after[i] <= before[i]] == []
            assert [i for i in known if after[i] < since] == []
            counted = {name: world.calls()[name] for name in ACCOUNTS}
            lines += [_line(sweep, name, counted[name], SWEEP_S) for name in ACCOUNTS]
            # Budgets are an account's: its API limits are.
            assert all(counted[name].total() / SWEEP_S <= AT_REST_PER_S for name in ACCOUNTS), lines
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _line(sweep: int, name: str, counted: Counter[str], seconds: float) -> str:
    calls = ", ".join(f"{operation} {n}" for operation, n in sorted(counted.items()))
    return f"  sweep {sweep + 1} ({seconds:.0f} s) {name}: {counted.total() / seconds:.2f}/s: {calls}"
