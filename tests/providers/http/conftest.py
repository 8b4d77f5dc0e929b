"""Fixtures for the HTTP providers: a real Alertmanager on loopback, and a board of what was read."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import ActionHandler, Context, Provider, ReadRequest, Receipt
from oncall_tui.runtime.clock import FakeClock, SystemClock

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n"


class RealAlertmanager:
    """A running server, asked directly: what the provider says is compared with what the server says."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = process
        self.http = httpx.Client(base_url=url + "/api/v2", trust_env=False)

    def fire(self, *labels: dict[str, str], annotations: dict[str, str] | None = None) -> None:
        """Post alerts as Prometheus does."""
        now = datetime.now(UTC).isoformat()
        body = [{"labels": each, "annotations": annotations or {}, "startsAt": now} for each in labels]
        self.http.post("/alerts", json=body).raise_for_status()

    def alerts(self, **params: str) -> list[dict[str, Any]]:
        """What it lists itself."""
        answer: list[dict[str, Any]] = self.http.get("/alerts", params=params).raise_for_status().json()
        return answer

    def silences(self) -> list[dict[str, Any]]:
        """What it lists itself, ended ones too."""
        answer: list[dict[str, Any]] = self.http.get("/silences").raise_for_status().json()
        return answer

    def silence(self, by: str, comment: str, seconds: float, **labels: str) -> str:
        """Make one as somebody else would."""
        now = time.time()
        body = {
            "matchers": [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in labels.items()],
            "startsAt": datetime.fromtimestamp(now, UTC).isoformat(),
            "endsAt": datetime.fromtimestamp(now + seconds, UTC).isoformat(),
            "createdBy": by,
            "comment": comment,
        }
        made: str = self.http.post("/silences", json=body).raise_for_status().json()["silenceID"]
        return made

    def wait(self, ready: Callable[[], bool], seconds: float = 10.0) -> None:
        """Ask until it is so."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, "the Alertmanager never got there"
            time.sleep(0.02)

    def up(self) -> bool:
        try:
            return self.http.get("/status").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End the process that was started here."""
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[RealAlertmanager]:
    """A fresh one, on a free loopback port."""
    if BINARY is None:
        pytest.skip("no prometheus-alertmanager here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG)
    process = subprocess.Popen(
        [
            BINARY,
            f"--config.file={config}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = RealAlertmanager(f"http://127.0.0.1:{port}", process)
    try:
        server.wait(server.up)
        yield server
    finally:
        server.http.close()
        if process.poll() is None:
            server.stop()


class Desk:
    """Alice at a real Alertmanager: the provider, what its board has, and each verb from plan to outcome."""

    def __init__(self, server: RealAlertmanager, context: Context, actor: Actor) -> None:
        self.server, self.actor = server, actor
        options = AlertmanagerOptions(name="prom", provider="alertmanager", url=server.url)
        self.provider: AlertmanagerProvider = build(options, context)

    def board(self) -> Board:
        reading = self.provider.read(ReadRequest())
        return merge(1, reading.at, (), (reading,))

    def row(self, board: Board, **labels: str) -> Alert:
        """The one row whose labels are as given."""
        return one_row(board, **labels)

    def ask(self, verb: Verb, row: Alert, **more: Any) -> ActionRequest:
        return ActionRequest(verb=verb, target=row.id, version=row.version, actor=self.actor, **more)

    def handler(self, verb: Verb) -> ActionHandler:
        return self.provider.handlers()[verb]

    def act(self, asked: ActionRequest, board: Board) -> tuple[Plan, Receipt, Check]:
        """Plan, check, send, and verify until it is no longer pending."""
        handler = self.handler(asked.verb)
        plan = handler.plan(asked, board)
        handler.check(plan)
        receipt = handler.send(plan)
        end = time.monotonic() + 12
        while (check := handler.verify(plan, receipt)).state is OutcomeState.PENDING and time.monotonic() < end:
            time.sleep(0.05)
        return plan, receipt, check


@pytest.fixture
def desk(alertmanager: RealAlertmanager, real_context: Context, alice: Actor) -> Iterator[Desk]:
    made = Desk(alertmanager, real_context, alice)
    yield made
    made.provider.close()


def one_row(board: Board, **labels: str) -> Alert:
    """The one row of *board* whose labels are as given."""
    found = [a for a in board.alerts.values() if all(a.label(k) == v for k, v in labels.items())]
    assert len(found) == 1, f"{len(found)} rows have {labels}"
    return found[0]


@pytest.fixture
def alice() -> Actor:
    return Actor(name="Alice", email="alice@example.com")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_000.0)


@pytest.fixture
def context(clock: FakeClock) -> Context:
    return Context(source="prom", actor_email="alice@example.com", clock=clock)


@pytest.fixture
def real_context() -> Context:
    return Context(source="prom", actor_email="alice@example.com", clock=SystemClock())


@pytest.fixture
def board_of() -> Callable[[Provider], Board]:
    """Reads a provider once and makes a board of it."""

    def read(provider: Provider) -> Board:
        reading = provider.read(ReadRequest())
        return merge(1, reading.at, (), (reading,))

    return read


@pytest.fixture
def row() -> Callable[..., Alert]:
    """The one row of a board whose labels are as given."""
    return one_row
