"""Whatever the fleet, every service is read within its promise, none starves, and the budget is kept."""

from __future__ import annotations

import pytest
from tests.providers.aws.fleets import Figures, Fleet, One, Watched, examine
from tests.support.level import rounds


def holds(found: Figures) -> None:
    assert found.never == 0, found
    assert found.over_budget <= 0.0, found
    assert found.worst <= 1.0, found


def test_random_fleets_are_read_within_their_promise() -> None:
    for number in range(rounds(40)):
        holds(examine(number, seconds=160.0, most=16))


@pytest.mark.parametrize("number", [971, 111], ids=["fewer clusters to sweep", "all of them due at once"])
def test_fleets_that_were_once_read_late(number: int) -> None:
    holds(examine(number))


@pytest.mark.everything
@pytest.mark.parametrize("part", range(8))
def test_forty_large_random_fleets_are_read_within_their_promise(part: int) -> None:
    """``python -m tests.providers.aws.fleets_table 1000`` plays a thousand: eight minutes on one core."""
    for number in range(1_000 + part * 5, 1_005 + part * 5):
        holds(examine(number))


def deploying(services: int, clusters: int, of: int, moves: bool, age: float) -> Fleet:
    ones = {}
    for i in range(services):
        one = One(f"c{i % clusters}", f"s{i:03d}", deploys=i < of, moves=moves and i < of, began=-age)
        ones[one.cluster, one.name] = one
    return Fleet(0, ones, 8.0, 0.04, "none", next(iter(ones)))


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize(
    ("services", "clusters", "of"),
    [(36, 18, 36), *(pytest.param(*one, marks=pytest.mark.everything) for one in ((60, 30, 60), (320, 1, 300)))],
)
def test_deploys_that_never_end_starve_nobody(services: int, clusters: int, of: int, moves: bool) -> None:
    holds(Watched(deploying(services, clusters, of, moves, age=40_000.0)).run(180.0))


@pytest.mark.everything
@pytest.mark.parametrize("moves", [pytest.param(False, marks=pytest.mark.everything), True])
def test_deploys_that_never_end_cost_little(moves: bool) -> None:
    watched = Watched(deploying(200, 2, 200, moves, age=40_000.0))
    watched.run(80.0)
    before = len(watched.aws.at)
    watched.run(80.0)
    assert (len(watched.aws.at) - before) / 80.0 <= 1.5, watched.aws.calls
