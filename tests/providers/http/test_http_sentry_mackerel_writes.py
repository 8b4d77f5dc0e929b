"""Every way in which a write fails, at a Sentry and a Mackerel: the cases are those of test_http_failures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from test_http_failures import TOKEN, WRITING, says
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.provider import build as build_mackerel
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.provider import build as build_sentry
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.mackerel import SimulatedMackerel
from oncall_tui.simulator.services.sentry.api import SimulatedSentry


class Side:
    """One provider over a drill's source that answers as the test says."""

    def __init__(self, name: str, context: Context) -> None:
        self.name = name
        secret = Secret("env", ("PLANTED_TOKEN",))
        self.provider: Provider
        if name == "sentry":
            people = [{"name": "Alice", "email": "alice@example.com"}]
            self.sentry = SimulatedSentry(context.clock.now, {"tokens": [TOKEN, "the-next"], "people": people})
            self.asked = Asked(self.sentry)
            options = SentryOptions(name="prom", provider=name, organization="example", token=secret)
            self.provider = build_sentry(options, context, self.asked.transport)
            self.verb = Verb.ACKNOWLEDGE
        else:
            self.mackerel = SimulatedMackerel(context.clock.now, {"keys": [TOKEN, "the-next"]})
            self.asked = Asked(self.mackerel)
            keyed = MackerelOptions(name="prom", provider=name, api_key=secret)
            self.provider = build_mackerel(keyed, context, self.asked.transport)
            self.verb = Verb.RESOLVE

    def happen(self, key: str = "k", text: str = "It broke", **more: Any) -> None:
        if self.name == "sentry":
            self.sentry.report(key, text, "checkout", **more)
        else:
            self.mackerel.open(key, "monitor", message=text, **more)

    def end(self, key: str = "k") -> None:
        if self.name == "sentry":
            self.sentry.resolve(key)
        else:
            self.mackerel.close(key)

    def answers(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked.spoil = handler

    def well(self) -> None:
        self.asked.spoil = lambda request: None

    def read(self) -> Any:
        return self.provider.read(ReadRequest())

    def planned(self) -> tuple[Plan, Any]:
        reading = self.read()
        (alert,) = reading.alerts
        handler = self.provider.handlers()[self.verb]
        actor = Actor("Alice", "alice@example.com")
        ask = ActionRequest(verb=self.verb, target=alert.id, version=alert.version, actor=actor)
        return handler.plan(ask, merge(1, reading.at, (), (reading,))), handler


@pytest.fixture(params=["sentry", "mackerel"])
def side(request: pytest.FixtureRequest, context: Context, monkeypatch: pytest.MonkeyPatch) -> Side:
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    made = Side(request.param, context)
    made.happen()
    return made


@pytest.mark.parametrize("case", WRITING)
def test_a_write_is_tried_once_and_ends_truthfully(side: Side, case: str, caplog: pytest.LogCaptureFixture) -> None:
    handler, kind, words = WRITING[case]
    caplog.set_level(logging.DEBUG)
    plan, action = side.planned()
    action.check(plan)
    side.answers(handler)
    with pytest.raises(kind, match=words) as caught:
        action.send(plan)
    assert type(caught.value) is kind
    assert len(side.asked.writes) == 1
    said = str(caught.value)
    assert TOKEN not in said + caplog.text + repr(plan)
    assert said.isprintable()
    assert len(said) < 500


def test_a_lost_write_is_pending_then_failed(side: Side, clock: FakeClock) -> None:
    plan, action = side.planned()

    def times_out(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("x")

    side.answers(times_out)
    with pytest.raises(errors.OutcomeUnknown):
        action.send(plan)
    check = action.verify(plan, None)
    assert check.state is OutcomeState.PENDING  # it cannot be read
    assert "did not answer" in check.message
    side.well()
    assert action.verify(plan, None).state is OutcomeState.PENDING  # it may still be on its way
    clock.advance(20)
    assert action.verify(plan, None).state is OutcomeState.FAILED


def test_what_cannot_be_read_again_is_not_sent(side: Side) -> None:
    plan, action = side.planned()
    side.answers(says(503))
    with pytest.raises(errors.Refused, match="not sent"):
        action.check(plan)


def test_what_ended_meanwhile_is_refused(side: Side) -> None:
    plan, action = side.planned()
    side.end()
    with pytest.raises(errors.Refused, match=r"resolved|closed"):
        action.check(plan)
    assert not side.asked.writes


def test_a_clock_that_differs(side: Side, clock: FakeClock) -> None:
    """The other side is an hour ahead: what begins in the future is a row, and a write is still told by reading."""
    clock.advance(3600)
    side.happen("later", "from the future")
    clock.advance(-3600)
    assert len(side.read().alerts) == 2
    side.end("later")
    plan, action = side.planned()
    action.check(plan)
    assert action.verify(plan, action.send(plan)).state is OutcomeState.DONE


def test_a_rotated_token_is_read_anew_after_a_401(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    side.read()
    side.answers(says(401))
    with pytest.raises(errors.Expired):
        side.read()
    monkeypatch.setenv("PLANTED_TOKEN", "the-next-token-value")
    side.well()
    side.read()
    headers = side.asked.requests[-1].headers
    assert (headers.get("authorization") or headers["x-api-key"]).endswith("the-next-token-value")


def test_no_token_is_no_credentials(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_TOKEN")
    with pytest.raises(errors.NoCredentials):
        side.read()
    assert not side.asked.requests


def test_a_row_offers_what_its_source_can_do(side: Side) -> None:
    (alert,) = side.read().alerts
    assert alert.state is AlertState.FIRING
    assert side.verb in alert.verbs <= set(side.provider.handlers())
