"""Key press to last byte, while four threads poll back to back at 40 ms a call.

The program runs in a pseudo-terminal on an Alertmanager with 5,000 alerts and on four ECS sources (a cluster of 50
services each). Those are the real adapters, but that they are asked again as soon as they have answered, for all of
their services, and without the limit on calls: each answer has ten services with 100 events each (about 250 KB) and
comes from a process of its own, which keeps what the simulated world answered first and gives it again after 40 ms, so
that the drill's own work is not measured. ``j`` and ``k`` are pressed with pauses of random length between; the answer
of a key is what is written until 60 ms of silence. The baseline is the same keys in the bare app at rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.result import Effort, Result, middle, percentile
from benchmarks.terminal import Terminal
from benchmarks.world import World

P95_MS, P99_MS = 15.0, 25.0
ALERTS, SERVICES = 5_000, 200
CALL_S = 0.040
CLUSTERS = (("prod", "prod-main"), ("prod", "prod-jobs"), ("edge", "edge-main"), ("edge", "edge-jobs"))
REGIONS = {"prod": "ap-northeast-1", "edge": "us-east-1"}
PATTERN = "j" * 17 + "k" * 13


# --- the other side: what was answered once, after 40 ms --------------------------------------------------------------


class Replay(BaseHTTPRequestHandler):
    """Passes a call on to the endpoint that the path begins with, once, and keeps the answer."""

    protocol_version = "HTTP/1.1"
    endpoints: dict[str, str] = {}
    kept: dict[tuple[str, str, bytes], tuple[bytes, dict[str, str]]] = {}
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        began = time.monotonic()
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        key = (self.path, operation, body)
        with self.lock:
            if key not in self.kept:
                url = self.endpoints[self.path.strip("/")]
                passed = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
                with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=passed)) as answer:
                    self.kept[key] = answer.read(), {"Content-Type": answer.headers["Content-Type"]}
        answered, headers = self.kept[key]
        time.sleep(max(0.0, CALL_S - (time.monotonic() - began)))
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answered)))
        self.end_headers()
        self.wfile.write(answered)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the program has left
            super().handle()

    def log_message(self, *_: Any) -> None:
        pass


def serve(endpoints: str) -> None:
    """Serve until stdin ends; prints the port."""
    Replay.endpoints = json.loads(endpoints)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    while os.read(0, 4096):
        pass


# --- the program, its ECS sources asked back to back ------------------------------------------------------------------


def program(path: str) -> None:
    """The board on the configuration *path*, as ``board.show`` opens it."""
    import gc

    gc.disable()
    import msgspec

    from oncall_tui import bootstrap
    from oncall_tui.domain.reading import Reading
    from oncall_tui.providers.base import ReadRequest
    from oncall_tui.tui.app import OncallApp

    def hurry() -> None:
        from oncall_tui.providers.aws.client import rate_limit as budget
        from oncall_tui.providers.aws.ecs.provider import EcsProvider

        unlimited = budget.TokenBucket(bootstrap.SystemClock(), rate=1e9, burst=1e9)
        budget.shared = lambda *_, **__: unlimited  # type: ignore[assignment]
        read = EcsProvider.read

        def at_once(self: EcsProvider, request: ReadRequest) -> Reading:
            schedule = self._reader._schedule.queue
            schedule.want(tuple(schedule.slots))
            return msgspec.structs.replace(read(self, request), next_in_s=0.0)

        EcsProvider.read = at_once  # type: ignore[method-assign]

    config = bootstrap.load_config(path)
    engine = bootstrap.make_engine(config)
    app = OncallApp(engine, config)
    begin = engine.start

    def start() -> None:  # after the first frame: hurry imports botocore
        hurry()
        begin()

    engine.start = start  # type: ignore[method-assign]
    try:
        app.run_on_terminal()
    finally:
        engine.stop()


def sources(world: World, port: int) -> list[dict[str, Any]]:
    """An Alertmanager, and four ECS sources by way of the replay."""
    found: list[dict[str, Any]] = [{"name": "prom", "provider": "alertmanager", "url": world.endpoints["prom"]}]
    for account, cluster in CLUSTERS:
        endpoint = {"endpoint_url": f"http://127.0.0.1:{port}/{account}", "region": REGIONS[account]}
        found.append({"name": cluster, "provider": "ecs", "clusters": [cluster], **endpoint})
    return found


# --- the keys ---------------------------------------------------------------------------------------------------------


def press(terminal: Terminal, count: int) -> list[float]:
    """Seconds to the last byte of each of *count* keys."""
    random.seed(1)
    terminal.quiet(0.5, 5.0)
    times = []
    for i in range(count):
        times.append(terminal.answer_time(PATTERN[i % len(PATTERN)])[0])
        terminal.run(random.uniform(0.0, 0.03))
    return times


def words(times: list[float]) -> str:
    """Median, p95 and p99 in milliseconds."""
    return " / ".join(f"{v * 1000:.0f}" for v in (middle(times), percentile(times, 95), percentile(times, 99))) + " ms"


def busy(world: World, count: int, idle: bool = False) -> tuple[list[float], float]:
    """(The keys' times in the program, answers a second); *idle*: with no ECS source at all."""
    replay = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.keys", "--replay", json.dumps(world.endpoints)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(replay.stdout.readline()) if replay.stdout else 0
        found = sources(world, port)[: 1 if idle else None]
        config = world.write_config("keys.json", sources=found)
        command = [sys.executable, "-m", "benchmarks.keys", "--program", str(config)]
        with Terminal(command, world.env) as terminal:
            ready = f"{len(found)}/{len(found)} live"
            terminal.wait_screen(lambda text: f"ALERTS {ALERTS}" in text and ready in text, 90)
            terminal.run(8.0)
            times = press(terminal, count)
            shown = next((line for line in terminal.display() if "calls/s" in line), "")
            rate = float(shown.partition(" calls/s")[0].split()[-1]) if shown else 0.0
            return times, rate
    finally:
        if replay.stdin:
            replay.stdin.close()
        replay.terminate()
        replay.wait(10)


def run(effort: Effort) -> list[Result]:
    """Measure."""
    count = effort.runs(100, 300, 600)
    with World("scale", SERVICES, ALERTS) as world:
        times, rate = busy(world, count)
        idle, _ = busy(world, count // 3, idle=True)
        with Terminal([sys.executable, "-m", "benchmarks.bare", "200"], world.env) as bare:
            bare.wait_text("service-3", "Quit")
            their = press(bare, count // 3)
    p95, p99 = percentile(times, 95) * 1000, percentile(times, 99) * 1000
    return [
        Result(
            f"key to last byte while 4 threads poll ({rate:.0f} calls/s), median / p95 / p99 of {count}",
            words(times),
            f"p95 {P95_MS:.0f}, p99 {P99_MS:.0f} ms",
            p95 <= P95_MS and p99 <= P99_MS,
        ),
        Result("– the same with the Alertmanager alone", words(idle)),
        Result("– the same in the bare app at rest, 200 rows", words(their)),
    ]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        {"--replay": serve, "--program": program}[sys.argv[1]](sys.argv[2])
