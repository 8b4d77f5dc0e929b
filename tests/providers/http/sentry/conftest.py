"""A simulated Sentry in this process, the provider on it, and a plan for its one issue."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.base import Context
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.provider import SentryProvider, build
from oncall_tui.providers.sentry.schema import SentryActor as Assigned
from oncall_tui.providers.sentry.schema import SentryIssue
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


BOB = Assigned(type="user", id="101", name="Bob", email="bob@example.com")


def issue(**more: Any) -> SentryIssue:
    return SentryIssue(**{"id": "1", "status": "unresolved", "firstSeen": "2027-01-15T07:59:00Z", **more})
