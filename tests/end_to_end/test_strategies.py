"""One service of each controller, strategy and kind of state, rolled back by the command; ``matrix`` runs them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.matrix import SPEED, expected, names_of, run
from tests.end_to_end.world import World

pytestmark = pytest.mark.xdist_group("strategies")
SOME = [
    "rolling-in-progress",
    "rolling-finished",
    "rolling-inactive",
    "rolling-race-successful",
    "rolling-rolled-back-by-hand",
    "rolling-first",
    "rolling-quiet",
    "blue-green-baking",
    "linear-paused",
    "canary-shifting",
    "canary-clean-up",
    "codedeploy-ready",
    "codedeploy-finished",
    "codedeploy-rolled-back",
    "external",
]
GOES_TO = {"rolling-inactive": ":40"}


@pytest.fixture(scope="module")
def strategies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("strategies"), "--scenario", "strategies", "--speed", str(SPEED))
    yield world
    world.close()


@pytest.mark.everything
def test_each_is_rolled_back_or_refused_as_its_state_asks(strategies: World) -> None:
    assert set(SOME) <= set(names_of(strategies))
    results = {result.name: result for result in run(strategies, SOME)}
    for name, result in results.items():
        assert (result.call, result.state) == expected(name), result
        if result.state == "done":
            assert result.to == GOES_TO.get(name, ":41"), result
            assert result.to in result.runs, result
    writes = strategies.writes()
    assert len(writes) == sum(bool(r.call) for r in results.values())


def test_a_dry_run_sends_no_write_and_takes_the_read_policy_alone(strategies: World) -> None:
    """Whoever may only read is shown the whole plan: the drill denies every call that the read policy lacks."""
    before = len(strategies.writes())
    strategies.fault("denied", "prod", operation="UpdateService")
    strategies.fault("denied", "prod", operation="Stop*")
    strategies.fault("denied", "prod", operation="Continue*")
    strategies.fault("denied", "prod", operation="Create*")
    try:
        for result in run(strategies, ["rolling-settings", "linear-baking", "codedeploy-stopped"], "--dry-run"):
            assert (result.state, bool(result.call)) == ("dry run", True), result
    finally:
        strategies.mend()
    assert len(strategies.writes()) == before
