"""The settings of a source. Imports no I/O: it is read before the board's first frame."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import HttpSourceOptions
from oncall_tui.runtime.secret import Secret


class JsonListOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One list. *url* is where the API begins; *token* is sent as ``Authorization: Bearer …``."""

    own_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    url: str
    token: Secret

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://alerts.example.com")
