"""The one place where HTTP clients are made. httpx is imported when the first one is.

A client is for one address: redirects are not followed, so that one proxy or none serves all that it sends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oncall_tui.errors import Offline
from oncall_tui.runtime.network.limits import OverTime, is_over, time_left
from oncall_tui.runtime.network.proxies import Proxy
from oncall_tui.runtime.network.trust import TlsFiles, blind_context, tls_context

if TYPE_CHECKING:
    import httpx

CONNECT_S, READ_S = 2.0, 5.0
POOL_S = 2.0
SOCKS_HINT = "install it with: pip install 'oncall-tui[socks]'"


def open_client(
    url: str,
    proxy: Proxy | None,
    files: TlsFiles,
    read_s: float = READ_S,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client for *url*. Raises Offline or NoCredentials, naming the file or the variable. *transport* is for tests.

    The environment is not read by httpx: its rules for NO_PROXY and SSL_CERT_FILE are not the ones of ``proxies`` and
    ``trust``.
    """
    _without_command_line()
    import httpx

    if transport is None:
        transport = httpx.HTTPTransport(
            verify=tls_context(files) if urlsplit(url).scheme == "https" else blind_context(),
            trust_env=False,
            proxy=_proxy(proxy),
        )
        _bound(transport)
    return httpx.Client(
        timeout=httpx.Timeout(read_s, connect=CONNECT_S, pool=POOL_S),
        follow_redirects=False,
        trust_env=False,
        transport=transport,
        headers={"User-Agent": "oncall-tui", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
    )


def _without_command_line() -> None:
    """Spare httpx its own command line, which it imports where click and rich are there: 40 modules, 3 MB, 50 ms."""
    if "httpx" not in sys.modules:
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # as where they are not installed


def _proxy(proxy: Proxy | None) -> Any:
    import httpx

    if proxy is None:
        return None
    if proxy.socks:
        try:
            import socksio  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
        except ImportError:
            raise Offline(
                f"${proxy.variable} is a SOCKS proxy ({proxy.shown}), and SOCKS is not installed", SOCKS_HINT
            ) from None
    return httpx.Proxy(
        proxy.url,
        auth=(proxy.user, proxy.password) if proxy.user or proxy.password else None,
        ssl_context=tls_context() if proxy.scheme == "https" else None,
    )


def _bound(transport: httpx.HTTPTransport) -> None:
    """Put the time limit under *transport*: httpx has no setting for it, and none for httpcore's backend."""
    import httpcore

    class Stream(httpcore.NetworkStream):
        """A connection whose waits end with the exchange's time."""

        def __init__(self, inner: httpcore.NetworkStream) -> None:
            self._inner = inner

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            with _in_time(timeout, httpcore.ReadTimeout) as seconds:
                return self._inner.read(max_bytes, seconds)

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            with _in_time(timeout, httpcore.WriteTimeout) as seconds:
                self._inner.write(buffer, seconds)

        def close(self) -> None:
            self._inner.close()

        def start_tls(
            self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore.NetworkStream:
            with _in_time(timeout, httpcore.ConnectTimeout) as seconds:
                return Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))

        def get_extra_info(self, info: str) -> Any:
            return self._inner.get_extra_info(info)

    class Backend(httpcore.SyncBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore.NetworkStream:
            with _in_time(timeout, httpcore.ConnectTimeout) as seconds:
                return Stream(super().connect_tcp(host, port, seconds, local_address, socket_options))

    transport._pool._network_backend = Backend()


@contextmanager
def _in_time(timeout: float | None, error: type[Exception]) -> Iterator[float | None]:
    """Give the next wait's seconds; *error* says "over time" where the exchange's time is over before or after it."""
    try:
        yield time_left(timeout)
        return
    except OverTime:
        pass
    except error:
        if not is_over():
            raise
    raise error("over time")
