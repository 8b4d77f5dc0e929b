"""The Alertmanager provider against a real Alertmanager; what it says is checked by that server's own API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oncall_tui import errors
from oncall_tui.contract import Context, ReadRequest, Receipt
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Actor, Ask, Confirm, Plan
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import Alertmanager, build

pytestmark = pytest.mark.alertmanager


@pytest.fixture
def provider(alertmanager: Any, real_context: Context) -> Iterator[Alertmanager]:
    made = build(AlertmanagerOptions(name="prom", provider="alertmanager", url=alertmanager.url), real_context)
    yield made
    made.close()


def settle(provider: Alertmanager, plan: Plan, receipt: Receipt | None) -> Check:
    """Verify until it is no longer pending."""
    end = time.monotonic() + 12
    while True:
        check = provider.handlers()[plan.verb].verify(plan, receipt)
        if check.state is not OutcomeState.PENDING or time.monotonic() > end:
            return check
        time.sleep(0.05)


def act(provider: Alertmanager, ask: Ask, board: Any) -> tuple[Plan, Receipt, Check]:
    """Plan, check, send and verify."""
    handler = provider.handlers()[ask.verb]
    plan = handler.plan(ask, board)
    handler.check(plan)
    receipt = handler.send(plan)
    return plan, receipt, settle(provider, plan, receipt)


def ask(verb: Verb, row: Any, actor: Actor, **more: Any) -> Ask:
    return Ask(verb=verb, target=row.id, version=row.version, actor=actor, **more)


NASTY = {"alertname": "Nasty", "instance": "ウェブ-01", "path": '[/prod] "down" \\ \x1b[31m\n', "severity": "page"}


def test_two_hundred_alerts_are_read_as_they_are(alertmanager: Any, provider: Alertmanager) -> None:
    many = [
        {"alertname": f"Load{i}", "ecs_cluster": "prod-main", "ecs_service": f"svc-{i}", "severity": "warning"}
        for i in range(197)
    ]
    alertmanager.fire(*many, annotations={"summary": "[/prod] down"})
    alertmanager.fire(NASTY, {"alertname": "ディスク満杯", "severity": "なぞ"}, {"alertname": "Plain"})
    reading = provider.read(ReadRequest())
    theirs = {a["fingerprint"]: a for a in alertmanager.alerts()}
    assert len(reading.alerts) == len(theirs) == 200
    for alert in reading.alerts:
        assert dict(alert.labels) == theirs[alert.native_id]["labels"]
        assert alert.state is AlertState.FIRING
        assert alert.verbs == {Verb.ACKNOWLEDGE, Verb.SILENCE}
    by_name = {a.label("alertname"): a for a in reading.alerts}
    assert by_name["Load3"].title == "[/prod] down"
    assert (by_name["Load3"].hint.cluster, by_name["Load3"].hint.service) == ("prod-main", "svc-3")
    assert by_name["Nasty"].severity is Severity.CRITICAL
    assert by_name["ディスク満杯"].severity is Severity.UNKNOWN
    assert by_name["Plain"].severity is Severity.UNKNOWN
    assert (reading.calls, reading.problems) == (1, ())
    assert all(new is old for new, old in zip(provider.read(ReadRequest()).alerts, reading.alerts, strict=True))


@pytest.mark.parametrize("labels", [{"alertname": "Down", "job": "api"}, NASTY])
def test_acknowledge_and_back(
    alertmanager: Any,
    provider: Alertmanager,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
    labels: dict[str, str],
) -> None:
    alertmanager.fire(labels, {"alertname": "Other"})
    board = board_of(provider)
    plan, receipt, check = act(provider, ask(Verb.ACKNOWLEDGE, row(board, **labels), alice), board)
    assert plan.confirm is Confirm.NONE
    assert not plan.affects
    assert check.state is OutcomeState.DONE
    assert check.message.startswith("acknowledged by alice@example.com until ")

    (silence,) = alertmanager.silences()
    assert silence["id"] == receipt.data["silenceID"]
    assert silence["comment"] == "ACK! This alert was acknowledged using oncall-tui by Alice"
    assert {m["name"]: m["value"] for m in silence["matchers"]} == labels
    assert [a["labels"] for a in alertmanager.alerts(silenced="false")] == [{"alertname": "Other"}]

    board = board_of(provider)
    held = row(board, **labels)
    assert (held.state, held.by) == (AlertState.ACKNOWLEDGED, ("alice@example.com",))
    assert held.until == pytest.approx(time.time() + 900, abs=20)
    assert Verb.UNACKNOWLEDGE in held.verbs
    with pytest.raises(errors.Refused, match=r"acknowledged by alice@example.com, .*until \d\d:\d\d UTC"):
        provider.handlers()[Verb.ACKNOWLEDGE].check(plan)

    plan, _, check = act(provider, ask(Verb.UNACKNOWLEDGE, held, alice), board)
    assert (check.state, check.message) == (OutcomeState.DONE, "no longer acknowledged by Alice")
    assert row(board_of(provider), **labels).state is AlertState.FIRING
