"""What Alertmanager's answers become, version by version, and what the options refuse."""

from __future__ import annotations

import shlex
from typing import Any

import httpx
import msgspec
import pytest

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.board import merge
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.providers.alertmanager import mapping
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import build
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.providers.http import DecodeCache
from oncall_tui.providers.lists import listing
from oncall_tui.runtime.secret import Secret


def status(state: str = "suppressed", **more: Any) -> dict[str, Any]:
    return {"state": state, "silencedBy": [], "inhibitedBy": [], **more}


def alert(name: str, state: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {
        "fingerprint": name,
        "labels": {"alertname": name, **labels},
        "startsAt": "2027-01-15T16:59:00.123456789+09:00",
        "updatedAt": "2027-01-15T08:00:00Z",
        "status": state,
    }


def silence(silence_id: str, by: str, comment: str, ends: str) -> dict[str, Any]:
    return {
        "id": silence_id,
        "matchers": [{"name": "a", "value": "b", "isRegex": False}],
        "startsAt": "2027-01-15T07:59:40Z",
        "endsAt": ends,
        "createdBy": by,
        "comment": comment,
        "status": {"state": "active"},
    }


class Server:
    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.silences: list[dict[str, Any]] | int = []
        self.asked: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path.endswith("/silences"):
            if isinstance(self.silences, int):
                return httpx.Response(self.silences)
            return httpx.Response(200, json=self.silences)
        return httpx.Response(200, json=self.alerts)


@pytest.fixture
def server() -> Server:
    return Server()


def make(server: Server, context: Context, **more: Any) -> Provider:
    options = AlertmanagerOptions(name="prom", provider="alertmanager", url="http://am.example/prefix/", **more)
    return build(options, context, httpx.MockTransport(server.handle))


def test_each_state(server: Server, context: Context) -> None:
    server.silences = [
        silence("s1", "bob", "ACK! mine", "2027-01-15T08:10:00Z"),
        silence("s2", "carol", "maintenance", "2027-01-16T08:10:00Z"),
    ]
    server.alerts = [
        alert("active", status("active")),
        alert("new", status("unprocessed")),
        alert("acked", status(silencedBy=["s2", "s1"])),
        alert("silenced", status(silencedBy=["s2"])),
        alert("ended", status(silencedBy=["gone"])),
        alert("inhibited", status(inhibitedBy=["f9"])),
        alert("muted", status("active", mutedBy=["nights"])),
        alert("null", status("active", mutedBy=None)),
        alert("odd", status("shelved")),
    ]
    rows = {a.native_id: a for a in make(server, context).read(ReadRequest()).alerts}
    assert {name: row.state for name, row in rows.items()} == {
        "active": AlertState.FIRING,
        "new": AlertState.FIRING,
        "acked": AlertState.ACKNOWLEDGED,
        "silenced": AlertState.SILENCED,
        "ended": AlertState.SILENCED,
        "inhibited": AlertState.INHIBITED,
        "muted": AlertState.SILENCED,
        "null": AlertState.FIRING,
        "odd": AlertState.UNKNOWN,
    }
    assert rows["active"].began == pytest.approx(1_799_999_940.123, abs=0.001)
    assert (rows["acked"].by, rows["acked"].until, rows["acked"].comment) == (("bob",), 1_800_000_600.0, "ACK! mine")
    assert (rows["silenced"].by, rows["silenced"].by_at) == (("carol",), 1_799_999_980.0)
    assert "nights" in rows["muted"].comment
    assert "f9" in rows["inhibited"].comment


def test_a_silence_that_ends_changes_its_rows_alone(server: Server, context: Context) -> None:
    server.alerts = [alert("a", status(silencedBy=["s1"])), alert("b", status(silencedBy=["s2"]))]
    server.silences = [silence(s, "bob", "ACK!", "2027-01-15T08:10:00Z") for s in ("s1", "s2")]
    provider = make(server, context)
    before = provider.read(ReadRequest()).alerts
    server.silences[0]["endsAt"] = "2027-01-15T08:25:00Z"
    server.alerts[1]["updatedAt"] = "2027-01-15T08:01:00Z"
    after = provider.read(ReadRequest()).alerts
    assert after[0].until == 1_800_001_500.0
    assert after[1] is before[1]


def test_denied_silences_are_a_problem_and_the_alerts_stay(server: Server, context: Context) -> None:
    server.alerts = [alert("a", status(silencedBy=["s1"]))]
    server.silences = [silence("s1", "bob", "ACK!", "2027-01-15T08:10:00Z")]
    provider = make(server, context)
    provider.read(ReadRequest())
    server.silences = 403
    reading = provider.read(ReadRequest())
    assert [(p.state, p.scope) for p in reading.problems] == [("denied", "silences")]
    assert reading.alerts[0].by == ("bob",)  # the last good ones


def test_configured_labels_and_filter(server: Server, context: Context) -> None:
    server.alerts = [alert("x", status("active"), svc="api", ecs="main", acct="123", region="eu-west-1", what="T")]
    provider = make(
        server,
        context,
        filter=('team="payments"',),
        title=("missing", "what"),
        cluster_labels=("ecs",),
        service_labels=("no", "svc"),
        account_label="acct",
    )
    (row,) = provider.read(ReadRequest()).alerts
    assert (row.title, row.hint) == ("T", ServiceHint("main", "api", "123", "eu-west-1"))
    assert server.asked[0].url.path == "/prefix/api/v2/alerts"
    assert server.asked[0].url.params.get_list("filter") == ['team="payments"']


def test_a_login_is_sent_and_never_shown(
    server: Server, context: Context, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_PASS", "planted-pass-word")
    server.alerts = [alert("x", status("active"))]
    provider = make(server, context, username="me", password=Secret("env", ("PLANTED_PASS",)))
    reading = provider.read(ReadRequest())
    encoded = server.asked[0].headers["authorization"].removeprefix("Basic ")
    board = merge(1, reading.at, (), (reading,))
    (row,) = reading.alerts
    plan = provider.handlers()[Verb.ACKNOWLEDGE].plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=row.id, version=row.version, actor=alice), board
    )
    assert '-u me:"$PLANTED_PASS"' in plan.commands[0]
    monkeypatch.setattr(server, "handle", lambda request: httpx.Response(403, text=f"no: Basic {encoded}"))
    provider = build(
        AlertmanagerOptions(
            name="prom",
            provider="alertmanager",
            url="http://am.example",
            username="me",
            password=Secret("env", ("PLANTED_PASS",)),
        ),
        context,
        httpx.MockTransport(server.handle),
    )
    with pytest.raises(errors.Denied) as caught:
        provider.read(ReadRequest())
    for secret in ("planted-pass-word", encoded):
        assert secret not in repr(plan) + str(caught.value)
    assert "no: Basic •••" in str(caught.value)


def test_a_name_of_any_letters_stands_in_quotes(server: Server, context: Context, alice: Actor) -> None:
    server.alerts = [{**alert("x", status("active")), "labels": {"alertname": "x", 'svc."name': 'a, "b" \\'}}]
    provider = make(server, context)
    reading = provider.read(ReadRequest())
    (row,) = reading.alerts
    plan = provider.handlers()[Verb.ACKNOWLEDGE].plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=row.id, version=row.version, actor=alice),
        merge(1, reading.at, (), (reading,)),
    )
    assert [(m["name"], m["value"]) for m in plan.request["silence"]["matchers"]] == list(row.labels)
    assert shlex.split(plan.commands[0])[-2:] == ['alertname="x"', r'"svc.\"name"="a, \"b\" \\"']


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "am.example:9093"},
        {"url": "http://"},
        {"url": "http://me:secret@am.example"},
        {"url": "http://am.example", "username": "me"},
        {
            "url": "http://am.example",
            "username": "me",
            "password": Secret("env", ("A",)),
            "bearer_token": Secret("env", ("B",)),
        },
    ],
)
def test_options_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)) as caught:
        AlertmanagerOptions(name="prom", provider="alertmanager", **wrong)
    assert "secret@" not in str(caught.value)


def test_options_import_no_client() -> None:
    import subprocess
    import sys

    code = (
        "import sys, oncall_tui.providers.alertmanager.options, oncall_tui.providers.pagerduty.options as p;"
        "sys.exit(any(m in sys.modules for m in ('httpx', 'ssl', 'socket')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_labels_in_common_are_one_object_and_what_is_shared_has_a_bound() -> None:
    """5,000 alerts with eight labels each, nearly all of them the same."""
    made = [mapping._pairs({"team": "payments", "instance": f"10.0.0.{i}"}) for i in range(3 * mapping.SHARED)]
    assert made[0] == (("instance", "10.0.0.0"), ("team", "payments"))
    assert len(mapping._shared) <= mapping.SHARED + 2
    assert len({id(team) for _, team in made}) <= 5


def test_a_field_that_was_left_out_is_said_at_each_poll_though_the_alert_is_decoded_once() -> None:
    made: list[AlertmanagerAlert] = []
    cache: DecodeCache[AlertmanagerAlert, str] = DecodeCache(
        AlertmanagerAlert,
        lambda item: made.append(item) or item.fingerprint,  # type: ignore[func-returns-value]
    )
    good, spared = alert("good", status("active")), {**alert("spared", status("active")), "generatorURL": 7}
    raws = listing([msgspec.Raw(msgspec.json.encode(one)) for one in (good, spared)])
    for _ in range(2):
        found, damage = cache.take(raws)
        assert found == ["good", "spared"]
        assert damage.lost == 0
        assert "generatorURL of spared" in damage.words()
    assert len(made) == 2
    found, damage = cache.take(listing(raws[:1]))
    assert (found, damage.words()) == (["good"], "")
