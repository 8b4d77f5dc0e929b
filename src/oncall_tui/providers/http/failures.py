"""An exchange that failed -> words for a person: which part failed, and the setting or variable that has to change.

What httpx, httpcore, ssl and the socket module raise is an OSError, or an exception of theirs; anything else is a bug
of this program, and is left to be seen as one. ``python -m tests.providers.exceptions_table`` prints what becomes of
each.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from oncall_tui import errors
from oncall_tui.runtime.network.clients import CONNECT_S
from oncall_tui.runtime.network.limits import MAX_BODY, TOTAL_S, TooLarge, Unpackable
from oncall_tui.runtime.network.proxies import Proxy, ignored_hint
from oncall_tui.runtime.network.trust import NO_FILES, TlsFiles

IS_407 = re.compile(r"(?:^|[\s'\"(])407\b")  # the status of a proxy's answer, not digits of an address
UP = "check the network and the VPN"
_LIBRARIES = ("httpx", "httpcore", "h11", "socksio")
_NO_NAME = ("name or service", "name resolution", "no address", "nodename", "getaddrinfo")
_NETWORK = {
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETDOWN: "the network is down",
    errno.EMFILE: "this program has too many open files",
    errno.ENFILE: "this machine has too many open files",
    errno.EADDRNOTAVAIL: "this machine has no free port or no such address",
    errno.EACCES: "this machine's firewall forbids it",
    errno.EPERM: "this machine's firewall forbids it",
}
_FILES = (errno.EMFILE, errno.ENFILE)
_ALERTS = (  # what a server says of the certificate that it was shown (RFC 8446, section 6.2)
    "UNKNOWN_CA",
    "BAD_CERTIFICATE",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_UNKNOWN",
    "UNSUPPORTED_CERTIFICATE",
    "ACCESS_DENIED",
    "DECRYPT_ERROR",
)


class Broken(Exception):
    """An exchange that brought no whole answer. *sent* tells whether the request may have arrived,
    *anew* whether the next one needs a new client.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool,
        kind: type[errors.SourceError] = errors.Offline,
        hint: str = "",
        anew: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.sent, self.kind, self.hint, self.anew = message, sent, kind, hint, anew

    def unread(self) -> errors.SourceError:
        """Return the error's meaning for a read."""
        return self.kind(self.message, self.hint)

    def in_mid_answer(self, route: Route) -> Broken:
        """Return its meaning where the answer had begun."""
        if self.kind is TooSlow and "in all" not in self.message:
            text = f"{route.host} stopped answering for {route.read_s:.0f} s{route.via}"
            return Broken(text, sent=True, kind=TooSlow, hint=self.hint)
        if self.kind is errors.Offline:
            text = f"the answer of {route.host} was cut off{route.via}"
            return Broken(text, sent=True, kind=errors.Malformed, hint=self.hint)
        return self


class TooSlow(errors.Offline):
    """The answer did not come in time: where a list was asked for, a smaller page of it might."""


class Route(msgspec.Struct, frozen=True):
    """The way to one server: its *host* (with the port), the proxy on it, and the files of TLS."""

    host: str
    proxy: Proxy | None = None
    files: TlsFiles = NO_FILES
    read_s: float = 5.0

    @property
    def via(self) -> str:
        """Return ``, through the proxy …``, empty where there is none."""
        return "" if self.proxy is None else f", through the proxy {self.proxy.shown} (${self.proxy.variable})"

    @property
    def proxy_hint(self) -> str:
        """Return what to change of the proxy; empty where there is none."""
        if self.proxy is None:
            return ""
        host = self.host.rpartition(":")[0] or self.host
        ignored = ignored_hint(self.proxy)
        return f"correct {self.proxy.variable}, or put {host} into NO_PROXY{'; ' + ignored if ignored else ''}"


def broken(error: BaseException, route: Route, clean: Callable[[str], str]) -> Broken | None:
    """The failure in words, None where *error* is a bug. Only what failed before a request was sent says sent=False.

    *clean* makes a text from outside fit for a message.
    """
    if isinstance(error, Broken):
        return error
    if isinstance(error, TooLarge):
        text = f"{route.host} sent over {MAX_BODY >> 20} MiB"
        return Broken(text, sent=True, kind=errors.Malformed, hint="narrow what is asked for in the source's settings")
    if isinstance(error, Unpackable):
        text = f"{route.host} sent an answer whose Content-Encoding ({clean(str(error))}) cannot be unpacked{route.via}"
        return Broken(text, sent=True, kind=errors.Malformed, hint="a proxy or a gateway in between packs it?")
    if not _foreign(error):
        return None
    fault = _Fault(error)
    for judge in (_of_a_proxy, _of_a_setting, _of_tls, _of_the_way, _of_the_answer):
        if (found := judge(fault, route, clean)) is not None:
            return found
    return Broken(f"{route.host}: {_words(fault, clean)}{route.via}", sent=True, hint=route.proxy_hint or UP)


def _foreign(error: BaseException) -> bool:
    """Return whether it comes of the libraries or the network."""
    if isinstance(error, OSError | UnicodeError):
        return True
    return isinstance(error, Exception) and type(error).__module__.partition(".")[0] in _LIBRARIES


class _Fault:
    """An exception and its causes. *names* are those of their classes, *text* all that they say."""

    def __init__(self, error: BaseException) -> None:
        self.chain = tuple(_causes(error))
        self.names = {kind.__name__ for one in self.chain for kind in type(one).__mro__}
        self.outer = {kind.__name__ for kind in type(error).__mro__}
        self.text = " ".join(str(one) for one in self.chain)
        self.lower = self.text.lower()

    def errno_in(self, table: dict[int, str]) -> int:
        for one in self.chain:
            if isinstance(one, OSError) and not isinstance(one, ssl.SSLError) and one.errno in table:
                return int(one.errno)
        return 0


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen and len(seen) < 8:
        seen.add(id(now))
        yield now
        now = now.__cause__ or now.__context__


def _words(fault: _Fault, clean: Callable[[str], str]) -> str:
    return clean(str(fault.chain[0])) or type(fault.chain[0]).__name__


# --- the judges, in their order ---------------------------------------------------------------------------------------


def _of_a_proxy(fault: _Fault, route: Route, clean: Callable[[str], str]) -> Broken | None:
    """A proxy that answered: it wants a login, or would not connect."""
    if "ProxyError" not in fault.outer:
        return None
    if route.proxy is None:
        return Broken(f"a proxy refused: {_words(fault, clean)}", sent=False, hint="check HTTPS_PROXY and NO_PROXY")
    if IS_407.search(fault.text) or "auth" in fault.lower:
        return wants_login(route)
    text = f"the proxy {route.proxy.shown} (${route.proxy.variable}) does not connect to {route.host}"
    return Broken(f"{text}: {_words(fault, clean)}", sent=False, hint=route.proxy_hint)


def wants_login(route: Route) -> Broken:
    """The meaning of a 407."""
    proxy = route.proxy
    if proxy is None:
        hint = "set HTTPS_PROXY (HTTP_PROXY for http) to http://USER:PASSWORD@HOST:PORT"
        return Broken(f"a proxy before {route.host} wants a login (407)", sent=False, hint=hint)
    has = proxy.user or proxy.password
    text = f"the proxy {proxy.shown} (${proxy.variable}) {'does not accept its' if has else 'wants a'} login (407)"
    hint = f"correct user and password in {proxy.variable}" if has else f"put USER:PASSWORD@ into {proxy.variable}"
    return Broken(text, sent=False, hint=hint)


def _of_a_setting(fault: _Fault, route: Route, clean: Callable[[str], str]) -> Broken | None:
    file = next((one for one in fault.chain if isinstance(one, OSError) and one.filename), None)
    if file is not None and not isinstance(file, ssl.SSLError):
        text = f"{clean(str(file.filename))} cannot be used: {(file.strerror or type(file).__name__).lower()}"
        return Broken(text, sent=False, hint="correct that file, or the setting or variable that names it")
    wrong = {"InvalidURL", "UnsupportedProtocol", "LocalProtocolError"}
    if wrong & fault.outer:
        what = "url and headers" if "LocalProtocolError" in fault.outer else "url"
        return Broken(f"{route.host}: {_words(fault, clean)}", sent=False, hint=f"check the source's {what}")
    if "UnicodeEncodeError" in fault.names:
        text = f"{route.host}: a header has characters that none can carry"
        return Broken(text, sent=False, hint="check the source's headers and login")
    if "UnicodeError" in fault.names:
        return Broken(f"{route.host} cannot be a host's name", sent=False, hint="check the source's url")
    return None


def _of_tls(fault: _Fault, route: Route, clean: Callable[[str], str]) -> Broken | None:
    """A hand-shake that failed, or an alert that came instead of an answer."""
    certificate = "CertificateError" in fault.names or "certificate" in fault.lower
    if not certificate and "SSLError" not in fault.names and "[ssl" not in fault.lower:
        return None
    if fault.names & {"SSLZeroReturnError", "SSLEOFError", "SSLSyscallError"} and not certificate:
        return None  # the line was dropped
    words = tls_words(fault.text, route.host, route.files, route.via)
    sent = bool(fault.outer & {"ReadError", "WriteError", "RemoteProtocolError"}) and not words.surely_before
    hint = f"{words.hint}; {route.proxy_hint}" if words.hint and route.proxy_hint else words.hint or route.proxy_hint
    return Broken(words.message, sent=sent, kind=words.kind, hint=hint, anew=True)


class TlsWords(NamedTuple):
    """The meaning of a failed hand-shake. *surely_before*: no request can have been taken."""

    message: str
    hint: str
    kind: type[errors.SourceError] = errors.Offline
    surely_before: bool = True


def tls_words(
    said: str,
    host: str,
    files: TlsFiles = NO_FILES,
    via: str = "",
    add: str = "set ca_file (SSL_CERT_FILE for all) to its authority's certificate",
) -> TlsWords:
    """The meaning of OpenSSL's words about a hand-shake with *host*. *add*: how an authority is trusted."""
    upper = said.upper().replace(" ", "_")
    if "MISMATCH" in upper and "CERTIFICATE" in upper and "KEY_VALUES" not in upper:
        return TlsWords(f"the certificate of {host} is for another name{via}", "check the url's host")
    if "CERTIFICATE_HAS_EXPIRED" in upper:
        hint = "its operator has to renew it; is this machine's clock right?"
        return TlsWords(f"the certificate of {host} has expired{via}", hint)
    if "NOT_YET_VALID" in upper:
        return TlsWords(f"the certificate of {host} is not valid yet{via}", "is this machine's clock right? (NTP)")
    if "CERTIFICATE_REQUIRED" in upper or "PEER_DID_NOT_RETURN" in upper:
        return _unshown(host, via)
    if any(f"ALERT_{word}" in upper for word in _ALERTS):
        if files.client_cert:
            text = f"{host} does not accept the certificate of client_cert ({files.client_cert}){via}"
            return TlsWords(text, "renew it, or name another one in client_cert and client_key", errors.NoCredentials)
        return _unshown(host, via)
    if "CERTIFICATE_VERIFY_FAILED" in upper or "SELF-SIGNED" in upper or "LOCAL_ISSUER" in upper:
        return TlsWords(f"the certificate of {host} is not trusted{via}", add)
    if "HANDSHAKE_FAILURE" in upper or "NO_SHARED_CIPHER" in upper or "PROTOCOL_VERSION" in upper:
        hint = "does it want a client_cert, or speak only old versions of TLS?"
        return TlsWords(f"{host} refuses the TLS hand-shake{via}", hint)
    if "WRONG_VERSION_NUMBER" in upper or "HTTP_REQUEST" in upper or "RECORD_LAYER_FAILURE" in upper:
        return TlsWords(f"{host} does not speak TLS there{via}", "is its url http://, or its port another one?")
    if "CERTIFICATE" in upper:
        return TlsWords(f"the certificate of {host} is not trusted{via}", add)
    return TlsWords(f"TLS with {host} fails{via}", "check the url, and its certificate", surely_before=False)


def _unshown(host: str, via: str) -> TlsWords:
    hint = "set client_cert and client_key of this source"
    return TlsWords(f"{host} wants a client certificate{via}", hint, errors.NoCredentials)


def _of_the_way(fault: _Fault, route: Route, clean: Callable[[str], str]) -> Broken | None:
    """No connection, to the server or to the proxy before it."""
    there, name = _peer(route)
    hint = route.proxy_hint
    if "PoolTimeout" in fault.outer:
        return Broken(f"earlier requests to {route.host} still hang", sent=False, hint=hint or UP)
    if "ConnectTimeout" in fault.outer:
        text = f"no connection to {there} within {CONNECT_S:.0f} s"
        return Broken(text, sent=False, hint=hint or UP)
    before = bool(fault.outer & {"ConnectError", "gaierror", "herror", "ConnectionRefusedError"})
    if not before:
        return None
    if fault.names & {"gaierror", "herror"} or any(words in fault.lower for words in _NO_NAME):
        return Broken(f"no address for {name}", sent=False, hint=hint or "check the url, and that names resolve")
    if "ConnectionRefusedError" in fault.names or "refused" in fault.lower:
        return Broken(f"{there} refuses connections", sent=False, hint=hint or "is it running, is the port right?")
    why = _NETWORK.get(code := fault.errno_in(_NETWORK), "") or _words(fault, clean)
    hint = "close other programs, or raise the limit (ulimit -n)" if code in _FILES else hint or UP
    return Broken(f"no connection to {there}: {why}", sent=False, hint=hint)


def _peer(route: Route) -> tuple[str, str]:
    """Return the other end of the connection, and its name: the server, or the proxy before it."""
    if route.proxy is None:
        return route.host, route.host
    told = f"the proxy {route.proxy.shown} (${route.proxy.variable})"
    return told, f"{route.proxy.host}, the proxy of ${route.proxy.variable}"


def _of_the_answer(fault: _Fault, route: Route, clean: Callable[[str], str]) -> Broken | None:
    """Word a failure after the request may have arrived: no whole answer came."""
    hint = route.proxy_hint or UP
    if "OverTime" in fault.names or "over time" in fault.lower:
        text = f"{route.host} took over {TOTAL_S:.0f} s in all to answer{route.via}"
        return Broken(text, sent=True, kind=TooSlow, hint=hint)
    if "TimeoutError" in fault.names or "TimeoutException" in fault.names:
        text = f"{route.host} did not answer within {route.read_s:.0f} s{route.via}"
        return Broken(text, sent=True, kind=TooSlow, hint=hint)
    if fault.errno_in(dict.fromkeys(_FILES, "")):
        text = f"no connection to {route.host}: {_NETWORK[errno.EMFILE]}"
        return Broken(text, sent=False, hint="close other programs, or raise the limit (ulimit -n)")
    return Broken(f"{route.host} dropped the connection{route.via}", sent=True, hint=hint)
