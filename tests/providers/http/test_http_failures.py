"""Every way in which the other side fails, for each HTTP provider: reading, and writing."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import build as build_alertmanager
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import build as build_pagerduty
from oncall_tui.runtime.network.trust import blind_context, tls_context
from oncall_tui.runtime.secret import Secret

TOKEN = "planted-token-value-0123456789"
Handler = Callable[[httpx.Request], httpx.Response]


class Side:
    """One provider over a transport that answers as the test says; requests are kept."""

    def __init__(self, name: str, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
        self.name = name
        self.requests: list[httpx.Request] = []
        self.answer: Handler = self.good
        secret = Secret("env", ("PLANTED_TOKEN",))
        transport = httpx.MockTransport(self._handle)
        self.provider: Provider
        if name == "alertmanager":
            url = "http://alertmanager.example:9093"
            alertmanager = AlertmanagerOptions(name="prom", provider=name, url=url, bearer_token=secret)
            self.provider = build_alertmanager(alertmanager, context, transport)
        else:
            pagerduty = PagerDutyOptions(name="prom", provider=name, token=secret, login=("renew", "it"))
            self.provider = build_pagerduty(pagerduty, context, transport)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    def item(self, **more: Any) -> dict[str, Any]:
        """One alert or incident with nothing but what has to be there."""
        if self.name == "alertmanager":
            base = {
                "fingerprint": "f1",
                "labels": {"alertname": "Down"},
                "startsAt": "2027-01-15T07:59:00.000Z",
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            }
        else:
            base = {"id": "P1", "status": "triggered", "created_at": "2027-01-15T07:59:00Z", "title": "Down"}
        return {**base, **more}

    def listed(self, *items: dict[str, Any]) -> httpx.Response:
        if self.name == "alertmanager":
            return httpx.Response(200, json=list(items))
        return httpx.Response(200, json={"incidents": list(items), "more": False})

    def good(self, request: httpx.Request) -> httpx.Response:
        """One alert or incident that fires, and nothing more to tell of it."""
        path = request.url.path
        if path.endswith("/alerts") and self.name == "pagerduty":
            return httpx.Response(200, json={"alerts": []})
        if path.startswith("/incidents/"):
            return httpx.Response(200, json={"incident": self.item()})
        if path.endswith("/silences"):
            return httpx.Response(200, json=[])
        return self.listed(self.item())

    def lists(self, *items: dict[str, Any]) -> Handler:
        return lambda request: self.listed(*items) if _is_list(request) else self.good(request)

    def read(self, fresh: bool = False) -> Any:
        return self.provider.read(ReadRequest(fresh=fresh))

    def board(self) -> Board:
        reading = self.read()
        return merge(1, reading.at, (), (reading,))


def _is_list(request: httpx.Request) -> bool:
    return request.method == "GET" and request.url.path in ("/api/v2/alerts", "/incidents")


@pytest.fixture(params=["alertmanager", "pagerduty"])
def side(request: pytest.FixtureRequest, context: Context, monkeypatch: pytest.MonkeyPatch) -> Side:
    return Side(request.param, context, monkeypatch)


def fails(error: Exception) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer


def says(status: int, body: bytes | str = b"", **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, content=body, headers=named)


class Broken(httpx.SyncByteStream):
    """A body that ends before it is whole."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __iter__(self) -> Any:
        yield b'[{"fingerprint":'
        raise self.error


def breaks(error: Exception) -> Handler:
    return lambda request: httpx.Response(200, stream=Broken(error))


ECHO = f'{{"message": "bad token {TOKEN}\\u001b[31m\\nsecond line", "error": {{"message": "bad {TOKEN}"}}}}'
UNTRUSTED = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

READING: dict[str, tuple[Handler, type[errors.SourceError], str]] = {
    "401": (says(401, ECHO), errors.Expired, r"\$PLANTED_TOKEN"),
    "403": (says(403, ECHO), errors.Denied, "denies"),
    "404": (says(404, ECHO), errors.Malformed, "check the source's url"),
    "400": (says(400, ECHO), errors.Malformed, "400"),
    "429": (says(429, ECHO), errors.Throttled, "fewer calls"),
    "500": (says(500, ECHO), errors.Offline, "500"),
    "503 as a page": (says(503, "<html>gone</html>"), errors.Offline, "503"),
    "refused": (fails(httpx.ConnectError("[Errno 111] Connection refused")), errors.Offline, "refuses connections"),
    "no name": (fails(httpx.ConnectError("[Errno -2] Name or service not known")), errors.Offline, "no address"),
    "certificate": (fails(UNTRUSTED), errors.Offline, "SSL_CERT_FILE"),
    "connect time-out": (fails(httpx.ConnectTimeout("x")), errors.Offline, "within 2 s"),
    "read time-out": (fails(httpx.ReadTimeout("x")), errors.Offline, "within 5 s"),
    "dropped": (fails(httpx.RemoteProtocolError("Server disconnected")), errors.Offline, "dropped"),
    "cut off": (breaks(httpx.RemoteProtocolError("incomplete")), errors.Malformed, "cut off"),
    "stalls": (breaks(httpx.ReadTimeout("x")), errors.Offline, "stopped answering"),
    "truncated": (says(200, '[{"fingerprint": "f1", "lab'), errors.Malformed, "does not match its API"),
    "empty body": (says(200, ""), errors.Malformed, "empty body"),
    "a page": (says(200, "\n<!doctype html><title>Log in</title>"), errors.Malformed, "web page"),
    "wrong type": (says(200, '"hello"'), errors.Malformed, "does not match its API"),
    "not UTF-8": (says(200, b'"\xff\xfe"'), errors.Malformed, "does not match its API"),
    "login redirect": (says(302, location="https://sso.example/login?t=" + TOKEN), errors.Expired, "sso.example/login"),
    "https redirect": (says(301, location="gopher://alertmanager.example/"), errors.SourceError, "redirects"),
}


@pytest.mark.parametrize("case", READING)
def test_reading_fails_with_its_state_and_a_hint(side: Side, case: str, caplog: pytest.LogCaptureFixture) -> None:
    handler, kind, words = READING[case]
    caplog.set_level(logging.DEBUG)
    side.read()
    side.answer = handler
    with pytest.raises(kind, match=words) as caught:
        side.read()
    said = str(caught.value)
    assert TOKEN not in said + repr(caught.value) + caplog.text
    assert said.isprintable()
    assert len(said) < 500
    side.answer = side.good
    assert len(side.read().alerts) == 1  # it recovers by itself


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"ratelimit_reset": "31"}, 31.0),
        ({"Retry_After": "Fri, 15 Jan 2027 08:00:20 GMT"}, 20.0),
        ({"Retry_After": "soon"}, None),
    ],
)
def test_throttled_says_for_how_long(side: Side, headers: dict[str, str], seconds: float | None) -> None:
    side.answer = says(429, "{}", **headers)
    with pytest.raises(errors.Throttled) as caught:
        side.read()
    assert caught.value.retry_after_s == seconds


def test_a_rotated_token_is_read_anew_after_a_401(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    side.read()
    side.answer = says(401)
    with pytest.raises(errors.Expired):
        side.read()
    monkeypatch.setenv("PLANTED_TOKEN", "the-next-token-value")
    side.answer = side.good
    side.read()
    assert side.requests[-1].headers["authorization"].endswith("the-next-token-value")


def test_no_token_is_no_credentials(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_TOKEN")
    with pytest.raises(errors.NoCredentials):
        side.read()
    assert not side.requests


def test_nothing_is_an_empty_reading(side: Side) -> None:
    side.answer = side.lists()
    reading = side.read()
    assert (reading.alerts, reading.problems) == ((), ())


def test_an_unknown_state_is_shown_as_unknown(side: Side) -> None:
    key = {"alertmanager": {"status": {"state": "pondering"}}, "pagerduty": {"status": "pondering"}}[side.name]
    side.answer = side.lists(side.item(**key))
    (alert,) = side.read().alerts
    assert alert.state is AlertState.UNKNOWN
    assert "pondering" in alert.comment


def test_one_bad_item_hides_no_good_one(side: Side) -> None:
    side.answer = side.lists(side.item(), {"nonsense": True})
    reading = side.read()
    assert len(reading.alerts) == 1
    assert [(p.state, p.scope.split()[0]) for p in reading.problems] == [("malformed", "1")]


def test_only_bad_items_are_malformed(side: Side) -> None:
    side.answer = side.lists({"nonsense": True})
    with pytest.raises(errors.Malformed):
        side.read()


def test_text_is_kept_as_it_is(side: Side) -> None:
    text = "[/prod] ディスク満杯 \x1b[31m \u202e[bold]"
    if side.name == "alertmanager":
        side.answer = side.lists(side.item(annotations={"summary": text}))
    else:
        side.answer = side.lists(side.item(title=text))
    (alert,) = side.read().alerts
    assert alert.title == text


def test_five_thousand_are_read_whole_and_kept(side: Side) -> None:
    key = "fingerprint" if side.name == "alertmanager" else "id"
    items = [side.item(**{key: f"X{i}"}) for i in range(5000)]

    def answer(request: httpx.Request) -> httpx.Response:
        if not _is_list(request) or side.name == "alertmanager":
            return side.listed(*items) if _is_list(request) else side.good(request)
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        page = items[offset : offset + limit]
        return httpx.Response(200, json={"incidents": page, "more": offset + limit < len(items)})

    side.answer = answer
    first = side.read().alerts
    assert [a.native_id for a in first] == [f"X{i}" for i in range(5000)]
    items[7] = side.item(**{key: "X7", "title": "Other"}, labels={"alertname": "Other"})
    second = side.read(fresh=True).alerts  # a pager's list of thousands is not read again by each poll
    assert [i for i in range(5000) if second[i] is not first[i]] == [7]


# --- writing ----------------------------------------------------------------------------------------------------------

WRITING: dict[str, tuple[Handler, type[errors.ActionError], str]] = {
    "400": (says(400, ECHO), errors.ActionFailed, "400"),
    "401": (says(401, ECHO), errors.ActionFailed, "PLANTED_TOKEN"),
    "403": (says(403, ECHO), errors.ActionFailed, "the right to do this"),
    "429": (says(429, ECHO, Retry_After="9"), errors.ActionFailed, "try again in 9 s"),
    "redirect": (says(302, location="https://sso.example/login"), errors.ActionFailed, "login page"),
    "refused": (fails(httpx.ConnectError("Connection refused")), errors.ActionFailed, "not sent"),
    "no name": (fails(httpx.ConnectError("Name or service not known")), errors.ActionFailed, "not sent"),
    "connect time-out": (fails(httpx.ConnectTimeout("x")), errors.ActionFailed, "not sent"),
    "read time-out": (fails(httpx.ReadTimeout("x")), errors.OutcomeUnknown, "within 5 s"),
    "write time-out": (fails(httpx.WriteTimeout("x")), errors.OutcomeUnknown, "sent, but"),
    "dropped": (fails(httpx.RemoteProtocolError("Server disconnected")), errors.OutcomeUnknown, "dropped"),
    "reset": (fails(httpx.ReadError("reset")), errors.OutcomeUnknown, "dropped"),
    "500": (says(500, ECHO), errors.OutcomeUnknown, "500"),
    "cut off": (breaks(httpx.RemoteProtocolError("incomplete")), errors.OutcomeUnknown, "answered 200"),
    "a page": (says(200, "<html>hello</html>"), errors.OutcomeUnknown, "answered 200"),
    "wrong type": (says(200, "[]"), errors.OutcomeUnknown, "answered 200"),
}


@pytest.mark.parametrize("case", WRITING)
def test_a_write_is_tried_once_and_ends_truthfully(
    side: Side, case: str, alice: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    handler, kind, words = WRITING[case]
    caplog.set_level(logging.DEBUG)
    board = side.board()
    (alert,) = board.alerts.values()
    acknowledge = side.provider.handlers()[Verb.ACKNOWLEDGE]
    plan = acknowledge.plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=alert.id, version=alert.version, actor=alice), board
    )
    acknowledge.check(plan)
    side.answer = handler
    before = len(side.requests)
    with pytest.raises(kind, match=words) as caught:
        acknowledge.send(plan)
    assert type(caught.value) is kind
    assert len(side.requests) - before == 1
    said = str(caught.value)
    assert TOKEN not in said + caplog.text + repr(plan)
    assert said.isprintable()
    assert len(said) < 500


def test_a_lost_write_is_pending_then_failed(side: Side, alice: Actor, clock: Any) -> None:
    board = side.board()
    (alert,) = board.alerts.values()
    acknowledge = side.provider.handlers()[Verb.ACKNOWLEDGE]
    plan = acknowledge.plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=alert.id, version=alert.version, actor=alice), board
    )
    side.answer = fails(httpx.ReadTimeout("x"))
    with pytest.raises(errors.OutcomeUnknown):
        acknowledge.send(plan)
    check = acknowledge.verify(plan, None)
    assert check.state is OutcomeState.PENDING  # it cannot be read
    assert "did not answer" in check.message
    side.answer = side.good
    assert acknowledge.verify(plan, None).state is OutcomeState.PENDING  # it may still be on its way
    clock.advance(20)
    assert acknowledge.verify(plan, None).state is OutcomeState.FAILED


def test_what_cannot_be_read_again_is_not_sent(side: Side, alice: Actor) -> None:
    board = side.board()
    (alert,) = board.alerts.values()
    acknowledge = side.provider.handlers()[Verb.ACKNOWLEDGE]
    plan = acknowledge.plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=alert.id, version=alert.version, actor=alice), board
    )
    side.answer = says(503)
    with pytest.raises(errors.Refused, match="not sent"):
        acknowledge.check(plan)


def test_resolved_meanwhile_is_refused(side: Side, alice: Actor) -> None:
    board = side.board()
    (alert,) = board.alerts.values()
    acknowledge = side.provider.handlers()[Verb.ACKNOWLEDGE]
    plan = acknowledge.plan(
        ActionRequest(verb=Verb.ACKNOWLEDGE, target=alert.id, version=alert.version, actor=alice), board
    )
    gone = side.item(status="resolved", last_status_change_at="2027-01-15T07:59:40Z")
    side.answer = lambda request: (
        httpx.Response(200, json={"incident": gone}) if side.name == "pagerduty" else side.listed()
    )
    with pytest.raises(errors.Refused, match="resolved"):
        acknowledge.check(plan)


def test_read_only_offers_and_plans_nothing(
    side: Side, alice: Actor, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(source="prom", actor_email="a@example.com", clock=clock, read_only=True)
    other = Side(side.name, context, monkeypatch)
    board = other.board()
    (alert,) = board.alerts.values()
    assert not alert.verbs
    for verb, handler in other.provider.handlers().items():
        with pytest.raises(errors.Refused, match="read only"):
            handler.plan(
                ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=alice, reason="x"), board
            )


def test_tls_trusts_the_authorities_for_https_and_nobody_for_http() -> None:
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname
    assert blind_context().verify_mode is ssl.CERT_REQUIRED
    assert not blind_context().get_ca_certs()


def test_severity_words() -> None:
    from oncall_tui.providers.http import severity

    assert severity("Page") is Severity.CRITICAL
    assert severity(" WARN ") is Severity.WARNING
    assert severity("none") is Severity.INFO
    assert severity("なぞ") is Severity.UNKNOWN


def test_a_row_offers_what_its_source_can_do(side: Side) -> None:
    (alert,) = side.read().alerts
    assert isinstance(alert, Alert)
    other = Verb.SILENCE if side.name == "alertmanager" else Verb.ESCALATE
    assert {Verb.ACKNOWLEDGE, other} <= alert.verbs
    assert alert.verbs <= set(side.provider.handlers())
