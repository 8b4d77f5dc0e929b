"""Several Alertmanagers behind one address: each request meets one of them, and they pass silences on within a minute.

Nothing flaps, nothing that was taken is told as failed, and an acknowledgement is extended all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from tests.support.wire import Asked

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.errors import ActionError
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import Context, ReadRequest, Receipt
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer
from oncall_tui.simulator.services.alertmanager.api import SimulatedAlertmanager

LABELS = {"alertname": "Down", "job": "api"}


class Balancer:
    """Two peers; *turn* says which of them answers the next request, in a circle."""

    def __init__(self, clock: FakeClock, version: str = "0.32.0") -> None:
        self.peers = [SimulatedAlertmanager(clock.now, version=version, peers=2) for _ in range(2)]
        self._clock = clock
        self.turn: tuple[int, ...] = (0, 1)
        self._asked = 0
        for peer in self.peers:
            peer.fire(LABELS, {})

    def handle(self, request: Request) -> SimulatedAnswer:
        self._asked += 1
        return self.peers[self.turn[self._asked % len(self.turn)]].handle(request)

    def gossip(self) -> None:
        """Let each hear of what the other took, a second later."""
        self._clock.advance(1)
        for one, other in (self.peers, self.peers[::-1]):
            one.hear(other)


class Rig:
    def __init__(self, clock: FakeClock, context: Context, actor: Actor) -> None:
        self.clock, self.actor = clock, actor
        self.balancer = Balancer(clock)
        self.wire = Asked(self.balancer)
        self.provider: AlertmanagerProvider = build(
            AlertmanagerOptions(name="prom", provider="alertmanager", url="http://am.example"),
            context,
            self.wire.transport,
        )

    def only(self, peer: int) -> None:
        self.balancer.turn = (peer,)

    def row(self) -> Any:
        (alert,) = self.provider.read(ReadRequest()).alerts
        return alert

    def plan(self, verb: Verb, board_of: Callable[[Any], Board], **more: Any) -> tuple[Plan, Receipt]:
        board = board_of(self.provider)
        (alert,) = board.alerts.values()
        handler = self.provider.handlers()[verb]
        asked = ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=self.actor, **more)
        plan = handler.plan(asked, board)
        handler.check(plan)
        return plan, handler.send(plan)

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        return self.provider.handlers()[plan.verb].verify(plan, receipt)


@pytest.fixture
def rig(clock: FakeClock, context: Context, alice: Actor) -> Rig:
    return Rig(clock, context, alice)


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.SILENCE])
def test_what_one_peer_does_not_know_yet_is_not_told_as_failed(
    rig: Rig, board_of: Callable[[Any], Board], verb: Verb
) -> None:
    rig.only(0)
    plan, receipt = rig.plan(verb, board_of, reason="known", for_s=1800.0)
    rig.only(1)
    for _ in range(8):
        assert rig.verify(plan, receipt).state is OutcomeState.PENDING
        assert rig.verify(plan, None).state is OutcomeState.PENDING  # the same where its answer was lost
        rig.clock.advance(10)
    rig.balancer.gossip()
    assert rig.verify(plan, receipt).state is OutcomeState.DONE
    assert rig.verify(plan, None).state is OutcomeState.DONE


def test_what_no_peer_ever_shows_is_told_as_failed_in_the_end(rig: Rig, board_of: Callable[[Any], Board]) -> None:
    rig.only(0)
    plan, receipt = rig.plan(Verb.ACKNOWLEDGE, board_of)
    rig.only(1)
    rig.clock.advance(120)
    check = rig.verify(plan, receipt)
    assert check.state is OutcomeState.FAILED
    assert check.message == "Alertmanager accepted the silence and does not have it any more: not acknowledged"
    assert rig.verify(plan, None).message == "Alertmanager has no such silence: not acknowledged"


@pytest.mark.parametrize("turn", [turn for turn in product((0, 1), repeat=4) if len(set(turn)) == 2])
def test_rows_do_not_flap_before_the_peers_agree(
    rig: Rig, board_of: Callable[[Any], Board], turn: tuple[int, ...]
) -> None:
    rig.only(0)
    plan, receipt = rig.plan(Verb.ACKNOWLEDGE, board_of)
    assert rig.verify(plan, receipt).state is OutcomeState.DONE
    before = rig.row()
    assert (before.state, before.by) == (AlertState.ACKNOWLEDGED, ("alice@example.com",))
    rig.balancer.turn = turn
    for _ in range(5):
        assert rig.row() is before
        rig.clock.advance(10)
    rig.balancer.gossip()
    assert rig.row() is before
    rig.only(1)
    back, removed = rig.plan(Verb.UNACKNOWLEDGE, board_of)
    assert rig.verify(back, removed).state is OutcomeState.DONE
    assert rig.row().state is AlertState.FIRING
    rig.balancer.turn = turn
    for _ in range(5):
        assert rig.row().state is AlertState.FIRING
        rig.clock.advance(10)
    rig.balancer.gossip()
    assert rig.row().state is AlertState.FIRING


def test_a_key_on_such_a_row_is_not_refused_by_the_peer_that_knows_less(
    rig: Rig, board_of: Callable[[Any], Board]
) -> None:
    rig.only(0)
    _, receipt = rig.plan(Verb.ACKNOWLEDGE, board_of)
    board = board_of(rig.provider)
    (held,) = board.alerts.values()
    rig.only(1)
    asked = ActionRequest(verb=Verb.UNACKNOWLEDGE, target=held.id, version=held.version, actor=rig.actor)
    back = rig.provider.handlers()[Verb.UNACKNOWLEDGE].plan(asked, board)
    rig.provider.handlers()[Verb.UNACKNOWLEDGE].check(back)
    assert back.request["silences"] == [receipt.data["silenceID"]]


def test_a_removal_that_one_peer_does_not_know_yet_is_not_told_as_failed(
    rig: Rig, board_of: Callable[[Any], Board]
) -> None:
    rig.plan(Verb.ACKNOWLEDGE, board_of)
    rig.balancer.gossip()
    rig.only(0)
    back, removed = rig.plan(Verb.UNACKNOWLEDGE, board_of)
    rig.only(1)
    for _ in range(8):
        assert rig.verify(back, removed).state is OutcomeState.PENDING
        rig.clock.advance(10)
    rig.balancer.gossip()
    assert rig.verify(back, removed).state is OutcomeState.DONE


def test_an_acknowledgement_is_extended_though_one_peer_does_not_have_it(
    rig: Rig, board_of: Callable[[Any], Board]
) -> None:
    rig.only(0)
    plan, receipt = rig.plan(Verb.ACKNOWLEDGE, board_of)
    rig.clock.advance(700)
    rig.only(1)
    again = rig.provider.renew_ack(plan, receipt, rig.clock.now()).again_at
    assert again == pytest.approx(rig.clock.now() + 10)
    rig.only(0)
    rig.balancer.peers[0].resolve(LABELS)  # one that just started has no alert yet
    assert rig.provider.renew_ack(plan, receipt, rig.clock.now()).again_at == pytest.approx(rig.clock.now() + 10)
    rig.balancer.peers[0].fire(LABELS, {})
    result = rig.provider.renew_ack(plan, receipt, rig.clock.now())
    assert (result.extended, result.again_at) == (True, pytest.approx(rig.clock.now() + 600, abs=1))
    rig.only(1)
    for _ in range(10):
        rig.clock.advance(100)
        result = rig.provider.renew_ack(plan, receipt, rig.clock.now())
    assert result.again_at is None  # none of them has it: over


def test_an_extension_goes_to_the_peer_that_has_it_or_is_tried_again(
    rig: Rig, board_of: Callable[[Any], Board]
) -> None:
    rig.only(0)
    plan, receipt = rig.plan(Verb.ACKNOWLEDGE, board_of)
    rig.clock.advance(700)
    rig.provider.renew_ack(plan, receipt, rig.clock.now() - 300)
    rig.only(1)
    with pytest.raises(ActionError, match="404"):  # whoever extends asks again soon
        rig.provider.renew_ack(plan, receipt, rig.clock.now())
    assert not rig.balancer.peers[1].state()["silences"]  # type: ignore[index]


@pytest.mark.parametrize("how", ["renewed", "asked for"])
def test_what_a_silence_says_beside_its_end_outlives_an_extension(
    rig: Rig, board_of: Callable[[Any], Board], how: str
) -> None:
    rig.only(0)
    verb = Verb.ACKNOWLEDGE if how == "renewed" else Verb.SILENCE
    plan, receipt = rig.plan(verb, board_of, reason="known", for_s=900.0)
    peer = rig.balancer.peers[0]
    (silence,) = peer.state()["silences"]  # type: ignore[index]
    noted = {**silence, "annotations": {"ticket": "OPS-1", "owner": "payments"}}
    noted.pop("status")
    handle = rig.provider._http.write
    handle("POST", "/api/v2/silences", bytes, noted)
    rig.clock.advance(700)
    if how == "renewed":
        assert rig.provider.renew_ack(plan, receipt, rig.clock.now()).extended
    else:
        rig.plan(Verb.SILENCE, board_of, reason="takes longer", for_s=7200.0)
    (after,) = peer.state()["silences"]  # type: ignore[index]
    assert after["endsAt"] > silence["endsAt"]
    assert after["comment"] == (silence["comment"] if how == "renewed" else "takes longer")
    same = ("id", "matchers", "startsAt", "createdBy", "annotations")
    assert {name: after[name] for name in same} == {name: {**silence, **noted}[name] for name in same}


def test_an_extension_that_a_peer_does_not_show_yet_is_not_told_as_done(
    rig: Rig, board_of: Callable[[Any], Board]
) -> None:
    rig.plan(Verb.SILENCE, board_of, reason="known", for_s=900.0)
    rig.balancer.gossip()
    rig.only(0)
    plan, receipt = rig.plan(Verb.SILENCE, board_of, reason="takes longer", for_s=7200.0)
    assert "extends" in plan.request
    rig.only(1)
    check = rig.verify(plan, receipt)
    assert check.state is OutcomeState.PENDING
    assert "it still ends at" in check.message
    rig.balancer.gossip()
    assert rig.verify(plan, receipt).state is OutcomeState.DONE
