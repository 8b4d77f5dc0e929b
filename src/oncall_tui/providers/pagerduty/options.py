"""What a PagerDuty source is configured with. Imports no I/O."""

from __future__ import annotations

from urllib.parse import urlsplit

from oncall_tui.providers.options import SourceOptions
from oncall_tui.secret import Secret


class PagerDutyOptions(SourceOptions, frozen=True, kw_only=True):
    """One PagerDuty account, as one REST API key sees it.

    *url* is ``https://api.eu.pagerduty.com`` in the EU region. *teams*, *services* (ids) and *urgencies* (``high``,
    ``low``) narrow on the server. Who acts is ``me.email``: it has to be a user of the account.
    """

    token: Secret
    url: str = "https://api.pagerduty.com"
    teams: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://api.eu.pagerduty.com")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use token: {env: NAME}")
