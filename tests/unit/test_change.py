"""A change: what a reading keeps, and whose it is."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.board import merge
from oncall_tui.domain.change import KEPT, KEPT_S, Change, ChangeKind, newest
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState, SourceStatus
from oncall_tui.triage.changes import told_once
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.triage.unread_scope import blind

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


def test_what_two_sources_tell_of_is_told_once_whichever_of_them_a_product_names() -> None:
    again = replaced(id="events/1", source="events", began=100.4)
    later = replaced(id="events/2", source="events", began=200.0)
    of_rds = Reading(source="rds", at=300.0, changes=(FAILOVER,))
    of_events = Reading(source="events", at=300.0, changes=(again, later))
    for readings in ((of_rds, of_events), (of_events, of_rds)):
        board = merge(1, 300.0, (), readings)
        assert [c.id for c in told_once(board.changes.values())] == ["rds/1", "events/2"]
        for source in ("rds", "events"):  # the one that it names is its own, also where the other one comes first
            payments = Product(name="payments", alerts={"team": "x"}, changes=(f"{source}/payments-*",))
            triaged = Triager(Rules(products=(payments,))).triage(board)
            assert next(c.source for c in triaged.changes_of(None, payments)) == source


def test_a_change_is_its_products_by_its_service_or_by_a_glob() -> None:
    payments = Product(name="payments", services=("prod/prod-main/payments-*",), changes=("rds/payments-*",))
    assert payments.owns_change(FAILOVER)
    assert not payments.owns_change(replaced(resource="search-db"))
    assert payments.owns_change(replaced(resource="x", service_id="prod/prod-main/payments-api"))


def test_a_source_that_is_read_well_may_say_that_it_does_not_know_all_changes() -> None:
    words = "a queue tells nothing of the hour before it was read"
    problem = PartialFailure(SourceState.OK, "changes", words)
    status = SourceStatus(name="events", provider="eventbridge", state=SourceState.OK, problems=(problem,))
    payments = Product(name="payments", changes=("events/payments-*",))
    assert blind({"events": status}).about_changes(None, payments) == f"events: {words}"
    assert blind({"events": msgspec.structs.replace(status, problems=())}).about_changes(None, payments) == ""
    assert blind({"events": status}).about_changes(None, Product(name="auth", changes=("rds/*",))) == ""
