"""Changes by what they may have to do with: a service, a product, or one alarm. Pure, and made once per set of changes.

An alarm's edit concerns that alarm's alerts alone. An on-call schedule's edit says who is paged, and an effect is what
happened to a service: neither concerns an alert. Both are told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change, ChangeKind, alarm_keys_of
from oncall_tui.domain.product import Product


class Concerned(msgspec.Struct, frozen=True):
    """The reach of some changes: ids of services, names of products, the keys of alarms."""

    services: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    alarms: frozenset[str] = frozenset()


NOTHING_MOVED = Concerned()
TWICE_S = 90.0  # two sources tell of one change within that time: one that polls sees it up to a minute later


def told_once(changes: Iterable[Change]) -> list[Change]:
    """Return *changes*, the oldest first, each once where several sources tell of it: as the one that knows more does.

    RDS's own events and those of EventBridge are the same failover; a count that moved and a scaling activity one move.
    """
    return [most_known(copies) for copies in told_together(changes)]


def most_known(copies: Iterable[Change]) -> Change:
    """Return the one of *copies* that knows most; where all know the same, the earliest."""
    return max(copies, key=_known)


def told_together(changes: Iterable[Change]) -> list[list[Change]]:
    """Return what several sources tell of each change, the oldest change first: never what is known to be elsewhere."""
    found: list[list[Change]] = []
    places: dict[tuple[str, str], list[list[Change]]] = {}
    for change in sorted(changes, key=_began):
        like = places.setdefault((change.kind, change.resource if change.kind is ChangeKind.ALARM else change.what), [])
        copies = next((c for c in reversed(like) if _is_told_again(c, change)), None)
        if copies is not None:
            copies.append(change)
            continue
        like.append([change])
        found.append(like[-1])
    return found


def _began(change: Change) -> tuple[float, str]:
    return change.began, change.id


def _is_told_again(copies: Sequence[Change], again: Change) -> bool:
    if again.earliest - copies[0].began > TWICE_S:
        return False
    return all(first.source != again.source and not _elsewhere(first, again) for first in copies)


def _elsewhere(one: Change, other: Change) -> bool:
    """Tell whether they are known to be of two accounts, regions or services."""
    pairs = ((one.account, other.account), (one.region, other.region), (one.service_id, other.service_id))
    return any(a and b and a != b for a, b in pairs)


def _known(change: Change) -> tuple[bool, bool, bool]:
    """Return how much is known of it, for comparing: that it is over, who did it, where it was done."""
    return change.ended is not None, bool(change.by), bool(change.service_id)


class ChangeIndex:
    """The board's changes by service, by product and by alarm; knows of each whose it is."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._last: Mapping[str, Change] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._by_service: dict[str, list[Change]] = {}
        self._by_product: dict[str, list[Change]] = {}
        self._by_alarm: dict[str, list[Change]] = {}

    @property
    def owners(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the products that own each change, by the change's id."""
        return self._owners

    def learn(self, changes: Mapping[str, Change]) -> Concerned:
        """Take the board's *changes*; return what the ones that came, went or moved on concern."""
        last = self._last
        moved = [c for i, c in changes.items() if last.get(i) is not c and last.get(i) != c]
        moved += [c for i, c in last.items() if i not in changes]
        self._last = changes
        if not moved:
            return NOTHING_MOVED
        before = self._owners
        self._owners = {c.id: self._owned(c, last.get(c.id)) for c in changes.values()}
        self._sort(changes.values())
        owners = {name for c in moved for name in (*before.get(c.id, ()), *self._owners.get(c.id, ()))}
        services = frozenset(c.service_id for c in moved if c.service_id)
        alarms = frozenset(key for c in moved for key in c.alarm_keys)
        return Concerned(services, frozenset(owners), alarms)

    def of(self, service_id: str, product: str, alerts: Iterable[Alert]) -> Sequence[Change]:
        """Return what may have to do with *alerts* of this service and product (empty: none of them)."""
        if not self._last:
            return ()
        found = [*self._by_service.get(service_id, ()), *self._by_product.get(product, ())]
        if self._by_alarm:
            found += [c for a in alerts for key in alarm_keys_of(a) for c in self._by_alarm.get(key, ())]
        return told_once({c.id: c for c in found}.values()) if len(found) > 1 else found

    def _owned(self, change: Change, before: Change | None) -> tuple[str, ...]:
        if before is not None and (before.path, before.service_id) == (change.path, change.service_id):
            return self._owners[before.id]
        return tuple(p.name for p in self._products if p.owns_change(change))

    def _sort(self, changes: Iterable[Change]) -> None:
        self._by_service, self._by_product, self._by_alarm = {}, {}, {}
        for change in changes:
            if change.effect or change.kind is ChangeKind.SCHEDULE:
                continue
            if change.kind is ChangeKind.ALARM:
                for key in change.alarm_keys:
                    self._by_alarm.setdefault(key, []).append(change)
                continue
            if change.service_id:
                self._by_service.setdefault(change.service_id, []).append(change)
            for name in self._owners[change.id]:
                self._by_product.setdefault(name, []).append(change)
        for held in (self._by_service, self._by_product, self._by_alarm):
            held.update((key, told_once(found)) for key, found in held.items() if len(found) > 1)
