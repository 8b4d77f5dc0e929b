"""Slack and PagerDuty Events v2 as destinations: what is sent, what came of it, and what is never said."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oncall_tui import errors
from oncall_tui.domain.alert import Severity
from oncall_tui.providers.base import Message
from oncall_tui.providers.pagerduty_events.destination import EventsDestination
from oncall_tui.providers.pagerduty_events.options import EventsOptions
from oncall_tui.providers.slack.destination import SECTION, SlackDestination
from oncall_tui.providers.slack.destination import body as slack_body
from oncall_tui.providers.slack.options import SlackOptions
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret, redact

PART = "planted/part/of-the-webhook-0123456789"
WEBHOOK = f"https://hooks.slack.example/services/{PART}"
TOKEN = "planted-token-value-0123456789"
Answer = Callable[[httpx.Request], httpx.Response]


def message(**more: Any) -> Message:
    values: dict[str, Any] = {
        "thread": "prom/a@1",
        "title": "5xx & <!channel> *bold*",
        "text": "critical, firing\nreason: it burns",
        "severity": Severity.CRITICAL,
        "about": "prod/main/api",
        "actor": "Alice",
        "key": "prom/a",
        "url": "https://wiki.example.com/api",
    }
    return Message(**{**values, **more})


class Side:
    """A destination over a transport that answers as the test says; requests are kept."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.answers: list[Answer] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0)(request)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def answer(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, str) else json.dumps(body)
        self.answers.append(lambda request: httpx.Response(status, text=content, headers=headers))

    def posted(self, number: int) -> None:
        self.answer(200, {"ok": True, "channel": "C0", "ts": f"{number}.0"})

    def sent(self, at: int = -1) -> Any:
        return json.loads(self.requests[at].content)

    def bot(self) -> SlackDestination:
        options = SlackOptions(name="chat", provider="slack", token=Secret("env", ("PLANTED",)), channel="#ops")
        return SlackDestination(options, self.clock, self.transport, self._sleep)

    def hook(self) -> SlackDestination:
        options = SlackOptions(name="chat", provider="slack", webhook=Secret("env", ("PLANTED_HOOK",)))
        return SlackDestination(options, self.clock, self.transport, self._sleep)

    def events(self) -> EventsDestination:
        options = EventsOptions(name="page", provider="pagerduty-events", routing_key=Secret("env", ("PLANTED",)))
        return EventsDestination(options, self.clock, self.transport)


@pytest.fixture
def side(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Side:
    monkeypatch.setenv("PLANTED", TOKEN)
    monkeypatch.setenv("PLANTED_HOOK", WEBHOOK)
    return Side(clock)


# --- Slack ------------------------------------------------------------------------------------------------------------


def test_slack_gets_the_words_escaped_and_not_as_markup_of_its_own(side: Side) -> None:
    side.posted(1)
    receipt = side.bot().send(message(title="5xx & <!channel> \x1b[31m\u202e", text="a\nb <@U1>"))
    asked = side.sent()
    assert receipt.data == {"destination": "chat", "channel": "C0", "ts": "1.0", "thread": "1.0"}
    assert asked["channel"] == "#ops"
    assert asked["text"] == "5xx &amp; &lt;!channel&gt; [31m"
    assert [b["text"]["text"] for b in asked["blocks"][:2]] == ["5xx &amp; &lt;!channel&gt; [31m", "a\nb &lt;@U1&gt;"]
    assert all(b["text"]["verbatim"] for b in asked["blocks"][:2])
    assert "<https://wiki.example.com/api|open>" in asked["blocks"][2]["elements"][0]["text"]
    assert side.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "thread_ts" not in asked


def test_a_link_that_could_be_more_than_one_is_left_out(side: Side) -> None:
    side.posted(1)
    side.bot().send(message(url="https://x.example/|<!channel>"))
    assert "x.example" not in side.requests[0].content.decode()


def test_what_belongs_together_is_one_thread(side: Side) -> None:
    slack = side.bot()
    for number in (1, 2, 3):
        side.posted(number)
        slack.send(message(thread="one" if number != 2 else "two"))
    assert [side.sent(i).get("thread_ts") for i in range(3)] == [None, None, "1.0"]
    assert ", in its thread" in dict(slack.preview(message(thread="one")))["to"]


def test_a_thread_that_is_gone_is_begun_anew(side: Side) -> None:
    slack = side.bot()
    side.posted(1)
    slack.send(message())
    side.answer(200, {"ok": False, "error": "thread_not_found"})
    with pytest.raises(errors.ActionFailed):
        slack.send(message())
    side.posted(2)
    slack.send(message())
    assert "thread_ts" not in side.sent()


def test_long_texts_are_cut_to_what_slack_takes(side: Side) -> None:
    side.posted(1)
    side.bot().send(message(title="<" * 4000, text="&" * 9000))
    assert all(len(b["text"]["text"]) <= SECTION for b in side.sent()["blocks"][:2])


def test_one_message_a_second_and_no_sooner_than_slack_asked(side: Side) -> None:
    slack = side.bot()
    side.posted(1)
    slack.send(message())
    side.answer(429, {"ok": False, "error": "ratelimited"}, **{"Retry-After": "30"})
    with pytest.raises(errors.ActionFailed, match="fewer calls") as caught:
        slack.send(message())
    assert side.slept == [1.0]
    assert caught.value.hint == "try again in 30 s"
    with pytest.raises(errors.ActionFailed, match="asked to wait"):
        slack.send(message())
    assert len(side.requests) == 2
    side.clock.advance(31)
    side.posted(2)
    slack.send(message())
    assert len(side.requests) == 3


def test_a_webhook_that_asked_for_a_rest_gets_it(side: Side) -> None:
    slack = side.hook()
    side.answer(429, "rate_limited", **{"Retry-After": "30"})
    with pytest.raises(errors.ActionFailed, match="fewer calls"):
        slack.send(message())
    with pytest.raises(errors.ActionFailed, match="asked to wait"):
        slack.send(message())
    assert len(side.requests) == 1
    side.clock.advance(31)
    side.answer(200, "ok")
    slack.send(message())


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, {"ok": False, "error": "not_in_channel"}, errors.ActionFailed, "invite the app"),
        (200, {"ok": False, "error": "invalid_auth"}, errors.ActionFailed, r"renew the token at \$PLANTED"),
        (200, {"ok": False, "error": "never_heard_of"}, errors.ActionFailed, "never_heard_of"),
        (200, {"ok": False, "error": "fatal_error"}, errors.OutcomeUnknown, r"check Slack #ops"),
        (200, {"ok": True}, errors.OutcomeUnknown, "did not name the message"),
        (200, "<html>sign in</html>", errors.OutcomeUnknown, "check Slack #ops"),
        (200, '{"ok": tr', errors.OutcomeUnknown, "check Slack #ops"),
        (302, "", errors.ActionFailed, "redirects"),
        (401, "", errors.ActionFailed, "login"),
        (403, "", errors.ActionFailed, "refused it with 403"),
        (404, "", errors.ActionFailed, "refused it with 404"),
        (500, "", errors.OutcomeUnknown, "check Slack #ops"),
    ],
)
def test_what_came_of_a_post(side: Side, status: int, body: object, kind: type[Exception], words: str) -> None:
    side.answer(status, body, Location="https://login.example/")
    with pytest.raises(kind, match=words):
        side.bot().send(message())
    assert len(side.requests) == 1


def test_a_webhook_says_ok_in_text(side: Side) -> None:
    side.answer(200, "ok")
    assert side.hook().send(message()).data == {"destination": "chat"}
    assert str(side.requests[0].url) == WEBHOOK
    assert "authorization" not in side.requests[0].headers


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, "no_service", errors.ActionFailed, "make a new one"),
        (410, "channel_is_archived", errors.ActionFailed, "archived"),
        (400, "invalid_payload", errors.ActionFailed, "invalid_payload"),
        (500, "rollup_error", errors.OutcomeUnknown, r"webhook from \$PLANTED_HOOK"),
        (200, "<html>sign in</html>", errors.OutcomeUnknown, "but not ok"),
    ],
)
def test_what_came_of_a_webhook(side: Side, status: int, body: str, kind: type[Exception], words: str) -> None:
    side.answer(status, body)
    with pytest.raises(kind, match=words):
        side.hook().send(message())


def test_a_time_out_is_unknown_and_a_refused_connection_failed(side: Side) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    for make in (side.bot, side.hook, side.events):
        side.answers = [late]
        with pytest.raises(errors.OutcomeUnknown, match="check"):
            make().send(message())
        side.answers = [refused]
        with pytest.raises(errors.ActionFailed, match="refuses connections"):
            make().send(message())
    assert len(side.requests) == 6


def test_a_secret_that_is_not_there_is_failed_and_nothing_is_sent(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED")
    monkeypatch.delenv("PLANTED_HOOK")
    for make in (side.bot, side.hook, side.events):
        with pytest.raises(errors.ActionFailed, match=r"not sent: the secret from .PLANTED"):
            make().send(message())
    assert side.requests == []


# --- Events v2 --------------------------------------------------------------------------------------------------------


def test_a_page_is_an_event_with_the_alerts_key(side: Side) -> None:
    side.answer(202, {"status": "success", "message": "Event processed", "dedup_key": "prom/a"})
    receipt = side.events().send(message())
    assert receipt.data == {"destination": "page", "dedup_key": "prom/a"}
    assert str(side.requests[0].url) == "https://events.pagerduty.com/v2/enqueue"
    asked = side.sent()
    assert asked["payload"].pop("timestamp") == "2027-01-15T08:00:00+00:00"
    assert asked == {
        "routing_key": TOKEN,
        "event_action": "trigger",
        "dedup_key": "prom/a",
        "client": "oncall-tui",
        "links": [{"href": "https://wiki.example.com/api", "text": "open"}],
        "payload": {
            "summary": "5xx & <!channel> *bold*",
            "source": "prod/main/api",
            "severity": "critical",
            "custom_details": {"text": "critical, firing\nreason: it burns", "by": "Alice"},
        },
    }


def test_what_has_no_key_is_a_change_event_and_pages_nobody(side: Side) -> None:
    side.answer(202, {"status": "success", "message": "Change event processed"})
    events = side.events()
    assert "a change event" in dict(events.preview(message(key="")))["to"]
    events.send(message(key=""))
    assert side.requests[0].url.path == "/v2/change/enqueue"
    assert {"event_action", "dedup_key"} & set(side.sent()) == set()
    assert "severity" not in side.sent()["payload"]


def test_the_limits_of_an_event_hold(side: Side) -> None:
    side.answer(202, {"status": "success"})
    side.answer(202, {"status": "success"})
    events = side.events()
    events.send(message(title="x" * 3000, key="k" * 300, severity=Severity.UNKNOWN))
    events.send(message(key="k" * 300))
    first, second = side.sent(0), side.sent(1)
    assert len(first["payload"]["summary"]) == 1024
    assert len(first["dedup_key"]) <= 255
    assert first["dedup_key"] == second["dedup_key"]
    assert first["payload"]["severity"] == "error"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            400,
            {"status": "invalid event", "message": "M", "errors": ["'routing_key' is bad"]},
            errors.ActionFailed,
            "PLANTED",
        ),
        (429, {"status": "throttle exceeded", "message": "too many"}, errors.ActionFailed, "fewer calls: too many"),
        (500, "", errors.OutcomeUnknown, "with the same dedup key it pages once"),
        (200, "<html>", errors.OutcomeUnknown, "with the same dedup key"),
        (202, {"status": "queued"}, errors.OutcomeUnknown, "queued"),
        (302, "", errors.ActionFailed, "redirects"),
    ],
)
def test_what_came_of_an_event(side: Side, status: int, body: object, kind: type[Exception], words: str) -> None:
    side.answer(status, body, Location="https://login.example/")
    with pytest.raises(kind, match=words):
        side.events().send(message())
    assert len(side.requests) == 1


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 302, 400, 401, 403, 404, 429, 500])
def test_no_secret_is_in_an_error_also_where_the_other_side_echoes_it(
    side: Side, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="oncall_tui")
    echo = f"you sent {TOKEN} to {WEBHOOK} at {PART}"
    made = [side.bot(), side.hook(), side.events()]
    for destination, body in zip(made, ({"ok": True, "channel": "C0", "ts": "1.0"}, "ok", {}), strict=True):
        side.answer(200, body)
        with contextlib.suppress(errors.ActionError):
            destination.send(message())  # a secret is known, and redacted everywhere, from when it is first read
    for destination in made:
        for body in (echo, {"ok": False, "error": echo, "status": echo, "message": echo, "errors": [echo]}):
            side.clock.advance(60)
            side.answer(status, body, Location=f"{WEBHOOK}?token={TOKEN}")
            with pytest.raises(errors.ActionError) as caught:
                destination.send(message())
            said = f"{caught.value!r} {caught.value.message} {caught.value.hint} {destination.preview(message())!r}"
            assert TOKEN not in said
            assert PART not in said
    assert TOKEN not in redact(echo)
    assert PART not in redact(echo)
    assert TOKEN not in caplog.text
    assert PART not in caplog.text


@pytest.mark.parametrize(
    ("title", "by"), [("Alice rolled back prod/api", "oncall-tui"), ("5xx on api", "Alice · oncall-tui")]
)
def test_slack_names_who_did_it_once(title: str, by: str) -> None:
    message = Message(thread="t", title=title, text="", severity=Severity.INFO, about="prod/api", actor="Alice")
    assert slack_body(message)["blocks"][-1]["elements"][0]["text"] == by
