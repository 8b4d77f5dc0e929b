"""Which deploy may have done it: a table of cases. Times are minutes before the episode began (negative: after)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert, deploy, revision, service
from tests.unit.test_triage import NOW, board, hint

from oncall_tui.domain.deploy import Deploy, DeployState, TaskFailure
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, SourceState, SourceStatus
from oncall_tui.triage.multi_service import FiringAlert, multi_service_incident
from oncall_tui.triage.suspects import suspicion
from oncall_tui.triage.triager import Rules, TriagedAlert, Triager

API, JOBS = "prod/main/api", "prod/main/jobs"
SHOP = Product(name="shop", services=("prod/*/*",))


def at(minutes: float, of: str = API, ended: float | None = None, **more: Any) -> Deploy:
    """A deploy that began so many minutes before, under way unless it ended."""
    state = DeployState.IN_PROGRESS if ended is None else DeployState.SUCCEEDED
    finished = None if ended is None else NOW - ended * 60
    name = f"{of.rpartition('/')[2]}{minutes:g}"
    defaults: dict[str, Any] = {"state": state, "started": NOW - minutes * 60, "finished": finished}
    return deploy(f"prod/{name}", of, **(defaults | more))


CASES: list[tuple[str, list[Deploy], list[Deploy], list[str], list[str]]] = [
    # what it is, of the service, of the rest of the product -> suspects in their order, innocent
    ("under way", [at(3)], [], ["api3"], []),
    ("under way for hours", [at(400)], [], ["api400"], []),
    ("ended within the look-back", [at(90, ended=59)], [], ["api90"], []),
    ("ended just at its edge", [at(90, ended=60)], [], ["api90"], []),
    ("ended before it", [at(90, ended=61)], [], [], []),
    ("began with it", [at(0)], [], ["api0"], []),
    ("began after it", [at(-4)], [], [], ["api-4"]),
    ("began within the second that the alert tells", [at(-0.015)], [], ["api-0.015"], []),
    ("began a second later", [at(-1 / 60)], [], [], [f"api{-1 / 60:g}"]),
    ("the newest of two first", [at(40, ended=30), at(5)], [], ["api5", "api40"], []),
    ("its own before its product's, though that fails", [at(50, ended=45)], [at(2, JOBS, failed_tasks=3)],
     ["api50", "jobs2"], []),
    ("of its product, what fails first", [], [at(2, JOBS), at(9, JOBS, failed_tasks=1)], ["jobs9", "jobs2"], []),
    ("a product's later deploy is not spoken of", [], [at(-2, JOBS)], [], []),
    ("a rollback is looked at last", [at(2, rollback="by hand"), at(9, ended=3)], [], ["api9", "api2"], []),
    ("over, and no end is told: its begin counts",
     [at(70, state=DeployState.STOPPED), at(50, state=DeployState.FAILED)], [], ["api50"], []),
    ("one that had all traffic for hours stands below what was deployed since",
     [at(400, all_traffic_since=NOW - 61 * 60)], [at(5, JOBS)], ["jobs5", "api400"], []),
    ("one that bakes since less than the look-back stands above", [at(400, all_traffic_since=NOW - 59 * 60)],
     [at(5, JOBS)], ["api400", "jobs5"], []),
    ("one that bakes alone is the suspect still", [at(400, all_traffic_since=NOW - 300 * 60)], [], ["api400"], []),
    ("a sibling's that bakes for hours is the last", [at(50, ended=45)],
     [at(400, JOBS, all_traffic_since=NOW - 300 * 60)], ["api50", "jobs400"], []),
    ("nothing", [], [], [], []),
]  # fmt: skip


@pytest.mark.parametrize(("own", "others", "suspects", "innocent"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_table(own: list[Deploy], others: list[Deploy], suspects: list[str], innocent: list[str]) -> None:
    found = suspicion(NOW, API, own, others)
    assert [s.deploy.id.removeprefix("prod/") for s in found.suspects] == suspects
    assert [s.deploy.id.removeprefix("prod/") for s in found.innocent] == innocent
    assert all(s.own == (s.deploy.service_id == API) for s in found.suspects)


def words(*own: Deploy, others: tuple[Deploy, ...] = (), now: float = NOW + 60, **more: Any) -> str:
    return suspicion(NOW, API, own, others, **more).words(now)


def test_the_words_say_what_and_how_long_before_and_what_failed() -> None:
    old, new = revision(41), revision(42)
    oom = (TaskFailure("t1", NOW, "OutOfMemoryError", 137),)
    failing = at(3, old=old, new=new, failed_tasks=2, failures=oom)
    assert (
        words(failing)
        == "deploy :41→:42 of prod/api started 3m before the alert, 2 tasks stopped (exit 137 OutOfMemoryError)"
    )
    assert (
        words(at(40, ended=10, old=old, new=new))
        == "deploy :41→:42 of prod/api started 40m before the alert, succeeded 10m before the alert"
    )
    assert words(others=(at(0.1, JOBS, old=old, new=new),)) == "deploy :41→:42 of prod/jobs started 6s before the alert"
    back = at(5, ended=1, old=old, new=new, state=DeployState.ROLLED_BACK)
    assert words(back) == "deploy :41→:42 of prod/api started 5m before the alert, rolled back to :41 by unknown"


def test_where_there_is_none_the_last_deploy_and_its_age_are_said() -> None:
    old, new = revision(41), revision(42)
    assert words(at(200, ended=190, old=old, new=new)) == (
        "no suspect: no deploy in the hour before; the last, :41→:42, started 3h ago"
    )
    assert words(last_at=NOW - 86_400 * 3) == "no suspect: no deploy in the hour before; the last started 3d ago"
    assert words(at(-4, old=old, new=new), last_at=NOW + 240, now=NOW + 242) == (
        "no suspect: no deploy in the hour before; the last, :41→:42, started 4m after the alert, just now"
    )
    assert words(look_back_s=1800.0) == "no suspect: no deploy in the 30 minutes before"
    assert words(unread="deploys: denied") == "not known: deploys: denied"
    assert suspicion(NOW, "", ()).words(NOW) == "no suspect: no known ECS service for this alert"


def test_a_later_deploy_is_said_not_to_be_the_suspect() -> None:
    found = suspicion(NOW, API, [at(-4, old=revision(41), new=revision(42))])
    assert [s.words for s in found.innocent] == [
        "deploy :41→:42 of prod/api started 4m after the alert: not the suspect"
    ]


def looked(*rows: Any) -> TriagedAlert:
    rows = (service(API), service(JOBS), *rows)
    return Triager(Rules(products=(SHOP,))).triage(board(*rows)).alerts[0]


def test_an_alert_of_a_product_alone_suspects_the_products_deploys() -> None:
    row = looked(alert("prom/a", began=NOW, labels=(("team", "shop"),)), at(3, JOBS))
    assert row.suspect is None  # nobody says that it is the shop's
    shop = msgspec.structs.replace(SHOP, alerts={"team": "shop"})
    rules = Rules(products=(shop,))
    rows = (service(JOBS), alert("prom/a", began=NOW, labels=(("team", "shop"),)), at(3, JOBS))
    (row,) = Triager(rules).triage(board(*rows)).alerts
    assert row.suspect is not None
    assert row.suspect.service_id == JOBS


def test_a_flap_does_not_blame_what_began_while_it_fired_and_thirty_quiet_minutes_begin_an_episode() -> None:
    triager = Triager(Rules())

    def row(minute: float, began: float | None) -> TriagedAlert | None:
        rows = [service(API), at(-0.5)]
        if began is not None:
            rows.append(alert("prom/a", began=NOW + began * 60, hint=hint("api")))
        found = triager.triage(msgspec.structs.replace(board(*rows), at=NOW + minute * 60)).alerts
        return found[0] if found else None

    first = row(1, 0)
    assert first is not None
    row(5, None)
    again = row(16, 15)
    assert again is not None
    assert (again.began, again.firings, again.suspect) == (NOW, 2, None)
    assert again.suspicion.innocent
    row(20, None)
    third = row(26, 25)
    assert third is not None
    assert third.flaps == "flapping: fired 3 times"
    row(30, None)
    fresh = row(62, 61)
    assert fresh is not None
    assert (fresh.began, fresh.firings) == (NOW + 61 * 60, 1)
    assert fresh.suspect is not None


def test_in_a_wide_event_suspects_are_also_deployed() -> None:
    products = (SHOP, Product(name="auth", services=("edge/*/*",)))
    rows = [service(API), service(JOBS), service("edge/main/web", source="edge"), at(3)]
    for name in ("api", "jobs", "web"):
        rows.append(alert(f"prom/{name}", began=NOW, hint=hint(name)))
    triager = Triager(Rules(products=products))
    triaged = triager.triage(board(*rows))
    assert triaged.multi_service_incident is not None
    assert triaged.multi_service_incident.summary == "3 services of 2 products"
    row = triaged.find("prom/api")
    assert row is not None
    assert row.suspicion.words(NOW).startswith("also deployed: deploy ")
    assert row.suspect is not None  # R offers it still, and warns
    assert triager.triage(board(*rows)).find("prom/api") is row
    calm = triager.triage(board(*rows[:-1])).find("prom/api")
    assert calm is not None
    assert not calm.suspicion.wide


def test_a_wide_event_that_spreads_for_long_is_since_its_first() -> None:
    products = "aabbba"  # no five minutes of it are all of one product's but those in the middle
    fires = [FiringAlert(NOW + 120 * turn, f"prod/main/s{turn}", product) for turn, product in enumerate(products)]
    event = multi_service_incident([*fires, FiringAlert(NOW - 7200, "prod/main/s1", "p1")])
    assert event is not None
    assert (event.since, event.until, event.services, event.products) == (NOW, NOW + 600, 6, 2)
    assert all(event.holds(f.began) for f in fires)


def said(*rows: Any, products: tuple[Product, ...] = (), **sources: SourceStatus) -> str:
    """The line about the only alert; *sources* are how they are, where they are not OK."""
    whole = board(*rows)
    held = {s.name: msgspec.structs.replace(s, provider="ecs") for s in whole.sources.values()} | sources
    (row,) = Triager(Rules(products=products)).triage(msgspec.structs.replace(whole, sources=held)).alerts
    return row.suspicion.words(NOW)


def status(name: str, state: SourceState, *scopes: str) -> SourceStatus:
    read_at = None if state is SourceState.WAITING else NOW
    problems = tuple(PartialFailure(SourceState.DENIED, scope, "no") for scope in scopes)
    return SourceStatus(
        name=name, provider="ecs", state=state, read_at=read_at, problems=problems, partial=bool(scopes)
    )


FIRES = alert("prom/a", began=NOW, hint=hint("api"))
NONE = "no suspect: no deploy in the hour before"
OF_THE_SHOP = alert("prom/a", began=NOW, labels=(("team", "shop"),))
BOTH = Product(name="shop", services=("prod/*/*", "edge/*/*"), alerts={"team": "shop"})


def test_no_suspect_is_said_only_where_deploys_were_read() -> None:
    assert said(FIRES, service(API)) == NONE
    expired, waiting = status("prod", SourceState.EXPIRED), status("prod", SourceState.WAITING)
    assert said(FIRES, service(API), prod=expired) == "not known: prod cannot be read now"
    assert said(FIRES, prod=expired) == "not known: prod cannot be read now"
    assert said(FIRES, prod=waiting) == "not known: prod has not been read yet"
    nameless = alert("prom/a", began=NOW)
    assert said(nameless, service(API), prod=expired) == "no suspect: no known ECS service for this alert"


def test_a_cluster_that_cannot_be_read_makes_no_other_unknown() -> None:
    other, mine = (status("prod", SourceState.DENIED, f"cluster {name}") for name in ("jobs", "main"))
    assert said(FIRES, service(API), prod=other) == NONE
    assert said(FIRES, service(API), prod=mine) == "not known: prod cannot be read now"


def test_the_rest_of_a_product_may_be_where_nobody_can_read() -> None:
    web = service("edge/main/web", source="edge")
    expired = status("edge", SourceState.EXPIRED)
    assert said(FIRES, service(API), web, products=(BOTH,)) == NONE
    assert said(FIRES, service(API), web, products=(BOTH,), edge=expired) == "not known: edge cannot be read now"
    assert said(FIRES, service(API), products=(BOTH,), edge=expired) == "not known: edge cannot be read now"
    assert said(FIRES, service(API), web, at(3), products=(BOTH,), edge=expired).startswith("deploy")
    assert said(FIRES, service(API), web, products=(SHOP,), edge=expired) == NONE


def test_an_alert_of_a_product_alone_says_that_nothing_of_it_was_deployed() -> None:
    of_it = "no suspect: no deploy of shop in the hour before"
    assert said(OF_THE_SHOP, service(API), products=(BOTH,)) == of_it
    expired = status("prod", SourceState.EXPIRED)
    assert said(OF_THE_SHOP, service(API), products=(BOTH,), prod=expired) == "not known: prod cannot be read now"
    assert said(OF_THE_SHOP, products=(BOTH,), prod=expired) == "not known: prod cannot be read now"
