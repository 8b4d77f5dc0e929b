"""A Mackerel source's options. Imports no I/O."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpSourceOptions
from oncall_tui.runtime.secret import Secret


class MackerelOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One Mackerel organization, as one API key sees it.

    *organization* is its name, for links to alerts. *services* says which ECS service a Mackerel service is, for the
    monitors that watch one: its name -> ``CLUSTER/SERVICE``. *url* is another one where Mackerel is run elsewhere.
    """

    own_headers: ClassVar[tuple[str, ...]] = ("x-api-key",)
    found_in: ClassVar[FoundIn] = ({"api_key": ("MACKEREL_APIKEY",), "url": ("MACKEREL_APIBASE",)},)
    api_key: Secret
    url: str = "https://api.mackerelio.com"
    organization: str = ""
    services: dict[str, str] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://api.mackerelio.com")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use api_key: {env: NAME}")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", self.organization):
            raise ValueError("organization: expected its name, as in https://mackerel.io/orgs/NAME")
        for name, at in self.services.items():
            if not re.fullmatch(r"[^/\s]+/[^/\s]+", at):
                raise ValueError(f"services: expected CLUSTER/SERVICE for {name[:40]!r}")
