"""An HTTP server on loopback that answers as a test says: what a provider under contract is pointed at."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer


class Said(NamedTuple):
    """An answer. *promised* is the Content-Length, where it is to be more than the body has."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    promised: int | None = None


Handler = Callable[[Request], SimulatedAnswer | Said]


class Server:
    """Serves *answer*, which may be changed at any time. *date* gives the server's own clock."""

    def __init__(self, answer: Handler, date: Callable[[], float]) -> None:
        self.answer = answer
        self.date = date
        self.asked: list[Request] = []
        self.over = threading.Event()
        outer = self

        class Handling(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                """Nothing: the tests' output is the tests'."""

            def _handle(self) -> None:
                outer._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of what hangs, and end."""
        self.over.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.asked if request.method != "GET"]

    def _serve(self, one: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(one.path)
        body = one.rfile.read(int(one.headers.get("content-length") or 0))
        headers: dict[str, Any] = {name.lower(): value for name, value in one.headers.items()}
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(one.command, unquote(parts.path), query, headers, body)
        self.asked.append(request)
        said = self.answer(request)
        promised = said.promised if isinstance(said, Said) else None
        one.send_response_only(said.status)
        for name, value in {"Date": formatdate(self.date(), usegmt=True), **said.headers}.items():
            one.send_header(name, value)
        one.send_header("Content-Length", str(len(said.body) if promised is None else promised))
        with suppress(BrokenPipeError, ConnectionResetError):  # the other side did not wait
            one.end_headers()
            one.wfile.write(said.body)
        if promised is not None:
            one.close_connection = True


def dead_port() -> int:
    """Return a port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
