"""Alerts that a time interval mutes: the plain list never says it, only groups do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.services.alertmanager.api import SimulatedAlertmanager

GROUPS = "/api/v2/alerts/groups"


class Rig:
    def __init__(self, clock: FakeClock, context: Context, version: str, *filters: str) -> None:
        self.clock = clock
        self.peer = SimulatedAlertmanager(clock.now, version=version)
        self.wire = Asked(self.peer)
        for name in ("Quiet", "Both", "Heard"):
            self.peer.fire({"alertname": name}, {})
        options = AlertmanagerOptions(name="prom", provider="alertmanager", url="http://am.example", filter=filters)
        self.provider: AlertmanagerProvider = build(options, context, self.wire.transport)

    def mute(self) -> None:
        """Quiet goes to a route that the night mutes, Both to another one besides, Heard to none of them."""
        self.peer.route("pager", {"alertname": "Quiet"}, "nights")
        self.peer.route("pager", {"alertname": "Both"}, "nights")
        self.peer.route("chat", {"alertname": "Both"})
        self.peer.set_interval("nights", in_force=True)

    def states(self) -> dict[str, AlertState]:
        return {a.label("alertname"): a.state for a in self.provider.read(ReadRequest()).alerts}

    def asked(self, path: str) -> int:
        return sum(request.url.path == path for request in self.wire.requests)


FIRING = dict.fromkeys(("Quiet", "Both", "Heard"), AlertState.FIRING)


def test_muted_is_what_every_route_of_an_alert_mutes(clock: FakeClock, context: Context) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()
    assert rig.states() == FIRING | {"Quiet": AlertState.SILENCED}
    (quiet,) = [a for a in rig.provider.read(ReadRequest()).alerts if a.state is AlertState.SILENCED]
    assert quiet.comment == "muted by the time interval nights"
    assert quiet.verbs == {Verb.SILENCE}
    rig.peer.set_interval("nights", in_force=False)
    assert rig.states() == FIRING


def test_rows_that_stay_muted_are_the_same_objects(clock: FakeClock, context: Context) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()
    first, second = (rig.provider.read(ReadRequest()).alerts for _ in range(2))
    assert all(one is other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("version", ["0.25.0", "0.28.0"])
def test_without_time_intervals_no_group_is_asked_for(clock: FakeClock, context: Context, version: str) -> None:
    rig = Rig(clock, context, version)
    for _ in range(40):
        assert rig.states() == FIRING
        clock.advance(10)
    assert rig.asked(GROUPS) == 0
    assert rig.asked("/api/v2/status") == (0 if version == "0.25.0" else 2)  # every five minutes
    if version != "0.25.0":
        rig.mute()
        clock.advance(300)
        assert rig.states()["Quiet"] is AlertState.SILENCED  # a configuration that was loaded anew


def test_the_configured_filter_narrows_groups_too(clock: FakeClock, context: Context) -> None:
    rig = Rig(clock, context, "0.28.0", 'alertname="Quiet"')
    rig.mute()
    assert rig.states() == {"Quiet": AlertState.SILENCED}
    (asked,) = [request for request in rig.wire.requests if request.url.path == GROUPS]
    assert asked.url.params.get_list("filter") == ['alertname="Quiet"']


def test_groups_that_cannot_be_read_are_a_problem_and_hide_nothing(clock: FakeClock, context: Context) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()

    def deny(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(403) if request.url.path == GROUPS else None

    rig.wire.spoil = deny
    reading = rig.provider.read(ReadRequest())
    assert [(p.state, p.scope) for p in reading.problems] == [("denied", "time intervals")]
    assert {a.state for a in reading.alerts} == {AlertState.FIRING}
    rig.provider.read(ReadRequest())
    assert rig.asked(GROUPS) == 1  # not asked again at once
    rig.wire.spoil = lambda request: None
    clock.advance(301)
    assert rig.states()["Quiet"] is AlertState.SILENCED


@pytest.mark.parametrize("damage", [None, {}, {"alerts": None}, {"alerts": "x"}, 7])
def test_a_group_that_is_none_mutes_nothing(clock: FakeClock, context: Context, damage: Any) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != GROUPS:
            return None
        return httpx.Response(200, json=[damage, *rig.wire.truly(request).json()])

    rig.wire.spoil = spoil
    reading = rig.provider.read(ReadRequest())
    assert {a.state for a in reading.alerts} == {AlertState.FIRING}  # the damaged one may be where it is heard
    assert [p.state for p in reading.problems] == ["malformed"]


def test_a_server_whose_configuration_cannot_be_read_is_asked_for_groups(clock: FakeClock, context: Context) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()
    rig.wire.spoil = lambda request: httpx.Response(404) if request.url.path.endswith("/status") else None
    assert rig.states()["Quiet"] is AlertState.SILENCED


def test_a_key_sees_what_the_row_said(
    clock: FakeClock, context: Context, alice: Actor, board_of: Callable[[Any], Board]
) -> None:
    rig = Rig(clock, context, "0.28.0")
    rig.mute()
    board = board_of(rig.provider)
    rows = {a.label("alertname"): a for a in board.alerts.values()}

    def ask(verb: Verb, name: str, **more: Any) -> ActionRequest:
        row = rows[name]
        return ActionRequest(verb=verb, target=row.id, version=row.version, actor=alice, **more)

    silence = rig.provider.handlers()[Verb.SILENCE]
    plan = silence.plan(ask(Verb.SILENCE, "Quiet", reason="known", for_s=3600.0), board)
    silence.check(plan)
    rig.peer.set_interval("nights", in_force=False)
    with pytest.raises(errors.Refused, match="firing"):
        silence.check(plan)
    rig.peer.set_interval("nights", in_force=True)
    acknowledge = rig.provider.handlers()[Verb.ACKNOWLEDGE]
    with pytest.raises(errors.Refused, match="already silenced"):
        acknowledge.plan(ask(Verb.ACKNOWLEDGE, "Quiet"), board)
    acknowledge.check(acknowledge.plan(ask(Verb.ACKNOWLEDGE, "Both"), board))
