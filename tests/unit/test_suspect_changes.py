"""Changes as suspects: which, in which order beside deploys, in which words, and what R makes of it.

Times are minutes before the episode began (negative: after).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert, revision, service
from tests.unit.test_suspect import API, JOBS, NOW, at
from tests.unit.test_triage import board, hint

from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, SourceState, SourceStatus
from oncall_tui.triage.changes import told_once
from oncall_tui.triage.consent import change_instead, reason_missing
from oncall_tui.triage.suspects import Suspect, Suspicion, suspicion
from oncall_tui.triage.triager import Rules, TriagedAlert, TriagedBoard, Triager
from oncall_tui.tui.presenters import group_cells

SHOP = Product(name="shop", services=("prod/*/*",), changes=("rds/shop-*",))


def change(name: str, minutes: float, lasted: float | None = 0.0, **more: Any) -> Change:
    """A failover of the shop's database that began so many minutes before; *lasted* None: it is under way."""
    began = NOW - minutes * 60
    fields: dict[str, Any] = {"id": f"rds/{name}", "source": "rds", "kind": ChangeKind.DATABASE}
    fields |= {"what": "RDS failover of shop-db", "resource": "shop-db"}
    ended = None if lasted is None else began + lasted * 60
    return Change(began=began, ended=ended, **(fields | more))


def scaled(name: str, minutes: float, before: int, after: int, of: str = API, by: str = "autoscaling") -> Change:
    service = of.rpartition("/")[2]
    what = f"desired count {before} → {after} of {service}"
    return change(name, minutes, kind=ChangeKind.SCALING, what=what, resource=service, service_id=of, by=by)


def seen(name: str, not_before: float, at_last: float) -> Change:
    """A count of which nobody tells by whom it was moved, nor when: only between which two readings."""
    moved = scaled(name, at_last, 4, 2, by="")
    return msgspec.structs.replace(moved, not_before=NOW - not_before * 60)


def names(found: Suspicion) -> list[str]:
    return [(s.deploy.id if isinstance(s, Suspect) else s.change.id).partition("/")[2] for s in found.suspects]


FAILING = {"failed_tasks": 2}
CASES: list[tuple[str, list[Deploy], list[Deploy], list[Change], list[str]]] = [
    # what it is, deploys of the service, of the rest of the product, changes -> suspects in their order
    ("a failover beats a deploy that ended long before", [at(50, ended=40)], [], [change("f", 1)], ["f", "api50"]),
    ("a later deploy beats an older failover", [at(2)], [], [change("f", 10)], ["api2", "f"]),
    ("a deploy that fails beats a failover since", [at(9, **FAILING)], [], [change("f", 1)], ["api9", "f"]),
    ("one that failed long before does not", [at(50, ended=30, state=DeployState.FAILED)], [], [change("f", 1)],
     ["f", "api50"]),
    ("it beats a rollback", [at(2, rollback="by hand")], [], [change("f", 10)], ["f", "api2"]),
    ("and what had all traffic for hours", [at(400, all_traffic_since=NOW - 61 * 60)], [], [change("f", 50)],
     ["f", "api400"]),
    ("and another service's deploy", [], [at(2, JOBS, **FAILING)], [change("f", 10)], ["f", "jobs2"]),
    ("a deploy that fails beats a scaling elsewhere", [at(9, **FAILING)], [],
     [scaled("s", 2, 4, 2, JOBS, by="Bob")], ["api9", "s"]),
    ("and so does one that does not fail", [at(9)], [], [scaled("s", 2, 4, 2, JOBS, by="Bob")], ["api9", "s"]),
    ("a scale-in just before is strong", [at(50, ended=40)], [], [scaled("s", 3, 4, 2)], ["s", "api50"]),
    ("one long before answered to load", [at(50, ended=45)], [], [scaled("s", 30, 4, 2)], ["api50", "s"]),
    ("unless a person did it", [at(50, ended=45)], [], [scaled("s", 30, 4, 2, by="Bob")], ["s", "api50"]),
    ("a scale-out is weak", [at(50, ended=40)], [], [scaled("s", 3, 2, 4)], ["api50", "s"]),
    ("a release may be the deploy itself", [at(3)], [],
     [change("r", 2, kind=ChangeKind.RELEASE, what="release 1.9 of api", service_id=API)], ["api3", "r"]),
    ("what is strong, what is its own, what is new, in this order", [], [],
     [scaled("out", 1, 2, 4), scaled("jobs", 2, 4, 2, JOBS), change("old", 30), change("new", 20)],
     ["new", "old", "jobs", "out"]),
    ("ended just at the look-back's edge", [], [], [change("f", 70, 10)], ["f"]),
    ("ended before it", [], [], [change("f", 72, 10)], []),
    ("under way for hours", [at(20)], [], [change("f", 400, None)], ["api20", "f"]),
    ("began later", [], [], [change("f", -3)], []),
    # of a count that two readings saw differ, it is only known that it moved between them
    ("may have begun before the alert: behind every deploy", [at(50, ended=40)], [], [seen("s", 1, -2)],
     ["api50", "s"]),
    ("and a suspect where there is no other", [], [], [seen("s", 1, -2)], ["s"]),
    ("surely began after it", [], [], [seen("s", -1, -2)], []),
    ("surely began before it, and after the deploy", [at(50, ended=40)], [], [seen("s", 5, 2)], ["s", "api50"]),
    ("it may have begun before the deploy", [at(4)], [], [seen("s", 5, 2)], ["api4", "s"]),
    ("it may have begun in the look-back", [], [], [seen("s", 70, 59)], ["s"]),
]  # fmt: skip


@pytest.mark.parametrize(("own", "others", "changes", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_table(own: list[Deploy], others: list[Deploy], changes: list[Change], wanted: list[str]) -> None:
    assert names(suspicion(NOW, API, own, others, changes=changes)) == wanted
    assert names(suspicion(NOW, API, own, others, changes=changes[::-1])) == wanted
    deploys = suspicion(NOW, API, own, others).suspects
    assert suspicion(NOW, API, own, others, changes=changes).deploys == deploys  # they keep their order


def words(one: Change) -> str:
    return suspicion(NOW, API, (), changes=(one,)).words(NOW + 60)


def test_the_evidence_says_what_by_whom_and_when() -> None:
    assert words(change("f", 1, None)) == "RDS failover of shop-db began 1m before the alert, under way"
    assert words(change("f", 3, 2, by="AWS")) == (
        "RDS failover of shop-db began 3m before the alert, ended 1m before the alert"
    )
    assert words(change("f", 1, 3)) == "RDS failover of shop-db began 1m before the alert, ended 2m after it"
    assert words(scaled("s", 3, 4, 2)) == "desired count 4 → 2 of api by autoscaling 3m before the alert"
    assert words(scaled("s", 0, 4, 2)) == "desired count 4 → 2 of api by autoscaling together with the alert"


def test_what_began_later_is_said_to_be_innocent() -> None:
    found = suspicion(NOW, API, (), changes=(change("f", -2), scaled("s", -3, 4, 2, JOBS)))
    assert found.suspects == ()
    assert [s.words for s in found.innocent] == [
        "RDS failover of shop-db began 2m after the alert: not the suspect"
    ]  # of another service nothing is said


def test_of_what_was_only_seen_later_it_is_said_between_which_times_it_was() -> None:
    count = "desired count 4 → 2 of api"
    assert words(seen("s", 1, -2)) == f"{count} between 1m before and 2m after the alert: possibly the suspect"
    assert words(seen("s", 5, 2)) == f"{count} between 5m and 2m before the alert"
    assert words(seen("s", 2.1, 2)) == f"{count} 2m before the alert"  # some seconds apart
    assert words(seen("s", 0, -2)) == f"{count} between 0s before and 2m after the alert: possibly the suspect"
    found = suspicion(NOW, API, (), changes=(seen("s", -1, -4), seen("t", -3, -3.1)))
    assert [s.words for s in found.innocent] == [
        f"{count} began 3m after the alert: not the suspect",
        f"{count} began between 1m and 4m after the alert: not the suspect",
    ]
    told = suspicion(NOW, API, (), changes=(seen("s", 1, -2),))
    assert told.change_first is None  # no plan calls it the likelier cause


def test_a_row_s_line_says_what_was_not_read_where_the_suspect_is_another_service_s() -> None:
    def line_of(*rows: Any, **sources: Any) -> str:
        (line,) = group_cells.under(row(*rows, **sources), NOW)
        return "".join(str(cell[0]) for cell in line)

    theirs, gone = at(2, JOBS), {"state": SourceState.DENIED}
    assert line_of(theirs, **gone).endswith(" · but not all is known: rds cannot be read now")
    assert "not all is known" not in line_of(theirs)
    assert "not all is known" not in line_of(
        at(2), **gone
    )  # its own deploy is evidence enough; the detail says the rest


def test_the_row_says_that_it_is_possible_only() -> None:
    assert group_cells.suspect(row(changes=(seen("s", 1, -2),))) == (
        "◂ possibly count 4 → 2",
        "unknown",
        "? count 4 → 2",
    )


# --- on a board -------------------------------------------------------------------------------------------------------


def shown(*rows: Any, changes: tuple[Change, ...] = (), **sources: Any) -> Board:
    found = board(service(API), service(JOBS), *rows)
    rds = SourceStatus(name="rds", provider="rds", read_at=NOW, **({"state": SourceState.OK} | sources))
    return msgspec.structs.replace(
        found,
        changes=MappingProxyType({c.id: c for c in changes}),
        sources=MappingProxyType({**found.sources, "rds": rds}),
    )


def triaged(*rows: Any, changes: tuple[Change, ...] = (), **sources: Any) -> TriagedBoard:
    return Triager(Rules(products=(SHOP,))).triage(shown(*rows, changes=changes, **sources))


def row(*rows: Any, changes: tuple[Change, ...] = (), **sources: Any) -> TriagedAlert:
    return triaged(FIRES, *rows, changes=changes, **sources).alerts[0]


FIRES = alert("prom/a", began=NOW, hint=hint("api"))


def test_a_change_is_its_service_s_or_its_product_s() -> None:
    assert names(row(changes=(change("f", 1),)).suspicion) == ["f"]
    assert names(row(changes=(change("f", 1, resource="search-db"),)).suspicion) == []
    assert names(row(changes=(change("s", 1, resource="x", service_id=API),)).suspicion) == ["s"]
    board_ = triaged(FIRES, changes=(change("f", 1), change("g", 1, resource="search-db")))
    assert board_.change_owners == {"rds/f": ("shop",), "rds/g": ()}


def test_an_effect_and_an_on_call_schedule_are_never_accused() -> None:
    placing = change("p", 1, kind=ChangeKind.PLACEMENT, service_id=API, effect=True)
    override = change("o", 1, kind=ChangeKind.SCHEDULE, what="override of the shop's schedule", service_id=API)
    assert row(changes=(placing, override)).suspicion.suspects == ()


def test_an_alarm_s_edit_is_a_suspect_of_that_alarm_alone() -> None:
    edit = change("e", 1, kind=ChangeKind.ALARM, what="edit of api-5xx", resource="api-5xx", source="alarms")
    own = alert("alarms/api-5xx", provider="cloudwatch", title="api-5xx", began=NOW, hint=hint("api"))
    alerts = {a.id: a.suspicion for a in triaged(FIRES, own, changes=(edit,)).alerts}
    assert names(alerts["alarms/api-5xx"]) == ["e"]
    assert names(alerts["prom/a"]) == []


def test_an_alarm_s_edit_in_another_account_or_region_is_no_suspect() -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:api-5xx"
    fires = alert("alarms/api-5xx", provider="cloudwatch", title="api-5xx", began=NOW, hint=hint("api"), keys=(arn,))

    def edited(account: str, region: str) -> list[str]:
        of: dict[str, Any] = {"id": "ev/e", "source": "ev", "account": account, "region": region}
        edit = change("e", 1, kind=ChangeKind.ALARM, what="edit of alarm api-5xx", resource="api-5xx", **of)
        told = triaged(fires, changes=(edit,))
        assert bool(told.changes_of(None, None, (fires,))) == bool(told.alerts[0].suspicion.suspects)
        return names(told.alerts[0].suspicion)

    assert edited("111111111111", "eu-west-1") == ["e"]
    assert edited("222222222222", "eu-west-1") == []
    assert edited("111111111111", "us-east-1") == []
    assert edited("", "") == []  # a name alone does not tell which alarm it is


def test_what_is_known_to_be_elsewhere_is_never_the_same_change_and_the_one_with_an_end_is_told() -> None:
    here = change("a", 5, None, by="Bob", account="111111111111", region="eu-west-1")
    for of in ({"account": "222222222222"}, {"region": "us-east-1"}):
        there = msgspec.structs.replace(here, id="b/a", source="b", **of)
        assert told_once([here, there]) == [there, here]  # by id, since they began together
        unknown = msgspec.structs.replace(here, id="c/a", source="c", by="", account="", region="")
        assert len(told_once([here, unknown, there])) == 2
    over = msgspec.structs.replace(here, id="b/a", source="b", ended=here.began + 9, by="")
    assert told_once([here, over]) == told_once([over, here]) == [over]
    jobs = msgspec.structs.replace(here, id="b/a", source="b", service_id=JOBS)
    assert len(told_once([msgspec.structs.replace(here, service_id=API), jobs])) == 2


def test_what_two_sources_tell_is_one_change_as_the_one_that_knows_more_tells_it() -> None:
    shop = msgspec.structs.replace(SHOP, changes=("*/shop-*",))
    told = change("f", 1, None)
    again = change("g", 0.5, 0.4, source="events", id="events/g")
    other = change("h", 9, 0.4, source="events", id="events/h")  # long before: another failover
    triager = Triager(Rules(products=(shop,)))
    (seen,) = triager.triage(shown(FIRES, changes=(told, again, other))).alerts
    assert names(seen.suspicion) == ["g", "h"]
    polled = scaled("s", 3, 4, 2, by="")
    pushed = msgspec.structs.replace(scaled("s", 3.5, 4, 2), id="events/s", source="events")
    twice = triager.triage(shown(FIRES, changes=(polled, pushed)))
    assert [s.words for s in twice.alerts[0].suspicion.suspects] == [
        "desired count 4 → 2 of api by autoscaling 3m before the alert"
    ]
    assert twice.changes_of(twice.alerts[0].service, shop) == [pushed]
    late = msgspec.structs.replace(scaled("t", 0, 4, 2, by=""), not_before=NOW - 240, id="events/t", source="events")
    assert told_once([polled, late]) == [polled]  # it may have been then
    assert len(told_once([scaled("a", 5, 4, 2), scaled("b", 4, 4, 2)])) == 2  # one source does not tell twice


def test_rows_follow_changes_that_come_and_go_and_others_stay_the_same_objects() -> None:
    triager = Triager(Rules(products=(SHOP, msgspec.structs.replace(SHOP, name="x", services=(), changes=()))))
    other = alert("prom/b", began=NOW, hint=hint("nothing"))
    edit = change("e", 1, kind=ChangeKind.ALARM, what="edit of it", resource=other.title, source="prom")
    first = triager.triage(shown(FIRES, other)).alerts
    second = triager.triage(shown(FIRES, other, changes=(change("f", 1),))).alerts
    third = triager.triage(shown(FIRES, other, changes=(change("f", 1), edit))).alerts
    fourth = triager.triage(shown(FIRES, other, changes=(change("f", 1), edit))).alerts
    by_id = [{a.id: a for a in alerts} for alerts in (first, second, third, fourth)]
    assert [names(alerts["prom/a"].suspicion) for alerts in by_id] == [[], ["f"], ["f"], ["f"]]
    assert [names(alerts["prom/b"].suspicion) for alerts in by_id] == [[], [], ["e"], ["e"]]
    assert by_id[0]["prom/b"] is by_id[1]["prom/b"]
    assert by_id[1]["prom/a"] is by_id[2]["prom/a"]
    assert by_id[2]["prom/b"] is by_id[3]["prom/b"]
    gone = triager.triage(shown(FIRES, other)).alerts
    assert [names(a.suspicion) for a in gone] == [[], []]


def test_where_a_source_of_its_changes_is_not_read_nothing_is_said_not_to_have_changed() -> None:
    read = "no suspect: no deploy or change in the hour before"
    assert row().suspicion.words(NOW) == read
    lost = row(state=SourceState.DENIED).suspicion
    assert lost.words(NOW) == "not known: rds cannot be read now; no deploy in the hour before"
    part = PartialFailure(SourceState.DENIED, "changes", "no")
    assert row(state=SourceState.DENIED, partial=True, problems=(part,)).suspicion.changes_unread == (
        "the changes of rds cannot be read now"
    )
    assert row(state=SourceState.WAITING, complete=False).suspicion.changes_unread == "rds has not been read yet"
    found = row(at(3), state=SourceState.DENIED).suspicion
    assert (found.unread, found.not_known, names(found)) == ("", "rds cannot be read now", ["api3"])


def test_a_product_without_sources_of_changes_says_nothing_of_changes() -> None:
    plain = msgspec.structs.replace(SHOP, changes=())
    found = Triager(Rules(products=(plain,))).triage(shown(FIRES, state=SourceState.DENIED)).alerts[0]
    assert found.suspicion.words(NOW) == "no suspect: no deploy in the hour before"


WEAK = [
    scaled("out", 1, 2, 4),
    change("r", 1, kind=ChangeKind.RELEASE, what="release 1.9 of api", service_id=API),
    change("o", 1, kind=ChangeKind.OTHER, what="a flag", service_id=API),
]


@pytest.mark.parametrize("weak", WEAK, ids=[c.what for c in WEAK])
def test_weak_evidence_does_not_hide_that_deploys_were_not_read(weak: Change) -> None:
    def seen(state: SourceState, *changes: Change) -> TriagedBoard:
        whole = shown(FIRES, changes=changes)
        ecs = msgspec.structs.replace(whole.sources["prod"], provider="ecs", state=state)
        read = msgspec.structs.replace(whole, sources=MappingProxyType({**whole.sources, "prod": ecs}))
        return Triager(Rules(products=(SHOP,))).triage(read)

    asked = (API, revision(42).task_definition, "prod/api2")
    for state in (SourceState.DENIED, SourceState.OFFLINE):
        told = seen(state, weak)
        (one,) = told.alerts
        assert names(one.suspicion) == [weak.id.partition("/")[2]]
        assert one.suspicion.change_first is None
        assert one.suspicion.words(NOW).startswith("not known: prod cannot be read now; ")
        assert weak.what in one.suspicion.words(NOW)
        cell = group_cells.suspect(one)
        assert cell[0].startswith("suspect not known; ")
        assert cell[2] == "suspect not known"
        assert change_instead(told, *asked) == ""
        unread = "whether a deploy is suspected is not known: prod cannot be read now"
        (first,) = one.suspicion.suspects
        assert reason_missing(told, *asked) == f"{unread}; what was read has weak evidence alone: {first.words}"
        (strong,) = seen(state, weak, change("f", 2)).alerts
        assert strong.suspicion.words(NOW).startswith("RDS failover")
        assert group_cells.suspect(strong)[0] == "◂ RDS failover 2m before"
    (read,) = seen(SourceState.OK, weak).alerts
    assert read.suspicion.in_doubt == ""
    assert group_cells.suspect(read)[0].startswith("◂ ")
    (lost,) = triaged(FIRES, changes=(scaled("s", 1, 2, 4),), state=SourceState.DENIED).alerts
    assert lost.suspicion.words(NOW).startswith("not known: rds cannot be read now; desired count 2 → 4")


# --- R, and what the row shows ----------------------------------------------------------------------------------------


def test_r_takes_the_first_deploy_and_says_that_a_change_is_likelier() -> None:
    old = at(50, ended=40, new=revision(42))
    seen = triaged(FIRES, old, changes=(change("f", 1),))
    assert seen.alerts[0].suspect == old
    asked = (API, revision(42).task_definition, old.id)
    assert change_instead(seen, *asked) == (
        "a change is the likelier cause, and no rollback takes it back: RDS failover of shop-db 1m before the alert"
    )
    assert change_instead(triaged(FIRES, old), *asked) == ""
    assert change_instead(triaged(FIRES, at(2, new=revision(42)), changes=(change("f", 9),)), *asked) == ""
    only = triaged(FIRES, changes=(change("f", 1),))
    assert only.alerts[0].suspect is None
    assert change_instead(only, *asked)


def test_the_row_shows_the_change_that_stands_first() -> None:
    def cell(one: TriagedAlert) -> str:
        said = group_cells.suspect(one)
        return said if isinstance(said, str) else said[0]

    assert cell(row(changes=(change("f", 1),))) == "◂ RDS failover 1m before"
    assert cell(row(changes=(scaled("s", 3, 4, 2),))) == "◂ count 4 → 2 3m before"
    assert cell(row(changes=(scaled("s", 3, 4, 2, JOBS),))) == "◂ jobs count 4 → 2 3m before"
    (line,) = group_cells.under(row(changes=(change("f", 1),)), NOW)
    assert re.match("RDS failover of shop-db 1m before the alert", line[1][0])
