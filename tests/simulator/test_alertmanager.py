"""The simulated Alertmanager: what it answers, and that a real one answers the same."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.alertmanager.api import RESEND, SimulatedAlertmanager
from oncall_tui.simulator.services.alertmanager.model import InhibitRule, SimulatedAlertmanagerMatcher, fingerprint

START = 1_700_000_000.0
NOWHERE = "00000000-0000-0000-0000-000000000000"
BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


class Clock:
    """A clock that is set by hand, POSIX seconds."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


Ask = Callable[..., tuple[int, Any]]


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asking(simulated: SimulatedAlertmanager) -> Ask:
    def ask(method: str, target: str, body: object = None) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        pairs = urllib.parse.parse_qs(query, keep_blank_values=True)
        answer = simulated.handle(Request(method, path, pairs, {"content-type": "application/json"}, sent))
        return answer.status, _decoded(answer.body)

    return ask


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulated(clock: Clock) -> SimulatedAlertmanager:
    return SimulatedAlertmanager(clock)


@pytest.fixture
def ask(simulated: SimulatedAlertmanager) -> Ask:
    return asking(simulated)


def silence(now: float, seconds: float = 600, **labels: str) -> dict[str, Any]:
    return {
        "matchers": [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in labels.items()],
        "startsAt": iso(now),
        "endsAt": iso(now + seconds),
        "createdBy": "alice",
        "comment": "ACK! looking",
    }


def test_the_fingerprint_is_the_real_one() -> None:
    assert fingerprint({"alertname": "A", "team": "x"}) == "a0de7763374450e2"
    assert fingerprint({"team": "y", "alertname": "B"}) == "9f576eda812cbd7a"


def test_an_alert_fires_until_it_is_resolved(simulated: SimulatedAlertmanager, ask: Ask, clock: Clock) -> None:
    simulated.fire({"alertname": "Down", "empty": ""}, {"summary": "it is"}, began=START - 60)
    (alert,) = ask("GET", "/api/v2/alerts")[1]
    assert alert["labels"] == {"alertname": "Down"}
    assert alert["startsAt"] == iso(START - 60)
    assert alert["status"] == {"inhibitedBy": [], "silencedBy": [], "state": "active"}
    clock.at += 7200.5
    (alert,) = ask("GET", "/api/v2/alerts")[1]
    assert alert["updatedAt"] == iso(START + 7200)
    assert alert["endsAt"] > iso(clock.at)
    simulated.resolve({"alertname": "Down"})
    assert ask("GET", "/api/v2/alerts") == (200, [])


def test_a_posted_alert_ends_after_five_minutes(ask: Ask, clock: Clock) -> None:
    assert ask("POST", "/api/v2/alerts", [{"labels": {"alertname": "A"}}]) == (200, None)
    clock.at += 299
    assert len(ask("GET", "/api/v2/alerts")[1]) == 1
    clock.at += 1
    assert ask("GET", "/api/v2/alerts")[1] == []


def test_a_silence_is_pending_then_active_then_expired(
    simulated: SimulatedAlertmanager, ask: Ask, clock: Clock
) -> None:
    simulated.fire({"alertname": "A", "team": "x"}, {})
    simulated.fire({"alertname": "B", "team": "y"}, {})
    key = ask("POST", "/api/v2/silences", silence(START + 10, team="x"))[1]["silenceID"]
    seen = []
    for at in (0, 10, 610):
        clock.at = START + at
        state = ask("GET", f"/api/v2/silence/{key}")[1]["status"]["state"]
        shown = {alert["labels"]["alertname"]: alert["status"] for alert in ask("GET", "/api/v2/alerts")[1]}
        seen.append((state, shown["A"]["state"], shown["A"]["silencedBy"], shown["B"]["state"]))
    assert seen == [
        ("pending", "active", [], "active"),
        ("active", "suppressed", [key], "active"),
        ("expired", "active", [], "active"),
    ]


def test_a_silence_is_extended_in_place_only_from_its_own_start(ask: Ask, clock: Clock) -> None:
    first = ask("POST", "/api/v2/silences", silence(START, team="x"))[1]["silenceID"]
    clock.at += 100
    longer = {**silence(START, 1200, team="x"), "id": first}
    assert ask("POST", "/api/v2/silences", longer) == (200, {"silenceID": first})
    other = {**silence(clock.at, 1200, team="x"), "id": first}
    second = ask("POST", "/api/v2/silences", other)[1]["silenceID"]
    assert second != first
    assert ask("GET", f"/api/v2/silence/{first}")[1]["status"]["state"] == "expired"
    assert ask("DELETE", f"/api/v2/silence/{second}") == (200, None)
    assert [one["status"]["state"] for one in ask("GET", "/api/v2/silences")[1]] == ["expired", "expired"]


def test_inhibited_alerts_can_be_left_out(clock: Clock) -> None:
    rule = InhibitRule(
        (SimulatedAlertmanagerMatcher("severity", "critical"),),
        (SimulatedAlertmanagerMatcher("severity", "warning"),),
        ("cluster",),
    )
    simulated = SimulatedAlertmanager(clock, inhibit=[rule])
    simulated.fire({"alertname": "A", "severity": "critical", "cluster": "c"}, {})
    for cluster in ("c", "d"):
        simulated.fire({"alertname": "B", "severity": "warning", "cluster": cluster}, {})
    ask = asking(simulated)
    assert len(ask("GET", "/api/v2/alerts")[1]) == 3
    left = ask("GET", "/api/v2/alerts?inhibited=false")[1]
    assert [alert["labels"]["cluster"] for alert in left if alert["labels"]["alertname"] == "B"] == ["d"]
    (hidden,) = ask("GET", "/api/v2/alerts?active=false")[1]
    assert hidden["status"]["inhibitedBy"] == [fingerprint({"alertname": "A", "severity": "critical", "cluster": "c"})]


def test_operations_have_names(simulated: SimulatedAlertmanager) -> None:
    for method, path, name in (
        ("GET", "/api/v2/alerts", "GET /api/v2/alerts"),
        ("DELETE", f"/api/v2/silence/{NOWHERE}", "DELETE /api/v2/silence/{id}"),
    ):
        assert simulated.operation(Request(method, path, {}, {}, b"")) == name


def test_an_answer_of_five_thousand_alerts_is_made_once(simulated: SimulatedAlertmanager, clock: Clock) -> None:
    for number in range(5000):
        simulated.fire({"alertname": "Slow", "service": f"svc-{number}", "team": "x"}, {"summary": "slow " * 20})
    ask = Request("GET", "/api/v2/alerts", {}, {}, b"")
    first = simulated.handle(ask)
    assert simulated.handle(ask) is first
    clock.at += RESEND
    assert simulated.handle(ask) is not first


# The same questions to a real one


class _Ids:
    """Silence ids differ between two servers: they are named by the order in which they were given out."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def named(self, value: Any) -> Any:
        if isinstance(value, dict):
            if "silenceID" in value and value["silenceID"] not in self.known:
                self.known.append(value["silenceID"])
            return {
                key: self.named(one) for key, one in value.items() if key not in ("startsAt", "endsAt", "updatedAt")
            }
        if isinstance(value, list):
            named = [self.named(one) for one in value]
            return sorted(named) if named and all(one in self.known for one in value) else named
        return f"#{self.known.index(value)}" if value in self.known else value


ALERTS = [
    {"labels": {"alertname": "A", "team": "x"}, "annotations": {"summary": "café"}},
    {"labels": {"alertname": "B", "team": "y", "empty": ""}, "generatorURL": "http://127.0.0.1/graph"},
    {"labels": {"alertname": "C", "path": 'a"b\\c'}},
]
FILTERS = [
    'team="x"',
    "team=x",
    "team=~x|y",
    "team=~x",
    'alertname!="A"',
    'alertname!~"A|B"',
    'team=""',
    "team=",
    "team!=",
    "team=~.*",
    'path="a\\"b\\\\c"',
    "nothing",
    '{team="x"}',
    'team=~"("',
    'team="x',
    "team = x",
    "te-am=x",
]


def _questions(now: float) -> Iterator[tuple[str, str, object]]:
    """What both are asked; `#0` in a path or an id stands for the first silence's id."""
    yield "POST", "/api/v2/alerts", ALERTS
    yield "GET", "/api/v2/alerts", None
    for text in FILTERS:
        yield "GET", "/api/v2/alerts?" + urllib.parse.urlencode({"filter": text}), None
    for query in (
        "active=false",
        "active=maybe",
        "silenced=yes",
        "inhibited=0",
        "receiver=zz",
        "receiver=(",
        "receiver=no.*",
    ):
        yield "GET", f"/api/v2/alerts?{query}", None
    yield from _bad_alerts()
    yield from _bad_silences(now)
    yield from _silences(now)
    yield "POST", "/api/v2/alerts", [{"labels": {"alertname": "A", "team": "x"}, "endsAt": iso(now - 3600)}]
    yield "GET", "/api/v2/alerts", None
    yield "DELETE", "/api/v2/alerts", None
    yield "GET", "/api/v2/nope", None
    yield "GET", "/-/healthy", None


def _bad_alerts() -> Iterator[tuple[str, str, object]]:
    bodies: list[object] = [
        [{"labels": {}}],
        [{"labels": {"a-b": "1"}}],
        [{"annotations": {}}],
        b"{bad",
        {},
        b"",
        [{"labels": {"alertname": "A"}, "startsAt": "2024-01-02T00:00:00Z", "endsAt": "2024-01-01T00:00:00Z"}],
        [{"labels": {"alertname": "A"}, "generatorURL": "::"}],
        [{"labels": {"alertname": "A"}, "startsAt": "zz"}],
        [{"labels": {"alertname": 1}}],
    ]
    for body in bodies:
        yield "POST", "/api/v2/alerts", body


def _bad_silences(now: float) -> Iterator[tuple[str, str, object]]:
    good = silence(now, team="x")
    matcher = good["matchers"][0]
    changes: list[dict[str, object]] = [
        {"endsAt": iso(now - 10)},
        {"startsAt": iso(now - 100), "endsAt": iso(now - 10)},
        {"endsAt": good["startsAt"]},
        {"endsAt": "zz"},
        {"comment": None},
        {"createdBy": None},
        {"startsAt": None},
        {"matchers": []},
        {"matchers": None},
        {"matchers": [{"name": "team"}]},
        {"matchers": [{"name": "team", "isRegex": False}]},
        {"matchers": [{**matcher, "value": ""}]},
        {"matchers": [{**matcher, "value": ".*", "isRegex": True}]},
        {"matchers": [{**matcher, "value": "(", "isRegex": True}]},
        {"matchers": [{**matcher, "name": "te-am"}]},
        {"id": "nope"},
        {"id": NOWHERE},
    ]
    for change in changes:
        yield "POST", "/api/v2/silences", {**good, **change}
    for method in ("GET", "DELETE"):
        for key in ("zz", NOWHERE):
            yield method, f"/api/v2/silence/{key}", None


def _silences(now: float) -> Iterator[tuple[str, str, object]]:
    starts = int(now) + 100
    pending = silence(starts, 600, team="x", alertname="A")
    yield "POST", "/api/v2/silences", pending
    yield "POST", "/api/v2/silences", {**pending, "id": "#0", "endsAt": iso(now + 900), "comment": "longer"}
    yield "POST", "/api/v2/silences", {**pending, "id": "#0", "matchers": pending["matchers"][::-1]}
    yield "GET", "/api/v2/silences", None
    yield "POST", "/api/v2/silences", silence(now - 60, 700, team="x")
    yield "GET", "/api/v2/silence/#1", None
    yield "GET", "/api/v2/alerts", None
    yield "GET", "/api/v2/alerts?silenced=false", None
    yield "GET", "/api/v2/alerts?active=false", None
    yield "POST", "/api/v2/silences", {**silence(now - 60, 800, team="x"), "id": "#1"}
    changed = silence(now - 60, 800, team="y")
    changed["matchers"] = [{"name": "team", "value": "x|y", "isRegex": True}]
    yield "POST", "/api/v2/silences", {**changed, "id": "#1"}
    yield "GET", "/api/v2/alerts", None
    for text in ("team=x", "team=~x.y", "team=~x|y", "team=x|y", "team!=x", "alertname=A", "alertname!=A", "nothing"):
        yield "GET", "/api/v2/silences?" + urllib.parse.urlencode({"filter": text}), None
    other = {"name": "team", "value": "x", "isRegex": False, "isEqual": False}
    anything = {"name": "team", "value": ".*", "isRegex": True}
    yield "POST", "/api/v2/silences", {**silence(now - 60, team="x"), "matchers": [other, anything]}
    yield "GET", "/api/v2/alerts", None
    for number in (0, 1, 2, 3, 4, 1):
        yield "DELETE", f"/api/v2/silence/#{number}", None
        yield "GET", "/api/v2/alerts", None


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Ask]:
    """A real Alertmanager on loopback."""
    if BINARY is None:
        pytest.skip("there is no alertmanager here")
    (tmp_path / "c.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    address = f"127.0.0.1:{_port()}"
    process = subprocess.Popen(
        [
            BINARY,
            f"--config.file={tmp_path}/c.yml",
            f"--storage.path={tmp_path}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ],
        stderr=subprocess.DEVNULL,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(method: str, target: str, body: object = None) -> tuple[int, Any]:
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://{address}{target}", sent, {"Content-Type": "application/json"})
        asked.method = method
        try:
            with opener.open(asked, timeout=5) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    try:
        _wait(lambda: ask("GET", "/-/ready"))
        yield ask
    finally:
        process.terminate()
        process.wait(10)


def _wait(call: Callable[[], object]) -> None:
    for _ in range(200):
        try:
            call()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError


def _with_ids(value: Any, ids: _Ids) -> Any:
    """Put the real ids where a question says `#N`."""
    for number, key in enumerate(ids.known):
        if isinstance(value, str):
            value = value.replace(f"#{number}", key)
        elif isinstance(value, dict) and value.get("id") == f"#{number}":
            value = {**value, "id": key}
    return value


def _comparable(status: int, value: Any) -> tuple[int, Any]:
    """Go's own words about what it could not parse are no part of the protocol, nor is the order of methods."""
    text = value.get("message", "") if isinstance(value, dict) else ""
    if status == 405:
        return status, "".join(sorted(text))
    if "failed, because" in text:
        return status, text.split("because")[0]
    return status, value


@pytest.mark.alertmanager
def test_a_real_one_answers_the_same(real: Ask) -> None:
    mine = asking(SimulatedAlertmanager(time.time, receiver="none"))
    own, theirs = _Ids(), _Ids()
    different = []
    for method, target, body in _questions(time.time()):
        got = mine(method, _with_ids(target, own), _with_ids(body, own))
        want = real(method, _with_ids(target, theirs), _with_ids(body, theirs))
        left, right = (_comparable(status, ids.named(value)) for ids, (status, value) in ((own, got), (theirs, want)))
        if left != right:
            different.append((method, target, body, left, right))
    assert different == [], "\n".join(map(str, different))
