"""Slack: an incoming webhook, or ``chat.postMessage``, where what belongs together is one thread.

Facts are Slack's documentation ("Incoming webhooks", "chat.postMessage", "Rate limits", "Formatting text"): a webhook
answers 200 with ``ok`` as text; the Web API answers 200 with ``"ok": false`` on an error; about one message a second a
channel; 429 with ``Retry-After``; ``&``, ``<`` and ``>`` are its control characters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from oncall_tui import errors
from oncall_tui.providers.base import Context, Message, Receipt
from oncall_tui.providers.http.client import Http
from oncall_tui.providers.http.sending import lines, link, one_attempt
from oncall_tui.providers.http.settings import http_settings
from oncall_tui.providers.http.text import sanitize
from oncall_tui.providers.slack.options import SlackOptions
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import Secret, keep_secret

if TYPE_CHECKING:
    import httpx

GAP_S = 1.0
SECTION = 3_000  # characters of a section's text
FALLBACK = 1_000
THREADS = 1_000
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NOBODY_KNOWS = ("fatal_error", "internal_error", "request_timeout", "service_unavailable")
_LOGIN = ("invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive")
_HINTS = {
    "not_in_channel": "invite the app to the channel: /invite @APP",
    "channel_not_found": "check the channel's name, and invite the app if it is private",
    "is_archived": "the channel is archived: name another one",
    "channel_is_archived": "the channel is archived: make a webhook for another one",
    "missing_scope": "the app needs the scope chat:write",
    "no_service": "the webhook was revoked: make a new one",
    "invalid_token": "the webhook was revoked: make a new one",
    "action_prohibited": "an administrator has restricted who may post there",
}


class SlackPosted(msgspec.Struct):
    """The answer of ``chat.postMessage``."""

    ok: bool
    error: str = ""
    ts: str = ""
    channel: str = ""


def escaped(text: str, limit: int) -> str:
    """*text* without Slack's control characters, at most *limit* characters long as sent."""
    parts: list[str] = []
    size = 0
    for c in text:
        piece = _ESCAPES.get(c, c)
        size += len(piece)
        if size >= limit:
            return "".join(parts) + "…"
        parts.append(piece)
    return "".join(parts)


def body(message: Message) -> dict[str, Any]:
    """``text`` (what a notification shows) and ``blocks``."""
    title, text = sanitize(message.title, 1_000), lines(message.text)
    found = [escaped(title, SECTION), *([escaped(text, SECTION)] if text else [])]
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": each, "verbatim": True}} for each in found]
    who = "" if title.startswith(sanitize(message.actor, 100)) else f"{sanitize(message.actor, 100)} · "
    by = escaped(f"{who}oncall-tui", 300)
    if url := link(message.url):
        by += f" · <{escaped(url, 2_000)}|open>"
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": by, "verbatim": True}]}
    return {"text": escaped(title, FALLBACK), "blocks": [*sections, context]}


class SlackDestination:
    """One channel. Used by one thread at a time (its own queue), which may wait here for the channel's second."""

    provider = "slack"
    pages = False

    def __init__(
        self,
        options: SlackOptions,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.destination = options.name
        self._options, self._clock, self._transport, self._sleep = options, clock, transport, sleep
        self._http: Http | None = None
        self._threads: dict[str, str] = {}
        self._next_at = 0.0

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        """Return the message as it will be sent. Makes no call."""
        thread = ", in its thread" if message.thread in self._threads else ""
        text = lines(message.text)
        return (("to", self._where + thread), ("title", sanitize(message.title)), *((("text", text),) if text else ()))

    def send(self, message: Message) -> Receipt:
        """Post once. Raises ActionFailed or OutcomeUnknown."""
        self._turn()
        with one_attempt(self._where):
            try:
                if self._options.token is not None:
                    return self._post(message, self._options.token)
                assert self._options.webhook is not None
                return self._by_webhook(message, self._options.webhook)
            finally:
                self._next_at = max(self._next_at, self._clock.monotonic() + GAP_S)
                if self._http is not None:
                    self._next_at = max(self._next_at, self._http.held_until)

    def close(self) -> None:
        """Drop the connection."""
        if self._http is not None:
            self._http.close()

    @property
    def _where(self) -> str:
        o = self._options
        return (
            f"Slack {o.channel}" if o.channel else f"Slack, by the webhook from {o.webhook.place if o.webhook else ''}"
        )

    def _turn(self) -> None:
        """Wait for the channel's second. Raises ActionFailed where Slack asked for a longer rest."""
        wait = self._next_at - self._clock.monotonic()
        if wait > GAP_S:
            raise errors.ActionFailed(f"not sent: {self._where} asked to wait", f"try again in {wait:.0f} s")
        if wait > 0:
            self._sleep(wait)

    # --- chat.postMessage ---------------------------------------------------------------------------------------------

    def _post(self, message: Message, token: Secret) -> Receipt:
        if self._http is None:
            self._http = self._client(self._options.url, lambda: f"Bearer {token.get()}", token)
        asked = {"channel": self._options.channel, "unfurl_links": False, **body(message)}
        thread = self._threads.get(message.thread)
        if thread is not None:
            asked["thread_ts"] = thread
        posted = self._http.write("POST", "/chat.postMessage", SlackPosted, asked)
        if not posted.ok:
            raise self._refused(posted.error, message, token)
        if not posted.ts:
            raise errors.OutcomeUnknown("Slack accepted it, but did not name the message")
        self._remember(message.thread, thread or posted.ts)
        return Receipt(
            {
                "destination": self.destination,
                "channel": posted.channel or self._options.channel,
                "ts": posted.ts,
                "thread": thread or posted.ts,
            }
        )

    def _refused(self, error: str, message: Message, token: Secret) -> errors.ActionError:
        code = sanitize(error, 60) or "no reason"
        if code in _NOBODY_KNOWS:
            return errors.OutcomeUnknown(f"sent, but Slack answered {code}")
        if "thread" in code:  # the first message was deleted: the next one starts a new thread
            self._threads.pop(message.thread, None)
        if code in _LOGIN:
            token.forget()
            return errors.ActionFailed(f"Slack does not accept the token: {code}", f"renew the token at {token.place}")
        return errors.ActionFailed(
            f"Slack refused it: {code}", _HINTS.get(code, "Slack documents that word under chat.postMessage")
        )

    def _remember(self, thread: str, ts: str) -> None:
        self._threads.setdefault(thread, ts)
        while len(self._threads) > THREADS:
            del self._threads[next(iter(self._threads))]

    # --- an incoming webhook ------------------------------------------------------------------------------------------

    def _by_webhook(self, message: Message, webhook: Secret) -> Receipt:
        http = self._http = self._http or self._client(_webhook_url(webhook), None, webhook)
        try:
            answer = http.write("POST", "", bytes, body(message))
        except errors.ActionFailed as error:
            webhook.forget()  # it may have been made anew where it comes from
            self._http = None
            self._next_at = max(self._next_at, http.held_until)
            http.close()
            code = next((code for code in _HINTS if error.message.endswith(code)), "")
            raise errors.ActionFailed(error.message, _HINTS.get(code, error.hint)) from None
        if answer.strip() != b"ok":
            raise errors.OutcomeUnknown(f"{http.host} answered 200, but not ok")
        return Receipt({"destination": self.destination})

    def _client(self, url: str, authorization: Callable[[], str] | None, secret: Secret) -> Http:
        return Http(
            source=self.destination,
            url=url,
            clock=self._clock,
            authorization=authorization,
            secrets=(secret,),
            settings=http_settings(self._options),
            transport=self._transport,
        )


def _webhook_url(webhook: Secret) -> str:
    """The URL. Its path is what gives the right to post: it is a secret by itself. Raises NoCredentials."""
    url = webhook.get()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.NoCredentials(f"the secret from {webhook.place} is not a URL", "it begins with https://")
    for part in (parts.path, parts.path.rpartition("/")[2], parts.query):
        if len(part) >= 8:
            keep_secret(part)
    return url


def build(options: SlackOptions, context: Context) -> SlackDestination:
    """The adapter for one configured channel."""
    return SlackDestination(options, context.clock)
