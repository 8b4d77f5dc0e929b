"""A Datadog source's options. Imports no I/O."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpSourceOptions
from oncall_tui.runtime.secret import Secret

STATES = ("alert", "warn", "no data", "unknown")
# Only Datadog's own names: a mistyped one would be sent the keys.
_SITE = re.compile(r"([a-z0-9-]+\.)?(datadoghq\.com|datadoghq\.eu|ddog-gov\.com)")


class DatadogOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One Datadog organization, as one application key sees it.

    *site* is as in the address of its pages without ``app.``: ``datadoghq.com``, ``us3.datadoghq.com``,
    ``datadoghq.eu``, ``ap1.datadoghq.com``, ``ddog-gov.com``, …; *url* stands in place of ``https://api.SITE``.
    *tags* (of what is measured) and *monitor_tags* narrow on the server, each of them has to be there; *query* is a
    search as on the page Manage Monitors (``type:metric team:payments``), and *states* are those that become rows.
    *cluster_labels*, *service_labels*, *account_label* and *region_label* are the tags that tell the ECS service.
    *events* is a search as in the Events Explorer (``source:deploy env:prod``): what it finds are changes.
    *notify_at_end*: does Datadog notify anew when a silence ends and the monitor still alerts?
    """

    own_headers: ClassVar[tuple[str, ...]] = ("dd-api-key", "dd-application-key")
    found_in: ClassVar[FoundIn] = (
        {
            "api_key": ("DD_API_KEY", "DATADOG_API_KEY"),
            "application_key": ("DD_APP_KEY", "DATADOG_APP_KEY"),
            "site": ("DD_SITE",),
        },
    )
    api_key: Secret
    application_key: Secret
    site: str = "datadoghq.com"
    url: str = ""
    query: str = ""
    tags: tuple[str, ...] = ()
    monitor_tags: tuple[str, ...] = ()
    states: tuple[str, ...] = STATES
    cluster_labels: tuple[str, ...] = ("ecs_cluster", "ecs_cluster_name", "cluster_name", "clustername")
    service_labels: tuple[str, ...] = ("ecs_service", "servicename", "service")
    account_label: str = "aws_account"
    region_label: str = "region"
    notify_at_end: bool = True
    events: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _SITE.fullmatch(self.site):
            raise ValueError("site: expected a Datadog site, as datadoghq.com, us5.datadoghq.com or datadoghq.eu")
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("url: expected https://HOST; leave it out and set the site")
            if parts.username or parts.password:
                raise ValueError("url: a login does not stand in the url; use api_key and application_key: {env: NAME}")
        if wrong := [state for state in self.states if state not in STATES]:
            raise ValueError(f"states: expected of {', '.join(STATES)}, not {wrong[0]!r}")

    @property
    def api_url(self) -> str:
        """Return the API's address."""
        return self.url or f"https://api.{self.site}"

    @property
    def app_url(self) -> str:
        """Return the address of the web pages: the sites without a region of their own have them under ``app.``."""
        return f"https://{'' if self.site.count('.') > 1 else 'app.'}{self.site}"
