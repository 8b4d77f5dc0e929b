"""A distance on loopback: a proxy before one endpoint that lets every byte arrive half a round trip later.

A call on an open connection takes one round trip more than it would; the first one on a new connection takes another
(TCP's handshake, which the proxy itself answers at once). TLS would add one or two more: the world speaks plain HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

PIECE = 1 << 16
OPERATION = re.compile(rb"(?i:x-amz-target:) *[\w.]*\.(\w+)|\bAction=(\w+)")


class Delays:
    """One proxy for each of *far*: endpoint URL → seconds of a round trip. Use it in a ``with``."""

    def __init__(self, far: Mapping[str, float]) -> None:
        self._far = dict(far)
        self.urls: dict[str, str] = {}
        self.calls: Counter[str] = Counter()  # requests to AWS that were passed on, by operation
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Delays:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: Any) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def moved(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return *config* with each source's endpoint replaced by its proxy's."""
        sources = []
        for source in config["sources"]:
            named = {k: self.urls.get(v, v) for k, v in source.items() if k in ("url", "endpoint_url")}
            sources.append({**source, **named})
        return {**config, "sources": sources}

    async def _open(self) -> None:
        for url, round_trip_s in self._far.items():
            server = await asyncio.start_server(self._served(url, round_trip_s), "127.0.0.1", 0)
            self._servers.append(server)
            self.urls[url] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _count(self, data: bytes) -> None:
        self.calls.update((target or action).decode() for target, action in OPERATION.findall(data))

    def _served(self, url: str, round_trip_s: float) -> Any:
        at = urlsplit(url)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection(at.hostname, at.port)
            begun = self._loop.time() + round_trip_s  # the handshake comes back then
            for source, target, seen in ((reader, back, self._count), (there, writer, _nothing)):
                task = self._loop.create_task(_pump(source, target, round_trip_s / 2, begun, seen))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        return serve


def _nothing(_: bytes) -> None:
    """Count nothing: it is an answer."""


async def _pump(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    way_s: float,
    begun: float,
    seen: Callable[[bytes], None],
) -> None:
    """Pass on what comes, *way_s* seconds after it came and none that was sent before *begun* (the loop's time)."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                return
            target.write(data)
            await target.drain()

    arriving = loop.create_task(arrive())
    try:
        with contextlib.suppress(OSError):
            while data := await source.read(PIECE):
                seen(data)
                under_way.put_nowait((max(loop.time(), begun) + way_s, data))
            under_way.put_nowait((max(loop.time(), begun) + way_s, b""))
            await arriving
    finally:
        arriving.cancel()
        target.close()
