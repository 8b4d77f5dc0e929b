"""An Alertmanager source's options. Imports no I/O."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from oncall_tui.providers.options import HttpSourceOptions, check_http
from oncall_tui.runtime.secret import Secret


class AlertmanagerOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One Alertmanager.

    *url* is its root, with the route prefix if it has one. *bearer_token*, or *username* and *password*, where it asks
    for a login; or *auth* ``sigv4`` where each request is signed for AWS (Amazon Managed Service for Prometheus, an API
    gateway): *region* (by default the url's), *profile* and *role_arn* as of an AWS source, *act_profile* and
    *act_role_arn* for silences, *signing_service* the service that is signed for. *filter* are matchers
    (``team="payments"``) that narrow on the server. *title* are the annotation or label names whose first non-empty
    value is the row's title. *cluster_labels*, *service_labels*, *account_label* and *region_label* are the labels
    that tell the ECS service.
    """

    url: str
    bearer_token: Secret | None = None
    username: str = ""
    password: Secret | None = None
    auth: Literal["sigv4"] | None = None
    region: str = ""
    profile: str = ""
    act_profile: str = ""
    role_arn: str = ""
    act_role_arn: str = ""
    signing_service: str = "aps"
    filter: tuple[str, ...] = ()
    severity_label: str = "severity"
    title: tuple[str, ...] = ("summary", "alertname")
    cluster_labels: tuple[str, ...] = ("ecs_cluster", "cluster")
    service_labels: tuple[str, ...] = ("ecs_service", "service")
    account_label: str = "account"
    region_label: str = "region"

    def __post_init__(self) -> None:
        login = self.bearer_token is not None or self.password is not None or self.auth is not None
        own = ("authorization",) if login else ()
        check_http(self.headers, self.ca_file, self.client_cert, self.client_key, own)
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected http://HOST[:PORT] or https://…")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use username and password: {env: NAME}")
        if self.bearer_token is not None and (self.username or self.password is not None):
            raise ValueError("bearer_token: either this, or username and password")
        self._check_signature()
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password: both, or none")

    def _check_signature(self) -> None:
        if self.auth is None:
            for name in ("region", "profile", "act_profile", "role_arn", "act_role_arn"):
                if getattr(self, name):
                    raise ValueError(f"{name}: it is for auth: sigv4, which is not set")
        elif self.bearer_token is not None or self.username:
            raise ValueError("auth: either sigv4, or a login of its own (bearer_token, username and password)")
        elif not self.signing_service:
            raise ValueError("signing_service: expected aps, or execute-api for an API gateway")

    @property
    def signing_region(self) -> str:
        """Return the region to sign for; empty: the profile's."""
        found = re.search(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:vpce\.)?amazonaws\.com", urlsplit(self.url).hostname or "")
        return self.region or (found[1] if found else "")
