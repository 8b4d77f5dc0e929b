"""The HTTP client under botocore: its proxies, trust and bounds are those of every other client.

botocore's own knows no ranges in NO_PROXY, takes SSL_CERT_FILE for nothing, reads an answer of any size into memory,
and a server that sends one byte a second holds its thread for ever. Each client that a session makes gets this one
instead (``botocore.endpoint.Endpoint.http_session``, which botocore 1.44.5 does not list as public: tests pin that).
"""

from __future__ import annotations

import http.client
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore import exceptions as boto
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.httpsession import ProxyConfiguration, URLLib3Session
from urllib3 import exceptions as urllib3_errors
from urllib3.util import Timeout, make_headers

from oncall_tui.errors import Offline, SourceError
from oncall_tui.providers.aws.client.network_errors import NotReached
from oncall_tui.providers.http.failures import Route, wants_login
from oncall_tui.runtime.network.limits import MAX_BODY, TOTAL_S, OverTime, TooLarge, is_over, time_left, time_limit
from oncall_tui.runtime.network.proxies import Proxy, ProxyRules
from oncall_tui.runtime.network.trust import ExtraAuthority, tls_context

PIECE = 128 * 1024


class BoundSession(botocore.session.Session):  # type: ignore[misc]
    """A session whose clients, also those that it makes for itself (STS, SSO), stand on a ``BoundHttpSession``."""

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        with _key_log():
            client = super().create_client(*args, **kwargs)
        endpoint = client._endpoint
        endpoint.http_session = _bound(endpoint.http_session)
        return client

    def get_component(self, name: str) -> Any:
        """Return the component; the fetchers of an instance's and a task's keys go by the same rules."""
        with _key_log():
            component = super().get_component(name)
        if name == "credential_provider":
            for provider in getattr(component, "providers", ()):
                fetcher: Any = getattr(provider, "_role_fetcher", None) or getattr(provider, "_fetcher", None)
                if isinstance(getattr(fetcher, "_session", None), URLLib3Session):
                    fetcher._session = _bound(fetcher._session)
        return component


@contextmanager
def _key_log() -> Iterator[None]:
    """Name SSLKEYLOGFILE, which botocore's own client opens when it is made, before it is replaced."""
    try:
        yield
    except OSError as error:
        name = os.environ.get("SSLKEYLOGFILE")
        if not name or error.filename != name:
            raise
        why = f"$SSLKEYLOGFILE names {name}, which cannot be written ({error.strerror})"
        raise NotReached(Offline(why, "unset SSLKEYLOGFILE, or name a file in a folder that is there")) from None


def _bound(made: Any) -> Any:
    if not isinstance(made, URLLib3Session) or isinstance(made, BoundHttpSession):
        return made
    timeout = made._timeout
    return BoundHttpSession(
        verify=made._verify,
        timeout=(timeout.connect_timeout, timeout.read_timeout) if isinstance(timeout, Timeout) else timeout,
        max_pool_connections=made._max_pool_connections,
        socket_options=made._socket_options,
        client_cert=(made._cert_file, made._key_file) if made._key_file else made._cert_file,
    )


class _Bytes(io.RawIOBase):
    """A socket's bytes, each wait for them bounded by the time that is left."""

    def __init__(self, sock: Any) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(time_left(self._sock.gettimeout()))
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reading:
    """A socket as far as http.client.HTTPResponse wants one."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Bytes(self._sock))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Reading(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(AWSHTTPConnection):  # type: ignore[misc]
    response_class = _Response


class _SecureConnection(AWSHTTPSConnection):  # type: ignore[misc]
    response_class = _Response


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _SecureConnection


class BoundHttpSession(URLLib3Session):  # type: ignore[misc]
    """botocore's client with the program's own rules. One for each AWS client."""

    def __init__(self, **settings: Any) -> None:
        self._context: Any = None
        super().__init__(**settings)
        pools = {"http": _Pool, "https": _SecurePool}
        self._pool_classes_by_scheme = pools
        self._manager.pool_classes_by_scheme = pools

    def send(self, request: Any) -> Any:
        """Send once. Raises what botocore's raises, NotReached where nothing was sent, OverTime and TooLarge."""
        with time_limit(TOTAL_S, time.monotonic):
            proxy = self._prepare(request.url)
            wanted, request.stream_output = request.stream_output, True  # so that botocore does not read it all
            try:
                response = super().send(request)
            except boto.BotoCoreError as error:
                raise _of(OverTime() if is_over() else error, proxy) from None
            finally:
                request.stream_output = wanted
            if response.status_code == 407:  # a proxy's own answer: it passed nothing on
                raise NotReached(wants_login(Route(urlsplit(request.url).netloc, proxy)).unread())
            if not wanted:
                response._content = self._read(response, request, proxy)
        return response

    def _prepare(self, url: str) -> Proxy | None:
        """Set what serves *url*: botocore looks it up anew for each request."""
        try:
            proxy = ProxyRules().proxy_for(url)
            if proxy is not None and proxy.socks:
                raise Offline(
                    f"${proxy.variable} is a SOCKS proxy ({proxy.shown}), which cannot serve AWS calls",
                    "set HTTPS_PROXY to an http proxy, or put the endpoint's host into NO_PROXY",
                )
            if url.lower().startswith("https") and self._context is None:
                self._context = self._trusting()
                self._manager.connection_pool_kw["ssl_context"] = self._context
        except SourceError as error:
            raise NotReached(error) from None
        self._proxy_config = _OneProxy(proxy)
        return proxy

    def _trusting(self) -> Any:
        bundle = self._verify if isinstance(self._verify, str) else ""
        extra = (ExtraAuthority("$AWS_CA_BUNDLE (ca_bundle in ~/.aws/config)", bundle),) if bundle else ()
        return tls_context(extra=extra, use="aws")  # its own: urllib3 sets check_hostname as it likes

    def _get_ssl_context(self) -> Any:
        return self._context  # also for a proxy's connections

    def _setup_proxy_ssl_context(self, proxy_url: str) -> Any:
        return tls_context(use="aws proxy") if proxy_url.startswith("https") else None

    def _setup_ssl_cert(self, conn: Any, url: str, verify: Any) -> None:
        conn.ca_certs = None
        conn.cert_reqs = "CERT_REQUIRED" if url.lower().startswith("https") else "CERT_NONE"

    def _read(self, response: Any, request: Any, proxy: Proxy | None) -> bytes:
        parts: list[bytes] = []
        size = 0
        with _as_botocore(request, proxy):
            for part in response.raw.stream(PIECE, decode_content=False):
                parts.append(part)
                size += len(part)
                if size > MAX_BODY:
                    response.raw.close()
                    raise TooLarge
                time_left(None)
        return b"".join(parts)


class _OneProxy(ProxyConfiguration):  # type: ignore[misc]
    """The proxy of this request, or none."""

    def __init__(self, proxy: Proxy | None) -> None:
        super().__init__()
        self._proxy = proxy

    def proxy_url_for(self, url: str) -> str | None:
        return None if self._proxy is None else self._proxy.url

    def proxy_headers_for(self, proxy_url: str) -> dict[str, str]:
        if self._proxy is None or not (self._proxy.user or self._proxy.password):
            return {}
        login = f"{self._proxy.user}:{self._proxy.password}"
        return dict(make_headers(proxy_basic_auth=login.encode().decode("latin-1")))


@contextmanager
def _as_botocore(request: Any, proxy: Proxy | None) -> Iterator[None]:
    """Raise what botocore raises for the same while it reads."""
    try:
        yield
    except (urllib3_errors.ReadTimeoutError, TimeoutError) as error:
        timed_out = OverTime() if is_over() else boto.ReadTimeoutError(endpoint_url=request.url, error=error)
        raise _of(timed_out, proxy) from None
    except urllib3_errors.SSLError as error:
        raise _of(boto.SSLError(endpoint_url=request.url, error=error), proxy) from None
    except (urllib3_errors.HTTPError, OSError) as error:
        closed = boto.ConnectionClosedError(error=error, request=request, endpoint_url=request.url)
        raise _of(closed, proxy) from None


def _of(error: Any, proxy: Proxy | None) -> Any:
    error.proxy = proxy
    return error
