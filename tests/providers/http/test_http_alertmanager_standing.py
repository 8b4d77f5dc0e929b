"""Silences as they stand at an Alertmanager: listed with what they keep quiet, and ended by their own id."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.providers.http.conftest import Desk
from tests.support.wire import Asked

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.errors import OutcomeUnknown, Refused
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import Context
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.services.alertmanager.api import SimulatedAlertmanager

API, OLD = {"alertname": "Down", "job": "api"}, {"alertname": "Gone", "job": "old"}
NOTHING: Board = merge(1, 0.0, (), ())


class Rig:
    """A simulated Alertmanager with one alert, and two silences of Bob's: one of them matches nothing."""

    def __init__(self, clock: FakeClock, context: Context, actor: Actor) -> None:
        self.clock, self.actor = clock, actor
        self.server = SimulatedAlertmanager(clock.now, version="0.32.0")
        self.server.fire(API, {})
        self.held = self.server.silence(API, 3600.0, "bob@example.com", "a move")
        self.lost = self.server.silence(OLD, 7200.0, "bob@example.com", "long gone")
        self.wire = Asked(self.server)
        options = AlertmanagerOptions(name="prom", provider="alertmanager", url="http://am.example")
        self.provider: AlertmanagerProvider = build(options, context, self.wire.transport)

    def standing(self, native: str) -> StandingSilence:
        return next(s for s in self.provider.silences() if s.id.endswith(native))

    def ask(self, one: StandingSilence, **more: Any) -> ActionRequest:
        given = {"version": one.version, **more}
        return ActionRequest(verb=Verb.END_SILENCE, target=one.id, actor=self.actor, **given)

    @property
    def handler(self) -> Any:
        return self.provider.handlers()[Verb.END_SILENCE]


@pytest.fixture
def rig(clock: FakeClock, context: Context, alice: Actor) -> Rig:
    return Rig(clock, context, alice)


def test_they_are_listed_with_what_they_keep_quiet_by_two_calls(rig: Rig) -> None:
    found = {s.id.rpartition("/")[2]: s for s in rig.provider.silences()}
    assert len(rig.wire.requests) == 2
    held, lost = found[rig.held], found[rig.lost]
    assert len(held.alerts) == 1
    assert held.alerts[0].startswith("prom/")
    assert lost.alerts == ()
    assert (held.by, held.comment, held.words) == ("bob@example.com", "a move", 'alertname="Down", job="api"')
    assert sorted(held.matchers) == sorted(API.items())
    assert held.until == pytest.approx(rig.clock.now() + 3600, abs=1)


def test_one_that_matches_nothing_is_ended_and_read_back(rig: Rig) -> None:
    plan = rig.handler.plan(rig.ask(rig.standing(rig.lost)), NOTHING)
    assert plan.confirm is Confirm.YES
    assert plan.warnings == ("made by bob@example.com, not by you",)
    assert dict(plan.lines)["fires again"] == "0 alerts"
    rig.handler.check(plan)
    receipt = rig.handler.send(plan)
    assert [r.method for r in rig.wire.writes] == ["DELETE"]
    assert rig.handler.verify(plan, receipt).state is OutcomeState.DONE
    assert [s.id.rpartition("/")[2] for s in rig.provider.silences()] == [rig.held]


def test_the_plan_names_the_alerts_that_fire_again(rig: Rig) -> None:
    plan = rig.handler.plan(rig.ask(rig.standing(rig.held)), NOTHING)
    assert dict(plan.lines)["fires again"] == "1 alert: Down"
    assert plan.others == ()  # "also 1 more" beside that would count it twice


def test_what_is_over_or_ends_at_another_time_is_refused(rig: Rig) -> None:
    one = rig.standing(rig.held)
    with pytest.raises(Refused, match="changed meanwhile"):
        rig.handler.plan(rig.ask(one, version=f"{one.id}|1"), NOTHING)
    plan = rig.handler.plan(rig.ask(one), NOTHING)
    rig.clock.advance(4000)
    with pytest.raises(Refused, match="over already"):
        rig.handler.check(plan)
    with pytest.raises(Refused, match="over already"):
        rig.handler.plan(rig.ask(one), NOTHING)


def test_a_lost_answer_is_unknown_until_it_is_read(rig: Rig) -> None:
    plan = rig.handler.plan(rig.ask(rig.standing(rig.lost)), NOTHING)

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.method == "DELETE":
            rig.wire.truly(request)
            raise httpx.ReadTimeout("no answer", request=request)
        return None

    rig.wire.spoil = lost
    with pytest.raises(OutcomeUnknown):
        rig.handler.send(plan)
    assert rig.handler.verify(plan, None).state is OutcomeState.DONE


def test_what_never_took_effect_fails_once_it_cannot_come_any_more(rig: Rig) -> None:
    plan = rig.handler.plan(rig.ask(rig.standing(rig.lost)), NOTHING)
    rig.wire.spoil = lambda request: httpx.Response(200) if request.method == "DELETE" else None
    receipt = rig.handler.send(plan)
    assert rig.handler.verify(plan, receipt).state is OutcomeState.PENDING
    rig.clock.advance(120)
    assert rig.handler.verify(plan, receipt).state is OutcomeState.FAILED


def test_read_only_ends_none(rig: Rig, clock: FakeClock) -> None:
    context = Context(source="prom", actor_email="alice@example.com", clock=clock, read_only=True)
    options = AlertmanagerOptions(name="prom", provider="alertmanager", url="http://am.example")
    provider = build(options, context, rig.wire.transport)
    with pytest.raises(Refused, match="read only"):
        provider.handlers()[Verb.END_SILENCE].plan(rig.ask(rig.standing(rig.lost)), NOTHING)


@pytest.mark.alertmanager
def test_a_real_alertmanager_ends_it(desk: Desk) -> None:
    desk.server.fire(API)
    held = desk.server.silence("bob@example.com", "a move", 3600, **API)
    lost = desk.server.silence("bob@example.com", "long gone", 3600, **OLD)
    desk.server.wait(lambda: all(len(s.alerts) == (s.id.endswith(held)) for s in desk.provider.silences()))
    one = next(s for s in desk.provider.silences() if s.id.endswith(lost))
    ask = ActionRequest(verb=Verb.END_SILENCE, target=one.id, version=one.version, actor=desk.actor)
    _, _, check = desk.act(ask, NOTHING)
    assert check.state is OutcomeState.DONE
    states = {s["id"]: s["status"]["state"] for s in desk.server.silences()}
    assert (states[held], states[lost]) == ("active", "expired")
