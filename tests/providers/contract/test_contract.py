"""Every case of the contract, for every HTTP provider."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.providers.contract.cases import CASES, READ_S, TOKEN, WRITES, Bench, Plug, cases_of
from tests.providers.contract.plugs import PLUGS

from oncall_tui.providers import registry
from oncall_tui.runtime.clock import FakeClock

BY_NAME = {plug.name: plug for plug in PLUGS}


@pytest.fixture
def bench(plug: Plug, case: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A provider in front of a server, with a clock that waiting moves."""
    clock = FakeClock(1_800_000_000.0)
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    if case in ("timed_out", "write_lost"):
        monkeypatch.setattr("oncall_tui.providers.http.client.READ_S", READ_S)
    made = Bench(plug, clock)
    monkeypatch.setattr(time, "sleep", clock.advance)  # a provider's own pace
    try:
        yield made
    finally:
        monkeypatch.undo()
        made.close()


KEPT = [(case, plug) for case in CASES for plug in PLUGS if case in cases_of(plug)]
LONG = {"our_clock_set", "five_thousand", "packed_bomb"}  # cases that ``make test`` plays with one provider


def _marks(case: str, plug: Plug) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.everything,) if case in LONG and plug is not PLUGS[0] else ()


@pytest.mark.parametrize(
    ("case", "plug"),
    [pytest.param(case, plug, marks=_marks(case, plug), id=f"{case}-{plug.name}") for case, plug in KEPT],
)
def test_it_keeps_the_contract(bench: Bench, case: str) -> None:
    CASES[case](bench)


def test_every_http_provider_is_under_contract() -> None:
    assert set(BY_NAME) == set(registry.SOURCES) - {
        "ecs",
        "cloudwatch",
        "rds",
        "eventbridge",
    }  # botocore's: tests/providers/aws


@pytest.mark.parametrize("plug", PLUGS, ids=BY_NAME)
def test_only_a_provider_without_a_verb_leaves_out_the_cases_of_a_write(plug: Plug) -> None:
    bench = Bench(plug, FakeClock(1_800_000_000.0))
    try:
        assert bool(bench.provider.handlers()) == (plug.write is not None)
    finally:
        bench.close()
    assert set(CASES) - set(cases_of(plug._replace(write=None))) == WRITES
    assert len(WRITES) == 5
