"""An Alertmanager source's options. Imports no I/O."""

from __future__ import annotations

from urllib.parse import urlsplit

from oncall_tui.providers.options import SourceOptions
from oncall_tui.runtime.secret import Secret


class AlertmanagerOptions(SourceOptions, frozen=True, kw_only=True):
    """One Alertmanager.

    *url* is its root, with the route prefix if it has one. *bearer_token*, or *username* and *password*, where it asks
    for a login. *filter* are matchers (``team="payments"``) that narrow on the server. *title* are the annotation or
    label names whose first non-empty value is the row's title. *cluster_labels*, *service_labels*, *account_label* and
    *region_label* are the labels that tell the ECS service.
    """

    url: str
    bearer_token: Secret | None = None
    username: str = ""
    password: Secret | None = None
    filter: tuple[str, ...] = ()
    severity_label: str = "severity"
    title: tuple[str, ...] = ("summary", "alertname")
    cluster_labels: tuple[str, ...] = ("ecs_cluster", "cluster")
    service_labels: tuple[str, ...] = ("ecs_service", "service")
    account_label: str = "account"
    region_label: str = "region"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected http://HOST[:PORT] or https://…")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use username and password: {env: NAME}")
        if self.bearer_token is not None and (self.username or self.password is not None):
            raise ValueError("bearer_token: either this, or username and password")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password: both, or none")
