"""One race: what it is made of, by its seed alone; and how an engineer goes through it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from oncall_tui.actions.desk import Desk, Side
from oncall_tui.actions.recall import recall
from oncall_tui.clock import FakeClock
from oncall_tui.contract import ActionHandler, Context, ReadRequest, Receipt
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.domain.plan import Actor, Ask, Plan
from oncall_tui.drill.opened import open_world
from oncall_tui.errors import ActionError, SourceError
from oncall_tui.journal import Journal
from oncall_tui.providers.aws.ecs import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from tests.races.others import Deed, Moment, Others, moment
from tests.races.truth import BAD, PATH, Served, Truth
from tests.races.wire import InProcess, Line, OverHttp, Sent
from tests.support.fakes import InlineLane

ALICE = Actor("Alice", "alice@example.com")
STEADY_S = 60.0
PRESSES = 3
LOOK_S = 30.0  # how often the engineer looks whether the way back waits for an answer
LONGEST_S = 5400.0  # by then every deploy here has ended, whatever it waits for
KINDS = (
    "nothing",
    "completes",
    "stop lost",
    "second stop",
    "second, same",
    "second, other",
    "new deploy",
    "bad again",
    "R twice",
    "throttled",
    "read hangs",
    "write hangs",
    "write arrives late",
    "write cut off",
    "500 after effect",
    "500 before effect",
    "denied",
    "outage",
    "breaker",
    "hook",
)
STRATEGIES = ("ROLLING", "BLUE_GREEN", "CANARY", "LINEAR", "CODE_DEPLOY")
WEIGHTS = (40, 20, 15, 10, 15)


class Race(NamedTuple):
    """What a seed stands for."""

    seed: int
    kind: str
    strategy: str
    http: bool
    on_deploy: bool  # R on the deploy's row, or on the service's
    pressed_s: float  # after the bad deploy began
    stale_s: float  # between the look at the board and R
    looks_s: float  # between the plan and its confirm
    deeds: tuple[Deed, ...]
    faults: tuple[dict[str, Any], ...]
    scenario: dict[str, Any]
    ends: dict[str, Any] = {}
    late_s: float | None = None
    twice: str = ""
    outage_s: float = 0.0


def made(seed: int, http: bool = False) -> Race:
    """The race of a seed: nothing else goes into it."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    (strategy,) = rng.choices(STRATEGIES, WEIGHTS)
    if kind == "hook":
        (strategy,) = rng.choices(STRATEGIES[1:4])
    begins = rng.choice((rng.uniform(2, 25), rng.uniform(2, 90), rng.uniform(60, 700)))
    parts: dict[str, Any] = {"deeds": (), "faults": ()} | _trouble(kind, strategy, rng)
    if rng.random() < 0.25:  # a second trouble beside
        more = _trouble(rng.choice([k for k in KINDS if k not in ("denied", "breaker", "hook", kind)]), strategy, rng)
        parts = {**more, **parts, **{k: (*parts[k], *more.get(k, ())) for k in ("deeds", "faults")}}
    return Race(
        seed=seed,
        kind=kind,
        strategy=strategy,
        http=http,
        on_deploy=rng.random() < 0.5,
        pressed_s=begins,
        stale_s=rng.choice((0.5, rng.uniform(0, 5), rng.uniform(0, 15))),
        looks_s=rng.choice((1.0, rng.uniform(1, 10), rng.uniform(5, 45))),
        scenario=_scenario(kind, strategy, rng),
        **parts,
    )


def _trouble(kind: str, strategy: str, rng: random.Random) -> dict[str, Any]:
    when = moment(rng)
    fault: dict[str, Any] = {"source": "prod", "count": rng.choice((1, 1, 2)), "skip": 0}
    write = {**fault, "writes_only": True}
    read = {**fault, "count": rng.randint(1, 3), "skip": rng.randint(0, 15)}
    match kind:
        case "completes":
            return {"deeds": (Deed(when, "complete"),)}
        case "stop lost":
            ends = rng.choice(("SUCCESSFUL", "SUCCESSFUL", "STOPPED", "ROLLBACK_FAILED"))
            return {"ends": {"service": PATH, "ends": ends, "after_s": rng.uniform(0.5, 6)}}
        case "second stop":
            return {"deeds": (Deed(when, "stop"),)}
        case "second, same":
            return {"deeds": (Deed(when, "deploy", 41),)}
        case "second, other":
            return {"deeds": (Deed(when, "deploy", 40),)}
        case "new deploy":
            return {"deeds": (Deed(when, "deploy", 43),)}
        case "bad again":
            return {"deeds": (Deed(when, "deploy", BAD),)}
        case "R twice":
            return {"twice": rng.choice(("same plan", "two plans", "R while it goes"))}
        case "throttled":
            return {"faults": ({**rng.choice((read, write)), "kind": "throttle"},)}
        case "read hangs":
            return {"faults": ({**read, "kind": "hang"},)}
        case "write hangs":
            return {"faults": ({**write, "kind": "hang", "after_effect": rng.random() < 0.5},)}
        case "write arrives late":
            return {"late_s": rng.uniform(0.2, 5.0)}
        case "write cut off":
            return {"faults": ({**write, "kind": "truncated"},)}
        case "500 after effect":
            return {"faults": ({**write, "kind": "error500", "after_effect": True},)}
        case "500 before effect":
            return {"faults": ({**write, "kind": "error500"},)}
        case "denied":
            return {"faults": ({**write, "kind": "denied", "count": None},)}
        case "outage":
            return {"outage_s": rng.uniform(15, 240)}
        case "hook":
            answer = rng.choice(("CONTINUE", "ROLLBACK", "", ""))
            return {"deeds": (Deed(when, answer),) if answer else ()}
        case _:
            return {}


def _scenario(kind: str, strategy: str, rng: random.Random) -> dict[str, Any]:
    service: dict[str, Any] = {
        "at": PATH,
        "desired": rng.randint(1, 4),
        "revision": 41,
        "days": 6,
        "image": "v1.8.3",
        "start_s": rng.uniform(2, 15),
        "steady_s": rng.uniform(5, 20),
        "definitions": {
            "39": {"image": "v1.8.1"},
            "40": {"image": "v1.8.2"},
            "42": {"image": "v1.9.0"},
            "43": {"image": "v1.9.1"},
        },
        "history": [
            {"revision": 39, "days": 40},
            {"revision": 40, "days": 20},
            {"revision": 41, "days": 6},
        ],
    }
    if kind == "breaker":
        service["definitions"]["42"]["fails"] = rng.choice(("exit", "oom", "pull"))
        service["breaker"] = {"enable": True, "rollback": rng.random() < 0.7, "threshold": rng.randint(2, 6)}
    if strategy == "CODE_DEPLOY":
        config = rng.choice(("ECSAllAtOnce", "ECSCanary10Percent5Minutes", "ECSLinear10PercentEvery1Minutes"))
        service["controller"] = strategy
        service["codedeploy"] = {
            "config": f"CodeDeployDefault.{config}",
            "wait_minutes": rng.choice((1, 5, 60)),
            "ready_minutes": rng.choice((0, 0, 10)),
        }
    elif strategy != "ROLLING":
        service["strategy"] = {
            "name": strategy,
            "bake_minutes": rng.choice((0, 1, 5)),
            "step_percent": 25,
            "step_bake_minutes": 1,
            "canary_percent": 10,
            "canary_bake_minutes": rng.choice((1, 3)),
            "stage_s": rng.uniform(1, 4),
            "clean_up_stop": rng.choice(("accepted", "refused")),
        }
    if kind == "hook":
        stage = rng.choice(("POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"))
        service["hooks"] = [{"stages": [stage], "type": "PAUSE", "timeout_minutes": 30}]
    return {
        "name": "race",
        "sources": [{"name": "prod", "provider": "ecs", "clusters": ["main"]}],
        "services": [service],
    }


class Watched:
    """The provider's own handler; the race is told of the phase that it is in, and whose plan it is."""

    def __init__(self, handler: ActionHandler, scene: Scene) -> None:
        self._handler, self._scene = handler, scene

    def plan(self, ask: Ask, board: Board) -> Plan:
        self._scene.phase("plan")
        return self._handler.plan(ask, board)

    def check(self, plan: Plan) -> None:
        self._scene.phase("check", plan)
        self._handler.check(plan)

    def send(self, plan: Plan) -> Receipt:
        self._scene.phase("send", plan)
        return self._handler.send(plan)

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        self._scene.phase("verify", plan)
        return self._handler.verify(plan, receipt)


class Said(NamedTuple):
    """A final word of the program (or a refusal to plan), and what was so at that moment."""

    plan: str
    state: str
    message: str
    to: int
    at: float
    served: Served
    was_unknown: bool
    lost: bool  # no answer came to its write


class Scene:
    """Everything of one race: the world, the program around the provider, the engineer."""

    def __init__(self, race: Race, folder: Path) -> None:
        self.race = race
        self.rng = random.Random(race.seed + 1_000_003)
        self.opened = open_world(race.scenario, manual=True, seed=race.seed)
        self.world = self.opened.story.world
        self.clock = FakeClock(self.world.timeline.now())
        self.truth = Truth(self.opened)
        self.others = Others(self.opened, self.truth, race.deeds)
        kind = OverHttp if race.http else InProcess
        self.line: Line = kind(self.opened, self.truth, self.clock, self.rng)
        self.line.near = self._near
        options = EcsOptions(name="prod", provider="ecs", region="ap-northeast-1")
        context = Context(source="prod", actor_name=ALICE.name, actor_email=ALICE.email, clock=self.clock)
        self.provider = EcsProvider(options, context, self.line)
        self.lane = InlineLane(self.clock)
        self.journal = Journal(folder / f"{race.seed}.db", self.clock.now)
        self.desk = self._desk()
        self.board: Board = merge(0, self.clock.now(), (), ())
        self.plans: dict[str, Plan] = {}
        self.said: list[Said] = []
        self.unknown: set[str] = set()
        self.presses = 0
        self._phase, self._calls, self._pressed = "", 0, 0.0
        self._outage: str | None = None
        self._counts: dict[str, int] = {}

    def _desk(self) -> Desk:
        side = Side("prod", self.lane, lambda patience: self, lambda: None)  # type: ignore[arg-type, return-value]
        return Desk(
            {"prod": side},
            self.journal,
            self.clock,
            lambda verb, target: self._board_for(target),
            lambda plan: plan,
            self._told,
            False,
            STEADY_S,
            lambda plan: "",
        )

    def handlers(self) -> Mapping[Verb, Any]:
        """This scene stands where the desk looks for a provider."""
        return {verb: Watched(handler, self) for verb, handler in self.provider.handlers().items()}

    def close(self) -> None:
        self.journal.close(1.0)
        self.line.close()

    # --- what the line tells ---

    def phase(self, name: str, plan: Plan | None = None) -> None:
        if name != self._phase or name == "plan":
            self._calls = self._counts.get(name, 0) if name == "verify" else 0
        self._phase = name
        self.line.plan = plan.id if plan else ""

    def _near(self, operation: str, after: bool) -> None:
        if after:
            if self._phase == "send" and operation == self.plans[self.line.plan].request["operation"]:
                self.others.at("sent", 1)
                self._outage_begins()
            return
        self._calls += 1
        self._counts[self._phase] = self._calls
        self.others.at(self._phase, self._calls)
        self.others.at("at", self.clock.now() - self._pressed if self._pressed else -1.0)

    def _outage_begins(self) -> None:
        if self.race.outage_s and self._outage is None:
            fault = self.world.faults.add({"kind": "hang", "source": "prod", "delay_s": 0.0}, ["prod"])
            self._outage = fault.id
            end = lambda: self.world.faults.remove(fault.id) and None  # noqa: E731
            self.world.timeline.after(self.race.outage_s, end)

    # --- the board ---

    def read(self) -> None:
        """Poll until the service and its deploys are on the board; where nothing answers, the older board stands."""
        for _ in range(40):
            try:
                reading = self.provider.read(ReadRequest())
            except SourceError:
                self.clock.advance(self.provider.interval_s)
                continue
            self.board = merge(1, reading.at, (), (reading,))
            wait = self.provider.interval_s if reading.next_in_s is None else reading.next_in_s
            if wait > 0.05 and PATH in self.board.services:
                return
            self.clock.advance(max(0.01, wait))
        assert PATH in self.board.services, "never read"

    def _board_for(self, target: str) -> Board:
        deploy = self.board.deploys.get(target)
        remembered = recall(self.journal, deploy.service_id if deploy else target, ())
        return msgspec.structs.replace(self.board, recall=remembered)

    def _ask(self) -> Ask:
        mine = sorted((d for d in self.board.deploys.values() if d.service_id == PATH), key=lambda d: -d.started)
        row = mine[0] if mine and self.race.on_deploy else None
        version = row.version if row else (mine[0].version if mine else "")
        return Ask(verb=Verb.ROLL_BACK, target=row.id if row else PATH, version=version, actor=ALICE)

    # --- the engineer ---

    def run(self) -> None:
        """The bad deploy; R, and R again while the bad revision is there; then until nothing moves any more."""
        self.others.do(Deed(Moment("begin", 0), "deploy", BAD))
        self.lane.settle(self.race.pressed_s)
        self.line.sync()
        while self.presses < PRESSES and self._bad_is_there():
            first = self.presses == 0
            self.presses += 1
            self.read()
            self.clock.advance(self.race.stale_s)
            if first:
                self._trouble_begins()
            if self._press(first):
                break
            self.clock.advance(self.rng.uniform(5, 15))
        self._rest()

    def _bad_is_there(self) -> bool:
        """Look for up to two minutes: what goes back by another's hand may fail to."""
        for _ in range(12):
            self.line.sync()
            if self.truth.heads_to() == BAD:
                return True
            if not self.truth.under_way:
                return False
            self.lane.settle(10)
        return False

    def _trouble_begins(self) -> None:
        self._pressed = self.clock.now()
        for fault in self.race.faults:
            self.world.faults.add({**fault, "delay_s": 0.6 if self.race.http else 0.0}, ["prod"])
        if self.race.ends:
            self.others._told({"race": self.race.ends})
        self.line.late_s = self.race.late_s

    def _press(self, first: bool) -> bool:
        """R, the plan, its confirm, and the follow to its final word. Was it done?"""
        asks = [self._ask()] * (2 if first and self.race.twice == "two plans" else 1)
        plans = [plan for plan in map(self._plan, asks) if plan is not None]
        if not plans:
            return False
        self.others.at("looks", 1)
        self.clock.advance(self.race.looks_s)
        self.line.sync()
        for plan in plans:
            self.desk.execute(plan)
        if first and self.race.twice == "same plan":
            self.desk.execute(plans[0])
        if first and self.race.twice == "R while it goes":
            self.lane.settle(self.rng.uniform(0, 20))
            again = self._plan(self._ask())
            if again is not None:
                self.desk.execute(again)
                plans.append(again)
        end, look = self.clock.now() + LONGEST_S, self.clock.now() + LOOK_S
        while not all(self._final(plan) for plan in plans) and self.clock.now() < end:
            self.lane.settle(2.0)
            if self.clock.now() > look:
                look = self.clock.now() + LOOK_S
                self._go_on()
        return any(s.state == "done" for s in self.said)

    def _go_on(self) -> None:
        """C, where the way back itself waits for an answer: at the service's own hook, or before the traffic moves."""
        if not self.truth.waits or self.truth.heads_to() == BAD:
            return
        self.read()
        for row in [d for d in self.board.deploys.values() if d.service_id == PATH and Verb.GO_ON in d.verbs]:
            asked = Ask(verb=Verb.GO_ON, target=row.id, version=row.version, actor=ALICE)
            plan = self._plan(asked)
            if plan is not None:
                self.desk.execute(plan)

    def _final(self, plan: Plan) -> bool:
        return any(s.plan == plan.id for s in self.said)

    def _plan(self, ask: Ask) -> Plan | None:
        future = self.desk.plan(ask)
        self.lane.settle(0.0)
        try:
            plan = future.result(0)
        except ActionError as error:
            if ask.verb is Verb.ROLL_BACK:
                self._say("", error.outcome, error.message, 0)
            return None
        self.plans[plan.id] = plan
        return plan

    def _told(self) -> None:
        for outcome in self.desk.outcomes:
            plan = self.plans.get(outcome.plan_id)
            if plan is None or plan.verb is not Verb.ROLL_BACK or self._final(plan):
                continue
            if outcome.state is OutcomeState.UNKNOWN:
                self.unknown.add(plan.id)
            elif outcome.state.final:
                self._say(plan.id, outcome.state, _words(outcome), _number(plan.request["to"]))

    def _say(self, plan: str, state: str, message: str, to: int) -> None:
        flow_lost = "answer was lost" in message or plan in self.unknown
        said = Said(plan, state, message, to, self.clock.now(), self.truth.served(), plan in self.unknown, flow_lost)
        self.said.append(said)

    def _rest(self) -> None:
        """Nobody does anything any more; what moves comes to its end."""
        for _ in range(int(LONGEST_S / 60)):
            self.lane.settle(60)
            self.line.sync()
            if not self.truth.under_way:
                break
        self.lane.settle(60)
        self.line.sync()

    @property
    def sent(self) -> list[Sent]:
        return self.line.sent


def _words(outcome: Outcome) -> str:
    return f"{outcome.message} ({outcome.hint})" if outcome.hint else outcome.message


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
