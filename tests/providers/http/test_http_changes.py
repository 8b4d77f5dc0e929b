"""The changes that PagerDuty, Sentry and Datadog tell of, from the drill's own: what comes of them, and no harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from tests.support.wire import Asked

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.change import SCOPE, Change, ChangeKind
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.providers.datadog import provider as datadog
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.http.change_feed import EVERY_S, FAILED_S, LONGEST_S
from oncall_tui.providers.pagerduty import provider as pagerduty
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.sentry import provider as sentry
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty
from oncall_tui.simulator.services.sentry.api import SimulatedSentry
from oncall_tui.text.time_format import rfc3339

TOKEN = "drill-planted"
SECRET = Secret("env", ("PLANTED_TOKEN",))


class Told(msgspec.Struct):
    """One provider over its own drill, and how that tells of one more change."""

    provider: Provider
    asked: Asked
    tell: Callable[[int], Any]
    path: str


def _pagerduty(clock: FakeClock, context: Context, on: bool) -> Told:
    world = SimulatedPagerDuty(clock.now, spec={"token": TOKEN, "services": [{"name": "payments", "id": "PSVC1"}]})
    world.trigger("k", "a problem", "payments", "high", began=clock.now() - 60)
    options = PagerDutyOptions(name="it", provider="pagerduty", token=SECRET, change_events=on)
    asked = Asked(world)
    made = pagerduty.build(options, context, asked.transport)
    return Told(
        made, asked, lambda n: world.change("payments", f"deploy {n}\nof \x1b[31m it", "pipeline"), "/change_events"
    )


def _sentry(clock: FakeClock, context: Context, on: bool) -> Told:
    world = SimulatedSentry(clock.now, {"organization": "acme", "tokens": [TOKEN]})
    world.report("k", "a problem", "checkout", began=clock.now() - 60)
    options = SentryOptions(
        name="it",
        provider="sentry",
        organization="acme",
        token=SECRET,
        services={"checkout": "main/checkout-api"},
        releases=on,
    )
    asked = Asked(world)
    made = sentry.build(options, context, asked.transport)
    return Told(
        made, asked, lambda n: world.release(f"v{n}.0/x", ["checkout"], "Bob"), "/api/0/organizations/acme/releases/"
    )


def _datadog(clock: FakeClock, context: Context, on: bool) -> Told:
    world = SimulatedDatadog(clock.now)
    world.add({"id": 100, "name": "a problem", "state": "Alert", "minutes": 1})
    events = "source:pipeline" if on else ""
    options = DatadogOptions(
        name="it", provider="datadog", api_key=SECRET, application_key=SECRET, events=events, site="datadoghq.com"
    )
    asked = Asked(world)
    tags = ["source:pipeline", "service:api", "cluster_name:main"]
    made = datadog.build(options, context, asked.transport)
    return Told(made, asked, lambda n: world.event(f"deploy {n}", tags), "/api/v2/events")


MAKERS = {"pagerduty": _pagerduty, "sentry": _sentry, "datadog": _datadog}


@pytest.fixture(params=list(MAKERS))
def make(
    request: pytest.FixtureRequest, clock: FakeClock, context: Context, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bool], Told]:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    return lambda on: MAKERS[request.param](clock, context, on)


def asked_for(told: Told) -> int:
    return sum(request.url.path == told.path for request in told.asked.requests)


def test_off_unless_configured(make: Callable[[bool], Told]) -> None:
    told = make(False)
    told.tell(1)
    assert told.provider.read(ReadRequest()).changes == ()
    assert asked_for(told) == 0


def test_they_come_once_a_minute_and_stay_the_same_objects(make: Callable[[bool], Told], clock: FakeClock) -> None:
    told = make(True)
    told.tell(1)
    first = told.provider.read(ReadRequest())
    assert not first.problems
    assert len(first.alerts) == len(first.changes) == 1
    told.tell(2)
    clock.advance(10.0)
    assert told.provider.read(ReadRequest()).changes is first.changes
    assert asked_for(told) == 1
    clock.advance(EVERY_S)
    again = told.provider.read(ReadRequest()).changes
    assert len(again) == 2
    assert any(one is first.changes[0] for one in again)
    clock.advance(25 * 3600.0)
    assert told.provider.read(ReadRequest()).changes == ()  # a day old


@pytest.mark.parametrize(("status", "state"), [(403, SourceState.DENIED), (500, SourceState.OFFLINE)])
def test_what_goes_wrong_is_a_part_and_harms_no_alert(
    make: Callable[[bool], Told], clock: FakeClock, status: int, state: SourceState
) -> None:
    told = make(True)
    told.tell(1)
    before = told.provider.read(ReadRequest())

    def spoil(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json={}) if request.url.path == told.path else None

    told.asked.spoil = spoil
    clock.advance(EVERY_S)
    reading = told.provider.read(ReadRequest())
    (problem,) = reading.problems
    assert (problem.scope, problem.state) == (SCOPE, state)
    assert len(reading.alerts) == 1
    assert reading.changes == before.changes
    clock.advance(EVERY_S)
    told.provider.read(ReadRequest())
    assert asked_for(told) == 2  # not asked for again at once
    told.asked.spoil = lambda request: None
    clock.advance(FAILED_S)
    assert not told.provider.read(ReadRequest()).problems


@pytest.mark.parametrize("retry_after", [None, "120"])
def test_asking_for_everything_now_does_not_ask_again_for_what_failed(
    make: Callable[[bool], Told], clock: FakeClock, retry_after: str | None
) -> None:
    told = make(True)
    headers = {"Retry-After": retry_after} if retry_after else {}
    failing = httpx.Response(429 if retry_after else 500, json={}, headers=headers)
    told.asked.spoil = lambda request: failing if request.url.path == told.path else None
    for _ in range(11):
        assert len(told.provider.read(ReadRequest(fresh=True)).alerts) == 1
        clock.advance(10.0)
    assert asked_for(told) == 1
    clock.advance(FAILED_S)
    told.provider.read(ReadRequest(fresh=True))
    assert asked_for(told) == 2


def test_asking_for_everything_now_reads_them_early_but_not_each_time(
    make: Callable[[bool], Told], clock: FakeClock
) -> None:
    told = make(True)
    for _ in range(8):
        told.provider.read(ReadRequest(fresh=True))
        clock.advance(2.0)
    assert asked_for(told) == 2


def test_a_feed_that_answers_slowly_holds_up_the_alerts_for_two_seconds_at_most(
    make: Callable[[bool], Told], clock: FakeClock
) -> None:
    told = make(True)
    told.tell(1)
    before = told.provider.read(ReadRequest())

    def slow(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == told.path:
            clock.advance(LONGEST_S + 0.1)
        return None

    told.asked.spoil = slow
    clock.advance(EVERY_S)
    began = clock.monotonic()
    reading = told.provider.read(ReadRequest())
    assert clock.monotonic() - began < LONGEST_S + 1.0
    assert len(reading.alerts) == 1
    assert reading.changes == before.changes
    assert [one.scope for one in reading.problems] == [SCOPE]


def test_a_bug_in_the_feed_is_not_the_alerts(
    make: Callable[[bool], Told], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = make(True)
    feed = told.provider._changes  # type: ignore[attr-defined]

    def broken(since: float) -> None:
        raise ValueError(f"odd {since}")

    monkeypatch.setattr(feed, "_ask", broken)
    reading = told.provider.read(ReadRequest())
    assert len(reading.alerts) == 1
    (problem,) = reading.problems
    assert (problem.scope, problem.state) == (SCOPE, SourceState.MALFORMED)
    assert "bug in this provider" in problem.message


def test_a_limit_of_datadogs_events_puts_off_no_monitor(clock: FakeClock, context: Context) -> None:
    told = _datadog(clock, context, True)
    used = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3000", "X-RateLimit-Limit": "300"}
    told.asked.spoil = lambda request: (
        httpx.Response(200, json={"data": []}, headers=used) if request.url.path == told.path else None
    )
    assert told.provider.read(ReadRequest()).next_in_s is None
    assert asked_for(told) == 1


def test_a_damaged_change_hides_no_other(make: Callable[[bool], Told]) -> None:
    told = make(True)
    told.tell(1)
    told.tell(2)

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != told.path:
            return None
        answer = json.loads(told.asked.truly(request).content)
        listed = answer if isinstance(answer, list) else answer.get("change_events") or answer["data"]
        listed[0]["id" if "version" not in listed[0] else "version"] = None
        return httpx.Response(200, json=answer)

    told.asked.spoil = spoil
    reading = told.provider.read(ReadRequest())
    assert len(reading.changes) == 1
    (problem,) = reading.problems
    assert (problem.scope, problem.state) == (SCOPE, SourceState.MALFORMED)


def test_a_missing_right_is_named(clock: FakeClock, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    for make, right in ((_sentry, "the scope project:releases"), (_datadog, "needs events_read")):
        told = make(clock, context, True)
        path = told.path
        told.asked.spoil = lambda request, path=path: (  # type: ignore[misc]
            httpx.Response(403, json={}) if request.url.path == path else None
        )
        (problem,) = told.provider.read(ReadRequest()).problems
        assert right in problem.hint


def one(make: Callable[[FakeClock, Context, bool], Told], clock: FakeClock, context: Context) -> Change:
    told = make(clock, context, True)
    told.tell(1)
    (change,) = told.provider.read(ReadRequest()).changes
    return change


@pytest.mark.parametrize(
    ("deploy", "began", "not_before"),
    [
        ({"dateStarted": 300, "dateFinished": 60}, 300, None),
        ({"dateStarted": None, "dateFinished": 60}, 60, 900),  # at some time since it was made
        (None, 600, None),
    ],
)
def test_a_release_began_when_its_deploy_did(
    clock: FakeClock, context: Context, deploy: dict[str, int | None] | None, began: int, not_before: int | None
) -> None:
    """Times are seconds ago."""
    told, now = _sentry(clock, context, True), clock.now() // 1
    told.tell(1)

    def when(ago: int | None) -> str | None:
        return None if ago is None else rfc3339(now - ago)

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != told.path:
            return None
        (one,) = json.loads(told.asked.truly(request).content)
        made = deploy and {"id": "1", **{key: when(ago) for key, ago in deploy.items()}}
        return httpx.Response(
            200, json=[{**one, "dateCreated": when(900), "dateReleased": when(600), "lastDeploy": made}]
        )

    told.asked.spoil = spoil
    (change,) = told.provider.read(ReadRequest()).changes
    assert change.began == now - began
    assert change.not_before == (None if not_before is None else now - not_before)
    assert change.ended == now - (60 if deploy else 600)


def test_each_in_its_own_words(clock: FakeClock, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    paged = one(_pagerduty, clock, context)
    assert (paged.kind, paged.resource, paged.text) == (ChangeKind.OTHER, "payments", "told to PagerDuty by pipeline")
    assert paged.what.startswith("deploy 1 of")
    assert paged.began == paged.ended == clock.now() // 1
    release = one(_sentry, clock, context)
    assert (release.kind, release.what, release.by) == (ChangeKind.RELEASE, "Sentry release v1.0/x of checkout", "Bob")
    assert release.text == "deployed to production, 1 commit"
    assert release.url == "https://sentry.io/organizations/acme/releases/v1.0%2Fx/"
    assert release.hint == ServiceHint(cluster="main", service="checkout-api")
    event = one(_datadog, clock, context)
    assert (event.kind, event.what, event.resource) == (ChangeKind.OTHER, "deploy 1", "api")
    assert event.hint == ServiceHint(cluster="main", service="api")
    assert event.url == "https://app.datadoghq.com/event/explorer?query=9001"


# --- who edited an on-call schedule -----------------------------------------------------------------------------------


def audited(
    clock: FakeClock, context: Context, on: bool = True, change_events: bool = False
) -> tuple[SimulatedPagerDuty, Asked, Provider]:
    spec = {"token": TOKEN, "people": [{"name": "Bob"}], "services": [{"name": "payments", "id": "PSVC1"}]}
    world = SimulatedPagerDuty(clock.now, spec=spec)
    world.trigger("k", "a problem", "payments", "high", began=clock.now() - 60)
    options = PagerDutyOptions(name="it", provider="pagerduty", token=SECRET, schedule_edits=on)
    options = msgspec.structs.replace(options, change_events=change_events)
    asked = Asked(world)
    return world, asked, pagerduty.build(options, context, asked.transport)


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)


def audits(asked: Asked) -> int:
    return sum(request.url.path == "/audit/records" for request in asked.requests)


def test_who_edited_a_schedule_is_told_and_accuses_nothing(clock: FakeClock, context: Context) -> None:
    world, _, provider = audited(clock, context)
    world.edit_schedule("Primary", "Bob")
    clock.advance(1.0)
    world.edit_schedule("Old rota", "Bob", "delete")
    deleted, edited = provider.read(ReadRequest()).changes
    assert (edited.kind, edited.what, edited.by) == (ChangeKind.SCHEDULE, "edit of schedule Primary", "Bob")
    assert (edited.resource, edited.text, edited.ended) == ("Primary", "schedule_layers", edited.began)
    assert deleted.what == "deletion of schedule Old rota"


def test_audit_records_are_not_asked_for_unless_the_source_says_so(clock: FakeClock, context: Context) -> None:
    world, asked, provider = audited(clock, context, on=False)
    world.edit_schedule("Primary", "Bob")
    assert provider.read(ReadRequest()).changes == ()
    assert audits(asked) == 0


def test_more_than_a_page_of_them_is_read_by_its_cursor(clock: FakeClock, context: Context) -> None:
    world, asked, provider = audited(clock, context)
    for _ in range(150):
        world.edit_schedule("Primary", "Bob")
    assert len(provider.read(ReadRequest()).changes) == 150
    assert audits(asked) == 2


def test_a_login_that_may_not_read_them_says_which_right_is_missing(clock: FakeClock, context: Context) -> None:
    _, asked, provider = audited(clock, context)
    asked.spoil = lambda request: httpx.Response(403, json={}) if request.url.path == "/audit/records" else None
    reading = provider.read(ReadRequest())
    (problem,) = reading.problems
    assert (problem.scope, problem.state) == (SCOPE, SourceState.DENIED)
    assert "audit_records.read" in problem.hint
    assert len(reading.alerts) == 1
    for _ in range(10):
        clock.advance(10.0)
        provider.read(ReadRequest(fresh=True))
    assert audits(asked) == 1  # not before a failure's wait is over


def test_one_poll_waits_for_one_of_the_two_feeds_alone(clock: FakeClock, context: Context) -> None:
    world, asked, provider = audited(clock, context, change_events=True)
    world.edit_schedule("Primary", "Bob")
    world.change("payments", "deploy 1", "pipeline")
    first = provider.read(ReadRequest())
    assert ([one.kind for one in first.changes], audits(asked)) == ([ChangeKind.OTHER], 0)
    clock.advance(10.0)
    assert {one.kind for one in provider.read(ReadRequest()).changes} == {ChangeKind.OTHER, ChangeKind.SCHEDULE}
    assert audits(asked) == 1


def test_the_feed_that_gave_way_to_the_other_is_read_at_the_next_poll_where_all_was_asked_for(
    clock: FakeClock, context: Context
) -> None:
    world, asked, provider = audited(clock, context, change_events=True)
    for _ in range(2):  # both were read once, and are due again in a minute
        provider.read(ReadRequest())
        clock.advance(10.0)
    world.edit_schedule("Primary", "Bob")
    assert provider.read(ReadRequest(fresh=True)).changes == ()  # a new alert asks what changed
    clock.advance(10.0)
    assert [one.by for one in provider.read(ReadRequest()).changes] == ["Bob"]
    for _ in range(3):
        clock.advance(10.0)
        provider.read(ReadRequest())
    assert audits(asked) == 2  # once more, and no oftener
