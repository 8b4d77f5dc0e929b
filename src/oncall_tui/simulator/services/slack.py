"""A simulated Slack: ``chat.postMessage`` and an incoming webhook, as its documentation has them. What came is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer

WEBHOOK = "/services/drill/webhook"
TOKEN = "drill-account"
BLOCKS, SECTION, TEXT = 50, 3_000, 40_000
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


class _SimulatedSlackRefused(Exception):
    """An error's word."""


class SimulatedSlack:
    """One channel of one workspace. `now` gives POSIX seconds."""

    def __init__(self, now: Callable[[], float], name: str, channel: str = "#drill") -> None:
        self._now, self.name, self.channel = now, name, channel
        self.messages: list[dict[str, Any]] = []

    def operation(self, request: Request) -> str:
        """The method of the Web API, or ``webhook``."""
        return "webhook" if request.path.startswith("/services/") else request.path.rpartition("/")[2]

    def is_write(self, operation: str) -> bool:
        """Return whether it changes anything."""
        return operation in ("webhook", "chat.postMessage")

    def handle(self, request: Request) -> SimulatedAnswer:
        """The answer: the Web API's errors have status 200, the webhook's are text."""
        if self.operation(request) == "webhook":
            return self._webhook(request)
        try:
            if request.path != "/chat.postMessage" or request.method != "POST":
                raise _SimulatedSlackRefused("unknown_method")
            if request.headers.get("authorization", "") != f"Bearer {TOKEN}":
                raise _SimulatedSlackRefused("invalid_auth")
            asked = _object(request.body)
            if asked.get("channel") != self.channel:
                raise _SimulatedSlackRefused("channel_not_found")
            kept = self._keep(asked, "token")
            return json_answer({"ok": True, "channel": "C0DRILL", "ts": kept["ts"], "message": asked})
        except _SimulatedSlackRefused as error:
            return json_answer({"ok": False, "error": str(error)})

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return Slack's answer to a throttled or denied call; None where Slack itself does not answer."""
        text = {"Content-Type": "text/plain"}
        webhook = self.operation(request) == "webhook"
        if kind == "throttle":
            headers = {"Content-Type": "application/json", "Retry-After": "30"}
            return SimulatedAnswer(429, b'{"ok":false,"error":"ratelimited"}', headers)
        if kind in ("denied", "unauthorized", "expired"):
            if webhook:
                return SimulatedAnswer(403, b"invalid_token", text)
            word = {"denied": "missing_scope", "unauthorized": "invalid_auth", "expired": "token_expired"}[kind]
            return json_answer({"ok": False, "error": word})
        if kind == "error500":
            return SimulatedAnswer(500, b"rollup_error", text) if webhook else SimulatedAnswer(500, b"", text)
        return None

    def _webhook(self, request: Request) -> SimulatedAnswer:
        text = {"Content-Type": "text/plain"}
        if request.path != WEBHOOK:
            return SimulatedAnswer(404, b"no_service", text)
        try:
            self._keep(_object(request.body), "webhook")
        except _SimulatedSlackRefused as error:
            return SimulatedAnswer(400, str(error).encode(), text)
        return SimulatedAnswer(200, b"ok", text)

    def _keep(self, asked: dict[str, Any], by: str) -> dict[str, Any]:
        text, blocks = asked.get("text", ""), asked.get("blocks", [])
        if not isinstance(text, str) or not isinstance(blocks, list) or not (text or blocks):
            raise _SimulatedSlackRefused("no_text")
        if len(text) > TEXT:
            raise _SimulatedSlackRefused("msg_too_long")
        if len(blocks) > BLOCKS or any(len(it) > SECTION for it in _texts(blocks)):
            raise _SimulatedSlackRefused("invalid_blocks")
        thread = asked.get("thread_ts", "")
        if thread and thread not in {it["ts"] for it in self.messages}:
            raise _SimulatedSlackRefused("thread_not_found")
        kept = {
            "by": by,
            "at": self._now(),
            "ts": f"{self._now():.0f}.{len(self.messages) + 1:06d}",
            "thread": thread,
            "text": _read(text),
            "blocks": [_read(it) for it in _texts(blocks)],
        }
        self.messages.append(kept)
        return kept


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError:
        raise _SimulatedSlackRefused("invalid_payload") from None
    if not isinstance(asked, dict):
        raise _SimulatedSlackRefused("invalid_payload")
    return asked


def _texts(blocks: list[Any]) -> list[str]:
    """The texts of sections and contexts, in order."""
    found = []
    for block in blocks:
        for part in (block.get("text"), *block.get("elements", [])):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                found.append(part["text"])
    return found


def _read(text: str) -> str:
    """As a person sees it, but for links and mentions, which stay as they were sent."""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text
