"""Who has an incident and who had it, as PagerDuty's provider follows it; the other side is the drill's account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui.domain.alert import Alert
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as World
from oncall_tui.triage.ownership import assignment, escalation

LEVELS = [{"people": ["Alice"], "after": 300}, {"people": ["Bob"], "after": 300}, {"people": ["Carol"], "after": 600}]
SPEC = {"people": ["Alice", "Bob", "Carol", "Dave"], "policies": [{"name": "Payments", "levels": LEVELS}]}


class Rig:
    def __init__(self, clock: FakeClock, context: Context) -> None:
        self.clock = clock
        self.world = World(clock.now, spec=SPEC)
        self.asked = Asked(self.world)
        self.context = context
        self.provider = self.another()

    def another(self) -> PagerDutyProvider:
        """A board that is opened now, and saw nothing of what was before."""
        options = PagerDutyOptions(name="pager", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)))
        return build(options, self.context, self.asked.transport)

    def read(self, provider: PagerDutyProvider | None = None) -> Alert:
        (alert,) = (provider or self.provider).read(ReadRequest()).alerts
        return alert

    def later(self, seconds: float) -> Alert:
        self.clock.advance(seconds)
        return self.read()

    def calls(self, part: str) -> int:
        return sum(part in request.url.path for request in self.asked.requests)


@pytest.fixture
def rig(clock: FakeClock, context: Context, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    made = Rig(clock, context)
    made.world.trigger("k", "payments-api is down", "payments")
    return made


def words(alert: Alert, clock: FakeClock) -> str:
    return escalation(alert, clock.now())


def test_an_incident_that_nobody_acknowledges_is_followed_up_its_levels(rig: Rig) -> None:
    first = rig.read()
    assert (first.assigned, first.level, first.moved) == (("Alice",), 0, False)
    assert words(first, rig.clock) == "escalates in 5m"
    assert words(rig.later(215), rig.clock) == "escalates in 1m20s"
    second = rig.later(95)
    assert words(second, rig.clock) == "escalated to Bob (L2)"
    assert [(one.name, one.level) for one in second.had] == [("Alice", 1)]
    third = rig.later(300)
    assert (third.assigned, third.level, third.escalates_at) == (("Carol",), 3, None)
    assert (
        assignment(third, rig.clock.now())
        == "escalated to Carol (L3) 10s ago · before: Bob (L2) for 5m, Alice (L1) for 5m"
    )


def test_following_costs_one_call_for_a_policy_not_one_a_poll(rig: Rig) -> None:
    rig.read()
    before = len(rig.asked.requests)
    for _ in range(20):
        rig.later(10)
    assert len(rig.asked.requests) - before == 20  # the list alone: what nobody was given anew needs no level
    for _ in range(60):
        rig.later(10)
    assert rig.calls("/oncalls") == 1
    assert rig.calls("/log_entries") == 0


def test_a_board_that_is_opened_later_knows_the_level_and_not_who_had_it(rig: Rig) -> None:
    rig.clock.advance(310)
    found = rig.read(rig.another())
    assert (words(found, rig.clock), found.had) == ("escalated to Bob (L2)", ())


def test_what_was_given_to_a_person_by_hand_is_not_called_escalated(rig: Rig) -> None:
    """Also where that person is on call at a level: PagerDuty escalates it no more."""
    rig.read()
    incident = next(iter(rig.world._incidents.values()))
    for name in ("Dave", "Bob"):
        rig.clock.advance(60)
        alice, given = rig.world._somebody("Alice"), rig.world._somebody(name)
        incident.assign([given], alice, rig.clock.now())
        assert words(rig.read(), rig.clock) == f"assigned to {name}"


def test_without_the_right_to_ask_who_is_on_call_the_assignee_is_told_all_the_same(rig: Rig) -> None:
    def denied(request: httpx.Request) -> httpx.Response | None:
        return (
            httpx.Response(403, json={"error": {"message": "Access Denied"}}) if "oncalls" in str(request.url) else None
        )

    rig.asked.spoil = denied
    rig.read()
    assert words(rig.later(310), rig.clock) == "assigned to Bob"
    for _ in range(5):
        rig.later(10)
    assert rig.calls("/oncalls") == 1  # and it is not asked again at each poll


def test_an_acknowledgement_keeps_who_had_it(rig: Rig, board_of: Callable[[Any], Any]) -> None:
    rig.read()
    rig.later(310)
    rig.world.acknowledge("k", "Bob")
    held = rig.later(10)
    assert words(held, rig.clock) == ""
    assert assignment(held, rig.clock.now()) == "escalated to Bob (L2) 20s ago · before: Alice (L1) for 5m"


def test_the_rows_are_the_same_objects_while_nothing_moves(rig: Rig) -> None:
    rig.read()
    once = rig.later(310)
    assert rig.later(10) is once
