"""Sessions and clients: whose credentials, which region, which endpoint; and what renews the login.

botocore's own habits are turned off where they fit no full screen on a poller's thread: it prompts for MFA codes, waits
60 s, tries three times (and so resends a write that timed out), and loads 18 MB of service models for each session.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError

from oncall_tui.providers.aws.client.errors import CallContext, MfaNeeded
from oncall_tui.providers.aws.options import AwsOptions

CONNECT_S, READ_S = 2.0, 5.0
CONFIG = Config(
    connect_timeout=CONNECT_S,
    read_timeout=READ_S,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
    max_pool_connections=4,
    user_agent_extra="oncall-tui",
)
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")
QUERY = frozenset({"sns", "elbv2"})  # answer in XML, seldom: botocore's parser is good enough
RAW = "_raw"  # where the hook below leaves an answer's bytes

_lock = threading.Lock()  # sessions are not safe between threads; the service models are loaded once for all of them
_loader: list[Any] = []


def keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take a good answer's bytes past botocore's parser, which needs 22 ms where msgspec needs 0.1.

    Registered for ``before-parse``, which botocore 1.44.5 emits without listing it as public: tests pin that.
    """
    if response_dict["status_code"] == 200:
        customized_response_dict[RAW] = response_dict["body"]
        response_dict["body"] = b"{}"


class Sessions:
    """The clients of one source, for reading and for acting. Safe to share between its two threads."""

    def __init__(self, options: AwsOptions) -> None:
        self._options = options
        self._sessions: dict[bool, botocore.session.Session] = {}
        self._clients: dict[tuple[str, bool], Any] = {}
        self.login = options.login or login_command(options.profile)
        self.act_login = options.login or login_command(options.act_profile or options.profile)

    def client(self, service: str, acting: bool = False) -> Any:
        """The client, made once. Raises what botocore raises (see errors): a bad profile, no region, no credentials."""
        with _lock:
            found = self._clients.get((service, acting))
            if found is None:
                found = self._session(acting).create_client(
                    service,
                    region_name=self._options.region or None,
                    endpoint_url=self._options.endpoint_url or None,
                    config=CONFIG,
                )
                if service not in QUERY:
                    found.meta.events.register(f"before-parse.{service}", keep_raw)
                self._clients[service, acting] = found
            return found

    def resolve(self, service: str, acting: bool) -> None:
        """Get the keys now, renewing them where due, so that a failure here is not mistaken for one of a write."""
        credentials = self.client(service, acting)._get_credentials()
        if credentials is None:
            raise NoCredentialsError
        credentials.get_frozen_credentials()

    def acting_as(self) -> tuple[str, str]:
        """The profile and the role of writes; each may be empty."""
        o = self._options
        if o.act_profile or o.act_role_arn:  # its own profile starts without the reading role
            return o.act_profile or o.profile, o.act_role_arn
        return o.profile, o.role_arn

    def keys(self, acting: bool) -> dict[str, str]:
        """The keys now, as the environment of another program takes them (AWS CLI user guide). Never to be shown."""
        with _lock:
            credentials = self._session(acting).get_credentials()
        if credentials is None:
            raise NoCredentialsError
        now = credentials.get_frozen_credentials()
        found = {"AWS_ACCESS_KEY_ID": now.access_key, "AWS_SECRET_ACCESS_KEY": now.secret_key}
        return {**found, "AWS_SESSION_TOKEN": now.token} if now.token else found

    def where(self, service: str, operation: str = "", acting: bool = False) -> CallContext:
        """Return the names for a message about a call of *operation*."""
        login = self.act_login if acting else self.login
        return CallContext(service, operation, self.endpoint(service), login)

    def endpoint(self, service: str) -> str:
        """The URL that is or will be asked; empty where that is AWS's own and no client was made yet."""
        made = self._clients.get((service, False)) or self._clients.get((service, True))
        if made is not None:
            return str(made.meta.endpoint_url)
        named = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}", "") or os.environ.get("AWS_ENDPOINT_URL", "")
        return self._options.endpoint_url or named

    def banner(self, service: str) -> str:
        """``endpoint http://…`` where it is not AWS; empty where it is."""
        url = self.endpoint(service)
        host = urlsplit(url).hostname or ""
        return f"endpoint {url}" if url and not host.endswith(AWS_HOSTS) else ""

    def region(self, service: str) -> str:
        """The region in use; empty where it is not known before a client is made."""
        made = self._clients.get((service, False))
        return str(made.meta.region_name) if made is not None else self._options.region

    def enum(self, service: str, shape: str) -> tuple[str, ...]:
        """The words that the installed botocore's model has for *shape*; empty before a client is made."""
        made = self._clients.get((service, False))
        return tuple(made.meta.service_model.shape_for(shape).enum) if made is not None else ()

    def budget_key(self) -> tuple[str, ...]:
        """Return the key of the rate limit: the account where it is known, else the credentials; and the region."""
        o = self._options
        return o.account or f"{o.profile or os.environ.get('AWS_PROFILE', '')}|{o.role_arn}", o.region, o.endpoint_url

    def renew(self) -> None:
        """Forget keys, sessions and clients: the login was renewed."""
        with _lock:
            self._clients.clear()
            self._sessions.clear()

    def close(self) -> None:
        """Close what is open; calls in flight end by their own time-outs."""
        with _lock:
            clients = tuple(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def _session(self, acting: bool) -> botocore.session.Session:
        if acting not in self._sessions:
            profile, role = self.acting_as() if acting else (self._options.profile, self._options.role_arn)
            session = _session(profile)
            self._sessions[acting] = _assuming(session, role, self._options.region) if role else session
        return self._sessions[acting]


def _session(profile: str) -> botocore.session.Session:
    session = botocore.session.Session(profile=profile or None)
    if not _loader:
        _loader.append(session.get_component("data_loader"))
    session.register_component("data_loader", _loader[0])
    session.set_default_client_config(CONFIG)  # also for the STS and SSO clients that it makes for itself
    session.get_component("credential_provider").get_provider("assume-role")._prompter = _no_prompt
    return session


def _no_prompt(*_: Any) -> str:
    raise MfaNeeded


class _Assumed:
    """A credential provider for a role that the configuration names, on top of a session's own credentials."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, fetch: Callable[[], dict[str, str]]) -> None:
        self._fetch = fetch

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=self._fetch)


def _assuming(source: botocore.session.Session, role: str, region: str) -> botocore.session.Session:
    def create_client(service: str, **kwargs: Any) -> Any:
        return source.create_client(service, region_name=region or None, **kwargs)

    def fetch() -> dict[str, str]:
        keys = source.get_credentials()
        if keys is None:
            raise NoCredentialsError
        name = {"RoleSessionName": "oncall-tui"}
        found: dict[str, str] = AssumeRoleCredentialFetcher(create_client, keys, role, name).fetch_credentials()
        return found

    session = _session(source.profile or "")
    session.register_component("credential_provider", CredentialResolver([_Assumed(fetch)]))
    return session


def login_command(profile: str) -> tuple[str, ...]:
    """The command that logs *profile* in without a browser on this machine; empty where it is no login profile.

    ``aws sso login`` opens a callback on localhost and ``aws login`` a browser by default: neither is on a bastion.
    """
    session = botocore.session.Session(profile=profile or None)
    try:
        profiles: dict[str, dict[str, Any]] = session.full_config.get("profiles", {})
    except BotoCoreError:
        return ()
    name = profile or os.environ.get("AWS_PROFILE", "") or os.environ.get("AWS_DEFAULT_PROFILE", "") or "default"
    for _ in range(5):  # a role's profile logs in by the profile that it builds on
        settings = profiles.get(name, {})
        if "sso_session" in settings or "sso_start_url" in settings:
            return "aws", "sso", "login", "--use-device-code", "--profile", name
        if "login_session" in settings:
            return "aws", "login", "--remote", "--profile", name
        name = settings.get("source_profile", "")
    return ()
