"""The Mackerel provider against the drill's Mackerel, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.mackerel.downtimes import quiet_until
from oncall_tui.providers.mackerel.mapping import row
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.provider import PAGES, MackerelProvider, build, error_text
from oncall_tui.providers.mackerel.schema import MackerelAlert, MackerelDowntime, MackerelMonitor, MackerelRecurrence
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.mackerel import SimulatedMackerel as Organization

KEY = "planted-key-value"


@pytest.fixture
def organization(clock: FakeClock) -> Organization:
    made = Organization(clock.now, {"keys": [KEY], "monitors": [{"name": "checkout 5xx"}]})
    made.open("k", "checkout 5xx", message="12 % > 2 % [/red]", began=clock.now() - 300)
    return made


@pytest.fixture
def asked(organization: Organization) -> Asked:
    return Asked(organization)


@pytest.fixture
def mackerel(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> MackerelProvider:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    return build(options(), context, asked.transport)


@pytest.fixture
def planned(
    mackerel: MackerelProvider, board_of: Callable[[Any], Board], alice: Actor
) -> Callable[..., tuple[Plan, Any]]:
    """A plan to close the one alert that there is, and the handler."""

    def plan(**more: Any) -> tuple[Plan, Any]:
        board = board_of(mackerel)
        (alert,) = board.alerts.values()
        handler = mackerel.handlers()[Verb.RESOLVE]
        ask = ActionRequest(verb=Verb.RESOLVE, target=alert.id, version=alert.version, actor=alice, **more)
        return handler.plan(ask, board), handler

    return plan


def options(**more: Any) -> MackerelOptions:
    secret = Secret("env", ("PLANTED_KEY",))
    return MackerelOptions(**{"name": "mk", "provider": "mackerel", "api_key": secret, **more})


def wire(**more: Any) -> MackerelAlert:
    return MackerelAlert(**{"id": "2x1", "status": "CRITICAL", "openedAt": 1_799_999_000, **more})


# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_alert_is_a_row_with_its_monitors_name(mackerel: MackerelProvider, clock: FakeClock, asked: Asked) -> None:
    reading = mackerel.read(ReadRequest())
    (alert,) = reading.alerts
    assert (alert.id, alert.title) == ("mk/2x000000001", "checkout 5xx: 12 % > 2 % [/red]")
    assert (alert.state, alert.severity, alert.began) == (AlertState.FIRING, Severity.CRITICAL, clock.at - 300)
    assert (alert.label("monitor"), alert.label("type")) == ("checkout 5xx", "service")
    assert alert.verbs == {Verb.RESOLVE, Verb.NOTE}
    assert (reading.problems, reading.calls) == ((), 3)
    assert all(request.headers["x-api-key"] == KEY for request in asked.requests)
    assert all("authorization" not in request.headers for request in asked.requests)


def test_monitors_are_asked_for_seldom(
    mackerel: MackerelProvider, organization: Organization, clock: FakeClock
) -> None:
    assert mackerel.read(ReadRequest()).calls == 3
    clock.advance(60)
    assert mackerel.read(ReadRequest()).calls == 1
    organization.open("other", "a new monitor")
    assert mackerel.read(ReadRequest()).calls == 3  # one that is not known
    clock.advance(301)
    assert mackerel.read(ReadRequest()).calls == 3


def test_alerts_whose_monitors_cannot_be_read_stay(mackerel: MackerelProvider, asked: Asked, clock: FakeClock) -> None:
    asked.spoil = lambda request: httpx.Response(403, json={}) if request.url.path.endswith("monitors") else None
    reading = mackerel.read(ReadRequest())
    assert [alert.title for alert in reading.alerts] == ["service: 12 % > 2 % [/red]"]
    assert [(problem.state, problem.scope) for problem in reading.problems] == [(SourceState.DENIED, "monitors' names")]
    asked.spoil = lambda request: None
    assert mackerel.read(ReadRequest()).problems == reading.problems  # not asked again at once
    clock.advance(31)
    assert mackerel.read(ReadRequest()).problems == ()


@pytest.mark.parametrize(
    ("fields", "state", "severity"),
    [
        ({}, AlertState.FIRING, Severity.CRITICAL),
        ({"status": "WARNING"}, AlertState.FIRING, Severity.WARNING),
        ({"status": "UNKNOWN"}, AlertState.FIRING, Severity.UNKNOWN),
        ({"status": "OK"}, AlertState.RESOLVED, Severity.UNKNOWN),
        ({"closedAt": 1_799_999_500}, AlertState.RESOLVED, Severity.CRITICAL),
        ({"status": "PONDERING"}, AlertState.UNKNOWN, Severity.UNKNOWN),
    ],
)
def test_states(fields: dict[str, Any], state: AlertState, severity: Severity) -> None:
    found = row(options(), wire(**fields), None)
    assert (found.state, found.severity) == (state, severity)
    assert found.comment == ("status PONDERING" if state is AlertState.UNKNOWN else "")


def test_which_service_a_monitor_watches() -> None:
    given = options(services={"Shop": "prod-main/checkout-api"}, organization="acme")
    found = row(given, wire(value=12.5, hostId="h1"), MackerelMonitor("m", "5xx", "Shop"))
    assert found.hint == ServiceHint(cluster="prod-main", service="checkout-api")
    assert (found.label("service"), found.label("value"), found.label("host")) == ("Shop", "12.5", "h1")
    assert found.url == "https://mackerel.io/orgs/acme/alerts/2x1"
    bare = row(given, wire(monitorId="2m9"), None)
    assert (bare.title, bare.hint) == ("monitor: 2m9", ServiceHint())


def test_all_pages_are_read(mackerel: MackerelProvider, organization: Organization, clock: FakeClock) -> None:
    for number in range(4999):
        organization.open(f"k{number}", "checkout 5xx", began=clock.at - number)
    reading = mackerel.read(ReadRequest())
    assert (len(reading.alerts), reading.calls, reading.problems) == (5000, 52, ())
    again = mackerel.read(ReadRequest())
    assert all(one is other for one, other in zip(again.alerts, reading.alerts, strict=True))


def test_more_than_can_be_read_is_said(mackerel: MackerelProvider, asked: Asked) -> None:
    def page(request: httpx.Request) -> httpx.Response | None:
        one = {"id": f"x{len(asked.requests)}", "status": "WARNING", "openedAt": 1}
        return httpx.Response(200, json={"alerts": [one], "nextId": one["id"]})

    asked.spoil = page
    reading = mackerel.read(ReadRequest())
    assert len(reading.alerts) == PAGES
    assert "more than the 100" in reading.problems[0].message
    asked.spoil = lambda request: httpx.Response(200, json={"alerts": [], "nextId": "x"})
    assert mackerel.read(ReadRequest()).calls == 2  # a page that points at itself


def test_one_bad_alert_hides_no_good_one(mackerel: MackerelProvider, asked: Asked) -> None:
    good = {"id": "g", "status": "WARNING", "openedAt": 1, "monitorId": None, "unheard": {"of": 1}}
    asked.spoil = lambda request: httpx.Response(200, json={"alerts": [good, {"id": "b"}], "nextId": None})
    reading = mackerel.read(ReadRequest())
    assert [alert.native_id for alert in reading.alerts] == ["g"]
    assert [problem.scope for problem in reading.problems] == ["1 of 2 alerts"]
    asked.spoil = lambda request: httpx.Response(200, json={"alerts": [{"id": "b"}]})
    with pytest.raises(errors.Malformed):
        mackerel.read(ReadRequest())


def test_failures_name_what_the_key_needs(mackerel: MackerelProvider, asked: Asked) -> None:
    asked.spoil = lambda request: httpx.Response(403, json={"error": {"message": f"no {KEY}"}})
    with pytest.raises(errors.Denied) as denied:
        mackerel.read(ReadRequest())
    assert denied.value.hint == "the login needs the right to read this: Read"
    assert "or the key does not permit this address" in denied.value.message
    assert KEY not in str(denied.value)
    asked.spoil = lambda request: httpx.Response(401, json={"error": "Authentication failed"})
    with pytest.raises(errors.Expired, match="Authentication failed") as expired:
        mackerel.read(ReadRequest())
    assert "$PLANTED_KEY" in expired.value.hint


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "no"}}', "no"),
        (b'{"error": "no"}', "no"),
        (b"[]", ""),
        (b"<p>", ""),
        (b'{"error": 3}', ""),
    ],
)
def test_what_an_error_body_says(body: bytes, words: str) -> None:
    assert error_text(400, body) == words


# --- closing ----------------------------------------------------------------------------------------------------------


def test_closing_gives_a_reason(planned: Any, asked: Asked, mackerel: MackerelProvider) -> None:
    plan, handler = planned(reason="the deploy is over")
    assert (plan.title, plan.confirm) == ("close checkout 5xx: 12 % > 2 % [/red]", Confirm.YES)
    assert KEY not in repr(plan)
    assert "$PLANTED_KEY" in plan.commands[0]
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    reason = "the deploy is over (Alice, with oncall-tui)"
    assert (check.state, check.message) == (OutcomeState.DONE, f"closed: {reason}")
    (write,) = asked.writes
    assert (write.method, write.url.path) == ("POST", "/api/v0/alerts/2x000000001/close")
    assert json.loads(write.content) == {"reason": reason}
    assert mackerel.read(ReadRequest()).alerts == ()


def test_what_was_seen_here_is_closed_all_the_same(mackerel: MackerelProvider, board_of: Any, alice: Actor) -> None:
    """The board's row is *seen* then, and Mackerel knows nothing of it."""
    board = board_of(mackerel)
    (alert,) = board.alerts.values()
    seen = msgspec.structs.replace(alert, state=AlertState.SEEN)
    handler = mackerel.handlers()[Verb.RESOLVE]
    for version in (seen.version, alert.version, ""):
        plan = handler.plan(ActionRequest(verb=Verb.RESOLVE, target=alert.id, version=version, actor=alice), board)
        handler.check(plan)
    other = msgspec.structs.replace(seen, began=seen.began - 60)
    plan = handler.plan(ActionRequest(verb=Verb.RESOLVE, target=alert.id, version=other.version, actor=alice), board)
    with pytest.raises(errors.Refused, match="the alert changed"):
        handler.check(plan)


def test_what_moved_is_not_closed(planned: Any, organization: Organization, asked: Asked) -> None:
    plan, handler = planned()
    organization.open("k", "checkout 5xx", "WARNING")  # less bad, and still the same
    handler.check(plan)
    organization.close("k")
    with pytest.raises(errors.Refused, match="already closed"):
        handler.check(plan)
    asked.spoil = lambda request: httpx.Response(404, json={"error": {"message": "Alert not found."}})
    with pytest.raises(errors.Refused, match="does not have this alert any more"):
        handler.check(plan)
    assert not asked.writes


@pytest.mark.parametrize("effect", [True, False])
def test_a_lost_answer_is_told_by_reading(planned: Any, asked: Asked, clock: FakeClock, effect: bool) -> None:
    plan, handler = planned()

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET":
            return None
        if effect:
            asked.truly(request)
        return httpx.Response(502, content=b"<html>")

    asked.spoil = lost
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert len(asked.writes) == 1
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.PENDING)
    clock.advance(15)
    assert handler.verify(plan, None).state is (OutcomeState.DONE if effect else OutcomeState.FAILED)


def test_read_only(
    asked: Asked, clock: FakeClock, board_of: Any, monkeypatch: pytest.MonkeyPatch, alice: Actor
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    context = Context(source="mk", actor_email="", clock=clock, read_only=True)
    mackerel = build(options(), context, asked.transport)
    board = board_of(mackerel)
    (alert,) = board.alerts.values()
    assert alert.verbs == frozenset()
    ask = ActionRequest(verb=Verb.RESOLVE, target=alert.id, version=alert.version, actor=alice)
    with pytest.raises(errors.Refused, match="read only"):
        mackerel.handlers()[Verb.RESOLVE].plan(ask, board)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"url": "api.mackerelio.com"}, "url"),
        ({"url": "https://a:b@api.mackerelio.com"}, "url"),
        ({"organization": "a/b"}, "organization"),
        ({"services": {"Shop": "api"}}, "services"),
    ],
)
def test_mistakes_in_options_name_their_key(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        options(**wrong)


# --- the monitor's and the host's own words, the memo, the log --------------------------------------------------------


def test_a_muted_monitors_alert_is_silenced_and_can_be_closed(
    mackerel: MackerelProvider, organization: Organization, planned: Callable[..., tuple[Plan, Any]]
) -> None:
    organization.change_monitor("checkout 5xx", isMute=True, memo="see the runbook")
    (alert,) = mackerel.read(ReadRequest()).alerts
    assert (alert.state, alert.comment) == (AlertState.SILENCED, "its monitor is muted")
    assert dict(alert.annotations) == {"monitor memo": "see the runbook"}
    plan, handler = planned(reason="false alarm")
    handler.check(plan)
    handler.send(plan)
    assert handler.verify(plan, None).state is OutcomeState.DONE


def test_hosts_are_named_once(
    mackerel: MackerelProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    organization.name_host("2h1", "ip-10-0-0-1", "web-1")
    organization.name_host("2h2", "db-1")
    for host in ("2h1", "2h2", "2h3"):
        organization.open(host, "disk", host=host)
    titles = {a.native_id: (a.title, a.label("host"), a.label("host_id")) for a in mackerel.read(ReadRequest()).alerts}
    assert list(titles.values())[:3] == [
        ("disk: 2h3", "2h3", ""),  # retired
        ("disk: db-1", "db-1", "2h2"),
        ("disk: web-1", "web-1", "2h1"),
    ]
    clock.advance(30)
    mackerel.read(ReadRequest())
    assert sum("/hosts/" in request.url.path for request in asked.requests) == 3


def test_hosts_that_cannot_be_read_cost_one_call_and_hide_nothing(
    mackerel: MackerelProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    asked.spoil = lambda request: httpx.Response(403, json={}) if "/hosts/" in request.url.path else None
    for host in ("2h1", "2h2"):
        organization.open(host, "disk", host=host)
    for _ in range(3):
        reading = mackerel.read(ReadRequest())
        assert (len(reading.alerts), reading.problems) == (3, ())
        clock.advance(30)
    assert sum("/hosts/" in request.url.path for request in asked.requests) == 1


def test_a_note_is_one_more_line_of_the_memo(
    mackerel: MackerelProvider, organization: Organization, alice: Actor, board_of: Callable[[Any], Board]
) -> None:
    board = board_of(mackerel)
    (alert,) = board.alerts.values()
    handler = mackerel.handlers()[Verb.NOTE]
    memo = organization.state()["mackerel"][0]
    assert "memo" not in memo

    def note(text: str) -> OutcomeState:
        asked = ActionRequest(verb=Verb.NOTE, target=alert.id, version=alert.version, actor=alice, text=text)
        plan = handler.plan(asked, board)
        organization._alerts[0].memo += "\nBob was faster"  # between the plan and the write
        handler.check(plan)
        receipt = handler.send(plan)
        return handler.verify(plan, receipt).state

    assert [note("first"), note("second")] == [OutcomeState.DONE] * 2
    assert organization.state()["mackerel"][0]["memo"].strip().split("\n") == [
        "Bob was faster",
        "first (Alice, with oncall-tui)",
        "Bob was faster",
        "second (Alice, with oncall-tui)",
    ]
    assert dict(mackerel.read(ReadRequest()).alerts[0].annotations)["memo"].endswith("second (Alice, with oncall-tui)")
    with pytest.raises(errors.Refused, match="a note needs text"):
        note(" ")


def test_the_timeline_is_the_alerts_log(
    mackerel: MackerelProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    organization.open("k", "checkout 5xx", "WARNING")
    organization.close("k")
    odd = [
        {"createdAt": 5, "status": "PONDERING", "trigger": "moon", "targetValue": 93.15},
        {"createdAt": 6, "status": "CRITICAL", "trigger": "monitor", "statusDetail": {"detail": {"message": "full"}}},
        {"createdAt": None},
        7,
    ]
    told = [event.text for event in mackerel.timeline("mk/2x000000001")]
    assert sorted(told) == ["CRITICAL", "OK", "WARNING"]
    asked.spoil = lambda request: httpx.Response(200, json={"logs": odd}) if "logs" in request.url.path else None
    left_out, *rest = mackerel.timeline("mk/2x000000001")
    assert left_out.text.startswith("2 of 4 changes are not as Mackerel promises: createdAt")
    assert [(e.at, e.text) for e in rest] == [
        (6.0, "CRITICAL: full"),
        (5.0, "PONDERING, value 93.15, moon"),
    ]


def downtime(**more: Any) -> MackerelDowntime:
    return MackerelDowntime(**{"id": "d1", "start": 1_000.0, "duration": 60.0, **more})


@pytest.mark.parametrize(
    ("more", "at", "until"),
    [
        ({}, 999.0, None),
        ({}, 1_000.0, 4_600.0),
        ({}, 4_600.0, None),
        ({"monitorScopes": ("m1",)}, 2_000.0, 4_600.0),
        ({"monitorScopes": ("m2",)}, 2_000.0, None),
        ({"monitorExcludeScopes": ("m1",)}, 2_000.0, None),
        ({"serviceScopes": ("Shop",)}, 2_000.0, 4_600.0),
        ({"serviceScopes": ("Other",)}, 2_000.0, None),
        ({"serviceExcludeScopes": ("Shop",)}, 2_000.0, None),
        ({"serviceScopes": ("Shop",), "monitorScopes": ("m2",)}, 2_000.0, None),
        ({"roleScopes": ("Shop: web",)}, 2_000.0, None),  # roles are of hosts: not told here
        ({"recurrence": MackerelRecurrence("daily")}, 1_000.0 + 2 * 86_400, 4_600.0 + 2 * 86_400),
        ({"recurrence": MackerelRecurrence("daily")}, 5_000.0 + 2 * 86_400, None),
        ({"recurrence": MackerelRecurrence("daily", 2)}, 1_000.0 + 86_400, None),
        ({"recurrence": MackerelRecurrence("hourly", 3)}, 1_000.0 + 3 * 3_600, 4_600.0 + 3 * 3_600),
        ({"recurrence": MackerelRecurrence("daily", until=90_000.0)}, 1_000.0 + 2 * 86_400, None),
        ({"recurrence": MackerelRecurrence("weekly", weekdays=("Monday",))}, 2_000.0, None),
        ({"recurrence": MackerelRecurrence("fortnightly")}, 2_000.0, None),  # a word that nobody knows
    ],
)
def test_a_downtime_is_for_what_it_names_while_it_lasts(more: dict[str, Any], at: float, until: float | None) -> None:
    found = quiet_until([downtime(**more)], MackerelMonitor("m1", "5xx", "Shop"), at)
    assert (None if found is None else found[0]) == until


def test_an_alert_in_a_downtime_is_silenced_until_its_end(
    mackerel: MackerelProvider, organization: Organization, asked: Asked, clock: FakeClock
) -> None:
    organization.downtimes.append({"id": "d1", "name": "deploy", "start": int(clock.at) - 60, "duration": 10})
    (alert,) = mackerel.read(ReadRequest()).alerts
    assert (alert.state, alert.until, alert.comment) == (AlertState.SILENCED, clock.at + 540, "in the downtime deploy")
    clock.advance(541)
    (alert,) = mackerel.read(ReadRequest()).alerts
    assert alert.state is AlertState.FIRING
    asked.spoil = lambda request: httpx.Response(403, json={}) if "downtimes" in request.url.path else None
    reading = mackerel.read(ReadRequest(fresh=True))
    assert [(problem.state, problem.scope) for problem in reading.problems] == [(SourceState.DENIED, "downtimes")]
    assert {alert.state for alert in reading.alerts} == {AlertState.FIRING}
