"""Silencing a group of a Datadog monitor: planned, checked, sent once, and done when Datadog shows it."""

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
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.providers.base import Context, Receipt
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.provider import DatadogProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog as Organization

KEYS = {"PLANTED_API": "drill-planted-api-key", "PLANTED_APP": "drill-planted-app-key"}
WEB, API = "ecs_cluster:prod-main,ecs_service:web", "ecs_cluster:prod-main,ecs_service:api"
DOWNTIMES = "/api/v2/downtime"


@pytest.fixture
def organization(clock: FakeClock) -> Organization:
    made = Organization(clock.now)
    made.add({"id": 11, "name": "5xx", "groups": {WEB: "Alert", API: "Alert"}, "minutes": 10})
    made.add({"id": 12, "name": "Disk", "state": "No Data", "minutes": 30})
    return made


@pytest.fixture
def asked(organization: Organization) -> Asked:
    return Asked(organization)


@pytest.fixture
def make(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DatadogProvider]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def built(read_only: bool = False, **more: Any) -> DatadogProvider:
        keys = {"api_key": Secret("env", ("PLANTED_API",)), "application_key": Secret("env", ("PLANTED_APP",))}
        options = DatadogOptions(**{"name": "dd", "provider": "datadog", **keys, **more})
        return build(options, msgspec.structs.replace(context, read_only=read_only), asked.transport)

    return built


@pytest.fixture
def datadog(make: Callable[..., DatadogProvider]) -> DatadogProvider:
    return make()


Planned = Callable[..., tuple[Plan, Any]]


@pytest.fixture
def planned(datadog: DatadogProvider, board_of: Callable[[Any], Board], alice: Actor) -> Planned:
    """A plan for the row of that native id, and the handler."""

    def plan(native: str = f"11/{WEB}", provider: DatadogProvider = datadog, **more: Any) -> tuple[Plan, Any]:
        board = board_of(provider)
        alert = board.alerts[f"dd/{native}"]
        handler = provider.handlers()[Verb.SILENCE]
        given = {"reason": "known, see the ticket", "for_s": 1800.0, "version": alert.version, **more}
        return handler.plan(ActionRequest(verb=Verb.SILENCE, target=alert.id, actor=alice, **given), board), handler

    return plan


def state_of(board: Board, native: str) -> AlertState:
    return board.alerts[f"dd/{native}"].state


def test_the_plan_says_what_will_be_done(planned: Planned, asked: Asked) -> None:
    plan, _ = planned()
    lines = dict(plan.lines)
    assert plan.title == "silence 5xx (ecs_cluster:prod-main, ecs_service:web)"
    assert lines["monitor"] == "11 5xx"
    assert lines["scope"] == "ecs_cluster:prod-main AND ecs_service:web"
    assert lines["ends"] == "08:30 UTC, after 30 min; it ends on its own"
    assert lines["at its end"] == "Datadog notifies anew if it still has alert, no data or warn"
    assert lines["reason"] == "known, see the ticket"
    assert (plan.confirm, plan.affects, plan.writes) == (Confirm.YES, (), 1)
    assert any("an open incident is not closed" in warning for warning in plan.warnings)
    assert asked.writes == []


def test_it_is_sent_as_the_api_has_it_and_verified(
    planned: Planned,
    asked: Asked,
    datadog: DatadogProvider,
    board_of: Callable[[Any], Board],
    organization: Organization,
) -> None:
    plan, handler = planned()
    handler.check(plan)
    receipt = handler.send(plan)
    (sent,) = asked.writes
    assert (sent.method, sent.url.path) == ("POST", DOWNTIMES)
    assert json.loads(sent.content) == {
        "data": {
            "type": "downtime",
            "attributes": {
                "monitor_identifier": {"monitor_id": 11},
                "scope": "ecs_cluster:prod-main AND ecs_service:web",
                "message": "silenced by Alice with oncall-tui: known, see the ticket",
                "display_timezone": "UTC",
                "mute_first_recovery_notification": False,
                "notify_end_states": ["alert", "no data", "warn"],
                "notify_end_types": ["expired"],
                "schedule": {"start": None, "end": "2027-01-15T08:30:00+00:00"},
            },
        }
    }
    check = handler.verify(plan, receipt)
    muted = "muted by a downtime of Alice until 08:30 UTC: it still alerts, and notifies nobody"
    assert (check.state, check.message) == (OutcomeState.DONE, muted)
    read = {request.url.path for request in asked.requests[asked.requests.index(sent) + 1 :]}
    assert read == {
        f"{DOWNTIMES}/{receipt.data['downtime']}",
        "/api/v1/monitor/11",
        "/api/v2/monitor/11/downtime_matches",
    }
    board = board_of(datadog)
    assert state_of(board, f"11/{API}") is AlertState.FIRING
    row = board.alerts[f"dd/11/{WEB}"]
    assert (row.state, row.by, row.comment) == (AlertState.SILENCED, ("Alice",), "known, see the ticket")
    (made,) = organization.state()["downtimes"]
    assert made["id"] == receipt.data["downtime"]


def test_its_end_is_by_datadogs_clock(planned: Planned, asked: Asked, organization: Organization) -> None:
    """Ours may be wrong: ten minutes off would make half an hour a third longer."""

    def ahead(request: httpx.Request) -> httpx.Response:
        found = asked.truly(request)
        found.headers["Date"] = "Fri, 15 Jan 2027 08:10:00 GMT"
        return found

    asked.spoil = ahead
    plan, handler = planned()
    handler.send(plan)
    schedule = json.loads(asked.writes[0].content)["data"]["attributes"]["schedule"]
    assert schedule["end"] == "2027-01-15T08:40:00+00:00"


def test_without_notifying_at_its_end(make: Callable[..., DatadogProvider], planned: Planned) -> None:
    plan, _ = planned(provider=make(notify_at_end=False))
    assert "nobody is notified, even if it still alerts" in dict(plan.lines)["at its end"]
    attributes = plan.request["attributes"]
    assert (attributes["notify_end_states"], attributes["notify_end_types"]) == ([], [])


def test_a_monitor_without_groups_is_silenced_whole(
    planned: Planned, datadog: DatadogProvider, board_of: Callable[[Any], Board]
) -> None:
    plan, handler = planned("12")
    assert dict(plan.lines)["scope"] == "* (the whole monitor)"
    handler.check(plan)
    assert handler.verify(plan, handler.send(plan)).state is OutcomeState.DONE
    assert state_of(board_of(datadog), "12") is AlertState.SILENCED


def test_a_second_downtime_of_the_same_scope_is_refused_or_warned_of(planned: Planned) -> None:
    plan, handler = planned("12")
    receipt = handler.send(plan)
    there = f"the same downtime is active already: {receipt.data['downtime']} by "
    with pytest.raises(errors.Refused) as refused:
        planned("12")
    assert refused.value.message.startswith(there)
    plan, _ = planned("12", for_s=6 * 86_400.0)
    assert plan.warnings[0].startswith(there)
    assert plan.warnings[0].endswith("; this makes a second one")


def test_other_groups_that_the_scope_hides_are_named(planned: Planned, asked: Asked) -> None:
    """A group's tags may be part of another's, where a monitor was regrouped."""
    groups = {name: {"status": "Alert", "last_triggered_ts": 1.8e9 - 600} for name in ("a:1", "a:1,b:2", "a:2")}
    monitor = {"id": 11, "overall_state": "Alert", "state": {"groups": groups}}

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/api/v1/monitor":
            return httpx.Response(200, json=[monitor])
        return httpx.Response(200, json=monitor) if request.url.path == "/api/v1/monitor/11" else None

    asked.spoil = answer
    assert planned("11/a:1")[0].affects == ("a:1,b:2",)
    assert planned("11/a:1,b:2")[0].affects == ()


def test_a_split_monitor_without_its_groups_is_warned_of(planned: Planned, asked: Asked) -> None:
    monitor = {"id": 11, "overall_state": "Alert", "multi": True, "created": "2027-01-01T00:00:00Z"}

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/api/v1/monitor":
            return httpx.Response(200, json=[monitor])
        return httpx.Response(200, json=monitor) if request.url.path == "/api/v1/monitor/11" else None

    asked.spoil = answer
    plan, _ = planned("11")
    assert dict(plan.lines)["scope"] == "* (the whole monitor)"
    assert any("all of them are silenced" in warning for warning in plan.warnings)
    monitor["multi"] = False
    assert not any("all of them" in warning for warning in planned("11")[0].warnings)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"reason": "x" * 1001}, "at most 1,000"),
        ({"for_s": -1.0}, "above 0 and at most 7d"),
        ({"for_s": 8 * 86400.0}, "above 0 and at most 7d"),
        ({"matchers": (("host", "a"),)}, "one group of one monitor"),
    ],
)
def test_what_is_no_silence_is_refused(planned: Planned, asked: Asked, more: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.Refused, match=words):
        planned(**more)
    assert asked.writes == []


def test_a_name_in_the_reason_is_warned_of(planned: Planned) -> None:
    assert any("@" in warning for warning in planned(reason="ask @bob")[0].warnings)
    assert not any("@" in warning for warning in planned()[0].warnings)


def test_read_only(make: Callable[..., DatadogProvider], planned: Planned, board_of: Callable[[Any], Board]) -> None:
    provider = make(read_only=True)
    assert {row.verbs for row in board_of(provider).alerts.values()} == {frozenset()}
    with pytest.raises(errors.Refused, match="read only"):
        planned(provider=provider)


def test_what_moved_is_refused(planned: Planned, organization: Organization, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned()
    clock.advance(5)
    organization.set_state("5xx", WEB, "OK")
    with pytest.raises(errors.Refused, match="recovered"):
        handler.check(plan)
    clock.advance(5)
    organization.set_state("5xx", WEB, "Alert")
    with pytest.raises(errors.Refused, match="began again at 08:00 UTC"):
        handler.check(plan)
    organization.set_state("5xx", WEB, "No Data")
    with pytest.raises(errors.Refused, match="it is no data now"):
        handler.check(plan)
    asked.spoil = lambda request: httpx.Response(404, json={"errors": ["Monitor not found"]})
    with pytest.raises(errors.Refused, match="does not have this monitor"):
        handler.check(plan)
    assert asked.writes == []


def test_what_is_no_move(planned: Planned, organization: Organization, asked: Asked, clock: FakeClock) -> None:
    """That it was seen here, or that another silence holds it; and a no-data stamp that moves on."""
    plan, handler = planned(version=f"dd/11/{WEB}|seen|{clock.now() - 600:.0f}")
    organization.silence("5xx", WEB, 600, "Bob", "")
    handler.check(plan)
    again, _ = planned()
    assert any("silenced already until 08:10 UTC" in warning for warning in again.warnings)
    missing, handler = planned("12")
    read = [r for r in asked.requests if "/api/v1/monitor/" in r.url.path][-1]
    monitor = asked.truly(read).json() | {"overall_state_modified": "2027-01-15T08:00:00+00:00"}
    asked.spoil = lambda request: httpx.Response(200, json=monitor)
    handler.check(missing)


def test_what_cannot_be_read_again_is_not_sent(planned: Planned, asked: Asked) -> None:
    plan, handler = planned()
    asked.spoil = lambda request: httpx.Response(503)
    with pytest.raises(errors.Refused, match="not sent"):
        handler.check(plan)
    assert asked.writes == []


def on_write(answer: Callable[[httpx.Request], httpx.Response]) -> Callable[[httpx.Request], httpx.Response | None]:
    return lambda request: answer(request) if request.method == "POST" else None


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer


ECHO = {"errors": [f"no: {KEYS['PLANTED_APP']}\x1b[31m"]}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (lambda r: httpx.Response(400, json=ECHO), errors.ActionFailed, "400"),
        (lambda r: httpx.Response(401, json=ECHO), errors.ActionFailed, "PLANTED_API"),
        (lambda r: httpx.Response(403, json=ECHO), errors.ActionFailed, "monitors_downtime"),
        (
            lambda r: httpx.Response(429, headers={"X-RateLimit-Reset": "9"}, json=ECHO),
            errors.ActionFailed,
            "try again in 9 s",
        ),
        (raising(httpx.ConnectTimeout("x")), errors.ActionFailed, "not sent"),
        (raising(httpx.ReadTimeout("x")), errors.OutcomeUnknown, "within 5 s"),
        (lambda r: httpx.Response(500, json=ECHO), errors.OutcomeUnknown, "500"),
        (lambda r: httpx.Response(200, text="<html>hello</html>"), errors.OutcomeUnknown, "answered 200"),
    ],
)
def test_a_write_is_tried_once_and_ends_truthfully(
    planned: Planned, asked: Asked, answer: Any, kind: type[errors.ActionError], words: str
) -> None:
    plan, handler = planned()
    asked.spoil = on_write(answer)
    with pytest.raises(kind, match=words) as caught:
        handler.send(plan)
    assert type(caught.value) is kind
    assert len(asked.writes) == 1
    said = str(caught.value)
    assert said.isprintable()
    for key in KEYS.values():
        assert key not in said + repr(plan)


def test_a_lost_answer_is_found_again_by_reading(planned: Planned, asked: Asked, organization: Organization) -> None:
    organization.silence("5xx", WEB, 60, "Bob", "an older one")
    plan, handler = planned()

    def lost(request: httpx.Request) -> httpx.Response:
        asked.truly(request)
        raise httpx.ReadTimeout("x")

    asked.spoil = on_write(lost)
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert len(organization.state()["downtimes"]) == 2
    check = handler.verify(plan, None)
    muted = "muted by a downtime of Alice until 08:30 UTC: it still alerts, and notifies nobody"
    assert (check.state, check.message) == (OutcomeState.DONE, muted)
    assert len(asked.writes) == 1


def test_a_write_that_never_arrived_is_pending_then_failed(planned: Planned, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned()
    asked.spoil = on_write(raising(httpx.ReadTimeout("x")))
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    asked.spoil = lambda request: httpx.Response(503)
    assert handler.verify(plan, None).state is OutcomeState.PENDING  # it cannot be read
    asked.spoil = lambda request: None
    assert handler.verify(plan, None).state is OutcomeState.PENDING  # it may still be on its way
    clock.advance(20)
    assert handler.verify(plan, None).state is OutcomeState.FAILED


def test_done_only_where_the_monitor_shows_it(planned: Planned, asked: Asked, clock: FakeClock) -> None:
    plan, handler = planned()
    receipt = handler.send(plan)
    asked.spoil = lambda r: httpx.Response(200, json={"data": []}) if r.url.path.endswith("_matches") else None
    assert handler.verify(plan, receipt).state is OutcomeState.PENDING
    clock.advance(20)
    assert handler.verify(plan, receipt).state is OutcomeState.FAILED


def test_a_later_start_finds_what_has_ended(planned: Planned, clock: FakeClock, organization: Organization) -> None:
    plan, handler = planned()
    receipt = handler.send(plan)
    organization.set_state("5xx", WEB, "OK")
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.DONE
    assert check.message.endswith("the alert is gone")
    clock.advance(1801)
    check = handler.verify(plan, receipt)
    assert check.state is OutcomeState.DONE
    assert check.message.endswith("that has ended")
    assert handler.verify(plan, Receipt({"downtime": "../../v1/validate"})).state is OutcomeState.FAILED


def test_the_command_to_copy_names_no_key(planned: Planned, organization: Organization) -> None:
    plan, _ = planned()
    (command,) = plan.commands
    assert '-H "DD-API-KEY: $PLANTED_API" -H "DD-APPLICATION-KEY: $PLANTED_APP"' in command
    assert "https://api.datadoghq.com/api/v2/downtime" in command
    assert '"end":"2027-01-15T08:30:00+00:00"' in command
    for key in KEYS.values():
        assert key not in command
