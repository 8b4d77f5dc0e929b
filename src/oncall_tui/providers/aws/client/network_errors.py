"""A call to AWS that got no answer -> the part that failed, and the setting or variable that has to change.

Which exception comes of which situation was found by running botocore 1.44.5 over urllib3 2.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto

from oncall_tui import errors
from oncall_tui.providers.aws.client import files
from oncall_tui.providers.http.failures import IS_407, Broken, Route, broken, tls_words, wants_login
from oncall_tui.runtime.network.limits import MAX_BODY, TOTAL_S, OverTime, TooLarge
from oncall_tui.runtime.network.proxies import Proxy
from oncall_tui.runtime.secret import redact

CONNECT_S, READ_S = 2, 5
_TRUST = "set AWS_CA_BUNDLE (SSL_CERT_FILE for all) to its authority's certificate"
# Parameters that this program made, and uses of botocore that it never makes: to be seen as the bugs that they are.
BUGS = (
    boto.MissingParametersError,
    boto.ValidationError,
    boto.ParamValidationError,
    boto.AliasConflictParameterError,
    boto.PaginationError,
    boto.OperationNotPageableError,
    boto.WaiterError,
    boto.WaiterConfigError,
    boto.InvalidExpressionError,
    boto.UnknownClientMethodError,
    boto.UnseekableStreamError,
    boto.StubResponseError,
    boto.StubAssertionError,
    boto.CapacityNotAvailableError,
    boto.AwsChunkedWrapperError,
)


class NotReached(boto.HTTPClientError):  # type: ignore[misc]
    """A proxy variable or a file of certificates cannot be used: nothing was sent. *source* says which."""

    def __init__(self, source: errors.SourceError) -> None:
        super().__init__(error=source.message)
        self.source = source


def before_sending(error: Exception) -> bool:
    """Return whether nothing can have been sent where *error* was raised."""
    if isinstance(error, boto.SSLError):  # also a line cut in mid-answer: only a refused hand-shake is sure
        return any(word in str(error).upper() for word in ("CERTIFICATE_VERIFY_FAILED", "HANDSHAKE", "WRONG_VERSION"))
    unsent = (NotReached, boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
    return isinstance(error, unsent)


def network(error: Exception, endpoint: str) -> errors.SourceError | None:
    """The source's state that *error* is, None where it does not come from the network."""
    if isinstance(error, NotReached):
        return error.source
    proxy: Proxy | None = getattr(error, "proxy", None)
    route = Route(endpoint, proxy)
    match error:
        case boto.ProxyConnectionError():
            return _of_a_proxy(error, route)
        case boto.EndpointConnectionError():
            return _unconnected(error, endpoint, proxy)
        case boto.ConnectTimeoutError():
            there = endpoint if proxy is None else f"the proxy {proxy.shown} (${proxy.variable})"
            text = f"no connection to {there} within {CONNECT_S} s"
            return errors.Offline(text, _hint(endpoint, proxy) or "check the network or the VPN")
        case boto.ReadTimeoutError():
            text = f"no answer from {endpoint} within {READ_S} s{route.via}"
            return errors.Offline(text, _hint(endpoint, proxy) or "check the network or the VPN")
        case boto.SSLError():
            return _of_tls(error, route)
        case boto.ConnectionClosedError() | boto.ResponseStreamingError() | boto.IncompleteReadError():
            text = f"{endpoint} closed the connection in mid-answer{route.via}"
            return errors.Offline(text, _hint(endpoint, proxy) or "check the network or the VPN")
        case boto.InvalidProxiesConfigError():
            return errors.Offline(_text(error), "check HTTPS_PROXY and NO_PROXY")
        case boto.HTTPClientError():
            return _other(error, route)
        case OverTime():
            text = f"{endpoint} took over {TOTAL_S:.0f} s in all to answer{route.via}"
            return errors.Offline(text, _hint(endpoint, proxy) or "check the network or the VPN")
        case TooLarge():
            hint = "a proxy or a captive portal in between? check the endpoint"
            return errors.Malformed(f"{endpoint} sent over {MAX_BODY >> 20} MiB", hint)
        case OSError() if not error.filename:
            return _words(broken(error, route, redact))
        case UnicodeError():
            return _words(broken(error, route, redact))
        case _:
            return _of_a_setting(error)


def _of_a_setting(error: Exception) -> errors.SourceError | None:
    """The complaints of botocore about its settings, while a client is made or a call prepared."""
    if isinstance(error, boto.UnknownRegionError | boto.InvalidRegionError | boto.EndpointProviderError):
        return errors.NoCredentials(_text(error), "check region: and endpoint_url:")
    if isinstance(error, BUGS):
        return None
    if isinstance(error, boto.InvalidEndpointConfigurationError | boto.BaseEndpointResolverError):
        return errors.NoCredentials(_text(error), "check region: and endpoint_url:")
    if isinstance(error, boto.ChecksumError | boto.FlexibleChecksumError):
        return errors.Malformed(_text(error), "the answer was damaged on its way: is a proxy in between?")
    if isinstance(error, boto.DataNotFoundError | boto.UnknownServiceError | boto.UndefinedModelAttributeError):
        return errors.NoCredentials(_text(error), "install botocore anew; check AWS_DATA_PATH")
    if isinstance(error, boto.InvalidIMDSEndpointModeError):
        return errors.NoCredentials(_text(error), "correct AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, or unset it")
    if isinstance(error, boto.InvalidIMDSEndpointError):
        return errors.NoCredentials(_text(error), "correct AWS_EC2_METADATA_SERVICE_ENDPOINT, or unset it")
    if isinstance(error, boto.BotoCoreError):
        return errors.NoCredentials(_text(error), f"check the AWS_… variables and {files.config_file()}")
    return None


def _hint(endpoint: str, proxy: Proxy | None) -> str:
    return Route(urlsplit(endpoint).hostname or endpoint, proxy).proxy_hint


def _text(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:300]


def _inner(error: Any) -> str:
    """The words of urllib3, where botocore kept them."""
    return f"{getattr(error, 'kwargs', {}).get('error', '')} {error}"


def _of_a_proxy(error: Exception, route: Route) -> errors.SourceError:
    said = _inner(error)
    proxy = route.proxy
    if proxy is None:
        return errors.Offline("cannot connect to the proxy", "check HTTPS_PROXY and NO_PROXY")
    hint = _hint(route.host, proxy)
    if IS_407.search(said):
        return wants_login(route).unread()
    told = f"the proxy {proxy.shown} (${proxy.variable})"
    if "Tunnel connection failed" in said:
        why = said.partition("Tunnel connection failed:")[2].partition("'")[0].partition(")")[0].strip()
        return errors.Offline(f"{told} does not connect to {route.host}: {redact(why)[:60]}", hint)
    if "CERTIFICATE" in said.upper() or "SSL" in said:
        return errors.Offline(f"TLS with {told} fails", hint)
    if "refused" in said.lower():
        return errors.Offline(f"{told} refuses connections", hint)
    if "resolve" in said.lower() or "name or service" in said.lower() or "resolution" in said.lower():
        return errors.Offline(f"no address for {proxy.host}, the proxy of ${proxy.variable}", hint)
    return errors.Offline(f"cannot connect to {told}", hint)


def _unconnected(error: Exception, endpoint: str, proxy: Proxy | None) -> errors.SourceError:
    if proxy is not None:
        return _of_a_proxy(error, Route(endpoint, proxy))
    return errors.Offline(f"cannot connect to {endpoint}", "check the network, the VPN and the region's name")


def _of_tls(error: Exception, route: Route) -> errors.SourceError:
    words = tls_words(_inner(error), route.host, via=route.via, add=_TRUST)
    hint = words.hint if words.surely_before else f"a proxy's certificate? {_TRUST}"
    more = _hint(route.host, route.proxy)
    return errors.Offline(words.message, f"{hint}; {more}" if more else hint)


def _other(error: Any, route: Route) -> errors.SourceError:
    """Whatever else botocore wraps: by its cause where that says more."""
    cause = getattr(error, "kwargs", {}).get("error")
    if isinstance(cause, OverTime | TooLarge) and (known := network(cause, route.host)) is not None:
        return known
    if isinstance(cause, Exception) and (found := broken(cause, route, redact)) is not None:
        return found.unread()
    if isinstance(cause, ValueError) and "header" in str(cause).lower():  # its text repeats the value, a token
        return errors.NoCredentials(f"a key or token for {route.host} has characters that no header can carry")
    name = type(cause).__name__ if isinstance(cause, Exception) else type(error).__name__
    said = _text(cause)[:120] if isinstance(cause, Exception) else ""
    words = f"{name}: {said}" if said and said.isprintable() else name
    return errors.Offline(f"{route.host}: {words}{route.via}", _hint(route.host, route.proxy))


def _words(found: Broken | None) -> errors.SourceError | None:
    return None if found is None else found.unread()
