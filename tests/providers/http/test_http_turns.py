"""An API that wants one request at a time: they take turns, and nobody waits for one that hangs."""

from __future__ import annotations

import threading

import httpx
import pytest

from oncall_tui.providers.http import client
from oncall_tui.runtime.clock import SystemClock


class Peer:
    """Answers ``/hangs`` when it is let go, everything else at once; counts who is there at a time."""

    def __init__(self) -> None:
        self.go, self.came = threading.Event(), threading.Event()
        self.now = self.most = 0
        self._lock = threading.Lock()
        self.http = client.Http(
            source="pager",
            url="http://pager.example",
            clock=SystemClock(),
            serial=threading.Lock(),
            transport=httpx.MockTransport(self._answer),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if request.url.path == "/hangs":
            self.came.set()
            self.go.wait(30)
        with self._lock:
            self.now -= 1
        return httpx.Response(200, json={})


@pytest.fixture
def peer() -> Peer:
    return Peer()


def test_a_write_does_not_wait_for_a_read_that_hangs(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HUNG_S", 0.01)
    read = threading.Thread(target=lambda: peer.http.get("/hangs", dict))
    read.start()
    try:
        assert peer.came.wait(5)
        assert peer.http.write("PUT", "/incidents/1", dict) == {}
        assert read.is_alive()
        assert peer.http.write("PUT", "/incidents/1", dict) == {}  # a turn that was not had is not given back
    finally:
        peer.go.set()
        read.join(5)
    assert peer.http.get("/fine", dict) == {}


def test_where_nothing_hangs_they_take_turns(peer: Peer) -> None:
    both = [threading.Thread(target=lambda: [peer.http.get("/fine", dict) for _ in range(20)]) for _ in range(3)]
    for one in both:
        one.start()
    for one in both:
        one.join(10)
    assert peer.most == 1
