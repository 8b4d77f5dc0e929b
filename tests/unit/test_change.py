"""A change: what a reading keeps, and whose it is."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.change import KEPT, KEPT_S, Change, ChangeKind, newest
from oncall_tui.domain.product import Product

FAILOVER = Change(
    id="rds/1",
    source="rds",
    kind=ChangeKind.DATABASE,
    what="RDS failover of payments-db",
    resource="payments-db",
    began=100.0,
    ended=130.0,
)


def replaced(**more: object) -> Change:
    return msgspec.structs.replace(FAILOVER, **more)


def test_a_change_is_told_once_as_it_was_told_last_and_the_newest_first() -> None:
    early, late = replaced(id="rds/0", began=50.0, ended=None), replaced(began=100.0, ended=None)
    assert newest((early, late, FAILOVER), 200.0) == (FAILOVER, early)


def test_what_ended_a_day_ago_is_forgotten_and_what_is_under_way_is_not() -> None:
    under_way = replaced(id="rds/2", ended=None)
    assert newest((FAILOVER, under_way), 130.0 + KEPT_S) == (FAILOVER, under_way)
    assert newest((FAILOVER, under_way), 131.0 + KEPT_S) == (under_way,)
    many = tuple(replaced(id=f"rds/{n}", began=float(n), ended=float(n)) for n in range(KEPT + 5))
    assert [one.id for one in newest(many, 600.0)][:1] == [f"rds/{KEPT + 4}"]
    assert len(newest(many, 600.0)) == KEPT


def test_a_change_is_its_products_by_its_service_or_by_a_glob() -> None:
    payments = Product(name="payments", services=("prod/prod-main/payments-*",), changes=("rds/payments-*",))
    assert payments.owns_change(FAILOVER)
    assert not payments.owns_change(replaced(resource="search-db"))
    assert payments.owns_change(replaced(resource="x", service_id="prod/prod-main/payments-api"))
