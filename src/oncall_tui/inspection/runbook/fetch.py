"""A runbook, read when a key asks for it: from a URL, as text, or from a local file. Nothing of it is run or opened.

What a URL is allowed: http and https, GET, no login, 1 MB, 15 seconds in all, three redirects, none to another scheme.
The name is resolved here, every address that it has is checked, and the connection goes to one that was checked:
never to a link-local or metadata address, nor to this machine unless the configuration itself says so. An alert's text
is from outside: it may name a URL, never a file.

Facts: RFC 9110 (redirects, what GET means); RFC 3927 and RFC 4291 (link-local addresses); the EC2 user guide ("Instance
metadata": 169.254.169.254 and fd00:ec2::254) and the ECS developer guide (169.254.170.2: a task's credentials).
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.product import Product
from oncall_tui.errors import Denied, Malformed, Offline, Throttled
from oncall_tui.runtime.network.trust import tls_context

LIMIT = 1_000_000  # bytes
CONNECT_S, READ_S, TOTAL_S = 3.0, 5.0, 15.0
REDIRECTS = 3
ANNOTATIONS = ("runbook_url", "runbook")
ELSEWHERE = "read it elsewhere, or keep a Markdown file here and name that as the product's runbook"
_PORTS = {"http": 80, "https": 443}
_METADATA = tuple(ipaddress.ip_network(n) for n in ("fd00:ec2::/32", "168.63.129.16/32", "100.100.100.200/32"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TEXT = ("text/html", "application/xhtml+xml", "text/markdown", "text/x-markdown", "text/plain")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]


class RunbookAddress(msgspec.Struct, frozen=True):
    """A runbook's address: a URL or a path. *told_by* names its origin; an address from an alert is not trusted."""

    where: str
    told_by: str
    trusted: bool

    @property
    def is_url(self) -> bool:
        return "://" in self.where


class Page(msgspec.Struct, frozen=True):
    """A page as read: *kind* is ``html``, ``markdown`` or ``text``; *where* is the final address."""

    where: str
    kind: str
    text: str


def places(product: Product | None, alerts: Iterable[Alert]) -> tuple[RunbookAddress, ...]:
    """Return the runbooks' addresses: the product's, then those that the alerts name."""
    found = [RunbookAddress(product.runbook, f"product {product.name}", True)] if product and product.runbook else []
    for alert in alerts:
        told = dict(alert.annotations)
        found += [RunbookAddress(told[n], f"{alert.source}'s alert", False) for n in ANNOTATIONS if told.get(n)]
    once: dict[str, RunbookAddress] = {}
    for place in found:
        once.setdefault(place.where, place)
    return tuple(once.values())


def read(place: RunbookAddress, folders: Sequence[Path] = (), resolve: Resolve | None = None) -> Page:
    """Read the page. *folders*: the starts of a relative path. Raises SourceError, with what to do instead."""
    if place.is_url:
        return _fetched(place, resolve or _addresses)
    if not place.trusted:
        raise Denied(f"{place.where[:80]} is not an http or https URL, and an alert may not name a file", ELSEWHERE)
    return _file(place.where, folders)


# --- a file -----------------------------------------------------------------------------------------------------------


def _file(where: str, folders: Sequence[Path]) -> Page:
    path = Path(where).expanduser()
    candidates = [path] if path.is_absolute() else [folder / path for folder in folders] or [path]
    for candidate in candidates:
        try:
            data = _regular(candidate)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Denied(f"{candidate}: {error.strerror}", "it has to be a file that you may read") from None
        kind = {".html": "html", ".htm": "html", ".txt": "text"}.get(candidate.suffix.lower(), "markdown")
        return Page(str(candidate), kind, _text(data, "utf-8", str(candidate)))
    tried = ", ".join(str(c) for c in candidates)
    raise Malformed(f"no such file: {tried}", "a relative path begins at the configuration's folder; ~ is your home")


def _regular(path: Path) -> bytes:
    """The bytes of a regular file. What is none (a pipe, a device) is not waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Denied(f"{path} is not a regular file", "name a Markdown file")
        return _limited(file.read(LIMIT + 1), str(path))


def _limited(data: bytes, where: str) -> bytes:
    if len(data) > LIMIT:
        raise Malformed(f"{where} is longer than {LIMIT // 1_000_000} MB", ELSEWHERE)
    return data


def _text(data: bytes, charset: str, where: str) -> str:
    if b"\x00" in data[:4096]:
        raise Malformed(f"{where} is not text", ELSEWHERE)
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


# --- a URL ------------------------------------------------------------------------------------------------------------


def _fetched(place: RunbookAddress, resolve: Resolve) -> Page:
    url, hops = place.where, 0
    first = _split(url)
    at_home = place.trusted and all(a.is_loopback for a in _vetted(first, resolve, place.trusted))
    ends = time.monotonic() + TOTAL_S
    while True:
        parts = _split(url)
        addresses = _vetted(parts, resolve, at_home)
        status, headers, data = _get(parts, addresses, ends)
        if status not in (301, 302, 303, 307, 308):
            return _page(url, status, headers, data)
        hops += 1
        further = urljoin(url, headers.get("Location", ""))
        if hops > REDIRECTS:
            raise Malformed(f"{parts.hostname} redirects more than {REDIRECTS} times", ELSEWHERE)
        if urlsplit(further).scheme != parts.scheme:
            raise Denied(f"it redirects to another scheme: {_short(further)}", "name that URL, if you trust it")
        url = further


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Malformed(f"not a URL: {_short(url)}", ELSEWHERE) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise Denied(f"only http and https are read: {_short(url)}", ELSEWHERE)
    if parts.username is not None or parts.password is not None:
        raise Denied("a URL with a login in it is not read", "no secret belongs into a URL; " + ELSEWHERE)
    return parts


def _short(url: str) -> str:
    return url.partition("?")[0][:120]


def _addresses(host: str, port: int) -> Iterable[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _vetted(parts: SplitResult, resolve: Resolve, loopback: bool) -> list[Address]:
    """The addresses of the URL's host; raises Denied where one of them must not be asked."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host, port)]
    except (OSError, ValueError, UnicodeError):
        raise Offline(f"{host} has no address", "is the name right, and does this machine resolve it?") from None
    if not found:
        raise Offline(f"{host} has no address", "is the name right, and does this machine resolve it?")
    for address in found:
        if why := forbidden(address, loopback):
            raise Denied(f"{host} is {address}, {why}: that is not read", ELSEWHERE)
    return found


def forbidden(address: Address, loopback: bool) -> str:
    """Why that address must not be asked, or an empty string. *loopback*: may it be this machine?"""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return forbidden(inner, loopback)
    if address.is_loopback:
        return "" if loopback else "this machine itself"
    if any(address in network for network in _METADATA if network.version == address.version):
        return "an address of a cloud's metadata"
    if address.is_link_local:
        return "a link-local address, where clouds keep metadata and credentials"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "no address of a host"
    return ""


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever the name says by now."""

    def __init__(self, host: str, port: int, address: Address, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=CONNECT_S)
        self._address, self._tls = address, tls

    def connect(self) -> None:
        sock: socket.socket = socket.create_connection((str(self._address), self.port), CONNECT_S)
        sock.settimeout(READ_S)
        self.sock = self._tls.wrap_socket(sock, server_hostname=self.host) if self._tls else sock


def _get(parts: SplitResult, addresses: list[Address], ends: float) -> tuple[int, Any, bytes]:
    """(status, headers, body) of one GET. Raises Offline."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    tls = tls_context() if parts.scheme == "https" else None
    connection = _Pinned(host, port, addresses[0], tls)
    stop = threading.Timer(max(0.1, ends - time.monotonic()), lambda: _shut(connection))
    stop.daemon = True
    stop.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "User-Agent": "oncall-tui",
            "Accept": ", ".join((*_TEXT, "*/*;q=0.1")),
            "Accept-Encoding": "identity",
        }
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, _limited(answer.read(LIMIT + 1), _short(parts.geturl()))
    except ssl.SSLError as error:
        raise Offline(f"{host}: TLS fails: {error.reason or error}", "its certificate is not trusted here") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        slow = isinstance(error, TimeoutError) or time.monotonic() >= ends
        why = "no answer in time" if slow else str(getattr(error, "strerror", "") or error.__class__.__name__)
        raise Offline(f"{host}: {why}", "it is asked from this machine, without a proxy; b tries again") from None
    finally:
        stop.cancel()
        connection.close()


def _shut(connection: _Pinned) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _page(url: str, status: int, headers: Any, data: bytes) -> Page:
    host = urlsplit(url).hostname
    if status in (401, 403, 407):
        raise Denied(f"{host} wants a login ({status})", ELSEWHERE)
    if status == 429:
        raise Throttled(f"{host} asks for fewer calls", "b tries again")
    if status >= 500:
        raise Offline(f"{host} answered {status}", "b tries again")
    if status != 200:
        raise Malformed(f"{host} answered {status}", "is the runbook's URL right?")
    kind = str(headers.get_content_type() if headers.get("Content-Type") else "text/plain")
    if kind not in _TEXT:
        raise Malformed(f"it is {kind[:40]}, not text", ELSEWHERE)
    if headers.get("Content-Encoding", "identity") not in ("identity", ""):
        raise Malformed(f"{host} sent a compressed page, which was not asked for", ELSEWHERE)
    text = _text(data, headers.get_content_charset() or "utf-8", _short(url))
    markdown = "markdown" in kind or urlsplit(url).path.lower().endswith((".md", ".markdown"))
    return Page(url, "html" if "html" in kind else "markdown" if markdown else "text", text)
