"""Every exception that httpx, ssl, the socket module and botocore can raise, and what this program makes of it.

The classes are found by reflection, so that a newer library's are looked at too. ``python -m
tests.providers.exceptions_table`` prints the table: where it was raised, the source's state, and what a write becomes.
"""

from __future__ import annotations

import builtins
import errno
import functools
import inspect
import os
import socket
import ssl
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import botocore.exceptions
import httpcore
import httpx
import urllib3.exceptions

from oncall_tui import errors
from oncall_tui.providers.aws.client import http_session, session
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.network_errors import BUGS
from oncall_tui.providers.aws.client.rate_limit import TokenBucket
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.http.client import Http
from oncall_tui.runtime.clock import FakeClock

SAID = "what it says"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}


class Row(NamedTuple):
    """One exception at one place: the source's error (None: a bug) and the write's."""

    error: str
    library: str
    place: str
    read: errors.SourceError | None
    write: errors.ActionError | None


# --- the exceptions ---------------------------------------------------------------------------------------------------


def _classes(module: Any) -> list[type[Exception]]:
    found = [
        thing
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, Exception) and not issubclass(thing, Warning)
    ]
    return list(dict.fromkeys(found))


def _of_httpx() -> Iterator[Exception]:
    request = httpx.Request("GET", "http://127.0.0.1/")
    for kind in _classes(httpx):
        if issubclass(kind, httpx.HTTPStatusError):
            yield kind(SAID, request=request, response=httpx.Response(500, request=request))
        elif not inspect.signature(kind).parameters:
            yield kind()
        else:
            yield kind(SAID)
    for kind in _classes(httpcore):
        yield kind(SAID)


def _of_the_system() -> Iterator[Exception]:
    kinds = {k for m in (builtins, socket, ssl) for k in _classes(m) if issubclass(k, OSError)}
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        yield kind(errno.EIO, SAID)
    yield UnicodeError("label empty or too long")
    yield UnicodeEncodeError("ascii", "ä", 0, 1, "ordinal not in range(128)")


def _of_every_errno() -> Iterator[Exception]:
    for number in sorted(errno.errorcode):
        yield OSError(number, os.strerror(number))


def _of_botocore() -> Iterator[Exception]:
    for kind in _classes(botocore.exceptions):
        if kind.__module__.startswith("botocore"):
            yield _boto(kind)


def _boto(kind: type[Exception]) -> Exception:
    if issubclass(kind, botocore.exceptions.ClientError | botocore.exceptions.EventStreamError):
        response = {"Error": {"Code": "Strange", "Message": SAID}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return kind(response, "ListClusters")
    named = [name for _, name, _, _ in string.Formatter().parse(getattr(kind, "fmt", "")) if name]
    if not hasattr(kind, "fmt"):
        return kind(SAID)
    wanted = [p.name for p in inspect.signature(kind).parameters.values() if p.kind is not p.VAR_KEYWORD]
    more = [name for name in wanted if name not in ("msg", "args")]
    values: dict[str, Any] = {name.partition(".")[0]: SAID for name in [*named, *more]}
    return kind(**values)


def _of_urllib3() -> Iterator[Exception]:
    for kind in _classes(urllib3.exceptions):
        if kind.__module__.startswith("urllib3"):
            made = kind.__new__(kind)
            Exception.__init__(made, SAID)
            more = {"partial": 0, "expected": 5, "length": b"zz", "response": mock.Mock(tell=lambda: 0)}
            made.__dict__.update(more)  # what some of them say is made of these
            yield made


def _wrapped(kind: type[Exception]) -> Callable[[Exception], Exception]:
    """As httpx hands them on: with the system's own as the cause."""

    def wrap(cause: Exception) -> Exception:
        error = kind(str(cause))
        error.__cause__ = cause
        return error

    return wrap


HTTP: dict[str, Callable[[], Iterator[Exception]]] = {
    "httpx": _of_httpx,
    "system": _of_the_system,
    "errno": _of_every_errno,
}
AWS: dict[str, Callable[[], Iterator[Exception]]] = {
    "botocore": _of_botocore,
    "urllib3": _of_urllib3,
    "system": _of_the_system,
    "errno": _of_every_errno,
}
PLACES = {
    "botocore": ("call", "construction"),
    "urllib3": ("wire",),
    "system": ("call", "wire", "construction"),
    "errno": ("wire",),
}
WRAPS = {"": lambda error: error, "connecting": _wrapped(httpx.ConnectError), "reading": _wrapped(httpx.ReadError)}


# --- the places -------------------------------------------------------------------------------------------------------


def _http(error: Exception, at_call: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    http = Http(source="prom", url="http://127.0.0.1:9093", clock=FakeClock(), transport=httpx.MockTransport(fail))
    if not at_call:
        http._open = fail  # type: ignore[method-assign]
    return lambda: http.get("/x", dict), lambda: http.write("POST", "/x", dict, {})


def _aws(error: Exception, place: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    client = AwsClient(_sessions(), "ecs", TokenBucket(FakeClock()), Counter(), fail if place == "call" else None)
    seams = {"construction": (session.BoundSession, "create_client"), "wire": (http_session._Pool, "urlopen")}

    def guarded(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            if place == "call":
                return call()
            if place == "construction":
                client.sessions._clients.clear()
            with mock.patch.object(*seams[place], fail):
                return call()

        return run

    return guarded(lambda: client.read(dict, "ListClusters")), guarded(
        lambda: client.write("StopServiceDeployment", serviceDeploymentArn="arn")
    )


@functools.cache
def _sessions() -> session.Sessions:
    options = EcsOptions(name="prod", provider="ecs", region="eu-west-1", endpoint_url="http://127.0.0.1:9")
    return session.Sessions(options)


def _caught(call: Callable[[], Any], kinds: type[Exception]) -> Any:
    """What the program makes of it; None where it is seen as a bug."""
    try:
        call()
    except kinds as error:
        return error
    except Exception:  # noqa: BLE001 - whatever else it is, is seen as a bug
        return None
    raise AssertionError("nothing was raised")


@contextmanager
def nothing_around() -> Iterator[None]:
    """Only test keys, and nothing of this machine's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    files = {"AWS_CONFIG_FILE": "/nonexistent/config", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials"}
    with mock.patch.dict(os.environ, kept | KEYS | files, clear=True):
        yield


def rows(library: str = "") -> Iterator[Row]:
    """Each exception at each place. *library*: only that one's."""
    with nothing_around():
        for name, make in HTTP.items():
            for how, wrap in WRAPS.items() if name in ("system", "errno") else [("", WRAPS[""])]:
                for place in ("call", "construction") if name != "errno" else ("call",):
                    if library in ("", f"http {name}"):
                        for error in make():
                            wrapped = wrap(error)
                            yield _row(
                                error, f"http {name}", f"{place} {how}".strip(), *_http(wrapped, place == "call")
                            )
        for name, make in AWS.items():
            for place in PLACES[name]:
                if library in ("", f"aws {name}"):
                    for error in make():
                        yield _row(error, f"aws {name}", place, *_aws(error, place))


def _row(error: Exception, library: str, place: str, read: Callable[[], Any], write: Callable[[], Any]) -> Row:
    name = type(error).__name__
    if library.endswith("errno"):
        name += f"({errno.errorcode[error.errno]})"  # type: ignore[attr-defined]
    return Row(name, library, place, _caught(read, errors.SourceError), _caught(write, errors.ActionError))


def is_bug(row: Row) -> bool:
    """Return whether that exception is one that only a mistake of this program brings about."""
    kind = getattr(botocore.exceptions, row.error, None)
    if row.library != "aws botocore" or row.place != "call" or kind is None:
        return False
    return issubclass(kind, BUGS) and not issubclass(kind, botocore.exceptions.InvalidRegionError)


def main() -> None:
    put = sys.stdout.write
    put(f"{'exception':<44} {'from':<13} {'raised at':<23} {'state':<15} {'a write':<16} says → hint\n")
    for row in rows():
        state = "BUG" if row.read is None else row.read.state.upper().replace("_", "-")
        wrote = "bug" if row.write is None else row.write.outcome
        words = "" if row.read is None else f"{row.read.message} → {row.read.hint}"
        put(f"{row.error:<44} {row.library:<13} {row.place:<23} {state:<15} {wrote:<16} {words}\n")


if __name__ == "__main__":
    main()
