"""The HTTP providers against the simulated world, over real sockets, with its faults and its clock moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.forked import PIPE, popen

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import build as build_alertmanager
from oncall_tui.providers.base import Context, Provider, ReadRequest, Receipt
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import build as build_pagerduty
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret

SCENARIO = """
name: small
sources:
  - {name: prom, provider: alertmanager}
  - {name: pager, provider: pagerduty}
pagerduty:
  people: [{name: Alice}, {name: Bob}, {name: Carol}]
  policies: [{name: Payments, levels: [[Alice], {people: [Bob], schedule: Second}, {people: []}, [Carol]]}]
  services: [{name: payments, policy: Payments, acknowledge_timeout: 1800}]
events:
  - {fire: {labels: {alertname: Down, ecs_cluster: main, ecs_service: api}, annotations: {summary: "[/prod] down"}}}
  - page:
      key: k1
      title: "API 障害"
      service: payments
      urgency: high
      details: {firing: "Labels:\\n - alertname = Down\\n - ecs_cluster = main\\n - ecs_service = api\\n"}
  - {page: {key: k2, title: other, service: payments, urgency: low}}
"""


class Drill:
    """A world in a child process, and the clock that goes with it."""

    def __init__(self, told: dict[str, Any], clock: FakeClock) -> None:
        self.endpoints = told["endpoints"]
        self.config = {source["name"]: source for source in told["config"]["sources"]}
        self.clock = clock
        self._control = httpx.Client(base_url=told["control"] + "/_drill", trust_env=False)
        self.clock.step(self._post("advance", s=0)["now"] - self.clock.now())

    def move(self, seconds: float) -> None:
        """Let time pass, there and here."""
        self.clock.at = self._post("advance", s=seconds)["now"]

    def fault(self, source: str, kind: str, **more: Any) -> None:
        self._post("faults", source=source, kind=kind, **more)

    def clear(self) -> None:
        self._control.delete("/faults").raise_for_status()

    def do(self, **event: Any) -> None:
        self._post("do", event=event)

    def state(self) -> Any:
        return self._control.get("/state").raise_for_status().json()

    def writes(self, source: str) -> list[Any]:
        asked = self._control.get("/calls").raise_for_status().json()
        return [write for write in asked["writes"] if write["source"] == source]

    def _post(self, path: str, **body: Any) -> Any:
        answer = self._control.post(f"/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def close(self) -> None:
        self._control.close()


@pytest.fixture
def drill(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drill]:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SCENARIO)
    serve = ("serve", "--with-parent", "--clock", "manual", "--scenario", str(scenario))
    with popen("oncall_tui.simulator", *serve, stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        for name, value in told["environment"].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        drill = Drill(told, clock)
        try:
            yield drill
        finally:
            drill.close()
            process.stdin.close()  # it ends with its parent


@pytest.fixture
def prom(drill: Drill, context: Context) -> Iterator[Provider]:
    options = AlertmanagerOptions(name="prom", provider="alertmanager", url=drill.endpoints["prom"])
    provider = build_alertmanager(options, context)
    yield provider
    provider.close()


@pytest.fixture
def pager(drill: Drill, context: Context) -> Iterator[Provider]:
    secret = Secret("env", (drill.config["pager"]["token"]["env"],))
    options = PagerDutyOptions(name="pager", provider="pagerduty", url=drill.endpoints["pager"], token=secret)
    provider = build_pagerduty(options, context)
    yield provider
    provider.close()


@pytest.fixture(params=["prom", "pager"])
def either(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def planned(alice: Actor) -> Callable[..., tuple[Plan, Any]]:
    """A plan for the first row of a provider, and the handler."""

    def make(provider: Provider, verb: Verb, **more: Any) -> tuple[Plan, Any]:
        reading = provider.read(ReadRequest())
        alert = next(a for a in reading.alerts if a.title != "other")
        handler = provider.handlers()[verb]
        asked = ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=alice, **more)
        return handler.plan(asked, merge(1, reading.at, (), (reading,))), handler

    return make


def test_both_read_the_same_problem(prom: Provider, pager: Provider) -> None:
    (alert,) = prom.read(ReadRequest()).alerts
    incident, other = pager.read(ReadRequest()).alerts
    assert (alert.title, alert.state) == ("[/prod] down", AlertState.FIRING)
    assert (incident.title, incident.urgency, incident.assigned) == ("API 障害", "high", ("Alice",))
    assert incident.escalates_at == pytest.approx(incident.began + 300, abs=1)
    assert (other.urgency, other.escalates_at) == ("low", None)
    assert incident.label_sets == (alert.labels,)
    assert incident.hint == alert.hint == ServiceHint(cluster="main", service="api")


def test_acknowledge_ends_as_done(either: Provider, planned: Any, drill: Drill) -> None:
    plan, handler = planned(either, Verb.ACKNOWLEDGE)
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert check.state is OutcomeState.DONE
    assert "UTC" in check.message
    alert = next(a for a in either.read(ReadRequest()).alerts if a.id == plan.target)
    assert alert.state is AlertState.ACKNOWLEDGED
    assert alert.until == pytest.approx(drill.clock.at + (900 if either.source == "prom" else 1800), abs=2)
    assert len(drill.writes(either.source)) == 1


def test_an_escalation_by_time_is_seen_and_refuses_the_older_plan(pager: Provider, planned: Any, drill: Drill) -> None:
    plan, handler = planned(pager, Verb.ESCALATE, choice="level:2")
    drill.move(301)
    assert next(a for a in pager.read(ReadRequest()).alerts if a.id == plan.target).assigned == ("Bob",)
    with pytest.raises(errors.Refused, match="already escalated automatically to Bob"):
        handler.check(plan)
    assert not drill.writes("pager")


def test_escalate_to_a_level_with_its_person_named(pager: Provider, planned: Any, drill: Drill) -> None:
    plan, handler = planned(pager, Verb.ESCALATE)
    assert plan.title == "escalate API 障害 to level 2: Bob"
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert (check.state, check.message) == (OutcomeState.DONE, "escalated to level 2: Bob")
    reading = pager.read(ReadRequest())
    board = merge(1, reading.at, (), (reading,))
    choices = handler.choices(plan.target, board)
    assert [(c.id, c.label, c.warning, c.default) for c in choices if c.id.startswith("level")] == [
        ("level:1", "level 1: Alice", "below the level that has it", False),
        ("level:2", "level 2: Bob", "has it now", False),
        ("level:3", "level 3: nobody on call", "nobody is on call there", False),
        ("level:4", "level 4: Carol", "", True),
    ]
    assert [(c.label, c.detail) for c in choices[4:]] == [
        ("Alice", "on call: level 1"),
        ("Carol", "on call: level 4"),
    ]
    nobody, _ = planned(pager, Verb.ESCALATE, choice="level:3")
    with pytest.raises(errors.ActionFailed, match="nobody is on call there"):
        handler.send(nobody)


def test_note(pager: Provider, planned: Any) -> None:
    plan, handler = planned(pager, Verb.NOTE, text="見ています")
    handler.check(plan)
    receipt = handler.send(plan)
    assert handler.verify(plan, receipt).state is OutcomeState.DONE
    assert handler.verify(plan, None).state is OutcomeState.DONE


def test_a_resolved_incident_is_not_reopened(pager: Provider, planned: Any, drill: Drill) -> None:
    plan, handler = planned(pager, Verb.ACKNOWLEDGE)
    drill.do(resolve_page={"key": "k1"})
    drill.move(20)
    with pytest.raises(errors.Refused, match="already resolved by payments, 20s ago, not reopened"):
        handler.check(plan)
    assert not drill.writes("pager")


def test_another_was_first(pager: Provider, planned: Any, drill: Drill) -> None:
    plan, handler = planned(pager, Verb.ACKNOWLEDGE)
    drill.do(acknowledge_page={"key": "k1", "by": "Bob"})
    drill.move(5)
    with pytest.raises(errors.Refused, match="already acknowledged by Bob, just now, until"):
        handler.check(plan)


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("kind", ["error500", "truncated", "html"])
def test_a_lost_answer_is_told_by_reading(
    either: Provider, planned: Any, drill: Drill, kind: str, effect: bool
) -> None:
    plan, handler = planned(either, Verb.ACKNOWLEDGE)
    drill.fault(either.source, kind, count=1, writes_only=True, after_effect=effect)
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    taken = effect or kind == "truncated"  # an answer is cut off after the write was carried out
    first = handler.verify(plan, None)
    assert first.state is (OutcomeState.DONE if taken else OutcomeState.PENDING)
    drill.move(15)
    assert handler.verify(plan, None).state is (OutcomeState.DONE if taken else OutcomeState.FAILED)
    assert len(drill.writes(either.source)) == 1


FAULTS: dict[str, type[Exception]] = {
    "throttle": errors.Throttled,
    "error500": errors.Offline,
    "expired": errors.Expired,
    "unauthorized": errors.Expired,
    "denied": errors.Denied,
    "html": errors.Malformed,
    "truncated": errors.Malformed,
    "refuse": errors.Offline,
    "redirect": errors.Expired,
}


def test_each_fault_has_its_state_and_passes(either: Provider, drill: Drill) -> None:
    before = either.read(ReadRequest()).alerts
    for kind, error in FAULTS.items():
        drill.fault(either.source, kind)
        with pytest.raises(error) as caught:
            either.read(ReadRequest())
        assert type(caught.value) is error, kind
        drill.clear()
        assert [a.id for a in either.read(ReadRequest()).alerts] == [a.id for a in before], kind


def test_unacknowledge_and_silence(prom: Provider, planned: Any) -> None:
    plan, handler = planned(prom, Verb.ACKNOWLEDGE)
    handler.verify(plan, handler.send(plan))
    plan, handler = planned(prom, Verb.UNACKNOWLEDGE)
    handler.check(plan)
    assert handler.verify(plan, handler.send(plan)).state is OutcomeState.DONE
    plan, handler = planned(prom, Verb.SILENCE, reason="known")
    handler.check(plan)
    assert handler.verify(plan, handler.send(plan)).state is OutcomeState.DONE
    (alert,) = prom.read(ReadRequest()).alerts
    assert (alert.state, alert.comment) == (AlertState.SILENCED, "known")


def test_keep_over_two_hours(prom: Any, planned: Any, drill: Drill) -> None:
    plan, handler = planned(prom, Verb.ACKNOWLEDGE)
    receipt: Receipt = handler.send(plan)
    again = prom.renew_ack(plan, receipt, drill.clock.at).again_at
    while again is not None and again < plan.made_at + 7200:
        drill.move(again - drill.clock.at)
        again = prom.renew_ack(plan, receipt, drill.clock.at).again_at
    assert again is not None
    assert prom.read(ReadRequest()).alerts[0].state is AlertState.ACKNOWLEDGED
    silences = drill.state()["silences"]
    assert [s["id"] for s in silences] == [receipt.data["silenceID"]]
    drill.move(1200)
    assert prom.read(ReadRequest()).alerts[0].state is AlertState.FIRING
    assert prom.renew_ack(plan, receipt, drill.clock.at).again_at is None
