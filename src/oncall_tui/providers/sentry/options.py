"""A Sentry source's options. Imports no I/O."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpSourceOptions
from oncall_tui.runtime.secret import Secret

LEVELS = ("fatal", "error", "warning", "info", "debug")
_SLUG = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"[^\s\"\\\[\],]+")


class SentryOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One Sentry organization, as one auth token sees it.

    *url* is ``https://de.sentry.io`` for data kept in the EU, or a self-hosted Sentry. *organization* is its slug.
    *projects* (slugs, or numbers), *environments* and *levels* narrow on the server, and *query* is put behind them,
    in Sentry's search language. *seen_within* is how recently an issue has to have been seen to be on the board
    (``24h``; m, h, d, w). *services* says which ECS service a project is: its slug -> ``CLUSTER/SERVICE``.
    *releases*: read the organization's releases too, as changes.
    """

    own_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    found_in: ClassVar[FoundIn] = (
        {"token": ("SENTRY_TOKEN", "SENTRY_AUTH_TOKEN"), "organization": ("SENTRY_ORG",), "url": ("SENTRY_URL",)},
    )
    organization: str
    token: Secret
    url: str = "https://sentry.io"
    projects: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    query: str = ""
    seen_within: str = "24h"
    services: dict[str, str] = {}
    releases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://de.sentry.io")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use token: {env: NAME}")
        if not _SLUG.fullmatch(self.organization):
            raise ValueError("organization: expected its slug, as in https://SLUG.sentry.io")
        if not all(_SLUG.fullmatch(project) for project in self.projects):
            raise ValueError("projects: expected slugs or numbers, as [checkout-web, 4501]")
        if len({project.isdecimal() for project in self.projects}) > 1:
            raise ValueError("projects: expected all of them as slugs, or all as numbers")
        if not all(_NAME.fullmatch(name) for name in self.environments):
            raise ValueError("environments: expected names, as [production]")
        if wrong := [level for level in self.levels if level not in LEVELS]:
            raise ValueError(f"levels: expected some of {', '.join(LEVELS)}, and not {wrong[0][:20]!r}")
        if not re.fullmatch(r"[1-9]\d{0,3}[mhdw]", self.seen_within):
            raise ValueError("seen_within: expected a number and m, h, d or w, as 24h")
        for slug, at in self.services.items():
            if not re.fullmatch(r"[^/\s]+/[^/\s]+", at):
                raise ValueError(f"services: expected CLUSTER/SERVICE for {slug[:40]!r}")
