"""Wide events: many services of several products at once are probably not one deploy's doing. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from oncall_tui.domain.alert import AlertState

WITHIN_S = 300.0
SERVICES, PRODUCTS = 3, 2
_COUNTS = frozenset({AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SEEN, AlertState.UNKNOWN})


class FiringAlert(msgspec.Struct, frozen=True, gc=False):
    """One firing alert: when it began, on which service, of which product (by name)."""

    began: float
    service: str
    product: str
    state: AlertState = AlertState.FIRING


class MultiServiceIncident(msgspec.Struct, frozen=True, gc=False):
    """How many services of how many products began to fire within five minutes; the first *since*, the last *until*."""

    since: float
    services: int
    products: int
    until: float = 0.0

    @property
    def summary(self) -> str:
        """Return the words without the time, which each screen writes its own way."""
        return f"{self.services} services of {self.products} products"

    def holds(self, began: float) -> bool:
        """Return whether an alert that began then belongs to it."""
        return self.since <= began <= self.until


def multi_service_incident(fires: Iterable[FiringAlert]) -> MultiServiceIncident | None:
    """The newest five minutes in which three services of two products began to fire; None: there are none.

    What follows within five minutes of the last that belongs to it is counted in: the number grows as it spreads.
    """
    found = sorted((f for f in fires if f.state in _COUNTS and f.service and f.product), key=lambda f: f.began)
    services: Counter[str] = Counter()
    products: Counter[str] = Counter()
    first: int | None = None  # where the newest of it began
    start = broke = 0  # of the window; of all that followed without five quiet minutes
    for index, last in enumerate(found):
        if index and last.began - found[index - 1].began > WITHIN_S:
            broke = index
        services[last.service] += 1
        products[last.product] += 1
        while last.began - found[start].began > WITHIN_S:
            _drop(services, found[start].service)
            _drop(products, found[start].product)
            start += 1
        goes_on = first is not None and first >= broke
        if len(services) >= SERVICES and len(products) >= PRODUCTS and not goes_on:
            first = start
    return None if first is None else _spread(found, first)


def _drop(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def _spread(found: list[FiringAlert], start: int) -> MultiServiceIncident:
    """Return the incident from its first firing to the last that followed without five quiet minutes."""
    last = found[start].began
    part = []
    for fire in found[start:]:
        if fire.began - last > WITHIN_S:
            break
        part.append(fire)
        last = fire.began
    return MultiServiceIncident(
        found[start].began, len({f.service for f in part}), len({f.product for f in part}), last
    )
