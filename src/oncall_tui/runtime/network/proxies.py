"""The proxy that a request goes through: the environment's proxy variables and NO_PROXY. Opens nothing.

No standard defines them; what curl, Go and Python agree on is done here ("Environment" in curl's manual, Go's
httpproxy package). ``http_proxy`` and ``https_proxy`` are for URLs of that scheme, ``all_proxy`` for both; the
lower-case name wins, and where it is empty there is no proxy. ``HTTP_PROXY`` is ignored in a CGI script, where a client
can set it. ``no_proxy`` has names (with their subdomains, a leading dot or ``*.`` changes nothing), addresses and
ranges, each with a port or without, or ``*``, separated by commas or blanks. A range covers an address in a URL, never
a name's: names are not looked up for it. Link-local addresses, where a cloud gives out keys, are always asked
straight.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import msgspec

from oncall_tui.errors import Offline
from oncall_tui.runtime.secret import keep_secret

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_METADATA = ipaddress.ip_network("fd00:ec2::/32")
_NAME = re.compile(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_PORT = re.compile(r"[0-9]{1,5}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxy(msgspec.Struct, frozen=True):
    """A proxy in use. *variable* is its origin; its repr and ``shown`` have no password.

    *ignored* are the entries of NO_PROXY that cannot be used, for the hint of what fails through it.
    """

    variable: str
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""
    ignored: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<proxy {self.shown} of ${self.variable}>"

    @property
    def socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def url(self) -> str:
        """Return its address, without a login."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url_with_login(self) -> str:
        """Return its address, with its login. Never to be shown."""
        if not self.user and not self.password:
            return self.url
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"

    @property
    def shown(self) -> str:
        """Return its address for a message."""
        if not self.user and not self.password:
            return self.url
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{f'{self.user}:•••' if self.password else '•••'}@{rest}"  # a user alone may be a token


class ProxyRules:
    """The rules of one environment."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        self._found = {name: _variable(env, name) for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")}
        if "REQUEST_METHOD" in env and self._found["http_proxy"][0] == "HTTP_PROXY":
            self._found["http_proxy"] = ("", "")
        self._bypass: list[_Bypass] = []
        ignored: list[str] = []
        for text in re.split(r"[,\s]+", self._found["no_proxy"][1]):
            if text:
                entry = _bypass(text)
                ignored.append(_printable(text)) if entry is None else self._bypass.append(entry)
        self.ignored = tuple(ignored)

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy of requests to *url*, None where they go straight. Raises Offline where it cannot be used."""
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), _host(parts.hostname or "")
        try:
            port = parts.port or PORTS.get(scheme, 0)
        except ValueError:
            port = 0
        variable, value = self._found.get(f"{scheme}_proxy", ("", ""))
        if not variable:
            variable, value = self._found["all_proxy"]
        if not value or _is_local(host) or self.bypassed(scheme, host, port):
            return None
        proxy = _proxy(variable, value, host)
        return msgspec.structs.replace(proxy, ignored=self.ignored)

    def bypassed(self, scheme: str, host: str, port: int) -> bool:
        """Return whether NO_PROXY covers it."""
        address = _address(host)
        return any(entry.covers(scheme, host, address, port) for entry in self._bypass)

    @property
    def ignored_words(self) -> str:
        """Return which entries of NO_PROXY cannot be used, and how they are written; empty: all can."""
        return _ignored(self._found["no_proxy"][0] or "NO_PROXY", self.ignored)

    def mistakes(self) -> tuple[str, ...]:
        """Return what cannot be used of the variables, for ``check``: one line each."""
        found = [f"{self.ignored_words}"] if self.ignored else []
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            variable, value = self._found[name]
            if value:
                try:
                    _proxy(variable, value, "")
                except Offline as error:
                    found.append(error.message)
        return tuple(found)


def _ignored(variable: str, entries: tuple[str, ...]) -> str:
    if not entries:
        return ""
    return f"${variable} has {', '.join(entries)}, which is no name, address or range: it is ignored"


def ignored_hint(proxy: Proxy) -> str:
    """Return the same for the hint of what failed through *proxy*; empty: all of NO_PROXY can be used."""
    return _ignored("NO_PROXY", proxy.ignored)


def _variable(env: Mapping[str, str], name: str) -> tuple[str, str]:
    """(the variable's name, its value): the lower-case one where it is set, even to nothing."""
    for variable in (name, name.upper()):
        if variable in env:
            return variable, env[variable].strip()
    return "", ""


# --- a proxy's address ------------------------------------------------------------------------------------------------


def _proxy(variable: str, value: str, host: str) -> Proxy:
    scheme, separator, rest = value.partition("://")
    if not separator:
        scheme, rest = "http", value.removeprefix("//")
    login, at, place = rest.rpartition("@")
    place = re.split(r"[/?#]", place)[0]
    user, _, password = login.partition(":")
    name, colon, port = place.rpartition(":") if not place.endswith("]") and ":" in place else (place, "", "")
    scheme = scheme.lower()
    why = _unusable(scheme, name, port if colon else None)
    if why:
        shown = f"{scheme}://{'•••@' if at else ''}{name}{_shown_port(colon, port)}"
        hint = f"set {variable} to http://HOST:PORT, or unset it"
        raise Offline(
            f"${variable} cannot be used as a proxy: {_printable(shown)} ({why})",
            f"{hint}, or put {host} into NO_PROXY" if host else hint,
        )
    user, password = unquote(user), unquote(password)
    for secret in (password or user, base64.b64encode(f"{user}:{password}".encode()).decode() if login else ""):
        if secret:
            keep_secret(secret)
    bare = name.strip("[]").lower()
    return Proxy(variable, scheme, _ascii(bare), int(port) if port else PORTS[scheme], user, password)


def _shown_port(colon: str, port: str) -> str:
    return colon and (":" + port if _PORT.fullmatch(port) else ":•••")  # what is no port may be a password


def _unusable(scheme: str, name: str, port: str | None) -> str:
    """Why that cannot be a proxy; empty: it can."""
    if scheme not in PORTS:
        return f"{_printable(scheme)[:20]} is not http, https, socks5 or socks5h"
    bare = name.removeprefix("[").removesuffix("]")
    if ":" in bare:
        if not name.startswith("[") or _address(bare) is None:
            return "an IPv6 address stands in brackets, as http://[::1]:3128"
    elif not _NAME.fullmatch(_ascii(bare.lower().rstrip("."))):
        return "it names no host"
    if port and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        return "its port is no number from 1 to 65535"
    return ""


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in text)[:80]


# --- NO_PROXY ---------------------------------------------------------------------------------------------------------


class _Bypass(msgspec.Struct, frozen=True):
    """One entry: *name* (empty: any) or *network*; *port* 0 and *scheme* empty are any."""

    name: str = ""
    network: Network | None = None
    port: int = 0
    scheme: str = ""

    def covers(self, scheme: str, host: str, address: Address | None, port: int) -> bool:
        if (self.port and self.port != port) or (self.scheme and self.scheme != scheme):
            return False
        if self.network is not None:
            return address is not None and address.version == self.network.version and address in self.network
        return not self.name or (address is None and (host == self.name or host.endswith("." + self.name)))


def _bypass(text: str) -> _Bypass | None:
    """The entry, None where it is none."""
    scheme, separator, rest = text.rpartition("://")
    host, port = rest.lower(), "0"
    if separator:
        host = host.rstrip("/")
    bracketed = re.fullmatch(r"\[([^\]]+)\](?:/(\d+))?(?::(.*))?", host)
    if bracketed:
        host = bracketed[1] + (f"/{bracketed[2]}" if bracketed[2] else "")
        port = bracketed[3] or "0"
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        return None
    if (network := _network(host)) is not None:
        return _Bypass(network=network, port=int(port), scheme=scheme.lower())
    if host == "*":
        return _Bypass(port=int(port), scheme=scheme.lower())
    name = _host(host.removeprefix("*.").lstrip("."))
    return _Bypass(name=name, port=int(port), scheme=scheme.lower()) if _NAME.fullmatch(name) else None


def _network(text: str) -> Network | None:
    """The range, or the address as a range of one; None where it is neither."""
    address, slash, bits = text.partition("/")
    try:
        if not slash:
            found = _address(address)
            return None if found is None else ipaddress.ip_network(found)
        return ipaddress.ip_network(f"{address.partition('%')[0]}/{bits}", strict=False)
    except ValueError:
        return None


def _address(host: str) -> Address | None:
    """The address that *host* is; an IPv4 one that is written as IPv6 is the IPv4 one. None: it is a name."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_local(host: str) -> bool:
    """Return whether only this machine can reach it: a link's own address, or that of a cloud's metadata and keys."""
    address = _address(host)
    return address is not None and (address.is_link_local or address in _METADATA)


def _host(name: str) -> str:
    return _ascii(name.lower().rstrip("."))


def _ascii(name: str) -> str:
    """*name* as the name system has it; what cannot be one stays as it is."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name
