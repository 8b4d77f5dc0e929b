"""What to look at first, and why."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert, deploy, revision, service

from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.service import DEPLOYS_UNREAD, Service, ServiceKey
from oncall_tui.domain.transitions import transitions
from oncall_tui.engine.engine import Update
from oncall_tui.text.spelling import misspelt
from oncall_tui.triage.empty_board import last_read, nothing
from oncall_tui.triage.filters import OWN, WORDS, FilterError, Known, keep, parse
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.triage.triager import (
    Rules,
    TriagedAlert,
    TriagedBoard,
    Triager,
    page_count,
    page_words,
    unacknowledged_count,
)
from oncall_tui.tui.screens.detail.pane import source_lines

PAGES = ({"severity": "critical"}, {"provider": "pagerduty", "urgency": "high"})
PAYMENTS = Product(
    name="payments", services=("prod/*/payments-*",), alerts={"team": "payments"}, protected=True, rollback_note="ask"
)
SEARCH = Product(name="search", services=("*/*/search-*",))
NOW = 1_800_000_000.0


def board(*rows: Any, states: dict[str, SourceState] | None = None) -> Board:
    sources = dict.fromkeys((r.source for r in rows), SourceState.OK) | (states or {})
    readings = [
        Reading(
            source=name,
            at=NOW,
            alerts=tuple(r for r in rows if r.source == name and hasattr(r, "severity")),
            services=tuple(r for r in rows if r.source == name and hasattr(r, "health")),
            deploys=tuple(r for r in rows if r.source == name and hasattr(r, "strategy")),
        )
        for name in sources
    ]
    statuses = [SourceStatus(name=n, provider="fake", state=s, read_at=NOW) for n, s in sources.items()]
    return merge(1, NOW, statuses, readings)


def triaged(*rows: Any) -> TriagedBoard:
    return Triager(Rules(pages=PAGES, products=(PAYMENTS, SEARCH))).triage(board(*rows))


def hint(name: str, cluster: str = "main", **more: str) -> ServiceHint:
    return ServiceHint(cluster=cluster, service=name, **more)


def test_rank_pages_then_nobodys_then_severity_then_protected_then_newest() -> None:
    rows = [
        alert("prom/page-new", severity=Severity.CRITICAL, began=NOW - 10),
        alert("prom/page-old", severity=Severity.CRITICAL, began=NOW - 90),
        alert("prom/page-ack", severity=Severity.CRITICAL, state=AlertState.ACKNOWLEDGED, began=NOW),
        alert("prom/error", severity=Severity.ERROR, began=NOW - 900),
        alert("prom/protected", labels=(("team", "payments"),), began=NOW - 500),
        alert("prom/warn", began=NOW - 5),
        alert("prom/unknown", severity=Severity.UNKNOWN, began=NOW - 6),
        alert("prom/info", severity=Severity.INFO, began=NOW),
        alert("prom/silenced", state=AlertState.SILENCED),
    ]
    expected = [r.id for r in rows]
    for seed in range(20):
        random.Random(seed).shuffle(rows)
        assert [a.alert.id for a in triaged(*rows).alerts] == expected
    assert (page_count(triaged(*rows)), unacknowledged_count(triaged(*rows))) == (3, 2)
    assert page_words(triaged(*rows)) == "3 pages, 2 unacknowledged"


def test_what_pages_is_said_by_fields_and_labels() -> None:
    rows = triaged(
        alert("pager/high", provider="pagerduty", urgency="high"),
        alert("pager/low", provider="pagerduty", urgency="low"),
        alert("prom/crit", severity=Severity.CRITICAL),
    )
    assert {a.alert.id: a.pages for a in rows.alerts} == {"pager/high": True, "pager/low": False, "prom/crit": True}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (hint("payments-api"), None),  # two clusters have it: not told apart, not guessed
        (hint("payments-api", "main"), None),
        (hint("payments-api", "jobs"), "prod/jobs/payments-api"),
        (hint("payments-api", "main", account="111111111111"), "prod/main/payments-api"),
        (hint("payments-api", "main", account="999999999999"), None),
        (hint("search", ""), "prod/main/search"),
        (hint("arn:aws:ecs:eu:1:service/main/search", "arn:aws:ecs:eu:1:cluster/main"), "prod/main/search"),
        (hint("", "main"), None),
        (hint("nothing"), None),
    ],
)
def test_an_alert_is_joined_to_the_one_service_it_names_or_to_none(asked: ServiceHint, found: str | None) -> None:
    other = ServiceKey("222222222222", "us-east-1", "main", "payments-api")
    services = (
        service("prod/main/payments-api"),
        service("edge/main/payments-api", key=other),
        service("prod/jobs/payments-api"),
        service("prod/main/search"),
    )
    if asked == hint("payments-api"):
        asked = msgspec.structs.replace(asked, cluster="")
    row = triaged(*services, alert("prom/a", hint=asked)).alerts[0]
    assert (row.service.id if row.service else None) == found


def test_the_product_is_said_by_labels_first_then_by_the_service() -> None:
    rows = triaged(
        service("prod/main/search-api"),
        alert("prom/label", labels=(("team", "payments"),), hint=hint("search-api")),
        alert("prom/service", hint=hint("search-api")),
        alert("prom/none"),
    ).alerts
    found = {r.alert.id: r.product.name if r.product else None for r in rows}
    assert found == {"prom/label": "payments", "prom/service": "search", "prom/none": None}


def test_the_suspect_is_the_newest_deploy_of_the_service_in_the_hour_before() -> None:
    api = service("prod/main/api")
    rows = [
        deploy("prod/old", started=NOW - 5000),
        deploy("prod/older", started=NOW - 2000, new=revision(41), old=revision(40)),
        deploy("prod/newer", started=NOW - 1000),
        deploy("prod/after", started=NOW - 10),
        deploy("prod/other", "prod/main/other", started=NOW - 901),
    ]
    began = alert("prom/a", began=NOW - 900, hint=hint("api"))
    found = triaged(api, began, *rows).alerts[0]
    assert found.suspect is not None
    assert found.suspect.id == "prod/newer"
    quiet = triaged(api, msgspec.structs.replace(began, began=NOW - 6000), *rows).alerts[0]
    assert quiet.suspect is None  # it began before every deploy


def test_one_problem_is_joined_by_key_or_by_exactly_its_labels() -> None:
    labels = (("alertname", "Down"), ("service", "api"))
    rows = [
        alert("pager/1", provider="pagerduty", keys=("arn:alarm",)),
        alert("pager/2", provider="pagerduty", label_sets=(tuple(reversed(labels)),)),
        alert("pager/3", provider="pagerduty", keys=("gone",), state=AlertState.RESOLVED),
        alert("alarms/1", keys=("arn:alarm",)),
        alert("alarms/2", keys=("gone",)),
        alert("prom/1", labels=labels),
        alert("prom/2", labels=(*labels, ("pod", "x"))),
    ]
    found = triaged(*rows).alerts
    assert {r.alert.id: [o.id for o in r.others] for r in found if r.others} == {
        "pager/1": ["alarms/1"],
        "pager/2": ["prom/1"],
    }
    assert {r.alert.id: r.incident for r in found} == {
        "pager/1": "pager/1",
        "pager/2": "pager/2",
        "pager/3": "",  # closed: the next firing opens another
        "alarms/2": "",
        "prom/2": "",
    }


def test_rows_that_did_not_change_are_the_same_objects_and_a_new_service_joins_them_anew() -> None:
    triager = Triager(Rules())
    a, b = alert("prom/a", hint=hint("api")), alert("prom/b")
    first = triager.triage(board(a, b))
    changed = msgspec.structs.replace(b, state=AlertState.ACKNOWLEDGED)
    second = triager.triage(board(a, changed))
    assert second.find("prom/a") is first.find("prom/a")
    assert second.find("prom/b") is not first.find("prom/b")
    third = triager.triage(board(a, changed, service("prod/main/api")))
    joined = third.find("prom/a")
    assert joined is not None
    assert joined.service is not None


def test_a_page_rings_once_an_episode() -> None:
    triager, ring = Triager(Rules(pages=PAGES)), NewPages()

    def rings(at: float, *began: float) -> list[str]:
        rows = [alert("prom/a", severity=Severity.CRITICAL, began=b) for b in began] or [alert("prom/b")]
        return ring.new(triager.triage(msgspec.structs.replace(board(*rows), at=at)))

    assert rings(NOW, NOW) == ["prom/a"]
    assert rings(NOW + 10, NOW) == []
    assert rings(NOW + 20) == []  # quiet
    assert rings(NOW + 29 * 60, NOW + 29 * 60) == []  # it flapped: the same episode
    assert rings(NOW + 30 * 60) == []
    assert rings(NOW + 61 * 60, NOW + 61 * 60) == ["prom/a"]


def test_hidden_alerts_are_counted_and_shown_on_demand() -> None:
    triager = Triager(Rules())
    rows = board(alert("a/1", hidden="target tracking"), alert("a/2"))
    assert [x.alert.id for x in triager.triage(rows).alerts] == ["a/2"]
    assert triager.triage(rows).hidden == 1
    assert len(triager.triage(rows, show_hidden=True).alerts) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", {"1", "2", "3"}),
        ("pay", {"1", "2"}),
        ("PAY down", {"1"}),
        ("state:firing", {"1", "3"}),
        ("!state:firing", {"2"}),
        ("!pay", {"3"}),
        ("title:~^d.*n$", {"1"}),
        ("~^search", {"3"}),
        ("team:nobody", set()),
        ("http://x", {"3"}),
    ],
)
def test_filters(text: str, kept: set[str]) -> None:
    rows = [
        ("1", {"title": "down", "product": "payments", "state": "firing"}),
        ("2", {"title": "slow", "product": "payments", "state": "silenced"}),
        ("3", {"title": "queue http://x", "product": "search", "state": "firing"}),
    ]
    assert keep(rows, text) == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title:~[", "not a regular expression: \\[: unterminated character set"),
        ("~(", "not a regular expression: "),
        ("pay !~(", "not a regular expression: "),
        ("~", "after ~ comes a regular expression"),
        ("!", "after ! comes what to leave out"),
        ("state:", "after state: comes firing, acknowledged"),
        ("team:", "after team: comes a value"),
        ("severity:page", "no row has severity:page: did you mean page:yes\\? It is one of critical, error"),
        ("!severity:hihg", "no row has severity:hihg: "),
        ("severity:~^x", "It is one of critical"),
        ("severity:critcal", "did you mean severity:critical\\?"),
        ("state:acked", "did you mean state:acknowledged\\?"),
        ("state:acknowleged", "did you mean state:acknowledged\\?"),
        ("page:maybe", "It is one of yes, no"),
        ("health:ok", "did you mean health:healthy\\?"),
        ("severty:critical", "no row has the key 'severty': did you mean severity:critical\\?"),
        ("Sevrity:critical", "did you mean severity:critical\\?"),
    ],
)
def test_a_filter_that_can_match_nothing_is_refused_and_says_what_would_work(text: str, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        keep([], text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("is:acked", "did you mean state:acknowledged\\?"),
        ("status:firing", "did you mean state:firing\\?"),
        ("taem:payments", "did you mean team:payments\\?"),
        ("zzz:1", "no row has the key 'zzz': It is one of account, by"),
        ("source:prometheus", "It is one of prod, prom"),
    ],
)
def test_where_the_labels_are_known_an_unknown_key_is_refused_too(text: str, said: str) -> None:
    known = Known(frozenset({"team", "alertname"}), {**WORDS, "source": ("prod", "prom")})
    with pytest.raises(FilterError, match=said):
        parse(text, known)
    for good in ("team:pay", "source:pro", "!alertname:x", "stage:prod" if "stage" in (known.labels or ()) else "pay"):
        parse(good, known)
    parse("taem:payments stage:prod status:x")  # labels are open: they may be some


def test_a_label_of_its_own_is_never_taken_for_a_misspelt_field() -> None:
    for label in ("stage", "service_name", "team", "resource", "env", "region", "tier", "status", "sources_count"):
        assert misspelt(label, OWN) == "", label
    for wrong, meant in {"sevrity": "severity", "severtiy": "severity", "stat": "state", "prodcut": "product"}.items():
        assert misspelt(wrong, OWN) == meant


def test_changes_tell_what_came_moved_and_went() -> None:
    rows = board(alert("prom/a"), deploy("prod/d", state=DeployState.FAILED))
    known = {"prom/a": "acknowledged", "prom/gone": "firing", "prod/d": "failed", "prom/was": "resolved"}
    found = {(c.id, c.old, c.new) for c in transitions(known, rows)}
    assert found == {("prom/a", "acknowledged", "firing"), ("prom/gone", "firing", "resolved")}


def test_an_alert_of_a_source_that_cannot_be_read_has_not_resolved() -> None:
    rows = board(states={"prom": SourceState.OFFLINE})
    assert transitions({"prom/gone": "firing"}, rows) == []


@pytest.mark.parametrize(
    ("states", "provider", "rows", "words"),
    [
        ({"a": SourceState.OK}, "ecs", 0, "No alert source is configured: there are services and deploys alone. 1/1 "),
        ({"a": SourceState.OK, "b": SourceState.OK}, "ecs", 0, "No alert source is configured: "),
        ({"a": SourceState.OK}, "fake", 0, "No alert is firing. 1/1 source read within 15 s."),
        ({"a": SourceState.WAITING}, "fake", 1, "Reading 1 source: 1 service so far."),
        (
            {"a": SourceState.WAITING},
            "ecs",
            0,
            "Reading 1 source: nothing is known yet; no alert source is configured.",
        ),
        ({"a": SourceState.WAITING, "b": SourceState.WAITING}, "fake", 0, "Reading 2 sources: nothing is known yet."),
        ({"a": SourceState.EXPIRED}, "ecs", 1, "No alert in what could be read. 0/1 source; not read: a (EXPIRED)."),
    ],
)
def test_an_empty_list_says_what_it_stands_for(
    states: dict[str, SourceState], provider: str, rows: int, words: str
) -> None:
    found = board(*[service("a/main/api", source="a")][:rows], states=states)
    sources = {name: msgspec.structs.replace(s, provider=provider) for name, s in found.sources.items()}
    assert nothing(msgspec.structs.replace(found, sources=sources), NOW + 3).startswith(words)


@pytest.mark.parametrize(
    ("state", "read_at", "partial", "words"),
    [
        (SourceState.OK, NOW, False, "read just now"),
        (SourceState.OK, NOW - 65, False, "read 1m ago"),
        (SourceState.DENIED, NOW, True, "read in part just now"),
        (SourceState.WAITING, NOW - 3, False, "read in part just now"),
        (SourceState.WAITING, None, False, "never read"),
        (SourceState.EXPIRED, NOW - 3, False, "last good read 3s ago"),
        (SourceState.OFFLINE, NOW - 125, False, "last good read 2m ago"),
        (SourceState.STALE, NOW - 95, False, "last good read 1m ago"),
        (SourceState.EXPIRED, None, False, "never read"),
    ],
)
def test_a_source_that_cannot_be_read_is_never_said_to_be_read_now(
    state: SourceState, read_at: float | None, partial: bool, words: str
) -> None:
    source = SourceStatus(name="a", provider="fake", state=state, read_at=read_at, partial=partial)
    assert last_read(source, NOW) == words
    lines = "".join(t for line in source_lines(Update(triaged=look_at({"a": source})), NOW) for t, _ in line)
    assert words in lines


def look_at(sources: dict[str, SourceStatus]) -> TriagedBoard:
    return Triager(Rules()).triage(msgspec.structs.replace(board(), sources=sources))


def test_no_suspect_is_not_said_of_services_whose_deploys_are_not_read_yet() -> None:
    hint = ServiceHint(cluster="main", service="api")
    api = service("prod/main/api", note=DEPLOYS_UNREAD)
    rules = Rules(pages=PAGES, products=(Product(name="shop", owner="t", services=("prod/*/*",)),))
    looked = Triager(rules).triage(board(alert("prom/a", hint=hint), api))
    assert "not known: its deploys are not read yet" in looked.alerts[0].suspicion.words(NOW)
    beside = Triager(rules).triage(
        board(alert("prom/a", hint=hint), service("prod/main/api"), service("prod/main/web", note=DEPLOYS_UNREAD))
    )
    assert "not known: the deploys of " in beside.alerts[0].suspicion.words(NOW)


def test_nothing_is_wrong_and_not_known_never_look_alike() -> None:
    good = nothing(board(states={"prom": SourceState.OK, "pager": SourceState.OK}), NOW + 3)
    bad = nothing(board(states={"prom": SourceState.OK, "pager": SourceState.EXPIRED}), NOW + 3)
    first = nothing(board(states={"prom": SourceState.WAITING}), NOW)
    none = nothing(board(), NOW)
    assert good == "No alert is firing. 2/2 sources read within 15 s."
    assert bad == "No alert in what could be read. 1/2 sources; not read: pager (EXPIRED)."
    assert first == "Reading 1 source: nothing is known yet."
    assert none == "No source is configured: nothing is read."


def test_deploys_that_wait_or_fail_stand_before_those_that_go_on_and_those_before_the_newest_that_is_over() -> None:
    rows = [
        deploy("prod/over-new", state=DeployState.FAILED, started=NOW - 1),
        deploy("prod/goes-new", started=NOW - 10),
        deploy("prod/goes-old", started=NOW - 50),
        deploy("prod/fails", started=NOW - 60, failed_tasks=1),
        deploy("prod/back", started=NOW - 70, state=DeployState.ROLLING_BACK),
        deploy("prod/waits", started=NOW - 99, waits="paused at its hook before production traffic"),
        deploy("prod/over-waited", started=NOW - 5, state=DeployState.SUCCEEDED, waits="it did once", failed_tasks=9),
    ]
    found = [d.id.removeprefix("prod/") for d in triaged(*rows).deploys]
    assert found == ["waits", "fails", "back", "goes-new", "goes-old", "over-new", "over-waited"]


def test_a_count_says_what_it_counts() -> None:
    """Pages alone are counted, in a number that agrees; "none" is not said of what could not be read."""
    fires, held = alert("a/1", severity=Severity.CRITICAL), alert("a/2", severity=Severity.CRITICAL)
    held = msgspec.structs.replace(held, state=AlertState.ACKNOWLEDGED)
    warning = alert("a/3")
    assert page_words(triaged(warning)) == "no pages"
    assert page_words(triaged(fires, warning)) == "1 page, unacknowledged"
    assert page_words(triaged(held, warning)) == "1 page, acknowledged"
    assert page_words(triaged(fires, held)) == "2 pages, 1 unacknowledged"
    assert page_words(triaged(held, msgspec.structs.replace(held, id="a/4"))) == "2 pages, all acknowledged"
    unread = Triager(Rules(pages=PAGES)).triage(board(warning, states={"b": SourceState.OFFLINE}))
    assert page_words(unread) == "no page known"


def test_a_service_that_was_only_read_again_makes_no_row_anew() -> None:
    """Each poll reads some services of most products: else all rows were made anew all the time."""
    hint = ServiceHint(service="api")
    alerts = {f"prom/{n}": alert(f"prom/{n}", hint=hint) for n in range(3)}
    triager = Triager(Rules(products=(Product(name="shop", services=("prod/*/*",)),)))

    def rows(read: Service, version: int) -> tuple[TriagedAlert, ...]:
        board = Board(version=version, at=NOW, alerts=alerts, services={read.id: read})
        return triager.triage(board).alerts

    first = rows(service(), 1)
    again = service(read_at=first[0].service.read_at + 60.0) if first[0].service else service()
    assert [a is b for a, b in zip(first, rows(again, 2), strict=True)] == [True] * 3
    fewer = msgspec.structs.replace(again, running=1)
    assert all(row.service is fewer for row in rows(fewer, 3)), "what it says changed"
