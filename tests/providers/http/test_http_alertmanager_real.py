"""The Alertmanager provider against a real Alertmanager; what it says is checked by that server's own API."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from typing import Any

import msgspec
import pytest
from tests.providers.http.conftest import Desk

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import Actor, Confirm
from oncall_tui.providers.base import ReadRequest

pytestmark = pytest.mark.alertmanager


NASTY = {"alertname": "Nasty", "instance": "ウェブ-01", "path": '[/prod] "down" \\ \x1b[31m\n', "severity": "page"}


def test_two_hundred_alerts_are_read_as_they_are(desk: Desk) -> None:
    many = [
        {"alertname": f"Load{i}", "ecs_cluster": "prod-main", "ecs_service": f"svc-{i}", "severity": "warning"}
        for i in range(197)
    ]
    desk.server.fire(*many, annotations={"summary": "[/prod] down"})
    desk.server.fire(NASTY, {"alertname": "ディスク満杯", "severity": "なぞ"}, {"alertname": "Plain"})
    reading = desk.provider.read(ReadRequest())
    theirs = {a["fingerprint"]: a for a in desk.server.alerts()}
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
    assert all(new is old for new, old in zip(desk.provider.read(ReadRequest()).alerts, reading.alerts, strict=True))


@pytest.mark.parametrize("labels", [{"alertname": "Down", "job": "api"}, NASTY])
def test_acknowledge_and_back(desk: Desk, labels: dict[str, str]) -> None:
    desk.server.fire(labels, {"alertname": "Other"})
    board = desk.board()
    plan, receipt, check = desk.act(desk.ask(Verb.ACKNOWLEDGE, desk.row(board, **labels)), board)
    assert plan.confirm is Confirm.NONE
    assert not plan.affects
    assert check.state is OutcomeState.DONE
    assert check.message.startswith("acknowledged by alice@example.com until ")

    (silence,) = desk.server.silences()
    assert silence["id"] == receipt.data["silenceID"]
    assert silence["comment"] == "ACK! This alert was acknowledged using oncall-tui by Alice"
    assert {m["name"]: m["value"] for m in silence["matchers"]} == labels
    assert [a["labels"] for a in desk.server.alerts(silenced="false")] == [{"alertname": "Other"}]

    board = desk.board()
    held = desk.row(board, **labels)
    assert (held.state, held.by) == (AlertState.ACKNOWLEDGED, ("alice@example.com",))
    assert held.until == pytest.approx(time.time() + 900, abs=20)
    assert Verb.UNACKNOWLEDGE in held.verbs
    with pytest.raises(errors.Refused, match=r"acknowledged by alice@example.com, .*until .*\d\d:\d\d UTC"):
        desk.handler(Verb.ACKNOWLEDGE).check(plan)

    plan, _, check = desk.act(desk.ask(Verb.UNACKNOWLEDGE, held), board)
    assert (check.state, check.message) == (OutcomeState.DONE, "no longer acknowledged by Alice")
    assert desk.row(desk.board(), **labels).state is AlertState.FIRING


def test_acknowledged_by_somebody_first_is_refused_with_their_name(desk: Desk) -> None:
    desk.server.fire({"alertname": "Down"})
    board = desk.board()
    asked = desk.ask(Verb.ACKNOWLEDGE, desk.row(board, alertname="Down"))
    plan = desk.handler(Verb.ACKNOWLEDGE).plan(asked, board)
    desk.server.silence("bob@example.com", "ACK! karma", 600, alertname="Down")
    with pytest.raises(errors.Refused, match=r"acknowledged by bob@example.com, .*, until .*\d\d:\d\d UTC"):
        desk.handler(Verb.ACKNOWLEDGE).check(plan)
    with pytest.raises(errors.Refused, match=r"acknowledged by bob@example\.com"):
        desk.handler(Verb.ACKNOWLEDGE).plan(asked, board)
    board = desk.board()
    theirs = desk.row(board, alertname="Down")
    assert theirs.by == ("bob@example.com",)
    with pytest.raises(errors.Refused, match=r"made by bob@example\.com"):
        desk.handler(Verb.UNACKNOWLEDGE).plan(desk.ask(Verb.UNACKNOWLEDGE, theirs), board)
    assert [s["status"]["state"] for s in desk.server.silences()] == ["active"]


def test_labels_that_match_more_than_one_alert_are_asked_about(desk: Desk) -> None:
    narrow, wide = {"alertname": "Down", "job": "api"}, {"alertname": "Down", "job": "api", "zone": "a"}
    desk.server.fire(narrow, wide, {"alertname": "Down", "job": "web"})
    board = desk.board()
    target = next(a for a in board.alerts.values() if dict(a.labels) == narrow)
    handler = desk.handler(Verb.ACKNOWLEDGE)
    plan = handler.plan(desk.ask(Verb.ACKNOWLEDGE, target), board)
    assert plan.confirm is Confirm.YES
    assert plan.affects == ("Down (job=api, zone=a)",)
    assert ("matches", "2 alerts: this one and 1 with more labels") in plan.lines
    handler.check(plan)
    desk.server.fire({**wide, "zone": "b"})
    with pytest.raises(errors.Refused, match=r"also hide Down \(job=api, zone=b\)"):
        handler.check(plan)
    assert handler.plan(desk.ask(Verb.ACKNOWLEDGE, desk.row(board, zone="a")), board).confirm is Confirm.NONE


def test_silence_previews_what_it_hides_and_is_verified(desk: Desk) -> None:
    desk.server.fire(
        *({"alertname": "Load", "team": "payments", "n": str(n)} for n in range(4)), {"alertname": "Other"}
    )
    board = desk.board()
    target = desk.row(board, n="2")
    plan, _, check = desk.act(
        desk.ask(Verb.SILENCE, target, reason="known, see the ticket", for_s=1800, matchers=(("team", "payments"),)),
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
    assert {a["labels"]["alertname"] for a in desk.server.alerts(silenced="false")} == {"Other"}
    held = desk.row(desk.board(), n="2")
    assert (held.state, held.comment) == (AlertState.SILENCED, "known, see the ticket")
    with pytest.raises(errors.Refused, match=r"silenced by alice@example\.com"):
        desk.handler(Verb.ACKNOWLEDGE).plan(desk.ask(Verb.ACKNOWLEDGE, held), board)


def test_the_same_silence_is_extended_and_never_made_twice(desk: Desk) -> None:
    desk.server.fire({"alertname": "Load", "team": "payments"})
    board = desk.board()
    _, receipt, _ = desk.act(desk.ask(Verb.SILENCE, desk.row(board), reason="known", for_s=1800), board)
    desk.server.wait(lambda: desk.server.alerts()[0]["status"]["state"] == "suppressed")
    board = desk.board()
    again = desk.ask(Verb.SILENCE, desk.row(board), reason="known", for_s=1800)
    there = f"the same silence is active already: {receipt.data['silenceID']} by alice@example.com until "
    with pytest.raises(errors.Refused, match=re.escape(there)) as refused:
        desk.handler(Verb.SILENCE).plan(again, board)
    assert refused.value.hint == "a longer time extends it"
    longer = msgspec.structs.replace(again, for_s=7200.0, reason="takes longer")
    plan, extended, check = desk.act(longer, board)
    assert plan.title == "extend the silence of Load"
    assert dict(plan.lines)["extends"].startswith(f"{receipt.data['silenceID']} by alice@example.com until ")
    assert "silence update --end=" in plan.commands[0]
    assert plan.commands[0].endswith(receipt.data["silenceID"])
    assert check.state is OutcomeState.DONE
    assert extended.data["silenceID"] == receipt.data["silenceID"]
    (only,) = [s for s in desk.server.silences() if s["status"]["state"] == "active"]
    assert only["comment"] == "takes longer"
    bob = Actor("Bob", "bob@example.com")
    plan, _, check = desk.act(msgspec.structs.replace(longer, actor=bob, for_s=14_400.0), desk.board())
    assert plan.title == "silence Load"
    assert plan.warnings[0].startswith(there)
    assert plan.warnings[0].endswith("; this makes a second one")
    assert check.state is OutcomeState.DONE


def test_an_acknowledgement_is_no_silence_of_the_same_kind(desk: Desk) -> None:
    desk.server.fire({"alertname": "Load"})
    board = desk.board()
    desk.act(desk.ask(Verb.ACKNOWLEDGE, desk.row(board)), board)
    plan, _, check = desk.act(desk.ask(Verb.SILENCE, desk.row(desk.board()), reason="known", for_s=600.0), desk.board())
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
def test_a_silence_without_reason_end_or_matcher_is_refused(desk: Desk, more: dict[str, Any], words: str) -> None:
    desk.server.fire({"alertname": "Down"})
    board = desk.board()
    with pytest.raises(errors.Refused, match=words):
        desk.handler(Verb.SILENCE).plan(desk.ask(Verb.SILENCE, desk.row(board), **more), board)
    assert desk.server.silences() == []


def test_a_lost_answer_is_found_again_by_reading(desk: Desk) -> None:
    desk.server.fire(NASTY)
    board = desk.board()
    desk.server.silence("alice@example.com", "ACK! an older one", 1, **NASTY)
    desk.server.wait(lambda: desk.server.alerts()[0]["status"]["state"] == "active")
    handler = desk.handler(Verb.ACKNOWLEDGE)
    plan = handler.plan(desk.ask(Verb.ACKNOWLEDGE, desk.row(board)), board)
    assert handler.verify(plan, None).state is OutcomeState.PENDING  # the older one is not taken for ours
    handler.send(plan)
    assert handler.verify(plan, None).state is OutcomeState.DONE


def test_keep_extends_the_same_silence_until_it_is_over(desk: Desk) -> None:
    desk.server.fire(NASTY)
    board = desk.board()
    plan, receipt, _ = desk.act(desk.ask(Verb.ACKNOWLEDGE, desk.row(board)), board)
    now = time.time()
    assert desk.provider.renew_ack(plan, receipt, now).again_at == pytest.approx(now + 600, abs=5)  # not due
    (before,) = desk.server.silences()
    assert desk.provider.renew_ack(plan, receipt, now + 700).again_at == pytest.approx(now + 700 + 600, abs=5)
    (after,) = desk.server.silences()
    assert (after["id"], after["startsAt"]) == (before["id"], before["startsAt"])
    assert after["endsAt"] > before["endsAt"]
    desk.server.http.delete(f"/silence/{after['id']}").raise_for_status()
    assert desk.provider.renew_ack(plan, receipt, now + 1400).again_at is None
    assert [s["status"]["state"] for s in desk.server.silences()] == ["expired"]


def test_keep_lets_a_resolved_alert_go(desk: Desk) -> None:
    desk.server.fire({"alertname": "Down"})
    board = desk.board()
    plan, receipt, _ = desk.act(desk.ask(Verb.ACKNOWLEDGE, desk.row(board)), board)
    (before,) = desk.server.silences()
    ended = [{"labels": {"alertname": "Down"}, "endsAt": before["startsAt"]}]
    desk.server.http.post("/alerts", json=ended).raise_for_status()
    desk.server.wait(lambda: not desk.server.alerts())
    assert desk.provider.renew_ack(plan, receipt, time.time() + 700).again_at is None
    assert desk.server.silences()[0]["endsAt"] == before["endsAt"]


def test_the_command_to_copy_does_the_same(desk: Desk) -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("no amtool here")
    labels = {"alertname": "Down", "path": '[/prod] "x" \\ ok', "who": "当番"}
    desk.server.fire(labels)
    board = desk.board()
    plan = desk.handler(Verb.ACKNOWLEDGE).plan(desk.ask(Verb.ACKNOWLEDGE, desk.row(board)), board)
    subprocess.run(shlex.split(plan.commands[0]), check=True, capture_output=True, timeout=10)
    held = desk.row(desk.board())
    assert (held.state, held.by) == (AlertState.ACKNOWLEDGED, ("alice@example.com",))


def test_a_stopped_server_is_offline(desk: Desk) -> None:
    desk.server.fire({"alertname": "Down"})
    assert len(desk.provider.read(ReadRequest()).alerts) == 1
    desk.server.stop()
    with pytest.raises(errors.Offline, match="refuses connections"):
        desk.provider.read(ReadRequest())
