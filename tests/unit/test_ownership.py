"""Which product a service or an alert belongs to."""

from __future__ import annotations

import pytest
from tests.support.fakes import alert, service

from oncall_tui.domain.product import Product
from oncall_tui.triage import product_lookup as owners
from oncall_tui.triage.product_lookup import ProductLookup

SHOP = Product(name="shop", services=("prod/*/shop-*", "edge/main/cart"), alerts={"team": "shop", "env": "p*"})
PAY = Product(name="pay", services=("prod/*/*",), alerts={"team": "pay*"})
ALL = ProductLookup((SHOP, PAY))


def name(found: Product | None) -> str:
    return found.name if found else ""


@pytest.mark.parametrize(
    ("labels", "service_id", "product"),
    [
        ((("team", "shop"), ("env", "prod")), "", "shop"),
        ((("team", "shop"), ("env", "test")), "", ""),
        ((("team", "shop"),), "", ""),
        ((("team", "payments"),), "prod/main/shop-api", "pay"),  # a label before the service
        ((("team", "payments"), ("team", "shop")), "", "pay"),  # of two the first
        ((), "prod/main/shop-api", "shop"),  # the first whose globs match
        ((), "prod/main/api", "pay"),
        ((), "edge/main/cart", "shop"),
        ((), "edge/main/api", ""),
        ((), "", ""),
    ],
)
def test_of_alerts(labels: tuple[tuple[str, str], ...], service_id: str, product: str) -> None:
    for _ in range(2):  # what is kept says the same
        found = ALL.of_alerts((alert("prom/a", labels=labels),), service(service_id) if service_id else None)
        assert name(found) == product


def test_any_alert_of_a_problem_may_tell_it() -> None:
    both = (alert("alarms/a"), alert("prom/a", labels=(("team", "pay"),)))
    assert name(ALL.of_alerts(both, None)) == "pay"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "KEPT", 10)
    held = ProductLookup((SHOP, PAY))
    for number in range(100):
        assert name(held.of_alerts((alert("prom/a", labels=(("team", f"pay{number}"),)),), None)) == "pay"
        assert name(held.of_service(f"prod/main/s{number}")) == "pay"
    assert len(held._by_label) <= 10
    assert len(held._by_service) <= 10
