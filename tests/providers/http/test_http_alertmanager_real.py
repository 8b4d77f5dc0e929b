"""The Alertmanager provider against a real Alertmanager; what it says is checked by that server's own API."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import Context, ReadRequest, Receipt

pytestmark = pytest.mark.alertmanager


@pytest.fixture
def provider(alertmanager: Any, real_context: Context) -> Iterator[AlertmanagerProvider]:
    made = build(AlertmanagerOptions(name="prom", provider="alertmanager", url=alertmanager.url), real_context)
    yield made
    made.close()


def settle(provider: AlertmanagerProvider, plan: Plan, receipt: Receipt | None) -> Check:
    """Verify until it is no longer pending."""
    end = time.monotonic() + 12
    while True:
        check = provider.handlers()[plan.verb].verify(plan, receipt)
        if check.state is not OutcomeState.PENDING or time.monotonic() > end:
            return check
        time.sleep(0.05)


def act(provider: AlertmanagerProvider, ask: ActionRequest, board: Any) -> tuple[Plan, Receipt, Check]:
    """Plan, check, send and verify."""
    handler = provider.handlers()[ask.verb]
    plan = handler.plan(ask, board)
    handler.check(plan)
    receipt = handler.send(plan)
    return plan, receipt, settle(provider, plan, receipt)


def ask(verb: Verb, row: Any, actor: Actor, **more: Any) -> ActionRequest:
    return ActionRequest(verb=verb, target=row.id, version=row.version, actor=actor, **more)


NASTY = {"alertname": "Nasty", "instance": "ウェブ-01", "path": '[/prod] "down" \\ \x1b[31m\n', "severity": "page"}


def test_two_hundred_alerts_are_read_as_they_are(alertmanager: Any, provider: AlertmanagerProvider) -> None:
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
    provider: AlertmanagerProvider,
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
    with pytest.raises(errors.Refused, match=r"acknowledged by alice@example.com, .*until .*\d\d:\d\d UTC"):
        provider.handlers()[Verb.ACKNOWLEDGE].check(plan)

    plan, _, check = act(provider, ask(Verb.UNACKNOWLEDGE, held, alice), board)
    assert (check.state, check.message) == (OutcomeState.DONE, "no longer acknowledged by Alice")
    assert row(board_of(provider), **labels).state is AlertState.FIRING


def test_acknowledged_by_somebody_first_is_refused_with_their_name(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire({"alertname": "Down"})
    board = board_of(provider)
    asked = ask(Verb.ACKNOWLEDGE, row(board, alertname="Down"), alice)
    plan = provider.handlers()[Verb.ACKNOWLEDGE].plan(asked, board)
    alertmanager.silence("bob@example.com", "ACK! karma", 600, alertname="Down")
    with pytest.raises(errors.Refused, match=r"acknowledged by bob@example.com, .*, until .*\d\d:\d\d UTC"):
        provider.handlers()[Verb.ACKNOWLEDGE].check(plan)
    with pytest.raises(errors.Refused, match=r"acknowledged by bob@example\.com"):
        provider.handlers()[Verb.ACKNOWLEDGE].plan(asked, board)
    board = board_of(provider)
    theirs = row(board, alertname="Down")
    assert theirs.by == ("bob@example.com",)
    with pytest.raises(errors.Refused, match=r"made by bob@example\.com"):
        provider.handlers()[Verb.UNACKNOWLEDGE].plan(ask(Verb.UNACKNOWLEDGE, theirs, alice), board)
    assert [s["status"]["state"] for s in alertmanager.silences()] == ["active"]


def test_labels_that_match_more_than_one_alert_are_asked_about(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    narrow, wide = {"alertname": "Down", "job": "api"}, {"alertname": "Down", "job": "api", "zone": "a"}
    alertmanager.fire(narrow, wide, {"alertname": "Down", "job": "web"})
    board = board_of(provider)
    target = next(a for a in board.alerts.values() if dict(a.labels) == narrow)
    handler = provider.handlers()[Verb.ACKNOWLEDGE]
    plan = handler.plan(ask(Verb.ACKNOWLEDGE, target, alice), board)
    assert plan.confirm is Confirm.YES
    assert plan.affects == ("Down (job=api, zone=a)",)
    assert ("matches", "2 alerts: this one and 1 with more labels") in plan.lines
    handler.check(plan)
    alertmanager.fire({**wide, "zone": "b"})
    with pytest.raises(errors.Refused, match=r"also hide Down \(job=api, zone=b\)"):
        handler.check(plan)
    assert handler.plan(ask(Verb.ACKNOWLEDGE, row(board, zone="a"), alice), board).confirm is Confirm.NONE


def test_silence_previews_what_it_hides_and_is_verified(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire(
        *({"alertname": "Load", "team": "payments", "n": str(n)} for n in range(4)), {"alertname": "Other"}
    )
    board = board_of(provider)
    target = row(board, n="2")
    plan, _, check = act(
        provider,
        ask(Verb.SILENCE, target, alice, reason="known, see the ticket", for_s=1800, matchers=(("team", "payments"),)),
        board,
    )
    lines = dict(plan.lines)
    assert (plan.confirm, len(plan.affects)) == (Confirm.YES, 3)
    assert (lines["matchers"], lines["hides now"], lines["reason"]) == (
        'team="payments"',
        "4 alerts",
        "known, see the ticket",
    )
    assert "after 30 min" in lines["ends"]
    assert not plan.warnings  # no incident is joined: no pager misses anything
    assert (check.state, check.message[:30]) == (OutcomeState.DONE, "silenced by alice@example.com ")
    assert {a["labels"]["alertname"] for a in alertmanager.alerts(silenced="false")} == {"Other"}
    held = row(board_of(provider), n="2")
    assert (held.state, held.comment) == (AlertState.SILENCED, "known, see the ticket")
    with pytest.raises(errors.Refused, match=r"silenced by alice@example\.com"):
        provider.handlers()[Verb.ACKNOWLEDGE].plan(ask(Verb.ACKNOWLEDGE, held, alice), board)


def test_the_same_silence_is_extended_and_never_made_twice(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire({"alertname": "Load", "team": "payments"})
    board = board_of(provider)
    _, receipt, _ = act(provider, ask(Verb.SILENCE, row(board), alice, reason="known", for_s=1800), board)
    alertmanager.wait(lambda: alertmanager.alerts()[0]["status"]["state"] == "suppressed")
    board = board_of(provider)
    again = ask(Verb.SILENCE, row(board), alice, reason="known", for_s=1800)
    there = f"the same silence is active already: {receipt.data['silenceID']} by alice@example.com until "
    with pytest.raises(errors.Refused, match=re.escape(there)) as refused:
        provider.handlers()[Verb.SILENCE].plan(again, board)
    assert refused.value.hint == "a longer time extends it"
    longer = msgspec.structs.replace(again, for_s=7200.0, reason="takes longer")
    plan, extended, check = act(provider, longer, board)
    assert plan.title == "extend the silence of Load"
    assert dict(plan.lines)["extends"].startswith(f"{receipt.data['silenceID']} by alice@example.com until ")
    assert "silence update --end=" in plan.commands[0]
    assert plan.commands[0].endswith(receipt.data["silenceID"])
    assert check.state is OutcomeState.DONE
    assert extended.data["silenceID"] == receipt.data["silenceID"]
    (only,) = [s for s in alertmanager.silences() if s["status"]["state"] == "active"]
    assert only["comment"] == "takes longer"
    bob = Actor("Bob", "bob@example.com")
    plan, _, check = act(provider, msgspec.structs.replace(longer, actor=bob, for_s=14_400.0), board_of(provider))
    assert plan.title == "silence Load"
    assert plan.warnings[0].startswith(there)
    assert plan.warnings[0].endswith("; this makes a second one")
    assert check.state is OutcomeState.DONE


def test_an_acknowledgement_is_no_silence_of_the_same_kind(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire({"alertname": "Load"})
    board = board_of(provider)
    act(provider, ask(Verb.ACKNOWLEDGE, row(board), alice), board)
    plan, _, check = act(
        provider, ask(Verb.SILENCE, row(board_of(provider)), alice, reason="known", for_s=600.0), board_of(provider)
    )
    assert (plan.title, check.state) == ("silence Load", OutcomeState.DONE)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "reason"),
        ({"reason": "x", "for_s": -1.0}, "above 0 and at most 7d"),
        ({"reason": "x", "for_s": 8 * 86400.0}, "above 0 and at most 7d"),
        ({"reason": "x", "matchers": (("team", ""),)}, "label with a value"),
        ({"reason": "x", "matchers": (("a", "1"), ("a", "2"))}, "twice"),
    ],
)
def test_a_silence_without_reason_end_or_matcher_is_refused(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
    more: dict[str, Any],
    words: str,
) -> None:
    alertmanager.fire({"alertname": "Down"})
    board = board_of(provider)
    with pytest.raises(errors.Refused, match=words):
        provider.handlers()[Verb.SILENCE].plan(ask(Verb.SILENCE, row(board), alice, **more), board)
    assert alertmanager.silences() == []


def test_a_lost_answer_is_found_again_by_reading(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire(NASTY)
    board = board_of(provider)
    alertmanager.silence("alice@example.com", "ACK! an older one", 1, **NASTY)
    alertmanager.wait(lambda: alertmanager.alerts()[0]["status"]["state"] == "active")
    handler = provider.handlers()[Verb.ACKNOWLEDGE]
    plan = handler.plan(ask(Verb.ACKNOWLEDGE, row(board), alice), board)
    assert handler.verify(plan, None).state is OutcomeState.PENDING  # the older one is not taken for ours
    handler.send(plan)
    assert handler.verify(plan, None).state is OutcomeState.DONE


def test_keep_extends_the_same_silence_until_it_is_over(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire(NASTY)
    board = board_of(provider)
    plan, receipt, _ = act(provider, ask(Verb.ACKNOWLEDGE, row(board), alice), board)
    now = time.time()
    assert provider.renew_ack(plan, receipt, now).again_at == pytest.approx(now + 600, abs=5)  # not due
    (before,) = alertmanager.silences()
    assert provider.renew_ack(plan, receipt, now + 700).again_at == pytest.approx(now + 700 + 600, abs=5)
    (after,) = alertmanager.silences()
    assert (after["id"], after["startsAt"]) == (before["id"], before["startsAt"])
    assert after["endsAt"] > before["endsAt"]
    alertmanager.http.delete(f"/silence/{after['id']}").raise_for_status()
    assert provider.renew_ack(plan, receipt, now + 1400).again_at is None
    assert [s["status"]["state"] for s in alertmanager.silences()] == ["expired"]


def test_keep_lets_a_resolved_alert_go(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    alertmanager.fire({"alertname": "Down"})
    board = board_of(provider)
    plan, receipt, _ = act(provider, ask(Verb.ACKNOWLEDGE, row(board), alice), board)
    (before,) = alertmanager.silences()
    ended = [{"labels": {"alertname": "Down"}, "endsAt": before["startsAt"]}]
    alertmanager.http.post("/alerts", json=ended).raise_for_status()
    alertmanager.wait(lambda: not alertmanager.alerts())
    assert provider.renew_ack(plan, receipt, time.time() + 700).again_at is None
    assert alertmanager.silences()[0]["endsAt"] == before["endsAt"]


def test_the_command_to_copy_does_the_same(
    alertmanager: Any,
    provider: AlertmanagerProvider,
    board_of: Callable[[Any], Any],
    row: Callable[..., Any],
    alice: Actor,
) -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("no amtool here")
    labels = {"alertname": "Down", "path": '[/prod] "x" \\ ok', "who": "当番"}
    alertmanager.fire(labels)
    board = board_of(provider)
    plan = provider.handlers()[Verb.ACKNOWLEDGE].plan(ask(Verb.ACKNOWLEDGE, row(board), alice), board)
    subprocess.run(shlex.split(plan.commands[0]), check=True, capture_output=True, timeout=10)
    held = row(board_of(provider))
    assert (held.state, held.by) == (AlertState.ACKNOWLEDGED, ("alice@example.com",))


def test_a_stopped_server_is_offline(alertmanager: Any, provider: AlertmanagerProvider) -> None:
    alertmanager.fire({"alertname": "Down"})
    assert len(provider.read(ReadRequest()).alerts) == 1
    alertmanager.stop()
    with pytest.raises(errors.Offline, match="refuses connections"):
        provider.read(ReadRequest())
