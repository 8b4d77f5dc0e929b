"""PagerDuty Events v2: a page for what cannot page by itself, and a change event for what is only told.

Facts are PagerDuty's documentation ("Send an Alert Event", "Send a Change Event"): ``dedup_key`` at most 255
characters, ``summary`` at most 1,024, 202 with ``{"status": "success"}`` where it was taken. What was taken is worked
on later, so nobody can say that it paged. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Severity
from oncall_tui.providers.base import Context, Message, Receipt
from oncall_tui.providers.http.client import Http
from oncall_tui.providers.http.sending import lines, link, one_attempt
from oncall_tui.providers.http.settings import http_settings
from oncall_tui.providers.http.text import sanitize
from oncall_tui.providers.pagerduty_events.options import EventsOptions
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import decoder

if TYPE_CHECKING:
    import httpx

KEY = 255
SUMMARY = 1_024
# PagerDuty has four; what is not known is not harmless.
SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.UNKNOWN: "error",
}


class EventAccepted(msgspec.Struct):
    """The answer to an event."""

    status: str
    message: str = ""
    dedup_key: str = ""


class _EventsRefused(msgspec.Struct):
    message: str = ""
    errors: list[str] = []


def error_text(status: int, body: bytes) -> str:
    """``{"status", "message", "errors"}`` in words; nothing where it is something else."""
    try:
        said = decoder(_EventsRefused).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return ", ".join(part for part in (said.message, *said.errors) if part)


def dedup_key(key: str) -> str:
    """*key* itself, or where it is too long, a digest of it: the same for the same."""
    return key if len(key) <= KEY else hashlib.sha256(key.encode()).hexdigest()


def payload(message: Message, now: float) -> dict[str, Any]:
    """Return the payload of both kinds of event."""
    details = {"text": lines(message.text), "by": sanitize(message.actor, 200)}
    return {
        "summary": sanitize(message.title, SUMMARY),
        "source": sanitize(message.about, 255) or "oncall-tui",
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "custom_details": {name: text for name, text in details.items() if text},
    }


class EventsDestination:
    """One integration. A message with a *key* pages; one without is a change event, which wakes nobody."""

    provider = "pagerduty-events"
    pages = True

    def __init__(self, options: EventsOptions, clock: Clock, transport: httpx.BaseTransport | None = None) -> None:
        self.destination = options.name
        self._options, self._clock = options, clock
        self._http = Http(
            source=options.name,
            url=options.url,
            clock=clock,
            secrets=(options.routing_key,),
            error_words=error_text,
            settings=http_settings(options),
            transport=transport,
        )

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        """Return the message as it will be sent. Makes no call."""
        asked = payload(message, self._clock.now())
        text = asked["custom_details"].get("text", "")
        said = (("title", asked["summary"]), *((("text", text),) if text else ()))
        if not message.key:
            return (("to", f"PagerDuty, a change event at {self._http.host}"), *said)
        return (
            ("to", f"PagerDuty, an event at {self._http.host}: PagerDuty's service decides who is paged"),
            *said,
            ("severity", SEVERITIES[message.severity]),
            ("dedup key", dedup_key(message.key)),
        )

    def send(self, message: Message) -> Receipt:
        """Send once. Raises ActionFailed or OutcomeUnknown."""
        with one_attempt("the service's incidents; with the same dedup key it pages once, however often it is sent"):
            return self._page(message) if message.key else self._change(message)

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()

    def _page(self, message: Message) -> Receipt:
        key = dedup_key(message.key)
        asked = {
            "event_action": "trigger",
            "dedup_key": key,
            "client": "oncall-tui",
            "payload": {**payload(message, self._clock.now()), "severity": SEVERITIES[message.severity]},
        }
        taken = self._send("/v2/enqueue", asked, message)
        return Receipt({"destination": self.destination, "dedup_key": taken.dedup_key or key})

    def _change(self, message: Message) -> Receipt:
        self._send("/v2/change/enqueue", {"payload": payload(message, self._clock.now())}, message)
        return Receipt({"destination": self.destination})

    def _send(self, path: str, asked: dict[str, Any], message: Message) -> EventAccepted:
        asked["routing_key"] = self._options.routing_key.get()
        if url := link(message.url):
            asked["links"] = [{"href": url, "text": "open"}]
        try:
            taken = self._http.write("POST", path, EventAccepted, asked)
        except errors.ActionFailed as error:
            if "routing_key" in error.message or "integration key" in error.message.lower():
                self._options.routing_key.forget()
                place = self._options.routing_key.place
                raise errors.ActionFailed(error.message, f"check the routing key from {place}") from None
            raise
        if taken.status != "success":
            raise errors.OutcomeUnknown(f"{self._http.host} took it, and says {sanitize(taken.status, 60)}")
        return taken


def build(options: EventsOptions, context: Context) -> EventsDestination:
    """The adapter for one configured integration."""
    return EventsDestination(options, context.clock)
