"""The product of a service or an alert. Worked out once for each name, because the same few come again."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import NamedService

KEPT = 10_000  # answers; the next one begins anew, so that labels which never come again are forgotten


class ProductLookup:
    """The products of the configuration, asked by service id and by label."""

    def __init__(self, products: tuple[Product, ...]) -> None:
        self._products = products
        self._labels = tuple(dict.fromkeys(name for product in products for name in product.alerts))
        self._by_service: dict[str, Product | None] = {}
        self._by_label: dict[tuple[str, ...], Product | None] = {}

    def of_service(self, service_id: str) -> Product | None:
        """The first product whose globs match."""
        if service_id not in self._by_service:
            if len(self._by_service) >= KEPT:
                self._by_service.clear()
            found = (p for p in self._products if p.owns_service(service_id))
            self._by_service[service_id] = next(found, None)
        return self._by_service[service_id]

    def of_alerts(self, alerts: Iterable[Alert], service: NamedService | None) -> Product | None:
        """Return the product by the alerts' labels first, since a person wrote those; else by their service."""
        if self._labels:
            for alert in alerts:
                if product := self._of_labels(alert):
                    return product
        return self.of_service(service.id) if service is not None else None

    def _of_labels(self, alert: Alert) -> Product | None:
        labels = dict(reversed(alert.labels))  # of a label that is there twice the first counts, as in Alert.label
        values = tuple(labels.get(name, "") for name in self._labels)
        if values not in self._by_label:
            if len(self._by_label) >= KEPT:
                self._by_label.clear()
            self._by_label[values] = next((p for p in self._products if p.owns_alert(alert)), None)
        return self._by_label[values]
