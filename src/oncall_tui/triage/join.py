"""Which service and product an alert speaks of, and which alerts are one problem.

Order of trust: the same key (an alarm's ARN, a fingerprint, a dedup key), or an incident that lists exactly the alert's
labels: joined, one problem. The same service only: related, which is shown and never acknowledged along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from oncall_tui.domain.alert import PAGE_KEY, Alert, AlertState, ServiceHint
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service

PAGER_PROVIDERS = frozenset({"pagerduty"})


class ServiceIndex:
    """Services by what alerts say of them; built once per set of services."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._by_name: dict[str, list[Service]] = defaultdict(list)
        for service in services:
            self._by_name[service.key.name].append(service)

    def find(self, hint: ServiceHint) -> Service | None:
        """The one service that the hint names; None where it names none, or cannot tell between several."""
        if not hint.service:
            return None
        found = [s for s in self._by_name.get(service_name(hint), ()) if _fits(s, hint)]
        return found[0] if len(found) == 1 else None


def service_name(hint: ServiceHint) -> str:
    """The service's name alone: a hint may hold an ARN."""
    return hint.service.rsplit("/", 1)[-1] if "/" in hint.service else hint.service


def _fits(service: Service, hint: ServiceHint) -> bool:
    key = service.key
    return (
        (not hint.cluster or hint.cluster.rsplit("/", 1)[-1] in (key.cluster, service.source))
        and (not hint.account or hint.account == key.account)
        and (not hint.region or hint.region == key.region)
    )


def product_of_service(service_id: str, products: Iterable[Product]) -> Product | None:
    """The first product whose globs match."""
    return next((p for p in products if p.owns_service(service_id)), None)


def product_of_alert(alert: Alert, service: Service | None, products: Iterable[Product]) -> Product | None:
    """By the alert's labels first, since a person wrote those; else by its service."""
    products = tuple(products)
    by_label = next((p for p in products if p.owns_alert(alert)), None)
    if by_label or service is None:
        return by_label
    return product_of_service(service.id, products)


def incidents(alerts: Iterable[Alert]) -> Mapping[str, str]:
    """Alert id → the id of the open incident of a pager that is the same problem."""
    alerts = tuple(alerts)
    by_key: dict[str, str] = {}
    by_labels: dict[frozenset[tuple[str, str]], str] = {}
    for alert in alerts:
        if alert.provider in PAGER_PROVIDERS and alert.state is not AlertState.RESOLVED:
            by_key.update(dict.fromkeys(alert.keys, alert.id))
            by_labels.update({frozenset(labels): alert.id for labels in alert.label_sets if labels})
    if not by_key and not by_labels:
        return {}
    sent = {key.removeprefix("dedup:"): incident for key, incident in by_key.items() if key.startswith("dedup:")}
    found: dict[str, str] = {}
    for alert in alerts:
        if alert.provider in PAGER_PROVIDERS:
            continue
        incident = next((by_key[k] for k in alert.keys if k in by_key), None)
        if incident is None:  # a page that was sent from here has the alert's id as its dedup key
            incident = sent.get(alert.id if len(alert.id) <= PAGE_KEY else alert.page_key)
        if incident is None and by_labels and alert.labels:
            incident = by_labels.get(frozenset(alert.labels))
        if incident is not None:
            found[alert.id] = incident
    return found
