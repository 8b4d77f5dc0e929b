"""What the whole board says against acting on one service."""

from __future__ import annotations

import msgspec
import pytest
from tests.support.fakes import alert, deploy, service

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.product import Product
from oncall_tui.triage.cautions import cautions, stays_open
from oncall_tui.triage.multi_service import MultiServiceIncident
from oncall_tui.triage.triager import Rules, Triager


@pytest.mark.parametrize(("others", "told"), [(0, 0), (3, 3), (4, 4), (30, 4)])
def test_a_product_where_everything_deploys_says_so_in_few_lines(others: int, told: int) -> None:
    names = [f"prod/main/s{number}" for number in range(others)]
    services = {name: service(name) for name in ("prod/main/api", *names)}
    deploys = {f"prod/d{i}": deploy(f"prod/d{i}", name) for i, name in enumerate(names)}
    triaged = Triager(Rules(products=(Product(name="shop", services=("prod/*",)),))).triage(
        Board(version=1, at=1.0, services=services, deploys=deploys)
    )
    found = cautions(triaged, "prod/main/api", None)
    assert len(found) == told
    if others > told:
        assert found[-1] == f"and {others - 3} more deploys of the product are under way"


def test_only_a_joined_incident_is_said_to_miss_the_resolve() -> None:
    firing = alert("prom/a", keys=("k",))
    for beside, words in (
        ((), ()),
        ((alert("pager/9", provider="pagerduty", title="another"),), ()),
        (
            (alert("pager/1", provider="pagerduty", title="API down", keys=("k",)),),
            ("PagerDuty will not receive the resolve while this lasts: its incident API down stays open",),
        ),
        ((alert("pager/1", provider="pagerduty", keys=("k",), state=AlertState.RESOLVED),), ()),
    ):
        rows = {a.id: a for a in (firing, *beside)}
        triaged = Triager(Rules()).triage(Board(version=1, at=1.0, alerts=rows))
        assert stays_open(triaged, "prom/a") == words


def test_a_wide_incident_of_another_day_has_its_date() -> None:
    day = 86_400.0
    triaged = Triager(Rules()).triage(Board(version=1, at=20 * day + 600.0))
    wide = MultiServiceIncident(since=19 * day + 300.0, services=3, products=1)
    (said,) = cautions(msgspec.structs.replace(triaged, multi_service_incident=wide), "prod/main/api", None)
    assert "fire since 20 Jan 00:05 UTC, probably" in said
