"""The line between the program and the simulated world, on one clock: in this process, or over real HTTP with botocore.

Both move the world to the program's time before each call, tell the race of each call (so that others may act just
before it), and note of each write what it did there, whatever was answered.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import JSONParser

from oncall_tui.providers.aws.client.session import RAW, READ_S, Sessions
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.server.http import Delivery
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer
from oncall_tui.simulator.services.aws.endpoint import WRITES
from oncall_tui.simulator.start import RunningWorld
from tests.races.truth import Truth

CODE_DEPLOY = frozenset(
    {
        "BatchGetDeployments",
        "BatchGetDeploymentTargets",
        "ContinueDeployment",
        "CreateDeployment",
        "GetApplicationRevision",
        "BatchGetApplicationRevisions",
        "GetDeployment",
        "GetDeploymentGroup",
        "GetDeploymentTarget",
        "ListDeployments",
        "ListDeploymentGroups",
        "ListDeploymentTargets",
        "ListApplications",
        "StopDeployment",
    }
)
SCALING = frozenset({"DescribeScalingActivities"})
TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "codedeploy": "CodeDeploy_20141006",
    "scaling": "AnyScaleFrontendService",
}
CLIENTS = {"ecs": "ecs", "codedeploy": "codedeploy", "scaling": "application-autoscaling"}


class Sent(NamedTuple):
    """One write of the program, by the world's truth. *deploy* is what it started or changed; empty: it did nothing."""

    plan: str
    operation: str
    at: float
    deploy: str


class Line:
    """What both lines share. *near* is called before each call and after each write, with its operation."""

    def __init__(self, opened: RunningWorld, truth: Truth, clock: FakeClock, rng: random.Random) -> None:
        self.opened, self.truth, self.clock, self.rng = opened, truth, clock, rng
        self.near: Callable[[str, bool], None] = lambda operation, after: None
        self.plan = ""  # whose write it would be
        self.sent: list[Sent] = []
        self.lost: set[str] = set()  # plans whose write got no answer, or none that says what came of it
        self.late_s: float | None = None  # the next write gets there so much after the program gave up on it
        self._at = clock.now()

    def sync(self) -> None:
        """Bring the world to the program's time."""
        with self.opened.story.world.lock:
            timeline = self.opened.story.world.timeline
            timeline.forward(max(0.0, self.clock.at - self._at))
            self._at = max(self._at, self.clock.at)
            timeline.advance()

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        self.clock.advance(self.rng.uniform(0.02, 0.3))
        self.sync()
        self.near(operation, False)
        try:
            return self.noted(operation, params) if operation in WRITES else self.call(operation, params)
        except ReadTimeoutError:
            self.clock.advance(READ_S)
            raise
        finally:
            self.near(operation, True)

    def noted(self, operation: str, params: dict[str, Any]) -> bytes:
        if self.late_s is not None:
            self._late(operation, params, self.late_s)
        before = self.truth.mark()
        try:
            return self.call(operation, params)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                self.lost.add(self.plan)
            raise
        except (ReadTimeoutError, ConnectionClosedError):
            self.lost.add(self.plan)
            raise
        finally:
            self._note(operation, before, self.plan)

    def _note(self, operation: str, before: dict[str, object], plan: str) -> None:
        self.sent.append(Sent(plan, operation, self.clock.at, self.truth.changed(before)))
        self.truth.ours(self.sent[-1].deploy)

    def _late(self, operation: str, params: dict[str, Any], late_s: float) -> None:
        """It hangs on the way: the program's time runs out, and then it arrives after all."""
        self.late_s, plan, world = None, self.plan, self.opened.story.world
        self.lost.add(plan)

        def arrives() -> None:
            before = self.truth.mark()
            world.peers["prod"].handle(request(operation, params))
            self._note(operation, before, plan)

        world.timeline.after(READ_S + late_s, arrives)
        raise ReadTimeoutError(endpoint_url="in this process")

    def call(self, operation: str, params: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        self.opened.close()


def _kind(operation: str) -> str:
    return "codedeploy" if operation in CODE_DEPLOY else "scaling" if operation in SCALING else "ecs"


def request(operation: str, params: dict[str, Any]) -> Request:
    """An AWS JSON 1.1 call as it is on the wire."""
    target = TARGETS[_kind(operation)]
    headers = {"x-amz-target": f"{target}.{operation}", "authorization": "drill"}
    return Request("POST", "/", {}, headers, json.dumps(params).encode())


class InProcess(Line):
    """Calls into the drill's own handler; what it would deliver is raised as botocore raises it."""

    def call(self, operation: str, params: dict[str, Any]) -> bytes:
        delivery: Delivery = self.opened.story.world.deliver("prod", request(operation, params))
        if delivery.silent and delivery.wait is not None:
            raise ReadTimeoutError(endpoint_url="in this process")
        if delivery.silent or delivery.cut:
            raise ConnectionClosedError(endpoint_url="in this process")
        assert b"UnknownOperation" not in delivery.answer.body, operation
        if delivery.answer.status >= 300:
            raise ClientError(_parsed(delivery.answer), operation)
        return delivery.answer.body


def _parsed(answer: SimulatedAnswer) -> Any:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return JSONParser().parse({"headers": headers, "body": answer.body, "status_code": answer.status}, None)


class OverHttp(Line):
    """The program's own clients, over a real connection to the drill's server."""

    def __init__(self, opened: RunningWorld, truth: Truth, clock: FakeClock, rng: random.Random) -> None:
        super().__init__(opened, truth, clock, rng)
        url = opened.told["endpoints"]["prod"]
        self._sessions = Sessions(EcsOptions(name="prod", provider="ecs", region="ap-northeast-1", endpoint_url=url))

    def call(self, operation: str, params: dict[str, Any]) -> bytes:
        client = self._sessions.client(CLIENTS[_kind(operation)])
        raw: bytes = getattr(client, xform_name(operation))(**params)[RAW]
        return raw

    def close(self) -> None:
        self._sessions.close()
        super().close()
