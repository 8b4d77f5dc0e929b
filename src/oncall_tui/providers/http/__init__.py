"""One small synchronous seam over httpx that every HTTP provider stands on.

Reading: one attempt, 2 s to connect and 5 s between bytes; what goes wrong becomes one of ``errors.SourceError``.
Writing: one attempt; what was never sent, or was refused, is ``errors.ActionFailed``; a lost answer,
``errors.OutcomeUnknown``.
Redirects are not followed: an API does not redirect, a login page does. Messages never carry a secret: what the other
side says is redacted, stripped of control characters, put on one line and cut.

httpx is imported when the first client is made, so that options and the registry stay light.
"""

from __future__ import annotations

from oncall_tui.providers.http.client import Http, NotFound
from oncall_tui.providers.http.decode_cache import DecodeCache, as_is
from oncall_tui.providers.http.failures import TooSlow
from oncall_tui.providers.http.settings import HttpSettings, http_settings
from oncall_tui.providers.http.text import reference, sanitize, severity, stamp
from oncall_tui.providers.http.write_handler import (
    HandlerContext,
    WriteHandler,
    before_sending,
    listed,
    read_back,
    silence_s,
    unread,
)

__all__ = [
    "DecodeCache",
    "HandlerContext",
    "Http",
    "HttpSettings",
    "NotFound",
    "TooSlow",
    "WriteHandler",
    "as_is",
    "before_sending",
    "http_settings",
    "listed",
    "read_back",
    "reference",
    "sanitize",
    "severity",
    "silence_s",
    "stamp",
    "unread",
]
