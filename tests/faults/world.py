"""A simulated world in a child process, and an engine over it whose every update is kept."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from oncall_tui import bootstrap
from oncall_tui.config import Config
from oncall_tui.domain.board import Board
from oncall_tui.domain.reading import SourceStatus
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import Clock
from tests.support.forked import PIPE, popen

SCENARIO = str(Path(__file__).with_name("world.yaml"))
# Secrets that stand nowhere else, so that they are found wherever they leak. The pager's is that of the person Canary.
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "canary-aws-secret",
    "FAULTS_PROM_TOKEN": "canary-prom-token",
    "ONCALL_DRILL_TOKEN": "drill-canary",
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    **SECRETS,
}
UNWANTED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION")
PATIENCE_S = 20.0


class Ahead:
    """The machine's clock, put on by as much as it is told: allowances fill and readings age without waiting."""

    def __init__(self, by: float = 0.0) -> None:
        self.by = by

    def now(self) -> float:
        return time.time() + self.by

    def monotonic(self) -> float:
        return time.monotonic() + self.by


class World:
    """One running drill, whose clock stands still."""

    def __init__(self, *arguments: str) -> None:
        serve = ("serve", "--with-parent", "--clock", "manual", *arguments)
        self._process = popen("oncall_tui.simulator", *serve, stdin=PIPE)
        assert self._process.stdout is not None
        self.told: dict[str, Any] = json.loads(self._process.stdout.readline())
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def close(self) -> None:
        """It ends when its stdin does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.lift()  # what hangs is let go
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(5)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One call of the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.told['control']}/_drill/{path}", data=data, method=method)
        with self._open(request, timeout=5) as answer:
            return json.load(answer)

    def fault(self, kind: str, source: str, **more: object) -> None:
        self.control("POST", "faults", {"kind": kind, "source": source, **more})

    def lift(self) -> None:
        """Take every fault away, and count calls from zero."""
        self.control("DELETE", "faults")
        self.control("POST", "calls/reset")

    def calls(self) -> dict[str, Counter[str]]:
        """Calls so far, by source and operation."""
        return {name: Counter(counted) for name, counted in self.control("GET", "calls")["sources"].items()}

    def config(self, folder: Path) -> Config:
        """The program's configuration: as printed, with a journal in *folder* and a token for the Alertmanager."""
        told = self.told["config"]
        sources = [
            {**s, "bearer_token": {"env": "FAULTS_PROM_TOKEN"}} if s["provider"] == "alertmanager" else s
            for s in told["sources"]
        ]
        text = json.dumps({**told, "sources": sources, "journal": str(folder / "journal.db")})
        return bootstrap.load_config_text(text, "drill")


class Rig:
    """An engine: polls are counted, and every update that a screen would have been given is kept."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.history: list[Update] = []
        self._begun: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._lock = threading.Condition()
        engine._listeners.add(lambda: self.history.append(engine.update))
        for name, poller in engine._pollers.items():
            self._begun[name] = self._ended[name] = 0
            poller._poll = self._counted(name, poller._poll)  # type: ignore[method-assign]

    def _counted(self, name: str, poll: Callable[[ReadRequest], float]) -> Callable[[ReadRequest], float]:
        def counted(request: ReadRequest) -> float:
            with self._lock:
                self._begun[name] += 1
            try:
                return poll(request)
            finally:
                with self._lock:
                    self._ended[name] += 1
                    self._lock.notify_all()

        return counted

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(self, names: Iterable[str] = (), request: ReadRequest | None = None) -> dict[str, int]:
        """Ask for a poll of each source; what to hand to ``polled``. Without *request*: the engine's own refresh."""
        targets = {}
        for name in names or self.engine.sources:
            with self._lock:
                targets[name] = self._begun[name] + 1
            if request is None:
                self.engine.refresh(name)
            else:
                self.engine._pollers[name].ask(request)
        return targets

    def polled(self, targets: dict[str, int], timeout_s: float = PATIENCE_S) -> None:
        """Wait until those polls are over and the board shows what came of them."""
        with self._lock:
            over = self._lock.wait_for(lambda: all(self._ended[n] >= at for n, at in targets.items()), timeout_s)
            assert over, f"no poll within {timeout_s} s: {targets}, ended {self._ended}"
        wait_for(lambda: all(self._shown(name) for name in targets), "the board shows the polls")

    def poll(self, names: Iterable[str] = (), request: ReadRequest | None = None) -> Update:
        """Poll each source once more, and wait for the board."""
        self.polled(self.ask(names, request))
        return self.update

    def _shown(self, name: str) -> bool:
        seen = self.engine._pollers[name].seen
        shown = self.update.board.sources[name]
        if seen.error_state is not None:
            return (shown.state, shown.message) == (seen.error_state, seen.message)
        return seen.reading is not None and shown.read_at == seen.reading.at

    # --- looking ------------------------------------------------------------------------------------------------------

    @property
    def update(self) -> Update:
        return self.engine.update

    def source(self, name: str) -> SourceStatus:
        return self.update.board.sources[name]

    def wait(self, until: Callable[[Update], bool], what: str, timeout_s: float = PATIENCE_S) -> Update:
        assert self.engine.wait(until, timeout_s), f"not within {timeout_s} s: {what}; {words(self.update)}"
        return self.update

    def all_ok(self) -> Update:
        """Wait until every source is read well."""
        return self.wait(
            lambda u: u.board.live == len(self.engine.sources) and not self._pending(), "every source is read well"
        )

    def _pending(self) -> bool:
        """Is there more to read of what is known already: revisions, definitions, why tasks stopped?"""
        readers = (getattr(poller.provider, "_reader", None) for poller in self.engine._pollers.values())
        return any(reader._deploys.pending for reader in readers if reader is not None)


@contextmanager
def started(world: World, folder: Path, clock: Clock | None = None) -> Iterator[Rig]:
    """The program's own engine over *world*, running."""
    rig = Rig(bootstrap.make_engine(world.config(folder), clock=clock))
    rig.engine.start()
    try:
        yield rig
    finally:
        rig.engine.stop()


def wait_for(ready: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Look until it is so."""
    end = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


def words(update: Update) -> str:
    """How every source is, in a line, for a failed assertion."""
    return "; ".join(f"{s.name} {s.state} {s.message}" for s in update.board.sources.values())


def rows_of(board: Board, source: str) -> dict[str, object]:
    """The rows of one source by id, but for when they were read."""
    found: dict[str, object] = {a.id: a for a in board.alerts.values() if a.source == source}
    services = (s for s in board.services.values() if s.source == source)
    found |= {s.id: msgspec.structs.replace(s, read_at=0.0) for s in services}
    return found | {d.id: d for d in board.deploys.values() if d.source == source}
