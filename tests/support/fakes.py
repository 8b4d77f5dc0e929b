"""A provider, a queue and a journal's path that tests drive by hand: no thread, no sleep, no network."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import msgspec

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Choice, Confirm, Plan
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.revision import Image, Revision
from oncall_tui.domain.service import Health, Service, ServiceKey
from oncall_tui.errors import Refused
from oncall_tui.providers.base import ActionHandler, ReadRequest, Receipt
from oncall_tui.runtime.clock import FakeClock

ALICE = Actor("Alice", "alice@example.com")


class InlineQueue:
    """A queue without a thread: jobs run when ``settle`` is called, later ones when the clock gets there."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def run(self, job: Callable[[], Any], delay_s: float = 0.0) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001 - it is the asker's
                future.set_exception(error)

        heapq.heappush(self._jobs, (self.clock.monotonic() + delay_s, next(self._order), work))
        return future

    def settle(self, seconds: float = 0.0) -> None:
        """Run what is due now and within the next *seconds*, moving the clock from job to job."""
        end = self.clock.monotonic() + seconds
        while self._jobs and self._jobs[0][0] <= end:
            at, _, work = heapq.heappop(self._jobs)
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            work()
        self.clock.advance(max(0.0, end - self.clock.monotonic()))

    def stop(self) -> None:
        self._jobs.clear()


class FakeHandler:
    """An acknowledge over ``FakeProvider.alerts``; ``send_raises`` and ``verdicts`` make it go wrong."""

    def __init__(self, provider: FakeProvider, verb: Verb = Verb.ACKNOWLEDGE) -> None:
        self.provider = provider
        self.verb = verb
        self.sent: list[Plan] = []
        self.send_raises: list[Exception | None] = []
        self.check_raises: list[Exception | None] = []
        self.verdicts: list[Check | Exception] = []
        self.effect_anyway = False

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        return ()

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        return Plan(
            id=f"{ask.verb}-{ask.target}-{next(self.provider.numbers)}",
            verb=ask.verb,
            source=self.provider.source,
            target=ask.target,
            version=ask.version,
            actor=ask.actor,
            made_at=self.provider.clock.now(),
            title=f"{ask.verb} {ask.target}",
            confirm=Confirm.NONE,
            request={"target": ask.target},
        )

    def check(self, plan: Plan) -> None:
        if self.check_raises and (error := self.check_raises.pop(0)):
            raise error
        current = self.provider.alerts.get(plan.target)
        if current is None:
            raise Refused("it is gone")
        if current.version != plan.version:
            raise Refused(f"moved: it is {current.state} now")

    def send(self, plan: Plan) -> Receipt:
        error = self.send_raises.pop(0) if self.send_raises else None
        if error is None or self.effect_anyway:
            self.sent.append(plan)
            alert = self.provider.alerts[plan.target]
            acknowledged = msgspec.structs.replace(alert, state=AlertState.ACKNOWLEDGED, by=(plan.actor.name,))
            self.provider.alerts[plan.target] = acknowledged
        if error is not None:
            raise error
        return Receipt({"id": f"receipt-{len(self.sent)}"})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        if self.verdicts:
            verdict = self.verdicts.pop(0)
            if isinstance(verdict, Exception):
                raise verdict
            return verdict
        alert = self.provider.alerts.get(plan.target)
        if alert is not None and alert.state is AlertState.ACKNOWLEDGED:
            return Check(OutcomeState.DONE, f"acknowledged by {alert.by[0]}")
        return Check(OutcomeState.FAILED, "it is not acknowledged", absent=True)


class Confirmed(FakeHandler):
    """A handler whose plans want a confirm; *picks* is what there is to pick from, or the error instead."""

    def __init__(self, provider: FakeProvider, verb: Verb, **plan: Any) -> None:
        super().__init__(provider, verb)
        self.fields = plan
        self.asked: list[ActionRequest] = []
        self.plan_raises: list[Exception | None] = []
        self.picks: tuple[Choice, ...] | Exception = (
            Choice("level:2", "level 2: Bob", default=True),
            Choice("level:3", "level 3: Carol"),
        )

    def choices(self, target: str, board: object) -> tuple[Choice, ...]:
        if isinstance(self.picks, Exception):
            raise self.picks
        return self.picks

    def plan(self, ask: ActionRequest, board: Any) -> Plan:
        self.asked.append(ask)
        if self.plan_raises and (error := self.plan_raises.pop(0)):
            raise error
        plan = super().plan(ask, board)
        fields: dict[str, Any] = {"confirm": Confirm.YES, "lines": (("to", ask.choice or "x"),), "commands": ("curl",)}
        return msgspec.structs.replace(plan, **{**fields, **self.fields})


class Deploys(Confirmed):
    """A handler of a verb that deploys: what was sent shows nowhere but in ``sent``."""

    def check(self, plan: Plan) -> None:
        if self.check_raises and (error := self.check_raises.pop(0)):
            raise error

    def send(self, plan: Plan) -> Receipt:
        self.sent.append(plan)
        return Receipt({})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        if self.verdicts:
            verdict = self.verdicts.pop(0)
            if isinstance(verdict, Exception):
                raise verdict
            return verdict
        return Check(OutcomeState.PENDING, "rolling back from :42 to :41 3/4", 3.0)


# A plan with everything that can be said of a rollback at once: what has to be read on the smallest screen.
WORST_PLAN: dict[str, Any] = {
    "title": "Roll back prod/payments-api: :42→:41",
    "failing": "2 tasks failed of :42, which is being deployed",
    "lines": (
        ("account", "111111111111 (production)  ap-northeast-1"),
        ("service", "prod-main/payments-api"),
        ("from", ":42  payments:v1.9.0  sha256:9f1c3b7e5a21  2/4 running, 2 tasks failed, deploying for 3m"),
        ("to", ":41  payments:v1.8.3  sha256:77ab01c4e9d8  stable until 3m ago, for 6d"),
        ("changes", "image payments:v1.9.0 → payments:v1.8.3 · memory 512 → 1024 · environment −FEATURE_X +LEDGER_URL"),
        ("API call", "ecs StopServiceDeployment(ROLLBACK) on the deploy in progress"),
        ("not restored", "load balancers, Service Connect, volumes, which differ and stay as they are"),
        ("afterwards", "CI or IaC may deploy :42 again: tell its owners, revert it there"),
    ),
    "warnings": (
        "v2 migrates the ledger: ask #team-payments first",
        "a deploy is under way, and stopping it restores :43: this starts :41 in its place",
        "both name payments:v1.9.0, which had another digest then: ECS starts what it means now, not the old image",
        "p99 latency is high began 41m before this deploy did",
        "multi-service: 7 services of 4 products fire since 02:11, probably not one deploy; a rollback replaces "
        "running tasks while something else may be down",
        "prod/prod-main/payments-jobs of the same product is deploying too (:7→:8)",
        ":41 ran 40m only",
        ":41 1 alert began within an hour of its deploy: p99 latency is high",
    ),
    "commands": ("aws ecs stop-service-deployment --stop-type ROLLBACK",),
}
REVISIONS = (
    Choice("arn:41", ":41", "ran 6d, until 3m ago · payments:v1.8.3", default=True),
    Choice("arn:42", ":42", "ran 41m, until 2h ago", warning="ran under an hour, and 2 alerts began in it"),
    Choice("arn:40", ":40", "never seen running", warning="never seen running: history covers 90 days"),
)


class FakeProvider:
    """A source in memory. ``read_raises`` fails the next reads."""

    provider = "fake"
    interval_s = 10.0
    stale_after_s = 30.0
    login: tuple[str, ...] = ()
    banner = ""

    def __init__(self, source: str = "fake", clock: FakeClock | None = None) -> None:
        self.source = source
        self.clock = clock or FakeClock()
        self.numbers = itertools.count(1)
        self.alerts: dict[str, Alert] = {}
        self.services: dict[str, Service] = {}
        self.deploys: dict[str, Deploy] = {}
        self.read_raises: list[Exception | None] = []
        self.reads: list[ReadRequest] = []
        self.acknowledge = FakeHandler(self)
        self.renewed = 0

    def read(self, request: ReadRequest) -> Reading:
        self.reads.append(request)
        if self.read_raises and (error := self.read_raises.pop(0)):
            raise error
        return Reading(
            source=self.source,
            at=self.clock.now(),
            alerts=tuple(self.alerts.values()),
            services=tuple(self.services.values()),
            deploys=tuple(self.deploys.values()),
            calls=1,
        )

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        return {Verb.ACKNOWLEDGE: self.acknowledge}

    def renew(self) -> None:
        self.renewed += 1

    def close(self) -> None:
        pass

    def add(self, name: str, **fields: Any) -> Alert:
        found = alert(f"{self.source}/{name}", source=self.source, **fields)
        self.alerts[found.id] = found
        return found


class Able(FakeProvider):
    """A provider that can do everything."""

    def __init__(self, source: str = "fake") -> None:
        super().__init__(source)
        self.all: dict[Verb, Any] = {v: (Deploys if v in FOLLOWED else Confirmed)(self, v) for v in Verb}
        self.all[Verb.ACKNOWLEDGE] = self.acknowledge
        self.all[Verb.ROLL_BACK].picks = REVISIONS

    def handlers(self) -> Any:
        return self.all

    def add(self, name: str, **fields: Any) -> Any:
        return super().add(name, **{"verbs": frozenset(Verb), **fields})


def alert(alert_id: str = "fake/a", **fields: Any) -> Alert:
    """An alert with sensible fields."""
    source, _, native = alert_id.partition("/")
    values: dict[str, Any] = {
        "id": alert_id,
        "source": source,
        "provider": "fake",
        "native_id": native,
        "state": AlertState.FIRING,
        "severity": Severity.WARNING,
        "title": f"title of {native}",
        "began": 1_799_999_000.0,
        "verbs": frozenset({Verb.ACKNOWLEDGE}),
        "hint": ServiceHint(),
    }
    return Alert(**{**values, **fields})


def revision(number: int, **fields: Any) -> Revision:
    arn = f"arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:{number}"
    return Revision(task_definition=arn, images=(Image("app", f"registry.example/api:v{number}"),), **fields)


def service(service_id: str = "prod/main/api", **fields: Any) -> Service:
    source, cluster, name = service_id.split("/")
    values: dict[str, Any] = {
        "id": service_id,
        "source": source,
        "key": ServiceKey("111111111111", "ap-northeast-1", cluster, name),
        "health": Health.HEALTHY,
        "desired": 2,
        "running": 2,
        "pending": 0,
        "revision": revision(42),
        "read_at": 1_800_000_000.0,
        "verbs": frozenset({Verb.ROLL_BACK}),
    }
    return Service(**{**values, **fields})


def deploy(deploy_id: str = "prod/d1", service_id: str = "prod/main/api", **fields: Any) -> Deploy:
    values: dict[str, Any] = {
        "id": deploy_id,
        "source": deploy_id.partition("/")[0],
        "native_id": deploy_id.partition("/")[2],
        "service_id": service_id,
        "state": DeployState.IN_PROGRESS,
        "old": revision(41),
        "new": revision(42),
        "started": 1_799_999_900.0,
        "desired": 2,
        "running": 1,
    }
    return Deploy(**{**values, **fields})
