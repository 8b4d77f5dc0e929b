"""Who really has an issue, and what happened to it."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from tests.providers.http.sentry.conftest import BOB, body, issue, unresolved
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import ReadRequest, TimelineEvent
from oncall_tui.providers.sentry.assignee import AssignmentKind, holding
from oncall_tui.providers.sentry.provider import SentryProvider
from oncall_tui.providers.sentry.timeline import told
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.services.sentry.api import SimulatedSentry as Organization

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
    left_out, found = told(issue(activity=happened({**entry, **at}, {"type": "note"}, "nonsense")), 1_800_000_100.0)
    assert found == TimelineEvent(1_800_000_000.0, by, text)
    assert left_out.at == 1_800_000_100.0
    assert left_out.text.startswith("2 of 3 activities are not as Sentry promises: ")
    assert "note without a time" in left_out.text
