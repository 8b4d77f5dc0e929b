"""A PagerDuty Events v2 destination's options. Imports no I/O."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpDestinationOptions
from oncall_tui.runtime.secret import Secret


class EventsOptions(HttpDestinationOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One integration of a PagerDuty service. *url* is ``https://events.eu.pagerduty.com`` in the EU region."""

    found_in: ClassVar[FoundIn] = ({"routing_key": ("PAGERDUTY_ROUTING_KEY",)},)
    routing_key: Secret
    url: str = "https://events.pagerduty.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://events.eu.pagerduty.com")
