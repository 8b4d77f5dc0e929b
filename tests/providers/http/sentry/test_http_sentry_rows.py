"""The Sentry provider against the drill's Sentry, in this process: rows, options, pages and failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from tests.providers.http.sentry.conftest import BOB, TOKEN, issue, options, unresolved
from tests.support.joined import incidents
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.providers.base import ReadRequest
from oncall_tui.providers.sentry.api import PAGES, error_text, next_cursor, search
from oncall_tui.providers.sentry.mapping import row
from oncall_tui.providers.sentry.provider import SentryProvider
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.services.sentry.api import SimulatedSentry as Organization

# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_issue_is_a_row(sentry: SentryProvider, clock: FakeClock, asked: Asked) -> None:
    reading = sentry.read(ReadRequest())
    (alert,) = reading.alerts
    assert (alert.id, alert.title, alert.state) == ("errors/7001", "KeyError: 'amount' [/red]", AlertState.FIRING)
    assert (alert.severity, alert.count) == (Severity.ERROR, 1240)
    assert (alert.label("users"), alert.label("project"), alert.label("level")) == ("97", "checkout", "error")
    assert (alert.label("substatus"), alert.comment) == ("new", "new")
    assert (alert.began, alert.changed) == (clock.at - 900, clock.at)
    assert alert.hint == ServiceHint(cluster="prod-main", service="checkout-api")
    assert alert.url == "https://sentry.example.com/issues/7001/"
    assert alert.keys == ("dedup:CHECKOUT-1",)  # as Sentry's own PagerDuty integration has it
    assert alert.verbs == {Verb.ACKNOWLEDGE, Verb.RESOLVE, Verb.SILENCE}
    assert (reading.problems, reading.calls) == ((), 2)
    unresolved, ignored = asked.requests
    assert unresolved.headers["authorization"] == f"Bearer {TOKEN}"
    assert ignored.url.params["query"] == "is:archived_until_condition_met"
    params = dict(unresolved.url.params.multi_items())
    assert params == {"query": "is:unresolved", "statsPeriod": "24h", "sort": "new", "limit": "100", "project": "-1"}


def test_an_issue_is_joined_to_the_page_that_sentry_itself_made(sentry: SentryProvider) -> None:
    (issue,) = sentry.read(ReadRequest()).alerts
    page = msgspec.structs.replace(issue, id="pager/Q1", provider="pagerduty", keys=("dedup:CHECKOUT-1",))
    assert incidents((issue, page)) == {"errors/7001": "pager/Q1"}


def test_what_is_asked_for_is_narrowed_there(make: Callable[..., SentryProvider], organization: Organization) -> None:
    organization.report("other", "Slow", "search", "warning", environment="staging")
    organization.report("fatal", "SIGSEGV", "media", "fatal")

    def titles(**more: Any) -> set[str]:
        return {alert.title for alert in make(**more).read(ReadRequest()).alerts}

    assert len(titles()) == 3
    assert titles(projects=("search", "media")) == {"Slow", "SIGSEGV"}
    assert titles(projects=("4502",)) == {"Slow"}
    assert titles(levels=("fatal",)) == {"SIGSEGV"}
    assert titles(environments=("staging",)) == {"Slow"}
    assert titles(levels=("warning", "fatal"), query="slow") == {"Slow"}


def test_only_what_was_seen_lately_asks(sentry: SentryProvider, organization: Organization, clock: FakeClock) -> None:
    clock.advance(24 * 3600 - 5)
    assert len(sentry.read(ReadRequest()).alerts) == 1
    clock.advance(10)
    assert sentry.read(ReadRequest()).alerts == ()
    organization.report("key", "", "checkout")
    assert len(sentry.read(ReadRequest()).alerts) == 1


def test_the_search_is_sentrys_own() -> None:
    assert search(options(), "unresolved") == "is:unresolved"
    wide = options(projects=("a", "b"), levels=("fatal",), query=" !logger:csp ")
    assert search(wide, "unresolved") == "is:unresolved project:[a,b] level:fatal !logger:csp"


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("fatal", Severity.CRITICAL),
        ("error", Severity.ERROR),
        ("warning", Severity.WARNING),
        ("info", Severity.INFO),
        ("debug", Severity.INFO),
        ("sample", Severity.UNKNOWN),
        ("unheard-of", Severity.UNKNOWN),
        (None, Severity.UNKNOWN),
    ],
)
def test_levels(level: str | None, severity: Severity) -> None:
    assert row(options(), issue(level=level)).severity is severity


TEAM = Assigned(type="team", id="7", name="payments")


@pytest.mark.parametrize(
    ("fields", "state", "comment"),
    [
        ({}, AlertState.FIRING, ""),
        ({"substatus": "ongoing"}, AlertState.FIRING, ""),
        ({"substatus": "escalating"}, AlertState.FIRING, "escalating"),
        ({"substatus": "brand_new_word"}, AlertState.FIRING, "brand new word"),
        ({"assignedTo": BOB}, AlertState.ACKNOWLEDGED, ""),
        ({"assignedTo": TEAM}, AlertState.FIRING, ""),
        ({"status": "resolved", "assignedTo": BOB}, AlertState.RESOLVED, ""),
        (
            {"status": "ignored", "substatus": "archived_until_escalating"},
            AlertState.SILENCED,
            "archived until escalating",
        ),
        ({"status": "pondering"}, AlertState.UNKNOWN, "status pondering"),
        ({"status": ""}, AlertState.UNKNOWN, "status missing"),
    ],
)
def test_states(fields: dict[str, Any], state: AlertState, comment: str) -> None:
    found = row(options(), issue(**fields))
    assert (found.state, found.comment) == (state, comment)
    if state is AlertState.UNKNOWN:
        assert Verb.ACKNOWLEDGE in found.verbs


def test_who_has_it_is_named() -> None:
    person, team = row(options(), issue(assignedTo=BOB)), row(options(), issue(assignedTo=TEAM))
    assert (person.by, person.assigned, person.verbs) == (
        ("Bob",),
        ("Bob",),
        {Verb.UNACKNOWLEDGE, Verb.RESOLVE, Verb.SILENCE},
    )
    assert (team.by, team.assigned) == ((), ("team payments",))


# --- pages ------------------------------------------------------------------------------------------------------------


def test_five_thousand_are_read_to_the_end(
    sentry: SentryProvider, organization: Organization, clock: FakeClock
) -> None:
    for number in range(4999):
        organization.report(f"k{number}", f"title {number}", "checkout", began=clock.at - number)
    reading = sentry.read(ReadRequest())
    assert len(reading.alerts) == 5000
    assert (reading.calls, reading.problems) == (51, ())


def test_an_event_between_two_pages_loses_no_issue(
    sentry: SentryProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    for number in range(250):
        organization.report(f"k{number}", f"title {number}", "checkout", began=clock.at - 10 - number)

    def between(request: httpx.Request) -> None:
        if len(asked.requests) == 2:
            clock.advance(1)
            organization.report("k240", "", "checkout")

    asked.spoil = between
    assert len({alert.id for alert in sentry.read(ReadRequest()).alerts}) == 251


def test_more_than_can_be_read_is_said(sentry: SentryProvider, asked: Asked) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        at = len(asked.requests)
        link = f'<http://x/?cursor=0:{at}:0>; rel="next"; results="true"; cursor="0:{at}:0"'
        one = {"id": str(at), "status": "unresolved", "firstSeen": "2027-01-15T07:59:00Z"}
        return httpx.Response(200, json=[one], headers={"Link": link})

    asked.spoil = unresolved(page)
    reading = sentry.read(ReadRequest())
    assert len(reading.alerts) == len(asked.requests) - 1 == PAGES
    (problem,) = reading.problems
    assert "more than the 100" in problem.message
    assert "projects" in problem.hint


def test_a_page_that_points_at_itself_ends(sentry: SentryProvider, asked: Asked) -> None:
    link = '<http://x/>; rel="next"; results="true"; cursor="0:1:0"'
    asked.spoil = unresolved(lambda request: httpx.Response(200, json=[], headers={"Link": link}))
    assert sentry.read(ReadRequest()).problems
    assert len(asked.requests) == 3


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("", ""),
        (
            '<https://s/?a=1,2>; rel="previous"; results="true"; cursor="0:0:1",'
            '<https://s/>; rel="next"; results="true"; cursor="0:100:0"',
            "0:100:0",
        ),
        ('<https://s/>; rel="next"; results="false"; cursor="0:100:0"', ""),
        ('<https://s/>; results="true"; cursor="1600:0:0"; rel="next"', "1600:0:0"),
        ("garbage <<>>;;", ""),
    ],
)
def test_the_link_header(link: str, cursor: str) -> None:
    assert next_cursor({"link": link}) == cursor


# --- failing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b'{"detail": "Invalid token"}', "Invalid token"),
        (b'{"detail": {"code": "sso-required", "message": "Must login via SSO"}}', "Must login via SSO"),
        (
            b'{"assignedTo": ["Unknown actor input"]}',
            "assignedTo: Unknown actor input:"
            " me.email is not the primary e-mail address of a user of this organization",
        ),
        (rb'"{\"detail\": \"twice\"}"', "twice"),
        (b'"text"', ""),
        (b"<html>", ""),
        (b'{"detail": 4}', ""),
    ],
)
def test_what_an_error_body_says(said: bytes, words: str) -> None:
    assert error_text(400, said) == words


def test_denied_and_expired_name_the_scope(sentry: SentryProvider, asked: Asked) -> None:
    asked.spoil = lambda request: httpx.Response(403, json={"detail": "no"})
    with pytest.raises(errors.Denied) as denied:
        sentry.read(ReadRequest())
    assert "the scope event:read" in denied.value.hint
    asked.spoil = lambda request: httpx.Response(401, json={"detail": f"Invalid token {TOKEN}"})
    with pytest.raises(errors.Expired) as expired:
        sentry.read(ReadRequest())
    assert (
        expired.value.hint == "renew the token at $PLANTED_TOKEN, with the scope event:read and the scope event:write"
    )
    assert TOKEN not in str(expired.value)


def test_an_organization_that_is_not_there(make: Callable[..., SentryProvider]) -> None:
    with pytest.raises(errors.Malformed) as caught:
        make(organization="acne").read(ReadRequest())
    assert "organization" in caught.value.hint


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-Sentry-Rate-Limit-Reset": "1800000012"}, 12.0),
        ({"X-Sentry-Rate-Limit-Reset": "1799999990"}, 0.0),
        ({"X-Sentry-Rate-Limit-Reset": "1800000012", "Retry-After": "7"}, 7.0),
        ({"X-Sentry-Rate-Limit-Reset": "1800000012", "Date": "Fri, 15 Jan 2027 07:59:30 GMT"}, 42.0),
        ({"X-Sentry-Rate-Limit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_throttled_until_the_window_ends(
    sentry: SentryProvider, asked: Asked, headers: dict[str, str], seconds: float | None
) -> None:
    asked.spoil = lambda request: httpx.Response(429, json={"detail": "slower"}, headers=headers)
    with pytest.raises(errors.Throttled) as caught:
        sentry.read(ReadRequest())
    assert caught.value.retry_after_s == seconds


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"url": "sentry.io"}, "url"),
        ({"url": "https://a:b@sentry.io"}, "url"),
        ({"organization": "a/b"}, "organization"),
        ({"projects": ("a b",)}, "projects"),
        ({"projects": ("a", "4501")}, "projects"),
        ({"levels": ("critical",)}, "levels"),
        ({"environments": ('a"b',)}, "environments"),
        ({"seen_within": "1 day"}, "seen_within"),
        ({"seen_within": "0h"}, "seen_within"),
        ({"services": {"checkout": "checkout-api"}}, "services"),
    ],
)
def test_mistakes_in_options_name_their_key(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        options(**wrong)
