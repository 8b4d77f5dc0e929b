"""A simulated source of the drill, asked in this process: no socket, no child, and the test's own clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

import httpx

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer


class Peer(Protocol):
    def handle(self, request: Request) -> SimulatedAnswer: ...


class Asked:
    """What was asked of *peer*, and how it is answered: ``spoil`` may answer, or raise, in its place."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.requests: list[httpx.Request] = []
        self.spoil: Callable[[httpx.Request], httpx.Response | None] = lambda request: None
        self.transport = httpx.MockTransport(self._handle)

    @property
    def writes(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method != "GET"]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        spoiled = self.spoil(request)
        return spoiled if spoiled is not None else self.truly(request)

    def truly(self, request: httpx.Request) -> httpx.Response:
        """The peer's own answer."""
        query = parse_qs(request.url.query.decode(), keep_blank_values=True)
        headers: dict[str, Any] = {name.lower(): value for name, value in request.headers.items()}
        answer = self.peer.handle(Request(request.method, unquote(request.url.path), query, headers, request.content))
        return httpx.Response(answer.status, content=answer.body, headers=answer.headers)
