"""Words and times from outside, made fit for a message. Pure."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import msgspec

from oncall_tui.domain.alert import Severity
from oncall_tui.providers.lists import LAST_S
from oncall_tui.runtime.decoding import plain
from oncall_tui.runtime.secret import Secret, redact

MESSAGE_LIMIT = 240


def sanitize(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """*text* from outside, fit for a message: secrets redacted, control characters gone, one line, at most *limit*."""
    text = redact(text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def stamp(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, None where it is none. A time without an offset is UTC."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at if 0.0 <= at < LAST_S else None  # Go's zero time is of the year 1: no time either


def reference(secret: Secret) -> str:
    """How a shell gets at the secret: for commands to copy, never its value."""
    if secret.kind == "env":
        return "$" + secret.where[0]
    if secret.kind == "file":
        return f"$(cat {shlex.quote(secret.where[0])})"
    return f"$({shlex.quote(secret.where[0])} …)"  # its arguments may hold secrets


def error_text(status: int, body: bytes) -> str:
    """Return an error body's message: a JSON string, its ``message`` or ``error``, or the text itself."""
    try:
        said = plain(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "" if body.lstrip()[:1] == b"<" else body.decode("utf-8", "replace")
    if isinstance(said, dict):
        said = said.get("message") or said.get("error") or ""
    return said if isinstance(said, str) else ""


_SEVERITIES = {
    Severity.CRITICAL: "critical crit page pager paging emergency emerg fatal disaster sev0 sev1 p0 p1",
    Severity.ERROR: "error err major high sev2 p2",
    Severity.WARNING: "warning warn average minor medium moderate sev3 p3 ticket",
    Severity.INFO: "info information informational notice low none debug ok sev4 sev5 p4 p5",
}
_WORDS = {word: severity for severity, line in _SEVERITIES.items() for word in line.split()}


def severity(word: str) -> Severity:
    """The severity that a word means; a word that nobody knows is UNKNOWN (what carried it stays to see)."""
    return _WORDS.get(word.strip().lower(), Severity.UNKNOWN)
