"""What is open in each product, and what is said of what is not shown."""

from __future__ import annotations

from typing import Any

from tests.support.fakes import alert, deploy, service

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.service import Health
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager
from oncall_tui.tui.presenters.filter_words import looking, pages_below
from oncall_tui.tui.presenters.products import open_in
from oncall_tui.tui.presenters.row_builder import ViewFilter

PRODUCTS = (
    Product(name="calm", owner="#calm", services=("prod/main/c*",), alerts={"team": "calm"}),
    Product(name="fire", owner="#fire", services=("prod/main/f*",), alerts={"team": "fire"}),
    Product(name="smoke", services=("*/main/s*",), alerts={"team": "smoke"}),
)


def team(name: str, **fields: Any) -> Any:
    return alert(f"am/{name}-{fields.pop('n', 1)}", labels=(("team", name),), **fields)


def triaged(state: SourceState = SourceState.OK) -> TriagedBoard:
    reading = Reading(
        source="am",
        at=1.0,
        alerts=(
            team("fire", severity=Severity.CRITICAL),
            team("fire", n=2, severity=Severity.CRITICAL, state=AlertState.ACKNOWLEDGED),
            team("fire", n=3, severity=Severity.CRITICAL, state=AlertState.SILENCED),
            team("smoke"),
            team("smoke", n=2, state=AlertState.SILENCED),
            alert("am/nobodys", severity=Severity.CRITICAL),
        ),
        services=(
            service("prod/main/calm"),
            service("prod/main/fine", health=Health.DOWN),
            service("prod/main/smoky", health=Health.DEGRADED),
        ),
        deploys=(
            deploy("prod/d1", "prod/main/fine"),
            deploy("prod/d2", "prod/main/smoky", state=DeployState.SUCCEEDED),
            deploy("prod/d3", "prod/main/lost"),
        ),
    )
    sources = (
        SourceStatus(name="am", provider="alertmanager", state=SourceState.OK),
        SourceStatus(name="prod", provider="ecs", state=state),
    )
    return Triager(Rules(pages=({"severity": "critical"},), products=PRODUCTS)).triage(
        merge(1, 1.0, sources, (reading,))
    )


def test_those_on_fire_come_first_and_what_has_no_product_is_among_them() -> None:
    found = open_in(triaged(), PRODUCTS)
    assert [one.name for one in found] == ["all products", "fire", "", "smoke", "calm"]
    counts = [(one.pages, one.nobodys, one.notifications, one.sick, one.deploys) for one in found]
    assert counts == [(3, 2, 1, 2, 2), (2, 1, 0, 1, 1), (1, 1, 0, 0, 1), (0, 0, 1, 1, 0), (0, 0, 0, 0, 0)]
    assert found[1].owner == "#fire"


def test_a_product_whose_source_is_not_read_does_not_look_quiet() -> None:
    assert {one.name: one.unread for one in open_in(triaged(), PRODUCTS)}["calm"] == ()
    found = {one.name: one.unread for one in open_in(triaged(SourceState.EXPIRED), PRODUCTS)}
    assert found == {"all products": (), "": (), "calm": ("prod",), "fire": ("prod",), "smoke": ("prod",)}


ROWS: dict[str, list[str]] = {"alerts": [], "services": [], "deploys": []}


def said(shown: ViewFilter, alerts: list[str], services: int = 3, deploys: int = 3) -> str:
    rows = {"alerts": alerts, "services": [f"s{i}" for i in range(services)], "deploys": ["d"] * deploys}
    left, right = looking(shown, rows, triaged())
    return "".join(text for text, _ in (*left, *right))


def test_pages_out_of_sight_are_counted_and_what_is_not_shown_too() -> None:
    text = said(ViewFilter(product="smoke"), ["am/smoke-1", "am/smoke-2"], 1, 1)
    assert text == (" smoke  hides 4 alerts, 2 services, 2 deploys 3 pages, 2! outside of smoke")
    text = said(ViewFilter(product="fire"), ["am/fire-1", "am/fire-2", "am/fire-3"])
    assert text == " fire  hides 3 alerts 1 page, 1! outside of fire"
    everything = [row.id for row in triaged().alerts]
    assert said(ViewFilter(faults=True), [i for i in everything if i != "am/fire-2"]) == (
        " faults only  hides 1 alert 1 page not shown"
    )
    assert said(ViewFilter(filter="a"), everything) == " filter 'a'  hides nothingEsc shows all"
    assert said(ViewFilter(filter="a:b", view="mine", product=""), []).startswith(" no product · view mine: a:b  hides")


def test_the_order_stands_there_where_there_are_no_titles() -> None:
    left, right = looking(
        ViewFilter(), {"alerts": [r.id for r in triaged().alerts], "services": [], "deploys": []}, triaged(), "by age"
    )
    assert (left, right) == ([(" by age ", "cursor")], [])
    left, right = looking(ViewFilter(product="fire"), ROWS, triaged(), "by age", "1 page further down")
    assert "".join(t for t, _ in left) == " fire · by age  hides 6 alerts, 3 services, 3 deploys"
    assert "".join(t for t, _ in right) == " 3 pages, 2! outside of fire · 1 page further down"


def test_pages_further_down_are_counted() -> None:
    assert pages_below(["am/fire-1", "source:x", "am/nobodys", "am/smoke-1"], triaged()) == 0
    assert pages_below(["am/fire-1", "am/smoke-1", "am/fire-2", "am/fire-3", "am/nobodys"], triaged()) == 2
