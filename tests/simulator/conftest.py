"""A simulated world in this process, on a clock that the test moves."""

import json
import select
from collections.abc import Callable, Iterator
from email.message import Message
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from oncall_tui.simulator.scenarios.reader import load, parse
from oncall_tui.simulator.start import RunningWorld, open_world

PAYMENTS = "prod/prod-main/payments-api"
_ECS = "AmazonEC2ContainerServiceV20141113"
_CODEDEPLOY = "CodeDeploy_20141006"
_LOGS = "Logs_20140328"
_CLOUDWATCH = "GraniteServiceVersion20100801"


class Drill:
    """What a test does to a world, all of it over the wire."""

    def __init__(self, opened: RunningWorld) -> None:
        self.opened = opened
        self.endpoints: dict[str, str] = opened.told["endpoints"]
        self._lines: dict[str, HTTPConnection] = {}  # kept open: some tests make thousands of calls

    def close(self) -> None:
        for line in self._lines.values():
            line.close()
        self.opened.close()

    def _call(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """One exchange, never repeated, over a connection that the other side has not closed."""
        where = urlsplit(url)
        line = self._lines.get(where.netloc)
        if line is None or line.sock is None or select.select([line.sock], [], [], 0)[0]:
            if line is not None:
                line.close()
            line = self._lines[where.netloc] = HTTPConnection(where.netloc, timeout=5)
        try:
            line.request(method, where.path or "/", data, headers)
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            line.close()
            raise

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One call of the control API."""
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.opened.told['control']}/_drill/{path}"
        status, answer = self._call(method, url, data, {})
        if status >= 400:
            raise HTTPError(url, status, answer.decode(), Message(), BytesIO(answer))
        return json.loads(answer)

    def advance(self, seconds: float) -> None:
        self.control("POST", "advance", {"s": seconds})

    def state(self) -> Any:
        return self.control("GET", "state")

    def service(self, path: str = PAYMENTS) -> Any:
        return self.state()["services"][path]

    def do(self, **event: object) -> None:
        self.control("POST", "do", {"event": event})

    def fault(self, kind: str, source: str = "*", **more: object) -> str:
        return str(self.control("POST", "faults", {"source": source, "kind": kind, **more})["id"])

    def raw(self, source: str, operation: str, body: object, signed: bool = True, api: str = "") -> tuple[int, Any]:
        """One AWS JSON call, and its answer as it came."""
        target = {"codedeploy": _CODEDEPLOY, "logs": _LOGS}.get(api) or (_CLOUDWATCH if source == "alarms" else _ECS)
        headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        if signed:
            headers["Authorization"] = "drill"
        status, answer = self._call("POST", self.endpoints[source], json.dumps(body).encode(), headers)
        return status, json.loads(answer)

    def client(self, source: str, service: str = "ecs", timeout: float = 5.0) -> Any:
        """A boto3 client that makes one attempt."""
        return boto3.client(
            service,
            endpoint_url=self.endpoints[source],
            region_name="ap-northeast-1",
            aws_access_key_id="drill",
            aws_secret_access_key="drill",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=timeout, connect_timeout=2),
        )


@pytest.fixture
def make_drill() -> Iterator[Callable[..., Drill]]:
    """Open a world by a shipped scenario's name, or by a scenario's text."""
    held: list[Drill] = []

    def make(scenario: str = "quiet", **more: Any) -> Drill:
        table = parse(scenario, "test.yaml") if "\n" in scenario else load(scenario)
        held.append(Drill(open_world(table, manual=True, **more)))
        return held[-1]

    yield make
    for drill in held:
        drill.close()


@pytest.fixture
def drill(make_drill: Callable[..., Drill]) -> Drill:
    """The quiet world."""
    return make_drill()
