"""Sessions and clients: whose credentials, which region, which endpoint; and what renews the login.

botocore's own habits are turned off where they fit no full screen on a poller's thread: it prompts for MFA codes, waits
60 s, tries three times (and so resends a write that timed out), and loads 18 MB of service models for each session.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import ConfigParseError, NoCredentialsError

from oncall_tui.errors import SourceError
from oncall_tui.providers.aws.client import credentials, files
from oncall_tui.providers.aws.client.credentials import KeyHolder
from oncall_tui.providers.aws.client.errors import CallContext, Unusable
from oncall_tui.providers.aws.client.http_session import BoundSession
from oncall_tui.providers.aws.client.models import make_lean
from oncall_tui.providers.aws.options import AwsOptions

CONNECT_S, READ_S = 2.0, 5.0
CONFIG = Config(
    connect_timeout=CONNECT_S,
    read_timeout=READ_S,
    retries={"total_max_attempts": 1, "mode": "standard"},  # whatever AWS_RETRY_MODE says
    defaults_mode="legacy",  # "auto" asks the instance's metadata while a client is made
    tcp_keepalive=True,
    max_pool_connections=8,  # six polls of a first sweep, and an action
    user_agent_extra="oncall-tui",
)
AWS_HOSTS = (  # of every partition, the dual-stack ones too; a test holds them to botocore's
    *(".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov", ".cloud.adc-e.uk"),
    *(".csp.hci.ic.gov", ".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu", ".api.aws.ic.gov"),
    *(".api.aws.scloud", ".api.cloud-aws.adc-e.uk", ".api.aws.hci.ic.gov"),
)
QUERY = frozenset({"sns", "elbv2", "rds"})  # answer in XML, seldom: botocore's parser is good enough
RAW = "_raw"  # where the hook below leaves an answer's bytes

# Held while a session or a client is made, which reads files of botocore's own, and never while keys are waited for:
# sessions are not safe between threads, and the service models are loaded once for all of them.
_making = threading.Lock()
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
        self._lock = threading.Lock()  # of the two below; held for no longer than it takes to read them
        self._keys: dict[bool, KeyHolder] = {}
        self._clients: dict[tuple[str, bool], Any] = {}
        self.login = options.login or login_command(options.profile)
        self.act_login = options.login or login_command(options.act_profile or options.profile)

    def client(self, service: str, acting: bool = False) -> Any:
        """The client, made once; its keys are ready. Raises what botocore raises (see errors), and Unusable."""
        with self._lock:
            keys, clients = self._keys_of(acting), self._clients
        keys.ready()
        found = clients.get((service, acting))
        if found is None:
            with _making:
                found = clients.get((service, acting)) or self._made(service, keys)
                clients[service, acting] = found
        return found

    def _made(self, service: str, keys: KeyHolder) -> Any:
        assert keys.session is not None
        with _settings(self._options):
            found = keys.session.create_client(
                service,
                region_name=self._options.region or None,
                endpoint_url=self._options.endpoint_url or None,
                config=CONFIG,
            )
        if service not in QUERY:
            found.meta.events.register(f"before-parse.{service}", keep_raw)
        return found

    def resolve(self, service: str, acting: bool) -> None:
        """Get the keys now, renewing them where due, so that a failure here is not mistaken for one of a write."""
        self.client(service, acting)

    def acting_as(self) -> tuple[str, str]:
        """The profile and the role of writes; each may be empty."""
        o = self._options
        if o.act_profile or o.act_role_arn:  # its own profile starts without the reading role
            return o.act_profile or o.profile, o.act_role_arn
        return o.profile, o.role_arn

    def keys(self, acting: bool) -> dict[str, str]:
        """The keys now, as the environment of another program takes them (AWS CLI user guide). Never to be shown."""
        with self._lock:
            keys = self._keys_of(acting)
        now = keys.ready()
        found = {"AWS_ACCESS_KEY_ID": now.access_key, "AWS_SECRET_ACCESS_KEY": now.secret_key}
        return {**found, "AWS_SESSION_TOKEN": now.token} if now.token else found

    def where(self, service: str, operation: str = "", acting: bool = False) -> CallContext:
        """Return the names for a message about a call of *operation*."""
        login = self.act_login if acting else self.login
        keys = self._keys.get(acting)
        way = keys.way if keys is not None else None
        renewal = ""
        if way is not None and way.by_hand and not self._options.login:  # a login that is configured renews them
            renewal = way.change
        return CallContext(service, operation, self.endpoint(service), login, way.name if way else "", renewal)

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
        with self._lock:
            self._clients, self._keys = {}, {}

    def close(self) -> None:
        """Close what is open; calls in flight end by their own time-outs."""
        with self._lock:
            clients = tuple(self._clients.values())
            self._clients = {}
        for client in clients:
            client.close()

    def _keys_of(self, acting: bool) -> KeyHolder:
        """The keys' holder; nothing is read yet."""
        if acting not in self._keys:
            profile, role = self.acting_as() if acting else (self._options.profile, self._options.role_arn)
            self._keys[acting] = KeyHolder(partial(self._session, profile, role), profile or credentials.named_around())
        return self._keys[acting]

    def _session(self, profile: str, role: str) -> botocore.session.Session:
        with _settings(self._options):
            return _role_session(profile, role, self._options.region) if role else _session(profile)


@contextmanager
def _settings(options: AwsOptions) -> Iterator[None]:
    """Whatever is raised in it comes of a setting: nothing is asked yet."""
    try:
        yield
    except (SourceError, Unusable):
        raise
    except ConfigParseError as error:
        raise files.unparsed(error) from None
    except Exception as error:
        named = _settings_in(str(error), options)
        around = ", ".join(sorted(name for name in os.environ if name.startswith("AWS_")))
        file = files.config_file()
        change = f"check {' and '.join(named)}" if named else f"check {file}, and these: {around or 'region:'}"
        raise Unusable("the AWS settings", change, error, sure=bool(named)) from error


def _settings_in(text: str, options: AwsOptions) -> list[str]:
    """The names of the settings whose values, or names, an error repeats."""
    named = [
        name
        for name, value in os.environ.items()
        if name.startswith("AWS_")
        and (name.removeprefix("AWS_").lower() in text or (value.strip() and (value in text or repr(value) in text)))
    ]
    named += [f"{name}:" for name in ("region", "endpoint_url") if (value := getattr(options, name)) and value in text]
    return sorted(named)


def _session(profile: str) -> botocore.session.Session:
    with _making:
        session = BoundSession(profile=profile or None)
        if not _loader:
            loader = session.get_component("data_loader")
            make_lean(loader)
            _loader.append(loader)
        session.register_component("data_loader", _loader[0])
    session.set_default_client_config(CONFIG)  # also for the STS and SSO clients that it makes for itself
    credentials.prepare(session, profile)
    return session


class _Assumed:
    """A credential provider for a role that the configuration names, on top of a session's own credentials."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, fetch: Callable[[], dict[str, str]]) -> None:
        self._fetch = fetch

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=self._fetch)


def _role_session(profile: str, role: str, region: str) -> botocore.session.Session:
    """A session with the keys of *role*, which *profile* may assume."""
    source = _session(profile)

    def create_client(service: str, **kwargs: Any) -> Any:
        return source.create_client(service, region_name=region or None, **kwargs)

    def fetch() -> dict[str, str]:
        keys = source.get_credentials()
        if keys is None:
            raise NoCredentialsError
        name = {"RoleSessionName": "oncall-tui"}
        found: dict[str, str] = AssumeRoleCredentialFetcher(create_client, keys, role, name).fetch_credentials()
        return found

    session = _session(profile)
    session.register_component("credential_provider", CredentialResolver([_Assumed(fetch)]))
    return session


def login_command(profile: str) -> tuple[str, ...]:
    """The command that logs *profile* in without a browser on this machine; empty where it is no login profile.

    ``aws sso login`` opens a callback on localhost and ``aws login`` a browser by default: neither is on a bastion.
    """
    if not profile and credentials.in_environment():
        return ()  # they stand before a profile, so a login would change nothing
    try:
        session = botocore.session.Session(profile=profile or None)
        profiles: dict[str, dict[str, Any]] = session.full_config.get("profiles", {})
    except Exception:  # noqa: BLE001 - of files that anybody may have written: the first call says what is wrong
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
