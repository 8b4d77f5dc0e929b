"""A simulated PagerDuty in this process, whose every written body is checked, and the provider on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.providers.contract import bodies
from tests.support.wire import Asked

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as Account

SPEC: dict[str, Any] = {
    "people": [{"name": name} for name in ("Alice", "Bob", "Carol", "Dave")],
    "policies": [
        {
            "name": "Payments",
            "levels": [{"people": ["Alice"], "schedule": "First", "then": ["Bob"]}, ["Bob"], ["Carol"]],
        },
        {"name": "Shop", "levels": [["Dave"], {"people": []}]},
    ],
    "services": [
        {"name": "payments", "policy": "Payments"},
        {"name": "shop", "policy": "Shop", "acknowledge_timeout": None},
        {"name": "vault", "policy": "Shop", "only": ["Bob"]},
    ],
}


@pytest.fixture
def account(clock: FakeClock) -> Account:
    made = Account(clock.now, spec=SPEC)
    made.trigger("k1", "API 障害", "payments", began=clock.now() - 60)
    return made


@pytest.fixture
def asked(account: Account) -> Iterator[Asked]:
    """Whatever was written has the published shape, whoever wrote it."""
    asked = Asked(account)
    yield asked
    for write in asked.writes:
        assert write.headers["from"]
        bodies.check(bodies.PAGERDUTY, write.method, write.url.path, write.content)


@pytest.fixture
def make(asked: Asked, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PagerDutyProvider]:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")

    def built(**more: Any) -> PagerDutyProvider:
        token = Secret("env", ("PLANTED_TOKEN",))
        return build(
            PagerDutyOptions(name="pager", provider="pagerduty", token=token, **more), context, asked.transport
        )

    return built


@pytest.fixture
def pager(make: Callable[..., PagerDutyProvider]) -> PagerDutyProvider:
    return make()


@pytest.fixture
def planned(
    pager: PagerDutyProvider, board_of: Callable[[Any], Board], alice: Actor
) -> Callable[..., tuple[Plan, Any]]:
    """A plan for the first incident, or the one of that title, and the handler."""

    def plan(verb: Verb, title: str = "", actor: Actor = alice, **more: Any) -> tuple[Plan, Any]:
        board = board_of(pager)
        alert = next(a for a in board.alerts.values() if not title or a.title == title)
        handler = pager.handlers()[verb]
        ask = ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=actor, **more)
        return handler.plan(ask, board), handler

    return plan


def done(plan: Plan, handler: Any) -> str:
    """Carry it out; what the verify says."""
    handler.check(plan)
    check = handler.verify(plan, handler.send(plan))
    assert check.state is OutcomeState.DONE, check.message
    return str(check.message)


def row(pager: PagerDutyProvider, title: str = "API 障害") -> Any:
    return next(a for a in pager.read(ReadRequest()).alerts if a.title == title)
