"""The Datadog provider against the drill's Datadog, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from tests.support.joined import incidents
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.datadog.api import GROWN_AFTER, LEAST, PAGE, error_text
from oncall_tui.providers.datadog.mapping import severity
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.provider import DENIED_S, SEARCH_S, DatadogProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog as Organization

KEYS = {"PLANTED_API": "drill-planted-api-key", "PLANTED_APP": "drill-planted-app-key"}
WEB = "ecs_cluster:prod-main,ecs_service:web"
API = "ecs_cluster:prod-main,ecs_service:api"
SPLIT = {
    "id": 11,
    "name": "5xx of {{ecs_service.name}}",
    "priority": 1,
    "tags": ["team:payments", "region:eu-west-1", "production"],
    "query": "sum(last_5m):sum:http.errors{env:prod} by {ecs_cluster,ecs_service} > 5",
    "message": "Look at the runbook [/red]",
    "groups": {WEB: "Alert", API: "Warn", "ecs_cluster:prod-main,ecs_service:fine": "OK"},
    "minutes": 10,
}
WHOLE = {"id": 12, "name": "Disk", "state": "No Data", "minutes": 30}
FINE = {"id": 13, "name": "Quiet", "state": "OK"}


@pytest.fixture
def organization(clock: FakeClock) -> Organization:
    made = Organization(clock.now)
    for spec in (SPLIT, WHOLE, FINE):
        made.add(dict(spec))
    return made


@pytest.fixture
def asked(organization: Organization) -> Asked:
    return Asked(organization)


@pytest.fixture
def make(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DatadogProvider]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def built(**more: Any) -> DatadogProvider:
        return build(options(**more), context, asked.transport)

    return built


@pytest.fixture
def datadog(make: Callable[..., DatadogProvider]) -> DatadogProvider:
    return make()


def options(**more: Any) -> DatadogOptions:
    keys = {"api_key": Secret("env", ("PLANTED_API",)), "application_key": Secret("env", ("PLANTED_APP",))}
    return DatadogOptions(**{"name": "dd", "provider": "datadog", **keys, **more})


def rows(datadog: DatadogProvider) -> dict[str, Any]:
    return {alert.native_id: alert for alert in datadog.read(ReadRequest()).alerts}


def listing(*monitors: dict[str, Any], status: int = 200) -> Callable[[httpx.Request], httpx.Response | None]:
    def answer(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json=list(monitors)) if request.url.path == "/api/v1/monitor" else None

    return answer


# --- rows -------------------------------------------------------------------------------------------------------------


def test_each_group_that_alerts_is_a_row(datadog: DatadogProvider, clock: FakeClock) -> None:
    found = rows(datadog)
    assert list(found) == [f"11/{WEB}", f"11/{API}", "12"]
    web, api, disk = found.values()
    assert [(a.state, a.severity) for a in (web, api, disk)] == [
        (AlertState.FIRING, Severity.CRITICAL),
        (AlertState.FIRING, Severity.WARNING),
        (AlertState.NO_DATA, Severity.WARNING),
    ]
    assert web.id == f"dd/11/{WEB}"
    assert web.title == "5xx of web (ecs_cluster:prod-main)"
    assert web.began == clock.now() - 600
    assert disk.began == clock.now() - 1800
    assert web.hint == ServiceHint("prod-main", "web", "", "eu-west-1")
    assert (web.label("team"), web.label("ecs_service")) == ("payments", "web")
    told = dict(web.annotations)
    assert (told["message"], told["priority"], told["tags"]) == ("Look at the runbook [/red]", "P1", "production")
    assert web.url == "https://app.datadoghq.com/monitors/11?group=ecs_cluster%3Aprod-main%2Cecs_service%3Aweb"
    assert web.keys == (f"dedup:datadog:11:{WEB}",)
    assert (disk.title, disk.url, disk.keys) == (
        "Disk",
        "https://app.datadoghq.com/monitors/12",
        ("dedup:datadog:12:*",),
    )


@pytest.mark.parametrize(
    ("site", "api", "app"),
    [
        ("datadoghq.com", "api.datadoghq.com", "https://app.datadoghq.com/"),
        ("us5.datadoghq.com", "api.us5.datadoghq.com", "https://us5.datadoghq.com/"),
        ("datadoghq.eu", "api.datadoghq.eu", "https://app.datadoghq.eu/"),
        ("ap2.datadoghq.com", "api.ap2.datadoghq.com", "https://ap2.datadoghq.com/"),
        ("ddog-gov.com", "api.ddog-gov.com", "https://app.ddog-gov.com/"),
    ],
)
def test_the_site_is_where_it_asks_and_points(
    make: Callable[..., DatadogProvider], asked: Asked, site: str, api: str, app: str
) -> None:
    datadog = make(site=site)
    assert all(row.url.startswith(app) for row in rows(datadog).values())
    assert {request.url.host for request in asked.requests} == {api}
    assert datadog.banner == ""
    assert make(url="http://127.0.0.1:9").banner == "endpoint http://127.0.0.1:9"


def test_both_keys_are_headers(datadog: DatadogProvider, asked: Asked) -> None:
    datadog.read(ReadRequest())
    for request in asked.requests:
        assert request.headers["dd-api-key"] == KEYS["PLANTED_API"]
        assert request.headers["dd-application-key"] == KEYS["PLANTED_APP"]
        assert "authorization" not in request.headers


def test_what_is_asked_for(make: Callable[..., DatadogProvider], asked: Asked) -> None:
    make(monitor_tags=("team:payments", "env:prod"), tags=("env:prod",)).read(ReadRequest())
    params = dict(asked.requests[0].url.params)
    assert params == {
        "group_states": "alert,warn,no data",
        "with_downtimes": "true",
        "tags": "env:prod",
        "monitor_tags": "team:payments,env:prod",
        "page": "0",
        "page_size": str(PAGE),
    }


def test_only_the_states_that_are_wanted(make: Callable[..., DatadogProvider]) -> None:
    assert list(rows(make(states=("alert",)))) == [f"11/{WEB}"]
    assert list(rows(make(states=("no data",)))) == ["12"]


def test_a_word_that_is_none_of_datadogs_is_shown_whatever_states_are_wanted(
    make: Callable[..., DatadogProvider], asked: Asked
) -> None:
    words = ("Pondering", "", "Unknown", "Warn")
    groups = {f"host:{n}": {"status": word} for n, word in enumerate(words)}
    asked.spoil = listing({"id": 7, "overall_state": "Alert", "state": {"groups": groups}})
    found = rows(make(states=("alert",)))
    assert {key: (row.state, row.comment) for key, row in found.items()} == {
        "7/host:0": (AlertState.UNKNOWN, "state Pondering"),
        "7/host:1": (AlertState.UNKNOWN, "state missing"),
    }


@pytest.mark.parametrize(
    ("priority", "status", "expected"),
    [
        (1, "Alert", Severity.CRITICAL),
        (2, "Alert", Severity.ERROR),
        (3, "Alert", Severity.WARNING),
        (4, "Alert", Severity.INFO),
        (5, "No Data", Severity.INFO),
        (1, "Warn", Severity.WARNING),
        (5, "Warn", Severity.INFO),
        (None, "Alert", Severity.ERROR),
        (None, "Warn", Severity.WARNING),
        (None, "Pondering", Severity.UNKNOWN),
        (9, "Alert", Severity.ERROR),
    ],
)
def test_severity(priority: int | None, status: str, expected: Severity) -> None:
    assert severity(priority, status) is expected


def test_an_unknown_state_is_shown_as_unknown(datadog: DatadogProvider, asked: Asked) -> None:
    asked.spoil = listing(
        {"id": 1, "overall_state": "Pondering"},
        {"id": 2, "overall_state": "Alert", "state": {"groups": {"host:a": {"status": "Pondering"}}}},
        {"id": 3, "overall_state": "Unknown"},
        {"id": 4, "overall_state": None},
        {"id": 5, "overall_state": "Skipped"},
        {"id": 6, "overall_state": "Ignored"},
    )
    found = rows(datadog)
    assert {name: (a.state, a.comment) for name, a in found.items()} == {
        "1": (AlertState.UNKNOWN, "state Pondering"),
        "2/host:a": (AlertState.UNKNOWN, "state Pondering"),
        "3": (AlertState.UNKNOWN, ""),
        "4": (AlertState.UNKNOWN, "state missing"),
    }


def test_a_monitor_with_hardly_a_field(datadog: DatadogProvider, asked: Asked, clock: FakeClock) -> None:
    asked.spoil = listing({"id": 7})
    (row,) = rows(datadog).values()
    assert (row.title, row.state, row.severity, row.began) == (
        "monitor 7",
        AlertState.UNKNOWN,
        Severity.UNKNOWN,
        clock.now(),
    )
    clock.advance(60)
    assert rows(datadog)["7"] is row  # since when is not told: since it was first seen


def test_a_draft_is_hidden_unless_asked_for(datadog: DatadogProvider, asked: Asked) -> None:
    asked.spoil = listing({"id": 7, "overall_state": "Alert", "draft_status": "draft"})
    assert rows(datadog)["7"].hidden == "draft"


def test_text_is_kept_as_it_is(datadog: DatadogProvider, asked: Asked) -> None:
    name = "[/prod] ディスク満杯 \x1b[31m \u202e {{host}}"
    group = 'host:a,b "c",path:/x'
    monitor = {"id": 7, "name": name, "overall_state": "Alert", "state": {"groups": {group: {"status": "Alert"}}}}
    asked.spoil = listing(monitor)
    row = rows(datadog)[f"7/{group}"]
    assert row.title == '[/prod] ディスク満杯 \x1b[31m \u202e a,b "c" (path:/x)'
    assert (row.label("host"), row.label("path")) == ('a,b "c"', "/x")


def test_no_data_keeps_its_beginning_while_it_lasts(datadog: DatadogProvider, asked: Asked, clock: FakeClock) -> None:
    def monitor(at: float, status: str = "No Data") -> dict[str, Any]:
        group = {"status": status, "last_nodata_ts": at, "last_triggered_ts": 1_799_000_000}
        return {"id": 7, "overall_state": status, "state": {"groups": {"host:a": group}}}

    asked.spoil = listing(monitor(clock.now() - 60))
    first = rows(datadog)["7/host:a"]
    asked.spoil = listing(monitor(clock.now()))
    assert rows(datadog)["7/host:a"] is first
    asked.spoil = listing(monitor(clock.now(), "Alert"))
    assert rows(datadog)["7/host:a"].began == 1_799_000_000


# --- who silenced it --------------------------------------------------------------------------------------------------


def test_a_downtime_silences_its_group_alone(
    datadog: DatadogProvider, organization: Organization, clock: FakeClock
) -> None:
    organization.silence(SPLIT["name"], WEB, 3600, "Bob", "the cache is being rebuilt")
    found = rows(datadog)
    web = found[f"11/{WEB}"]
    assert (web.state, web.by, web.comment) == (AlertState.SILENCED, ("Bob",), "the cache is being rebuilt")
    assert (web.until, web.by_at) == (clock.now() + 3600, clock.now())
    assert found[f"11/{API}"].state is AlertState.FIRING
    clock.advance(3601)
    assert rows(datadog)[f"11/{WEB}"].state is AlertState.FIRING


def held(scope: str, **target: Any) -> dict[str, Any]:
    attributes = {"status": "active", "scope": scope, "monitor_identifier": target, "schedule": {}}
    return {"id": "d1", "type": "downtime", "attributes": attributes}


@pytest.mark.parametrize(
    ("scope", "target", "quiet"),
    [
        ("*", {"monitor_id": 11}, True),
        ("*", {"monitor_id": 12}, False),
        ("*", {"monitor_tags": ["*"]}, True),
        ("*", {"monitor_tags": ["team:payments", "production"]}, True),
        ("*", {"monitor_tags": ["team:payments", "team:search"]}, False),
        ("*", {"monitor_tags": []}, False),
        ("ecs_service:web", {"monitor_tags": ["*"]}, True),
        ("ecs_service:api", {"monitor_tags": ["*"]}, False),
        ("a scope that is none", {"monitor_id": 11}, False),
    ],
)
def test_which_downtime_holds(datadog: DatadogProvider, asked: Asked, scope: str, target: Any, quiet: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/api/v2/downtime":
            return None
        return httpx.Response(200, json={"data": [held(scope, **target)]})

    asked.spoil = answer
    expected = AlertState.SILENCED if quiet else AlertState.FIRING
    assert rows(datadog)[f"11/{WEB}"].state is expected


def test_what_the_monitor_itself_says_of_its_mutes(datadog: DatadogProvider, asked: Asked) -> None:
    groups = {name: {"status": "Alert"} for name in ("host:a", "host:b", "host:c")}
    asked.spoil = listing(
        {
            "id": 1,
            "overall_state": "Alert",
            "state": {"groups": groups},
            "options": {"silenced": {"host:a": 1_800_000_100}},
            "matching_downtimes": [{"id": 5, "scope": ["host:b"], "start": 1_799_999_000, "end": None}],
        },
        {"id": 2, "overall_state": "Alert", "options": {"silenced": {"*": None}}},
        {"id": 3, "overall_state": "Alert", "matching_downtimes": [{"id": 5, "scope": ["env:prod"]}]},
    )
    found = {name: (a.state, a.until) for name, a in rows(datadog).items()}
    assert found == {
        "1/host:a": (AlertState.SILENCED, 1_800_000_100.0),
        "1/host:b": (AlertState.SILENCED, None),
        "1/host:c": (AlertState.FIRING, None),
        "2": (AlertState.SILENCED, None),
        "3": (AlertState.SILENCED, None),
    }


def test_downtimes_that_may_not_be_read_are_a_problem_and_the_alerts_stay(
    datadog: DatadogProvider, asked: Asked, clock: FakeClock
) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        denied = httpx.Response(403, json={"errors": ["Forbidden"]})
        return denied if request.url.path == "/api/v2/downtime" else None

    asked.spoil = answer
    reading = datadog.read(ReadRequest())
    assert len(reading.alerts) == 3
    (problem,) = reading.problems
    assert (problem.state, problem.scope) == (SourceState.DENIED, "downtimes")
    assert "monitors_downtime" in problem.hint
    before = len(asked.requests)
    assert datadog.read(ReadRequest()).problems == reading.problems
    assert len(asked.requests) == before + 1  # not asked again at once
    assert datadog.read(ReadRequest(fresh=True)).problems == reading.problems
    assert len(asked.requests) == before + 4  # but where somebody wants to know: the list, the downtimes, the key
    asked.spoil = lambda request: None
    clock.advance(DENIED_S + 1)
    assert datadog.read(ReadRequest()).problems == ()


def test_downtimes_are_paged_to_the_end(datadog: DatadogProvider, organization: Organization, asked: Asked) -> None:
    for _ in range(250):
        organization.silence(WHOLE["name"], "*", 60, "Bob", "")
    organization.silence(SPLIT["name"], WEB, 60, "Bob", "the last one")
    assert rows(datadog)[f"11/{WEB}"].comment == "the last one"
    offsets = [r.url.params["page[offset]"] for r in asked.requests if r.url.path == "/api/v2/downtime"]
    assert offsets == ["0", "100", "200"]


def test_without_an_alert_no_downtime_is_read(
    datadog: DatadogProvider, organization: Organization, asked: Asked
) -> None:
    for name, group in ((SPLIT["name"], WEB), (SPLIT["name"], API), (WHOLE["name"], "*")):
        organization.set_state(name, group, "OK")
    reading = datadog.read(ReadRequest())
    assert (reading.alerts, reading.problems, reading.calls) == ((), (), 1)


# --- lists ------------------------------------------------------------------------------------------------------------


def test_five_thousand_are_read_to_the_end_and_kept(
    datadog: DatadogProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    for number in range(5000):
        organization.add({"id": 1000 + number, "name": f"n{number}", "state": "Alert"})
    first = rows(datadog)
    assert len(first) == 5003
    organization.set_state("n7", "*", "Warn")
    second = rows(datadog)
    assert [name for name in second if second[name] is not first[name]] == ["1007"]
    pages = [int(r.url.params["page"]) for r in asked.requests if r.url.path == "/api/v1/monitor"]
    assert pages == [*range(11), *range(11)]


def test_a_server_that_does_not_page_ends(datadog: DatadogProvider, asked: Asked) -> None:
    monitors = [{"id": number, "overall_state": "OK"} for number in range(PAGE)]
    asked.spoil = listing(*monitors)
    reading = datadog.read(ReadRequest())
    (problem,) = reading.problems
    assert (reading.calls, problem.scope, problem.state) == (2, "monitors", SourceState.MALFORMED)
    assert "its pages repeat themselves" in problem.message


def test_more_than_can_be_read_is_said(datadog: DatadogProvider, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oncall_tui.providers.datadog.api.LIMIT", 2 * PAGE)

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/api/v1/monitor":
            return None
        page = int(request.url.params["page"])
        return httpx.Response(200, json=[{"id": page * PAGE + n, "overall_state": "OK"} for n in range(PAGE)])

    asked.spoil = answer
    (problem,) = datadog.read(ReadRequest()).problems
    assert (problem.state, problem.scope) == (SourceState.DENIED, "monitors")
    assert "more than the 1,000" in problem.message


def test_pages_get_smaller_where_they_do_not_come_in_time(datadog: DatadogProvider, asked: Asked) -> None:
    def slow(request: httpx.Request) -> httpx.Response | None:
        if int(request.url.params.get("page_size", "0")) > 100:
            raise httpx.ReadTimeout("x")
        return None

    asked.spoil = slow
    for _ in range(3):
        with pytest.raises(errors.Offline, match="within 5 s"):
            datadog.read(ReadRequest())
    assert len(datadog.read(ReadRequest()).alerts) == 3
    assert page_size(asked) == LEAST
    asked.spoil = lambda request: httpx.Response(503)  # no reason to ask for less
    with pytest.raises(errors.Offline):
        datadog.read(ReadRequest())
    asked.spoil = lambda request: None
    for _ in range(GROWN_AFTER):
        datadog.read(ReadRequest())
    assert page_size(asked) == 2 * LEAST


def page_size(asked: Asked) -> int:
    return [int(r.url.params["page_size"]) for r in asked.requests if r.url.path == "/api/v1/monitor"][-1]


def test_one_bad_monitor_hides_no_good_one(datadog: DatadogProvider, asked: Asked) -> None:
    asked.spoil = listing({"id": 1, "overall_state": "Alert"}, {"nonsense": True})
    reading = datadog.read(ReadRequest())
    assert len(reading.alerts) == 1
    assert [(p.state, p.scope) for p in reading.problems] == [(SourceState.MALFORMED, "1 of 2 monitors")]
    asked.spoil = listing({"nonsense": True})
    with pytest.raises(errors.Malformed):
        datadog.read(ReadRequest())


def test_a_query_narrows_to_what_it_finds(
    make: Callable[..., DatadogProvider], organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    datadog = make(query="team:payments")
    assert {name.partition("/")[0] for name in rows(datadog)} == {"11"}

    def searches() -> int:
        return sum(request.url.path == "/api/v1/monitor/search" for request in asked.requests)

    rows(datadog)
    assert searches() == 1
    organization.add({"id": 14, "name": "new", "tags": ["team:payments"], "state": "Alert"})
    assert "14" in rows(datadog)  # another one alerts: asked again at once
    assert searches() == 2
    clock.advance(SEARCH_S + 1)
    rows(datadog)
    assert searches() == 3
    datadog.read(ReadRequest(fresh=True))
    assert searches() == 4


# --- what a refusal means ---------------------------------------------------------------------------------------------


def refused(*paths: str, status: int = 403) -> Callable[[httpx.Request], httpx.Response | None]:
    body = {"errors": [f"Forbidden: {KEYS['PLANTED_APP']}"]}
    return lambda request: httpx.Response(status, json=body) if request.url.path in paths else None


def test_a_key_without_the_right_is_denied(datadog: DatadogProvider, asked: Asked) -> None:
    asked.spoil = refused("/api/v1/monitor")
    with pytest.raises(errors.Denied) as caught:
        datadog.read(ReadRequest())
    assert "monitors_read" in caught.value.hint
    assert "$PLANTED_APP" in caught.value.hint
    assert KEYS["PLANTED_APP"] not in str(caught.value)


def test_a_key_that_is_none_is_expired_and_read_anew(
    datadog: DatadogProvider, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_API", "revoked-key")
    with pytest.raises(errors.Expired) as caught:
        datadog.read(ReadRequest())
    assert "$PLANTED_API" in caught.value.hint
    monkeypatch.setenv("PLANTED_API", "drill-the-next")
    assert len(datadog.read(ReadRequest()).alerts) == 3


def test_throttled_says_for_how_long(datadog: DatadogProvider, asked: Asked) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "17"}
    asked.spoil = lambda request: httpx.Response(429, headers=headers, json={"errors": ["Too many requests"]})
    with pytest.raises(errors.Throttled, match="again in 17 s: Too many requests") as caught:
        datadog.read(ReadRequest())
    assert caught.value.retry_after_s == 17.0


def test_the_next_poll_waits_where_no_call_is_left(datadog: DatadogProvider, asked: Asked) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        found = asked.truly(request)
        found.headers.update({"X-RateLimit-Remaining": left, "X-RateLimit-Reset": "95"})
        return found

    asked.spoil = answer
    left = "0"
    assert datadog.read(ReadRequest()).next_in_s == 95.0
    left = "3"
    assert datadog.read(ReadRequest()).next_in_s is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errors":["Forbidden","x"]}', "Forbidden, x"),
        (b'{"errors":[{"title":"T","detail":"D"},{"title":"U"},7]}', "D, U"),
        (b'{"errors":"none"}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"\xff", ""),
    ],
)
def test_error_bodies_in_words(body: bytes, said: str) -> None:
    assert error_text(400, body) == said


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"site": "datadoghq.co"}, "site"),
        ({"site": "https://app.datadoghq.com"}, "site"),
        ({"site": "evil.example.com"}, "site"),
        ({"site": "a.b.datadoghq.com"}, "site"),
        ({"url": "api.datadoghq.com"}, "url"),
        ({"url": "https://a:b@api.datadoghq.com"}, "url"),
        ({"states": ("alert", "fine")}, "fine"),
    ],
)
def test_options_refuse_what_cannot_work(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError), match=words):
        options(**wrong)


def test_what_is_read_stays_true_to_the_organization(datadog: DatadogProvider, organization: Organization) -> None:
    """Each group that the drill says alerts is a row, and nothing else is."""
    truth = organization.state()
    wanted = {
        f"{monitor['id']}/{name}" if monitor["multi"] else str(monitor["id"])
        for monitor in truth["monitors"]
        for name, group in (monitor["state"]["groups"] or {"*": {"status": monitor["overall_state"]}}).items()
        if group["status"] != "OK"
    }
    assert set(rows(datadog)) == wanted
    assert json.dumps(truth)


def test_a_page_with_its_dedup_key_is_the_same_problem(datadog: DatadogProvider) -> None:
    found = rows(datadog)
    page = msgspec.structs.replace(
        found["12"], id="pager/P1", provider="pagerduty", state=AlertState.FIRING, keys=(f"dedup:datadog:11:{WEB}",)
    )
    assert incidents([page, *found.values()]) == {f"dd/11/{WEB}": "pager/P1"}
