"""Every case of the contract, for every HTTP provider: the suite that other distributions' providers pass too."""

from __future__ import annotations

import pytest
from tests.providers.contract.plugs import PLUGS

from oncall_tui.providers import registry
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.testing.contract import CASES, WRITES, cases_of
from oncall_tui.testing.suite import LONG, Bench, Plug, contract_test

BY_NAME = {plug.name: plug for plug in PLUGS}


def _marks(case: str, plug: Plug) -> tuple[pytest.MarkDecorator, ...]:
    """Leave out the long cases, but for one provider, unless everything is run."""
    return (pytest.mark.everything,) if case in LONG and plug is not PLUGS[0] else ()


test_it_keeps_the_contract = contract_test(*PLUGS, marks=_marks)


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
    assert len(CASES) == 31
    assert len(WRITES) == 5
