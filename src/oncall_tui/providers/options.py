"""The options of each source and destination. No I/O is imported: options are read before the first frame."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from oncall_tui.runtime.secret import Secret

_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # RFC 9110, section 5.6.2
_SECRET_NAME = r"(?i)authorization|cookie|token|secret|passw|api-?key|credential|signature"
# HTTP and this program set these themselves.
_TAKEN = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive"}
    | {"accept-encoding", "te", "trailer", "upgrade", "expect", "proxy-authorization", "proxy-connection"}
    | {"x-amz-date", "x-amz-security-token"}
)

Headers = dict[str, str | Secret]
FoundIn = tuple[dict[str, tuple[str, ...]], ...]  # ways to be found: a field -> the variables that may hold it


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that every provider shares; each provider's options extend this.

    *interval_s*: seconds between polls (None: the provider's own). *login*: the command that renews an expired login.
    *for_acting* names the fields that no reading depends on. *found_in* is what ``init`` finds it by: the variables in
    which its vendor's own tools, or these documents, keep a login; one of them that is set is the field's.
    """

    for_acting: ClassVar[tuple[str, ...]] = ("act_profile",)
    found_in: ClassVar[FoundIn] = ()
    name: str
    provider: str
    interval_s: float | None = None
    login: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Return whether what is read depends on who reads it: then no other account's readings do."""
        return False


class HttpSourceOptions(SourceOptions, frozen=True, kw_only=True):
    """Fields of every source over HTTP.

    *headers* are put into each request (a gateway's tenant or token). *ca_file* is the authority of the server's
    certificate, trusted besides the public ones. *client_cert* and *client_key* are this side's certificate and key,
    where the server asks for one. All files are in PEM format.
    """

    own_headers: ClassVar[tuple[str, ...]] = ()  # made from its login: not to be set by hand
    headers: Headers = {}
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""

    def __post_init__(self) -> None:
        check_http(self.headers, self.ca_file, self.client_cert, self.client_key, self.own_headers)


class DestinationOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that every destination shares; each one's options extend this. *found_in* as of a source."""

    found_in: ClassVar[FoundIn] = ()
    name: str
    provider: str


class HttpDestinationOptions(DestinationOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of every destination over HTTP, as those of a source over HTTP."""

    own_headers: ClassVar[tuple[str, ...]] = ()  # made from its login: not to be set by hand
    headers: Headers = {}
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""

    def __post_init__(self) -> None:
        check_http(self.headers, self.ca_file, self.client_cert, self.client_key, self.own_headers)


def check_http(headers: Headers, ca_file: str, client_cert: str, client_key: str, own: tuple[str, ...] = ()) -> None:
    """Raise ValueError where the settings of HTTP cannot be used. *own*: the headers that the source's login makes."""
    for name, value in headers.items():
        if not re.fullmatch(_HEADER_NAME, name):
            raise ValueError("headers: expected names of headers, as X-Scope-OrgID")
        if name.lower() in _TAKEN:
            raise ValueError(f"headers: {name} is set by oncall-tui itself; leave it out")
        if name.lower() in own:
            raise ValueError(f"headers: {name} is made from this source's own login; leave it out")
        if isinstance(value, Secret):
            continue
        if re.search(_SECRET_NAME, name):
            raise ValueError(
                f"headers: {name} is a secret: write {{env: NAME}}, {{file: PATH}} or {{command: [ARG, …]}}"
            )
        if not value.isprintable() or not value.isascii() or value != value.strip():
            raise ValueError(f"headers: {name} has characters that no header can carry")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("headers: one name stands there twice")
    for setting, path in (("ca_file", ca_file), ("client_cert", client_cert), ("client_key", client_key)):
        if path and not path.startswith(("/", "~")):
            raise ValueError(f"{setting}: expected a path from / or ~ of a file in PEM format")
    if client_key and not client_cert:
        raise ValueError("client_key: a key needs its certificate beside it, as client_cert")
