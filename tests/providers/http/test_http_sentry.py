"""The Sentry provider against the drill's Sentry, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
from tests.support.joined import incidents
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import Context, ReadRequest, Receipt, TimelineEvent
from oncall_tui.providers.sentry.api import PAGES, error_text, next_cursor, search
from oncall_tui.providers.sentry.assignee import AssignmentKind, holding
from oncall_tui.providers.sentry.mapping import row
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.provider import SentryProvider, build
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.providers.sentry.timeline import told
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.sentry.api import SimulatedSentry as Organization

TOKEN = "planted-token-value"
PEOPLE = [{"name": "Alice", "email": "alice@example.com"}, {"name": "Bob", "email": "bob@example.com"}]
ISSUE = "/api/0/organizations/acme/issues/7001/"


@pytest.fixture(autouse=True)
def waited(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting moves the test's clock."""
    found: list[float] = []

    def wait(seconds: float) -> None:
        found.append(seconds)
        clock.advance(seconds)

    monkeypatch.setattr("oncall_tui.providers.sentry.api.time.sleep", wait)
    return found


@pytest.fixture
def organization(clock: FakeClock) -> Organization:
    made = Organization(clock.now, {"organization": "acme", "people": PEOPLE, "tokens": [TOKEN]})
    made.report("key", "KeyError: 'amount' [/red]", "checkout", "error", count=1240, users=97, began=clock.now() - 900)
    return made


@pytest.fixture
def asked(organization: Organization) -> Asked:
    return Asked(organization)


@pytest.fixture
def make(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SentryProvider]:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)

    def built(**more: Any) -> SentryProvider:
        return build(options(**more), context, asked.transport)

    return built


@pytest.fixture
def sentry(make: Callable[..., SentryProvider]) -> SentryProvider:
    return make(services={"checkout": "prod-main/checkout-api"})


@pytest.fixture
def planned(sentry: SentryProvider, board_of: Callable[[Any], Board], alice: Actor) -> Callable[..., tuple[Plan, Any]]:
    """A plan for the one issue that there is, and the handler."""

    def plan(verb: Verb, **more: Any) -> tuple[Plan, Any]:
        board = board_of(sentry)
        (alert,) = board.alerts.values()
        handler = sentry.handlers()[verb]
        actor = more.pop("actor", alice)
        return handler.plan(
            ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=actor, **more), board
        ), handler

    return plan


def options(**more: Any) -> SentryOptions:
    secret = Secret("env", ("PLANTED_TOKEN",))
    return SentryOptions(**{"name": "errors", "provider": "sentry", "organization": "acme", "token": secret, **more})


def unresolved(answer: Callable[[httpx.Request], httpx.Response | None]) -> Callable[..., httpx.Response | None]:
    """As *answer* for the list of what is unresolved; nothing is ignored."""

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if "archived" in request.url.params.get("query", ""):
            return httpx.Response(200, json=[])
        return answer(request)

    return spoil


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


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


def issue(**more: Any) -> SentryIssue:
    return SentryIssue(**{"id": "1", "status": "unresolved", "firstSeen": "2027-01-15T07:59:00Z", **more})


BOB = Assigned(type="user", id="101", name="Bob", email="bob@example.com")
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


# --- who has it -------------------------------------------------------------------------------------------------------


def happened(*entries: Any) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(entry)) for entry in entries]


ASSIGNED = {"type": "assigned", "user": {"id": "101"}, "data": {"assignee": "101"}}
BY_RULE = {"type": "assigned", "user": None, "data": {"integration": "codeowners", "rule": "path:src/*"}}
BY_SLACK = {"type": "assigned", "user": None, "data": {"integration": "slack"}}
CAME_BACK = {"type": "set_regression", "user": None, "data": {"version": ""}}
ESCALATED = {"type": "set_escalating", "data": None}
OTHER = {"type": "note", "data": {"text": "assigned"}}


@pytest.mark.parametrize(
    ("substatus", "activity", "held"),
    [
        ("ongoing", None, AssignmentKind.TAKEN),
        (None, None, AssignmentKind.TAKEN),
        ("new", None, AssignmentKind.UNREAD),
        ("new", [ASSIGNED], AssignmentKind.TAKEN),
        ("new", [OTHER, BY_RULE], AssignmentKind.GIVEN),
        ("new", [BY_SLACK], AssignmentKind.TAKEN),
        ("new", [ASSIGNED, BY_RULE], AssignmentKind.TAKEN),
        ("new", [], AssignmentKind.TAKEN),
        ("new", ["nonsense", 3, {"type": 4}, BY_RULE], AssignmentKind.GIVEN),
        ("regressed", [CAME_BACK, ASSIGNED], AssignmentKind.STALE),
        ("regressed", [ASSIGNED, CAME_BACK, BY_RULE], AssignmentKind.TAKEN),
        ("escalating", [OTHER, ESCALATED, ASSIGNED], AssignmentKind.STALE),
        ("an unheard-of word", [BY_RULE], AssignmentKind.GIVEN),
    ],
)
def test_who_really_has_it(substatus: str | None, activity: list[Any] | None, held: AssignmentKind) -> None:
    told = None if activity is None else happened(*activity)
    assert holding(issue(substatus=substatus, assignedTo=BOB, activity=told)) is held
    assert holding(issue(substatus=substatus, activity=told)) is AssignmentKind.TAKEN  # nobody: there is no question


def test_what_a_rule_assigned_still_asks(sentry: SentryProvider, organization: Organization, asked: Asked) -> None:
    organization.report("ruled", "Slow", "search", assigned="Bob")
    reading = sentry.read(ReadRequest())
    ruled = next(alert for alert in reading.alerts if alert.title == "Slow")
    assert (ruled.state, ruled.assigned, ruled.by) == (AlertState.FIRING, ("Bob",), ())
    assert ruled.comment == "new; assigned by a rule, not by a person"
    assert Verb.ACKNOWLEDGE in ruled.verbs
    assert (reading.calls, reading.next_in_s) == (3, None)
    assert sentry.read(ReadRequest()).calls == 2  # it is known now
    organization.assign("ruled", "Alice")
    again = next(alert for alert in sentry.read(ReadRequest()).alerts if alert.title == "Slow")
    assert (again.state, again.by) == (AlertState.ACKNOWLEDGED, ("Alice",))


def test_what_came_back_asks_again(
    sentry: SentryProvider, organization: Organization, planned: Any, clock: FakeClock
) -> None:
    organization.assign("key", "Alice")
    assert [alert.state for alert in sentry.read(ReadRequest()).alerts] == [AlertState.ACKNOWLEDGED]
    organization.resolve("key")
    organization.report("key", "", "checkout")
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.comment) == (AlertState.FIRING, "regressed; assigned before it came back")


def test_taking_what_one_has_in_name_alone(
    sentry: SentryProvider, organization: Organization, planned: Any, asked: Asked
) -> None:
    organization.assign("key", "Alice")
    organization.resolve("key")
    organization.report("key", "", "checkout")
    plan, handler = planned(Verb.ACKNOWLEDGE)
    assert plan.writes == 2
    assert ("assigned", "Alice → Alice (alice@example.com)") in plan.lines
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (OutcomeState.DONE, "assigned to Alice")
    assert [body(write) for write in asked.writes] == [{"assignedTo": ""}, {"assignedTo": "alice@example.com"}]
    assert [alert.state for alert in sentry.read(ReadRequest()).alerts] == [AlertState.ACKNOWLEDGED]


def test_taking_over_what_another_has_in_name_alone(organization: Organization, planned: Any, asked: Asked) -> None:
    organization.assign("key", "Bob")
    organization.resolve("key")
    organization.report("key", "", "checkout")
    plan, handler = planned(Verb.ACKNOWLEDGE)
    assert (plan.writes, plan.lines[1]) == (1, ("assigned", "Bob → Alice (alice@example.com)"))
    organization.assign("key", "")
    with pytest.raises(errors.Refused, match="assigned to nobody now"):
        handler.check(plan)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="already assigned to Bob"):
        handler.check(plan)
    assert not asked.writes


@pytest.mark.parametrize("lost", [1, 2])
def test_half_of_taking_again_is_not_done(
    organization: Organization, planned: Any, asked: Asked, clock: FakeClock, lost: int
) -> None:
    organization.assign("key", "Alice")
    organization.resolve("key")
    organization.report("key", "", "checkout")
    plan, handler = planned(Verb.ACKNOWLEDGE)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(403, json={"detail": "no"}) if len(asked.writes) == lost else None

    asked.spoil = refuse
    with pytest.raises(errors.ActionFailed if lost == 1 else errors.OutcomeUnknown):
        handler.send(plan)
    asked.spoil = lambda request: None
    clock.advance(15)
    check = handler.verify(plan, None)
    assert check.state is OutcomeState.FAILED
    had = "Alice (assigned before it came back)" if lost == 1 else "nobody"
    assert check.message == f"not assigned to Alice: it is assigned to {had}"


def test_many_that_are_in_question_are_read_a_few_a_poll(
    sentry: SentryProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    for number in range(20):
        organization.report(f"k{number}", f"t{number}", "checkout", assigned="Bob", began=clock.at - number)
    reading = sentry.read(ReadRequest(watch=frozenset({"errors/7021"})))
    assert asked.requests[2].url.path.endswith("/7021/")  # what is looked at comes first
    assert sum("not read yet" in alert.comment for alert in reading.alerts) == 20 - (reading.calls - 2)
    assert reading.next_in_s == 3.0
    polls = 1
    while reading.next_in_s is not None:
        reading = sentry.read(ReadRequest())
        polls += 1
    assert polls < 5
    assert sum("by a rule" in alert.comment for alert in reading.alerts) == 20


def test_who_assigned_cannot_be_read(sentry: SentryProvider, organization: Organization, asked: Asked) -> None:
    organization.report("ruled", "Slow", "search", assigned="Bob")
    asked.spoil = lambda request: httpx.Response(500) if request.url.path.endswith("/7002/") else None
    reading = sentry.read(ReadRequest())
    assert [(p.state, p.scope) for p in reading.problems] == [(SourceState.OFFLINE, "who assigned")]
    assert {alert.state for alert in reading.alerts} == {AlertState.FIRING}  # not known is not harmless


def test_an_issue_with_hardly_a_field(sentry: SentryProvider, asked: Asked) -> None:
    bare = {"id": "9", "status": "unresolved", "lastSeen": "2027-01-15T07:59:00Z", "assignedTo": None, "count": None}
    asked.spoil = unresolved(lambda request: httpx.Response(200, json=[bare]))
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.title, alert.count, alert.severity, alert.url) == ("9", 1, Severity.UNKNOWN, "")


def test_one_bad_issue_hides_no_good_one(sentry: SentryProvider, asked: Asked) -> None:
    good = {"id": "9", "status": "unresolved", "firstSeen": "2027-01-15T07:59:00Z"}
    bad = [{"id": 7}, {"id": "8", "status": "unresolved"}]
    asked.spoil = unresolved(lambda request: httpx.Response(200, json=[good, *bad]))
    reading = sentry.read(ReadRequest())
    assert [alert.native_id for alert in reading.alerts] == ["9"]
    assert [(p.state, p.scope) for p in reading.problems] == [(SourceState.MALFORMED, "2 of 3 issues")]
    asked.spoil = unresolved(lambda request: httpx.Response(200, json=[{"id": 7}]))
    with pytest.raises(errors.Malformed, match="1 issues"):
        sentry.read(ReadRequest())


def test_ignored_issues_that_cannot_be_read_are_a_problem_and_stay(
    sentry: SentryProvider, organization: Organization, asked: Asked
) -> None:
    organization.report("quiet", "Known", "search")
    organization.ignore("quiet", 3600)
    before = sentry.read(ReadRequest())
    assert [alert.state for alert in before.alerts] == [AlertState.FIRING, AlertState.SILENCED]

    def broken(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500) if "archived" in request.url.params.get("query", "") else None

    asked.spoil = broken
    reading = sentry.read(ReadRequest())
    assert set(reading.alerts) == set(before.alerts)
    assert [(p.state, p.scope) for p in reading.problems] == [(SourceState.OFFLINE, "ignored issues")]
    organization.reopen("quiet")  # what is read now stands before what was read then
    assert {alert.state for alert in sentry.read(ReadRequest()).alerts} == {AlertState.FIRING}


def test_what_did_not_change_is_the_same_object(sentry: SentryProvider, organization: Organization) -> None:
    organization.report("other", "Slow", "search")
    first = {alert.id: alert for alert in sentry.read(ReadRequest()).alerts}
    organization.report("other", "Slow", "search")
    second = {alert.id: alert for alert in sentry.read(ReadRequest()).alerts}
    assert [i for i in first if second[i] is not first[i]] == ["errors/7002"]


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
        (b'{"assignedTo": ["Unknown actor input"]}', "assignedTo: Unknown actor input"),
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


# --- acting -----------------------------------------------------------------------------------------------------------


def test_acknowledging_assigns_and_says_so(planned: Any, asked: Asked, sentry: SentryProvider) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    assert (plan.title, plan.confirm) == ("assign KeyError: 'amount' [/red] to Alice", Confirm.NONE)
    assert ("assigned", "nobody → Alice (alice@example.com)") in plan.lines
    assert TOKEN not in repr(plan)
    assert "$PLANTED_TOKEN" in plan.commands[0]
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (OutcomeState.DONE, "assigned to Alice")
    (write,) = asked.writes
    assert (write.method, write.url.path, body(write)) == ("PUT", ISSUE, {"assignedTo": "alice@example.com"})
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.by) == (AlertState.ACKNOWLEDGED, ("Alice",))


def test_who_acts_has_to_be_known(planned: Any) -> None:
    with pytest.raises(errors.Refused) as caught:
        planned(Verb.ACKNOWLEDGE, actor=Actor("alice", guessed=True))
    assert "me.email" in caught.value.hint


def test_a_user_that_sentry_does_not_know(planned: Any) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE, actor=Actor("Mallory", "mallory@example.com"))
    handler.check(plan)
    with pytest.raises(errors.ActionFailed, match="Unknown actor input"):
        handler.send(plan)


def test_another_was_first(planned: Any, organization: Organization, asked: Asked) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="already assigned to Bob"):
        handler.check(plan)
    with pytest.raises(errors.Refused, match="already assigned to Bob"):
        planned(Verb.ACKNOWLEDGE)
    assert not asked.writes


def test_an_issue_that_is_resolved_meanwhile_is_left_alone(planned: Any, organization: Organization) -> None:
    plans = [planned(Verb.ACKNOWLEDGE), planned(Verb.SILENCE, reason="x"), planned(Verb.RESOLVE)]
    organization.resolve("key")
    for plan, handler in plans:
        with pytest.raises(errors.Refused, match="the issue changed: resolved"):
            handler.check(plan)


def test_more_events_are_no_move(planned: Any, organization: Organization) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    organization.report("key", "", "checkout", count=900)
    handler.check(plan)


def test_unacknowledging_gives_back_ones_own_alone(planned: Any, organization: Organization, asked: Asked) -> None:
    with pytest.raises(errors.Refused, match="nobody"):
        planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="assigned to Bob: only they"):
        planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Alice")
    plan, handler = planned(Verb.UNACKNOWLEDGE)
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (
        OutcomeState.DONE,
        "no longer assigned to Alice; assigned to nobody",
    )
    assert body(asked.writes[0]) == {"assignedTo": ""}
    organization.assign("key", "Alice")
    plan, handler = planned(Verb.UNACKNOWLEDGE)
    organization.assign("key", "Bob")
    with pytest.raises(errors.Refused, match="assigned to Bob now"):
        handler.check(plan)


def test_resolving(planned: Any, asked: Asked, organization: Organization) -> None:
    plan, handler = planned(Verb.RESOLVE)
    assert plan.confirm is Confirm.YES
    handler.check(plan)
    receipt = handler.send(plan)
    assert handler.verify(plan, receipt).message == "resolved"
    assert [body(write) for write in asked.writes] == [{"status": "resolved"}]
    organization.report("key", "", "checkout")
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "resolved, and regressed since")


def test_ignoring_has_an_end_and_tells_who_and_why(
    planned: Any, asked: Asked, organization: Organization, clock: FakeClock, sentry: SentryProvider
) -> None:
    with pytest.raises(errors.Refused, match="needs a reason"):
        planned(Verb.SILENCE, for_s=600.0)
    with pytest.raises(errors.Refused, match="above 0 and at most 7d"):
        planned(Verb.SILENCE, for_s=8 * 86400.0, reason="x")
    plan, handler = planned(Verb.SILENCE, for_s=601.0, reason="deploy at nine")
    assert ("ends", "08:11 UTC, after 11 min; it ends on its own") in plan.lines
    assert plan.writes == 2
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (
        OutcomeState.DONE,
        "ignored until 08:11 UTC; who and why are in a comment",
    )
    change, comment = asked.writes
    assert body(change) == {"status": "ignored", "statusDetails": {"ignoreDuration": 11}}
    assert comment.url.path == ISSUE + "comments/"
    assert body(comment) == {"text": "Ignored until 08:11 UTC by Alice with oncall-tui: deploy at nine"}
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.until, alert.verbs) == (AlertState.SILENCED, clock.at + 660, {Verb.RESOLVE})
    clock.advance(661)
    (alert,) = sentry.read(ReadRequest()).alerts
    assert (alert.state, alert.until) == (AlertState.FIRING, None)


def test_a_comment_that_is_not_taken_is_said(planned: Any, asked: Asked) -> None:
    plan, handler = planned(Verb.SILENCE, for_s=600.0, reason="why")
    asked.spoil = lambda request: httpx.Response(403, json={"detail": "no"}) if "comments" in request.url.path else None
    check = handler.verify(plan, handler.send(plan))
    assert check.state is OutcomeState.DONE
    assert "who and why are not in Sentry" in check.message
    assert len(asked.writes) == 2


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(
    ("verb", "more"), [(Verb.ACKNOWLEDGE, {}), (Verb.RESOLVE, {}), (Verb.SILENCE, {"for_s": 600.0, "reason": "x"})]
)
def test_a_lost_answer_is_told_by_reading(
    planned: Any, asked: Asked, clock: FakeClock, verb: Verb, more: dict[str, Any], effect: bool
) -> None:
    plan, handler = planned(verb, **more)

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET":
            return None
        if effect:
            asked.truly(request)
        raise httpx.ReadTimeout("x")

    asked.spoil = lost
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert len(asked.writes) == 1  # and no comment on what may not be so
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.PENDING)
    clock.advance(15)
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.FAILED)


def test_anothers_ignoring_is_not_taken_for_ours(planned: Any, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned(Verb.SILENCE, for_s=600.0, reason="x")
    other = httpx.Request(
        "PUT",
        f"https://sentry.io{ISSUE}",
        json={"status": "ignored", "statusDetails": {"ignoreDuration": 300}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert asked.truly(other).is_success
    clock.advance(15)
    check = handler.verify(plan, None)
    assert check.state is OutcomeState.FAILED
    assert "ignored until 13:00 UTC" in check.message


def test_an_issue_that_is_gone(planned: Any, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    asked.spoil = lambda request: httpx.Response(404, json={"detail": "The requested resource does not exist"})
    with pytest.raises(errors.Refused, match="does not have this issue any more"):
        handler.check(plan)
    clock.advance(15)
    assert handler.verify(plan, Receipt({"assignee": "100"})).state is OutcomeState.FAILED


def test_denied_writing_names_the_scope(planned: Any, asked: Asked) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    asked.spoil = lambda request: httpx.Response(403, json={"detail": "no"})
    with pytest.raises(errors.ActionFailed) as caught:
        handler.send(plan)
    assert "the scope event:write" in caught.value.hint


def test_read_only_writes_nothing(
    asked: Asked, clock: FakeClock, board_of: Callable[[Any], Board], monkeypatch: pytest.MonkeyPatch, alice: Actor
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    quiet = Context(source="errors", actor_email="", clock=clock, read_only=True)
    sentry = build(options(), quiet, asked.transport)
    board = board_of(sentry)
    (alert,) = board.alerts.values()
    assert alert.verbs == frozenset()
    for verb, handler in sentry.handlers().items():
        with pytest.raises(errors.Refused, match="read only"):
            handler.plan(
                ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=alice, reason="x"), board
            )


# The body of "Update an Issue", and of its statusDetails, as the published schema has them: nothing else may be sent.
class Details(msgspec.Struct, forbid_unknown_fields=True):
    ignoreDuration: Annotated[int, msgspec.Meta(ge=1)]


class Update(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal["resolved", "resolvedInNextRelease", "unresolved", "ignored"] | msgspec.UnsetType = msgspec.UNSET
    statusDetails: Details | msgspec.UnsetType = msgspec.UNSET
    assignedTo: str | msgspec.UnsetType = msgspec.UNSET


def test_what_is_sent_is_what_the_schema_has(planned: Any, asked: Asked, organization: Organization) -> None:
    for verb, more in (
        (Verb.ACKNOWLEDGE, {}),
        (Verb.UNACKNOWLEDGE, {}),
        (Verb.SILENCE, {"reason": "x"}),
        (Verb.RESOLVE, {"reason": "fixed"}),
    ):
        plan, handler = planned(verb, **more)
        handler.check(plan)
        handler.send(plan)
        organization.report("key", "", "checkout")
        organization.reopen("key")
    sent = [write for write in asked.writes if write.url.path == ISSUE]
    assert len(sent) == 4
    for write in sent:
        assert write.method == "PUT"
        assert write.headers["content-type"] == "application/json"
        msgspec.json.decode(write.content, type=Update)


def test_single_issues_are_asked_for_four_times_a_second(
    planned: Any, clock: FakeClock, waited: list[float], asked: Asked
) -> None:
    plan, handler = planned(Verb.ACKNOWLEDGE)
    began = clock.at
    for _ in range(9):
        handler.check(plan)
    assert clock.at - began == pytest.approx(2.0)
    assert len(waited) == 2
    assert dict(asked.requests[-1].url.params.multi_items())["collapse"]


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


# --- what happened to it ----------------------------------------------------------------------------------------------


def test_what_happened_to_an_issue_is_told_newest_first_in_one_call(
    sentry: SentryProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    organization.assign("key", "Bob")
    clock.advance(60)
    organization.resolve("key")
    clock.advance(60)
    organization.report("key", "", "checkout")
    (alert,) = sentry.read(ReadRequest()).alerts
    before = len(asked.requests)
    found = sentry.timeline(alert.id)
    assert len(asked.requests) - before == 1
    assert [one.text.partition(" ")[0] for one in found][:3] == ["it", "resolved", "assigned"]
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
    assert sentry.timeline("errors/999999") == ()


@pytest.mark.parametrize(
    ("entry", "by", "text"),
    [
        ({"type": "set_regression", "user": None, "data": {"version": "2.1"}}, "", "it came back in 2.1"),
        (
            {
                "type": "assigned",
                "user": {"id": "1", "name": "Bob"},
                "data": {"assignee": "1", "assigneeEmail": "bob@example.com", "integration": "codeowners"},
            },
            "Bob",
            "assigned to bob@example.com by codeowners",
        ),
        (
            {"type": "note", "user": {"id": 1, "email": "bob@example.com"}, "data": {"text": "x"}},
            "bob@example.com",
            "note: x",
        ),
        ({"type": "set_resolved_in_release", "data": None}, "", "resolved in release"),
        ({"type": "something_new", "data": "odd"}, "", "something new"),
        ({"data": 3}, "", "something happened"),
    ],
)
def test_activity_in_words(entry: dict[str, Any], by: str, text: str) -> None:
    at = {"dateCreated": "2027-01-15T08:00:00.000Z"}
    found = told(issue(activity=happened({**entry, **at}, {"type": "note"}, "nonsense")))
    assert found == (TimelineEvent(1_800_000_000.0, by, text),)
