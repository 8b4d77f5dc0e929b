"""A task's log lines: the same lines for the same task and time, made when they are asked for and kept nowhere.

A task writes from its start to its stop: start-up lines, a few lines of traffic each second, and its end: a stack
trace where its revision dies of itself, a farewell where it was told to go. Some write JSON, some colours, some
Japanese. Times are milliseconds since the epoch. A line can be read some time after it was written, as at AWS.
"""

import itertools
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsService, SimulatedEcsTask

LATE_MS = (200, 1500)  # from a line's own time until it can be read
_PATHS = ("/v1/items", "/v1/charges", "/healthz", "/v1/orders/{n}", "/v1/users/{n}/cart", "/v1/search?q={n}")
_JAPANESE = ("注文 {n} を受け付けました", "請求書 {n} を送信しました", "在庫を更新しました: {n} 件")
_COLOURS = {"INFO": "\x1b[32mINFO\x1b[0m", "WARN": "\x1b[1;33mWARN\x1b[0m", "ERROR": "\x1b[1;31mERROR\x1b[0m"}


class SimulatedEcsLine(NamedTuple):
    """One event of a stream."""

    at: int
    seen: int
    """When it can be read: ingestionTime."""
    text: str


class Writer:
    """The lines of one task's container."""

    def __init__(self, service: SimulatedEcsService, task: SimulatedEcsTask, container: str, main: bool) -> None:
        self._service, self._task = service, task
        self._id = task.arn.rsplit("/")[-1]
        self._main = main  # a log router beside it hardly speaks
        self.container = container
        self.from_ms = int(1000 * task.started_at) if task.started_at is not None else None
        self.until_ms = int(1000 * task.stopped_at) if task.stopped_at is not None else None
        self._script: dict[int, list[tuple[int, str]]] = {}
        for ms, level, text in self._scripted():
            self._script.setdefault(ms // 1000, []).append((ms, self._form(ms, level, text)))

    def second(self, second: int) -> list[SimulatedEcsLine]:
        """Return the lines of one second of the epoch, oldest first."""
        if self.from_ms is None or second < self.from_ms // 1000:
            return []
        if self.until_ms is not None and second > self.until_ms // 1000:
            return []
        rng = random.Random(f"{self._id}/{self.container}/{second}")
        found = [*self._script.get(second, ()), *self._traffic(second, rng)]
        if self.until_ms is not None:
            found = [it for it in found if it[0] <= self.until_ms]
        found.sort()
        return [SimulatedEcsLine(ms, ms + rng.randint(*LATE_MS), text) for ms, text in found]

    def _traffic(self, second: int, rng: random.Random) -> Iterator[tuple[int, str]]:
        assert self.from_ms is not None
        ready = self.from_ms + 1500
        per_s = self._service.log_per_s if self._main else 0.02
        count = int(per_s) + (rng.random() < per_s % 1)
        for _ in range(count):
            ms = 1000 * second + rng.randrange(1000)
            if ms >= ready:
                yield ms, self._form(ms, *self._request(ms, rng))

    def _request(self, ms: int, rng: random.Random) -> tuple[str, str]:
        n, spent = rng.randrange(1000, 99999), rng.randrange(3, 240)
        chance = rng.random()
        if not self._main:
            return "INFO", f"flushed {n} records"
        for says in self._service.log_says:
            if not says.begin <= ms / 1000 < says.end:
                continue
            if chance < says.share:
                return says.level, says.text.replace("{n}", str(n))
            chance = (chance - says.share) / max(1e-9, 1 - says.share)
        if chance < 0.02:
            return "WARN", f"slow query took {spent * 9} ms: SELECT * FROM ledger WHERE id = {n}"
        if chance < 0.10:
            return "INFO", rng.choice(_JAPANESE).replace("{n}", str(n))
        path = rng.choice(_PATHS).replace("{n}", str(n))
        return "INFO", f"{'POST' if n % 4 == 0 else 'GET'} {path} {201 if n % 4 == 0 else 200} {spent}ms"

    def _scripted(self) -> Iterator[tuple[int, str, str]]:
        if self.from_ms is None or not self._main:
            return
        begin, name = self.from_ms, self._service.name
        tag = self._task.revision.definition.containers[0]["image"].rpartition(":")[2]
        yield begin + 40, "INFO", f"{name} {tag} starting, task {self._id[:8]}"
        yield begin + 310, "INFO", "connected to the database in 84 ms"
        yield begin + 1200, "INFO", f"listening on 0.0.0.0:{self._service.port}"
        if self.until_ms is not None:
            yield from (it for it in self._end(self.until_ms) if it[1] != "WARN" or it[0] > begin + 1200)

    def _end(self, end: int) -> Iterator[tuple[int, str, str]]:
        """The last words, by what it died of."""
        task = self._task
        if "OutOfMemory" in task.container_reason:
            yield end - 2600, "WARN", "heap is at 87 % of 512 MiB"
            yield end - 1100, "WARN", "heap is at 98 % of 512 MiB, collecting"
            yield from _trace(end - 400, "MemoryError: cannot allocate 67108864 bytes", "render_statement")
        elif task.exit_code and task.stop_code == "EssentialContainerExited":
            yield from _trace(end - 300, "KeyError: 'FEATURE_X'", "read_settings")
            yield end - 100, "ERROR", f"exiting with status {task.exit_code}"
        elif "health" in task.stopped_reason:
            for at in (4000, 2000, 200):
                yield end - at, "WARN", "GET /healthz 503: the connection pool is empty"
        else:
            yield end - 900, "INFO", "SIGTERM: draining 3 requests"
            yield end - 50, "INFO", "bye"

    def _form(self, ms: int, level: str, text: str) -> str:
        """A line as this service writes it."""
        at = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if not level:
            return text  # a further line of a stack trace
        if self._service.name.endswith("-api"):
            whole = {"time": at, "level": level.lower(), "msg": text, "service": self._service.name}
            return json.dumps(whole, ensure_ascii=False)
        if self._service.name.endswith("-web"):
            return f"{at} {_COLOURS[level]} {text}"
        return f"{at} {level} {text}"


def _trace(end: int, error: str, where: str) -> Iterator[tuple[int, str, str]]:
    yield end, "ERROR", f"unhandled {error}"
    lines = ("Traceback (most recent call last):", f'  File "/app/worker.py", line 88, in {where}', error)
    for index, line in enumerate(lines):
        yield end + 1 + index, "", line


def seconds(writers: list[Writer], start_ms: int, end_ms: int, newest: bool) -> Iterator[int]:
    """The seconds of the epoch from *start_ms* to *end_ms* in which one of them may write, in the order asked for."""
    begun = [w.from_ms for w in writers if w.from_ms is not None]
    if not begun:
        return iter(())
    ended = [w.until_ms for w in writers]
    last = end_ms if None in ended else min(end_ms, max(itertools.chain((0,), (e for e in ended if e is not None))))
    first = max(start_ms, min(begun)) // 1000
    every = range(first, last // 1000 + 1)
    return iter(reversed(every) if newest else every)
