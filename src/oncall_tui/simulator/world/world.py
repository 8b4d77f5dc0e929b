"""The world: its sources, its time, what happens in it, and what was asked of it. One lock guards all of it.

Times are seconds since the epoch, UTC.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from oncall_tui.simulator.server.faults import Fault, FaultBook
from oncall_tui.simulator.server.http import Delivery, Listener
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer
from oncall_tui.simulator.timeline import SimulatedTimeline

PORTAL = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Drill network: please sign in.</body></html>"


class Peer(Protocol):
    """The listener at one source's port."""

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer; called under the world's lock."""
        ...

    def operation(self, request: Request) -> str:
        """The name of what is asked for."""
        ...


class Write(NamedTuple):
    """One call that changes something, as it was asked for."""

    source: str
    operation: str
    body: str
    at: float


class World:
    """All that is simulated. Whoever calls holds `lock`, but for `deliver`, which takes it."""

    def __init__(self, timeline: SimulatedTimeline, seed: int) -> None:
        self.lock = threading.RLock()
        self.timeline = timeline
        self.rng = random.Random(seed)
        self.faults = FaultBook()
        self.peers: dict[str, Peer] = {}
        self.listeners: dict[str, Listener] = {}
        self.calls: dict[str, Counter[str]] = {}
        self.writes: list[Write] = []
        self.on_advance: list[Callable[[], None]] = []
        self.portal = ""

    def listen(self, name: str, peer: Peer, port: int = 0) -> None:
        """Add a source with a port of its own."""
        self.peers[name] = peer
        self.calls[name] = Counter()
        self.listeners[name] = Listener(partial(self.deliver, name), port)

    def advance(self) -> None:
        """Let happen what is due."""
        self.timeline.advance()
        for also in self.on_advance:
            also()

    def deliver(self, name: str, request: Request) -> Delivery:
        """Answer one request at a source's port, or spoil it."""
        with self.lock:
            self.advance()
            peer = self.peers[name]
            operation = peer.operation(request)
            writes = _is_write(peer, operation, request)
            self.calls[name][operation] += 1
            if writes:
                body = request.body.decode("utf-8", "replace")
                self.writes.append(Write(name, operation, body, self.timeline.now()))
            fault = self.faults.take(name, operation, writes)
            if fault is None:
                answer = peer.handle(request)
                return Delivery(answer, again=partial(self._again, name, request) if answer.waits_s else None)
            effect = fault.after_effect or fault.kind in ("slow", "truncated")
            spoiled = peer.handle(request) if effect else None
            if fault.late_s is not None and not effect:
                self.timeline.after(fault.late_s, lambda: self._take_effect(peer, request))
            return self._spoiled(peer, request, fault, spoiled)

    def _again(self, name: str, request: Request) -> SimulatedAnswer:
        """Answer a long poll once more; it is counted once."""
        with self.lock:
            self.advance()
            return self.peers[name].handle(request)

    def _take_effect(self, peer: Peer, request: Request) -> None:
        peer.handle(request)

    def _spoiled(self, peer: Peer, request: Request, fault: Fault, answer: SimulatedAnswer | None) -> Delivery:
        kind = fault.kind
        held = answer or SimulatedAnswer(200, b"")
        if kind == "hang":
            return Delivery(held, wait=fault.hold, silent=True)
        if kind == "slow":
            return Delivery(held, wait=fault.hold)
        if kind == "truncated":
            return Delivery(held, cut=True)
        if kind == "html":
            return Delivery(SimulatedAnswer(200, PORTAL, {"Content-Type": "text/html; charset=utf-8"}))
        if kind == "empty":
            return Delivery(
                SimulatedAnswer(200, b"", {"Content-Type": held.headers.get("Content-Type", "application/json")})
            )
        if kind == "redirect":
            return Delivery(SimulatedAnswer(302, b"", {"Location": self.portal}))
        spoil: Callable[[str, Request], SimulatedAnswer | None] = getattr(peer, "fault", _http_fault)
        return Delivery(spoil(kind, request) or _http_fault(kind, request))

    def refresh_ports(self) -> None:
        """Close the ports that are to refuse, and open the others."""
        for name, listener in self.listeners.items():
            if self.faults.refused(name):
                listener.close()
            else:
                listener.open()

    def forget_calls(self) -> None:
        """Count calls from zero."""
        for counted in self.calls.values():
            counted.clear()
        self.writes.clear()

    def counted(self) -> dict[str, Any]:
        """Return the counted requests, as the control API shows them."""
        return {
            "sources": {name: dict(counted) for name, counted in self.calls.items()},
            "writes": [write._asdict() for write in self.writes],
        }


def _is_write(peer: Peer, operation: str, request: Request) -> bool:
    asked: Callable[[str], bool] | None = getattr(peer, "is_write", None)
    return asked(operation) if asked else request.method not in ("GET", "HEAD")


def _http_fault(kind: str, request: Request) -> SimulatedAnswer:
    faults = {
        "throttle": (429, "Rate Limit Exceeded", 2020),
        "expired": (401, "Unauthorized", 2006),
        "unauthorized": (401, "Unauthorized", 2006),
        "denied": (403, "Access Denied", 2010),
    }
    status, message, code = faults.get(kind, (500, "Internal Server Error", 2000))
    headers = {"Content-Type": "application/json"}
    if status == 429:
        headers |= {"Retry-After": "2", "ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "2"}
    return SimulatedAnswer(status, b'{"error":{"message":"%s","code":%d}}' % (message.encode(), code), headers)
