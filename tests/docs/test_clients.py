"""Every HTTP client is made in one module: no other code constructs one, opens a URL, or decides whom to trust."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.parsed import ONE_PROCESS, parsed

SOURCE = Path(__file__).parents[2] / "src" / "oncall_tui"
NETWORK = "runtime/network/"
# The runbook's reader connects to the address that it looked at, which no client library lets it do.
PINNED = {"http.client", "socket.create_connection"}
ALLOWED = {
    "runtime/network/clients.py": {"httpx", "httpcore"},
    "runtime/network/trust.py": {"ssl.SSLContext"},
    "providers/aws/client/http_session.py": {"urllib3", "http.client"},
    "inspection/runbook/fetch.py": PINNED,
}
MAKERS = {
    "httpx": {"Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport", "Proxy", "create_ssl_context"}
    | {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream"},
    "ssl": {"create_default_context", "SSLContext", "_create_unverified_context", "_create_stdlib_context"},
    "socket": {"create_connection"},
}
WHOLE = {"httpcore", "urllib.request", "urllib3", "requests", "aiohttp", "http.client", "pycurl", "ftplib", "smtplib"}


def made(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what) of each client that the code makes or may make."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _imported(node, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _imported(node, node.module)
            for alias in node.names:
                if alias.name in MAKERS.get(node.module, ()):
                    yield node.lineno, f"{node.module}.{alias.name}"
                yield from _imported(node, f"{node.module}.{alias.name}")
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr in MAKERS.get(node.value.id, ())
        ):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def _imported(node: ast.stmt, name: str) -> Iterator[tuple[int, str]]:
    for module in WHOLE:
        if name == module or name.startswith(module + "."):
            yield node.lineno, module


def _typed_only(tree: ast.AST) -> set[int]:
    """The lines of annotations, and of what is imported for types alone."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            lines.update(range(node.lineno, (node.end_lineno or 0) + 1))
        typed = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        lines.update(one.lineno for one in typed if isinstance(one, ast.AST))
    return lines


def wrong(name: str, code: str) -> list[str]:
    tree = parsed(code)
    types = _typed_only(tree)
    allowed = ALLOWED.get(name, set())
    return [
        f"{name}:{line}: {what}"
        for line, what in made(tree)
        if line not in types and what not in allowed and what.partition(".")[0] not in allowed
    ]


@ONE_PROCESS
def test_one_module_makes_every_client() -> None:
    found = []
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        if not name.startswith("simulator/"):
            found += wrong(name, path.read_text())
    assert not found, "ask runtime/network/clients.py for a client"


def test_the_scan_finds_each_way() -> None:
    ways = [
        "import httpx\nhttpx.Client()",
        "from httpx import Client",
        "import httpx\nhttpx.get('http://x')",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import http.client",
        "from http import client",
        "import requests",
        "import urllib3",
        "import ssl\nssl.create_default_context()",
        "import ssl\nssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)",
        "import socket\nsocket.create_connection(('x', 1))",
    ]
    assert [way for way in ways if not wrong("providers/slack/destination.py", way)] == []
    assert not wrong("x.py", "import ssl\ndef f(c: ssl.SSLContext | None) -> ssl.SSLContext: ...")
    assert not wrong("x.py", "from urllib.parse import urlsplit\nimport ssl\nssl.SSLError")
